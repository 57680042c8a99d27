//! What a snapshot is for, and how far it is.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr};

/// How far a snapshot is.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SnapshotState {
    /// Asked for; it is of a moment that is still to come.
    Taking,
    Ready,
    /// It could not be taken. The desktop is as it was.
    Failed,
    Deleting,
}

/// What it was taken for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
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

impl SnapshotState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl SnapshotKind {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}
