//! What can be set about the jump host.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Read once at start.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Default `0.0.0.0:2222`.
    pub listen: SocketAddr,
    /// The api's socket for the jump host.
    pub api_socket: PathBuf,
    /// Holds the host key. Must exist.
    pub data_dir: PathBuf,
    pub limits: Limits,
}

impl GatewayConfig {
    pub fn new(api_socket: PathBuf, data_dir: PathBuf) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 2222));
        Self { listen, api_socket, data_dir, limits: Limits::default() }
    }
}

/// What strangers and people may take up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time. Default 1000.
    pub connections: usize,
    /// Those from one network, which is an address of IPv4 or a /64 of IPv6. Default 200: people share addresses.
    pub per_network: usize,
    /// Those that are logging in; more wait for their turn. Default 100.
    pub strangers: usize,
    /// How long somebody may take to log in though others wait. Default 5 s: programs need one.
    pub grace: Duration,
    /// How long to wait for a turn. Default 30 s.
    pub wait: Duration,
    /// For logging in; a person may have to type a passphrase meanwhile. Default 60 s.
    pub login: Duration,
    /// Keys that may be tried on one connection. Default 20: agents of people who have many offer them all.
    pub attempts: usize,
    /// Channels on one connection. Default 32.
    pub channels: usize,
    /// How often it is asked whether the key of an open connection is still there. Default 3 s.
    pub recheck: Duration,
    /// A client that takes nothing and says nothing for this long is let go. Default 5 min.
    pub silence: Duration,
}

impl Limits {
    pub(crate) fn admission(&self) -> rolltop_admission::Limits {
        let Self { connections, per_network, strangers, grace, wait, .. } = *self;
        rolltop_admission::Limits { connections, per_network, strangers, grace, wait }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            per_network: 200,
            strangers: 100,
            grace: Duration::from_secs(5),
            wait: Duration::from_secs(30),
            login: Duration::from_secs(60),
            attempts: 20,
            channels: 32,
            recheck: Duration::from_secs(3),
            silence: Duration::from_secs(300),
        }
    }
}
