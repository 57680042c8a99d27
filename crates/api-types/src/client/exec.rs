//! Commands run in a desktop.

use std::collections::VecDeque;
use std::pin::Pin;

use futures::{Stream, stream};
use http::header::ACCEPT;
use rolltop_model::DesktopId;

use super::events::Parser;
use super::{Client, ClientError, send};
use crate::operation::NoQuery;
use crate::{ExecEvent, ExecRequest, op};

/// What a command does, up to its end.
pub type ExecStream = Pin<Box<dyn Stream<Item = Result<ExecEvent, ClientError>> + Send>>;

/// The command's output comes in binary messages, its input goes in them; see
/// [`crate::EXEC_PROTOCOL`].
#[cfg(feature = "screen")]
pub type ExecSocket = tokio_tungstenite::WebSocketStream<reqwest::Upgraded>;

impl Client {
    /// `POST /v1/desktops/{id}/exec`. Dropping the stream ends the command.
    pub async fn exec(&self, id: DesktopId, command: &ExecRequest) -> Result<ExecStream, ClientError> {
        let request = self.asking::<op::Exec>(id, &NoQuery {}, command);
        let response = send(request.header(ACCEPT, "text/event-stream")).await?;
        let state = (response, Parser::default(), VecDeque::<String>::new());
        Ok(Box::pin(stream::try_unfold(state, |(mut response, mut parser, mut ready)| async move {
            loop {
                if let Some(data) = ready.pop_front() {
                    match ExecEvent::read(&data).map_err(ClientError::Answer)? {
                        Some(event) => return Ok(Some((event, (response, parser, ready)))),
                        None => continue,
                    }
                }
                match response.chunk().await? {
                    Some(bytes) => parser.feed(&bytes, &mut ready)?,
                    None => return Ok(None),
                }
            }
        })))
    }

    /// `GET /v1/desktops/{id}/exec`: the WebSocket, with nothing said on it yet.
    #[cfg(feature = "screen")]
    pub async fn exec_socket(&self, id: DesktopId) -> Result<ExecSocket, ClientError> {
        self.websocket::<op::OpenExec>(id, &NoQuery {}).await
    }
}
