//! The words of Rolltop as types, and its pure decisions.
//!
//! Nothing here is async, does I/O, or knows another crate of this workspace. What is
//! deliberately absent: SQL, HTTP, wire formats (see `api-types`), anything about QEMU.

mod actor;
pub mod choices;
#[cfg(feature = "columns")]
mod columns;
mod copy;
mod event;
mod id;
mod job;
mod lifecycle;
mod name;
mod network;
mod saved_template;
mod screen_size;
mod setup;
mod silence;
mod size;
mod sleep;
mod snapshot;
mod snapshot_schedule;
mod template;
mod text;
mod usage;

pub use actor::{Actor, ActorId};
pub use choices::{Choices, DesktopFilter};
pub use copy::CopyState;
pub use event::{EventData, Subject};
pub use id::{
    ApiKeyId, DesktopId, HoldId, IdError, LayerId, RequestId, SessionId, ShareId, SnapshotId, SshKeyId,
    UserId, WorkspaceId,
};
pub use job::JobKind;
pub use lifecycle::{
    Command, Desired, DesktopState, FailReason, Limits, MachineView, Observation, OffWhy, PowerView, Record,
    Refusal, Step, StopReason, UnknownState, next_step,
};
pub use name::{DesktopName, NameError};
pub use network::network_of;
pub use saved_template::SavedTemplateState;
pub use screen_size::{ScreenSize, ScreenSizeError};
pub use setup::{Branch, BranchError, Repository, RepositoryError, Setup, SetupError, SetupState};
pub use silence::{Silence, SilenceCause};
pub use size::{MOST_DISK_GIB, Size, UnknownSize};
pub use sleep::{
    AwakeReason, Minutes, Schedule, ScheduleError, ScheduleParts, Signs, SleepPolicy, Turn, Use,
};
pub use snapshot::{SnapshotKind, SnapshotState};
pub use snapshot_schedule::{SnapshotSchedule, SnapshotScheduleError};
pub use template::{TemplateError, TemplateVersion};
pub use text::{end_of, is_deceptive, is_label, without_escapes};
pub use usage::{Usage, UsagePoint, down_sample, while_of};
