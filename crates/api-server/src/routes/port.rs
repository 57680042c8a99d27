//! `GET /v1/desktops/{id}/ports/{port}`: one TCP connection into a desktop over a WebSocket.
//!
//! Bytes are handed on and never looked at. Whoever takes nothing holds up the other end, for as
//! long as it likes: nothing is piled up here, and nothing is cut off for it. Each direction ends by
//! itself, with an empty message, as the two directions of a TCP connection do.

use axum::extract::ws::close_code;
use axum::response::Response;
use rolltop_api_types::{Port, TCP_PROTOCOL, op};
use rolltop_control::{DoorStream, PortConnection, UseGuard, purpose};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio_util::sync::CancellationToken;

use super::gather::Gather;
use crate::call::Call;
use crate::problems::ApiError;
use crate::socket::{Conversation, End, Incoming, Outgoing, Said};

/// At most about this much goes into one message from a desktop, bytes.
const MESSAGE_BYTES: usize = 64 << 10;
const BROKEN: End = End::new(close_code::ERROR, "the connection inside broke off");
const NOT_BINARY: End = End::new(close_code::UNSUPPORTED, "send binary messages");

pub(crate) async fn open(mut call: Call<op::ConnectPort>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let otherwise = format!("A connection is a WebSocket; open it with subprotocol {TCP_PROTOCOL}.");
    let opening = call.websocket(&otherwise).await?;
    let (_, Port(port)) = call.path;
    // Before the upgrade, so that what goes wrong can still be said.
    let PortConnection { stream, place } = call.control.connect_port(&access, port).await?;
    let (from_desktop, to_desktop) = tokio::io::split(stream);
    let from_desktop = Gather::new(from_desktop, MESSAGE_BYTES);
    Ok(opening.begin(Relay { from_desktop, to_desktop, said_all: CancellationToken::new(), _place: place }))
}

struct Relay {
    from_desktop: Gather<ReadHalf<DoorStream>>,
    to_desktop: WriteHalf<DoorStream>,
    /// The visitor has no more to send, or the desktop takes no more.
    said_all: CancellationToken,
    _place: UseGuard,
}

impl Conversation for Relay {
    const NAME: &'static str = "a connection to a port";
    const IS_PATIENT: bool = true;

    async fn carry(&mut self, to: &Outgoing, from: &mut Incoming) -> End {
        tokio::select! {
            end = outward(&mut self.from_desktop, to, &self.said_all) => end,
            end = inward(from, &mut self.to_desktop, &self.said_all) => end,
        }
    }
}

/// From the desktop to the visitor, until both directions are done.
async fn outward(
    from_desktop: &mut Gather<ReadHalf<DoorStream>>,
    to: &Outgoing,
    said_all: &CancellationToken,
) -> End {
    loop {
        let Ok(bytes) = from_desktop.next().await else { return BROKEN };
        let is_last = bytes.is_empty();
        if let Err(end) = to.bytes(bytes).await {
            return end;
        }
        if is_last {
            said_all.cancelled().await;
            return End::DONE;
        }
    }
}

/// From the visitor to the desktop. A desktop that takes no more may still have something to say, so
/// what comes then is dropped.
async fn inward(
    from: &mut Incoming,
    to_desktop: &mut WriteHalf<DoorStream>,
    said_all: &CancellationToken,
) -> End {
    loop {
        let bytes = match from.next().await {
            Ok(Said::Bytes(bytes)) => bytes,
            Ok(Said::Text(_)) => return NOT_BINARY,
            Err(end) => return end,
        };
        if said_all.is_cancelled() {
            continue;
        }
        if bytes.is_empty() {
            // An error means that the desktop takes no more, which is as well.
            let _ = to_desktop.shutdown().await;
            said_all.cancel();
        } else if to_desktop.write_all(&bytes).await.is_err() || to_desktop.flush().await.is_err() {
            said_all.cancel();
        }
    }
}
