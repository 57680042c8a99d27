//! Copies of snapshots that are not on this host.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rolltop_model::{Size, SnapshotId};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;
use utoipa::ToSchema;

use crate::operation::path_parts;

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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
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
        self.into_str()
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

/// A copy goes by its snapshot's id, also when that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyId(pub SnapshotId);

impl fmt::Display for CopyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for CopyId {
    type Err = <SnapshotId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

path_parts! {
    CopyId: "The copy's id.", "snp_01k9abc2def3ghj4kmn5pqrs6t", "There is no such copy.";
}

/// What can be asked.
pub mod op {
    use rolltop_model::SnapshotId;

    use super::{CopyId, SnapshotCopy, SnapshotCopyList};
    use crate::operation::{READ, WRITE, operations};

    operations! {
        /// Copy a snapshot off this host
        ///
        /// To where the operator keeps such: any store that speaks S3, or a folder. Its disk, not its memory, encrypted before it
        /// leaves. It is made in the background, and tried again where that fails. A copy stays when its snapshot goes.
        CopySnapshot as copy_snapshot: POST "/v1/snapshots/{id}/copy" {
            tag: "snapshots",
            access: WRITE,
            path: SnapshotId,
            reply: 202 "It is being made, or was." SnapshotCopy,
            errors: [NotFound, WrongState, NoCopies],
        }

        /// List copies
        ///
        /// Of this workspace's snapshots, whether those are there or not.
        ListCopies as copies: GET "/v1/copies" {
            tag: "snapshots",
            access: READ,
            reply: 200 "The newest first." SnapshotCopyList,
            errors: [],
        }

        /// Fetch a copy
        ///
        /// It becomes a snapshot here again, in the background: `fetched_as` names it then, and desktops are made of it. The copy
        /// stays.
        FetchCopy as fetch_copy: POST "/v1/copies/{id}/fetch" {
            tag: "snapshots",
            access: WRITE,
            path: CopyId,
            reply: 202 "It is being fetched." SnapshotCopy,
            errors: [NotFound, WrongState, NoCopies],
        }

        /// Delete a copy
        DeleteCopy as delete_copy: DELETE "/v1/copies/{id}" {
            tag: "snapshots",
            access: WRITE,
            path: CopyId,
            reply: 204 "It is going.",
            errors: [NotFound, NoCopies],
        }
    }
}
