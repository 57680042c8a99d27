//! Copies of snapshots that are not on this host.

use std::str::FromStr;

/// Where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    Waiting,
    Copying,
    Done,
    /// It is done, and becomes a snapshot here again.
    Fetching,
    Failed,
    Deleting,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a copy")]
pub struct UnknownCopyState;

impl CopyState {
    const ALL: [Self; 6] =
        [Self::Waiting, Self::Copying, Self::Done, Self::Fetching, Self::Failed, Self::Deleting];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Copying => "copying",
            Self::Done => "done",
            Self::Fetching => "fetching",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

impl FromStr for CopyState {
    type Err = UnknownCopyState;

    fn from_str(text: &str) -> Result<Self, UnknownCopyState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownCopyState)
    }
}
