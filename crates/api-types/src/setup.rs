//! Preparing a desktop with a git repository and a script.

use std::fmt;

use jiff::Timestamp;
pub use rolltop_model::SetupState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a desktop is to be prepared with, once it runs: one of repository and script, or both.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// A git repository, which is cloned into the home folder: `https://`, `http://`, `git://` or `ssh://`, or
    /// `user@host:path`; without a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.org/tools.git", max_length = 1000)]
    pub repository: Option<String>,
    /// A branch or tag of it, by default the one that the repository has as its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "main", max_length = 200)]
    pub branch: Option<String>,
    /// Run afterwards as user `desk`, in the repository where there is one. What its first line names with `#!` runs
    /// it, or `sh`. At most 64 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "npm install\n", max_length = 65536)]
    pub script: Option<String>,
}

/// The script may have secrets in it.
impl fmt::Debug for SetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetUp").field("repository", &self.repository).finish_non_exhaustive()
    }
}

/// What a desktop was last prepared with, and how far that has come.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setup {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.org/tools.git")]
    pub repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "main")]
    pub branch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "npm install\n")]
    pub script: Option<String>,
    pub state: SetupState,
    /// Why it has failed, in one sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "The script ended with 3; its log says why.")]
    pub detail: Option<String>,
    /// The last 16 KiB of what it has written. Plain text; the whole is in the desktop, in
    /// `~/.local/state/rolltop/setup.log`.
    pub log: String,
    /// Who asked for it: a person's or key's name.
    #[schema(example = "sam")]
    pub asked_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Setup {
    /// What would do the same again.
    pub fn again(&self) -> SetUp {
        let Self { repository, branch, script, .. } = self.clone();
        SetUp { repository, branch, script }
    }
}

/// Script and log may have secrets in them.
impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, state, detail, .. } = self;
        f.debug_struct("Setup")
            .field("repository", repository)
            .field("state", state)
            .field("detail", detail)
            .finish_non_exhaustive()
    }
}

/// A desktop's setup, if it was ever set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesktopSetup {
    #[serde(default)]
    pub setup: Option<Setup>,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{DesktopSetup, SetUp};
    use crate::operation::{EXEC, operations};

    operations! {
        /// How its setup is
        ///
        /// What a desktop was last set up with, how far that has come and what it has written. Nothing, where it never was; a
        /// fork is not, it has what its parent had.
        GetSetup as setup: GET "/v1/desktops/{id}/setup" {
            tag: "desktops",
            access: EXEC,
            path: DesktopId,
            reply: 200 "As it is now." DesktopSetup,
            errors: [NotFound],
        }

        /// Set a desktop up
        ///
        /// Clones a repository and runs a script once the desktop runs, beside whatever else goes on in it. It goes on by
        /// itself, keeps the desktop awake and is in its history. Asked for again, it begins anew; a repository that is there
        /// already stays as it is.
        SetUpDesktop as set_up: POST "/v1/desktops/{id}/setup" {
            tag: "desktops",
            access: EXEC,
            path: DesktopId,
            body: SetUp,
            reply: 202 "It is begun once the desktop runs." DesktopSetup,
            errors: [NotFound, WrongState, PayloadTooLarge, InvalidSetup, UnknownField, InvalidBody],
        }

        /// Stop a setup
        ///
        /// One that waits or runs: what it has started ends, what it has done stays. It then has failed, as it was stopped.
        /// Nothing happens to one that is over.
        StopSetup as stop_setup: DELETE "/v1/desktops/{id}/setup" {
            tag: "desktops",
            access: EXEC,
            path: DesktopId,
            reply: 202 "It ends." DesktopSetup,
            errors: [NotFound, DesktopUnreachable],
        }
    }
}
