//! `GET /v1/desktops/{id}/ports/{port}`: one TCP connection into a desktop over a WebSocket.
//!
//! Bytes are handed on and never looked at. Whoever takes nothing holds up the other end, for as
//! long as it likes: nothing is piled up here, and nothing is cut off for it. Each direction ends by
//! itself, with an empty message, as the two directions of a TCP connection do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawPathParams, State};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use http::header::UPGRADE;
use rolltop_api_types::{Code, Problem, TCP_PROTOCOL};
use rolltop_control::{Control, PortConnection, purpose};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::gather::Gather;
use super::ports::number;
use crate::config::ApiConfig;
use crate::extract::{Asking, Ticket};
use crate::gate::Bearer;
use crate::problems::ApiError;

/// Longest message that may be sent to a desktop, bytes.
const MESSAGE_LIMIT: usize = 1 << 20;
/// At most about this much goes into one message from a desktop, bytes.
const MESSAGE_BYTES: usize = 64 << 10;

/// A TCP connection
///
/// A WebSocket (HTTP/1.1 upgrade) with subprotocol `rolltop.tcp.1`: one TCP connection to the port on the
/// desktop's loopback. Binary messages carry its bytes both ways, cut anywhere, of at most 1 MiB each. An
/// empty one says that its sender has no more to send; the other direction goes on. Once both have said
/// so, the server closes with 1000; with 1011 it says that the connection inside broke off.
#[utoipa::path(get, path = "/v1/desktops/{id}/ports/{port}", tag = "inside", operation_id = "connectPort",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        ("port" = u16, Path, description = "1 to 65535.", example = 3000, minimum = 1),
    ),
    responses(
        (status = 101, description = "The WebSocket is open, and so is the connection."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_running`; `port_closed`: nothing listens there", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_port`", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "`websocket_required`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_connections`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn open(
    State(control): State<Control>,
    State(config): State<Arc<ApiConfig>>,
    asking: Asking,
    Ticket(access): Ticket<purpose::Control>,
    path: RawPathParams,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let port = number(&path)?;
    let upgrade = upgrade.map_err(|_| {
        let detail = format!("A connection is a WebSocket; open it with subprotocol {TCP_PROTOCOL}.");
        ApiError::new(Code::WebsocketRequired, detail).with_header(UPGRADE, "websocket")
    })?;
    // Before the upgrade, so that what goes wrong can still be said.
    let connection = control.connect_port(&access, port).await?;
    let relay = Relay { control, config, bearer: asking.bearer };
    Ok(upgrade
        .protocols([TCP_PROTOCOL])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .on_upgrade(move |socket| relay.run(socket, connection)))
}

struct Relay {
    control: Control,
    config: Arc<ApiConfig>,
    bearer: Bearer,
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
    async fn run(self, socket: WebSocket, connection: PortConnection) {
        let PortConnection { stream, place: _place } = connection;
        let (mut to_visitor, mut from_visitor) = socket.split();
        let (from_desktop, to_desktop) = tokio::io::split(stream);
        let said_all = CancellationToken::new();
        let end = tokio::select! {
            end = self.outward(Gather::new(from_desktop, MESSAGE_BYTES), &mut to_visitor, &said_all) => end,
            end = inward(&mut from_visitor, to_desktop, &said_all) => end,
            () = self.revoked() => End::Revoked,
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
        let mut heartbeat = self.heartbeat();
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

    /// Resolves once the credential is no longer good.
    async fn revoked(&self) {
        let mut heartbeat = self.heartbeat();
        loop {
            heartbeat.tick().await;
            if !self.bearer.is_still_valid(&self.control).await {
                return;
            }
        }
    }

    fn heartbeat(&self) -> Interval {
        let beat = self.config.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat
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
