//! A simulated engine: the same promises as a real one, machines that are tasks of this process.
//!
//! [`SimEngine`] keeps machines, fences, quarantine and layers as `engine` demands, and each
//! running machine has a door with a real SSH server behind it: personalising with host keys,
//! screenshots, a VNC server with a picture that reacts to keys and pointer, files, a few
//! commands. [`SimEngine::faults`] makes it fail, hang or dawdle where a test wants it.
//!
//! ```text
//!  SimEngine ─► World (plain state, synchronous) ─► state file, if it has a directory
//!      │ connect
//!      └─► Guest ─ sshd (russh) ─┬─ rolltop-guest init | screenshot, small commands
//!                                ├─ sftp-server over files in memory
//!                                └─ VNC socket: RFB server of a drawn Screen
//! ```
//!
//! With a directory it remembers machines, layers, fences and what is on the machines' disks
//! (identity and keys, not files) over a restart of its process. Running machines do not
//! survive that: killing the process is like pulling the plug of all of them, and they are
//! observed as off, `Died`.
//!
//! Deliberately absent: isolation, memory, anything about QEMU. Not for guarding anything.

mod engine;
mod faults;
mod guest;
mod screen;
mod state_file;
mod world;

pub use engine::{SimConfig, SimEngine};
pub use faults::{DoorFault, Faults, Moment, Operation};
pub use state_file::StateError;
