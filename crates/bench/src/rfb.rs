//! Just enough of RFB 3.8 (RFC 6143 and the community's extensions) to look at a screen: what comes is cut
//! into updates, and of those is known when each was there, what it took and where the screen changed.
//! Nothing is decoded.

use std::pin::Pin;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, Bytes, BytesMut};
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::BoxStream;
use futures::{Sink, SinkExt as _, Stream, StreamExt as _, TryStreamExt as _};
use rolltop_api_types::ScreenSocket;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

const SECURITY_NONE: u8 = 1;

const COPY_RECT: i32 = 1;
const TIGHT: i32 = 7;
pub const ZRLE: i32 = 16;
const DESKTOP_SIZE: i32 = -223;
const LAST_RECT: i32 = -224;
const CURSOR: i32 = -239;
const QEMU_KEYS: i32 = -258;
const QEMU_LEDS: i32 = -261;
const DESKTOP_NAME: i32 = -307;
const EXTENDED_DESKTOP_SIZE: i32 = -308;
const FENCE: i32 = -312;
const CONTINUOUS_UPDATES: i32 = -313;
const MOUSE_BUTTONS: i32 = -316;
const VMWARE_CURSOR: i32 = 0x574d_5664;

/// What the page asks for, as noVNC says it with the page's ordinary quality: JPEG of quality 6 and compression 2 of Tight.
pub const AS_THE_PAGE: &[i32] = &[
    COPY_RECT,
    TIGHT,
    ZRLE,
    -32 + 6,
    -256 + 2,
    DESKTOP_SIZE,
    LAST_RECT,
    QEMU_KEYS,
    QEMU_LEDS,
    EXTENDED_DESKTOP_SIZE,
    FENCE,
    CONTINUOUS_UPDATES,
    DESKTOP_NAME,
    MOUSE_BUTTONS,
    VMWARE_CURSOR,
    CURSOR,
];

/// The page's pixels: red, green and blue in that order, and a byte of nothing.
const PIXELS: [u8; 20] = [0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 0, 8, 16, 0, 0, 0];
/// Of those in Tight.
const TIGHT_PIXEL: usize = 3;
/// Tight sends so few bytes as they are.
const TIGHT_AS_IT_IS: usize = 12;

/// The way to a VNC server.
pub struct Wire {
    incoming: BoxStream<'static, anyhow::Result<Bytes>>,
    outgoing: Pin<Box<dyn Sink<Bytes, Error = anyhow::Error> + Send>>,
}

impl From<ScreenSocket> for Wire {
    fn from(socket: ScreenSocket) -> Self {
        let (to, from) = socket.split();
        let incoming = from.err_into().try_filter_map(async |message| match message {
            Message::Binary(bytes) => Ok(Some(bytes)),
            Message::Close(why) => bail!("the screen closed: {why:?}"),
            _ => Ok(None),
        });
        let outgoing = to.with(async |bytes| anyhow::Ok(Message::Binary(bytes)));
        Self { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) }
    }
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        let (from, to) = stream.into_split();
        let incoming = futures::stream::try_unfold(from, async |mut from| {
            let mut bytes = BytesMut::with_capacity(64 << 10);
            let length = from.read_buf(&mut bytes).await?;
            Ok((length > 0).then(|| (bytes.freeze(), from)))
        });
        let outgoing = futures::sink::unfold(to, async |mut to, bytes: Bytes| {
            to.write_all(&bytes).await?;
            Ok(to)
        });
        Self { incoming: incoming.boxed(), outgoing: Box::pin(outgoing) }
    }
}

/// A place on the screen, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    pub left: u16,
    pub top: u16,
    pub width: u16,
    pub height: u16,
}

/// One update of the screen, all of it there.
pub struct Update {
    pub at: Instant,
    /// What it took.
    pub bytes: usize,
    /// Where the screen changed.
    pub changed: Vec<Area>,
}

/// Somebody who looks at a screen, and asks for what comes next as the page does.
pub struct Viewer {
    said: UnboundedSender<Bytes>,
    seen: UnboundedReceiver<anyhow::Result<Update>>,
    _tasks: JoinSet<()>,
}

impl Viewer {
    /// Begins to look, and sees the whole screen first.
    pub async fn open(wire: impl Into<Wire>, encodings: &[i32]) -> anyhow::Result<(Self, Update)> {
        let Wire { incoming, outgoing } = wire.into();
        let (said, to_say) = unbounded();
        let (tell, seen) = unbounded();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            // An error shows where the answers fail to come.
            let _ = to_say.map(Ok).forward(outgoing).await;
        });
        let mut reader = Reader {
            incoming,
            held: BytesMut::new(),
            total: 0,
            said: said.clone(),
            size: [0; 2],
            continuous: false,
        };
        reader.greet().await?;
        reader.ask(encodings)?;
        tasks.spawn(async move {
            loop {
                let outcome = reader.update().await;
                let over = outcome.is_err();
                if tell.unbounded_send(outcome).is_err() || over {
                    return;
                }
            }
        });
        let mut viewer = Self { said, seen, _tasks: tasks };
        loop {
            let first = viewer.next().await?;
            // What the server can do comes before any picture.
            if !first.changed.is_empty() {
                return Ok((viewer, first));
            }
        }
    }

    /// The next update; nothing is lost where this is broken off.
    pub async fn next(&mut self) -> anyhow::Result<Update> {
        self.seen.next().await.context("the screen closed")?
    }

    pub fn point(&self, left: u16, top: u16, pressed: bool) -> anyhow::Result<()> {
        let mut message = vec![5, u8::from(pressed)];
        message.extend([left, top].map(u16::to_be_bytes).as_flattened());
        Ok(self.said.unbounded_send(message.into())?)
    }

    /// A key goes down or up, by its keysym.
    pub fn key(&self, keysym: u32, down: bool) -> anyhow::Result<()> {
        let mut message = vec![4, u8::from(down), 0, 0];
        message.extend(keysym.to_be_bytes());
        Ok(self.said.unbounded_send(message.into())?)
    }
}

/// Cuts what comes into messages, and answers those that want an answer.
struct Reader<S> {
    incoming: S,
    held: BytesMut,
    total: usize,
    said: UnboundedSender<Bytes>,
    size: [u16; 2],
    /// Updates come without being asked for.
    continuous: bool,
}

impl<S: Stream<Item = anyhow::Result<Bytes>> + Unpin> Reader<S> {
    /// The handshake without a password.
    async fn greet(&mut self) -> anyhow::Result<()> {
        ensure!(self.read(12).await?.starts_with(b"RFB 003."), "not an RFB server");
        self.say("RFB 003.008\n")?;
        let count = self.read(1).await?.get_u8();
        ensure!(self.read(count.into()).await?.contains(&SECURITY_NONE), "the server wants a password");
        self.say(vec![SECURITY_NONE])?;
        ensure!(self.u32().await? == 0, "the server refused");
        self.say(vec![1])?; // others may watch too
        self.size = [self.u16().await?, self.u16().await?];
        self.read(16).await?; // the server's own pixels
        self.text().await
    }

    fn ask(&mut self, encodings: &[i32]) -> anyhow::Result<()> {
        let mut message = PIXELS.to_vec();
        message.extend([2, 0]);
        message.extend(u16::try_from(encodings.len())?.to_be_bytes());
        message.extend(encodings.iter().flat_map(|encoding| encoding.to_be_bytes()));
        self.say(message)?;
        self.request(false)
    }

    fn request(&mut self, incremental: bool) -> anyhow::Result<()> {
        self.say([&[3, u8::from(incremental)], &self.everywhere()[..]].concat())
    }

    fn everywhere(&self) -> [u8; 8] {
        let [[a, b], [c, d]] = self.size.map(u16::to_be_bytes);
        [0, 0, 0, 0, a, b, c, d]
    }

    fn say(&mut self, message: impl Into<Bytes>) -> anyhow::Result<()> {
        Ok(self.said.unbounded_send(message.into())?)
    }

    /// The next update, once all of it is there.
    async fn update(&mut self) -> anyhow::Result<Update> {
        loop {
            let before = self.total;
            match self.read(1).await?.get_u8() {
                0 => {
                    let changed = self.rectangles().await?;
                    let at = Instant::now();
                    if !self.continuous {
                        self.request(true)?;
                    }
                    return Ok(Update { at, bytes: self.total - before, changed });
                }
                2 => {} // a bell
                3 => self.cut_text().await?,
                150 => {
                    self.continuous = true;
                    self.say([&[150, 1], &self.everywhere()[..]].concat())?;
                }
                248 => self.fence().await?,
                other => bail!("unexpected message {other}"),
            }
        }
    }

    async fn rectangles(&mut self) -> anyhow::Result<Vec<Area>> {
        self.read(1).await?;
        let mut changed = Vec::new();
        for _ in 0..self.u16().await? {
            let (left, top) = (self.u16().await?, self.u16().await?);
            let (width, height) = (self.u16().await?, self.u16().await?);
            let area = Area { left, top, width, height };
            let (columns, rows) = (usize::from(width), usize::from(height));
            let encoding = i32::from_ne_bytes(self.u32().await?.to_ne_bytes());
            match encoding {
                COPY_RECT => drop(self.read(4).await?),
                TIGHT => self.tight(columns, rows).await?,
                ZRLE => self.text().await?,
                CURSOR => drop(self.read(columns * rows * 4 + columns.div_ceil(8) * rows).await?),
                VMWARE_CURSOR => {
                    let masks = if self.read(2).await?.get_u8() == 0 { 2 } else { 1 };
                    self.read(columns * rows * 4 * masks).await?;
                }
                EXTENDED_DESKTOP_SIZE => {
                    let screens = self.read(4).await?.get_u8();
                    self.read(usize::from(screens) * 16).await?;
                }
                DESKTOP_NAME => self.text().await?,
                QEMU_LEDS => drop(self.read(1).await?),
                DESKTOP_SIZE | QEMU_KEYS | MOUSE_BUTTONS => {}
                LAST_RECT => break,
                other => bail!("an encoding that wasn't asked for: {other}"),
            }
            if [COPY_RECT, TIGHT, ZRLE].contains(&encoding) {
                changed.push(area);
            }
        }
        Ok(changed)
    }

    async fn tight(&mut self, columns: usize, rows: usize) -> anyhow::Result<()> {
        let control = self.read(1).await?.get_u8() >> 4;
        match control {
            8 => drop(self.read(TIGHT_PIXEL).await?),
            9 => {
                let length = self.compact().await?;
                self.read(length).await?;
            }
            0..=7 => {
                let filter = if control & 4 == 0 { 0 } else { self.read(1).await?.get_u8() };
                let length = if filter == 1 {
                    let colours = usize::from(self.read(1).await?.get_u8()) + 1;
                    self.read(colours * TIGHT_PIXEL).await?;
                    if colours <= 2 { columns.div_ceil(8) * rows } else { columns * rows }
                } else {
                    columns * rows * TIGHT_PIXEL
                };
                let sent = if length < TIGHT_AS_IT_IS { length } else { self.compact().await? };
                self.read(sent).await?;
            }
            other => bail!("unexpected compression {other} of Tight"),
        }
        Ok(())
    }

    /// A length in one to three bytes, the low bits first.
    async fn compact(&mut self) -> anyhow::Result<usize> {
        let mut length = 0;
        for shift in [0, 7, 14] {
            let byte = usize::from(self.read(1).await?.get_u8());
            length |= if shift == 14 { byte } else { byte & 0x7f } << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        Ok(length)
    }

    async fn cut_text(&mut self) -> anyhow::Result<()> {
        self.read(3).await?;
        // Of an extended clipboard the length is negative.
        let length = i32::from_ne_bytes(self.u32().await?.to_ne_bytes()).unsigned_abs();
        self.read(length.try_into()?).await?;
        Ok(())
    }

    /// The server asks how far we are, by which it knows how much is under way.
    async fn fence(&mut self) -> anyhow::Result<()> {
        self.read(3).await?;
        let flags = self.u32().await?;
        let length = self.read(1).await?.get_u8();
        let payload = self.read(length.into()).await?;
        let answer = [&[248, 0, 0, 0], &(flags & 3).to_be_bytes()[..], &[length], &payload].concat();
        self.say(answer)
    }

    async fn text(&mut self) -> anyhow::Result<()> {
        let length = self.u32().await?;
        self.read(length.try_into()?).await?;
        Ok(())
    }

    async fn u16(&mut self) -> anyhow::Result<u16> {
        Ok(self.read(2).await?.get_u16())
    }

    async fn u32(&mut self) -> anyhow::Result<u32> {
        Ok(self.read(4).await?.get_u32())
    }

    async fn read(&mut self, length: usize) -> anyhow::Result<Bytes> {
        while self.held.len() < length {
            let more = self.incoming.next().await.context("the screen closed")??;
            self.held.extend_from_slice(&more);
        }
        self.total += length;
        Ok(self.held.split_to(length).freeze())
    }
}
