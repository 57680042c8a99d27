//! The screen: RFB bytes from and to the desktop's VNC server. Of what its viewers say, sizes are held
//! back from whoever does not drive, and those that would cost the desktop its memory from everybody.

use rolltop_engine::DoorStream;
use rolltop_guest_protocol::VNC_SOCKET;
use rolltop_model::{Size, Use};

use super::screen_input::{Input, NotRfb, Said};
use super::viewers::Viewer;
use super::{Place, Reason, Waking, unavailable};
use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::EnterError;

/// No screen is wider or higher, pixels.
const LONGEST_SIDE: u16 = 8192;
/// A picture takes at most this part of a desktop's memory; the server and its programs hold several.
const PART_OF_MEMORY: u64 = 16;
const BYTES_PER_PIXEL: u64 = 4;

/// Bytes from and to the VNC server. The server speaks first (the RFB banner).
pub struct Screen {
    pub stream: DoorStream,
    /// Takes what the viewer says and gives what goes on to the VNC server.
    pub input: ScreenInput,
    /// Keeps the desktop awake as long as it is held.
    pub place: Place,
}

pub struct ScreenInput {
    viewer: Viewer,
    input: Input,
    most_pixels: u64,
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
                    if fits(width, height, self.most_pixels) && self.viewer.wishes(&message) {
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

fn most_pixels(size: Size) -> u64 {
    (size.memory_mib() << 20) / PART_OF_MEMORY / BYTES_PER_PIXEL
}

fn fits(width: u16, height: u16, most_pixels: u64) -> bool {
    width.max(height) <= LONGEST_SIDE && u64::from(width) * u64::from(height) <= most_pixels
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
        let row = self.inner.store.desktop(access.desktop).await?.ok_or(EnterError::NotFound)?;
        let viewer = self.inner.viewers.come(access.desktop);
        let input = ScreenInput { viewer, input: Input::default(), most_pixels: most_pixels(row.size) };
        Ok(Screen { stream: Box::new(stream), input, place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_fits_and_what_would_take_the_memory_does_not() {
        for size in Size::ALL {
            assert!(fits(3840, 2160, most_pixels(size)), "a 4K screen on {}", size.as_str());
            assert!(!fits(16000, 16000, most_pixels(size)), "{}", size.as_str());
            assert!(!fits(16000, 100, most_pixels(size)), "{}", size.as_str());
        }
    }
}
