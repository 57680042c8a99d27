//! Points in time of desktops, and desktops made from them.

use jiff::Timestamp;
use rolltop_model::{DesktopId, Size, SnapshotId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Desktop;

/// A desktop at a point in time: its disk, and its memory if it ran or was suspended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    #[schema(value_type = String, example = "snp_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: SnapshotId,
    /// What it is of. It may have been destroyed since; the snapshot stays.
    #[schema(value_type = String, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: DesktopId,
    /// Whether it was; going back to the snapshot then makes it anew.
    #[serde(default)]
    pub desktop_is_gone: bool,
    /// What that was called when the snapshot was asked for.
    #[schema(example = "research")]
    pub desktop_name: String,
    #[schema(example = "before the upgrade")]
    pub name: String,
    pub state: SnapshotState,
    /// Why it could not be taken, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[schema(example = "desk@3f2a91c0d4e5")]
    pub template: String,
    #[schema(schema_with = crate::choice::size)]
    pub size: Size,
    /// Whether the desktop's memory is in it, so that what is made from it goes on where it was.
    pub has_memory: bool,
    /// Bytes of the memory on the host's disk.
    pub memory_bytes: u64,
    /// Bytes that the desktop had written to its disk since the snapshot before, or since it was made.
    pub disk_bytes: u64,
    /// How long the desktop stood still for it, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ms: Option<u64>,
    /// Who asked for it: a person's or key's name.
    #[schema(example = "sam")]
    pub made_by: String,
    pub created_at: Timestamp,
    /// The moment that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// Whether the desktop's schedule asked for it, which then says how long it stays.
    #[serde(default)]
    pub is_scheduled: bool,
    /// When it goes by itself: Rolltop took it before the desktop was stopped, restarted, deleted or put back. Absent
    /// for one that stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Timestamp>,
    /// Whether what was on the screen is kept: `GET /v1/snapshots/{id}/screenshot`.
    #[serde(default)]
    pub has_picture: bool,
}

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// Asked for; the moment it is of is still to come.
    Taking,
    Ready,
    /// It could not be taken; the desktop is as it was.
    Failed,
    /// Being removed.
    Deleting,
}

/// Newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotList {
    pub items: Vec<Snapshot>,
}

/// Snapshots that are taken without anybody asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotSchedule {
    /// Hours from one to the next, 1 to 168.
    #[schema(example = 6, minimum = 1, maximum = 168)]
    pub every_hours: u32,
    /// The latest so many stay, 1 to 100.
    #[schema(example = 4, minimum = 1, maximum = 100)]
    pub keep_last: u32,
    /// And the latest of each of so many days, in UTC, on which there are any; 0 to 100.
    #[serde(default)]
    #[schema(example = 7, minimum = 0, maximum = 100)]
    pub keep_days: u32,
    /// Whether each is also copied off the host, for as long as it stays.
    #[serde(default)]
    pub copies: bool,
}

/// A desktop's schedule of snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesktopSnapshotSchedule {
    /// Absent: only those are taken that somebody asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<SnapshotSchedule>,
    /// When the next is due. It is taken while the desktop runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// Which snapshots.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSnapshots {
    /// Only those of this desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
}

/// A snapshot to be taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSnapshot {
    /// 1 to 100 characters; the time by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "before the upgrade")]
    pub name: Option<String>,
}

/// What forks are to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkDesktop {
    /// The name of the one, or what the names of several begin with; by default the origin's, with a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "research-try")]
    pub name: Option<String>,
    /// How many, from 1 to 50; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 2, minimum = 1, maximum = 50)]
    pub count: Option<u32>,
}

/// The desktops that are being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Forks {
    pub items: Vec<Desktop>,
}
