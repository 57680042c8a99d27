//! What viewers of a screen say to it, RFB's messages from client to server, as far as it must be known
//! where one ends and which of them is somebody's doing. Pure. Of the encodings that a viewer offers, those go on whose
//! bytes can be measured when they come (`screen_output`).

use std::sync::Arc;

use crate::inside::screen_output::agreed::Agreed;

const NO_AUTHENTICATION: u8 = 1;
const EXTENDED_MOUSE_BUTTONS: i32 = -316;

/// Part of what a viewer says, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// Goes on to the screen as it is.
    Rest(Vec<u8>),
    /// The same, and somebody pressed a key or a button.
    Pressed(Vec<u8>),
    /// The screen is to have this size.
    Size { message: Vec<u8>, width: u16, height: u16 },
}

/// A viewer sent what no screen understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotRfb;

#[derive(Debug, Default)]
pub(crate) struct Input {
    phase: Phase,
    held: Vec<u8>,
    /// Some pointer messages are a byte longer for those who have said that they know these.
    extended_buttons: bool,
    agreed: Arc<Agreed>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Version,
    Security,
    Init,
    Messages,
    /// So many bytes of a text are still to come.
    Text(u64),
}

impl Input {
    pub fn new(agreed: Arc<Agreed>) -> Self {
        Self { agreed, ..Self::default() }
    }

    /// Whether something else may be said before what comes next.
    pub fn is_between_messages(&self) -> bool {
        // What is held has not gone on yet.
        self.phase == Phase::Messages
    }

    pub fn read(&mut self, bytes: &[u8]) -> Result<Vec<Said>, NotRfb> {
        self.held.extend_from_slice(bytes);
        let mut said = Vec::new();
        while !self.held.is_empty() {
            let Some(length) = self.length()? else { break };
            let rest = self.held.split_off(length);
            let message = std::mem::replace(&mut self.held, rest);
            said.push(self.take(message)?);
        }
        Ok(said)
    }

    /// Of the first message, if that is known and all of it is there.
    fn length(&self) -> Result<Option<usize>, NotRfb> {
        let length = match self.phase {
            Phase::Version => 12,
            Phase::Security | Phase::Init => 1,
            Phase::Text(left) => usize::try_from(left).unwrap_or(usize::MAX).min(self.held.len()),
            Phase::Messages => match message_length(&self.held, self.extended_buttons)? {
                Some(length) => length,
                None => return Ok(None),
            },
        };
        Ok((length <= self.held.len()).then_some(length))
    }

    fn take(&mut self, message: Vec<u8>) -> Result<Said, NotRfb> {
        match self.phase {
            Phase::Version => {
                let minor = message.strip_prefix(b"RFB 003.").and_then(|rest| rest.get(..3));
                let minor = minor.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
                let minor = minor.filter(|minor| *minor >= 3).ok_or(NotRfb)?;
                self.agreed.chose(u8::try_from(minor).unwrap_or(u8::MAX));
                // Before 3.7 the server chooses the security by itself.
                self.phase = if minor < 7 { Phase::Init } else { Phase::Security };
            }
            // Any other security would be a conversation that nobody here follows.
            Phase::Security if message != [NO_AUTHENTICATION] => return Err(NotRfb),
            Phase::Security => self.phase = Phase::Init,
            Phase::Init => self.phase = Phase::Messages,
            Phase::Text(left) => {
                let left = left.saturating_sub(message.len() as u64);
                self.phase = if left == 0 { Phase::Messages } else { Phase::Text(left) };
            }
            Phase::Messages => return Ok(self.message(message)),
        }
        Ok(Said::Rest(message))
    }

    fn message(&mut self, message: Vec<u8>) -> Said {
        let number = |at: usize| u16_at(&message, at).unwrap_or_default();
        match message.first() {
            Some(2) => {
                let known = EXTENDED_MOUSE_BUTTONS.to_be_bytes();
                self.extended_buttons =
                    message.get(4..).unwrap_or_default().chunks(4).any(|one| one == known);
                return Said::Rest(self.measured(&message));
            }
            Some(0) => self.agreed.paints(message.get(4..).unwrap_or_default()),
            Some(4 | 5) if message.get(1).is_some_and(|down| *down != 0) => return Said::Pressed(message),
            Some(255) if number(2) != 0 => return Said::Pressed(message),
            Some(6) => {
                let length = message.get(4..8).and_then(|length| length.try_into().ok()).unwrap_or_default();
                // Below zero it is an extension's, of as many bytes.
                let length = u64::from(i32::from_be_bytes(length).unsigned_abs());
                if length > 0 {
                    self.phase = Phase::Text(length);
                }
            }
            Some(251) => {
                let (width, height) = (number(2), number(4));
                return Said::Size { message, width, height };
            }
            _ => {}
        }
        Said::Rest(message)
    }

    /// The same list of encodings without those that can't be measured.
    fn measured(&self, message: &[u8]) -> Vec<u8> {
        let all = message.get(4..).unwrap_or_default().chunks_exact(4);
        let is_measured = |one: &&[u8]| {
            let encoding = <[u8; 4]>::try_from(*one).map(i32::from_be_bytes);
            encoding.is_ok_and(|encoding| self.agreed.offers(encoding))
        };
        let kept: Vec<&[u8]> = all.filter(is_measured).collect();
        let count = u16::try_from(kept.len()).unwrap_or(u16::MAX);
        [&[2, 0], count.to_be_bytes().as_slice(), &kept.concat()].concat()
    }
}

fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    message.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

/// How long the message is that begins here, once that can be told: 256 KiB at most, a list of encodings. A
/// text is told by its head.
fn message_length(held: &[u8], extended_buttons: bool) -> Result<Option<usize>, NotRfb> {
    let byte = |at: usize| held.get(at).copied().map(usize::from);
    let length = match held.first() {
        Some(0) => Some(20),
        Some(2) => u16_at(held, 2).map(|count| 4 + 4 * usize::from(count)),
        Some(3 | 150) => Some(10),
        Some(4 | 6) => Some(8),
        Some(5) if extended_buttons => byte(1).map(|buttons| if buttons & 0x80 == 0 { 6 } else { 7 }),
        Some(5) => Some(6),
        Some(248) => byte(8).map(|count| 9 + count),
        Some(250) => Some(4),
        Some(251) => byte(6).map(|screens| 8 + 16 * screens),
        Some(255) => match byte(1) {
            Some(0) => Some(12),
            Some(_) => return Err(NotRfb),
            None => None,
        },
        Some(_) => return Err(NotRfb),
        None => None,
    };
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(width: u16, height: u16) -> Vec<u8> {
        let mut message = vec![251, 0];
        message.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        message.extend([1, 0]);
        message.extend([0; 16]);
        message
    }

    fn everything() -> Vec<Vec<u8>> {
        let text = [vec![6, 0, 0, 0, 0, 0, 0, 5], b"\x05hell".to_vec()].concat();
        let extended = [vec![6, 0, 0, 0, 255, 255, 255, 252], vec![251, 0, 0, 1]].concat();
        vec![
            b"RFB 003.008\n".to_vec(),
            vec![1],
            vec![1],
            [vec![2, 0, 0, 2], 7_i32.to_be_bytes().to_vec(), EXTENDED_MOUSE_BUTTONS.to_be_bytes().to_vec()]
                .concat(),
            vec![0; 20],
            vec![3; 10],
            text,
            extended,
            vec![5, 0x81, 0, 1, 0, 1, 4],
            vec![5, 0, 0, 1, 0, 1],
            vec![4, 1, 0, 0, 0, 0, 0, b'k'],
            vec![248, 0, 0, 0, 0, 0, 0, 0, 2, 251, 251],
            vec![255, 0, 0, 1, 0, 0, 0, 97, 0, 0, 0, 30],
            [vec![150, 1], vec![0; 8]].concat(),
            size(1600, 900),
        ]
    }

    #[test]
    fn however_it_is_cut_the_same_is_said_and_nothing_is_lost() {
        let all = everything().concat();
        for cut in 1..40 {
            let mut input = Input::default();
            let mut said = Vec::new();
            for piece in all.chunks(cut) {
                said.extend(input.read(piece).unwrap());
            }
            let mut passed = Vec::new();
            let (mut pressed, mut sizes) = (0, Vec::new());
            for one in said {
                match one {
                    Said::Rest(bytes) => passed.extend(bytes),
                    Said::Pressed(bytes) => {
                        pressed += 1;
                        passed.extend(bytes);
                    }
                    Said::Size { message, width, height } => {
                        sizes.push((width, height));
                        passed.extend(message);
                    }
                }
            }
            assert_eq!(passed, all, "cut every {cut}");
            assert_eq!((pressed, sizes), (3, vec![(1600, 900)]), "cut every {cut}");
            assert!(input.is_between_messages());
        }
    }

    #[test]
    fn only_encodings_that_can_be_measured_are_offered() {
        let mut input = Input::default();
        input.read(b"RFB 003.008\n\x01\x01").unwrap();
        let offered = |all: &[i32]| {
            let count = u16::try_from(all.len()).unwrap().to_be_bytes();
            let list: Vec<u8> = all.iter().flat_map(|one| one.to_be_bytes()).collect();
            [&[2, 0], count.as_slice(), &list].concat()
        };
        // CopyRect, H.264, Tight, Tight with PNG, ZRLE, Hextile, a level of quality, raw.
        let said = input.read(&offered(&[1, 50, 7, -260, 16, 5, -26, 0])).unwrap();
        assert_eq!(said, [Said::Rest(offered(&[1, 7, 16, -26, 0]))]);
    }

    #[test]
    fn an_old_client_chooses_no_security_and_nonsense_is_refused() {
        let mut input = Input::default();
        input.read(b"RFB 003.003\n\x01").unwrap();
        assert!(input.is_between_messages());
        assert_eq!(input.read(&[99]), Err(NotRfb));
        assert_eq!(Input::default().read(b"RFB 004.001\n"), Err(NotRfb));
    }
}
