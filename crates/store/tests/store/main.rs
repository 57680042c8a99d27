//! The store on real SQLite files, and beside a real PostgreSQL (`scripts/with-postgres`).

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

mod accounts;
mod before;
mod desktops;
mod fixture;
mod jobs;
mod reconciling;
mod secrets;
