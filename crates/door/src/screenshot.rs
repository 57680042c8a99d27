//! A picture of a desktop's screen, made in the desktop.

use std::time::Duration;

use rolltop_guest_protocol::{GUEST_PROGRAM, SESSION_USER};

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::complaint;

/// Largest picture taken from a desktop, bytes.
pub const MAX_SCREENSHOT_BYTES: usize = 2 * 1024 * 1024;
/// How a JPEG begins and ends.
const START: &[u8] = &[0xff, 0xd8, 0xff];
const END: &[u8] = &[0xff, 0xd9];
const TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
pub enum ScreenshotError {
    #[error("the guest program did not run")]
    Exec(#[from] ExecError),
    /// The guest's own sentence, made safe to show.
    #[error("the guest could not take a picture: {0}")]
    Guest(String),
    #[error("what the guest sent is not a JPEG picture")]
    NotJpeg,
}

impl Door {
    /// The screen as a JPEG at most `width` pixels wide. The bytes are a guest's: serve them as
    /// `image/jpeg` with sniffing off, never decode them in the platform.
    pub async fn screenshot(&self, width: u16) -> Result<Vec<u8>, ScreenshotError> {
        // The display lets every local user look; one that does not is asked as its owner, which
        // costs an emulated guest half a second more.
        let take = format!("{GUEST_PROGRAM} screenshot --width {width}");
        let command = format!("{take} 2>/dev/null || sudo -n -u {SESSION_USER} {take}");
        let limits = ExecLimits { max_output: MAX_SCREENSHOT_BYTES, timeout: TIMEOUT };
        let output = self.exec(&command, Vec::new(), limits).await?;
        if !output.succeeded() {
            return Err(ScreenshotError::Guest(complaint(&output)));
        }
        if output.stdout.starts_with(START) && output.stdout.ends_with(END) {
            Ok(output.stdout)
        } else {
            Err(ScreenshotError::NotJpeg)
        }
    }
}
