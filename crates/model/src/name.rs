//! A desktop's name: also its host name, its jump-host address and part of its preview
//! address, so it is a DNS label.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name, in characters. Leaves room for `PORT--` in front of it within one DNS label (63).
pub const MAX_LENGTH: usize = 40;

/// A DNS label of 1 to [`MAX_LENGTH`] lower-case letters, digits and single hyphens inside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DesktopName(String);

/// Why a text can't be a desktop's name. Each reads as one sentence to the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("A desktop needs a name.")]
    Empty,
    #[error("A desktop's name has at most {MAX_LENGTH} characters; this one has {0}.")]
    TooLong(usize),
    #[error(
        "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; {0} isn't one of them."
    )]
    Character(String),
    #[error("A desktop's name starts and ends with a letter or a digit, and has no two hyphens in a row.")]
    Hyphen,
    #[error(
        "A desktop's name can't be a number such as {0}, which SSH clients read as an address; put a letter in front."
    )]
    Number(String),
    #[error("A desktop can't be called {0}: every machine means itself by that name.")]
    ThisMachine(String),
}

impl DesktopName {
    /// Longest name, in characters.
    pub const MAX_LENGTH: usize = MAX_LENGTH;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name for a desktop from now on. It must also be one that clients look for behind the jump host: they read a
    /// number as an address, and `localhost` as their own machine. Names that desktops have had since before this was
    /// refused are parsed as ever.
    pub fn chosen(text: &str) -> Result<Self, NameError> {
        let name: Self = text.parse()?;
        if is_number(text) {
            return Err(NameError::Number(text.to_owned()));
        }
        if THIS_MACHINE.contains(&text) {
            return Err(NameError::ThisMachine(text.to_owned()));
        }
        Ok(name)
    }
}

/// What machines call themselves in `/etc/hosts`.
const THIS_MACHINE: [&str; 3] = ["localhost", "ip6-localhost", "ip6-loopback"];

/// Whether `inet_aton` of some system takes it for an IPv4 address: decimal, octal or hexadecimal.
fn is_number(text: &str) -> bool {
    let hexadecimal = text.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || text.bytes().all(|b| b.is_ascii_digit())
}

/// A character as it can safely be shown in a sentence: invisible ones, and those of scripts that run the other way, by number.
fn shown(character: char) -> String {
    if character.is_ascii_graphic() || character < '\u{590}' && character.is_alphanumeric() {
        format!("'{character}'")
    } else if character == ' ' {
        "a space".to_owned()
    } else {
        format!("U+{:04X}", u32::from(character))
    }
}

impl FromStr for DesktopName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let length = text.chars().count();
        if length > MAX_LENGTH {
            return Err(NameError::TooLong(length));
        }
        if let Some(bad) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
            return Err(NameError::Character(shown(bad)));
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err(NameError::Hyphen);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for DesktopName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<DesktopName> for String {
    fn from(name: DesktopName) -> String {
        name.0
    }
}

impl fmt::Display for DesktopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DesktopName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_names_are_kept_as_they_are() {
        for name in ["a", "7", "my-desktop", "a1-b2-c3", &"x".repeat(MAX_LENGTH)] {
            assert_eq!(name.parse::<DesktopName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_name_is_not_chosen_that_clients_take_for_another_machine() {
        for name in ["123", "7", "0", "017", "0x7f", "0xdeadbeef", "0x", "99999999999999999999"] {
            assert_eq!(DesktopName::chosen(name), Err(NameError::Number(name.to_owned())));
            assert!(name.parse::<DesktopName>().is_ok(), "{name} can still be what a desktop is called");
        }
        for name in ["localhost", "ip6-localhost", "ip6-loopback"] {
            assert_eq!(DesktopName::chosen(name), Err(NameError::ThisMachine(name.to_owned())));
            assert!(name.parse::<DesktopName>().is_ok());
        }
        for name in ["a", "1a", "1-2", "x7f", "0x7g", "0x7f-1", "deadbeef", "localhost-2", "mylocalhost"] {
            assert_eq!(DesktopName::chosen(name).unwrap().as_str(), name);
        }
        assert_eq!(DesktopName::chosen("-a"), Err(NameError::Hyphen));
    }

    #[test]
    fn bad_names_say_what_is_wrong_without_repeating_what_could_deceive() {
        let error = |text: &str| text.parse::<DesktopName>().unwrap_err();
        assert_eq!(error(""), NameError::Empty);
        assert_eq!(error(&"x".repeat(41)), NameError::TooLong(41));
        assert_eq!(error("a\u{7}b"), NameError::Character("U+0007".into()));
        assert_eq!(error("\u{202e}evil"), NameError::Character("U+202E".into()));
        assert_eq!(error("\u{5e9}\u{5dc}"), NameError::Character("U+05E9".into()));
        assert_eq!(error("Über"), NameError::Character("'Ü'".into()));
        assert_eq!(error("My"), NameError::Character("'M'".into()));
        assert_eq!(error("a b"), NameError::Character("a space".into()));
        for text in ["-a", "a-", "a--b"] {
            assert_eq!(error(text), NameError::Hyphen);
        }
    }
}
