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
use std::time::Duration;

use axum::extract::ws::{Utf8Bytes, close_code};
use axum::response::Response;
use bytes::Bytes;
use rolltop_api_types::operation::PathPart as _;
use rolltop_api_types::{TERMINAL_PROTOCOL, TerminalControl, TerminalNumber, ViewerAnswer, op};
use rolltop_control::{Terminal, TerminalLine, TerminalSize, TerminalWindow, purpose};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::gather::Gather;
use crate::call::Call;
use crate::problems::ApiError;
use crate::socket::{Conversation, End, Incoming, Outgoing, Said};

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

const OVER: End = End::new(close_code::NORMAL, "the shell has ended");
const BROKEN: End = End::new(close_code::AWAY, "the way to the desktop is gone");
const NOT_CONTROL: End = End::new(close_code::UNSUPPORTED, "this text is no control message");

pub(crate) async fn open(mut call: Call<op::OpenTerminal>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let otherwise = format!("A terminal is a WebSocket; open it with subprotocol {TERMINAL_PROTOCOL}.");
    let opening = call.websocket(&otherwise).await?;
    let number = number(call.path.1)?;
    let size = TerminalSize::new(call.query.columns, call.query.rows);
    // Before the upgrade, so that what goes wrong can still be said.
    let line = call.control.terminal(&access, number, call.query.wake.into()).await?;
    let attached = Attached::new(line.attach(size).await?);
    Ok(opening.begin(Relay {
        line,
        size,
        attached: Some(attached),
        undrawn: 0,
        due: Instant::now(),
        typed: Vec::new(),
    }))
}

/// As control knows it.
pub(super) fn number(named: TerminalNumber) -> Result<rolltop_control::TerminalNumber, ApiError> {
    rolltop_control::TerminalNumber::new(named.0)
        .ok_or_else(|| ApiError::new(TerminalNumber::PROBLEM, TerminalNumber::MISSING))
}

struct Relay {
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
            Ok(Err(_)) | Err(_) => Err(BROKEN),
        }
    }
}

impl Conversation for Relay {
    const NAME: &'static str = "a terminal";
    const READ_BYTES: Option<usize> = Some(4 << 10);

    async fn carry(&mut self, to: &Outgoing, from: &mut Incoming) -> End {
        loop {
            let step = tokio::select! {
                shown = shown(&mut self.attached, self.due), if self.undrawn < WINDOW => self.show(shown, to).await,
                said = from.next() => match said {
                    Ok(Said::Bytes(bytes)) => self.type_in(&bytes).await,
                    Ok(Said::Text(text)) => self.hear(&text, to).await,
                    Err(end) => Err(end),
                },
            };
            let step = match step {
                Ok(()) => self.catch_up(to).await,
                end => end,
            };
            if let Err(end) = step {
                return end;
            }
        }
    }
}

impl Relay {
    /// What the desktop shows, or why it shows no more.
    async fn show(&mut self, shown: io::Result<Bytes>, to: &Outgoing) -> Result<(), End> {
        match shown {
            Ok(bytes) if bytes.is_empty() => Err(OVER),
            Ok(bytes) => {
                self.undrawn = self.undrawn.saturating_add(bytes.len() as u64);
                if bytes.len() < MESSAGE_BYTES {
                    self.due = Instant::now() + PACE;
                }
                to.bytes(bytes).await
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                self.attached = None;
                Ok(())
            }
            Err(_) => {
                self.line.torn_off();
                Err(BROKEN)
            }
        }
    }

    /// A viewer that was behind and has drawn nearly everything is attached again.
    async fn catch_up(&mut self, to: &Outgoing) -> Result<(), End> {
        if self.attached.is_some() || self.undrawn > CAUGHT_UP {
            return Ok(());
        }
        let terminal = self.line.attach(self.size).await.map_err(|_| BROKEN)?;
        let attached = self.attached.insert(Attached::new(terminal));
        attached.type_in(&std::mem::take(&mut self.typed)).await?;
        self.undrawn = self.undrawn.saturating_add(AFRESH.len() as u64);
        to.bytes(Bytes::from_static(AFRESH)).await
    }

    async fn type_in(&mut self, bytes: &[u8]) -> Result<(), End> {
        match &mut self.attached {
            Some(attached) => attached.type_in(bytes).await,
            None => {
                let room = TYPED_AHEAD.saturating_sub(self.typed.len()).min(bytes.len());
                self.typed.extend(bytes.iter().take(room));
                Ok(())
            }
        }
    }

    async fn hear(&mut self, text: &Utf8Bytes, to: &Outgoing) -> Result<(), End> {
        match serde_json::from_str(text).map_err(|_| NOT_CONTROL)? {
            TerminalControl::Drawn(bytes) => self.undrawn = self.undrawn.saturating_sub(bytes),
            TerminalControl::Resize(size) => {
                self.size = TerminalSize::new(size.columns, size.rows);
                if let Some(attached) = &self.attached {
                    attached.window.resize(self.size).await;
                }
            }
            TerminalControl::Search(text) => match self.line.search(&text).await {
                Ok(found) => to.text(ViewerAnswer::Found(found).to_text()).await?,
                // A desktop that can't search goes on showing what it shows.
                Err(error) => tracing::debug!(%error, "a terminal was not searched"),
            },
            TerminalControl::Ping(number) => to.text(ViewerAnswer::Pong(number).to_text()).await?,
        }
        Ok(())
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
