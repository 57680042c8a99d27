//! Signing a device in through a browser: RFC 8628, with this API's problem documents for errors.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Scope;

/// A device that wants to be signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartDeviceLogin {
    /// What the person is told asks, and the name of its key: 1 to 64 printable characters.
    #[schema(example = "rolltop on laptop")]
    pub client_name: String,
}

/// What the device shows, and asks with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceLogin {
    /// The device's secret; it never shows it.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub device_code: SecretString,
    /// For the person to type on the page; upper or lower case, with or without the hyphen.
    #[schema(example = "BCDF-GHJK")]
    pub user_code: String,
    /// The page. Only its path where the API was asked without a web address.
    #[schema(example = "https://desk.example.org:8443/login/device")]
    pub verification_url: String,
    /// Seconds to wait between two questions; five more after each `slow_down`.
    #[schema(example = 5)]
    pub interval: u64,
    /// Seconds until both codes are of no use any more.
    #[schema(example = 600)]
    pub expires_in: u64,
}

/// The device asks whether it has been allowed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceCode {
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub device_code: SecretString,
}

/// A person has typed a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserCode {
    #[schema(example = "BCDF-GHJK")]
    pub user_code: String,
}

/// What asks, and what it would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceRequest {
    /// What it calls itself: not to be trusted.
    #[schema(example = "rolltop on laptop")]
    pub client_name: String,
    /// The address it asked from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "192.0.2.7")]
    pub asked_from: Option<String>,
    pub asked_at: Timestamp,
    /// From then on it can't be allowed any more.
    pub expires_at: Timestamp,
    /// All that its key could do.
    pub scopes: Vec<Scope>,
    /// When its key would end.
    pub key_expires_at: Timestamp,
}

/// A person's answer to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideDeviceLogin {
    #[schema(example = "BCDF-GHJK")]
    pub user_code: String,
    /// Whether it gets a key.
    pub allow: bool,
}

/// What can be asked.
pub mod op {
    use super::{DeviceCode, DeviceLogin, DeviceRequest, UserCode};
    use crate::ApiKeyCreated;
    use crate::operation::{Access, WRITE_KEYS, operations};

    operations! {
        /// Sign a device in
        ///
        /// For a program without a browser: it shows `user_code` and `verification_url` to its person, who types the
        /// code there and allows it, and meanwhile asks for its key every `interval` seconds.
        StartDeviceLogin as start_device_login: POST "/v1/login/device" {
            tag: "account",
            access: Access::SignIn,
            body: super::StartDeviceLogin,
            reply: 200 "The codes." DeviceLogin,
            errors: [InvalidName, UnknownField, InvalidBody],
        }

        /// The device's key
        ///
        /// Once a person has allowed the device, its key, with the name the device gave itself; shown this once.
        GetDeviceKey: POST "/v1/login/device/token" {
            tag: "account",
            access: Access::SignIn,
            body: DeviceCode,
            reply: 200 "The key." ApiKeyCreated,
            errors: [
                AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, QuotaReached,
                UnknownField, InvalidBody,
            ],
        }

        /// Which device asks
        ///
        /// What waits under a code, and all that it would get. Only for a person with a session, who is shown
        /// it before deciding.
        GetDeviceRequest as device_request: POST "/v1/login/device/request" {
            tag: "account",
            access: WRITE_KEYS,
            body: UserCode,
            reply: 200 "What asks." DeviceRequest,
            errors: [NoSuchCode, NotAPerson, UnknownField, InvalidBody],
        }

        /// Allow or deny a device
        ///
        /// Only for a person with a session.
        DecideDeviceLogin as decide_device_login: POST "/v1/login/device/decision" {
            tag: "account",
            access: WRITE_KEYS,
            body: super::DecideDeviceLogin,
            reply: 204 "The device hears of it when it asks next.",
            errors: [NoSuchCode, NotAPerson, UnknownField, InvalidBody],
        }
    }
}
