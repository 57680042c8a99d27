//! A desktop's terminals.

use http::Method;
use rolltop_model::DesktopId;

use super::{Client, ClientError, json, nothing};
#[cfg(feature = "screen")]
use crate::{TERMINAL_PROTOCOL, TerminalQuery};
use crate::{TerminalEntry, TerminalList};

/// What is shown comes and what is typed goes in binary messages; see [`crate::TerminalControl`].
#[cfg(feature = "screen")]
pub type TerminalSocket = tokio_tungstenite::WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `GET /v1/desktops/{id}/terminals`
    pub async fn terminals(&self, id: DesktopId) -> Result<Vec<TerminalEntry>, ClientError> {
        let list: TerminalList = json(self.get(&["v1", "desktops", &id.to_string(), "terminals"])).await?;
        Ok(list.items)
    }

    /// `DELETE /v1/desktops/{id}/terminals/{number}`
    pub async fn close_terminal(&self, id: DesktopId, number: u32) -> Result<(), ClientError> {
        let path = ["v1", "desktops", &id.to_string(), "terminals", &number.to_string()];
        nothing(self.request(Method::DELETE, &path)).await
    }

    /// `GET /v1/desktops/{id}/terminals/{number}`
    #[cfg(feature = "screen")]
    pub async fn terminal(
        &self,
        id: DesktopId,
        number: u32,
        size: TerminalQuery,
    ) -> Result<TerminalSocket, ClientError> {
        let mut url = self.url(&["v1", "desktops", &id.to_string(), "terminals", &number.to_string()]);
        url.query_pairs_mut()
            .append_pair("columns", &size.columns.to_string())
            .append_pair("rows", &size.rows.to_string());
        self.websocket(url, TERMINAL_PROTOCOL).await
    }
}
