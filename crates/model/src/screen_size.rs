//! A size that a desktop's screen keeps, whoever looks at it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::size::Size;

/// Less shows nothing of use.
const SHORTEST_SIDE: u16 = 320;
/// No screen is wider or higher, pixels.
const LONGEST_SIDE: u16 = 8192;
/// A picture takes at most this part of a desktop's memory; the server and its programs hold several.
const PART_OF_MEMORY: u64 = 16;
const BYTES_PER_PIXEL: u64 = 4;

/// Pixels, as `1280x800`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScreenSize {
    pub width: u16,
    pub height: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScreenSizeError {
    #[error(
        "A screen's size is its width and height in pixels, such as 1280x800; each is {SHORTEST_SIDE} to {LONGEST_SIDE}; follow has it follow who uses it."
    )]
    Unreadable,
    #[error("A screen of {0} takes more memory than a desktop of size {1} can spare.")]
    TooLarge(ScreenSize, Size),
}

impl ScreenSize {
    /// Whether a desktop of that size has the memory for it.
    pub fn fits(self, size: Size) -> bool {
        let most = (size.memory_mib() << 20) / PART_OF_MEMORY / BYTES_PER_PIXEL;
        self.width.max(self.height) <= LONGEST_SIDE && u64::from(self.width) * u64::from(self.height) <= most
    }

    /// The size that a text names, if such a desktop has the memory for it.
    pub fn chosen(text: &str, size: Size) -> Result<Self, ScreenSizeError> {
        let screen: Self = text.parse()?;
        if screen.fits(size) { Ok(screen) } else { Err(ScreenSizeError::TooLarge(screen, size)) }
    }
}

impl FromStr for ScreenSize {
    type Err = ScreenSizeError;

    fn from_str(text: &str) -> Result<Self, ScreenSizeError> {
        let side = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
            text.parse().ok().filter(|side| digits && (SHORTEST_SIDE..=LONGEST_SIDE).contains(side))
        };
        let (width, height) = text.split_once('x').ok_or(ScreenSizeError::Unreadable)?;
        side(width)
            .zip(side(height))
            .map(|(width, height)| Self { width, height })
            .ok_or(ScreenSizeError::Unreadable)
    }
}

impl TryFrom<String> for ScreenSize {
    type Error = ScreenSizeError;

    fn try_from(text: String) -> Result<Self, ScreenSizeError> {
        text.parse()
    }
}

impl From<ScreenSize> for String {
    fn from(size: ScreenSize) -> Self {
        size.to_string()
    }
}

impl fmt::Display for ScreenSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        let usual: ScreenSize = "1280x800".parse().unwrap();
        assert_eq!((usual.width, usual.height, usual.to_string()), (1280, 800, "1280x800".to_owned()));
        for wrong in [
            "",
            "1280",
            "x800",
            "1280x",
            "319x800",
            "1280x8193",
            "+1280x800",
            "1280X800",
            "01280x800",
            "1280x800 ",
            "70000x800",
        ] {
            assert_eq!(wrong.parse::<ScreenSize>(), Err(ScreenSizeError::Unreadable), "{wrong:?}");
        }
    }

    #[test]
    fn no_screen_takes_more_memory_than_the_desktop_can_spare() {
        for size in Size::ALL {
            assert!(ScreenSize::chosen("3840x2160", size).is_ok(), "a 4K screen on {size}");
            assert!(!ScreenSize { width: 16000, height: 100 }.fits(size));
            assert!(!ScreenSize { width: 16000, height: 16000 }.fits(size));
        }
        assert_eq!(
            ScreenSize::chosen("8192x8192", Size::S),
            Err(ScreenSizeError::TooLarge(ScreenSize { width: 8192, height: 8192 }, Size::S))
        );
    }
}
