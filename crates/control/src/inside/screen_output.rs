//! What a desktop's VNC server may say to a viewer: RFB's messages from server to client, measured as they pass and never
//! kept. Pure.
//!
//! The server is a guest's. A page believes the numbers in what it says: it would make a picture of 65535 by 65535, wait for
//! a name of 4 GiB or unpack a clipboard of that size, and stand still while it paints its picture over a thousand times. So
//! each length is looked at before the bytes that have it go on, and how much is painted is counted. Only encodings whose
//! length can be told are offered to the server ([`agreed::MEASURED`]); where it uses another, or breaks a limit, the screen is
//! closed.

pub(crate) mod agreed;
pub(crate) mod clipboard;
pub(crate) mod jpeg;
pub(crate) mod tight;

use std::sync::Arc;

use rolltop_model::{ScreenSize, Size};

use crate::inside::screen_output::agreed::{
    Agreed, COPY, DESKTOP_SIZE, EXTENDED_BUTTONS, EXTENDED_DESKTOP_SIZE, EXTENDED_KEYS, LAST_RECTANGLE, LEDS,
    NAME, POINTER, RAW, TIGHT, VMWARE_POINTER, ZRLE,
};
use crate::inside::screen_output::clipboard::Clipboard;
use crate::inside::screen_output::jpeg::Jpeg;
use crate::inside::screen_output::tight::Tight;

/// Longest name and reason, bytes.
const MOST_NAME: u32 = 4096;
/// Longest text of a clipboard, bytes, packed or not; docs/browser.md promises 3 MiB.
pub(crate) const MOST_TEXT: u32 = 4 << 20;
/// Largest pointer, pixels on a side.
const LARGEST_POINTER: u16 = 1024;
/// Longest payload of a fence, bytes, by the protocol.
const MOST_FENCE: u8 = 64;
/// What is handed on at once, in pixels painted: a screen of 4K four times.
const SLICE: u64 = 32 << 20;

/// The desktop's VNC server says what none may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the program that draws the screen says what it may not: {0}")]
pub struct BadServer(&'static str);

/// What is to come next, and how much of it must be there to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Version,
    /// How many kinds of it there are to choose from.
    Security,
    /// The one that the server chose, before version 3.7.
    OldSecurity,
    SecurityResult,
    Reason,
    /// Nothing more may come.
    Over,
    Init,
    /// A length and so many bytes of text, then the next rectangle or message.
    Text,
    Message,
    Update,
    Colours,
    CutText,
    CutFlags {
        packed: u32,
    },
    Fence,
    Rectangle,
    ZrleLength,
    Screens,
    VmwarePointer,
    Tight(Tight),
}

impl Step {
    /// Bytes of the head.
    const fn head(self) -> usize {
        match self {
            Step::Security | Step::Message | Step::Over | Step::Tight(_) => 1,
            Step::VmwarePointer => 2,
            Step::Update => 3,
            Step::OldSecurity | Step::SecurityResult | Step::Reason | Step::Text => 4,
            Step::CutFlags { .. } | Step::ZrleLength | Step::Screens => 4,
            Step::Colours => 5,
            Step::CutText => 7,
            Step::Fence => 8,
            Step::Version | Step::Rectangle => 12,
            Step::Init => 20,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Area {
    width: u16,
    height: u16,
}

impl Area {
    const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

/// Bytes that go on without being a head, and what looks at them.
enum Inside {
    Nothing,
    Jpeg(Jpeg),
    Clipboard(Box<Clipboard>),
}

/// How much of some bytes may go on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    pub bytes: usize,
    /// Pixels that they have a viewer paint.
    pub pixels: u64,
}

pub(crate) struct Output {
    agreed: Arc<Agreed>,
    step: Step,
    head: Vec<u8>,
    /// Bytes to come before the next head.
    rest: u64,
    inside: Inside,
    screen: Area,
    /// The rectangle that is being told.
    area: Area,
    /// Rectangles to come, unless one says that it is the last.
    rectangles: u16,
    painted: u64,
}

impl Output {
    pub fn new(agreed: Arc<Agreed>) -> Self {
        Self {
            agreed,
            step: Step::Version,
            head: Vec::new(),
            rest: 0,
            inside: Inside::Nothing,
            screen: Area::default(),
            area: Area::default(),
            rectangles: 0,
            painted: 0,
        }
    }

    /// Looks at what has come, all of it unless that paints very much.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Passed, BadServer> {
        let mut left = bytes;
        self.painted = 0;
        while !left.is_empty() && self.painted < SLICE {
            if self.rest > 0 {
                let length = usize::try_from(self.rest).unwrap_or(usize::MAX).min(left.len());
                let (now, later) = left.split_at(length);
                self.look_inside(now)?;
                self.rest -= now.len() as u64;
                left = later;
                continue;
            }
            if self.step == Step::Security && self.head.is_empty() {
                match self.agreed.minor() {
                    0 => return Err(BadServer("it does not wait for the viewer's version")),
                    minor if minor < 7 => self.step = Step::OldSecurity,
                    _ => {}
                }
            }
            let wanted = self.step.head().saturating_sub(self.head.len());
            let (now, later) = left.split_at(wanted.min(left.len()));
            self.head.extend_from_slice(now);
            left = later;
            if now.len() == wanted {
                self.step = self.next()?;
                self.head.clear();
            }
        }
        Ok(Passed { bytes: bytes.len() - left.len(), pixels: self.painted })
    }

    fn look_inside(&mut self, bytes: &[u8]) -> Result<(), BadServer> {
        match &mut self.inside {
            Inside::Nothing => Ok(()),
            Inside::Jpeg(jpeg) => jpeg.read(bytes),
            Inside::Clipboard(clipboard) => clipboard.read(bytes),
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.head.get(at).copied().unwrap_or_default()
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.byte(at), self.byte(at + 1)])
    }

    fn u32(&self, at: usize) -> u32 {
        (u32::from(self.u16(at)) << 16) | u32::from(self.u16(at + 2))
    }

    /// So many bytes pass before `then`.
    fn after(&mut self, bytes: impl Into<u64>, then: Step) -> Step {
        (self.rest, self.inside) = (bytes.into(), Inside::Nothing);
        then
    }

    /// A head is there: what follows it.
    fn next(&mut self) -> Result<Step, BadServer> {
        match self.step {
            Step::Version if !self.head.starts_with(b"RFB 003.") => Err(BadServer("no version")),
            Step::Version => Ok(Step::Security),
            Step::Security => match self.byte(0) {
                0 => Ok(Step::Reason),
                count => {
                    let then = if self.agreed.minor() >= 8 { Step::SecurityResult } else { Step::Init };
                    Ok(self.after(count, then))
                }
            },
            Step::OldSecurity => match self.u32(0) {
                0 => Ok(Step::Reason),
                1 => Ok(Step::Init),
                _ => Err(BadServer("it wants a password")),
            },
            Step::SecurityResult => Ok(if self.u32(0) == 0 { Step::Init } else { Step::Reason }),
            Step::Reason => self.text(Step::Over),
            Step::Over => Err(BadServer("it goes on after its last word")),
            Step::Init => {
                self.resize(self.u16(0), self.u16(2))?;
                self.agreed.paints(self.head.get(4..).unwrap_or_default());
                Ok(Step::Text)
            }
            Step::Text => {
                let then = self.then();
                self.text(then)
            }
            Step::Message => self.message(),
            Step::Update => {
                self.rectangles = self.u16(1);
                Ok(self.then())
            }
            Step::Colours => {
                let colours = self.u16(3);
                Ok(self.after(6 * u32::from(colours), Step::Message))
            }
            Step::CutText => self.cut_text(),
            Step::CutFlags { packed } => {
                let then = self.after(packed, Step::Message);
                if clipboard::is_given(self.u32(0), packed)? {
                    self.inside = Inside::Clipboard(Box::default());
                }
                Ok(then)
            }
            Step::Fence if self.byte(7) > MOST_FENCE => Err(BadServer("a fence that is too long")),
            Step::Fence => Ok(self.after(self.byte(7), Step::Message)),
            Step::Rectangle => self.rectangle(),
            Step::ZrleLength => {
                // Packing adds little to what can't be packed.
                let most = self.bytes(self.area.pixels()).saturating_mul(2) + 4096;
                let length = u64::from(self.u32(0));
                match length {
                    0 => Err(BadServer("a packing of nothing")),
                    length if length > most => Err(BadServer("more pixels than it tells of")),
                    length => Ok(self.ends(length)),
                }
            }
            Step::Screens => Ok(self.ends(16 * u64::from(self.byte(0)))),
            Step::VmwarePointer => match self.byte(0) {
                0 => Ok(self.ends(8 * self.area.pixels())),
                1 => Ok(self.ends(4 * self.area.pixels())),
                _ => Err(BadServer("a pointer of an unknown kind")),
            },
            Step::Tight(tight) => self.tight(tight),
        }
    }

    fn text(&mut self, then: Step) -> Result<Step, BadServer> {
        match self.u32(0) {
            length if length > MOST_NAME => Err(BadServer("a name that is too long")),
            length => Ok(self.after(length, then)),
        }
    }

    fn message(&mut self) -> Result<Step, BadServer> {
        match self.byte(0) {
            0 => Ok(Step::Update),
            1 => Ok(Step::Colours),
            // A bell, and the end of continuous updates.
            2 | 150 => Ok(Step::Message),
            3 => Ok(Step::CutText),
            248 => Ok(Step::Fence),
            250 => Ok(self.after(3_u32, Step::Message)),
            _ => Err(BadServer("a message of an unknown kind")),
        }
    }

    fn cut_text(&mut self) -> Result<Step, BadServer> {
        let length = i32::from_be_bytes(self.u32(3).to_be_bytes());
        match (length.unsigned_abs(), length < 0) {
            (length, _) if length > MOST_TEXT => Err(BadServer("a clipboard that is too long")),
            (length, false) => Ok(self.after(length, Step::Message)),
            (length, true) => match length.checked_sub(4) {
                Some(packed) => Ok(Step::CutFlags { packed }),
                None => Err(BadServer("a clipboard without a kind")),
            },
        }
    }

    /// The screen has this size from now on.
    fn resize(&mut self, width: u16, height: u16) -> Result<(), BadServer> {
        if !(ScreenSize { width, height }).fits(Size::L) {
            return Err(BadServer("a screen that is too large"));
        }
        self.screen = Area { width, height };
        self.painted = self.painted.saturating_add(self.screen.pixels());
        Ok(())
    }

    fn bytes(&self, pixels: u64) -> u64 {
        pixels.saturating_mul(self.agreed.pixel().into())
    }

    /// What comes after a rectangle, or at an update's beginning.
    fn then(&self) -> Step {
        if self.rectangles == 0 { Step::Message } else { Step::Rectangle }
    }

    /// The rectangle has so many bytes more.
    fn ends(&mut self, bytes: impl Into<u64>) -> Step {
        let then = self.then();
        self.after(bytes, then)
    }

    fn rectangle(&mut self) -> Result<Step, BadServer> {
        let (x, y) = (self.u16(0), self.u16(2));
        self.area = Area { width: self.u16(4), height: self.u16(6) };
        let Area { width, height } = self.area;
        let encoding = i32::from_be_bytes(self.u32(8).to_be_bytes());
        self.rectangles = self.rectangles.saturating_sub(1);
        if !self.agreed.is_offered(encoding) {
            return Err(BadServer("an encoding that nobody asked for"));
        }
        if matches!(encoding, RAW | COPY | TIGHT | ZRLE) {
            let is_within = |at: u16, length: u16, side: u16| {
                length > 0 && at.checked_add(length).is_some_and(|end| end <= side)
            };
            if !is_within(x, width, self.screen.width) || !is_within(y, height, self.screen.height) {
                return Err(BadServer("a part of the screen that is not on it"));
            }
            self.painted = self.painted.saturating_add(self.area.pixels());
        }
        if matches!(encoding, POINTER | VMWARE_POINTER) {
            if width.max(height) > LARGEST_POINTER {
                return Err(BadServer("a pointer that is too large"));
            }
            self.painted = self.painted.saturating_add(self.area.pixels());
        }
        match encoding {
            RAW => Ok(self.ends(self.bytes(self.area.pixels()))),
            COPY => Ok(self.ends(4_u32)),
            TIGHT => Ok(Step::Tight(Tight::default())),
            ZRLE => Ok(Step::ZrleLength),
            POINTER => {
                let mask = u64::from(width.div_ceil(8)) * u64::from(height);
                Ok(self.ends(self.bytes(self.area.pixels()) + mask))
            }
            VMWARE_POINTER => Ok(Step::VmwarePointer),
            DESKTOP_SIZE => {
                self.resize(width, height)?;
                Ok(self.then())
            }
            EXTENDED_DESKTOP_SIZE => {
                // The viewer's wish for another size was refused, for the reason that is `y`.
                if x != 1 || y == 0 {
                    self.resize(width, height)?;
                }
                Ok(Step::Screens)
            }
            LAST_RECTANGLE => {
                self.rectangles = 0;
                Ok(Step::Message)
            }
            NAME => Ok(Step::Text),
            EXTENDED_KEYS | EXTENDED_BUTTONS => Ok(self.then()),
            LEDS => Ok(self.ends(1_u32)),
            _ => Err(BadServer("what is no rectangle")),
        }
    }

    fn tight(&mut self, tight: Tight) -> Result<Step, BadServer> {
        match tight.next(self.byte(0), self.area, self.agreed.tight_pixel())? {
            tight::Next::Byte(tight) => Ok(Step::Tight(tight)),
            tight::Next::Skip(bytes, tight) => Ok(self.after(bytes, Step::Tight(tight))),
            tight::Next::Ends(bytes) => Ok(self.ends(bytes)),
            tight::Next::Jpeg(bytes) => {
                let then = self.ends(bytes);
                self.inside = Inside::Jpeg(Jpeg::within(self.area));
                Ok(then)
            }
        }
    }
}

#[cfg(test)]
mod tests;
