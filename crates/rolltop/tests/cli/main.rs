//! The real binary against a whole platform with the simulated engine, in this process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap in a test is a failed test")]

mod copying;
mod desktops;
mod exec;
mod forwarding;
mod platform;
mod signing_in;
mod ssh;
mod transfers;
