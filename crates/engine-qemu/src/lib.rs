//! The QEMU engine: desktops as virtual machines on this host.
//!
//! [`remote`] carries any engine over the socket between the api and the host.

pub mod remote;
