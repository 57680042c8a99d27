//! The store on real SQLite files.

mod accounts;
mod desktops;
mod fixture;
mod reconciling;
mod secrets;
