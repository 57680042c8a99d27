//! Who did something: a credential or the platform, known by an id, and the name that it had then.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::{ApiKeyId, ShareId, SshKeyId, UserId};

/// Who it was. What kind it is can be seen in the text too: each kind's ids begin with letters of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorId {
    Person(UserId),
    ApiKey(ApiKeyId),
    SshKey(SshKeyId),
    Share(ShareId),
    /// Nobody asked.
    Platform,
    /// Written down by a version that kept only names.
    Unknown,
}

/// Who it was, by id, and the name at that time, which is only shown. As a text: the id, a space and the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: ActorId,
    pub name: Cow<'static, str>,
}

impl Actor {
    pub const PLATFORM: Self = Self { id: ActorId::Platform, name: Cow::Borrowed("rolltop") };

    pub fn new(id: ActorId, name: impl Into<String>) -> Self {
        Self { id, name: Cow::Owned(name.into()) }
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => id.fmt(f),
            Self::ApiKey(id) => id.fmt(f),
            Self::SshKey(id) => id.fmt(f),
            Self::Share(id) => id.fmt(f),
            Self::Platform => f.write_str("platform"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl FromStr for ActorId {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let id = (text == "platform").then_some(Self::Platform);
        let id = id.or_else(|| text.parse().ok().map(Self::Person));
        let id = id.or_else(|| text.parse().ok().map(Self::ApiKey));
        let id = id.or_else(|| text.parse().ok().map(Self::SshKey));
        Ok(id.or_else(|| text.parse().ok().map(Self::Share)).unwrap_or(Self::Unknown))
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.name)
    }
}

impl FromStr for Actor {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let (id, name) = text.split_once(' ').unwrap_or(("", text));
        let Ok(id) = id.parse();
        Ok(Self::new(id, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_it_was_survives_the_round_trip() {
        let ids = [
            ActorId::Person(UserId::from_u128(1)),
            ActorId::ApiKey(ApiKeyId::from_u128(2)),
            ActorId::SshKey(SshKeyId::from_u128(3)),
            ActorId::Share(ShareId::from_u128(4)),
            ActorId::Platform,
            ActorId::Unknown,
        ];
        for id in ids {
            for name in ["ann", "", "two  words ", "platform"] {
                let actor = Actor::new(id, name);
                assert_eq!(actor.to_string().parse(), Ok(actor));
            }
        }
    }
}
