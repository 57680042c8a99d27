//! What the platform and `rolltop-guest exec` say to each other while a command runs.
//!
//! Standard input begins with an [`ExecRequest`] as one line of JSON; frames follow, both ways. A
//! frame is its kind (one byte), the length of its payload (four bytes, most significant first) and
//! the payload. Kinds that a reader does not know are passed over.
//!
//! Neither side ever sends more than the other has said it will take (64 KiB of input may come before
//! anything was said), so a command whose output
//! nobody reads stands still inside the desktop and holds up nothing else on the same connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Longest payload of a frame, bytes.
pub const MAX_PAYLOAD: usize = 32 * 1024;
/// What a frame of input or output counts besides its bytes, so that a flood of tiny ones is bounded.
pub const FRAME_COST: u32 = 512;
/// Longest first line, bytes.
pub const MAX_REQUEST: usize = 1024 * 1024;

const HEADER: usize = 5;

/// What to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecRequest {
    /// The program, found in `PATH`, and its arguments.
    pub command: Vec<String>,
    /// Where to run it; what is relative begins at the user's home, which is the default.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Added to what the session's programs have.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How much output may come before more is asked for, bytes and [`FRAME_COST`] for each frame.
    #[serde(default)]
    pub window: u32,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecExit {
    Code(u32),
    /// By a signal, its name without `SIG`, such as `TERM`.
    Signal(String),
}

/// Why a command did not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecFailureKind {
    /// There is no such program.
    NotFound,
    /// There is, and it can't be run.
    NotExecutable,
    /// There is no such folder to run it in.
    NoFolder,
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecFailure {
    pub kind: ExecFailureKind,
    /// One sentence.
    pub error: String,
}

/// A frame to the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToGuest {
    /// Standard input.
    Input(Vec<u8>),
    /// Standard input has ended.
    EndInput,
    /// So much more output may come.
    Window(u32),
    /// Send a signal to the command's process group; its name without `SIG`.
    Signal(String),
}

/// A frame from the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromGuest {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// It ended; nothing comes after this.
    Exit(ExecExit),
    /// So much more input may come.
    Window(u32),
    Started,
    /// Nothing comes after this.
    NotStarted(ExecFailure),
}

impl ToGuest {
    pub fn encoded(&self) -> Vec<u8> {
        match self {
            ToGuest::Input(bytes) => frame(0, bytes),
            ToGuest::EndInput => frame(1, &[]),
            ToGuest::Window(more) => frame(2, &more.to_be_bytes()),
            ToGuest::Signal(name) => frame(3, name.as_bytes()),
        }
    }

    /// `None` for what is not known or makes no sense.
    pub fn decoded(frame: Frame) -> Option<Self> {
        match frame.kind {
            0 => Some(ToGuest::Input(frame.payload)),
            1 => Some(ToGuest::EndInput),
            2 => number(&frame.payload).map(ToGuest::Window),
            3 => String::from_utf8(frame.payload).ok().map(ToGuest::Signal),
            _ => None,
        }
    }
}

impl FromGuest {
    pub fn encoded(&self) -> Vec<u8> {
        match self {
            FromGuest::Stdout(bytes) => frame(0, bytes),
            FromGuest::Stderr(bytes) => frame(1, bytes),
            FromGuest::Exit(exit) => frame(2, &serde_json::to_vec(exit).unwrap_or_default()),
            FromGuest::Window(more) => frame(3, &more.to_be_bytes()),
            FromGuest::Started => frame(4, &[]),
            FromGuest::NotStarted(failure) => frame(5, &serde_json::to_vec(failure).unwrap_or_default()),
        }
    }

    /// `None` for what is not known or makes no sense.
    pub fn decoded(frame: Frame) -> Option<Self> {
        match frame.kind {
            0 => Some(FromGuest::Stdout(frame.payload)),
            1 => Some(FromGuest::Stderr(frame.payload)),
            2 => serde_json::from_slice(&frame.payload).ok().map(FromGuest::Exit),
            3 => number(&frame.payload).map(FromGuest::Window),
            4 => Some(FromGuest::Started),
            5 => serde_json::from_slice(&frame.payload).ok().map(FromGuest::NotStarted),
            _ => None,
        }
    }
}

/// What a frame with so many bytes takes of a window.
pub fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(FRAME_COST)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + payload.len());
    bytes.push(kind);
    bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn number(payload: &[u8]) -> Option<u32> {
    payload.try_into().ok().map(u32::from_be_bytes)
}

/// A frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub payload: Vec<u8>,
}

/// A payload is said to be longer than [`MAX_PAYLOAD`]: the other side is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Cuts bytes into frames, wherever they are cut on the way.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    /// How much of `bytes` has been handed out.
    read: usize,
}

impl Frames {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; `None` until more bytes have come.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, TooLong> {
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let Some((header, rest)) = rest.split_at_checked(HEADER) else { return Ok(None) };
        let (Some(kind), Some(length)) = (header.first(), header.get(1..).and_then(number)) else {
            return Ok(None);
        };
        let length = length as usize;
        if length > MAX_PAYLOAD {
            return Err(TooLong);
        }
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        let frame = Frame { kind: *kind, payload: payload.to_vec() };
        self.read += HEADER + length;
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_whole_wherever_the_bytes_are_cut() {
        let failure = ExecFailure { kind: ExecFailureKind::NotFound, error: "no such program".into() };
        let sent = [
            FromGuest::Started,
            FromGuest::Stdout(b"out".to_vec()),
            FromGuest::Stderr(Vec::new()),
            FromGuest::Window(7),
            FromGuest::Exit(ExecExit::Signal("TERM".into())),
            FromGuest::Exit(ExecExit::Code(3)),
            FromGuest::NotStarted(failure),
        ];
        let bytes: Vec<u8> = sent.iter().flat_map(FromGuest::encoded).collect();
        for cut in 1..bytes.len() {
            let (mut frames, mut got) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(cut) {
                frames.push(piece);
                while let Some(frame) = frames.next_frame().unwrap() {
                    got.push(FromGuest::decoded(frame).unwrap());
                }
            }
            assert_eq!(got, sent, "in pieces of {cut}");
        }
        let to = [
            ToGuest::Input(b"in".to_vec()),
            ToGuest::EndInput,
            ToGuest::Window(9),
            ToGuest::Signal("INT".into()),
        ];
        for frame in to {
            let mut frames = Frames::default();
            frames.push(&frame.encoded());
            assert_eq!(ToGuest::decoded(frames.next_frame().unwrap().unwrap()), Some(frame));
        }
    }

    #[test]
    fn what_is_too_long_or_not_known_is_no_trouble() {
        let mut frames = Frames::default();
        frames.push(&[0, 0, 0, 0x80, 1]);
        assert_eq!(frames.next_frame(), Err(TooLong));
        let frame = |kind, payload: &[u8]| Frame { kind, payload: payload.to_vec() };
        assert_eq!(FromGuest::decoded(frame(99, b"x")), None);
        assert_eq!(FromGuest::decoded(frame(2, b"nonsense")), None);
        assert_eq!(ToGuest::decoded(frame(2, b"123")), None);
    }

    #[test]
    fn what_was_baked_long_ago_stays_readable() {
        let text = r#"{"command":["ls"],"cwd":null,"env":{},"window":5}"#;
        let request = ExecRequest { command: vec!["ls".into()], window: 5, ..ExecRequest::default() };
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::to_string(&ExecExit::Code(0)).unwrap(), r#"{"code":0}"#);
        assert_eq!(serde_json::to_string(&ExecExit::Signal("KILL".into())).unwrap(), r#"{"signal":"KILL"}"#);
        let failure: ExecFailure = serde_json::from_str(r#"{"kind":"new","error":"x"}"#).unwrap();
        assert_eq!(failure.kind, ExecFailureKind::Other);
    }
}
