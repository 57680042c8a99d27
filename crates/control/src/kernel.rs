//! What every capability stands on, and nothing of any of them: the handle and what it holds, access, refusals, jobs, the
//! clock. Nothing in here imports anything from outside of it.

pub(crate) mod caller;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod control;
pub(crate) mod engine;
pub(crate) mod entrance;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod idempotency;
pub(crate) mod in_flight;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod ongoing;
pub(crate) mod state;
