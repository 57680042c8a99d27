//! QEMU processes: starting one with no more rights than it needs, knowing it again after a
//! restart of ours, and ending it.
//!
//! Invariants: a process is known by its number *and* its start time, so a number the kernel
//! has given away again is never signalled. A started process shares nothing with us: it has
//! its own session, and our end does not end it.

mod identity;
mod launch;
mod secret;
mod watched;

pub(crate) use identity::may_raise_limits;
pub use identity::{Process, ours};
pub(crate) use launch::{Launch, launch};
pub(crate) use secret::{
    devices_descriptor, devices_file, devices_written, passphrase, sealed_file, secret_file,
};

/// Where programs are looked for, whatever the environment says.
pub(crate) const PROGRAM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
