//! API keys: programs' credentials.

use jiff::Timestamp;
use rolltop_model::{ApiKeyId, DesktopId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Scope;

/// A program's credential, without the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKey {
    #[schema(value_type = String, example = "key_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: ApiKeyId,
    #[schema(example = "nightly build")]
    pub name: String,
    pub scopes: Vec<Scope>,
    /// The only desktop it is good for; absent for one that is good for all of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
    pub created_at: Timestamp,
    /// From then on it is not valid; absent for one that does not end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// The address it was used from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "192.0.2.7")]
    pub used_from: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyList {
    /// Oldest first; at most 200.
    pub items: Vec<ApiKey>,
}

/// A key to be made. It can have no scope that the credential which makes it lacks, is tied to the
/// same desktop if that one is, and ends no later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// What it is for, to be recognised later: 1 to 64 characters.
    #[schema(example = "nightly build")]
    pub name: String,
    /// At least one.
    pub scopes: Vec<Scope>,
    /// The only desktop it is to be good for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
    /// When it is to end; by default never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2099-01-01T00:00:00Z")]
    pub expires_at: Option<Timestamp>,
}

/// The key with its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyCreated {
    #[serde(flatten)]
    pub key: ApiKey,
    /// `rt_…`: give it as `Authorization: Bearer`. Shown this once.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, format = Password)]
    pub token: SecretString,
}

/// What can be asked.
pub mod op {
    use rolltop_model::ApiKeyId;

    use super::{ApiKey, ApiKeyCreated, ApiKeyList};
    use crate::operation::{READ_KEYS, WRITE_KEYS, operations};

    operations! {
        /// List API keys
        ///
        /// Those of the whole workspace, or those tied to the desktop that the asking credential is tied to.
        ListApiKeys as api_keys -> [ApiKey]: GET "/v1/api-keys" {
            tag: "account",
            access: READ_KEYS,
            reply: 200 "All of them, oldest first." ApiKeyList,
            errors: [],
        }

        /// Make an API key
        ///
        /// The answer has the key's token, which is shown this once and kept only as a hash.
        CreateApiKey as create_api_key: POST "/v1/api-keys" {
            tag: "account",
            access: WRITE_KEYS,
            body: super::CreateApiKey,
            reply: 201 "It is good from now on." ApiKeyCreated,
            errors: [
                MissingScope ", also for a scope that the asking credential can't give",
                TiedToDesktop, QuotaReached, InvalidName, InvalidScopes, InvalidExpiry,
                UnknownDesktop, UnknownField, InvalidBody,
            ],
        }

        /// Revoke an API key
        ///
        /// It is not valid any more, and what it has open is closed: event streams, downloads, WebSockets.
        RevokeApiKey as revoke_api_key: DELETE "/v1/api-keys/{id}" {
            tag: "account",
            access: WRITE_KEYS,
            path: ApiKeyId,
            reply: 204 "It is gone.",
            errors: [NotFound],
        }
    }
}
