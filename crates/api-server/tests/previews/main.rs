//! Previews from end to end: the web tier, the API and the simulated engine, asked as a browser asks.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed unwrap in a test is a failed test"
)]

mod answered;
mod frameworks;
mod told;
mod visit;
