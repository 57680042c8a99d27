//! The screen: RFB bytes from and to the desktop's VNC server. Of what its viewers say, sizes are held
//! back from whoever does not drive, and those that would cost the desktop its memory from everybody. What the
//! server says is measured, so that it can't cost a viewer theirs (`screen_output`).

use std::sync::Arc;

use rolltop_boxed::boxed;
use rolltop_engine::DoorStream;
use rolltop_guest_protocol::VNC_SOCKET;
use rolltop_model::{Desired, DesktopId, DesktopState, ScreenSize, Size, Use};

use crate::inside::enter::EnterError;
use crate::inside::enter::{Waking, unavailable};
use crate::inside::notes::Reason;
use crate::inside::screen_input::{Input, NotRfb, Said};
use crate::inside::screen_output::agreed::Agreed;
use crate::inside::screen_output::{BadServer, Output, Passed};
use crate::inside::uses::{Comes, UseGuard};
use crate::inside::viewers::Viewer;
use crate::inside::viewers::Viewers;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::control::Control;
use crate::kernel::error::NoSuchDesktop;

/// Bytes from and to the VNC server. The server speaks first (the RFB banner).
pub struct Screen {
    pub stream: DoorStream,
    /// Takes what the viewer says and gives what goes on to the VNC server.
    pub input: ScreenInput,
    /// Looks at what the server says before it goes to the viewer.
    pub output: ScreenOutput,
    /// Keeps the desktop awake as long as it is held.
    pub place: UseGuard,
}

pub struct ScreenOutput(Output);

impl ScreenOutput {
    /// How much of this may go to the viewer now; the rest is read again later.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Passed, BadServer> {
        self.0.read(bytes)
    }
}

pub struct ScreenInput {
    viewer: Viewer,
    input: Input,
    size: Size,
}

impl ScreenInput {
    /// What of this goes to the screen, and what else with it.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Vec<u8>, NotRfb> {
        let mut on = Vec::with_capacity(bytes.len());
        for said in self.input.read(bytes)? {
            match said {
                Said::Rest(bytes) => on.extend(bytes),
                Said::Pressed(bytes) => {
                    on.extend(self.viewer.pressed().unwrap_or_default());
                    on.extend(bytes);
                }
                Said::Size { message, width, height } => {
                    if (ScreenSize { width, height }).fits(self.size) && self.viewer.wishes(&message) {
                        on.extend(message);
                    }
                }
            }
        }
        Ok(on)
    }

    /// Waits until something is to go to the screen that the viewer said long ago: it drives now.
    pub async fn later(&mut self) -> Vec<u8> {
        loop {
            if !self.input.is_between_messages() {
                std::future::pending::<()>().await;
            }
            if let Some(wish) = self.viewer.left_alone().await {
                return wish;
            }
        }
    }
}

#[boxed]
impl Control {
    /// Connects to the VNC server.
    pub async fn screen(
        &self,
        access: &DesktopAccess<purpose::Control>,
        waking: Waking,
    ) -> Result<Screen, EnterError> {
        let place =
            self.kernel.place(access, Use::Screen, Comes::Person).await?.ok_or(EnterError::NotRunning)?;
        let door = self.enter(access, Reason::Screen, &place, waking).await?;
        let stream = door.streamlocal_in_turn(VNC_SOCKET).await.map_err(unavailable)?;
        let row = self.kernel.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        // The server may have been started anew since, or been told another size from inside.
        if row.choices.screen.is_some() {
            let kernel = Arc::clone(&self.kernel);
            tokio::spawn(async move { kernel.apply_screen(row.id).await });
        }
        let viewer = self.kernel.state::<Viewers>().come(access.desktop, row.choices.screen.is_some());
        let agreed = Arc::new(Agreed::default());
        let input = ScreenInput { viewer, input: Input::new(agreed.clone()), size: row.size };
        let output = ScreenOutput(Output::new(agreed));
        Ok(Screen { stream: Box::new(stream), input, output, place })
    }
}

/// Why a desktop's screen closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScreenGone {
    Suspended,
    Stopped,
    Deleted,
    Restarted,
    Failed,
    /// The VNC server has ended, or ended this connection, in a desktop that goes on.
    Server,
    /// The way to a desktop that should be running.
    Connection,
}

#[boxed]
impl Control {
    /// Why a screen closed from the desktop's side; `ended` where it was closed rather than torn off.
    pub async fn why_screen_closed(&self, desktop: DesktopId, ended: bool) -> ScreenGone {
        match self.kernel.store.desktop(desktop).await {
            Ok(Some(row)) => gone(row.record.desired, row.record.state, ended),
            Ok(None) => ScreenGone::Deleted,
            Err(_) => ScreenGone::Connection,
        }
    }
}

fn gone(desired: Desired, state: DesktopState, ended: bool) -> ScreenGone {
    match (desired, state) {
        (Desired::Destroyed, _) | (_, DesktopState::Destroying | DesktopState::Destroyed) => {
            ScreenGone::Deleted
        }
        (_, DesktopState::Failed(_)) => ScreenGone::Failed,
        (Desired::Suspended, _) | (_, DesktopState::Suspended) => ScreenGone::Suspended,
        (Desired::Stopped, _) | (_, DesktopState::Stopped(_)) => ScreenGone::Stopped,
        (Desired::Running, DesktopState::Pending | DesktopState::Booting) => ScreenGone::Restarted,
        (Desired::Running, DesktopState::Running) if ended => ScreenGone::Server,
        (Desired::Running, DesktopState::Running) => ScreenGone::Connection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_that_closed_while_its_desktop_goes_on_is_told_from_one_that_left_with_it() {
        let running = DesktopState::Running;
        assert_eq!(gone(Desired::Suspended, running, true), ScreenGone::Suspended);
        assert_eq!(gone(Desired::Stopped, running, true), ScreenGone::Stopped);
        assert_eq!(gone(Desired::Destroyed, running, true), ScreenGone::Deleted);
        assert_eq!(gone(Desired::Running, DesktopState::Booting, true), ScreenGone::Restarted);
        assert_eq!(gone(Desired::Running, running, true), ScreenGone::Server);
        assert_eq!(gone(Desired::Running, running, false), ScreenGone::Connection);
    }
}
