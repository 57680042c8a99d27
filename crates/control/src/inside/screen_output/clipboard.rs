//! What a packed clipboard comes to, without keeping any of it: the page that unpacks it believes the lengths in it.

use flate2::{Decompress, FlushDecompress, Status};

use crate::inside::screen_output::{BadServer, MOST_TEXT};

/// In a clipboard's first word: what follows. Sizes of each format that a side takes,
const SIZES: u32 = 1 << 24;
/// nothing, as something is asked for or told of,
const REQUEST: u32 = 1 << 25;
const PEEK: u32 = 1 << 26;
const NOTIFY: u32 = 1 << 27;
/// or what is packed.
const GIVEN: u32 = 1 << 28;
/// Formats are the low bits, and this one is text.
const FORMATS: u32 = 0xffff;
const TEXT: u32 = 1;
/// Unpacked at once, bytes.
const PIECE: usize = 16 << 10;
/// Of all formats together, bytes.
const MOST: u32 = 2 * MOST_TEXT;

pub(crate) struct Clipboard {
    unpacker: Decompress,
    /// How long the next text is, as far as that is told.
    length: Vec<u8>,
    /// Of a text, bytes to come.
    text: u32,
    /// Bytes that may still come.
    room: u32,
    ended: bool,
}

impl Default for Clipboard {
    fn default() -> Self {
        let unpacker = Decompress::new(true);
        Self { unpacker, length: Vec::new(), text: 0, room: MOST, ended: false }
    }
}

/// Whether what is packed comes after this word, in so many bytes. A viewer takes the others for as long as they are by
/// their kind, whatever is said of their length.
pub(crate) fn is_given(word: u32, bytes: u32) -> Result<bool, BadServer> {
    let formats = word & FORMATS;
    match word & !FORMATS {
        kinds if kinds & SIZES != 0 && bytes == 4 * formats.count_ones() => Ok(false),
        REQUEST | PEEK | NOTIFY if bytes == 0 => Ok(false),
        GIVEN if formats & TEXT != 0 => Ok(true),
        _ => Err(BadServer("a clipboard of an unknown kind")),
    }
}

impl Clipboard {
    pub fn read(&mut self, mut bytes: &[u8]) -> Result<(), BadServer> {
        let mut piece = vec![0; PIECE];
        while !self.ended {
            let (taken, given) = (self.unpacker.total_in(), self.unpacker.total_out());
            let status = self
                .unpacker
                .decompress(bytes, &mut piece, FlushDecompress::None)
                .map_err(|_| BadServer("a clipboard that can't be unpacked"))?;
            let taken = usize::try_from(self.unpacker.total_in() - taken).unwrap_or(usize::MAX);
            let given = usize::try_from(self.unpacker.total_out() - given).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
            self.unpacked(piece.get(..given).unwrap_or_default())?;
            self.ended = status == Status::StreamEnd;
            // It has no more to give before more comes.
            if given < piece.len() && (bytes.is_empty() || taken == 0) {
                break;
            }
        }
        Ok(())
    }

    /// Lengths, and texts of that length.
    fn unpacked(&mut self, mut bytes: &[u8]) -> Result<(), BadServer> {
        let all = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.room = self.room.checked_sub(all).ok_or(BadServer("a clipboard that is too long"))?;
        while let Some((byte, rest)) = bytes.split_first() {
            if self.text > 0 {
                let length = usize::try_from(self.text).unwrap_or(usize::MAX).min(bytes.len());
                bytes = bytes.get(length..).unwrap_or_default();
                self.text -= u32::try_from(length).unwrap_or(self.text);
                continue;
            }
            self.length.push(*byte);
            bytes = rest;
            if let Ok(length) = <[u8; 4]>::try_from(self.length.as_slice()) {
                self.text = u32::from_be_bytes(length);
                self.length.clear();
                if self.text > MOST_TEXT {
                    return Err(BadServer("a clipboard that is too long"));
                }
            }
        }
        Ok(())
    }
}
