//! `/v1/login/device`: signing a device in through a browser, as RFC 8628 has it.

use axum::extract::State;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use rolltop_api_types::{
    ApiKeyCreated, DecideDeviceLogin, DeviceCode, DeviceLogin, DeviceRequest, Problem, StartDeviceLogin,
    UserCode,
};
use rolltop_control::Control;

use crate::convert;
use crate::extract::{Answer, Asking, Json, ok};
use crate::gate::address;
use crate::problems::ApiError;

/// The web tier's page.
const PAGE: &str = "/login/device";

/// Sign a device in
///
/// For a program without a browser: it shows `user_code` and `verification_url` to its person, who types the
/// code there and allows it, and meanwhile asks for its key every `interval` seconds.
#[utoipa::path(post, path = "/v1/login/device", tag = "account", operation_id = "startDeviceLogin",
    request_body = StartDeviceLogin,
    responses(
        (status = 200, description = "The codes.", body = DeviceLogin),
        (status = 422, description = "`invalid_name`, `unknown_field`, `invalid_body`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn start(
    State(control): State<Control>,
    headers: HeaderMap,
    Json(client): Json<StartDeviceLogin>,
) -> Result<Answer<DeviceLogin>, ApiError> {
    let from = address(&headers).map(|address| address.to_string());
    let login = control.start_device_login(&client.client_name, from.as_deref()).await?;
    Ok(ok(DeviceLogin {
        device_code: login.device_code,
        user_code: login.user_code,
        verification_url: page(&headers),
        interval: login.pause.as_secs(),
        expires_in: login.age.as_secs(),
    }))
}

/// The device's key
///
/// Once a person has allowed the device, its key, with the name the device gave itself; shown this once.
#[utoipa::path(post, path = "/v1/login/device/token", tag = "account", operation_id = "getDeviceKey",
    request_body = DeviceCode,
    responses(
        (status = 200, description = "The key.", body = ApiKeyCreated),
        (status = 400, description = "`authorization_pending`, `slow_down`, `access_denied`, `expired_token`",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`quota_reached`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`unknown_field`, `invalid_body`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn token(
    State(control): State<Control>,
    Json(device): Json<DeviceCode>,
) -> Result<Answer<ApiKeyCreated>, ApiError> {
    let (key, token) = control.device_key(&device.device_code).await?;
    Ok(ok(ApiKeyCreated { key: convert::api_key(key), token }))
}

/// Which device asks
///
/// What waits under a code, and all that it would get. Only for a person with a session, who is shown
/// it before deciding.
#[utoipa::path(post, path = "/v1/login/device/request", tag = "account", operation_id = "getDeviceRequest",
    request_body = UserCode,
    responses(
        (status = 200, description = "What asks.", body = DeviceRequest),
        (status = 404, description = "`no_such_code`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`not_a_person`, `unknown_field`, `invalid_body`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn request(
    State(control): State<Control>,
    asking: Asking,
    Json(code): Json<UserCode>,
) -> Result<Answer<DeviceRequest>, ApiError> {
    Ok(ok(convert::device_request(control.device_request(&asking.caller, &code.user_code).await?)))
}

/// Allow or deny a device
///
/// Only for a person with a session.
#[utoipa::path(post, path = "/v1/login/device/decision", tag = "account", operation_id = "decideDeviceLogin",
    request_body = DecideDeviceLogin,
    responses(
        (status = 204, description = "The device hears of it when it asks next."),
        (status = 404, description = "`no_such_code`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`not_a_person`, `unknown_field`, `invalid_body`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn decide(
    State(control): State<Control>,
    asking: Asking,
    Json(decision): Json<DecideDeviceLogin>,
) -> Result<StatusCode, ApiError> {
    control.decide_device_login(&asking.caller, &decision.user_code, decision.allow).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where the person types the code: the web tier says as which host it was asked.
fn page(headers: &HeaderMap) -> String {
    let host = headers.get("x-forwarded-host").and_then(|host| host.to_str().ok());
    match host.and_then(|host| host.parse::<Authority>().ok()) {
        Some(host) => format!("https://{host}{PAGE}"),
        None => PAGE.to_owned(),
    }
}
