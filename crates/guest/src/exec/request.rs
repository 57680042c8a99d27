//! Reading what the door says: a line, then frames.

use std::io::{self, Read};

use rolltop_guest_protocol::exec::{Frames, MAX_PAYLOAD, MAX_REQUEST, ToGuest};

/// Reads no more than is there, so that it only waits when it was asked to too early.
pub struct FrameReader<R> {
    reader: R,
    frames: Frames,
    /// There may be a whole frame in what was read already.
    buffered: bool,
}

impl<R: Read> FrameReader<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, frames: Frames::default(), buffered: false }
    }

    /// The first line, without its end.
    pub fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let length = self.reader.read(&mut buffer)?;
            let bytes = buffer.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
                let (rest, frames) = bytes.split_at(end);
                line.extend_from_slice(rest);
                self.frames.push(frames.get(1..).unwrap_or_default());
                self.buffered = true;
                return Ok(line);
            }
            line.extend_from_slice(bytes);
            if line.len() > MAX_REQUEST {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }

    /// Whether reading may give something without waiting.
    pub fn has_buffered(&self) -> bool {
        self.buffered
    }

    /// One frame if there is a whole one, after having read once where there was none. The end is an error.
    pub fn read(&mut self) -> io::Result<Option<ToGuest>> {
        if !self.buffered {
            let mut buffer = [0; MAX_PAYLOAD];
            let length = self.reader.read(&mut buffer)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.frames.push(buffer.get(..length).unwrap_or_default());
        }
        let frame = self.frames.next_frame().map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.buffered = frame.is_some();
        Ok(frame.and_then(ToGuest::decoded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_cut_off_and_nothing_behind_it_is_lost() {
        let mut bytes = b"{\"command\":[]}\n".to_vec();
        bytes.extend(ToGuest::Window(7).encoded());
        bytes.extend(ToGuest::EndInput.encoded());
        let mut reader = FrameReader::new(bytes.as_slice());
        assert_eq!(reader.line().unwrap(), b"{\"command\":[]}");
        assert_eq!(reader.read().unwrap(), Some(ToGuest::Window(7)));
        assert_eq!(reader.read().unwrap(), Some(ToGuest::EndInput));
        assert_eq!(reader.read().unwrap(), None, "nothing more is buffered");
        assert!(!reader.has_buffered());
        assert_eq!(reader.read().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut reader = FrameReader::new(io::repeat(b'x'));
        assert_eq!(reader.line().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
