//! Canned API keys, and devices that wait.

use axum::extract::{Json, Path, State as Shared};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use rolltop_api_types::{
    ApiKey, ApiKeyCreated, ApiKeyList, Code, CreateApiKey, DecideDeviceLogin, DeviceRequest, Scope, UserCode,
};
use rolltop_model::{ApiKeyId, DesktopId};
use secrecy::SecretString;

use super::routes::{App, Refused, refuse, refuse_field};

/// The code of the one device that waits.
pub const DEVICE_CODE: &str = "BCDFGHJK";
/// What a new key is, always.
pub const NEW_KEY: &str = "rt_0123456789ABCDEFGHIJKLMNOPQRSTUVabcdef";

fn ago(hours: i64) -> Timestamp {
    Timestamp::now().checked_sub(SignedDuration::from_hours(hours)).expect("a time")
}

fn key(number: u128, name: &str, scopes: &[Scope]) -> ApiKey {
    ApiKey {
        id: ApiKeyId::from_u128(number),
        name: name.to_owned(),
        scopes: scopes.to_vec(),
        desktop: None,
        created_at: ago(300),
        expires_at: None,
        used_at: None,
        used_from: None,
    }
}

pub fn canned(only: Option<DesktopId>) -> Vec<ApiKey> {
    let used = |hours, from: &str| (Some(ago(hours)), Some(from.to_owned()));
    let (laptop, nightly) = (used(0, "192.0.2.7"), used(20, "2001:db8:85a3:8d3:1319:8a2e:370:7348"));
    vec![
        ApiKey { used_at: laptop.0, used_from: laptop.1, ..key(1, "rolltop on laptop", Scope::ALL) },
        ApiKey {
            used_at: nightly.0,
            used_from: nightly.1,
            expires_at: Some(ago(-24 * 80)),
            desktop: only,
            ..key(
                2,
                "nightly build",
                &[Scope::DesktopsRead, Scope::FilesRead, Scope::FilesWrite, Scope::Exec],
            )
        },
        ApiKey { expires_at: Some(ago(5)), ..key(3, "workshop", &[Scope::DesktopsRead, Scope::TasksRead]) },
    ]
}

pub async fn list(Shared(state): Shared<App>) -> Json<ApiKeyList> {
    Json(ApiKeyList { items: state.api_keys.lock().expect("no test panicked").clone() })
}

pub async fn create(
    Shared(state): Shared<App>,
    Json(body): Json<CreateApiKey>,
) -> Result<(StatusCode, Json<ApiKeyCreated>), Refused> {
    if body.name.chars().count() > 64 {
        return refuse_field(Code::InvalidName, "name", "A key's name has 1 to 64 characters.");
    }
    let mut keys = state.api_keys.lock().expect("no test panicked");
    let made = ApiKey {
        created_at: Timestamp::now(),
        expires_at: body.expires_at,
        desktop: body.desktop,
        ..key(100 + keys.len() as u128, &body.name, &body.scopes)
    };
    keys.push(made.clone());
    Ok((StatusCode::CREATED, Json(ApiKeyCreated { key: made, token: SecretString::from(NEW_KEY) })))
}

pub async fn revoke(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let mut keys = state.api_keys.lock().expect("no test panicked");
    let before = keys.len();
    keys.retain(|key| key.id.to_string() != id);
    if keys.len() == before {
        return refuse(Code::NotFound, "There is no such key.");
    }
    Ok(StatusCode::NO_CONTENT)
}

fn waits(code: &str) -> bool {
    code.chars().filter(char::is_ascii_alphabetic).collect::<String>().eq_ignore_ascii_case(DEVICE_CODE)
}

pub async fn device_request(Json(body): Json<UserCode>) -> Result<Json<DeviceRequest>, Refused> {
    if !waits(&body.user_code) {
        return refuse_field(Code::NoSuchCode, "user_code", "No device waits under this code.");
    }
    let scopes = Scope::ALL.iter().copied().filter(|scope| !matches!(scope, Scope::Account | Scope::Admin));
    Ok(Json(DeviceRequest {
        client_name: "rolltop on laptop".to_owned(),
        asked_from: Some("192.0.2.7".to_owned()),
        asked_at: Timestamp::now(),
        expires_at: ago(-1),
        scopes: scopes.collect(),
        key_expires_at: ago(-24 * 365),
    }))
}

pub async fn decide(
    Shared(state): Shared<App>,
    Json(body): Json<DecideDeviceLogin>,
) -> Result<StatusCode, Refused> {
    if !waits(&body.user_code) {
        return refuse_field(Code::NoSuchCode, "user_code", "No device waits under this code.");
    }
    state.decisions.lock().expect("no test panicked").push(body.allow);
    Ok(StatusCode::NO_CONTENT)
}
