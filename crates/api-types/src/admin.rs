//! What the operator on the host asks over the admin socket; never over the network.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A one-time sign-in link for the owner.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignInLink {
    /// The secret part of the link; the caller knows the address to put before it.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub link_token: SecretString,
}

/// How people can sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInStatus {
    /// Whether anybody has a password, and so needs no link.
    pub has_password: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOperatorKey {
    /// What it is for, to be recognised later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A key with all scopes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OperatorKey {
    /// `rt_…`; shown once.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub key: SecretString,
}

/// Something on the host that belongs to no desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leftover {
    #[schema(example = "network namespace")]
    pub kind: String,
    #[schema(example = "rt-7")]
    pub name: String,
    /// Why it could not be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftoverList {
    pub items: Vec<Leftover>,
}
