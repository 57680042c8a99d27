//! The jump host: people's own SSH clients go through it to the door of a desktop.
//!
//! ```text
//!  ssh -J rolltop@host:2222 desk@NAME
//!     │ SSH to the jump host: a public key, and one kind of channel, direct-tcpip to NAME:22
//!     ▼
//!  Gateway ── key known? ──────────────► api (its socket for the jump host)
//!     │    ── tunnel to NAME for key ──►   │ authorises, logs, starts what is off
//!     ▼                                    ▼
//!  bytes of the client's own SSH session ═══════════► sshd in the desktop
//! ```
//!
//! The session inside is end to end between client and desktop: only ciphertext passes here. The
//! jump host has no database and decides nothing; what a key may do is asked of the api, for each
//! tunnel anew. A connection ends within seconds of its key's removal. Whatever somebody who has not
//! logged in can make it hold is bounded in number, time and bytes.
//!
//! Deliberately absent: shells, commands, agent, X11 and reverse forwarding, and any other address
//! than a desktop's port 22.

mod config;
mod connection;
mod farewell;
mod host_key;
mod server;
mod target;
mod tunnel;
mod visitor;
mod words;

pub use config::{GatewayConfig, Limits};
pub use host_key::HostKeyError;
pub use server::{Gateway, StartError, bind};
