//! `/v1/login/device`: signing a device in through a browser, as RFC 8628 has it.

use http::HeaderMap;
use http::uri::Authority;
use rolltop_api_types::{ApiKeyCreated, DeviceLogin, op};

use crate::call::{Anybody, Call};
use crate::gate::address;
use crate::problems::ApiError;

/// The web tier's page.
const PAGE: &str = "/login/device";

pub(crate) async fn start(mut call: Call<op::StartDeviceLogin, Anybody>) -> Result<DeviceLogin, ApiError> {
    let client = call.body().await?;
    let from = address(call.headers()).map(|address| address.to_string());
    let login = call.control.start_device_login(&client.client_name, from.as_deref()).await?;
    Ok(DeviceLogin {
        device_code: login.device_code,
        user_code: login.user_code,
        verification_url: page(call.headers()),
        interval: login.pause.as_secs(),
        expires_in: login.age.as_secs(),
    })
}

pub(crate) async fn token(mut call: Call<op::GetDeviceKey, Anybody>) -> Result<ApiKeyCreated, ApiError> {
    let device = call.body().await?;
    Ok(call.control.device_key(&device.device_code).await?)
}

/// Where the person types the code: the web tier says as which host it was asked.
fn page(headers: &HeaderMap) -> String {
    let host = headers.get("x-forwarded-host").and_then(|host| host.to_str().ok());
    match host.and_then(|host| host.parse::<Authority>().ok()) {
        Some(host) => format!("https://{host}{PAGE}"),
        None => PAGE.to_owned(),
    }
}
