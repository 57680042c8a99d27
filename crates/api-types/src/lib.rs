//! What travels over `/v1`: the wire types, the problem documents with their stable codes,
//! and the one typed client that the web tier, the CLI and the tests use.
//!
//! Wire types are not domain types: `api-server` converts explicitly. Answers may gain
//! fields, so a reader ignores those it does not know; requests refuse unknown fields.
//! Deliberately absent: the control plane, the database, engines; only `model` is known.

#![cfg_attr(
    not(feature = "client"),
    expect(unused_imports, reason = "some types are named only by the client's methods")
)]

mod access;
mod admin;
mod api_key;
mod choice;
#[cfg(feature = "client")]
mod client;
mod desktop;
mod device;
mod event;
mod exec;
mod file;
mod gateway;
mod history;
mod host;
mod me;
mod meta;
pub mod operation;
mod port;
mod preview;
mod problem;
mod saved_template;
mod scope;
mod screen;
mod secret;
mod session;
mod setup;
mod share;
mod sleep;
mod snapshot;
mod snapshot_copy;
mod ssh_key;
mod step;
mod template;
mod terminal;
mod usage;

pub use access::{AccessEntry, AccessLog};
pub use admin::{CreateOperatorKey, Leftover, LeftoverList, OperatorKey, SignInLink, SignInStatus};
pub use api_key::{ApiKey, ApiKeyCreated, ApiKeyList, CreateApiKey};
#[cfg(feature = "client")]
pub use client::{
    AdminClient, Client, ClientError, EventStream, ExecStream, FileBody, GatewayClient, Image, SaveCondition,
    TunnelStream, UploadPart,
};
#[cfg(feature = "screen")]
pub use client::{ExecSocket, PortSocket, ScreenSocket, TerminalSocket};
#[cfg(feature = "pinning")]
pub use client::{Fingerprint, NotAFingerprint, shown_certificate};
pub use desktop::{
    BadQuery, ChoiceError, CreateDesktop, Desired, Desktop, DesktopPage, DesktopState, DestroyDesktop,
    ListDesktops, NotAnswering, NotSupported, UpdateDesktop,
};
pub use device::{DecideDeviceLogin, DeviceCode, DeviceLogin, DeviceRequest, StartDeviceLogin, UserCode};
pub use event::{Event, EventKind, EventsQuery, StreamedEvent};
pub use exec::{
    EXEC_COMMAND_LIMIT, ExecControl, ExecEvent, ExecExit, ExecOutput, ExecProblem, ExecRequest, ExecWords,
};
pub use file::{
    CopyFile, CreateFolder, FileAt, FileEntry, FileKind, FileList, MoveFile, RemoveFile, SaveAt, UpdateFile,
    Upload, UploadAt,
};
pub use gateway::{GatewayIntroduction, JUMP_USER, KeyKnown, KeyQuery, TUNNEL_PROTOCOL, TunnelQuery};
pub use history::{History, HistoryEntry};
pub use host::{Accelerator, AcceleratorKind, Host, HostWarning, HostWarningKind, HostWarningList};
pub use me::{Credential, CredentialKind, Limits, Me};
pub use operation::Access;
pub use port::{Port, PortEntry, PortList};
pub use preview::{OpenPreview, PreviewKey, PreviewPass, PreviewQuery, PreviewTicket, RequestTicket};
pub use problem::{Code, FieldError, Problem, documentation as problem_documentation, shown};
pub use saved_template::{
    Logins, LoginsList, SaveTemplate, SavedTemplate, SavedTemplateList, SavedTemplateState, TemplateVersion,
};
pub use scope::{Scope, documentation as scope_documentation};
pub use screen::ScreenshotQuery;
pub use session::{RedeemLink, SessionToken, SetPassword, SignIn};
pub use setup::{DesktopSetup, SetUp, Setup, SetupState};
pub use share::{CreateShare, Share, ShareCreated, ShareList};
pub use sleep::{AwakeReason, CreateHold, Hold, Schedule, Sleep, SleepPolicy, WakeQuery};
pub use snapshot::{
    CreateSnapshot, DesktopSnapshotSchedule, ForkDesktop, Forks, ListSnapshots, Snapshot, SnapshotList,
    SnapshotSchedule, SnapshotState,
};
pub use snapshot_copy::{AdoptedCopies, CopyId, CopyState, SnapshotCopy, SnapshotCopyList};
pub use ssh_key::{
    CreateSshKey, DesktopSsh, JumpHost, KeyDelivery, SshKey, SshKeyAdded, SshKeyList, SshKeyRemoved,
};
pub use step::{Step, StepList, StepStatus};
pub use template::{Template, TemplateList, TemplateSize};
pub use terminal::{
    ResizeTerminal, ScreenControl, TerminalControl, TerminalEntry, TerminalList, TerminalNumber,
    TerminalQuery, ViewerAnswer,
};
pub use usage::{Usage, UsagePoint, UsageQuery, UsageSpan};

/// A list as it is answered with, of what is in it.
macro_rules! lists {
    ($($list:ident of $item:ident),* $(,)?) => {$(
        impl From<Vec<$item>> for $list {
            fn from(items: Vec<$item>) -> Self {
                Self { items }
            }
        }
    )*};
}
lists! {
    AccessLog of AccessEntry, ApiKeyList of ApiKey, Forks of Desktop, History of HistoryEntry,
    HostWarningList of HostWarning, LeftoverList of Leftover, LoginsList of Logins, PortList of PortEntry,
    SavedTemplateList of SavedTemplate, ShareList of Share, SnapshotList of Snapshot, SshKeyList of SshKey,
    StepList of Step, TemplateList of Template, TerminalList of TerminalEntry,
}

/// Every operation that is declared, by its name.
pub mod op {
    pub use crate::access::op::*;
    pub use crate::api_key::op::*;
    pub use crate::desktop::op::*;
    pub use crate::device::op::*;
    pub use crate::event::op::*;
    pub use crate::exec::op::*;
    pub use crate::file::op::*;
    pub use crate::history::op::*;
    pub use crate::host::op::*;
    pub use crate::me::op::*;
    pub use crate::meta::op::*;
    pub use crate::port::op::*;
    pub use crate::saved_template::op::*;
    pub use crate::screen::op::*;
    pub use crate::session::op::*;
    pub use crate::setup::op::*;
    pub use crate::share::op::*;
    pub use crate::sleep::op::*;
    pub use crate::snapshot::op::*;
    pub use crate::snapshot_copy::op::*;
    pub use crate::ssh_key::op::*;
    pub use crate::step::op::*;
    pub use crate::template::op::*;
    pub use crate::terminal::op::*;
    pub use crate::usage::op::*;
}

/// In the API's answer to a request whose credential it knows: for the web tier, which passes it on to nobody.
pub const ADMITTED_HEADER: &str = "x-rolltop-admitted";
/// Media type of every error.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// WebSocket subprotocol of a desktop's screen: RFB bytes in binary messages, both ways.
pub const SCREEN_PROTOCOL: &str = "binary";
/// WebSocket subprotocol of a terminal: what is shown and typed in binary messages, control in text.
pub const TERMINAL_PROTOCOL: &str = "rolltop.terminal.1";
/// WebSocket subprotocol of a TCP connection into a desktop: its bytes in binary messages, the end of
/// each direction as an empty one.
pub const TCP_PROTOCOL: &str = "rolltop.tcp.1";
/// WebSocket subprotocol of a command. The first message is an [`ExecRequest`] as text. After that, binary
/// messages to the server are standard input; those from it are [`EXEC_STDOUT`] or [`EXEC_STDERR`] and what
/// was written. Texts are [`ExecControl`] to the server and [`ExecEvent`] from it.
pub const EXEC_PROTOCOL: &str = "rolltop.exec.1";
/// First byte of a message of standard output.
pub const EXEC_STDOUT: u8 = 1;
/// First byte of a message of standard error.
pub const EXEC_STDERR: u8 = 2;
/// What each message of input or output counts besides its bytes.
pub const EXEC_MESSAGE_COST: u32 = 512;
