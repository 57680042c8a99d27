//! The store on real SQLite files.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

mod accounts;
mod desktops;
mod fixture;
mod reconciling;
mod secrets;
