//! Typed ids: a prefix, an underscore, and a UUIDv7 as 26 characters of Crockford base32.
//!
//! They sort by the time they were made, can be told apart by eye, and one kind can't be
//! passed where another is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Crockford's base32 alphabet, lower case (no i, l, o, u).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 128 bits, five at a time.
const TEXT_LENGTH: usize = 26;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of the form {prefix}_ followed by {TEXT_LENGTH} characters")]
pub struct IdError {
    prefix: &'static str,
}

fn encode(value: u128) -> String {
    (0..TEXT_LENGTH)
        .rev()
        .filter_map(|place| ALPHABET.get(((value >> (place * 5)) & 31) as usize))
        .map(|byte| char::from(*byte))
        .collect()
}

fn decode(text: &str) -> Option<u128> {
    if text.len() != TEXT_LENGTH {
        return None;
    }
    text.bytes().enumerate().try_fold(0u128, |value, (place, byte)| {
        let digit = ALPHABET.iter().position(|a| *a == byte)? as u128;
        // 26 x 5 = 130 bits: the first character may only use its low three.
        if place == 0 && digit > 7 {
            return None;
        }
        Some((value << 5) | digit)
    })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u128);

        impl $name {
            /// What every id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id, later in order than every one made before it in this millisecond resolution.
            pub fn generate() -> Self {
                Self(Uuid::now_v7().as_u128())
            }

            /// An id with a chosen value, for tests and simulations that must repeat.
            pub const fn from_u128(value: u128) -> Self {
                Self(value)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", Self::PREFIX, encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }
    };
}

id!(
    /// One virtual machine and all that belongs to it.
    DesktopId, "dsk"
);
id!(
    /// One encrypted disk layer (a qcow2 overlay with a key of its own).
    LayerId, "lay"
);
id!(
    /// A kept point in time of a desktop.
    SnapshotId, "snp"
);
id!(
    /// What owns desktops, members and keys.
    WorkspaceId, "wsp"
);
id!(
    /// A person with an account.
    UserId, "usr"
);
id!(
    /// A signed-in browser.
    SessionId, "ses"
);
id!(
    /// A program's credential.
    ApiKeyId, "key"
);
id!(
    /// A person's SSH public key.
    SshKeyId, "sshk"
);
id!(
    /// A link that opens one port of one desktop.
    ShareId, "shr"
);
id!(
    /// What holds a desktop awake for somebody.
    HoldId, "hld"
);
id!(
    /// One HTTP request, for finding it in the log.
    RequestId, "req"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_survives_the_round_trip(value: u128) {
            let id = DesktopId::from_u128(value);
            prop_assert_eq!(id.to_string().parse::<DesktopId>(), Ok(id));
        }

        #[test]
        fn text_order_is_value_order(a: u128, b: u128) {
            let (x, y) = (DesktopId::from_u128(a), DesktopId::from_u128(b));
            prop_assert_eq!(x.cmp(&y), x.to_string().cmp(&y.to_string()));
        }

        #[test]
        fn arbitrary_text_never_panics(text in "\\PC*") {
            let _ = text.parse::<DesktopId>();
        }
    }

    #[test]
    fn another_kinds_id_is_refused() {
        assert!(LayerId::generate().to_string().parse::<DesktopId>().is_err());
        assert!("dsk_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<DesktopId>().is_err(), "more than 128 bits");
    }
}
