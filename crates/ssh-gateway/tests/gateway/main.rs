//! The jump host with stock OpenSSH clients, in front of a real control plane on the simulated engine,
//! whose machines have real SSH servers.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

mod bounds;
mod entering;
mod platform;
mod refusals;
mod revoking;
mod stand_in;
