//! `GET /v1/desktops/{id}/exec`: a command over a WebSocket, with its input as it comes.
//!
//! Both sides say how much they have taken, so a flood costs neither of them more than a window,
//! the WebSocket itself never stands still, and a caller may leave output unread for hours.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::close_code;
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use rolltop_api_types::{
    EXEC_MESSAGE_COST, EXEC_PROTOCOL, EXEC_STDERR, EXEC_STDOUT, ExecControl, ExecEvent, ExecRequest, op,
};
use rolltop_control::{ExecLine, Process, ProcessError, ProcessEvent, ProcessInput, purpose};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::{command, exit, limit, lost, refused, timed_out};
use crate::call::Call;
use crate::problems::ApiError;
use crate::socket::{Conversation, End, Incoming, Outgoing, Said};

/// Output that may be on its way to a caller, bytes and what each message costs besides.
const WINDOW: u64 = 512 << 10;
/// Input that may be on its way to the command, the same way.
const INPUT_WINDOW: u32 = 512 << 10;
/// For a caller to say what it wants.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// A signal's name may be so long.
const LONGEST_SIGNAL: usize = 16;

const NOT_A_MESSAGE: End = End::new(close_code::UNSUPPORTED, "this message is not one of the protocol's");
const TOO_MUCH_INPUT: End = End::new(close_code::POLICY, "more input than was allowed");

pub(crate) async fn open(mut call: Call<op::OpenExec>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::Exec>().await?;
    let otherwise = format!(
        "This is a WebSocket with subprotocol {EXEC_PROTOCOL}; to run a command without input as it comes, use POST."
    );
    let opening = call.websocket(&otherwise).await?;
    // Before the upgrade, so that what goes wrong can still be said.
    let line = call.control.exec(&access).await?;
    Ok(opening.begin(Relay { line, unseen: 0 }))
}

struct Relay {
    line: ExecLine,
    /// Sent and not taken yet.
    unseen: u64,
}

impl Conversation for Relay {
    const NAME: &'static str = "a command's connection";
    /// The longest command with every character of it escaped fits.
    const MESSAGE_LIMIT: usize = 1 << 20;

    async fn carry(&mut self, to: &Outgoing, from: &mut Incoming) -> End {
        self.serve(to, from).await.err().unwrap_or(End::DONE)
    }
}

impl Relay {
    /// Until the command has ended, did not start, or is lost, and the caller was told.
    async fn serve(&mut self, to: &Outgoing, from: &mut Incoming) -> Result<(), End> {
        let request = asked(from).await?;
        let limit = limit(&request).map_err(|_| NOT_A_MESSAGE)?;
        if request.stdin.is_some() || request.stdin_base64.is_some() {
            return Err(NOT_A_MESSAGE);
        }
        let started = match command(request) {
            Ok(command) => self.line.start(command).await.map_err(refused),
            Err(error) => Err(super::not_a_command(error)),
        };
        match started {
            Ok(process) => {
                tell(&ExecEvent::Started, to).await?;
                match timeout(limit, self.relay(process, to, from)).await {
                    Ok(result) => result,
                    Err(_) => tell(&timed_out(), to).await,
                }
            }
            Err(event) => tell(&event, to).await,
        }
    }

    async fn relay(&mut self, process: Process, to: &Outgoing, from: &mut Incoming) -> Result<(), End> {
        let Process { mut output, input } = process;
        let (mut feeder, mut free) = Feeder::new(input);
        tell(&ExecEvent::Input { bytes: INPUT_WINDOW }, to).await?;
        loop {
            tokio::select! {
                event = output.next(), if self.unseen < WINDOW => {
                    if self.show(event, to).await? {
                        return Ok(());
                    }
                }
                said = from.next() => match said? {
                    Said::Bytes(bytes) => feeder.push(bytes)?,
                    Said::Text(text) => match serde_json::from_str(&text).map_err(|_| NOT_A_MESSAGE)? {
                        ExecControl::Taken { bytes } => self.unseen = self.unseen.saturating_sub(bytes.into()),
                        ExecControl::EndInput => feeder.end(),
                        ExecControl::Signal { signal } => feeder.signal(&signal)?,
                    },
                },
                Some(bytes) = free.recv() => {
                    feeder.free(bytes);
                    tell(&ExecEvent::Input { bytes }, to).await?;
                }
            }
        }
    }

    /// Passes on what comes next; true at the end.
    async fn show(&mut self, event: Result<ProcessEvent, ProcessError>, to: &Outgoing) -> Result<bool, End> {
        let (kind, bytes) = match event {
            Ok(ProcessEvent::Stdout(bytes)) => (EXEC_STDOUT, bytes),
            Ok(ProcessEvent::Stderr(bytes)) => (EXEC_STDERR, bytes),
            Ok(ProcessEvent::Exit(how)) => {
                return tell(&ExecEvent::Exit(exit(how)), to).await.map(|()| true);
            }
            Err(error) => {
                tracing::debug!(%error, "a command's end is not known");
                return tell(&lost(), to).await.map(|()| true);
            }
        };
        let mut message = BytesMut::with_capacity(bytes.len() + 1);
        message.put_u8(kind);
        message.put_slice(&bytes);
        self.unseen = self.unseen.saturating_add(cost(bytes.len()).into());
        to.bytes(message.freeze()).await.map(|()| false)
    }
}

async fn tell(event: &ExecEvent, to: &Outgoing) -> Result<(), End> {
    to.text(serde_json::to_string(event).map_err(|_| End::DONE)?).await
}

/// The first message.
async fn asked(from: &mut Incoming) -> Result<ExecRequest, End> {
    match timeout(REQUEST_DEADLINE, from.next()).await.unwrap_or(Err(End::STALLED))? {
        Said::Text(text) => serde_json::from_str(&text).map_err(|_| NOT_A_MESSAGE),
        Said::Bytes(_) => Err(NOT_A_MESSAGE),
    }
}

fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(EXEC_MESSAGE_COST)
}

/// Hands input to the command in a task of its own, as that may not read for long.
struct Feeder {
    /// `None` once there is no more input.
    pieces: Option<UnboundedSender<Bytes>>,
    input: Arc<ProcessInput>,
    /// What the caller may still send.
    allowed: u32,
}

impl Feeder {
    /// With what tells how much has been taken.
    fn new(input: ProcessInput) -> (Self, UnboundedReceiver<u32>) {
        // Bounded by what the caller is allowed.
        let (sender, mut pieces) = unbounded_channel::<Bytes>();
        let (taken, free) = unbounded_channel();
        let input = Arc::new(input);
        let to_command = input.clone();
        tokio::spawn(async move {
            while let Some(piece) = pieces.recv().await {
                let written = to_command.write(&piece).await;
                if !written || taken.send(cost(piece.len())).is_err() {
                    return;
                }
            }
            to_command.end().await;
        });
        (Self { pieces: Some(sender), input, allowed: INPUT_WINDOW }, free)
    }

    fn push(&mut self, bytes: Bytes) -> Result<(), End> {
        self.allowed = self.allowed.checked_sub(cost(bytes.len())).ok_or(TOO_MUCH_INPUT)?;
        if let Some(pieces) = &self.pieces {
            // An error means that the command is gone, which its output tells.
            let _ = pieces.send(bytes);
        }
        Ok(())
    }

    fn free(&mut self, bytes: u32) {
        self.allowed = self.allowed.saturating_add(bytes);
    }

    fn end(&mut self) {
        self.pieces = None;
    }

    fn signal(&self, name: &str) -> Result<(), End> {
        let is_name = name.len() <= LONGEST_SIGNAL
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !is_name {
            return Err(NOT_A_MESSAGE);
        }
        self.input.signal(name);
        Ok(())
    }
}
