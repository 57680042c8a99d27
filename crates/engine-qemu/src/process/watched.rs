//! Waiting on a process handle without a thread. `unsafe` is here because tokio can't know
//! that a type's descriptor stays the same one.
#![expect(unsafe_code, reason = "tokio's AsyncFd has no safe constructor for any type")]

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Becomes readable when the process that `handle` stands for has ended.
pub(super) fn watched(handle: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is one open descriptor for as long as it lives, and the `AsyncFd`
    // owns it; nobody else can close or replace it.
    unsafe { AsyncFd::register_with_interest(handle, Interest::READABLE) }.map_err(io::Error::from)
}
