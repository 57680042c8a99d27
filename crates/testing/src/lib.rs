//! What tests of several crates share: a whole platform over simulated machines, and waiting for what comes to be.
//!
//! [`Platform`] is the API with its database, and where a test wants them [`Platform::web`] and [`Platform::jump_host`] before
//! it, all in one process and a temporary directory. What goes wrong in it is said to [`Faults`], which
//! `platform.engine.faults()` gives.
//!
//! Nothing of the product may use this crate; it is for `dev-dependencies`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails in a fixture fails the test")]

mod fronts;
mod furnished;
mod platform;
mod waiting;

pub use fronts::{Web, jump_host};
pub use furnished::{NAME, PASSWORD};
pub use platform::{Platform, insert_key};
pub use rolltop_sim::{DoorFault, Faults, Moment, Operation};
pub use waiting::{PATIENCE, comes_true, eventually};
