//! What a credential may do.

use serde::{Deserialize, Serialize};

/// One thing a credential may do. A session of the owner has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// See desktops, their steps, events and access log, and what they can be made from.
    #[serde(rename = "desktops:read")]
    DesktopsRead,
    /// Make, change, start, stop and destroy desktops.
    #[serde(rename = "desktops:write")]
    DesktopsWrite,
    /// Go inside: the screen with keyboard and pointer, the console, files.
    #[serde(rename = "desktops:enter")]
    DesktopsEnter,
    /// See and change one's own account.
    #[serde(rename = "account")]
    Account,
    /// See the host's health.
    #[serde(rename = "host:read")]
    HostRead,
    /// A scope that this version of the client does not know.
    #[serde(other, rename = "unknown")]
    Unknown,
}

crate::choice::described_by_name!(Scope, "One thing a credential may do.");

impl Scope {
    /// Every scope there is.
    pub const ALL: &[Scope] =
        &[Scope::DesktopsRead, Scope::DesktopsWrite, Scope::DesktopsEnter, Scope::Account, Scope::HostRead];

    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::DesktopsRead => "desktops:read",
            Scope::DesktopsWrite => "desktops:write",
            Scope::DesktopsEnter => "desktops:enter",
            Scope::Account => "account",
            Scope::HostRead => "host:read",
            Scope::Unknown => "unknown",
        }
    }
}
