//! `rolltop-guest exec` of a simulated machine: the real frames, and commands of its own.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rolltop_guest_protocol::exec::{
    ExecExit, ExecFailure, ExecFailureKind, ExecRequest, Frames, FromGuest, MAX_PAYLOAD, MAX_REQUEST,
    ToGuest, cost,
};
use russh::server::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::files::Content;
use super::{Guest, locked, shell};

/// Input that may wait for a command.
const INPUT_WINDOW: u32 = 512 * 1024;

/// What is known of a machine's commands.
#[derive(Default)]
pub struct Commands {
    running: AtomicUsize,
    written: AtomicU64,
    /// Cancelled when all that run are ended.
    ended: Mutex<CancellationToken>,
}

impl Commands {
    /// How many run now.
    pub fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Ends all that run now, as a kill does.
    pub fn end(&self) {
        std::mem::take(&mut *locked(&self.ended)).cancel();
    }

    /// Bytes that they have written.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}

/// Counts a command as long as it lives.
struct Counted(Arc<Guest>);

impl Counted {
    fn new(guest: Arc<Guest>) -> Self {
        guest.commands.running.fetch_add(1, Ordering::Relaxed);
        Self(guest)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.commands.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One command on its channel, until it ends or whoever asked has gone.
pub async fn serve(guest: Arc<Guest>, channel: Channel<Msg>) {
    let (mut read, write) = channel.split();
    let mut frames = Frames::default();
    let Some(request) = request(&mut read, &mut frames).await else { return };
    let ended = locked(&guest.commands.ended).clone();
    let last = match refusal(&guest, &request) {
        Some(failure) => Some(FromGuest::NotStarted(failure)),
        None => tokio::select! {
            exit = run(guest, request, frames, &mut read, &write) => exit.map(FromGuest::Exit),
            () = ended.cancelled() => None,
        },
    };
    if let Some(last) = last {
        // Whoever asked may be gone; then nobody misses the answer.
        let _ = write.data_bytes(last.encoded()).await;
        let _ = write.exit_status(0).await;
        let _ = write.eof().await;
    }
    let _ = write.close().await;
}

async fn request(read: &mut ChannelReadHalf, frames: &mut Frames) -> Option<ExecRequest> {
    let mut line = Vec::new();
    while let Some(message) = read.wait().await {
        let ChannelMsg::Data { data } = message else { continue };
        match data.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                line.extend_from_slice(data.get(..end)?);
                frames.push(data.get(end + 1..)?);
                return serde_json::from_slice(&line).ok();
            }
            None if line.len() < MAX_REQUEST => line.extend_from_slice(&data),
            None => return None,
        }
    }
    None
}

fn refusal(guest: &Guest, request: &ExecRequest) -> Option<ExecFailure> {
    let failure = |kind, error| Some(ExecFailure { kind, error });
    if let Some(cwd) = &request.cwd
        && !matches!(guest.files.stat(cwd).map(|node| node.content), Some(Content::Folder))
    {
        return failure(ExecFailureKind::NoFolder, format!("There is no folder {cwd}."));
    }
    match request.command.first() {
        Some(program) if shell::is_program(program) => None,
        Some(program) => failure(ExecFailureKind::NotFound, format!("There is no program {program}.")),
        None => failure(ExecFailureKind::Other, "There is no command.".to_owned()),
    }
}

/// `None` where whoever asked has gone.
async fn run(
    guest: Arc<Guest>,
    request: ExecRequest,
    frames: Frames,
    read: &mut ChannelReadHalf,
    write: &ChannelWriteHalf<Msg>,
) -> Option<ExecExit> {
    let _counted = Counted::new(guest.clone());
    let _ = write.data_bytes(FromGuest::Started.encoded()).await;
    let _ = write.data_bytes(FromGuest::Window(INPUT_WINDOW).encoded()).await;
    let window = Semaphore::new(request.window as usize);
    let (pieces, input) = unbounded_channel();
    let streams = Streams { guest, write, window: &window, input };
    tokio::select! {
        code = shell::run(streams, request) => Some(code),
        signal = hear(read, frames, pieces, &window) => signal.map(ExecExit::Signal),
    }
}

/// Listens until a signal comes, or whoever asked goes.
async fn hear(
    read: &mut ChannelReadHalf,
    mut frames: Frames,
    pieces: UnboundedSender<Vec<u8>>,
    window: &Semaphore,
) -> Option<String> {
    let mut pieces = Some(pieces);
    loop {
        while let Some(frame) = frames.next_frame().ok()? {
            match ToGuest::decoded(frame) {
                Some(ToGuest::Input(bytes)) => {
                    pieces.as_ref().map(|pieces| pieces.send(bytes));
                }
                Some(ToGuest::EndInput) => pieces = None,
                Some(ToGuest::Window(more)) => window.add_permits(more as usize),
                Some(ToGuest::Signal(name)) => return Some(name),
                None => {}
            }
        }
        match read.wait().await? {
            ChannelMsg::Data { data } => frames.push(&data),
            ChannelMsg::Eof | ChannelMsg::Close => return None,
            _ => {}
        }
    }
}

/// What a command reads and writes.
pub struct Streams<'a> {
    pub guest: Arc<Guest>,
    write: &'a ChannelWriteHalf<Msg>,
    window: &'a Semaphore,
    input: UnboundedReceiver<Vec<u8>>,
}

impl Streams<'_> {
    pub async fn stdout(&self, bytes: &[u8]) {
        self.send(bytes, FromGuest::Stdout).await;
    }

    pub async fn stderr(&self, bytes: &[u8]) {
        self.send(bytes, FromGuest::Stderr).await;
    }

    async fn send(&self, bytes: &[u8], frame: impl Fn(Vec<u8>) -> FromGuest) {
        for piece in bytes.chunks(MAX_PAYLOAD) {
            if let Ok(room) = self.window.acquire_many(cost(piece.len())).await {
                room.forget();
            }
            self.guest.commands.written.fetch_add(piece.len() as u64, Ordering::Relaxed);
            let _ = self.write.data_bytes(frame(piece.to_vec()).encoded()).await;
        }
    }

    /// The next piece of input; `None` at its end.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        let piece = self.input.recv().await?;
        let _ = self.write.data_bytes(FromGuest::Window(cost(piece.len())).encoded()).await;
        Some(piece)
    }
}
