//! With which desktops something is done at this moment.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rolltop_model::DesktopId;

use crate::kernel::config::ControlConfig;
use crate::kernel::state::State;

/// With a type for what is done.
pub(crate) struct Ongoing<W>(Mutex<HashSet<DesktopId>>, PhantomData<fn() -> W>);

impl<W: 'static> State for Ongoing<W> {
    fn new(_: &ControlConfig) -> Self {
        Self(Mutex::default(), PhantomData)
    }
}

/// It is done with a desktop as long as this lives.
pub(crate) struct OngoingGuard<W>(Arc<Ongoing<W>>, DesktopId);

impl<W> Ongoing<W> {
    /// For who knows that nobody else does it.
    pub(crate) fn begin(self: Arc<Self>, desktop: DesktopId) -> OngoingGuard<W> {
        self.all().insert(desktop);
        OngoingGuard(self, desktop)
    }

    /// `None` while somebody else does it.
    pub(crate) fn alone(self: Arc<Self>, desktop: DesktopId) -> Option<OngoingGuard<W>> {
        let is_first = self.all().insert(desktop);
        is_first.then(|| OngoingGuard(self, desktop))
    }

    pub(crate) fn has(&self, desktop: DesktopId) -> bool {
        self.all().contains(&desktop)
    }

    fn all(&self) -> MutexGuard<'_, HashSet<DesktopId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Drop for OngoingGuard<W> {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}
