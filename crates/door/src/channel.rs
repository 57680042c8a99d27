//! One channel of a door as a stream of bytes both ways.
//!
//! russh opens a channel's window again as soon as data has arrived, and when nobody takes the
//! data from the channel it stops reading the whole connection: one stalled reader would hold up
//! every other channel of the desktop. So a task of ours empties the channel into a buffer of
//! bounded bytes, and only when that is full does the connection wait; a reader that takes
//! nothing for [`STALL_LIMIT`] meanwhile is cut off, which frees the others. Protocols that ask
//! before they are answered (VNC, SFTP) never come near that. A terminal does, so its channel is
//! cut off at once ([`Patience::TERMINAL`]): whoever reads it attaches again and is drawn the
//! screen as it then is.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use crate::lanes::{Hold, Lane, Passenger};

/// How long a server's full queue is waited for, and how often it is tried.
const TURN: Duration = Duration::from_secs(3);
const TURN_PAUSE: Duration = Duration::from_millis(30);
/// What one channel may hold unread, bytes.
const BUFFER_BYTES: u32 = 4 * 1024 * 1024;
/// The same for a terminal: several of the largest screens there are.
const TERMINAL_BYTES: u32 = 1024 * 1024;
/// The same for a tunnel, of which a desktop may have many.
const TUNNEL_BYTES: u32 = 512 * 1024;
/// The same for a command, which sends no more than was asked for: a multiple of that, for what
/// messages cost.
const PROCESS_BYTES: u32 = 4 * 1024 * 1024;
/// What a message costs besides its bytes, so that a flood of tiny ones is bounded too.
const MESSAGE_OVERHEAD: u32 = 256;
/// How long a full buffer may hold up the connection before its channel is closed.
pub(crate) const STALL_LIMIT: Duration = Duration::from_secs(10);
/// For a desktop's sshd to confirm a channel. Forks a process for a session when emulated and loaded.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(60);

/// What a channel's reader may leave unread, and for how long the connection waits for it then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    bytes: u32,
    stall: Duration,
}

impl Patience {
    pub(crate) const ORDINARY: Self = Self { bytes: BUFFER_BYTES, stall: STALL_LIMIT };
    pub(crate) const TERMINAL: Self = Self { bytes: TERMINAL_BYTES, stall: Duration::ZERO };
    /// Counts only while other tunnels wait on the same connection; see [`crate::lanes`].
    const TUNNEL: Self = Self { bytes: TUNNEL_BYTES, stall: Duration::from_secs(60) };
    pub(crate) const PROCESS: Self = Self { bytes: PROCESS_BYTES, stall: Duration::ZERO };
}

/// Why no channel came to be.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("the door is closed")]
    Closed,
    #[error("the desktop refused: {why:?}")]
    Refused { why: ChannelOpenFailure },
    #[error("the desktop did not answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("the connection to the desktop failed")]
    Transport(#[source] russh::Error),
}

impl Door {
    /// A connection to a unix socket inside the desktop, made by its sshd as the door's user.
    pub async fn streamlocal(&self, path: &str) -> Result<DoorChannel, ChannelError> {
        let channel = confirmed(self.handle.channel_open_direct_streamlocal(path)).await?;
        Ok(DoorChannel::over(channel))
    }

    /// The same where many may come at once: a server takes in a few at a time, and its sshd refuses those that would
    /// have to wait. They are tried again for a while.
    pub async fn streamlocal_in_turn(&self, path: &str) -> Result<DoorChannel, ChannelError> {
        let until = Instant::now() + TURN;
        loop {
            match self.streamlocal(path).await {
                Err(ChannelError::Refused { why: ChannelOpenFailure::ConnectFailed })
                    if Instant::now() < until =>
                {
                    sleep(TURN_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub(crate) async fn session(&self) -> Result<Channel<Msg>, ChannelError> {
        confirmed(self.handle.channel_open_session()).await
    }
}

pub(crate) async fn confirmed(
    opening: impl Future<Output = Result<Channel<Msg>, russh::Error>>,
) -> Result<Channel<Msg>, ChannelError> {
    match timeout(CONFIRM_DEADLINE, opening).await {
        Ok(Ok(channel)) => Ok(channel),
        Ok(Err(russh::Error::SendError | russh::Error::Disconnect)) => Err(ChannelError::Closed),
        Ok(Err(russh::Error::ChannelOpenFailure(why))) => Err(ChannelError::Refused { why }),
        Ok(Err(error)) => Err(ChannelError::Transport(error)),
        Err(_) => Err(ChannelError::TimedOut(CONFIRM_DEADLINE)),
    }
}

/// Bytes both ways. Reading ends with EOF when the desktop's side is done, and with an error
/// when the connection was lost or this side read too slowly. Dropping it closes the channel.
pub struct DoorChannel {
    chunks: UnboundedReceiver<Chunk>,
    current: Option<Chunk>,
    end: Arc<OnceLock<End>>,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    ended: CancellationToken,
    close: CloseOnDrop,
    /// For a tunnel: its place on its lane.
    _passenger: Option<Passenger>,
}

/// Received bytes and their share of the buffer, given back once they are read.
struct Chunk {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

#[derive(Debug, Clone, Copy)]
enum End {
    /// The desktop's side said so.
    Orderly,
    /// Nobody read for [`STALL_LIMIT`] while the buffer was full.
    Stalled,
    /// What was to be started on it was not: the desktop has no room for it.
    Refused,
    /// The connection is gone.
    Lost,
}

impl DoorChannel {
    pub(crate) fn over(channel: Channel<Msg>) -> Self {
        Self::over_with(channel, Patience::ORDINARY)
    }

    pub(crate) fn over_with(channel: Channel<Msg>, patience: Patience) -> Self {
        Self::pumped(channel, patience, None)
    }

    pub(crate) fn tunnel(channel: Channel<Msg>, passenger: Passenger) -> Self {
        Self::pumped(channel, Patience::TUNNEL, Some(passenger))
    }

    fn pumped(channel: Channel<Msg>, patience: Patience, passenger: Option<Passenger>) -> Self {
        let (read, write) = channel.split();
        let writer = Box::pin(write.make_writer());
        let close = CloseOnDrop::new(write);
        let (sender, chunks) = mpsc::unbounded_channel();
        let end = Arc::new(OnceLock::new());
        let ended = CancellationToken::new();
        let lane = passenger.as_ref().map(Passenger::lane);
        let pump = Pump { sender, end: end.clone(), close: close.clone(), patience, lane };
        tokio::spawn(pump.run(read, ended.clone()));
        Self { chunks, current: None, end, writer, ended, close, _passenger: passenger }
    }

    /// The half that requests go out on; it closes the channel with its last clone.
    pub(crate) fn requests(&self) -> CloseOnDrop {
        self.close.clone()
    }

    /// Cancelled once the desktop's side has ended.
    pub(crate) fn ended(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// Moves a channel's data into its bounded buffer until either side is done.
struct Pump {
    sender: UnboundedSender<Chunk>,
    end: Arc<OnceLock<End>>,
    close: CloseOnDrop,
    patience: Patience,
    lane: Option<Arc<Lane>>,
}

impl Pump {
    async fn run(self, mut read: ChannelReadHalf, ended: CancellationToken) {
        let _ended = ended.drop_guard();
        let room = Arc::new(Semaphore::new(self.patience.bytes as usize));
        let why = loop {
            let message = tokio::select! {
                message = read.wait() => message,
                () = self.sender.closed() => break End::Orderly,
            };
            let bytes = match message {
                Some(ChannelMsg::Data { data }) => data,
                Some(ChannelMsg::Eof | ChannelMsg::Close) => break End::Orderly,
                Some(ChannelMsg::Failure) => {
                    self.close.now();
                    break End::Refused;
                }
                // Standard error of a program and other answers to requests: nobody waits for them here.
                Some(_) => continue,
                None => break End::Lost,
            };
            let Some(room) = self.room_for(&room, bytes.len()).await else {
                tracing::debug!("a channel whose reader stood still was closed");
                self.close.now();
                break End::Stalled;
            };
            if self.sender.send(Chunk { bytes, _room: room }).is_err() {
                break End::Orderly;
            }
        };
        let _ = self.end.set(why);
    }

    /// The share of the buffer that these bytes take, once it is free.
    async fn room_for(&self, room: &Arc<Semaphore>, length: usize) -> Option<OwnedSemaphorePermit> {
        let share = u32::try_from(length).unwrap_or(u32::MAX).saturating_add(MESSAGE_OVERHEAD);
        let share = share.min(self.patience.bytes);
        if let Ok(free) = room.clone().try_acquire_many_owned(share) {
            return Some(free);
        }
        let _hold = self.lane.as_ref().map(Hold::of);
        let mut acquiring = pin!(room.clone().acquire_many_owned(share));
        loop {
            match timeout(self.patience.stall, &mut acquiring).await {
                Ok(acquired) => return acquired.ok(),
                // Nobody else waits for it.
                Err(_) if self.lane.as_ref().is_some_and(|lane| lane.tunnels() <= 1) => {}
                Err(_) => return None,
            }
        }
    }
}

impl AsyncRead for DoorChannel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(chunk) = &mut self.current {
                if chunk.bytes.has_remaining() {
                    let length = buffer.remaining().min(chunk.bytes.remaining());
                    buffer.put_slice(&chunk.bytes.split_to(length));
                    return Poll::Ready(Ok(()));
                }
                self.current = None;
            }
            match ready!(self.chunks.poll_recv(context)) {
                Some(chunk) => self.current = Some(chunk),
                None => return Poll::Ready(ending(self.end.get().copied())),
            }
        }
    }
}

fn ending(end: Option<End>) -> io::Result<()> {
    match end {
        Some(End::Orderly) => Ok(()),
        Some(End::Stalled) => Err(io::Error::new(io::ErrorKind::TimedOut, "read too slowly")),
        Some(End::Refused) => {
            Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the desktop could not start it"))
        }
        Some(End::Lost) | None => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the door closed")),
    }
}

impl AsyncWrite for DoorChannel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0)); // russh's writer takes it for an error
        }
        self.writer.as_mut().poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_shutdown(context)
    }
}

/// Closes a channel once its last clone is dropped: russh leaves a dropped channel open, and
/// sshd allows only so many.
#[derive(Clone)]
pub(crate) struct CloseOnDrop(Arc<Closer>);

struct Closer(Arc<ChannelWriteHalf<Msg>>);

impl CloseOnDrop {
    pub(crate) fn new(write: ChannelWriteHalf<Msg>) -> Self {
        Self(Arc::new(Closer(Arc::new(write))))
    }

    pub(crate) fn write_half(&self) -> &ChannelWriteHalf<Msg> {
        &self.0.0
    }

    /// Closes without waiting for the last clone.
    pub(crate) fn now(&self) {
        self.0.close();
    }
}

impl Closer {
    fn close(&self) {
        let write = self.0.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // An error means that the connection is gone, and the channel with it.
                let _ = write.close().await;
            });
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.close();
    }
}
