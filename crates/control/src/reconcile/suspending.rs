//! Which desktops are being suspended at this moment.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rolltop_model::DesktopId;

#[derive(Default)]
pub(crate) struct Suspending(Mutex<HashSet<DesktopId>>);

/// A desktop is being suspended as long as this lives.
pub(super) struct Known<'a>(&'a Suspending, DesktopId);

impl Suspending {
    pub(super) fn begin(&self, desktop: DesktopId) -> Known<'_> {
        self.all().insert(desktop);
        Known(self, desktop)
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
