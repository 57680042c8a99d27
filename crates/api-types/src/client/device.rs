//! Signing a device in.

use http::Method;
use secrecy::SecretString;

use super::{Client, ClientError, json, nothing, with_body};
use crate::{
    ApiKeyCreated, DecideDeviceLogin, DeviceCode, DeviceLogin, DeviceRequest, StartDeviceLogin, UserCode,
};

impl Client {
    /// `POST /v1/login/device`: needs no credential.
    pub async fn start_device_login(&self, client: &StartDeviceLogin) -> Result<DeviceLogin, ClientError> {
        json(with_body(self.request(Method::POST, &["v1", "login", "device"]), client)).await
    }

    /// `POST /v1/login/device/token`: a key, once somebody has allowed it; until then the problem is
    /// `authorization_pending`.
    pub async fn device_key(&self, device_code: &SecretString) -> Result<ApiKeyCreated, ClientError> {
        let code = DeviceCode { device_code: device_code.clone() };
        json(with_body(self.request(Method::POST, &["v1", "login", "device", "token"]), &code)).await
    }

    /// `POST /v1/login/device/request`: what asks under a code that a person has typed.
    pub async fn device_request(&self, code: &UserCode) -> Result<DeviceRequest, ClientError> {
        json(with_body(self.request(Method::POST, &["v1", "login", "device", "request"]), code)).await
    }

    /// `POST /v1/login/device/decision`: the person's answer.
    pub async fn decide_device_login(&self, decision: &DecideDeviceLogin) -> Result<(), ClientError> {
        nothing(with_body(self.request(Method::POST, &["v1", "login", "device", "decision"]), decision)).await
    }
}
