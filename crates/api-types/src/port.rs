//! TCP ports of a desktop.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A port in which a program waits for connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortEntry {
    #[schema(example = 3000, minimum = 1)]
    pub port: u16,
    /// The program's name, where it is known; the desktop says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "node")]
    pub program: Option<String>,
}

/// Those that can be connected to, by number; at most 256.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortList {
    pub items: Vec<PortEntry>,
}
