//! What became of a desktop.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    pub items: Vec<HistoryEntry>,
}

/// Something that became of a desktop: what, by whom, when, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// `created`, `forked`, `started`, `resumed`, `stopped`, `suspended`, `restarted`, `retried`, `deleted`, `renamed`, `resized`, `screen_fixed`, `screen_freed`,
    /// `snapshot_taken`, `restored`, `died`, `shut_down`, `held` (it stands still for want of room on the disk), `went_on`, `failed`,
    /// `not_answering`, `answers_again` or `processes_ended`; more may come.
    #[schema(example = "resumed")]
    pub kind: String,
    /// The name of the person or key that asked for it, or `rolltop` where nobody did.
    #[schema(example = "sam")]
    pub actor: String,
    /// The template it was made from, the desktop it was forked from, a snapshot's name, a new name; or what it was done
    /// for, such as `ssh`, `terminal`, `schedule` or `unused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "ssh")]
    pub detail: Option<String>,
    pub began_at: Timestamp,
    /// When the desktop had come that far; absent while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// What went wrong, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{History, HistoryEntry};
    use crate::operation::{READ, operations};

    operations! {
        /// What became of it
        ///
        /// Who made, started, stopped, suspended, resumed, forked, kept, renamed it and so on, when, and how long that took;
        /// at most the latest 500 of 30 days.
        ListHistory as history -> [HistoryEntry]: GET "/v1/desktops/{id}/history" {
            tag: "desktops",
            access: READ,
            path: DesktopId,
            reply: 200 "Newest first." History,
            errors: [NotFound],
        }
    }
}
