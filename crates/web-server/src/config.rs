//! What the web tier is told at start.

use std::net::SocketAddr;
use std::path::PathBuf;

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
}
