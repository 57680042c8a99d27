//! A command of the session's user, with its streams, signals and end.
//!
//! Behind it is `rolltop-guest exec`, which sends no more output than was asked for. So a command
//! whose output nobody takes stands still inside the desktop, and the connection's other channels
//! go on; a guest that sends more all the same is cut off at once. Input is bounded the same way
//! round: [`ProcessInput::write`] waits until the command has taken what came before.
//!
//! Dropping [`ProcessOutput`] ends the command: its channel closes, which the guest program sees.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rolltop_guest_protocol::exec::{
    ExecExit, ExecFailure, ExecRequest, Frames, FromGuest, MAX_PAYLOAD, ToGuest, cost,
};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::channel::{ChannelError, CloseOnDrop, DoorChannel, Patience};
use crate::door::Door;
use crate::exec::Exit;
use crate::init::as_root;
use crate::text::tame;

/// Output that may be on its way, bytes and what each frame costs besides.
const WINDOW: u32 = 512 * 1024;
/// Given back in steps of this.
const WINDOW_STEP: u32 = WINDOW / 8;
/// Input that may be on its way, whatever the guest says.
const INPUT_WINDOW: usize = 1024 * 1024;
/// Input that may be on its way before the guest has said anything.
const FIRST_INPUT: usize = 64 * 1024;
/// A busy emulated guest starts a program in a few seconds.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Signals and the end of input that may wait to be sent.
const WAITING: usize = 32;

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("no channel for the command")]
    Channel(#[from] ChannelError),
    #[error("the request can't be written")]
    Request(#[source] serde_json::Error),
    /// The guest's own sentence is made safe to show.
    #[error("the command did not start: {}", .0.error)]
    Refused(ExecFailure),
    /// What was baked into the desktop's template is older than this.
    #[error("the desktop's guest program can't run commands")]
    NotSupported,
    #[error("the command did not start within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// Why a command's end is not known.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("the connection ended before the command did")]
    Lost,
    #[error("the desktop's guest program answered otherwise than it should")]
    Unexpected,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    Stdout(Bytes),
    Stderr(Bytes),
    /// Nothing comes after it.
    Exit(Exit),
}

/// A command that runs.
pub struct Process {
    pub output: ProcessOutput,
    pub input: ProcessInput,
}

/// What a command writes, and its end.
pub struct ProcessOutput {
    channel: DoorChannel,
    frames: Frames,
    buffer: Vec<u8>,
    events: VecDeque<ProcessEvent>,
    ended: bool,
    /// What was handed out and not given back yet.
    taken: u32,
    grants: Arc<Grants>,
    room: Arc<Semaphore>,
    _gone: DropGuard,
}

/// A command's standard input, and its signals. Dropping it ends the input.
pub struct ProcessInput {
    commands: mpsc::Sender<ToGuest>,
    room: Arc<Semaphore>,
}

/// What is to be given back of the window.
#[derive(Default)]
struct Grants {
    bytes: AtomicU32,
    some: Notify,
}

impl Door {
    /// Starts a command as the session's user. The request's window is set here.
    pub async fn start(&self, request: ExecRequest) -> Result<Process, StartError> {
        match timeout(START_DEADLINE, self.started(request)).await {
            Ok(result) => result,
            Err(_) => Err(StartError::TimedOut(START_DEADLINE)),
        }
    }

    async fn started(&self, request: ExecRequest) -> Result<Process, StartError> {
        let mut line =
            serde_json::to_vec(&ExecRequest { window: WINDOW, ..request }).map_err(StartError::Request)?;
        line.push(b'\n');
        let channel = self.session().await?;
        channel.exec(true, as_root("exec")).await.map_err(|_| ChannelError::Closed)?;
        let channel = DoorChannel::over_with(channel, Patience::PROCESS);
        let (sender, receiver) = mpsc::channel(WAITING);
        let gone = CancellationToken::new();
        let grants = Arc::new(Grants::default());
        let writer = Writer { channel: channel.requests(), commands: receiver, grants: grants.clone() };
        writer.channel.write_half().data_bytes(line).await.map_err(|_| ChannelError::Closed)?;
        tokio::spawn(writer.run(gone.clone()));
        let room = Arc::new(Semaphore::new(FIRST_INPUT));
        let mut output = ProcessOutput {
            channel,
            frames: Frames::default(),
            buffer: vec![0; MAX_PAYLOAD],
            events: VecDeque::new(),
            ended: false,
            taken: 0,
            grants,
            room: room.clone(),
            _gone: gone.drop_guard(),
        };
        output.begin().await?;
        Ok(Process { output, input: ProcessInput { commands: sender, room } })
    }
}

impl ProcessOutput {
    /// What comes next. Loses nothing when dropped halfway.
    pub async fn next(&mut self) -> Result<ProcessEvent, ProcessError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                self.give_back(&event);
                return Ok(event);
            }
            match self.frame().await?.ok_or(ProcessError::Lost)? {
                FromGuest::Stdout(bytes) => self.events.push_back(ProcessEvent::Stdout(bytes.into())),
                FromGuest::Stderr(bytes) => self.events.push_back(ProcessEvent::Stderr(bytes.into())),
                FromGuest::Window(more) => self.allow_input(more),
                FromGuest::Exit(exit) => {
                    self.ended = true;
                    self.room.close();
                    self.events.push_back(ProcessEvent::Exit(safe(exit)));
                }
                FromGuest::Started | FromGuest::NotStarted(_) => return Err(ProcessError::Unexpected),
            }
        }
    }

    async fn begin(&mut self) -> Result<(), StartError> {
        match self.frame().await? {
            Some(FromGuest::Started) => Ok(()),
            Some(FromGuest::NotStarted(failure)) => {
                Err(StartError::Refused(ExecFailure { error: tame(failure.error.as_bytes()), ..failure }))
            }
            // It said how it is to be used and ended.
            None => Err(StartError::NotSupported),
            Some(_) => Err(ProcessError::Unexpected.into()),
        }
    }

    /// The next frame that is known; `None` at an end in good order.
    async fn frame(&mut self) -> Result<Option<FromGuest>, ProcessError> {
        loop {
            while let Some(frame) = self.frames.next_frame().map_err(|_| ProcessError::Unexpected)? {
                if let Some(frame) = FromGuest::decoded(frame) {
                    return Ok(Some(frame));
                }
            }
            match self.channel.read(&mut self.buffer).await {
                Ok(0) => return Ok(None),
                Ok(length) => self.frames.push(self.buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(ProcessError::Unexpected);
                }
                Err(_) => return Err(ProcessError::Lost),
            }
        }
    }

    /// So much more may come once this has been handed out.
    fn give_back(&mut self, event: &ProcessEvent) {
        let (ProcessEvent::Stdout(bytes) | ProcessEvent::Stderr(bytes)) = event else { return };
        self.taken = self.taken.saturating_add(cost(bytes.len()));
        if self.taken >= WINDOW_STEP && !self.ended {
            self.grants.bytes.fetch_add(std::mem::take(&mut self.taken), Ordering::Relaxed);
            self.grants.some.notify_one();
        }
    }

    fn allow_input(&self, more: u32) {
        let room = INPUT_WINDOW.saturating_sub(self.room.available_permits());
        self.room.add_permits((more as usize).min(room));
    }
}

/// Whoever waits to give the command more is told that it is gone.
impl Drop for ProcessOutput {
    fn drop(&mut self) {
        self.room.close();
    }
}

fn safe(exit: ExecExit) -> Exit {
    match exit {
        ExecExit::Code(code) => Exit::Code(code),
        ExecExit::Signal(name) => Exit::Signal(tame(name.as_bytes())),
    }
}

impl ProcessInput {
    /// Gives it all to the command, waiting while that takes nothing. The output has to be read at the
    /// same time: what has been taken is said there. False once nobody is there.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        for piece in bytes.chunks(MAX_PAYLOAD) {
            let Ok(room) = self.room.acquire_many(cost(piece.len())).await else { return false };
            room.forget();
            if self.commands.send(ToGuest::Input(piece.to_vec())).await.is_err() {
                return false;
            }
        }
        true
    }

    /// There is no more input.
    pub async fn end(&self) {
        // An error means that nobody is there, which the output tells.
        let _ = self.commands.send(ToGuest::EndInput).await;
    }

    /// A signal for the command and what it has started, its name without `SIG`. One that can't be
    /// sent now, because too much waits already, is left out.
    pub fn signal(&self, name: &str) {
        let _ = self.commands.try_send(ToGuest::Signal(name.to_owned()));
    }
}

/// Writes frames, one whole one after the other.
struct Writer {
    channel: CloseOnDrop,
    commands: mpsc::Receiver<ToGuest>,
    grants: Arc<Grants>,
}

impl Writer {
    async fn run(mut self, gone: CancellationToken) {
        tokio::select! {
            () = self.write() => {}
            () = gone.cancelled() => {}
        }
    }

    async fn write(&mut self) {
        let mut has_input = true;
        loop {
            let frame = tokio::select! {
                biased;
                () = self.grants.some.notified() => {
                    ToGuest::Window(self.grants.bytes.swap(0, Ordering::Relaxed))
                }
                command = self.commands.recv(), if has_input => command.unwrap_or_else(|| {
                    has_input = false;
                    ToGuest::EndInput
                }),
            };
            if self.channel.write_half().data_bytes(frame.encoded()).await.is_err() {
                return;
            }
        }
    }
}
