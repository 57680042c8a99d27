//! What Rolltop does: desktops and their lives, who may do what, and the way inside.
//!
//! [`Control`] is the handle the front doors call. Behind it a reconciler brings every desktop to
//! what its owner wants; it takes no input but the rows, so a killed process goes on where it was.
//!
//! ```text
//!  api-server ─► Control ─► store (rows: what is wanted, what is known)
//!                   │ nudge            ▲
//!                   ▼                  │
//!               Reconciler ── next_step (pure, in model) ──► engine, door
//! ```
//!
//! It answers in the types of `api-types`, so that nothing is copied from one struct into another of the same shape.
//!
//! Deliberately absent: HTTP (`api-server`), SQL (`store`), any particular engine. Secrets leave only as types that can't be printed.

mod account;
mod admin;
mod caller;
mod clock;
mod config;
mod control;
mod copies;
mod desktops;
mod disk_quota;
mod entrance;
mod error;
mod events;
mod host;
mod idempotency;
mod in_flight;
mod inside;
mod jobs;
mod metrics;
mod preview;
mod reconcile;
mod saved_templates;
mod setup;
mod snapshot_schedules;
mod snapshots;
mod ssh;
mod templates;
mod transfer;
mod undo;

pub use account::{
    AuthenticateError, CreateKeyError, CredentialGuard, DecideDeviceError, DeviceKeyError, DeviceLogin,
    RedeemError, Redeemed, RevokeKeyError, SetPasswordError, SignInError, StartDeviceError,
};
pub use admin::AdminError;
pub use caller::{Caller, DesktopAccess, Inside, Purpose, Who, purpose};
pub use config::ControlConfig;
pub use control::{Control, OpenError, Parts};
pub use copies::{CopiesConfig, CopyError, OpenCopiesError};
pub use desktops::{CommandError, CreateError, HoldError, RenameError, Resize, ResizeError, SettingError};
pub use disk_quota::OverDiskQuota;
pub use error::{
    AccessError, EnterError, Explain, Explanation, InternalError, LacksScope, NoSuchDesktop, QueryError,
    TooManyAttempts, TooSoon,
};
pub use events::EventFilter;
pub use idempotency::BadIdempotencyKey;
pub use in_flight::{Held, InFlightError};
pub use inside::Place;
pub use inside::{
    Archive, BadServer, Condition, EndProcessesError, ExecCommand, ExecError, ExecLine, FileError, Files,
    FixScreenError, NotRfb, OpenFile, Passed, PortConnection, PortError, Save, Saved, Screen, ScreenGone,
    ScreenInput, ScreenOutput, Tag, TerminalError, TerminalLine, UploadName, Waking,
};
pub use preview::{
    NewShare, NotAnAddress, Pass, PassError, PassGuard, PreviewAddress, PreviewError, ShareError, Ticket,
    TicketError,
};
pub use rolltop_door::{
    Exit, Process, ProcessError, ProcessEvent, ProcessInput, ProcessOutput, Terminal, TerminalNumber,
    TerminalSize, TerminalWindow,
};
/// Bytes to and from the inside of a desktop.
pub use rolltop_engine::DoorStream;
/// Why an engine can't do something for anybody.
pub use rolltop_engine::{Capability, Lacks};
/// Who people log in as inside a desktop.
pub use rolltop_guest_protocol::SESSION_USER;
pub use rolltop_store::{MoveError, Postgres, copy_to_postgres};
pub use saved_templates::SavedTemplateError;
pub use setup::{AskSetupError, SetUpError};
pub use snapshots::SnapshotError;
pub use ssh::{
    AddKeyError, GatewayView, KeyGuard, PublicKeyError, RemoveKeyError, Tunnel, TunnelError, fingerprint,
};
pub use transfer::{ArchiveError, Export, TransferError};
