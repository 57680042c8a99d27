//! Copies of snapshots that are not on this host.

use strum::{Display, EnumString, IntoStaticStr};

/// Where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CopyState {
    Waiting,
    Copying,
    Done,
    /// It is done, and becomes a snapshot here again.
    Fetching,
    Failed,
    Deleting,
}

impl CopyState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}
