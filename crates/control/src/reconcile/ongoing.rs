//! With which desktops something is done at this moment.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rolltop_model::DesktopId;

#[derive(Default)]
pub(crate) struct Ongoing(Mutex<HashSet<DesktopId>>);

/// It is done with a desktop as long as this lives.
pub(crate) struct Known<'a>(&'a Ongoing, DesktopId);

impl Ongoing {
    /// For who knows that nobody else does it.
    pub(super) fn begin(&self, desktop: DesktopId) -> Known<'_> {
        self.all().insert(desktop);
        Known(self, desktop)
    }

    /// `None` while somebody else does it.
    pub(crate) fn alone(&self, desktop: DesktopId) -> Option<Known<'_>> {
        self.all().insert(desktop).then(|| Known(self, desktop))
    }

    pub(crate) fn has(&self, desktop: DesktopId) -> bool {
        self.all().contains(&desktop)
    }

    fn all(&self) -> MutexGuard<'_, HashSet<DesktopId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}
