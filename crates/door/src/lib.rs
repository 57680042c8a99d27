//! The one way into a desktop: a kept, multiplexed SSH connection to its sshd.
//!
//! [`Door::open`] takes a stream the engine has connected and proves both sides; on the open
//! door everything is a channel: commands of ours ([`Door::exec`], [`Door::init`],
//! [`Door::screenshot`]) and of the session's user ([`Door::start`]), sockets inside the desktop
//! ([`Door::streamlocal`]), files ([`Door::sftp`]) and terminals ([`Door::terminal`]). A [`DoorPool`]
//! keeps one door per desktop, and [`Lanes`] those for connections to ports inside it.
//!
//! ```text
//!  control ──► DoorPool ──► Door ──russh──► sshd in the desktop
//!                            │ channel: exec, stdin and output bounded
//!                            │ channel: rolltop-guest exec ─► Process
//!                            │ channel: direct-streamlocal ─► DoorChannel (AsyncRead + AsyncWrite)
//!                            │ channel: sftp-server        ─► Sftp
//!                            └ channel: pty + tmux         ─► Terminal
//!          ──► Lanes ──► more doors, for nothing but TCP tunnels
//! ```
//!
//! The guest is hostile: every answer of it is bounded in size and time, and nothing it says
//! is shown or stored unchecked. All channels share one connection, and a channel nobody
//! reads would in the end hold up the others; see [`DoorChannel`] for how that is bounded.
//!
//! Deliberately absent: who may enter and why. The caller has decided that already; nothing
//! here knows a user.

mod channel;
mod clean;
mod clock;
mod door;
mod end;
mod exec;
mod grow;
mod init;
mod key;
mod keys;
mod lanes;
mod login;
mod logins;
mod mend;
mod pool;
mod ports;
mod process;
mod rest;
mod screenshot;
mod setup;
mod sftp;
mod terminal;
mod text;

pub use channel::{ChannelError, DoorChannel};
pub use clean::CleanError;
pub use clock::ClockError;
pub use door::{Door, OpenError};
pub use end::{EndError, LoadError};
pub use exec::{ExecError, ExecLimits, ExecOutput, Exit};
pub use grow::GrowError;
pub use init::InitError;
pub use key::{KeyError, fingerprint, generate_key};
pub use keys::KeysError;
pub use lanes::{Lanes, TunnelError};
pub use login::{HostKeyPolicy, Login};
pub use logins::{Found as FoundLogins, TOOLS, Tool};
pub use mend::MendError;
pub use pool::{DoorPool, DoorSource, Entrance, EntranceError, PoolError};
pub use ports::{ListeningPort, MOST_PORTS, PortsError};
pub use process::{Process, ProcessError, ProcessEvent, ProcessInput, ProcessOutput, StartError};
pub use rolltop_guest_protocol::Load;
pub use screenshot::{MAX_SCREENSHOT_BYTES, ScreenshotError};
pub use setup::{SETUP_LOG, SetupError, SetupLook, SetupProgress, SetupStep};
pub use sftp::{
    FileInfo, FileKind, Listing, MOST_ENTRIES, RemoteFile, RemoteFolder, RemoteWriter, Sftp, SftpError,
};
pub use terminal::{Terminal, TerminalError, TerminalInfo, TerminalNumber, TerminalSize, TerminalWindow};
