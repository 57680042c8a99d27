//! How big a desktop is. Three sizes rather than free numbers, because each is baked: the
//! memory of a booted machine is kept per template and size.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Largest disk that a desktop may have, GiB.
pub const MOST_DISK_GIB: u64 = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    #[default]
    S,
    M,
    L,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("There is no such size; choose s, m or l.")]
pub struct UnknownSize;

impl Size {
    pub const ALL: [Size; 3] = [Size::S, Size::M, Size::L];

    pub const fn as_str(self) -> &'static str {
        match self {
            Size::S => "s",
            Size::M => "m",
            Size::L => "l",
        }
    }

    /// Virtual processors.
    pub const fn vcpus(self) -> u32 {
        match self {
            Size::S | Size::M => 2,
            Size::L => 4,
        }
    }

    /// Guest memory, MiB.
    pub const fn memory_mib(self) -> u64 {
        match self {
            Size::S => 2048,
            Size::M => 4096,
            Size::L => 8192,
        }
    }

    /// Virtual disk, GiB. Space is taken as it is written.
    pub const fn disk_gib(self) -> u64 {
        match self {
            Size::S => 20,
            Size::M => 40,
            Size::L => 80,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Size {
    type Err = UnknownSize;

    fn from_str(text: &str) -> Result<Self, UnknownSize> {
        Size::ALL.into_iter().find(|size| size.as_str() == text).ok_or(UnknownSize)
    }
}
