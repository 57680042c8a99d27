//! A small VNC server (RFB 3.8, RFC 6143): no authentication, raw pixels, resizing, clipboard.
//!
//! A viewer asks for updates; what has changed since its last one goes out in tiles. Nothing is
//! queued: a viewer that does not read is simply not sent to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::rfb_message::{FromViewer, PixelFormat, read_message};
use crate::screen::{Frame, Screen};

const VERSION: &[u8; 12] = b"RFB 003.008\n";
const NO_AUTHENTICATION: u8 = 1;
const TILE: usize = 64;
/// The clock on the screen is looked at this often.
const TICK: Duration = Duration::from_millis(250);
/// Messages of one viewer waiting to be acted on.
const PENDING: usize = 64;

const RAW: i32 = 0;
const EXTENDED_DESKTOP_SIZE: i32 = -308;

/// Serves one viewer until it leaves or breaks the rules; a bad server `says` something else instead.
pub async fn serve<S>(stream: S, screen: Arc<Screen>, says: Option<Vec<u8>>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (mut read, mut write) = tokio::io::split(stream);
    greet(&mut read, &mut write, &screen).await?;
    let (sender, messages) = mpsc::channel(PENDING);
    let reader = tokio::spawn(async move {
        loop {
            let message = read_message(&mut read).await?;
            if sender.send(message).await.is_err() {
                return io::Result::Ok(());
            }
        }
    });
    let result = match says {
        Some(says) => say(&mut write, &says, messages).await,
        None => Viewer::new(write, screen).run(messages).await,
    };
    reader.abort();
    result
}

/// Once it is asked for a picture.
async fn say<S: AsyncWrite>(
    write: &mut WriteHalf<S>,
    says: &[u8],
    mut messages: mpsc::Receiver<FromViewer>,
) -> io::Result<()> {
    while let Some(message) = messages.recv().await {
        if matches!(message, FromViewer::Update { .. }) {
            write.write_all(says).await?;
            write.flush().await?;
        }
    }
    Ok(())
}

async fn greet<S>(read: &mut ReadHalf<S>, write: &mut WriteHalf<S>, screen: &Screen) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite,
{
    write.write_all(VERSION).await?;
    let mut version = [0; 12];
    read.read_exact(&mut version).await?;
    if version != *VERSION {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "another RFB version"));
    }
    write.write_all(&[1, NO_AUTHENTICATION]).await?;
    if read.read_u8().await? != NO_AUTHENTICATION {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an unknown security type"));
    }
    write.write_u32(0).await?;
    let _shared = read.read_u8().await?;
    let frame = screen.frame();
    let name = screen.name();
    write.write_u16(frame.width).await?;
    write.write_u16(frame.height).await?;
    write.write_all(&PixelFormat::default().to_bytes()).await?;
    write.write_u32(u32::try_from(name.len()).unwrap_or(0)).await?;
    write.write_all(name.as_bytes()).await?;
    write.flush().await
}

struct Viewer<W> {
    write: W,
    screen: Arc<Screen>,
    format: PixelFormat,
    /// Understands resizing.
    resizes: bool,
    /// Has to be told the size: at first, and with which reason and status since.
    tell_size: Option<(u16, u16)>,
    /// Waits for an update, of changes only or of everything.
    asked: Option<bool>,
    seen: Option<Arc<Frame>>,
}

impl<W: AsyncWrite + Unpin> Viewer<W> {
    fn new(write: W, screen: Arc<Screen>) -> Self {
        let format = PixelFormat::default();
        Self { write, screen, format, resizes: false, tell_size: None, asked: None, seen: None }
    }

    async fn run(mut self, mut messages: mpsc::Receiver<FromViewer>) -> io::Result<()> {
        let mut changed = self.screen.changes();
        let mut cuts = self.screen.cuts();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.heed(message),
                    None => return Ok(()),
                },
                _ = changed.changed() => {}
                _ = tick.tick() => {}
                cut = cuts.recv() => if let Ok(text) = cut {
                    self.send_cut(&text).await?;
                },
            }
            self.update().await?;
        }
    }

    fn heed(&mut self, message: FromViewer) {
        match message {
            FromViewer::SetPixelFormat(format) => self.format = format,
            FromViewer::SetEncodings(encodings) => {
                if encodings.contains(&EXTENDED_DESKTOP_SIZE) && !self.resizes {
                    self.resizes = true;
                    self.tell_size = Some((0, 0));
                }
            }
            FromViewer::Update { incremental } => {
                // A request for everything is not weakened by one for changes after it.
                self.asked = Some(incremental && self.asked.unwrap_or(true));
            }
            FromViewer::Key { down, keysym } => self.screen.key(down, keysym),
            FromViewer::Pointer { buttons, x, y } => self.screen.pointer(buttons, x, y),
            FromViewer::Cut(text) => self.screen.viewer_cut(text),
            FromViewer::SetSize { width, height } => {
                // Reason 1: this viewer asked; status 0 done, 3 invalid layout.
                let status = if self.screen.resize(width, height) { 0 } else { 3 };
                self.tell_size = Some((1, status));
            }
        }
    }

    /// Answers a viewer that waits, if there is anything new.
    async fn update(&mut self) -> io::Result<()> {
        let Some(incremental) = self.asked else { return Ok(()) };
        let frame = self.screen.frame();
        let seen = self.seen.take();
        let same_size = |old: &Arc<Frame>| (old.width, old.height) == (frame.width, frame.height);
        if seen.as_ref().is_some_and(|old| !same_size(old)) && self.resizes && self.tell_size.is_none() {
            self.tell_size = Some((0, 0));
        }
        let base = seen.filter(|old| incremental && same_size(old));
        let tiles = changed_tiles(base.as_deref(), &frame);
        let size = self.tell_size.take().filter(|_| self.resizes);
        if tiles.is_empty() && size.is_none() {
            self.seen = Some(frame);
            return Ok(());
        }
        let count = tiles.len() + usize::from(size.is_some());
        self.write.write_all(&[0, 0]).await?;
        self.write.write_u16(u16::try_from(count).unwrap_or(u16::MAX)).await?;
        if let Some((reason, status)) = size {
            self.send_size(reason, status, &frame).await?;
        }
        for tile in tiles {
            self.send_tile(tile, &frame).await?;
        }
        self.write.flush().await?;
        self.asked = None;
        self.seen = Some(frame);
        Ok(())
    }

    async fn rectangle(&mut self, place: [u16; 4], encoding: i32) -> io::Result<()> {
        for number in place {
            self.write.write_u16(number).await?;
        }
        self.write.write_i32(encoding).await
    }

    async fn send_size(&mut self, reason: u16, status: u16, frame: &Frame) -> io::Result<()> {
        self.rectangle([reason, status, frame.width, frame.height], EXTENDED_DESKTOP_SIZE).await?;
        self.write.write_all(&[1, 0, 0, 0]).await?; // one screen, at the origin, number 0
        self.write.write_u64(0).await?;
        self.write.write_u16(frame.width).await?;
        self.write.write_u16(frame.height).await?;
        self.write.write_u32(0).await
    }

    async fn send_tile(&mut self, tile: Tile, frame: &Frame) -> io::Result<()> {
        self.rectangle(tile.place(), RAW).await?;
        let mut bytes = Vec::with_capacity(tile.width * tile.height * 4);
        for row in frame.rows(tile.x, tile.y, tile.width, tile.height) {
            for pixel in row {
                bytes.extend_from_slice(&self.format.encode(*pixel));
            }
        }
        self.write.write_all(&bytes).await
    }

    async fn send_cut(&mut self, text: &str) -> io::Result<()> {
        // Latin-1 on the wire.
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
        self.write.write_all(&[3, 0, 0, 0]).await?;
        self.write.write_u32(u32::try_from(bytes.len()).unwrap_or(0)).await?;
        self.write.write_all(&bytes).await?;
        self.write.flush().await
    }
}

#[derive(Clone, Copy)]
struct Tile {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Tile {
    fn place(self) -> [u16; 4] {
        [self.x, self.y, self.width, self.height].map(|number| u16::try_from(number).unwrap_or(0))
    }
}

/// Tiles in which two frames of one size differ; one tile of everything without an old one.
fn changed_tiles(old: Option<&Frame>, new: &Frame) -> Vec<Tile> {
    let (width, height) = (usize::from(new.width), usize::from(new.height));
    let Some(old) = old else { return vec![Tile { x: 0, y: 0, width, height }] };
    let mut tiles = Vec::new();
    for y in (0..height).step_by(TILE) {
        for x in (0..width).step_by(TILE) {
            let tile = Tile { x, y, width: TILE.min(width - x), height: TILE.min(height - y) };
            let (before, now) =
                (old.rows(x, y, tile.width, tile.height), new.rows(x, y, tile.width, tile.height));
            if !before.eq(now) {
                tiles.push(tile);
            }
        }
    }
    tiles
}
