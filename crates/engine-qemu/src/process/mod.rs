//! Processes that work on what guests have written, or talk with one: starting them with no more rights than they need,
//! knowing a QEMU again after a restart of ours, and ending it. [`launch`] is the only way in which one is started.
//!
//! Invariants: a process is known by its number *and* its start time, so a number the kernel
//! has given away again is never signalled. A started process shares nothing with us: it has
//! its own session, and our end does not end it.

mod filter;
mod given;
mod identity;
mod launch;
mod secret;
mod view;
mod watched;

pub(crate) use given::{Given, LOOK, within};
pub use identity::{Process, ours};
pub(crate) use identity::{is_in_use, may_raise_limits};
pub(crate) use launch::{Launch, Launched, launch};
pub(crate) use secret::{
    devices_descriptor, devices_file, devices_written, passphrase, sealed_file, secret_file,
};
pub(crate) use view::{OwnFile, View};

/// Where programs are looked for, whatever the environment says.
pub(crate) const PROGRAM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
