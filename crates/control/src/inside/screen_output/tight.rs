//! How long a rectangle in the encoding Tight is.

use crate::inside::screen_output::{Area, BadServer};

/// Less is not packed, bytes.
const LEAST_PACKED: u64 = 12;
/// Longest picture, bytes: more can't be said.
const MOST_PICTURE: u64 = (1 << 22) - 1;

/// What the next byte of it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tight {
    /// How it is packed.
    #[default]
    Control,
    Filter,
    /// How many colours it has, less one.
    Colours,
    /// Of a length in seven, seven and eight bits, the least significant first.
    Length {
        known: u32,
        bits: u32,
        most: u64,
        is_jpeg: bool,
    },
}

pub(crate) enum Next {
    Byte(Tight),
    /// So many bytes pass first.
    Skip(u64, Tight),
    /// So many bytes end it.
    Ends(u64),
    Jpeg(u64),
}

impl Tight {
    /// After this byte of a rectangle of that area, whose pixels have so many bytes.
    pub fn next(self, byte: u8, area: Area, pixel: u8) -> Result<Next, BadServer> {
        let pixel = u64::from(pixel);
        match self {
            Tight::Control => match byte >> 4 {
                8 => Ok(Next::Ends(pixel)),
                9 => Ok(Next::Byte(length(MOST_PICTURE, true))),
                4..8 => Ok(Next::Byte(Tight::Filter)),
                0..4 => Ok(packed(0, area.pixels() * pixel)),
                _ => Err(BadServer("a packing of an unknown kind")),
            },
            Tight::Filter => match byte {
                0 | 2 => Ok(packed(0, area.pixels() * pixel)),
                1 => Ok(Next::Byte(Tight::Colours)),
                _ => Err(BadServer("a filter of an unknown kind")),
            },
            Tight::Colours => {
                let colours = u64::from(byte) + 1;
                let row = if colours <= 2 { area.width.div_ceil(8) } else { area.width };
                Ok(packed(colours * pixel, u64::from(row) * u64::from(area.height)))
            }
            Tight::Length { known, bits, most, is_jpeg } => {
                let value = if bits < 14 { byte & 0x7f } else { byte };
                let known = known | (u32::from(value) << bits);
                if bits < 14 && byte & 0x80 != 0 {
                    return Ok(Next::Byte(Tight::Length { known, bits: bits + 7, most, is_jpeg }));
                }
                match u64::from(known) {
                    0 => Err(BadServer("a packing of nothing")),
                    length if length > most => Err(BadServer("more pixels than it tells of")),
                    length if is_jpeg => Ok(Next::Jpeg(length)),
                    length => Ok(Next::Ends(length)),
                }
            }
        }
    }
}

const fn length(most: u64, is_jpeg: bool) -> Tight {
    Tight::Length { known: 0, bits: 0, most, is_jpeg }
}

/// What follows `before` bytes where so many bytes are to be packed.
fn packed(before: u64, bytes: u64) -> Next {
    if bytes < LEAST_PACKED {
        return Next::Ends(before + bytes);
    }
    // Packing adds little to what can't be packed.
    Next::Skip(before, length(2 * bytes + 4096, false))
}
