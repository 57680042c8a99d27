//! What every table leans on: transactions, events in them, jobs, and columns.

pub(crate) mod access_log;
pub(crate) mod database;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod history;
pub(crate) mod idempotency;
pub(crate) mod jobs;
pub(crate) mod moment;
