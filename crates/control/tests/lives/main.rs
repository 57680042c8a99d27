//! The control plane with a real database and the simulated engine, whose machines have real
//! SSH servers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap in a fixture is a failed test")]

mod accounts;
mod copies;
mod crashes;
mod disk;
mod faults;
mod fixture;
mod ordinary;
mod plain;
mod setup;
mod sleep;
mod snapshots;
mod templates;
mod transfer;
mod undo;
