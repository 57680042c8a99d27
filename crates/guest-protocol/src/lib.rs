//! What the platform and `rolltop-guest` say to each other: JSON over the standard input and
//! output of commands run through the door.
//!
//! Append-only: a template baked long ago must understand a newer platform and the other way
//! round, so a field is never renamed, removed or given another meaning, and every new one has
//! a default. `snapshots` hold this in place.

pub mod exec;

use serde::{Deserialize, Serialize};

/// Where the guest program is in every template. Setuid root where `init` is to be quick; the
/// program gives that up at once for anyone but the door's user.
pub const GUEST_PROGRAM: &str = "/usr/lib/rolltop/rolltop-guest";
/// The VNC server's socket; `desk` owns it and group `rolltop` may connect.
pub const VNC_SOCKET: &str = "/run/rolltop/vnc.sock";
/// The user the platform enters as; may run anything by `sudo -n`.
pub const DOOR_USER: &str = "rolltop";
/// The user who owns the session, files and terminal.
pub const SESSION_USER: &str = "desk";

/// Where a process of root's waits that needs to start none: it is asked with one line, [`LOOK`] or [`END`], answers with one
/// line, a [`Load`] as JSON, and hangs up.
pub const ATTENDANT_SOCKET: &str = "/run/rolltop/attendant.sock";
pub const LOOK: &str = "look";
/// As `rolltop-guest end` does, see there.
pub const END: &str = "end";

/// How much is asked of a machine, after what was asked for is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Load {
    /// Processes and threads, the kernel's own too.
    pub processes: u64,
    /// Of them as many as there may be.
    pub most_processes: u64,
    /// Bytes that programs could still have.
    pub free_memory: u64,
    /// Bytes in all.
    pub memory: u64,
    /// Processes and threads that there were before.
    pub before: u64,
}

/// Standard input of `rolltop-guest init`: everything personal about a desktop.
///
/// Running it again with the same `desktop` keeps the identity and refreshes the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitRequest {
    /// The desktop's id. A different one than before means: this is a fork, renew everything.
    pub desktop: String,
    pub hostname: String,
    /// Nanoseconds since 1970-01-01 UTC, set as the guest's clock.
    pub unix_time_ns: i128,
    /// Fresh random bytes for the kernel's pool, base64.
    pub entropy: String,
    /// The platform's key for this desktop, one OpenSSH public line; replaces the template's.
    pub door_public_key: String,
    /// People's keys for user `desk`, OpenSSH public lines.
    #[serde(default)]
    pub authorized_keys: Vec<String>,
    /// IANA name such as "Europe/Paris"; unchanged when absent.
    #[serde(default)]
    pub timezone: Option<String>,
    /// The machine's memory was kept and brought back, or is another's: connections to elsewhere that it
    /// has are dead, and whoever waits on them is to be told.
    #[serde(default)]
    pub resumed: bool,
    /// The host key that sshd proved on the connection this comes by, one OpenSSH public line. Where the
    /// one on disk is another, made since, sshd is to read it.
    #[serde(default)]
    pub host_key_shown: Option<String>,
}

/// Standard output of `rolltop-guest init`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitReply {
    /// The desktop's own sshd host key, one OpenSSH public line.
    pub host_public_key: String,
    /// True when this run made a new identity, false when it kept the one there was.
    pub renewed: bool,
    /// True when sshd has read `host_public_key` in this run; it has whenever `renewed` is true.
    #[serde(default)]
    pub reloaded: bool,
    /// What took how long, milliseconds, in order.
    #[serde(default)]
    pub steps: Vec<InitStep>,
    /// What could not be done and does not keep the desktop from running, a sentence each.
    #[serde(default)]
    pub left_undone: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitStep {
    pub name: String,
    pub ms: u64,
}

/// Standard input of `rolltop-guest keys`: who may log in as [`SESSION_USER`] from now on. Replaces
/// what `init` was told; everything else stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysRequest {
    /// OpenSSH public lines.
    pub authorized_keys: Vec<String>,
}

/// Standard output of `rolltop-guest keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysReply {
    /// How many keys there are now.
    pub installed: usize,
}

/// Printed on standard error, as the only line of JSON there, when a guest command fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestError {
    /// One sentence.
    pub error: String,
}
