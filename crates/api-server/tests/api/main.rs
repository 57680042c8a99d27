//! The API over its real socket, on a real database and the simulated engine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed unwrap in a test is a failed test"
)]

mod account;
mod admin;
mod api_keys;
mod authorisation;
mod desktops;
mod device;
mod ending;
mod events;
mod exec;
mod files;
mod gate;
mod input;
mod ports;
mod previews;
mod screen;
mod serving;
mod sleep;
mod ssh_keys;
mod terminal;
mod told;
mod transfer;
