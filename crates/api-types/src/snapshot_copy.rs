//! Copies of snapshots that are not on this host.

use jiff::Timestamp;
use rolltop_model::{Size, SnapshotId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A copy of a snapshot's disk where the operator keeps such, encrypted before it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotCopy {
    /// That of the snapshot, which may be gone.
    #[schema(value_type = String, example = "snp_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: SnapshotId,
    /// What its desktop was called.
    #[schema(example = "research")]
    pub desktop_name: String,
    #[schema(example = "before the upgrade")]
    pub name: String,
    #[schema(schema_with = crate::choice::size)]
    pub size: Size,
    pub disk_gib: u64,
    /// When the snapshot was taken.
    pub taken_at: Timestamp,
    pub state: CopyState,
    /// Why it was not made, or not fetched, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of it, where it is kept; absent until it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Who asked for it: a person's or key's name.
    #[schema(example = "sam")]
    pub made_by: String,
    /// The snapshot that it was last fetched as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub fetched_as: Option<SnapshotId>,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CopyState {
    Waiting,
    Copying,
    /// It can be fetched.
    Done,
    /// It becomes a snapshot here again.
    Fetching,
    /// For `detail`.
    Failed,
}

impl CopyState {
    pub const fn as_str(self) -> &'static str {
        match self {
            CopyState::Waiting => "waiting",
            CopyState::Copying => "copying",
            CopyState::Done => "done",
            CopyState::Fetching => "fetching",
            CopyState::Failed => "failed",
        }
    }
}

/// The workspace's, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotCopyList {
    pub items: Vec<SnapshotCopy>,
    /// Whether the operator has named a place for copies.
    pub configured: bool,
}

/// What was found where copies are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoptedCopies {
    /// Written down.
    pub found: u64,
    /// Did not open with the key that is here.
    pub closed: u64,
}
