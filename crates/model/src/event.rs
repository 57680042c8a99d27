//! What is told of as it happens: what it is about, and what is said of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use strum::IntoStaticStr;

use crate::{Desired, DesktopId, DesktopName, IdError, SnapshotId, SnapshotKind, SnapshotState};

/// What an event is about. Its text is the id, which says by its first letters what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    Desktop(DesktopId),
}

/// What is said of it, by kind. Readers ask for the desktop or snapshot to see all of it.
#[derive(Debug, Clone, PartialEq, Serialize, IntoStaticStr)]
#[serde(untagged)]
pub enum EventData<'a> {
    /// It was made or renamed, or it is in another state.
    #[strum(serialize = "desktop.changed")]
    DesktopChanged {
        name: &'a DesktopName,
        state: &'static str,
        desired: Desired,
        /// A code.
        reason: Option<&'static str>,
    },
    #[strum(serialize = "desktop.destroyed")]
    DesktopDestroyed { name: &'a DesktopName },
    /// A step of a start began or ended.
    #[strum(serialize = "step")]
    Step {
        boot: u32,
        name: &'a str,
        started_at: Timestamp,
        ended_at: Option<Timestamp>,
        /// One sentence.
        error: Option<&'a str>,
    },
    #[strum(serialize = "snapshot.changed")]
    SnapshotChanged { id: SnapshotId, name: &'a str, kind: SnapshotKind, state: SnapshotState },
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desktop(id) => id.fmt(f),
        }
    }
}

impl FromStr for Subject {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self::Desktop)
    }
}

impl From<DesktopId> for Subject {
    fn from(id: DesktopId) -> Self {
        Self::Desktop(id)
    }
}
