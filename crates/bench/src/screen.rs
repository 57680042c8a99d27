//! How a screen feels: how often a window that is dragged is seen in a new place, and how long it takes from a
//! key until what it wrote is seen.
//!
//! The viewer asks for what the page asks for, over the page's whole way: TLS, web, api, SSH, the server's socket. In turn
//! with that, in the same desktop, another looks straight at the VNC server: over TCP into the desktop's network, where
//! systemd's relay leads to the same socket. What is slow in an emulated desktop slows both, so the ratio is ours.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rolltop_api_types::DesktopState;
use rolltop_model::DesktopId;
use rolltop_vm_tests::Platform;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::ROUNDS;
use crate::create::remove;
use crate::report::{Line, against, against_more_is_better, percentile, print, value};
use crate::rfb::{AS_THE_PAGE, Area, Update, Viewer};

/// What ours is compared with.
const STRAIGHT: &str = "its VNC server over TCP, past all of ours";
/// Where a desktop is in its own network, and where the relay for that listens in it.
const GUEST: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const PORT: u16 = 5999;

/// How long a window is dragged, in circles of so many pixels, each of which takes so long.
const DRAG: Duration = Duration::from_secs(4);
const RADIUS: f64 = 100.0;
const CIRCLE: Duration = Duration::from_secs(2);
/// The page tells of the pointer so often.
const STEP: Duration = Duration::from_millis(17);
/// From a window's top to its title bar's middle.
const TITLE: u16 = 12;
/// Keys that are pressed in each round on each way.
const KEYS: u16 = 10;
const BACKSPACE: u32 = 0xff08;
/// A screen is still once so long nothing has come.
const STILL: Duration = Duration::from_millis(400);
/// For what never comes.
const LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Drags {
    updates: Vec<f64>,
    bytes: Vec<f64>,
    lag: Vec<f64>,
}

/// A desktop with a terminal on its screen.
struct Desk<'a> {
    platform: &'a Platform,
    id: DesktopId,
    window: Area,
    network: String,
}

pub async fn all(platform: &Platform, fps: bool, keys: bool) -> anyhow::Result<()> {
    let desk = Desk::start(platform).await?;
    if fps {
        desk.drags().await?;
    }
    if keys {
        desk.keys().await?;
    }
    remove(platform, desk.id).await
}

impl<'a> Desk<'a> {
    async fn start(platform: &'a Platform) -> anyhow::Result<Self> {
        let id = platform.create("screen").await?.id;
        platform.wait_for(id, DesktopState::Running).await?;
        platform
            .shell(
                id,
                &format!(
                    "sudo systemd-run -q -p Restart=no --socket-property=ListenStream={GUEST}:{PORT} \
                     --socket-property=NoDelay=yes /usr/lib/systemd/systemd-socket-proxyd /run/rolltop/vnc.sock"
                ),
            )
            .await?;
        let place = platform
            .shell(
                id,
                "setsid xfce4-terminal --geometry=80x24+300+150 --title=screen > /dev/null 2>&1 < /dev/null & \
                 window=$(xdotool search --sync --onlyvisible --name '^screen$' | head -1) && \
                 xdotool windowactivate --sync $window && LC_ALL=C xwininfo -id $window && \
                 until [ $(vmstat 3 2 | tail -1 | awk '{ print $15 }') -ge 90 ]; do :; done",
            )
            .await?;
        let number = |name: &str| -> anyhow::Result<u16> {
            let said = place.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
            Ok(said.with_context(|| format!("{name} of {place}"))?.trim().parse()?)
        };
        let window = Area {
            left: number("Absolute upper-left X")?,
            top: number("Absolute upper-left Y")?,
            width: number("Width")?,
            height: number("Height")?,
        };
        let network = network(platform, id)?;
        Ok(Self { platform, id, window, network })
    }

    async fn ours(&self) -> anyhow::Result<Viewer> {
        look(Viewer::open(self.platform.client.screen(self.id).await?, AS_THE_PAGE)).await
    }

    async fn straight(&self) -> anyhow::Result<Viewer> {
        look(Viewer::open(inside(&self.network)?, AS_THE_PAGE)).await
    }

    async fn drags(&self) -> anyhow::Result<()> {
        let (mut ours, mut straight) = (Drags::default(), Drags::default());
        for round in 0..ROUNDS {
            self.drag(self.ours().await?, &mut ours).await?;
            self.drag(self.straight().await?, &mut straight).await?;
            eprintln!(
                "screen_fps {}/{ROUNDS}: {:.1?} updates/s, {:.0?} kB/s, {:.0?} ms behind; straight {:.1?}, {:.0?}, {:.0?}",
                round + 1,
                ours.updates.last(),
                ours.bytes.last(),
                ours.lag.last(),
                straight.updates.last(),
                straight.bytes.last(),
                straight.lag.last()
            );
        }
        against_more_is_better("screen_fps", "updates/s", &ours.updates, STRAIGHT, &straight.updates)?;
        value("screen_fps_bandwidth", "kB/s", &ours.bytes)?;
        against("screen_fps_lag", "ms", &ours.lag, STRAIGHT, &straight.lag)
    }

    /// Drags the terminal by its title along a circle, and notes how often it was seen elsewhere.
    async fn drag(&self, mut viewer: Viewer, drags: &mut Drags) -> anyhow::Result<()> {
        let grip = (f64::from(self.window.left + self.window.width / 2), f64::from(self.window.top - TITLE));
        let (mut moved, mut bytes) = (0.0, 0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places on a screen")]
        let hold = |viewer: &Viewer, turned: f64, pressed: bool| {
            let (sine, cosine) = (turned * std::f64::consts::TAU).sin_cos();
            let (left, top) = (grip.0 + RADIUS * (1.0 - cosine), grip.1 + RADIUS * sine);
            viewer.point(left as u16, top as u16, pressed)
        };
        hold(&viewer, 0.0, false)?;
        hold(&viewer, 0.0, true)?;
        let start = Instant::now();
        let mut step = interval(STEP);
        step.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while start.elapsed() < DRAG {
            tokio::select! {
                _ = step.tick() => hold(&viewer, start.elapsed().as_secs_f64() / CIRCLE.as_secs_f64(), true)?,
                update = viewer.next() => {
                    let update = update?;
                    bytes += update.bytes;
                    moved += f64::from(u8::from(self.moved(&update)));
                }
            }
        }
        let took = start.elapsed();
        hold(&viewer, 0.0, true)?;
        hold(&viewer, 0.0, false)?;
        let released = Instant::now();
        let mut last = released;
        while let Ok(update) = timeout(STILL, viewer.next()).await {
            let update = update?;
            if self.moved(&update) {
                last = update.at;
            }
        }
        drags.updates.push(moved / took.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        drags.bytes.push(bytes as f64 / took.as_secs_f64() / 1000.0);
        drags.lag.push(last.duration_since(released).as_secs_f64() * 1000.0);
        Ok(())
    }

    /// Whether what changed is about as large as the window, as it is where that was moved.
    fn moved(&self, update: &Update) -> bool {
        let mut edges: Option<[u16; 4]> = None;
        for Area { left, top, width, height } in update.changed.iter().copied() {
            let [l, t, r, b] = edges.unwrap_or([left, top, 0, 0]);
            edges = Some([l.min(left), t.min(top), r.max(left + width), b.max(top + height)]);
        }
        edges.is_some_and(|[l, t, r, b]| r - l > self.window.width / 2 && b - t > self.window.height / 2)
    }

    async fn keys(&self) -> anyhow::Result<()> {
        let (mut ours, mut straight) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            self.press(self.ours().await?, &mut ours).await?;
            self.press(self.straight().await?, &mut straight).await?;
            eprintln!(
                "key_to_pixel {}/{ROUNDS}: {:.1} ms, straight {:.1} ms",
                round + 1,
                percentile(&ours, 50),
                percentile(&straight, 50)
            );
        }
        against("key_to_pixel", "ms", &ours, STRAIGHT, &straight)?;
        let (slow, other) = (percentile(&ours, 95), percentile(&straight, 95));
        print(&Line {
            name: "key_to_pixel_p95",
            value: slow,
            unit: "ms",
            against: Some(STRAIGHT),
            against_value: Some(other),
            ratio: Some(other / slow),
            n: ours.len(),
        })
    }

    /// Presses a letter after the other, each once the one before has long been seen.
    async fn press(&self, mut viewer: Viewer, times: &mut Vec<f64>) -> anyhow::Result<()> {
        for number in 0..KEYS {
            // Not in step with anything that comes again and again.
            let pause = STILL + Duration::from_millis((u64::from(number) * 37) % 100);
            while timeout(pause, viewer.next()).await.is_ok() {}
            let letter = u32::from(b'a') + u32::from(number);
            let start = Instant::now();
            viewer.key(letter, true)?;
            let seen = async {
                loop {
                    let update = viewer.next().await?;
                    if update.changed.iter().any(|area| self.window.meets(*area)) {
                        return anyhow::Ok(update.at);
                    }
                }
            };
            let seen = timeout(LIMIT, seen).await.context("a letter isn't seen")??;
            times.push(seen.duration_since(start).as_secs_f64() * 1000.0);
            viewer.key(letter, false)?;
            // The line stays empty, so each letter is drawn at the same place.
            viewer.key(BACKSPACE, true)?;
            viewer.key(BACKSPACE, false)?;
        }
        Ok(())
    }
}

impl Area {
    fn meets(self, other: Self) -> bool {
        self.left < other.left + other.width
            && other.left < self.left + self.width
            && self.top < other.top + other.height
            && other.top < self.top + self.height
    }
}

/// Waits for a first picture, and until nothing more comes.
async fn look(opening: impl Future<Output = anyhow::Result<(Viewer, Update)>>) -> anyhow::Result<Viewer> {
    let (mut viewer, _) = timeout(LIMIT, opening).await.context("the screen isn't seen")??;
    let start = Instant::now();
    while timeout(STILL, viewer.next()).await.is_ok() {
        ensure!(start.elapsed() < LIMIT, "the screen is never still");
    }
    Ok(viewer)
}

/// The name of a desktop's network.
fn network(platform: &Platform, id: DesktopId) -> anyhow::Result<String> {
    let record = std::fs::read(platform.data().join(format!("host/desktops/{id}/desktop.json")))?;
    let record: serde_json::Value = serde_json::from_slice(&record)?;
    Ok(format!("{}{}", platform.network(), record.get("index").context("the number of its network")?))
}

/// A connection to the relay in a desktop's network.
fn inside(network: &str) -> anyhow::Result<TcpStream> {
    let file = std::fs::File::open(Path::new("/run/netns").join(network))?;
    let connect = move || -> anyhow::Result<std::net::TcpStream> {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(std::net::TcpStream::connect_timeout(&SocketAddr::from((GUEST, PORT)), LIMIT)?)
    };
    // A thread of its own, as the network is the thread's from then on.
    let stream = std::thread::spawn(connect).join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream)?)
}
