//! The QEMU engine: desktops as virtual machines on this host.
//!
//! [`QemuEngine`] is the trait [`Engine`](rolltop_engine::Engine) made real with QEMU, network
//! namespaces, nftables, control groups and encrypted disks; [`remote`] carries any engine over
//! the socket between the api and the host.
//!
//! Invariants of the whole: a machine belongs to no process of ours and survives each of them.
//! What is known can be read back from the directory and the running processes. A guest is
//! hostile from its first instruction: its QEMU has a user of its own and no network, and
//! nothing a guest has written is parsed with our rights. A disk's key is on no command line,
//! in no environment and on no disk.
//!
//! Deliberately absent: users, names, databases, HTTP, what a desktop is for.

mod accel;
mod cgroup;
mod claim;
mod command_line;
mod config;
mod console;
mod durable;
mod engine;
mod fault;
mod host;
mod host_status;
mod identity;
mod layer;
mod layout;
mod machine;
mod memory;
mod nbd;
mod network;
mod process;
mod qemu;
mod qmp;
mod record;
pub mod remote;
mod users;

pub use config::{AcceleratorChoice, NetworkConfig, QemuConfig};
pub use engine::QemuEngine;
pub use layout::bakes;
pub use network::{Cidr, CidrError, Used, forwarding_dropped, range_conflict};
pub use users::uids;
