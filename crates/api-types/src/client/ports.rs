//! TCP ports of a desktop.

use rolltop_model::DesktopId;

use super::{Client, ClientError, json};
#[cfg(feature = "screen")]
use crate::TCP_PROTOCOL;
use crate::{PortEntry, PortList};

/// One TCP connection. Binary messages carry its bytes, cut anywhere; an empty one says that its
/// sender has no more to send. Closed with 1000 once both have said so, or by whoever wants no more.
#[cfg(feature = "screen")]
pub type PortSocket = tokio_tungstenite::WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `GET /v1/desktops/{id}/ports`
    pub async fn ports(&self, id: DesktopId) -> Result<Vec<PortEntry>, ClientError> {
        let list: PortList = json(self.get(&["v1", "desktops", &id.to_string(), "ports"])).await?;
        Ok(list.items)
    }

    /// `GET /v1/desktops/{id}/ports/{port}`
    #[cfg(feature = "screen")]
    pub async fn connect_port(&self, id: DesktopId, port: u16) -> Result<PortSocket, ClientError> {
        let url = self.url(&["v1", "desktops", &id.to_string(), "ports", &port.to_string()]);
        self.websocket(url, TCP_PROTOCOL).await
    }
}
