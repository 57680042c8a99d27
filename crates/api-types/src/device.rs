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
