//! Templates that are made of desktops.

use strum::{Display, EnumString, IntoStaticStr};

/// Where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum SavedTemplateState {
    Saving,
    Ready,
    Failed,
    Deleting,
}

impl SavedTemplateState {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}
