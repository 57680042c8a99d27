//! Tokens: random texts that are shown once, told apart by their prefix, and kept as hashes.
//!
//! `rt_` + 32 base62 characters (190 bits) + 6 of checksum: an API key. The checksum lets a
//! scanner of leaked secrets tell a key from noise, and us refuse a mistyped one unasked.
//! `rs_`: a session; `rl_`: a sign-in link; `rv_`: a ticket to a preview; `rh_`: a share link. All have the same form.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::random::random_bytes;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    ApiKey,
    Session,
    SignInLink,
    /// From a session to a preview's address; see control.
    PreviewTicket,
    /// Opens one port of one desktop.
    Share,
}

impl TokenKind {
    const ALL: [TokenKind; 5] = [
        TokenKind::ApiKey,
        TokenKind::Session,
        TokenKind::SignInLink,
        TokenKind::PreviewTicket,
        TokenKind::Share,
    ];

    pub const fn prefix(self) -> &'static str {
        match self {
            TokenKind::ApiKey => "rt_",
            TokenKind::Session => "rs_",
            TokenKind::SignInLink => "rl_",
            TokenKind::PreviewTicket => "rv_",
            TokenKind::Share => "rh_",
        }
    }
}

/// SHA-256 of a token. Tokens are random, so a plain hash is enough to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A new token.
pub fn new_token(kind: TokenKind) -> SecretString {
    let mut text = String::with_capacity(kind.prefix().len() + RANDOM_LENGTH + CHECKSUM_LENGTH);
    text.push_str(kind.prefix());
    let mut left = RANDOM_LENGTH;
    while left > 0 {
        let [byte] = random_bytes::<1>();
        // 248 is four times 62: beyond it some characters would be likelier than others.
        if byte < 248 {
            text.push(digit(u32::from(byte) % 62));
            left -= 1;
        }
    }
    text.push_str(&checksum(&text));
    SecretString::from(text)
}

/// What kind of token this is, if it has a token's form and its checksum is right.
pub fn classify(token: &SecretString) -> Option<TokenKind> {
    let text = token.expose_secret();
    let kind = TokenKind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))?;
    let right_length = kind.prefix().len() + RANDOM_LENGTH + CHECKSUM_LENGTH;
    if !text.is_ascii() || text.len() != right_length {
        return None;
    }
    let (body, sum) = text.split_at_checked(right_length - CHECKSUM_LENGTH)?;
    (checksum(body) == sum).then_some(kind)
}

pub fn hash_token(token: &SecretString) -> TokenHash {
    TokenHash(Sha256::digest(token.expose_secret().as_bytes()).into())
}

fn digit(value: u32) -> char {
    ALPHABET.get(value as usize).map_or('0', |byte| char::from(*byte))
}

/// CRC-32 (IEEE) in base62.
fn checksum(text: &str) -> String {
    let mut crc = u32::MAX;
    for byte in text.bytes() {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let mut left = !crc;
    let mut digits = [0u32; CHECKSUM_LENGTH];
    for place in digits.iter_mut().rev() {
        *place = left % 62;
        left /= 62;
    }
    digits.into_iter().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_apart_and_all_different() {
        for kind in TokenKind::ALL {
            let token = new_token(kind);
            assert_eq!(classify(&token), Some(kind));
            assert_eq!(token.expose_secret().len(), 41);
            assert_ne!(hash_token(&token), hash_token(&new_token(kind)));
            assert!(!format!("{token:?}").contains(token.expose_secret()));
        }
    }

    #[test]
    fn a_mistyped_token_is_known_for_one() {
        let token = new_token(TokenKind::ApiKey);
        let text = token.expose_secret().to_owned();
        for place in 3..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] = if bytes[place] == b'a' { b'b' } else { b'a' };
            let changed = SecretString::from(String::from_utf8(bytes).unwrap());
            assert_eq!(classify(&changed), None, "changed at {place}");
        }
        for odd in ["", "rt_", "rt_é", "bearer", &text[..40], &format!("{text}0")] {
            assert_eq!(classify(&SecretString::from(odd)), None, "{odd}");
        }
    }

    #[test]
    fn the_checksum_is_crc32() {
        // The check value of CRC-32/ISO-HDLC is 0xcbf43926 = 3421780262.
        let expected: u32 = checksum("123456789").bytes().fold(0, |value, byte| {
            value * 62 + ALPHABET.iter().position(|known| *known == byte).unwrap() as u32
        });
        assert_eq!(expected, 0xcbf4_3926);
    }
}
