//! Templates that are made of desktops.

use std::fmt;
use std::str::FromStr;

/// Where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SavedTemplateState {
    Saving,
    Ready,
    Failed,
    Deleting,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a state of a saved template")]
pub struct UnknownSavedTemplateState;

impl SavedTemplateState {
    const ALL: [Self; 4] = [Self::Saving, Self::Ready, Self::Failed, Self::Deleting];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saving => "saving",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        }
    }
}

impl fmt::Display for SavedTemplateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SavedTemplateState {
    type Err = UnknownSavedTemplateState;

    fn from_str(text: &str) -> Result<Self, UnknownSavedTemplateState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownSavedTemplateState)
    }
}
