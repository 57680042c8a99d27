//! What a credential may do.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! scopes {
    ($($name:ident, $text:literal, $meaning:literal;)*) => {
        /// One thing a credential may do; none implies another. A session of the owner has all of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Scope {
            $(#[doc = $meaning] #[serde(rename = $text)] $name,)*
            /// A scope that this version of the client does not know.
            #[serde(other, rename = "unknown")]
            Unknown,
        }

        impl Scope {
            /// Every scope there is.
            pub const ALL: &[Scope] = &[$(Scope::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Scope::$name => $text,)* Scope::Unknown => "unknown" }
            }

            /// The scope of that name.
            pub fn named(name: &str) -> Option<Self> {
                Scope::ALL.iter().copied().find(|scope| scope.as_str() == name)
            }

            /// In one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Scope::$name => $meaning,)* Scope::Unknown => "Not known to this version." }
            }
        }
    };
}

scopes! {
    DesktopsRead, "desktops:read", "See desktops, their steps, events and access log, and what they can be made from.";
    DesktopsWrite, "desktops:write", "Make, rename and destroy desktops.";
    DesktopsControl, "desktops:control", "Start, stop and restart desktops, and use them: screen with keyboard and pointer, console, terminals, ports.";
    DesktopsExport, "desktops:export", "Take a desktop's whole disk away, with what only its root may read and the key of its door.";
    FilesRead, "files:read", "See and read files inside desktops.";
    FilesWrite, "files:write", "Make, change and remove files inside desktops.";
    Exec, "exec", "Run commands inside desktops.";
    KeysRead, "keys:read", "See which SSH keys and API keys there are.";
    KeysWrite, "keys:write", "Add and remove SSH keys, make and revoke API keys.";
    TasksRead, "tasks:read", "See tasks and what came of them.";
    TasksWrite, "tasks:write", "Give, change and cancel tasks.";
    BillingRead, "billing:read", "See what is used and what it costs.";
    HostRead, "host:read", "See the host's health.";
    Account, "account", "Change one's own name and password.";
    Admin, "admin", "Run the installation: what concerns all workspaces rather than one's own. Opens nothing inside a workspace.";
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::choice::described_by_name!(Scope, "One thing a credential may do.");

/// All scopes with their meanings, as rows of a Markdown table.
pub fn documentation() -> String {
    let rows = Scope::ALL.iter().map(|scope| format!("| `{}` | {} |\n", scope.as_str(), scope.meaning()));
    std::iter::once("| scope | what it allows |\n|---|---|\n".to_owned()).chain(rows).collect()
}
