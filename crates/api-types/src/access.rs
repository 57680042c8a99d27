//! The access log: each time the platform itself entered a desktop, why and for whom.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One time the platform entered a desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessEntry {
    pub at: Timestamp,
    /// What for, such as `personalise`, `screen`, `screenshot`, `file.read`, `ports` or `ssh`.
    #[schema(example = "screen")]
    pub purpose: String,
    /// For whom: the person's or key's name, or `platform`.
    #[schema(example = "platform")]
    pub actor: String,
}

/// The latest of them, newest first, at most 500.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessLog {
    pub items: Vec<AccessEntry>,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{AccessEntry, AccessLog};
    use crate::operation::{READ, operations};

    operations! {
        /// Who went in
        ///
        /// Each time the platform itself entered the desktop, why and for whom; newest first, at most 500.
        GetAccessLog as access_log -> [AccessEntry]: GET "/v1/desktops/{id}/access-log" {
            tag: "desktops",
            access: READ,
            path: DesktopId,
            reply: 200 "The log." AccessLog,
            errors: [NotFound],
        }
    }
}
