//! Signing a device in.

use secrecy::SecretString;

use super::{Client, ClientError};
use crate::operation::NoQuery;
use crate::{ApiKeyCreated, DeviceCode, op};

impl Client {
    /// `POST /v1/login/device/token`: a key, once somebody has allowed it; until then the problem is
    /// `authorization_pending`.
    pub async fn device_key(&self, device_code: &SecretString) -> Result<ApiKeyCreated, ClientError> {
        let code = DeviceCode { device_code: device_code.clone() };
        self.ask::<op::GetDeviceKey>((), &NoQuery {}, &code).await
    }
}
