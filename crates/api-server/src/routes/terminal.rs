//! `GET /v1/desktops/{id}/terminals/{number}`: a terminal over a WebSocket.
//!
//! Bytes are handed on and never looked at. A viewer says how much it has drawn, and is sent no
//! more than [`WINDOW`] beyond that; what comes meanwhile waits in the door, which lets go of a
//! terminal that has too much waiting. Once the viewer has caught up it is attached again and
//! drawn the screen as it then is. So a flood costs the viewer and us a bounded amount, and the
//! desktop's other channels nothing.
//!
//! ```text
//!  attached ──too much waits──► behind ──all was drawn──► attached …
//! ```

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use rolltop_api_types::{TERMINAL_PROTOCOL, TerminalControl, ViewerAnswer, op};
use rolltop_control::{CredentialGuard, Terminal, TerminalLine, TerminalSize, TerminalWindow, purpose};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::gather::Gather;
use super::terminals::number;
use crate::call::Call;
use crate::config::ApiConfig;
use crate::convert;
use crate::problems::ApiError;

/// Longest message a viewer may send, bytes.
const MESSAGE_LIMIT: usize = 1 << 20;
/// Read from a viewer at once, bytes. All of it is set to zero before each reading, so no more than
/// what is typed and pointed at takes.
const READ_BYTES: usize = 4 << 10;
/// At most about this much goes into one message to a viewer, bytes.
const MESSAGE_BYTES: usize = 32 << 10;
/// After a message that was not full, the next one waits this long and takes with it what comes
/// meanwhile: half of the time between two pictures on a viewer's screen, and nothing for an answer to what
/// was typed after a silence.
const PACE: Duration = Duration::from_millis(8);
/// How much may be on its way to a viewer and not drawn yet, bytes.
const WINDOW: u64 = 256 << 10;
/// A viewer with no more than this to draw has caught up, bytes.
const CAUGHT_UP: u64 = 64 << 10;
/// What is typed while the terminal is not attached waits up to this much, bytes.
const TYPED_AHEAD: usize = 64 << 10;
/// For a desktop to take what was typed.
const TYPING_DEADLINE: Duration = Duration::from_secs(30);
/// Ends whatever sequence was cut, and clears the viewer's terminal.
const AFRESH: &[u8] = b"\x18\x1bc";

pub(crate) async fn open(mut call: Call<op::OpenTerminal>) -> Result<Response, ApiError> {
    let config = call.state.config.clone();
    let access = call.desktop::<purpose::Control>().await?;
    let otherwise = format!("A terminal is a WebSocket; open it with subprotocol {TERMINAL_PROTOCOL}.");
    let upgrade = call.upgrade(&otherwise).await?;
    let number = number(call.path.1)?;
    let size = TerminalSize::new(call.query.columns, call.query.rows);
    let guard = call.guard()?;
    // Before the upgrade, so that what goes wrong can still be said.
    let line = call.control.terminal(&access, number, convert::waking(call.query.wake)).await?;
    let attached = Attached::new(line.attach(size).await?);
    let relay = Relay {
        config,
        line,
        size,
        attached: Some(attached),
        undrawn: 0,
        due: Instant::now(),
        typed: Vec::new(),
    };
    Ok(upgrade
        .protocols([TERMINAL_PROTOCOL])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .read_buffer_size(READ_BYTES)
        .on_upgrade(move |socket| relay.run(socket, guard)))
}

struct Relay {
    config: Arc<ApiConfig>,
    line: TerminalLine,
    size: TerminalSize,
    /// Absent while the viewer is behind.
    attached: Option<Attached>,
    /// Bytes sent that the viewer has not drawn yet.
    undrawn: u64,
    /// When more may be sent.
    due: Instant,
    /// What was typed while nothing was attached.
    typed: Vec<u8>,
}

struct Attached {
    shown: Gather<ReadHalf<Terminal>>,
    typing: WriteHalf<Terminal>,
    window: TerminalWindow,
}

impl Attached {
    fn new(terminal: Terminal) -> Self {
        let window = terminal.window();
        let (shown, typing) = tokio::io::split(terminal);
        Self { shown: Gather::new(shown, MESSAGE_BYTES), typing, window }
    }

    async fn type_in(&mut self, bytes: &[u8]) -> Result<(), End> {
        let typing = async {
            self.typing.write_all(bytes).await?;
            self.typing.flush().await
        };
        match timeout(TYPING_DEADLINE, typing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Desktop),
        }
    }
}

/// Why a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Viewer,
    /// The shell has ended.
    Over,
    /// The way to the desktop is gone.
    Desktop,
    /// The viewer sent a text that is no control message.
    NotControl,
    Stalled,
    Revoked,
    Shutdown,
}

type ToViewer = SplitSink<WebSocket, Message>;
type FromViewer = SplitStream<WebSocket>;

impl Relay {
    async fn run(mut self, socket: WebSocket, guard: CredentialGuard) {
        let (mut to_viewer, mut from_viewer) = socket.split();
        let shutdown = self.config.shutdown.clone();
        let end = tokio::select! {
            end = self.carry(&mut to_viewer, &mut from_viewer) => end,
            () = guard.ended() => End::Revoked,
            () = shutdown.cancelled() => End::Shutdown,
        };
        tracing::debug!(?end, "a terminal was closed");
        // Not waited for long: the viewer may be gone.
        let _ = timeout(Duration::from_secs(2), to_viewer.send(Message::Close(Some(close_frame(end))))).await;
    }

    /// Both ways, until either end is done.
    async fn carry(&mut self, to_viewer: &mut ToViewer, from_viewer: &mut FromViewer) -> End {
        let beat = self.config.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                shown = shown(&mut self.attached, self.due), if self.undrawn < WINDOW => self.show(shown, to_viewer).await,
                message = from_viewer.next() => self.hear(message, to_viewer).await,
                _ = heartbeat.tick() => self.send(Message::Ping(Bytes::new()), to_viewer).await,
            };
            let step = match step {
                Ok(()) => self.catch_up(to_viewer).await,
                end => end,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    /// What the desktop shows, or why it shows no more.
    async fn show(&mut self, shown: io::Result<Bytes>, to_viewer: &mut ToViewer) -> Result<(), End> {
        match shown {
            Ok(bytes) if bytes.is_empty() => Err(End::Over),
            Ok(bytes) => {
                self.undrawn = self.undrawn.saturating_add(bytes.len() as u64);
                if bytes.len() < MESSAGE_BYTES {
                    self.due = Instant::now() + PACE;
                }
                self.send(Message::Binary(bytes), to_viewer).await
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.attached = None;
                Ok(())
            }
            Err(_) => Err(End::Desktop),
        }
    }

    /// A viewer that was behind and has drawn nearly everything is attached again.
    async fn catch_up(&mut self, to_viewer: &mut ToViewer) -> Result<(), End> {
        if self.attached.is_some() || self.undrawn > CAUGHT_UP {
            return Ok(());
        }
        let terminal = self.line.attach(self.size).await.map_err(|_| End::Desktop)?;
        let attached = self.attached.insert(Attached::new(terminal));
        attached.type_in(&std::mem::take(&mut self.typed)).await?;
        self.undrawn = self.undrawn.saturating_add(AFRESH.len() as u64);
        self.send(Message::Binary(Bytes::from_static(AFRESH)), to_viewer).await
    }

    async fn hear(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
        to_viewer: &mut ToViewer,
    ) -> Result<(), End> {
        match message {
            Some(Ok(Message::Binary(bytes))) => match &mut self.attached {
                Some(attached) => attached.type_in(&bytes).await,
                None => {
                    let room = TYPED_AHEAD.saturating_sub(self.typed.len()).min(bytes.len());
                    self.typed.extend(bytes.iter().take(room));
                    Ok(())
                }
            },
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(TerminalControl::Drawn(bytes)) => {
                    self.undrawn = self.undrawn.saturating_sub(bytes);
                    Ok(())
                }
                Ok(TerminalControl::Resize(size)) => {
                    self.size = TerminalSize::new(size.columns, size.rows);
                    if let Some(attached) = &self.attached {
                        attached.window.resize(self.size).await;
                    }
                    Ok(())
                }
                Ok(TerminalControl::Search(text)) => match self.line.search(&text).await {
                    Ok(found) => {
                        self.send(Message::Text(ViewerAnswer::Found(found).to_text().into()), to_viewer).await
                    }
                    // A desktop that can't search goes on showing what it shows.
                    Err(error) => {
                        tracing::debug!(%error, "a terminal was not searched");
                        Ok(())
                    }
                },
                Ok(TerminalControl::Ping(number)) => {
                    self.send(Message::Text(ViewerAnswer::Pong(number).to_text().into()), to_viewer).await
                }
                Err(_) => Err(End::NotControl),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Viewer),
        }
    }

    async fn send(&mut self, message: Message, to_viewer: &mut ToViewer) -> Result<(), End> {
        match timeout(self.config.stalled_viewer, to_viewer.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Viewer),
            Err(_) => Err(End::Stalled),
        }
    }
}

/// What is shown next, not before it is due; nothing ever while nothing is attached. Loses nothing when dropped
/// halfway.
async fn shown(attached: &mut Option<Attached>, due: Instant) -> io::Result<Bytes> {
    match attached {
        Some(attached) => {
            sleep_until(due).await;
            attached.shown.next().await
        }
        None => std::future::pending().await,
    }
}

fn close_frame(end: End) -> CloseFrame {
    let (code, reason) = match end {
        End::Viewer => (close_code::NORMAL, ""),
        End::Over => (close_code::NORMAL, "the shell has ended"),
        End::Desktop => (close_code::AWAY, "the way to the desktop is gone"),
        End::NotControl => (close_code::UNSUPPORTED, "this text is no control message"),
        End::Stalled => (close_code::POLICY, "nothing was taken for too long"),
        End::Revoked => (close_code::POLICY, "the credential is no longer valid"),
        End::Shutdown => (close_code::RESTART, "the server restarts"),
    };
    CloseFrame { code, reason: reason.into() }
}
