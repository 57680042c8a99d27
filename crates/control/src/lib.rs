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
mod copies;
mod desktops;
mod disk;
mod events;
mod host;
mod inside;
mod kernel;
mod open;
mod preview;
mod reconcile;
mod retention;
mod setups;
mod sleep;
mod snapshots;
mod ssh;
mod templates;
mod transfer;
mod usage;

pub use account::api_keys::{CreateKeyError, RevokeKeyError};
pub use account::authenticate::AuthenticateError;
pub use account::device::{DecideDeviceError, DeviceKeyError, DeviceLogin, StartDeviceError};
pub use account::guard::CredentialGuard;
pub use account::password::SetPasswordError;
pub use account::sign_in::{RedeemError, Redeemed, SignInError};
pub use admin::AdminError;
pub use copies::ask::CopyError;
pub use copies::config::CopiesConfig;
pub use copies::place::OpenCopiesError;
pub use desktops::command::CommandError;
pub use desktops::create::CreateError;
pub use desktops::list::ListError;
pub use desktops::update::UpdateError;
pub use disk::quota::OverDiskQuota;
pub use events::EventFilter;
pub use inside::end::EndProcessesError;
pub use inside::enter::{EnterError, Waking};
pub use inside::exec::{ExecCommand, ExecError, ExecLine};
pub use inside::files::archive::Archive;
pub use inside::files::save::{Condition, Save, Saved, UploadName};
pub use inside::files::tag::Tag;
pub use inside::files::{FileError, Files, OpenFile};
pub use inside::ports::{PortConnection, PortError};
pub use inside::screen::{Screen, ScreenGone, ScreenInput, ScreenOutput};
pub use inside::screen_input::NotRfb;
pub use inside::screen_output::{BadServer, Passed};
pub use inside::terminal::{TerminalError, TerminalLine};
pub use inside::uses::UseGuard;
pub use kernel::caller::{Caller, DesktopAccess, Inside, Purpose, Who, purpose};
pub use kernel::config::ControlConfig;
pub use kernel::control::Control;
pub use kernel::error::{
    AccessError, Explain, Explanation, InternalError, LacksScope, NoSuchDesktop, QueryError, TooManyAttempts,
    TooSoon,
};
pub use kernel::idempotency::BadIdempotencyKey;
pub use kernel::in_flight::{InFlightError, Reservation};
pub use open::{OpenError, Parts};
pub use preview::address::{NotAnAddress, PreviewAddress};
pub use preview::share::{NewShare, ShareError};
pub use preview::ticket::{Ticket, TicketError};
pub use preview::{Pass, PassError, PassGuard, PreviewError};
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
pub use setups::ask::{AskSetupError, SetUpError};
pub use sleep::ask::{HoldError, SettingError};
pub use snapshots::ask::SnapshotError;
pub use ssh::gateway::{GatewayView, KeyGuard, Tunnel, TunnelError};
pub use ssh::keys::{AddKeyError, RemoveKeyError};
pub use ssh::public_key::{PublicKeyError, fingerprint};
pub use templates::saved::SavedTemplateError;
pub use transfer::archive::ArchiveError;
pub use transfer::{Export, TransferError};
