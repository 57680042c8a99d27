//! The screen: raw RFB bytes from and to the desktop's VNC server.

use rolltop_guest_protocol::VNC_SOCKET;

use super::{Reason, unavailable};
use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::EnterError;

/// Bytes both ways: `AsyncRead + AsyncWrite + Send + Unpin`.
pub type ScreenStream = rolltop_engine::DoorStream;

impl Control {
    /// Connects to the VNC server. The server speaks first (the RFB banner).
    pub async fn screen(&self, access: &DesktopAccess<purpose::Control>) -> Result<ScreenStream, EnterError> {
        let door = self.enter(access, Reason::Screen).await?;
        Ok(Box::new(door.streamlocal(VNC_SOCKET).await.map_err(unavailable)?))
    }
}
