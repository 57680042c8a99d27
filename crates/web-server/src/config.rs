//! What the web tier is told at start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::Certificate;

#[derive(Debug)]
pub struct WebConfig {
    /// Where to listen; port 0 takes any free one, which [`crate::Server::address`] tells.
    pub listen: SocketAddr,
    /// The API's unix socket.
    pub api_socket: PathBuf,
    /// Where the self-made certificate and its key are kept.
    pub data_dir: PathBuf,
    /// The address people use, such as `https://desk.example.org`, where it differs from what
    /// their browser sends as `Host` (behind a forwarder). Without it, `Host` is believed.
    pub public_url: Option<String>,
    /// The operator's own certificate; without one, one is made at the first start.
    pub certificate: Option<Certificate>,
    pub limits: Limits,
}

/// What strangers and people may take up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at the same time; fewer where the process may not have so many descriptors. Default 8192.
    pub connections: usize,
    /// Those from one network, which is an address of IPv4 or a /64 of IPv6. Default 1024: people share addresses,
    /// and behind a proxy all have one.
    pub per_network: usize,
    /// Those that have not shown a credential; more wait for their turn. Default 1024.
    pub strangers: usize,
    /// How long one of them keeps its place though others wait. Default 5 s.
    pub grace: Duration,
    /// How long to wait for a turn. Default 15 s.
    pub wait: Duration,
    /// From its beginning to its first request. Default 20 s.
    pub head: Duration,
    /// Without a request under way. Default 75 s.
    pub idle: Duration,
    /// Between two parts of a request's body. Default 30 s.
    pub body: Duration,
    /// How long a client may leave unread what it is sent. Default 60 s.
    pub unread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            per_network: 1024,
            strangers: 1024,
            grace: Duration::from_secs(5),
            wait: Duration::from_secs(15),
            head: Duration::from_secs(20),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(30),
            unread: Duration::from_secs(60),
        }
    }
}

impl Limits {
    pub(crate) fn admission(&self) -> rolltop_admission::Limits {
        let Self { connections, per_network, strangers, grace, wait, .. } = *self;
        rolltop_admission::Limits { connections, per_network, strangers, grace, wait }
    }
}
