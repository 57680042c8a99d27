//! WebSocket sessions: what every one of them does, whatever it is about.
//!
//! ```text
//!  upgrade ─► carry: messages both ways ─┬─ it has said all, or the other side left ─┐
//!                 a ping in silence      ├─ nothing was taken for too long   1008    ├─► close frame ─► the last words
//!                                        ├─ the credential has ended         1008    │                  are read
//!                                        └─ the server stops                 1012 ───┘
//! ```
//!
//! A capability brings a [`Conversation`]: its messages and the ends that only it knows. Heartbeat, credential, slow readers
//! and the common close codes are here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use rolltop_control::CredentialGuard;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Error;

use crate::config::ApiConfig;

/// For the other side to take the close frame and to answer it. It may be gone, so no longer.
const CLOSING: Duration = Duration::from_secs(5);

/// What is said over one WebSocket.
pub(crate) trait Conversation: Send + 'static {
    /// For the log.
    const NAME: &'static str;
    /// Longest message that is taken, bytes.
    const MESSAGE_LIMIT: usize = 1 << 20;
    /// Read at once, bytes. All of it is set to zero before each reading, so one that hears only what is typed and pointed
    /// at wants little. The library's own choice where it says none.
    const READ_BYTES: Option<usize> = None;
    /// Whether whoever takes nothing may go on so for as long as it likes. Else that ends it.
    const IS_PATIENT: bool = false;

    /// Both ways, until one side is done. Dropped halfway where something else ends the session.
    fn carry(&mut self, to: &Outgoing, from: &mut Incoming) -> impl Future<Output = End> + Send;

    /// Takes leave of the desktop, once the other side was told.
    fn finish(self) -> impl Future<Output = ()> + Send
    where
        Self: Sized,
    {
        async {}
    }
}

/// Why a session ended, as the close frame says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    code: u16,
    reason: &'static str,
}

impl End {
    /// The other side left, or all was said.
    pub const DONE: End = End::new(close_code::NORMAL, "");
    pub const STALLED: End = End::new(close_code::POLICY, "nothing was taken for too long");
    const REVOKED: End = End::new(close_code::POLICY, "the credential is no longer valid");
    const RESTART: End = End::new(close_code::RESTART, "the server restarts");

    pub const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// What came was no message that is taken, or the connection is gone.
    fn broken(error: axum::Error) -> Self {
        match error.into_inner().downcast_ref() {
            Some(Error::Capacity(_)) => Self::new(close_code::SIZE, "the message is too long"),
            Some(Error::Utf8(_)) => Self::new(close_code::INVALID, "the text is not UTF-8"),
            Some(Error::Protocol(_)) => Self::new(close_code::PROTOCOL, "that is no WebSocket message"),
            _ => Self::DONE,
        }
    }
}

/// A WebSocket that is asked for and not open yet, so that what goes wrong can still be said.
pub(crate) struct Opening {
    pub upgrade: WebSocketUpgrade,
    pub config: Arc<ApiConfig>,
    pub guard: CredentialGuard,
}

impl Opening {
    pub fn begin<C: Conversation>(self, conversation: C) -> Response {
        let Self { mut upgrade, config, guard } = self;
        if let Some(bytes) = C::READ_BYTES {
            upgrade = upgrade.read_buffer_size(bytes);
        }
        upgrade
            .max_message_size(C::MESSAGE_LIMIT)
            .max_frame_size(C::MESSAGE_LIMIT)
            .on_upgrade(move |socket| hold(socket, conversation, config, guard))
    }
}

async fn hold<C: Conversation>(
    socket: WebSocket,
    mut conversation: C,
    config: Arc<ApiConfig>,
    guard: CredentialGuard,
) {
    let (sink, stream) = socket.split();
    let patience = (!C::IS_PATIENT).then_some(config.stalled_viewer);
    let (to, mut from) = (Outgoing { sink: Mutex::new(sink), patience }, Incoming(stream));
    let end = tokio::select! {
        end = conversation.carry(&to, &mut from) => end,
        end = to.beat(config.heartbeat) => end,
        () = guard.ended() => End::REVOKED,
        () = config.shutdown.cancelled() => End::RESTART,
    };
    tracing::debug!(what = C::NAME, ?end, "a WebSocket is closed");
    let frame = CloseFrame { code: end.code, reason: end.reason.into() };
    let mut sink = to.sink.into_inner();
    let told = timeout(CLOSING, sink.send(Message::Close(Some(frame)))).await;
    // Its place is free for others from now on.
    let _ = timeout(CLOSING, conversation.finish()).await;
    if matches!(told, Ok(Ok(()))) {
        // What it still says is read, or the system would throw our last words away with the connection.
        let last_words = async { while let Some(Ok(_)) = from.0.next().await {} };
        let _ = timeout(CLOSING, last_words).await;
    }
}

/// To whoever opened the WebSocket.
pub(crate) struct Outgoing {
    /// Shared with the heartbeat.
    sink: Mutex<SplitSink<WebSocket, Message>>,
    patience: Option<Duration>,
}

impl Outgoing {
    pub async fn bytes(&self, bytes: Bytes) -> Result<(), End> {
        self.send(Message::Binary(bytes)).await
    }

    pub async fn text(&self, text: String) -> Result<(), End> {
        self.send(Message::Text(text.into())).await
    }

    async fn send(&self, message: Message) -> Result<(), End> {
        let sending = async { self.sink.lock().await.send(message).await.map_err(|_| End::DONE) };
        match self.patience {
            Some(patience) => timeout(patience, sending).await.unwrap_or(Err(End::STALLED)),
            None => sending.await,
        }
    }

    /// A sign of life in silence, until nobody takes it.
    async fn beat(&self, every: Duration) -> End {
        let mut heartbeat = interval_at(Instant::now() + every, every);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            heartbeat.tick().await;
            if let Err(end) = self.send(Message::Ping(Bytes::new())).await {
                return end;
            }
        }
    }
}

/// From whoever opened the WebSocket.
pub(crate) struct Incoming(SplitStream<WebSocket>);

/// What it says.
pub(crate) enum Said {
    Bytes(Bytes),
    Text(Utf8Bytes),
}

impl Incoming {
    /// The next message. Loses nothing when dropped halfway.
    pub async fn next(&mut self) -> Result<Said, End> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(Said::Bytes(bytes)),
                Some(Ok(Message::Text(text))) => return Ok(Said::Text(text)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(End::DONE),
                Some(Err(error)) => return Err(End::broken(error)),
            }
        }
    }
}
