//! `GET /v1/desktops/{id}/screen`: RFB bytes over a WebSocket.
//!
//! Bytes are handed on as they are, but for sizes and encodings that a viewer asks for, and what the server says is measured
//! on its way (see `control`). Whatever has come from the desktop when the viewer
//! can take more goes out as one message, so that a busy screen costs few system calls; a
//! slow viewer slows the desktop's server down, and the other way round. When either end
//! closes, the other is closed too.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use rolltop_api_types::{SCREEN_PROTOCOL, ScreenControl, ViewerAnswer, op};
use rolltop_control::{
    Control, CredentialGuard, DoorStream, Screen, ScreenGone, ScreenInput, ScreenOutput, purpose,
};
use rolltop_model::DesktopId;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use crate::call::Call;
use crate::config::ApiConfig;
use crate::convert;
use crate::problems::ApiError;

use super::gather::Gather;

/// Longest message a viewer may send, bytes. What is longer, such as a pasted text, comes in several.
const MESSAGE_LIMIT: usize = 1 << 20;
/// Read from a viewer at once, bytes. All of it is set to zero before each reading, so no more than
/// what is typed and pointed at takes.
const READ_BYTES: usize = 4 << 10;
/// Closes a screen whose server has ended in a desktop that goes on.
const SCREEN_ENDED: u16 = 4000;
/// Closes a screen whose server says what none may.
const BAD_SERVER: u16 = 4001;
/// Questions of a viewer that wait for their answers to go out.
const PINGS: usize = 4;
/// At most about this much goes into one message to a viewer.
const MESSAGE_BYTES: usize = 256 << 10;
/// What a viewer is given to paint in a second, pixels: a screen of 4K sixty times. It would stand still over more, which
/// a few bytes can ask for; so that waits.
const PIXELS_PER_SECOND: u64 = 500_000_000;

pub(crate) async fn get(mut call: Call<op::OpenScreen>) -> Result<Response, ApiError> {
    let config = call.state.config.clone();
    let access = call.desktop::<purpose::Control>().await?;
    let upgrade = call.upgrade("The screen is a WebSocket; open it with subprotocol binary.").await?;
    let guard = call.guard()?;
    // Before the upgrade, so that what goes wrong can still be said.
    let screen = call.control.screen(&access, convert::waking(call.query.wake)).await?;
    let relay = Relay { control: call.control, desktop: access.desktop(), config, guard: guard };
    Ok(upgrade
        .protocols([SCREEN_PROTOCOL])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .read_buffer_size(READ_BYTES)
        .on_upgrade(move |socket| relay.run(socket, screen)))
}

struct Relay {
    control: Control,
    desktop: DesktopId,
    config: Arc<ApiConfig>,
    guard: CredentialGuard,
}

/// Why a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Viewer,
    /// The desktop's side closed in good order.
    Ended,
    /// The way to it broke.
    Broken,
    /// The viewer sent a text that is no control message.
    NotControl,
    /// The viewer sent bytes that no screen understands.
    NotRfb,
    /// The desktop's VNC server said what none may.
    BadServer,
    Stalled,
    Revoked,
    Shutdown,
}

impl Relay {
    async fn run(self, socket: WebSocket, screen: Screen) {
        let Screen { stream: screen, mut input, output, place: _place } = screen;
        let (mut to_viewer, mut from_viewer) = socket.split();
        let (from_desktop, mut to_desktop) = tokio::io::split(screen);
        let mut painted = Painted::new(from_desktop, output);
        let (asked, asks) = mpsc::channel(PINGS);
        let end = tokio::select! {
            end = outward(&self.config, &mut painted, &mut to_viewer, asks) => end,
            end = inward(&mut from_viewer, &mut input, &mut to_desktop, &asked) => end,
            () = self.guard.ended() => End::Revoked,
            () = self.config.shutdown.cancelled() => End::Shutdown,
        };
        tracing::debug!(?end, "a screen was closed");
        let frame = close_frame(&self.control, self.desktop, end).await;
        // Neither end is waited for long: it may be gone.
        let _ = timeout(Duration::from_secs(2), to_viewer.send(Message::Close(Some(frame)))).await;
        let _ = timeout(Duration::from_secs(2), to_desktop.shutdown()).await;
    }
}

/// What the desktop's server says, as fast as a viewer can paint it.
struct Painted {
    server: Gather<ReadHalf<DoorStream>>,
    output: ScreenOutput,
    /// What has come, and was not looked at yet.
    come: Bytes,
    /// What was looked at, and may go out when it is paid for.
    next: Bytes,
    /// When the viewer has painted what it got, at the latest.
    paid: Instant,
}

impl Painted {
    fn new(server: ReadHalf<DoorStream>, output: ScreenOutput) -> Self {
        let (come, next) = (Bytes::new(), Bytes::new());
        Self { server: Gather::new(server, MESSAGE_BYTES), output, come, next, paid: a_second_ago() }
    }

    /// Something to hand on. Loses nothing when dropped halfway.
    async fn next(&mut self) -> Result<Bytes, End> {
        if self.next.is_empty() {
            if self.come.is_empty() {
                self.come = self.server.next().await.map_err(|_| End::Broken)?;
            }
            if self.come.is_empty() {
                return Err(End::Ended);
            }
            let passed = self.output.read(&self.come).map_err(|error| {
                tracing::info!(%error, "a screen is closed");
                End::BadServer
            })?;
            self.next = self.come.split_to(passed.bytes);
            self.paid = self.paid.max(a_second_ago()) + painting(passed.pixels);
        }
        if self.paid > Instant::now() {
            sleep_until(self.paid).await;
        }
        Ok(std::mem::take(&mut self.next))
    }
}

/// So that a second's worth may come at once.
fn a_second_ago() -> Instant {
    let now = Instant::now();
    now.checked_sub(Duration::from_secs(1)).unwrap_or(now)
}

fn painting(pixels: u64) -> Duration {
    Duration::from_nanos(pixels.saturating_mul(1_000_000_000 / PIXELS_PER_SECOND))
}

/// From the desktop to the viewer, with a sign of life in silence.
async fn outward(
    config: &ApiConfig,
    painted: &mut Painted,
    to_viewer: &mut SplitSink<WebSocket, Message>,
    mut asks: mpsc::Receiver<u32>,
) -> End {
    let mut heartbeat = interval_at(Instant::now() + config.heartbeat, config.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            bytes = painted.next() => match bytes {
                Ok(bytes) => Message::Binary(bytes),
                Err(end) => return end,
            },
            Some(number) = asks.recv() => Message::Text(ViewerAnswer::Pong(number).to_text().into()),
            _ = heartbeat.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(config.stalled_viewer, to_viewer.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Viewer,
            Err(_) => return End::Stalled,
        }
    }
}

/// From the viewer to the desktop.
async fn inward(
    from_viewer: &mut SplitStream<WebSocket>,
    input: &mut ScreenInput,
    to_desktop: &mut WriteHalf<DoorStream>,
    asked: &mpsc::Sender<u32>,
) -> End {
    loop {
        let message = tokio::select! {
            message = from_viewer.next() => message,
            wish = input.later() => {
                if !write(to_desktop, &wish).await {
                    return End::Broken;
                }
                continue;
            }
        };
        let Some(message) = message else { return End::Viewer };
        match message {
            Ok(Message::Binary(bytes)) => {
                let Ok(bytes) = input.read(&bytes) else { return End::NotRfb };
                if !write(to_desktop, &bytes).await {
                    return End::Broken;
                }
            }
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(Message::Text(text)) => match serde_json::from_str(&text) {
                // One who asks faster than answers can go out is answered less often.
                Ok(ScreenControl::Ping(number)) => drop(asked.try_send(number)),
                Err(_) => return End::NotControl,
            },
            Ok(Message::Close(_)) | Err(_) => return End::Viewer,
        }
    }
}

async fn write(to_desktop: &mut WriteHalf<DoorStream>, bytes: &[u8]) -> bool {
    to_desktop.write_all(bytes).await.is_ok() && to_desktop.flush().await.is_ok()
}

/// What the viewer is told at the end, the cause included.
async fn close_frame(control: &Control, desktop: DesktopId, end: End) -> CloseFrame {
    let (code, reason) = match end {
        End::Viewer => (close_code::NORMAL, ""),
        End::Ended => reason(control.why_screen_closed(desktop, true).await),
        End::Broken => reason(control.why_screen_closed(desktop, false).await),
        End::NotControl => (close_code::UNSUPPORTED, "this text is no control message"),
        End::NotRfb => (close_code::UNSUPPORTED, "this is no RFB that the screen understands"),
        End::BadServer => (BAD_SERVER, "the program that draws the screen says what it may not"),
        End::Stalled => (close_code::POLICY, "nothing was taken for too long"),
        End::Revoked => (close_code::POLICY, "the credential is no longer valid"),
        End::Shutdown => (close_code::RESTART, "the server restarts"),
    };
    CloseFrame { code, reason: reason.into() }
}

const fn reason(gone: ScreenGone) -> (u16, &'static str) {
    match gone {
        ScreenGone::Suspended => (close_code::NORMAL, "the desktop was suspended"),
        ScreenGone::Stopped => (close_code::NORMAL, "the desktop was stopped"),
        ScreenGone::Deleted => (close_code::NORMAL, "the desktop was deleted"),
        ScreenGone::Restarted => (close_code::NORMAL, "the desktop starts again"),
        ScreenGone::Failed => (close_code::NORMAL, "the desktop failed"),
        ScreenGone::Connection => (close_code::NORMAL, "the connection to the desktop was lost"),
        ScreenGone::Server => {
            (SCREEN_ENDED, "the program that draws the screen has ended; it is started again")
        }
    }
}
