//! That a JPEG picture is one, and not larger than the place that it is for: whoever decodes it believes what it says.

use crate::inside::screen_output::{Area, BadServer};

const TOO_LARGE: BadServer = BadServer("a picture that is larger than its place");
const NOT_ONE: BadServer = BadServer("a picture that is no JPEG");

pub(crate) struct Jpeg {
    most: Area,
    step: Step,
    head: Vec<u8>,
    /// Bytes of a segment that are passed over.
    rest: usize,
    is_sized: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Start,
    Marker,
    Length,
    /// The length, depth, height and width of its frame.
    Frame,
    /// What comes is its pixels.
    Pixels,
}

impl Jpeg {
    pub fn within(most: Area) -> Self {
        Self { most, step: Step::Start, head: Vec::new(), rest: 0, is_sized: false }
    }

    pub fn read(&mut self, bytes: &[u8]) -> Result<(), BadServer> {
        for byte in bytes {
            if self.rest > 0 {
                self.rest -= 1;
                continue;
            }
            if self.step == Step::Pixels {
                return Ok(());
            }
            self.head.push(*byte);
            let wanted = match self.step {
                Step::Frame => 7,
                Step::Start | Step::Marker | Step::Length | Step::Pixels => 2,
            };
            if self.head.len() == wanted {
                self.step = self.next()?;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Step, BadServer> {
        let head = std::mem::take(&mut self.head);
        match (self.step, head.as_slice()) {
            (Step::Start, [0xff, 0xd8]) => Ok(Step::Marker),
            // As many of these as one likes come before a marker.
            (Step::Marker, [0xff, 0xff]) => {
                self.head.push(0xff);
                Ok(Step::Marker)
            }
            (Step::Marker, [0xff, 0xda]) if self.is_sized => Ok(Step::Pixels),
            (Step::Marker, [0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf]) => Ok(Step::Frame),
            (Step::Marker, [0xff, 0xc4 | 0xcc | 0xdb..=0xef | 0xfe]) => Ok(Step::Length),
            (Step::Length, [high, low]) => self.pass_over(*high, *low, 2),
            (Step::Frame, [high, low, _, height @ .., w1, w2]) => {
                let height = height.try_into().map_or(0, u16::from_be_bytes);
                let width = u16::from_be_bytes([*w1, *w2]);
                // Without a height it would say it at its end.
                if height == 0 || height > self.most.height || width > self.most.width {
                    return Err(TOO_LARGE);
                }
                self.is_sized = true;
                self.pass_over(*high, *low, 7)
            }
            _ => Err(NOT_ONE),
        }
    }

    /// The rest of a segment of this length, of which so much is read.
    fn pass_over(&mut self, high: u8, low: u8, read: usize) -> Result<Step, BadServer> {
        let length = usize::from(u16::from_be_bytes([high, low]));
        self.rest = length.checked_sub(read).ok_or(NOT_ONE)?;
        Ok(Step::Marker)
    }
}
