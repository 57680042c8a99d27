//! TCP ports of a desktop.

use rolltop_model::DesktopId;

use super::{Client, ClientError};
use crate::operation::NoQuery;
use crate::{Port, op};

/// One TCP connection. Binary messages carry its bytes, cut anywhere; an empty one says that its
/// sender has no more to send. Closed with 1000 once both have said so, or by whoever wants no more.
pub type PortSocket = tokio_tungstenite::WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `GET /v1/desktops/{id}/ports/{port}`
    pub async fn connect_port(&self, id: DesktopId, port: u16) -> Result<PortSocket, ClientError> {
        self.websocket::<op::ConnectPort>((id, Port(port)), &NoQuery {}).await
    }
}
