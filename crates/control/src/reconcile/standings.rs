//! How every desktop stands, in memory: read once, and kept true by who works on a desktop, as each change of a row is followed
//! by somebody who looks at it. So nobody reads all of them every few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::kernel::state::default_state;
use rolltop_model::DesktopId;
use rolltop_store::{Desktop, Standing};
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct Standings(Mutex<ByDesktop>);
default_state!(Standings);

/// When each was last looked at, and how it stood then; `None` for what is gone.
type ByDesktop = HashMap<DesktopId, (Instant, Option<Arc<Standing>>)>;

impl Standings {
    pub(crate) fn all(&self) -> Vec<Arc<Standing>> {
        self.known().values().filter_map(|(_, standing)| standing.clone()).collect()
    }

    /// As its row was just read.
    pub(crate) fn note(&self, desktop: &Desktop) {
        let standing = Standing {
            id: desktop.id,
            workspace: desktop.workspace,
            record: desktop.record.clone(),
            disk_gib: desktop.disk_gib,
        };
        self.known().insert(desktop.id, (Instant::now(), Some(Arc::new(standing))));
    }

    pub(crate) fn is_gone(&self, desktop: DesktopId) {
        self.known().insert(desktop, (Instant::now(), None));
    }

    /// All of them, as they were read from `began` on; what was noted since is newer.
    pub(crate) fn replace(&self, all: Vec<Standing>, began: Instant) {
        let mut known = self.known();
        known.retain(|_, (at, _)| *at >= began);
        for standing in all {
            known.entry(standing.id).or_insert_with(|| (began, Some(Arc::new(standing))));
        }
    }

    fn known(&self) -> MutexGuard<'_, ByDesktop> {
        // Every change is to one entry, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
