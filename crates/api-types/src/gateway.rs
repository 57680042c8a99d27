//! What the jump host and the API say to each other, on a socket of their own.

use serde::{Deserialize, Serialize};

/// Name of the protocol that a tunnel's HTTP connection is upgraded to: plain bytes, both ways.
pub const TUNNEL_PROTOCOL: &str = "rolltop-tunnel";
/// Who everybody logs in as at the jump host.
pub const JUMP_USER: &str = "rolltop";

/// The jump host says who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayIntroduction {
    /// Its host key, one OpenSSH public line.
    pub host_key: String,
    pub port: u16,
}

/// A key that somebody has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyQuery {
    /// `SHA256:` and base64.
    pub fingerprint: String,
}

/// Whether anybody has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyKnown {
    pub known: bool,
}

/// Where somebody who has proved to hold a key wants to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TunnelQuery {
    pub fingerprint: String,
    /// A desktop's name or id.
    pub desktop: String,
}
