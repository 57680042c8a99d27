//! The access log: each time the platform itself entered a desktop, why and for whom.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One time the platform entered a desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessEntry {
    pub at: Timestamp,
    /// What for, such as `personalise`, `screen`, `screenshot` or `files`.
    #[schema(example = "screen")]
    pub purpose: String,
    /// For whom: a user's or key's id, or `platform`.
    #[schema(example = "platform")]
    pub actor: String,
}

/// One page of the log, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessLog {
    pub items: Vec<AccessEntry>,
    /// Give this as `cursor` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
