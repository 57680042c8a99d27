//! The command's own streams.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::ChildStdin;

use rolltop_guest_protocol::exec::{MAX_PAYLOAD, cost};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::Signal;

/// How much input may wait here for the command.
pub const INPUT_WINDOW: u32 = 512 * 1024;

const SIGNALS: &[(&str, Signal)] = &[
    ("HUP", Signal::HUP),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("ABRT", Signal::ABORT),
    ("KILL", Signal::KILL),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("PIPE", Signal::PIPE),
    ("ALRM", Signal::ALARM),
    ("TERM", Signal::TERM),
    ("CONT", Signal::CONT),
    ("STOP", Signal::STOP),
    ("TSTP", Signal::TSTP),
    ("SEGV", Signal::SEGV),
    ("BUS", Signal::BUS),
    ("FPE", Signal::FPE),
    ("ILL", Signal::ILL),
    ("WINCH", Signal::WINCH),
];

pub fn signal(name: &str) -> Option<Signal> {
    SIGNALS.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal)
}

pub fn signal_name(number: i32) -> String {
    let known = SIGNALS.iter().find(|(_, signal)| signal.as_raw() == number);
    known.map_or_else(|| number.to_string(), |(name, _)| (*name).to_owned())
}

/// Standard input, which never makes anybody wait.
pub struct Input {
    pipe: Option<ChildStdin>,
    /// Pieces, and what each of them takes of the window.
    waiting: VecDeque<(Vec<u8>, u32)>,
    /// How much of the first piece has been written.
    written: usize,
    ended: bool,
}

impl Input {
    pub fn new(pipe: Option<ChildStdin>) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            // Of this end only; the command's own is another.
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { pipe, waiting: VecDeque::new(), written: 0, ended: false })
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.push_back((bytes.to_vec(), cost(bytes.len())));
    }

    pub fn end(&mut self) {
        self.ended = true;
    }

    /// What to wait for, while something waits to be written.
    pub fn waiting(&self) -> Option<BorrowedFd<'_>> {
        if self.waiting.is_empty() { None } else { self.pipe.as_ref().map(AsFd::as_fd) }
    }

    /// Writes what the command takes now, and says how much of the window is free again. What nobody
    /// reads any more counts as taken.
    pub fn write(&mut self) -> u32 {
        let mut free = 0u32;
        while let Some((bytes, cost)) = self.waiting.front() {
            let rest = bytes.get(self.written..).unwrap_or_default();
            let wrote = match &self.pipe {
                Some(pipe) if !rest.is_empty() => rustix::io::write(pipe, rest),
                Some(_) | None => Ok(rest.len()),
            };
            match wrote {
                Ok(length) if length < rest.len() => self.written += length,
                Ok(_) => {
                    free = free.saturating_add(*cost);
                    self.waiting.pop_front();
                    self.written = 0;
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(_) => self.pipe = None,
            }
        }
        if self.ended && self.waiting.is_empty() {
            self.pipe = None;
        }
        free
    }
}

/// Standard output or error.
pub struct Output(Option<OwnedFd>);

impl Output {
    pub fn new(pipe: Option<OwnedFd>) -> Self {
        Self(pipe)
    }

    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// What is there, which must be something or the end; empty at the end, and closed from then on.
    pub fn read(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; MAX_PAYLOAD];
        let length = match &self.0 {
            Some(pipe) => match rustix::io::read(pipe, &mut buffer) {
                Err(Errno::INTR) => return Vec::new(),
                length => length.unwrap_or_default(),
            },
            None => 0,
        };
        buffer.truncate(length);
        if buffer.is_empty() {
            self.0 = None;
        }
        buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_their_usual_names() {
        assert_eq!(signal("TERM"), Some(Signal::TERM));
        assert_eq!((signal("SIGTERM"), signal("15")), (None, None));
        assert_eq!(signal_name(9), "KILL");
        assert_eq!(signal_name(64), "64");
    }

    #[test]
    fn input_that_nobody_reads_counts_as_taken() {
        let mut input = Input::new(None).unwrap();
        input.push(b"abc");
        assert!(input.waiting().is_none());
        assert_eq!(input.write(), cost(3));
        assert_eq!(input.write(), 0);
    }
}
