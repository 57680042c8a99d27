//! `GET /v1/desktops/{id}/screen`: RFB bytes over a WebSocket.
//!
//! Bytes are handed on as they are, but for sizes and encodings that a viewer asks for, and what the server says is measured
//! on its way (see `control`). Whatever has come from the desktop when the viewer
//! can take more goes out as one message, so that a busy screen costs few system calls; a
//! slow viewer slows the desktop's server down, and the other way round. When either end
//! closes, the other is closed too.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::extract::ws::close_code;
use axum::response::Response;
use bytes::Bytes;
use rolltop_api_types::{ScreenControl, ViewerAnswer, op};
use rolltop_control::{
    Control, DoorStream, Screen, ScreenGone, ScreenInput, ScreenOutput, UseGuard, purpose,
};
use rolltop_model::DesktopId;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::call::Call;
use crate::problems::ApiError;
use crate::socket::{Conversation, End, Incoming, Outgoing, Said};

use super::gather::Gather;

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

const NOT_CONTROL: End = End::new(close_code::UNSUPPORTED, "this text is no control message");
const NOT_RFB: End = End::new(close_code::UNSUPPORTED, "this is no RFB that the screen understands");
const SAYS_WHAT_IT_MAY_NOT: End =
    End::new(BAD_SERVER, "the program that draws the screen says what it may not");

pub(crate) async fn get(mut call: Call<op::OpenScreen>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let opening = call.websocket("The screen is a WebSocket; open it with subprotocol binary.").await?;
    // Before the upgrade, so that what goes wrong can still be said.
    let screen = call.control.screen(&access, call.query.wake.into()).await?;
    let Screen { stream, input, output, place } = screen;
    let (from_desktop, to_desktop) = tokio::io::split(stream);
    let painted = Painted::new(from_desktop, output);
    let desktop = access.desktop();
    Ok(opening.begin(Relay { control: call.control, desktop, painted, input, to_desktop, _place: place }))
}

struct Relay {
    control: Control,
    desktop: DesktopId,
    painted: Painted,
    input: ScreenInput,
    to_desktop: WriteHalf<DoorStream>,
    _place: UseGuard,
}

/// Why nothing more goes to or fro.
enum Over {
    /// The desktop's side closed in good order.
    Ended,
    /// The way to it broke.
    Broken,
    /// All else.
    Said(End),
}

impl From<End> for Over {
    fn from(end: End) -> Self {
        Self::Said(end)
    }
}

impl Conversation for Relay {
    const NAME: &'static str = "a screen";
    const READ_BYTES: Option<usize> = Some(4 << 10);

    async fn carry(&mut self, to: &Outgoing, from: &mut Incoming) -> End {
        let (asked, asks) = mpsc::channel(PINGS);
        let over = tokio::select! {
            over = outward(&mut self.painted, to, asks) => over,
            over = inward(from, &mut self.input, &mut self.to_desktop, &asked) => over,
        };
        let Err(over) = over;
        match over {
            Over::Ended => end(self.control.why_screen_closed(self.desktop, true).await),
            Over::Broken => end(self.control.why_screen_closed(self.desktop, false).await),
            Over::Said(end) => end,
        }
    }

    async fn finish(mut self) {
        let _ = self.to_desktop.shutdown().await;
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
    async fn next(&mut self) -> Result<Bytes, Over> {
        if self.next.is_empty() {
            if self.come.is_empty() {
                self.come = self.server.next().await.map_err(|_| Over::Broken)?;
            }
            if self.come.is_empty() {
                return Err(Over::Ended);
            }
            let passed = self.output.read(&self.come).map_err(|error| {
                tracing::info!(%error, "a screen is closed");
                SAYS_WHAT_IT_MAY_NOT
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

/// From the desktop to the viewer.
async fn outward(
    painted: &mut Painted,
    to: &Outgoing,
    mut asks: mpsc::Receiver<u32>,
) -> Result<Infallible, Over> {
    loop {
        tokio::select! {
            bytes = painted.next() => to.bytes(bytes?).await?,
            Some(number) = asks.recv() => to.text(ViewerAnswer::Pong(number).to_text()).await?,
        }
    }
}

/// From the viewer to the desktop.
async fn inward(
    from: &mut Incoming,
    input: &mut ScreenInput,
    to_desktop: &mut WriteHalf<DoorStream>,
    asked: &mpsc::Sender<u32>,
) -> Result<Infallible, Over> {
    loop {
        let said = tokio::select! {
            said = from.next() => said?,
            wish = input.later() => {
                write(to_desktop, &wish).await?;
                continue;
            }
        };
        match said {
            Said::Bytes(bytes) => {
                let bytes = input.read(&bytes).map_err(|_| NOT_RFB)?;
                write(to_desktop, &bytes).await?;
            }
            Said::Text(text) => match serde_json::from_str(&text) {
                // One who asks faster than answers can go out is answered less often.
                Ok(ScreenControl::Ping(number)) => drop(asked.try_send(number)),
                Err(_) => return Err(NOT_CONTROL.into()),
            },
        }
    }
}

async fn write(to_desktop: &mut WriteHalf<DoorStream>, bytes: &[u8]) -> Result<(), Over> {
    let written = async {
        to_desktop.write_all(bytes).await?;
        to_desktop.flush().await
    };
    written.await.map_err(|_: io::Error| Over::Broken)
}

const fn end(gone: ScreenGone) -> End {
    match gone {
        ScreenGone::Suspended => End::new(close_code::NORMAL, "the desktop was suspended"),
        ScreenGone::Stopped => End::new(close_code::NORMAL, "the desktop was stopped"),
        ScreenGone::Deleted => End::new(close_code::NORMAL, "the desktop was deleted"),
        ScreenGone::Restarted => End::new(close_code::NORMAL, "the desktop starts again"),
        ScreenGone::Failed => End::new(close_code::NORMAL, "the desktop failed"),
        ScreenGone::Connection => End::new(close_code::NORMAL, "the connection to the desktop was lost"),
        ScreenGone::Server => {
            End::new(SCREEN_ENDED, "the program that draws the screen has ended; it is started again")
        }
    }
}
