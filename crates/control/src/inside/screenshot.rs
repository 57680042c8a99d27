//! Pictures of the screen, for thumbnails: one request to the guest serves everyone who asks
//! within a few seconds.

use bytes::Bytes;

use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::EnterError;

impl Control {
    /// A JPEG at most `width` (64 to 1920) pixels wide and at most a few seconds old. The bytes are
    /// the guest's: serve them as `image/jpeg` with `nosniff`.
    pub async fn screenshot(&self, access: &DesktopAccess<purpose::Enter>, width: u16) -> Result<Bytes, EnterError> {
        todo!()
    }
}
