//! What a snapshot is for, and how far it is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far a snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// Asked for; it is of a moment that is still to come.
    Taking,
    Ready,
    /// It could not be taken. The desktop is as it was.
    Failed,
    Deleting,
}

/// What it was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotKind {
    /// Somebody asked for it.
    Manual,
    /// Desktops are being forked from it; it goes when they are there.
    Fork,
    /// What a desktop was before it was stopped, restarted, destroyed or put back; it goes after a day.
    Undo,
    /// Its desktop's schedule asked for it, and lets it go.
    Scheduled,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such state or kind of snapshots: {0:?}")]
pub struct UnknownSnapshotWord(pub String);

impl SnapshotState {
    pub const ALL: [SnapshotState; 4] =
        [SnapshotState::Taking, SnapshotState::Ready, SnapshotState::Failed, SnapshotState::Deleting];

    pub const fn as_str(self) -> &'static str {
        match self {
            SnapshotState::Taking => "taking",
            SnapshotState::Ready => "ready",
            SnapshotState::Failed => "failed",
            SnapshotState::Deleting => "deleting",
        }
    }
}

impl SnapshotKind {
    pub const ALL: [SnapshotKind; 4] =
        [SnapshotKind::Manual, SnapshotKind::Fork, SnapshotKind::Undo, SnapshotKind::Scheduled];

    pub const fn as_str(self) -> &'static str {
        match self {
            SnapshotKind::Manual => "manual",
            SnapshotKind::Fork => "fork",
            SnapshotKind::Undo => "undo",
            SnapshotKind::Scheduled => "scheduled",
        }
    }
}

impl FromStr for SnapshotState {
    type Err = UnknownSnapshotWord;

    fn from_str(text: &str) -> Result<Self, UnknownSnapshotWord> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| UnknownSnapshotWord(text.to_owned()))
    }
}

impl FromStr for SnapshotKind {
    type Err = UnknownSnapshotWord;

    fn from_str(text: &str) -> Result<Self, UnknownSnapshotWord> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownSnapshotWord(text.to_owned()))
    }
}

impl fmt::Display for SnapshotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
