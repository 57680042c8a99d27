//! A desktop's terminals.

use rolltop_model::DesktopId;

use super::{Client, ClientError};
use crate::{TerminalNumber, TerminalQuery, op};

/// What is shown comes and what is typed goes in binary messages; see [`crate::TerminalControl`].
pub type TerminalSocket = tokio_tungstenite::WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `GET /v1/desktops/{id}/terminals/{number}`
    pub async fn terminal(
        &self,
        id: DesktopId,
        number: u32,
        size: TerminalQuery,
    ) -> Result<TerminalSocket, ClientError> {
        self.websocket::<op::OpenTerminal>((id, TerminalNumber(number)), &size).await
    }
}
