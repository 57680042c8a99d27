//! What viewer and server have agreed on.

use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

pub(crate) const RAW: i32 = 0;
pub(crate) const COPY: i32 = 1;
pub(crate) const TIGHT: i32 = 7;
pub(crate) const ZRLE: i32 = 16;
pub(crate) const DESKTOP_SIZE: i32 = -223;
pub(crate) const LAST_RECTANGLE: i32 = -224;
pub(crate) const POINTER: i32 = -239;
pub(crate) const EXTENDED_KEYS: i32 = -258;
pub(crate) const LEDS: i32 = -261;
pub(crate) const NAME: i32 = -307;
pub(crate) const EXTENDED_DESKTOP_SIZE: i32 = -308;
const XVP: i32 = -309;
const FENCE: i32 = -312;
const CONTINUOUS_UPDATES: i32 = -313;
pub(crate) const EXTENDED_BUTTONS: i32 = -316;
const EXTENDED_CLIPBOARD: i32 = 0xc0a1_e5ce_u32 as i32;
pub(crate) const VMWARE_POINTER: i32 = 0x574d_5664;

/// Those that a server may be offered: what it sends in them can be measured.
pub(crate) const MEASURED: [i32; 16] = [
    COPY,
    TIGHT,
    ZRLE,
    DESKTOP_SIZE,
    LAST_RECTANGLE,
    POINTER,
    VMWARE_POINTER,
    EXTENDED_KEYS,
    LEDS,
    NAME,
    EXTENDED_DESKTOP_SIZE,
    EXTENDED_BUTTONS,
    // These change messages rather than rectangles.
    XVP,
    FENCE,
    CONTINUOUS_UPDATES,
    EXTENDED_CLIPBOARD,
];

/// It tells how long some messages are.
#[derive(Debug, Default)]
pub(crate) struct Agreed {
    /// The second number of the version that the viewer chose; 0 until it has.
    minor: AtomicU8,
    /// Bytes of a pixel, and of one in Tight.
    pixel: AtomicU8,
    tight_pixel: AtomicU8,
    /// Which of [`MEASURED`] the viewer has ever offered, a bit each.
    offered: AtomicU16,
}

impl Agreed {
    pub fn chose(&self, minor: u8) {
        self.minor.store(minor, Ordering::Relaxed);
    }

    /// The viewer understands this encoding. Whether the server may be told.
    pub fn offers(&self, encoding: i32) -> bool {
        match MEASURED.iter().position(|one| *one == encoding) {
            Some(place) => {
                self.offered.fetch_or(1 << place, Ordering::Relaxed);
                true
            }
            // Raw, which all understand, and the levels of quality and compression.
            None => matches!(encoding, RAW | -32..=-23 | -256..=-247),
        }
    }

    pub fn is_offered(&self, encoding: i32) -> bool {
        let offered = self.offered.load(Ordering::Relaxed);
        let is_offered = |place: usize| offered & (1 << place) != 0;
        encoding == RAW || MEASURED.iter().position(|one| *one == encoding).is_some_and(is_offered)
    }

    /// From now on pixels are like this, 16 bytes as RFB writes it.
    pub fn paints(&self, format: &[u8]) {
        let (bits, depth, true_colour) = (format.first(), format.get(1), format.get(3));
        let eight_each = format.get(4..10) == Some(&[0, 255, 0, 255, 0, 255]);
        let bytes = bits.map_or(4, |bits| bits / 8);
        let is_packed =
            bytes == 4 && depth == Some(&24) && true_colour.is_some_and(|yes| *yes != 0) && eight_each;
        self.pixel.store(bytes, Ordering::Relaxed);
        self.tight_pixel.store(if is_packed { 3 } else { bytes }, Ordering::Relaxed);
    }

    /// 0 where the viewer has not chosen yet.
    pub fn minor(&self) -> u8 {
        self.minor.load(Ordering::Relaxed)
    }

    /// Bytes of a pixel.
    pub fn pixel(&self) -> u8 {
        self.pixel.load(Ordering::Relaxed)
    }

    pub fn tight_pixel(&self) -> u8 {
        self.tight_pixel.load(Ordering::Relaxed)
    }
}
