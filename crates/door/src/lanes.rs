//! Tunnels to TCP ports inside a desktop, on SSH connections of their own.
//!
//! A reader of a tunnel that takes nothing must slow down whoever writes inside the desktop, and
//! lose nothing. SSH has a window per channel for that, but russh opens it again as data arrives; so what
//! is slowed down is the whole connection. Therefore tunnels never share the desktop's door with its
//! screen and terminals: they have up to [`LANES`] connections, of which most desktops need one.
//!
//! ```text
//!  tcp(desktop, port) ─► the first lane that flows ─┬─ it is open ─► a direct-tcpip channel
//!                                                   └─ it is not ──► opened first
//!  a lane whose reader stands still: new tunnels take another. Alone on its lane a tunnel may stand
//!  for ever; with others on it, it is cut off after a minute. A lane without tunnels hangs up.
//! ```

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rolltop_model::DesktopId;
use russh::ChannelOpenFailure;
use tokio::time::{Instant, timeout};

use crate::channel::{ChannelError, DoorChannel, confirmed};
use crate::door::Door;
use crate::pool::{DoorPool, DoorSource, PoolError};

/// Connections for tunnels to one desktop.
const LANES: usize = 4;
/// A lane that was held up within this time does not flow.
const HELD: Duration = Duration::from_secs(2);
/// A tunnel that has not opened after this takes another lane if its own is held up.
const HELD_UP: Duration = Duration::from_millis(500);
/// A lane without tunnels hangs up after this: an sshd costs a desktop memory.
const IDLE: Duration = Duration::from_secs(60);
/// Where a program inside may listen. Some take `localhost` for the second only.
const LOOPBACK: [&str; 2] = ["127.0.0.1", "::1"];

/// Why there is no tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    #[error("there is no way to the desktop's door")]
    Door(#[from] PoolError),
    #[error("nothing listens on the port")]
    PortClosed,
    #[error("no channel for the tunnel")]
    Channel(#[from] ChannelError),
}

/// The connections for tunnels, of all desktops.
pub struct Lanes {
    pools: Vec<DoorPool>,
}

impl Lanes {
    pub fn new(source: Arc<dyn DoorSource>) -> Self {
        Self { pools: (0..LANES).map(|_| DoorPool::new(source.clone())).collect() }
    }

    /// One TCP connection to a port on the desktop's loopback. Shutting it down ends this direction only.
    pub async fn tcp(&self, desktop: DesktopId, port: u16) -> Result<DoorChannel, TunnelError> {
        for _ in 0..LANES {
            let door = self.lane(desktop).await?;
            match opened(door, port).await {
                // It hung up for want of tunnels at this very moment.
                Some(Err(TunnelError::Channel(ChannelError::Closed))) | None => {}
                Some(result) => return result,
            }
        }
        self.lane(desktop).await?.tcp(port).await
    }

    /// Hangs up all of a desktop's; its tunnels end.
    pub async fn forget(&self, desktop: DesktopId) {
        for pool in &self.pools {
            pool.forget(desktop).await;
        }
    }

    async fn lane(&self, desktop: DesktopId) -> Result<Arc<Door>, PoolError> {
        let mut held: Option<Arc<Door>> = None;
        for pool in &self.pools {
            let door = match pool.open_door(desktop) {
                Some(door) => door,
                None => pool.door(desktop).await?,
            };
            if !door.lane.watched.swap(true, Ordering::Relaxed) {
                tokio::spawn(hang_up_when_idle(door.clone()));
            }
            if door.lane.flows() {
                return Ok(door);
            }
            if held.as_ref().is_none_or(|held| door.lane.tunnels() < held.lane.tunnels()) {
                held = Some(door);
            }
        }
        held.ok_or(PoolError::Forgotten)
    }
}

/// None where the lane was held up before it could answer.
async fn opened(door: Arc<Door>, port: u16) -> Option<Result<DoorChannel, TunnelError>> {
    let lane = door.lane.clone();
    // A task of its own: what is confirmed after all has to be closed.
    let mut opening = tokio::spawn(async move { door.tcp(port).await });
    loop {
        match timeout(HELD_UP, &mut opening).await {
            Ok(opened) => return Some(opened.unwrap_or(Err(ChannelError::Closed.into()))),
            Err(_) if lane.flows() => {}
            Err(_) => return None,
        }
    }
}

async fn hang_up_when_idle(door: Arc<Door>) {
    loop {
        tokio::select! {
            () = door.closed() => return,
            () = tokio::time::sleep(IDLE) => {}
        }
        if door.lane.is_idle() {
            door.close().await;
            return;
        }
    }
}

impl Door {
    /// One TCP connection to a port on the desktop's loopback, made by its sshd. It may hold up
    /// this door's other channels; [`Lanes`] keeps doors for nothing else.
    pub async fn tcp(&self, port: u16) -> Result<DoorChannel, TunnelError> {
        for address in LOOPBACK {
            let opening = self.handle.channel_open_direct_tcpip(address, port.into(), "127.0.0.1", 0);
            match confirmed(opening).await {
                Ok(channel) => return Ok(DoorChannel::tunnel(channel, Passenger::boards(&self.lane))),
                Err(ChannelError::Refused { why: ChannelOpenFailure::ConnectFailed, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(TunnelError::PortClosed)
    }
}

/// What is known of the tunnels on one connection.
pub(crate) struct Lane {
    tunnels: AtomicUsize,
    /// Channels that wait for their reader now.
    holding: AtomicUsize,
    /// Somebody looks after hanging up.
    watched: AtomicBool,
    times: Mutex<Times>,
}

struct Times {
    /// When a channel last waited for its reader.
    held: Option<Instant>,
    /// When a tunnel last came or went.
    used: Instant,
}

impl Default for Lane {
    fn default() -> Self {
        Self {
            tunnels: AtomicUsize::new(0),
            holding: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            times: Mutex::new(Times { held: None, used: Instant::now() }),
        }
    }
}

impl Lane {
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }

    fn flows(&self) -> bool {
        let recently = self.with_times(|times| times.held.is_some_and(|held| held.elapsed() < HELD));
        self.holding.load(Ordering::SeqCst) == 0 && !recently
    }

    fn is_idle(&self) -> bool {
        self.tunnels() == 0 && self.with_times(|times| times.used.elapsed() >= IDLE)
    }

    fn with_times<T>(&self, what: impl FnOnce(&mut Times) -> T) -> T {
        // Two plain times are never left half changed.
        what(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A tunnel on a lane, counted as long as this lives.
pub(crate) struct Passenger(Arc<Lane>);

impl Passenger {
    fn boards(lane: &Arc<Lane>) -> Self {
        lane.tunnels.fetch_add(1, Ordering::SeqCst);
        lane.with_times(|times| times.used = Instant::now());
        Self(lane.clone())
    }

    pub(crate) fn lane(&self) -> Arc<Lane> {
        self.0.clone()
    }
}

impl Drop for Passenger {
    fn drop(&mut self) {
        self.0.tunnels.fetch_sub(1, Ordering::SeqCst);
        self.0.with_times(|times| times.used = Instant::now());
    }
}

/// A channel waits for its reader as long as this lives, and all its lane with it.
pub(crate) struct Hold(Arc<Lane>);

impl Hold {
    pub(crate) fn of(lane: &Arc<Lane>) -> Self {
        lane.holding.fetch_add(1, Ordering::SeqCst);
        Self(lane.clone())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.with_times(|times| times.held = Some(Instant::now()));
        self.0.holding.fetch_sub(1, Ordering::SeqCst);
    }
}
