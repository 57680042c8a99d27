//! TCP ports of a desktop.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Code;
use crate::operation::PathPart;

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

/// A TCP port, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub u16);

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Port {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse().ok().filter(|port| *port != 0).map(Self).ok_or(())
    }
}

impl PathPart for Port {
    const DESCRIPTION: &'static str = "1 to 65535.";
    const EXAMPLE: &'static str = "3000";
    const MISSING: &'static str = "Ports have the numbers 1 to 65535.";
    const PROBLEM: Code = Code::InvalidPort;
    const FIELD: Option<&'static str> = Some("port");
    const LEAST: Option<u32> = Some(1);
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{Port, PortEntry, PortList};
    use crate::operation::{CONTROL, operations};

    operations! {
        /// The ports
        ///
        /// TCP ports in which a program in the desktop waits for connections and which can be opened, by number.
        ListPorts as ports -> [PortEntry]: GET "/v1/desktops/{id}/ports" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            reply: 200 "By number." PortList,
            errors: [NotFound, NotRunning, DesktopUnreachable],
        }

        /// A TCP connection
        ///
        /// A WebSocket (HTTP/1.1 upgrade) with subprotocol `rolltop.tcp.1`: one TCP connection to the port on the
        /// desktop's loopback. Binary messages carry its bytes both ways, cut anywhere, of at most 1 MiB each. An
        /// empty one says that its sender has no more to send; the other direction goes on. Once both have said
        /// so, the server closes with 1000; with 1011 it says that the connection inside broke off.
        ConnectPort: GET "/v1/desktops/{id}/ports/{port}" {
            tag: "inside",
            access: CONTROL,
            path: (DesktopId, Port),
            websocket: crate::TCP_PROTOCOL,
            reply: 101 "The WebSocket is open, and so is the connection.",
            errors: [
                NotFound, NotRunning, PortClosed ": nothing listens there", InvalidPort,
                WebsocketRequired, RateLimited, TooManyConnections, DesktopUnreachable,
            ],
        }
    }
}
