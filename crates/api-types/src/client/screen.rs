//! A desktop's screen as a WebSocket, for programs that speak RFB themselves.

use http::StatusCode;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use rolltop_model::DesktopId;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::{Client, ClientError, send};
use crate::operation::Operation;
use crate::{WakeQuery, op};

/// RFB bytes in binary messages, both ways.
pub type ScreenSocket = WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `GET /v1/desktops/{id}/screen`
    pub async fn screen(&self, id: DesktopId) -> Result<ScreenSocket, ClientError> {
        self.websocket::<op::OpenScreen>(id, &WakeQuery { wake: true }).await
    }

    /// Opens the WebSocket that an operation is.
    pub(super) async fn websocket<O: Operation>(
        &self,
        path: O::Path,
        query: &O::Query,
    ) -> Result<WebSocketStream<reqwest::Upgraded>, ClientError> {
        let request = self
            .asking_over::<O>(&self.upgrades, path, query)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, generate_key())
            .header(SEC_WEBSOCKET_PROTOCOL, O::DECLARATION.websocket.unwrap_or_default());
        let response = send(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ClientError::NotAWebSocket);
        }
        Ok(WebSocketStream::from_raw_socket(response.upgrade().await?, Role::Client, None).await)
    }
}
