//! How much of one kind a desktop may have at the same time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rolltop_model::DesktopId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many for each desktop.
pub(crate) struct Places {
    most: usize,
    taken: Mutex<HashMap<DesktopId, Arc<Semaphore>>>,
}

/// Counts as long as it lives.
pub struct Place(#[expect(dead_code, reason = "held, never looked at")] OwnedSemaphorePermit);

impl Places {
    pub fn new(most: usize) -> Self {
        Self { most, taken: Mutex::default() }
    }

    /// None where the desktop has all it may have.
    pub fn take(&self, desktop: DesktopId) -> Option<Place> {
        let mut desktops = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody has a place where nobody has a share.
        desktops.retain(|id, places| *id == desktop || Arc::strong_count(places) > 1);
        let places = desktops.entry(desktop).or_insert_with(|| Arc::new(Semaphore::new(self.most)));
        places.clone().try_acquire_owned().ok().map(Place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_desktop_and_given_back() {
        let places = Places::new(3);
        let (one, other) = (DesktopId::from_u128(1), DesktopId::from_u128(2));
        let mut held: Vec<_> = (0..3).map(|_| places.take(one).unwrap()).collect();
        assert!(places.take(one).is_none());
        drop(places.take(other).unwrap());
        assert!(places.take(one).is_none(), "another's coming and going changes nothing");
        held.pop();
        let again = places.take(one);
        assert!(again.is_some() && places.take(one).is_none());
        drop((held, again));
        assert!(places.take(other).is_some());
        assert_eq!(places.taken.lock().unwrap().len(), 1);
    }
}
