//! `GET /v1/desktops/{id}/ports/{port}`: one TCP connection into a desktop over a WebSocket.
//!
//! Bytes are handed on and never looked at. Whoever takes nothing holds up the other end, for as
//! long as it likes: nothing is piled up here, and nothing is cut off for it. Each direction ends by
//! itself, with an empty message, as the two directions of a TCP connection do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use rolltop_api_types::{Port, TCP_PROTOCOL, op};
use rolltop_control::{CredentialGuard, PortConnection, purpose};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::gather::Gather;
use crate::call::Call;
use crate::config::ApiConfig;
use crate::problems::ApiError;

/// Longest message that may be sent to a desktop, bytes.
const MESSAGE_LIMIT: usize = 1 << 20;
/// At most about this much goes into one message from a desktop, bytes.
const MESSAGE_BYTES: usize = 64 << 10;

pub(crate) async fn open(mut call: Call<op::ConnectPort>) -> Result<Response, ApiError> {
    let config = call.state.config.clone();
    let access = call.desktop::<purpose::Control>().await?;
    let otherwise = format!("A connection is a WebSocket; open it with subprotocol {TCP_PROTOCOL}.");
    let upgrade = call.upgrade(&otherwise).await?;
    let (_, Port(port)) = call.path;
    let guard = call.guard()?;
    // Before the upgrade, so that what goes wrong can still be said.
    let connection = call.control.connect_port(&access, port).await?;
    let relay = Relay { config };
    Ok(upgrade
        .protocols([TCP_PROTOCOL])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .on_upgrade(move |socket| relay.run(socket, connection, guard)))
}

struct Relay {
    config: Arc<ApiConfig>,
}

/// Why a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Both directions are done.
    Done,
    Visitor,
    /// The connection inside broke off.
    Desktop,
    /// The visitor sent text.
    NotBinary,
    Revoked,
    Shutdown,
}

impl Relay {
    async fn run(self, socket: WebSocket, connection: PortConnection, guard: CredentialGuard) {
        let PortConnection { stream, place: _place } = connection;
        let (mut to_visitor, mut from_visitor) = socket.split();
        let (from_desktop, to_desktop) = tokio::io::split(stream);
        let said_all = CancellationToken::new();
        let end = tokio::select! {
            end = self.outward(Gather::new(from_desktop, MESSAGE_BYTES), &mut to_visitor, &said_all) => end,
            end = inward(&mut from_visitor, to_desktop, &said_all) => end,
            () = guard.ended() => End::Revoked,
            () = self.config.shutdown.cancelled() => End::Shutdown,
        };
        tracing::debug!(?end, "a connection to a port was closed");
        // Not waited for long: the visitor may be gone.
        let _ =
            timeout(Duration::from_secs(2), to_visitor.send(Message::Close(Some(close_frame(end))))).await;
        // What it still says is read, or the system would throw our last words away with the connection.
        let last = async { while let Some(Ok(_)) = from_visitor.next().await {} };
        let _ = timeout(Duration::from_secs(2), last).await;
    }

    /// From the desktop to the visitor, with a sign of life in silence.
    async fn outward(
        &self,
        mut from_desktop: Gather<impl AsyncRead + Unpin>,
        to_visitor: &mut SplitSink<WebSocket, Message>,
        said_all: &CancellationToken,
    ) -> End {
        let beat = self.config.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut done = false;
        loop {
            let message = tokio::select! {
                bytes = from_desktop.next(), if !done => match bytes {
                    Ok(bytes) => {
                        done = bytes.is_empty();
                        Message::Binary(bytes)
                    }
                    Err(_) => return End::Desktop,
                },
                () = said_all.cancelled(), if done => return End::Done,
                _ = heartbeat.tick() => Message::Ping(Bytes::new()),
            };
            if to_visitor.send(message).await.is_err() {
                return End::Visitor;
            }
        }
    }
}

/// From the visitor to the desktop. A desktop that takes no more may still have something to say, so
/// what comes then is dropped.
async fn inward(
    from_visitor: &mut SplitStream<WebSocket>,
    mut to_desktop: impl AsyncWrite + Unpin,
    said_all: &CancellationToken,
) -> End {
    while let Some(message) = from_visitor.next().await {
        match message {
            Ok(Message::Binary(_)) if said_all.is_cancelled() => {}
            Ok(Message::Binary(bytes)) if bytes.is_empty() => {
                // An error means that the desktop takes no more, which is as well.
                let _ = to_desktop.shutdown().await;
                said_all.cancel();
            }
            Ok(Message::Binary(bytes)) => {
                if to_desktop.write_all(&bytes).await.is_err() || to_desktop.flush().await.is_err() {
                    said_all.cancel();
                }
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Text(_)) => return End::NotBinary,
            Ok(Message::Close(_)) | Err(_) => return End::Visitor,
        }
    }
    End::Visitor
}

fn close_frame(end: End) -> CloseFrame {
    let (code, reason) = match end {
        End::Visitor | End::Done => (close_code::NORMAL, ""),
        End::Desktop => (close_code::ERROR, "the connection inside broke off"),
        End::NotBinary => (close_code::UNSUPPORTED, "send binary messages"),
        End::Revoked => (close_code::POLICY, "the credential is no longer valid"),
        End::Shutdown => (close_code::RESTART, "the server restarts"),
    };
    CloseFrame { code, reason: reason.into() }
}
