//! Points in time of desktops, and desktops made from them.

use jiff::Timestamp;
pub use rolltop_model::SnapshotState;
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

/// What can be asked.
pub mod op {
    use rolltop_model::{DesktopId, SnapshotId};

    use super::{DesktopSnapshotSchedule, Forks, Snapshot, SnapshotList, SnapshotSchedule};
    use crate::Desktop;
    use crate::operation::{Access, CONTROL, READ, WRITE, operations};

    operations! {
        /// List snapshots
        ///
        /// Newest first. A desktop that was destroyed does not take its snapshots with it.
        ListSnapshots as snapshots -> [Snapshot]: GET "/v1/snapshots" {
            tag: "snapshots",
            access: READ,
            query: super::ListSnapshots,
            reply: 200 "All of them." SnapshotList,
            errors: [InvalidQuery],
        }

        /// One snapshot
        GetSnapshot as snapshot: GET "/v1/snapshots/{id}" {
            tag: "snapshots",
            access: READ,
            path: SnapshotId,
            reply: 200 "As it is now." Snapshot,
            errors: [NotFound],
        }

        /// Delete a snapshot
        ///
        /// What nothing else needs of it is unreadable at once and removed within moments. Desktops that were made from
        /// it stay.
        DeleteSnapshot as delete_snapshot: DELETE "/v1/snapshots/{id}" {
            tag: "snapshots",
            access: WRITE,
            path: SnapshotId,
            reply: 204 "It is gone.",
            errors: [NotFound, InUse],
        }

        /// Take a snapshot
        ///
        /// Of a desktop that runs, memory included, which stands still for a fraction of a second; or of one that is
        /// suspended or stopped. It is `taking` at first, and `ready` within moments.
        TakeSnapshot as take_snapshot: POST "/v1/desktops/{id}/snapshots" {
            tag: "snapshots",
            access: WRITE,
            path: DesktopId,
            idempotent: "For 30 days, the same request with the same key takes one snapshot.",
            body: super::CreateSnapshot,
            reply: 202 "It is written down and will be done." Snapshot,
            errors: [
                InvalidJson, InvalidHeader, NotFound, WrongState, NotSupportedByEngine, QuotaReached,
                DiskQuotaReached, InvalidName, UnknownField, InvalidBody, IdempotencyKeyReused,
            ],
        }

        /// Fork a desktop
        ///
        /// Makes desktops that begin as this one is now: its disk, and its memory with every program in it if it runs or
        /// is suspended. Each gets a name, an address and an identity of its own before it has a network. The
        /// desktop itself goes on; if it runs it stands still for a fraction of a second.
        ForkDesktop as fork_desktop -> [Desktop]: POST "/v1/desktops/{id}/fork" {
            tag: "snapshots",
            access: WRITE,
            path: DesktopId,
            idempotent: "For 30 days, the same request with the same key makes these forks once.",
            body: super::ForkDesktop,
            reply: 202 "They are being made." Forks,
            errors: [
                InvalidJson, InvalidHeader, NotFound, NameTaken, QuotaReached, DiskQuotaReached,
                WrongState, NotSupportedByEngine, InvalidName, InvalidCount, UnknownField, InvalidBody,
                IdempotencyKeyReused,
            ],
        }

        /// Fork a snapshot
        ///
        /// Makes desktops that begin as the snapshot was.
        ForkSnapshot as fork_snapshot -> [Desktop]: POST "/v1/snapshots/{id}/fork" {
            tag: "snapshots",
            access: WRITE,
            path: SnapshotId,
            idempotent: "For 30 days, the same request with the same key makes these forks once.",
            body: super::ForkDesktop,
            reply: 202 "They are being made." Forks,
            errors: [
                InvalidJson, InvalidHeader, NotFound, NameTaken, QuotaReached, DiskQuotaReached,
                WrongState, NotSupportedByEngine, InvalidName, InvalidCount, UnknownField, InvalidBody,
                IdempotencyKeyReused,
            ],
        }

        /// Go back to a snapshot
        ///
        /// Puts the desktop that it is of back to what it was then, disk and memory, and has it run from there. What it is
        /// now is kept as a snapshot first, for a day. A desktop that was destroyed is made anew, with its name if that is free.
        RestoreSnapshot as restore_snapshot: POST "/v1/snapshots/{id}/restore" {
            tag: "snapshots",
            access: WRITE,
            path: SnapshotId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState, NotSupportedByEngine, InUse, QuotaReached],
        }

        /// Bring back what a desktop was
        ///
        /// Before it was last stopped, restarted, destroyed or put back, within a day: memory and all, and it runs from there. What
        /// it is now is kept first, so that asking again undoes the undoing. One that was destroyed is made anew, with its name
        /// if that is free.
        UndoDesktop as undo_desktop: POST "/v1/desktops/{id}/undo" {
            tag: "snapshots",
            access: WRITE,
            path: DesktopId,
            reply: 202 "It is written down and will be done." Desktop,
            errors: [NotFound, WrongState, NotSupportedByEngine, InUse, QuotaReached],
        }

        /// What was on the screen
        ///
        /// When the snapshot was taken. Not kept of one that is of a desktop that did not run.
        GetSnapshotScreenshot: GET "/v1/snapshots/{id}/screenshot" {
            tag: "snapshots",
            access: CONTROL,
            path: SnapshotId,
            reply: 200 "A JPEG, 480 pixels wide." as "image/jpeg",
            errors: [NotFound],
        }

        /// A desktop's schedule of snapshots
        GetSnapshotSchedule as snapshot_schedule: GET "/v1/desktops/{id}/snapshot-schedule" {
            tag: "snapshots",
            access: READ,
            path: DesktopId,
            reply: 200 "Its schedule, if it has one." DesktopSnapshotSchedule,
            errors: [NotFound],
        }

        /// Take snapshots by a schedule
        ///
        /// Replaces the one before. A snapshot is taken every so many hours while the desktop runs; one that is suspended or
        /// stopped by then is kept once it runs again. Those that the schedule does not keep any more are deleted; snapshots
        /// that somebody asked for never are.
        SetSnapshotSchedule as set_snapshot_schedule: PUT "/v1/desktops/{id}/snapshot-schedule" {
            tag: "snapshots",
            access: WRITE,
            path: DesktopId,
            body: SnapshotSchedule,
            reply: 204 "It is set.",
            errors: [NotFound, NotSupportedByEngine, InvalidSchedule, InvalidBody, UnknownField],
        }

        /// Take no more snapshots by a schedule
        ///
        /// Those that were taken stay.
        EndSnapshotSchedule as end_snapshot_schedule: DELETE "/v1/desktops/{id}/snapshot-schedule" {
            tag: "snapshots",
            access: WRITE,
            path: DesktopId,
            reply: 204 "It has none any more.",
            errors: [NotFound],
        }

        /// Export a snapshot
        ///
        /// Its disk with all that is on it, and what boots it, as one file: a tar archive compressed with zstd, whose last entry is
        /// a manifest with the checksum of all the others. Its memory is not in it, and it is not encrypted. Made while it is
        /// read; one that breaks off has no manifest and is taken in nowhere.
        ExportSnapshot: GET "/v1/snapshots/{id}/export" {
            tag: "snapshots",
            access: Access::Scopes(&[crate::Scope::DesktopsExport]),
            path: SnapshotId,
            reply: 200 "The file." as "application/zstd",
            errors: [NotFound, WrongState, NotSupportedByEngine, RateLimited, TooManyTransfers],
        }

        /// Import a snapshot
        ///
        /// Takes in a file that was exported here or by another Rolltop. It is a snapshot then, of which desktops are made. Nothing
        /// of it is kept unless all of it has come and its checksum is right.
        ImportSnapshot: POST "/v1/snapshots" {
            tag: "snapshots",
            access: WRITE,
            upload: "application/octet-stream",
            reply: 201 "It is there." Snapshot,
            errors: [
                UploadBrokenOff, QuotaReached, DiskQuotaReached, HostRefused, NotSupportedByEngine,
                InvalidExport, RateLimited, TooManyTransfers,
            ],
        }
    }
}
