//! The screen: raw RFB bytes from and to the desktop's VNC server.

use rolltop_engine::DoorStream;
use rolltop_guest_protocol::VNC_SOCKET;
use rolltop_model::Use;

use super::{Place, Reason, Waking, unavailable};
use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::EnterError;

/// Bytes from and to the VNC server. The server speaks first (the RFB banner).
pub struct Screen {
    pub stream: DoorStream,
    /// Keeps the desktop awake as long as it is held.
    pub place: Place,
}

impl Control {
    /// Connects to the VNC server.
    pub async fn screen(
        &self,
        access: &DesktopAccess<purpose::Control>,
        waking: Waking,
    ) -> Result<Screen, EnterError> {
        let place = self.inner.uses.take(access.desktop, Use::Screen).ok_or(EnterError::NotRunning)?;
        let door = self.enter(access, Reason::Screen, &place, waking).await?;
        let stream = door.streamlocal(VNC_SOCKET).await.map_err(unavailable)?;
        Ok(Screen { stream: Box::new(stream), place })
    }
}
