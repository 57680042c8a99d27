//! A desktop's screen as a WebSocket, for programs that speak RFB themselves.

use http::StatusCode;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use reqwest::Url;
use rolltop_model::DesktopId;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Client, ClientError, send};
use crate::SCREEN_PROTOCOL;

/// RFB bytes in binary messages, both ways.
pub type ScreenSocket = WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `GET /v1/desktops/{id}/screen`
    pub async fn screen(&self, id: DesktopId) -> Result<ScreenSocket, ClientError> {
        self.websocket(self.url(&["v1", "desktops", &id.to_string(), "screen"]), SCREEN_PROTOCOL).await
    }

    pub(super) async fn websocket(
        &self,
        address: Url,
        protocol: &str,
    ) -> Result<WebSocketStream<reqwest::Upgraded>, ClientError> {
        let request = self
            .upgrades
            .get(address)
            .headers(self.headers.clone())
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key())
            .header(SEC_WEBSOCKET_PROTOCOL, protocol);
        let response = send(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ClientError::NotAWebSocket);
        }
        Ok(WebSocketStream::from_raw_socket(response.upgrade().await?, Role::Client, None).await)
    }
}
