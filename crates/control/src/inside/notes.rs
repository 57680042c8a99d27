//! The access log's writer: who went in, and why.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, WorkspaceId};
use rolltop_store::{AccessEntry, StoreError};
use tokio::time::Instant;

use crate::kernel::caller::Caller;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::state::default_state;

/// Looking at thumbnails, going about among files and connecting to ports is noted once in this time per viewer and desktop.
const LOOKING_INTERVAL: Duration = Duration::from_secs(3600);
/// Looks kept in memory at most.
const LOOKS: usize = 50_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Screen,
    Screenshot,
    ReadFile,
    /// By a person's own client, through the jump host.
    Ssh,
    Files,
    Terminal,
    /// Connections to ports inside, and the list of them.
    Ports,
    Exec,
    /// Ending what runs.
    EndProcesses,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Reason::Screen => "screen",
            Reason::Screenshot => "screenshot",
            Reason::ReadFile => "file.read",
            Reason::Ssh => "ssh",
            Reason::Files => "files",
            Reason::Terminal => "terminal",
            Reason::Ports => "ports",
            Reason::Exec => "exec",
            Reason::EndProcesses => "end_processes",
        }
    }
}

/// Who was noted as looking, and when.
#[derive(Default)]
pub(crate) struct AccessNotes {
    looks: Mutex<HashMap<(DesktopId, String), Instant>>,
}
default_state!(AccessNotes);

impl AccessNotes {
    fn is_known_look(&self, desktop: DesktopId, viewer: String) -> bool {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= LOOKS {
            looks.retain(|_, at| at.elapsed() < LOOKING_INTERVAL);
        }
        let now = Instant::now();
        match looks.insert((desktop, viewer.clone()), now) {
            Some(before) if before.elapsed() < LOOKING_INTERVAL => {
                looks.insert((desktop, viewer), before);
                true
            }
            Some(_) | None => false,
        }
    }
}

#[boxed]
impl Kernel {
    pub(crate) async fn note_access(
        &self,
        desktop: DesktopId,
        workspace: WorkspaceId,
        why: Reason,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let often = matches!(why, Reason::Screenshot | Reason::Files | Reason::Ports);
        let viewer = || format!("{} {}", why.as_str(), caller.rate_key());
        if often && self.state::<AccessNotes>().is_known_look(desktop, viewer()) {
            return Ok(());
        }
        let entry = AccessEntry { at: clock::now(), why: why.as_str().to_owned(), who: caller.actor() };
        // A thumbnail is seen in a list, by somebody who uses perhaps none of them.
        match why {
            Reason::Screenshot => self.store.log_access(desktop, workspace, entry).await,
            _ => self.store.log_use(desktop, workspace, entry).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_viewer_is_noted_once_an_hour() {
        let notes = AccessNotes::default();
        let desktop = DesktopId::from_u128(1);
        assert!(!notes.is_known_look(desktop, "ann".into()));
        assert!(notes.is_known_look(desktop, "ann".into()));
        assert!(!notes.is_known_look(desktop, "bob".into()));
        assert!(!notes.is_known_look(DesktopId::from_u128(2), "ann".into()));
        tokio::time::advance(LOOKING_INTERVAL / 2).await;
        assert!(notes.is_known_look(desktop, "ann".into()));
        tokio::time::advance(LOOKING_INTERVAL / 2).await;
        assert!(!notes.is_known_look(desktop, "ann".into()), "looking on and on is noted again");
    }
}
