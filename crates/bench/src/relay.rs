//! Bytes per second of processor time through web and api, against Debian's websockify, which
//! relays the same stream to the same client over TLS. Eight desktops are looked at at a time, as on
//! a page that shows several; how it is with one alone, where what counts is how often a process is
//! woken, is measured too (`…_alone`), and how it is on a host with many (`vnc_relay_many`).
//!
//! `vnc_relay`: a source answers each request of the client with the next update of a session
//! that was recorded ([`UPDATES`] has the sizes), as a VNC server does, so the client's requests
//! pass the relay too. Each is one rectangle, as the platform's relay looks at how long they are. `terminal_relay`: a source says what a terminal shows, so much so often; the
//! client says how much it has drawn as often as ours does, where that is asked for. Behind the platform's door the bytes go through the same sshd as in a desktop; its processor time
//! is the desktop's and is counted for neither.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{SinkExt as _, StreamExt as _};
use rolltop_api_types::{Client, ScreenSocket, TerminalQuery};
use rolltop_vm_tests::eventually;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use crate::desk::{Desk, Guest};
use crate::report::{Line, median, print};
use crate::{ROUNDS, cpu};

/// Sizes of the updates of a recorded session, one a line; see docs/performance.md.
const UPDATES: &str = include_str!("updates.txt");
/// What asks for an update: a FramebufferUpdateRequest's length.
const REQUEST: usize = 10;
/// What comes before the packed bytes of an update's rectangle.
const UPDATE_HEAD: usize = 20;
const SCREEN: [u8; 4] = [5, 0, 3, 32];
/// What both say before the first update: the server, and in answer to each of its words the viewer, who understands ZRLE.
const GREETINGS: [(&[u8], &[u8]); 4] = [
    (b"RFB 003.008\n", b"RFB 003.008\n"),
    (&[1, 1], &[1]),
    (&[0; 4], &[1]),
    (
        &[5, 0, 3, 32, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0, 0, 1, 0, 0, 0, 16],
    ),
];
/// Desktops looked at at a time.
pub const VIEWERS: usize = 8;
/// The same on a host with many.
pub const MANY: usize = 48;
/// How many updates pass in one round, by all viewers together.
const ROUND_UPDATES: usize = 24_000;
/// A terminal's output in one round: so many pieces by all viewers together, of so many bytes, so far
/// apart with each.
const ROUND_PIECES: usize = 16_000;
const PIECE: usize = 1024;
const PAUSE: Duration = Duration::from_millis(2);
/// A viewer tells of what it has drawn in portions of this many bytes, as web/src/ts/terminal-socket.ts has it.
const REPORT: usize = 16 * 1024;

/// What goes through a relay.
struct Stream {
    sizes: Vec<usize>,
    pace: Pace,
}

#[derive(Clone, Copy, PartialEq)]
enum Pace {
    /// A piece for each request.
    Asked,
    /// A piece so long after the one before.
    Every(Duration),
}

impl Stream {
    fn vnc(viewers: usize) -> anyhow::Result<Self> {
        let once: Vec<usize> = UPDATES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        ensure!(once.len() > 100, "the recorded session is too short");
        let sizes = once.into_iter().cycle().take(ROUND_UPDATES / viewers).collect();
        Ok(Self { sizes, pace: Pace::Asked })
    }

    fn terminal(viewers: usize) -> Self {
        Self { sizes: vec![PIECE; ROUND_PIECES / viewers], pace: Pace::Every(PAUSE) }
    }

    fn bytes(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// What a source does with one connection.
    async fn say(&self, mut connection: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
        let longest = self.sizes.iter().copied().max().unwrap_or(0);
        let content: Vec<u8> = noise().take(longest).collect();
        let mut request = [0; REQUEST];
        if self.pace == Pace::Asked {
            for (said, answer) in GREETINGS {
                connection.write_all(said).await?;
                connection.flush().await?;
                connection.read_exact(&mut vec![0; answer.len()]).await?;
            }
        }
        let mut next = tokio::time::Instant::now();
        for size in &self.sizes {
            match self.pace {
                Pace::Asked => {
                    connection.read_exact(&mut request).await?;
                }
                Pace::Every(pause) => {
                    next += pause;
                    tokio::time::sleep_until(next).await;
                }
            }
            let said = content.get(..*size).unwrap_or_default();
            match self.pace {
                Pace::Asked => connection.write_all(&update(said)).await?,
                Pace::Every(_) => connection.write_all(said).await?,
            }
            connection.flush().await?;
        }
        // Until the other side has had enough.
        let _ = connection.read(&mut request).await;
        Ok(())
    }
}

/// These bytes with an update's head in place of the first of them; bells where they are too few.
fn update(bytes: &[u8]) -> Vec<u8> {
    let Some(packed) = bytes.get(UPDATE_HEAD..).filter(|packed| !packed.is_empty()) else {
        return vec![2; bytes.len()];
    };
    let length = u32::try_from(packed.len()).unwrap_or_default().to_be_bytes();
    [&[0, 0, 0, 1, 0, 0, 0, 0], SCREEN.as_slice(), &[0, 0, 0, 16], &length, packed].concat()
}

/// Bytes that no compression makes fewer, of printable characters.
fn noise() -> impl Iterator<Item = u8> {
    let mut state = 0x9e37_79b9_u32;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b' ' + u8::try_from(state % 95).unwrap_or(0)
    })
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Screen,
    Terminal,
}

pub async fn vnc(desk: &Desk) -> anyhow::Result<()> {
    compare(desk, What::Screen, "vnc_relay", VIEWERS, Stream::vnc(VIEWERS)?).await?;
    compare(desk, What::Screen, "vnc_relay_many", MANY, Stream::vnc(MANY)?).await?;
    compare(desk, What::Screen, "vnc_relay_alone", 1, Stream::vnc(2)?).await
}

pub async fn terminal(desk: &Desk) -> anyhow::Result<()> {
    compare(desk, What::Terminal, "terminal_relay", VIEWERS, Stream::terminal(VIEWERS)).await?;
    compare(desk, What::Terminal, "terminal_relay_alone", 1, Stream::terminal(4)).await
}

async fn compare(
    desk: &Desk,
    what: What,
    name: &'static str,
    viewers: usize,
    stream: Stream,
) -> anyhow::Result<()> {
    let stream = Arc::new(stream);
    let guests = || desk.guests.iter().take(viewers);
    let sources: Vec<JoinHandle<()>> =
        guests().map(|guest| listen(guest, what, &stream)).collect::<anyhow::Result<_>>()?;
    let websockify = Websockify::start(desk, &stream).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let mut sockets = Vec::new();
        for guest in guests() {
            sockets.push(open(desk, guest, what).await?);
        }
        let roles = [desk.platform.role("web")?, desk.platform.role("api")?];
        let mine = measure(sockets, &stream, &roles, what == What::Terminal).await?;
        let mut sockets = Vec::new();
        for guest in guests() {
            // It takes any path for a WebSocket.
            sockets.push(websockify.client.screen(guest.desktop).await?);
        }
        let other = measure(sockets, &stream, &[websockify.pid()?], false).await?;
        eprintln!("{name} {round}/{ROUNDS}: {mine:.1} against {other:.1} MB per CPU second");
        // The first round warms both up.
        if round > 0 {
            ours.push(mine);
            theirs.push(other);
        }
    }
    for source in sources {
        source.abort();
    }
    let (value, other) = (median(&ours), median(&theirs));
    print(&Line {
        name,
        value,
        unit: "MB per CPU second",
        against: Some("websockify"),
        against_value: Some(other),
        ratio: Some(value / other),
        n: ROUNDS,
    })
}

async fn open(desk: &Desk, guest: &Guest, what: What) -> anyhow::Result<ScreenSocket> {
    Ok(match what {
        What::Screen => desk.platform.client.screen(guest.desktop).await?,
        What::Terminal => {
            let size = TerminalQuery { columns: 120, rows: 40, wake: true };
            desk.platform.client.terminal(guest.desktop, 1, size).await?
        }
    })
}

/// A source behind a desktop's door.
fn listen(guest: &Guest, what: What, stream: &Arc<Stream>) -> anyhow::Result<JoinHandle<()>> {
    let socket = match what {
        What::Screen => guest.vnc_socket(),
        What::Terminal => guest.terminal_socket(),
    };
    // One of an earlier benchmark.
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket)?;
    std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    let stream = stream.clone();
    Ok(tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let stream = stream.clone();
            tokio::spawn(async move { stream.say(connection).await });
        }
    }))
}

/// MB per second of processor time of these processes while the stream passes them once to each viewer.
async fn measure(
    sockets: Vec<ScreenSocket>,
    stream: &Arc<Stream>,
    processes: &[i32],
    tells: bool,
) -> anyhow::Result<f64> {
    let before = cpu::seconds(processes)?;
    let viewers: Vec<_> =
        sockets.into_iter().map(|socket| tokio::spawn(view(socket, stream.clone(), tells))).collect();
    let mut kept = Vec::new();
    for viewer in viewers {
        kept.push(viewer.await??);
    }
    // A process of websockify's counts until it is closed.
    let used = cpu::seconds(processes)? - before;
    let bytes = stream.bytes() * kept.len();
    for mut socket in kept {
        let _ = socket.close(None).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below where it matters")]
    Ok(bytes as f64 / 1e6 / used)
}

/// What one viewer does.
async fn view(mut socket: ScreenSocket, stream: Arc<Stream>, tells: bool) -> anyhow::Result<ScreenSocket> {
    let mut came = 0;
    match stream.pace {
        Pace::Asked => {
            for (said, answer) in GREETINGS {
                let mut heard = 0;
                while heard < said.len() {
                    heard += next(&mut socket).await?;
                }
                socket.send(Message::Binary(answer.into())).await?;
            }
            let mut wanted = 0;
            for size in &stream.sizes {
                socket.send(Message::Binary(vec![3; REQUEST].into())).await?;
                wanted += size;
                while came < wanted {
                    came += next(&mut socket).await?;
                }
            }
        }
        Pace::Every(_) => {
            let mut drawn = 0;
            while came < stream.bytes() {
                let bytes = next(&mut socket).await?;
                came += bytes;
                drawn += bytes;
                if tells && drawn >= REPORT {
                    socket.send(Message::Text(format!("{{\"drawn\":{drawn}}}").into())).await?;
                    drawn = 0;
                }
            }
        }
    }
    ensure!(came == stream.bytes(), "{came} bytes came rather than {}", stream.bytes());
    Ok(socket)
}

async fn next(socket: &mut ScreenSocket) -> anyhow::Result<usize> {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(30), socket.next()).await?;
        match message.context("the relay closed")?? {
            Message::Binary(bytes) => return Ok(bytes.len()),
            Message::Close(frame) => anyhow::bail!("the relay closed: {frame:?}"),
            _ => {}
        }
    }
}

/// Debian's relay, with the platform's own certificate, before a source of the same stream.
struct Websockify {
    child: Child,
    client: Client,
}

impl Websockify {
    async fn start(desk: &Desk, stream: &Arc<Stream>) -> anyhow::Result<Self> {
        let source = TcpListener::bind(("127.0.0.1", 0)).await?;
        let target = source.local_addr()?;
        let stream = stream.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = source.accept().await {
                let _ = connection.set_nodelay(true);
                let stream = stream.clone();
                tokio::spawn(async move { stream.say(connection).await });
            }
        });
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let web = desk.platform.data().join("web");
        let child = Command::new("websockify")
            .arg("--ssl-only")
            .arg(format!("--cert={}", web.join("tls.crt").display()))
            .arg(format!("--key={}", web.join("tls.key").display()))
            .args([format!("127.0.0.1:{port}"), target.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("websockify: scripts/setup test installs it")?;
        let certificate = std::fs::read(web.join("tls.crt"))?;
        let client = Client::over_https(&format!("https://localhost:{port}"), Some(&certificate))?;
        let started = Self { child, client };
        eventually("websockify answers", Duration::from_secs(30), || async {
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| ()))
        })
        .await?;
        Ok(started)
    }

    fn pid(&self) -> anyhow::Result<i32> {
        Ok(self.child.id().try_into()?)
    }
}

impl Drop for Websockify {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
