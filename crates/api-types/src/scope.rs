//! What a credential may do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing a credential may do. A session of the owner has all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// See desktops, their steps, events and access log.
    #[serde(rename = "desktops:read")]
    DesktopsRead,
    /// Make, change, start, stop and destroy desktops.
    #[serde(rename = "desktops:write")]
    DesktopsWrite,
    /// See a desktop's screen and console, and use its keyboard and pointer.
    #[serde(rename = "screen")]
    Screen,
    /// Read files in a desktop.
    #[serde(rename = "files:read")]
    FilesRead,
    /// See what can be forked.
    #[serde(rename = "templates:read")]
    TemplatesRead,
    /// See and change one's own account.
    #[serde(rename = "account")]
    Account,
    /// See the host's health.
    #[serde(rename = "host:read")]
    HostRead,
    /// A scope that this version of the client does not know.
    #[serde(other)]
    Unknown,
}

impl Scope {
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::DesktopsRead => "desktops:read",
            Scope::DesktopsWrite => "desktops:write",
            Scope::Screen => "screen",
            Scope::FilesRead => "files:read",
            Scope::TemplatesRead => "templates:read",
            Scope::Account => "account",
            Scope::HostRead => "host:read",
            Scope::Unknown => "unknown",
        }
    }
}
