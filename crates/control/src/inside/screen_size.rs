//! A size that a desktop's screen keeps, whoever looks at it: an agent that clicks at places needs one.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rolltop_boxed::boxed;
use rolltop_guest_protocol::VNC_SOCKET;
use rolltop_model::{DesktopId, ScreenSize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{sleep, timeout};

use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::state::default_state;

/// For the VNC server to take it.
const DEADLINE: Duration = Duration::from_secs(20);
/// It is asked again whether it has.
const LOOKS: u32 = 21;
const ASK_AGAIN: u32 = 7;
const LOOK: Duration = Duration::from_millis(150);

const BANNER: &[u8; 12] = b"RFB 003.008\n";
const NO_AUTHENTICATION: u8 = 1;
const EXTENDED_DESKTOP_SIZE: i32 = -308;
/// Longest name of a desktop, bytes.
const LONGEST_NAME: u32 = 4096;

/// Whose turn it is to set the size of a screen.
#[derive(Default)]
pub(crate) struct ScreenTurns(Mutex<HashMap<DesktopId, Arc<AsyncMutex<()>>>>);
default_state!(ScreenTurns);

impl ScreenTurns {
    fn of(&self, desktop: DesktopId) -> Arc<AsyncMutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(desktop).or_default())
    }
}

#[boxed]
impl Kernel {
    /// Gives the screen of a running desktop the size that is fixed for it. What does not work now is done at its next start.
    /// One at a time for each desktop: several would undo each other's work, and the latest wish would not be the last.
    pub(crate) async fn apply_screen(&self, desktop: DesktopId) {
        let turn = self.state::<ScreenTurns>().of(desktop);
        let _turn = turn.lock().await;
        // Looked up now: while this waited, another may have been wished for.
        let screen = match self.store.desktop(desktop).await {
            Ok(row) => row.and_then(|row| row.choices.screen),
            Err(error) => return tracing::warn!(%desktop, error = chain(&error), "its screen keeps its size"),
        };
        let Some(screen) = screen else { return };
        match timeout(DEADLINE, self.set_size(desktop, screen)).await {
            Ok(Ok(())) => tracing::debug!(%desktop, %screen, "its screen has its size"),
            Ok(Err(error)) => {
                tracing::warn!(%desktop, %screen, error = chain(&error), "its screen keeps its size")
            }
            Err(_) => tracing::warn!(%desktop, %screen, "its screen does not say whether it has its size"),
        }
    }

    async fn set_size(&self, desktop: DesktopId, screen: ScreenSize) -> io::Result<()> {
        let door = self.doors.door(desktop).await.map_err(io::Error::other)?;
        let connect = async || door.streamlocal_in_turn(VNC_SOCKET).await.map_err(io::Error::other);
        let mut asked = None;
        for look in 0..LOOKS {
            let greeting = async {
                if look > 0 {
                    sleep(LOOK).await;
                }
                let mut server = connect().await?;
                let size = greeted(&mut server).await?;
                io::Result::Ok((server, size))
            };
            let (mut server, size) = reading(&mut asked, greeting).await?;
            if size == screen {
                return Ok(());
            }
            // A viewer may have asked for another in between.
            if look % ASK_AGAIN == 0 {
                ask_for(&mut server, screen).await?;
                asked = Some(server);
            }
        }
        Err(io::Error::other("the server kept another size"))
    }
}

/// Carries `work` out while whatever the server sends is taken from it, for one that is not read heeds nothing either, and
/// holds up the rest of the door.
async fn reading<T>(server: &mut Option<impl AsyncRead + Unpin>, work: impl Future<Output = T>) -> T {
    let rest = async {
        if let Some(server) = server {
            // Its end changes nothing.
            let _ = copy(server, &mut sink()).await;
        }
        pending::<Infallible>().await
    };
    tokio::select! {
        done = work => done,
        never = rest => match never {},
    }
}

/// Says hello as a viewer among others does; the size that the screen has.
async fn greeted(server: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<ScreenSize> {
    let mut banner = [0; BANNER.len()];
    server.read_exact(&mut banner).await?;
    if !banner.starts_with(b"RFB 003.") {
        return Err(io::Error::other("no RFB server"));
    }
    server.write_all(BANNER).await?;
    let mut offered = vec![0; usize::from(server.read_u8().await?)];
    server.read_exact(&mut offered).await?;
    if !offered.contains(&NO_AUTHENTICATION) {
        return Err(io::Error::other("the server wants a password"));
    }
    server.write_all(&[NO_AUTHENTICATION]).await?;
    if server.read_u32().await? != 0 {
        return Err(io::Error::other("the server lets nobody in"));
    }
    // Shared: nobody else is sent away.
    server.write_all(&[1]).await?;
    let size = ScreenSize { width: server.read_u16().await?, height: server.read_u16().await? };
    let mut format = [0; 16];
    server.read_exact(&mut format).await?;
    let length = server.read_u32().await?;
    if length > LONGEST_NAME {
        return Err(io::Error::other("the server's name is too long"));
    }
    let mut name = vec![0; usize::try_from(length).unwrap_or_default()];
    server.read_exact(&mut name).await?;
    Ok(size)
}

/// The server tells of its screen before all else where it is asked for anything; that one is asked to be of the size.
async fn ask_for(server: &mut (impl AsyncRead + AsyncWrite + Unpin), size: ScreenSize) -> io::Result<()> {
    let mut hello = vec![2, 0, 0, 1];
    hello.extend(EXTENDED_DESKTOP_SIZE.to_be_bytes());
    hello.extend([3, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    server.write_all(&hello).await?;
    let mut update = [0; 4 + 12 + 4];
    server.read_exact(&mut update).await?;
    let [0, _, _, _, _, _, _, _, _, _, _, _, e1, e2, e3, e4, screens, ..] = update else {
        return Err(io::Error::other("the server tells something else first"));
    };
    if i32::from_be_bytes([e1, e2, e3, e4]) != EXTENDED_DESKTOP_SIZE || screens == 0 {
        return Err(io::Error::other("the server's screen can't be resized"));
    }
    let id = server.read_u32().await?;
    let mut wanted = vec![251, 0];
    wanted.extend(size.width.to_be_bytes());
    wanted.extend(size.height.to_be_bytes());
    wanted.extend([1, 0]);
    wanted.extend(id.to_be_bytes());
    wanted.extend([0; 4]);
    wanted.extend(size.width.to_be_bytes());
    wanted.extend(size.height.to_be_bytes());
    wanted.extend([0; 4]);
    server.write_all(&wanted).await?;
    server.flush().await
}
