//! The control plane with a real database and the simulated engine, whose machines have real
//! SSH servers.

mod accounts;
mod crashes;
mod faults;
mod fixture;
mod ordinary;
