//! Signing in. Called by the web tier, which keeps the token in its cookie.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A one-time link's secret part.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RedeemLink {
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub link: SecretString,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    #[schema(example = "sam")]
    pub name: String,
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// A session has begun.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SessionToken {
    /// Give it as `Authorization: Bearer`. Shown once.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
    /// Whether the account has no password yet: let the person choose one first.
    pub needs_password: bool,
}

/// The name and password to sign in with from now on. Ends the account's other sessions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    #[schema(example = "sam")]
    pub name: String,
    /// The one until now, where `asks_present_password` of `GET /v1/me` says so.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "crate::secret::expose_any")]
    #[schema(value_type = Option<String>, format = Password)]
    pub present: Option<SecretString>,
    /// At least 10 characters.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}
