//! `GET /v1/desktops/{id}/exec`: a command over a WebSocket, with its input as it comes.
//!
//! Both sides say how much they have taken, so a flood costs neither of them more than a window,
//! the WebSocket itself never stands still, and a caller may leave output unread for hours.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use rolltop_api_types::{
    EXEC_MESSAGE_COST, EXEC_PROTOCOL, EXEC_STDERR, EXEC_STDOUT, ExecControl, ExecEvent, ExecRequest, op,
};
use rolltop_control::{
    CredentialGuard, ExecLine, Process, ProcessError, ProcessEvent, ProcessInput, purpose,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{command, exit, limit, lost, refused, timed_out};
use crate::call::Call;
use crate::config::ApiConfig;
use crate::problems::ApiError;

/// Longest message of a caller, bytes: the longest command with every character of it escaped fits.
const MESSAGE_LIMIT: usize = 1 << 20;
/// Output that may be on its way to a caller, bytes and what each message costs besides.
const WINDOW: u64 = 512 << 10;
/// Input that may be on its way to the command, the same way.
const INPUT_WINDOW: u32 = 512 << 10;
/// For a caller to hear how it ended.
const CLOSING: Duration = Duration::from_secs(5);
/// For a caller to say what it wants.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// A signal's name may be so long.
const LONGEST_SIGNAL: usize = 16;

pub(crate) async fn open(mut call: Call<op::OpenExec>) -> Result<Response, ApiError> {
    let config = call.state.config.clone();
    let access = call.desktop::<purpose::Exec>().await?;
    let otherwise = format!(
        "This is a WebSocket with subprotocol {EXEC_PROTOCOL}; to run a command without input as it comes, use POST."
    );
    let upgrade = call.upgrade(&otherwise).await?;
    let guard = call.guard()?;
    // Before the upgrade, so that what goes wrong can still be said.
    let line = call.control.exec(&access).await?;
    let relay = Relay { config, unseen: 0 };
    Ok(upgrade
        .protocols([EXEC_PROTOCOL])
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .on_upgrade(move |socket| relay.run(socket, line, guard)))
}

struct Relay {
    config: Arc<ApiConfig>,
    /// Sent and not taken yet.
    unseen: u64,
}

/// Why a relay ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Caller,
    /// The command has ended, did not start, or is lost: the caller was told.
    Over,
    NotAMessage,
    TooMuchInput,
    Stalled,
    Revoked,
    Shutdown,
}

type ToCaller = SplitSink<WebSocket, Message>;
type FromCaller = SplitStream<WebSocket>;

impl Relay {
    async fn run(mut self, socket: WebSocket, line: ExecLine, guard: CredentialGuard) {
        let (mut to_caller, mut from_caller) = socket.split();
        let end = tokio::select! {
            served = self.serve(&line, &mut to_caller, &mut from_caller) => served.err().unwrap_or(End::Over),
            () = guard.ended() => End::Revoked,
        };
        tracing::debug!(?end, "a command's connection was closed");
        // Hanging up while the caller still speaks would take from it what it has not read yet.
        let closing = async {
            if to_caller.send(Message::Close(Some(close_frame(end)))).await.is_ok() {
                while let Some(Ok(_)) = from_caller.next().await {}
            }
        };
        // Not waited for long: the caller may be gone.
        let _ = timeout(CLOSING, closing).await;
    }

    async fn serve(
        &mut self,
        line: &ExecLine,
        to_caller: &mut ToCaller,
        from_caller: &mut FromCaller,
    ) -> Result<(), End> {
        let request = asked(from_caller).await?;
        let limit = limit(&request).map_err(|_| End::NotAMessage)?;
        if request.stdin.is_some() || request.stdin_base64.is_some() {
            return Err(End::NotAMessage);
        }
        let started = match command(request) {
            Ok(command) => line.start(command).await.map_err(refused),
            Err(error) => Err(super::not_a_command(error)),
        };
        match started {
            Ok(process) => {
                self.tell(&ExecEvent::Started, to_caller).await?;
                let relaying = self.relay(process, to_caller, from_caller);
                match timeout(limit, relaying).await {
                    Ok(result) => result,
                    Err(_) => self.tell(&timed_out(), to_caller).await,
                }
            }
            Err(event) => self.tell(&event, to_caller).await,
        }
    }

    async fn relay(
        &mut self,
        process: Process,
        to_caller: &mut ToCaller,
        from_caller: &mut FromCaller,
    ) -> Result<(), End> {
        let Process { mut output, input } = process;
        let (mut feeder, mut free) = Feeder::new(input);
        let beat = self.config.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = self.config.shutdown.clone();
        self.tell(&ExecEvent::Input { bytes: INPUT_WINDOW }, to_caller).await?;
        loop {
            tokio::select! {
                event = output.next(), if self.unseen < WINDOW => {
                    if self.show(event, to_caller).await? {
                        return Ok(());
                    }
                }
                message = from_caller.next() => match heard(message)? {
                    Heard::Input(bytes) => feeder.push(bytes)?,
                    Heard::Control(ExecControl::Taken { bytes }) => {
                        self.unseen = self.unseen.saturating_sub(bytes.into());
                    }
                    Heard::Control(ExecControl::EndInput) => feeder.end(),
                    Heard::Control(ExecControl::Signal { signal }) => feeder.signal(&signal)?,
                    Heard::Nothing => {}
                },
                Some(bytes) = free.recv() => {
                    feeder.free(bytes);
                    self.tell(&ExecEvent::Input { bytes }, to_caller).await?;
                }
                _ = heartbeat.tick() => self.send(Message::Ping(Bytes::new()), to_caller).await?,
                () = shutdown.cancelled() => return Err(End::Shutdown),
            }
        }
    }

    /// Passes on what comes next; true at the end.
    async fn show(
        &mut self,
        event: Result<ProcessEvent, ProcessError>,
        to_caller: &mut ToCaller,
    ) -> Result<bool, End> {
        let (kind, bytes) = match event {
            Ok(ProcessEvent::Stdout(bytes)) => (EXEC_STDOUT, bytes),
            Ok(ProcessEvent::Stderr(bytes)) => (EXEC_STDERR, bytes),
            Ok(ProcessEvent::Exit(how)) => {
                return self.tell(&ExecEvent::Exit(exit(how)), to_caller).await.map(|()| true);
            }
            Err(error) => {
                tracing::debug!(%error, "a command's end is not known");
                return self.tell(&lost(), to_caller).await.map(|()| true);
            }
        };
        let mut message = BytesMut::with_capacity(bytes.len() + 1);
        message.put_u8(kind);
        message.put_slice(&bytes);
        self.unseen = self.unseen.saturating_add(cost(bytes.len()).into());
        self.send(Message::Binary(message.freeze()), to_caller).await.map(|()| false)
    }

    async fn tell(&mut self, event: &ExecEvent, to_caller: &mut ToCaller) -> Result<(), End> {
        let text = serde_json::to_string(event).map_err(|_| End::Over)?;
        self.send(Message::Text(text.into()), to_caller).await
    }

    async fn send(&mut self, message: Message, to_caller: &mut ToCaller) -> Result<(), End> {
        match timeout(self.config.stalled_viewer, to_caller.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Caller),
            Err(_) => Err(End::Stalled),
        }
    }
}

/// The first message.
async fn asked(from_caller: &mut FromCaller) -> Result<ExecRequest, End> {
    let waiting = async {
        loop {
            match from_caller.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|_| End::NotAMessage);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(End::NotAMessage),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(End::Caller),
            }
        }
    };
    timeout(REQUEST_DEADLINE, waiting).await.unwrap_or(Err(End::Stalled))
}

enum Heard {
    Input(Bytes),
    Control(ExecControl),
    Nothing,
}

fn heard(message: Option<Result<Message, axum::Error>>) -> Result<Heard, End> {
    match message {
        Some(Ok(Message::Binary(bytes))) => Ok(Heard::Input(bytes)),
        Some(Ok(Message::Text(text))) => {
            serde_json::from_str(&text).map(Heard::Control).map_err(|_| End::NotAMessage)
        }
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Heard::Nothing),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Caller),
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
        self.allowed = self.allowed.checked_sub(cost(bytes.len())).ok_or(End::TooMuchInput)?;
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
            return Err(End::NotAMessage);
        }
        self.input.signal(name);
        Ok(())
    }
}

fn close_frame(end: End) -> CloseFrame {
    let (code, reason) = match end {
        End::Caller | End::Over => (close_code::NORMAL, ""),
        End::NotAMessage => (close_code::UNSUPPORTED, "this message is not one of the protocol's"),
        End::TooMuchInput => (close_code::POLICY, "more input than was allowed"),
        End::Stalled => (close_code::POLICY, "nothing was taken for too long"),
        End::Revoked => (close_code::POLICY, "the credential is no longer valid"),
        End::Shutdown => (close_code::RESTART, "the server restarts"),
    };
    CloseFrame { code, reason: reason.into() }
}
