//! What capabilities keep in the memory of this process, by type: so each defines its own, beside what uses it, and the
//! kernel names none of them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::kernel::config::ControlConfig;

/// One capability's. There is one of each type in a process, made when it is first asked for.
pub(crate) trait State: Send + Sync + 'static {
    fn new(config: &ControlConfig) -> Self;
}

/// For what begins as its default.
macro_rules! default_state {
    ($($state:ty),+ $(,)?) => {$(
        impl $crate::kernel::state::State for $state {
            fn new(_: &$crate::kernel::config::ControlConfig) -> Self {
                Self::default()
            }
        }
    )+};
}
pub(crate) use default_state;

#[derive(Default)]
pub(crate) struct States(RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl States {
    pub(crate) fn get<S: State>(&self, config: &ControlConfig) -> Arc<S> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&TypeId::of::<S>()).cloned();
        match known.map(Arc::downcast::<S>) {
            Some(Ok(state)) => state,
            // The first to come keeps it; whoever comes at the same time takes that one.
            Some(Err(_)) | None => self.insert_if_absent(Arc::new(S::new(config))),
        }
    }

    /// Puts one there that is made of more than the configuration, before anybody asks for it.
    pub(crate) fn put<S: State>(&self, state: S) {
        self.insert_if_absent(Arc::new(state));
    }

    fn insert_if_absent<S: State>(&self, new: Arc<S>) -> Arc<S> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(TypeId::of::<S>()).or_insert_with(|| new.clone()).clone();
        kept.downcast::<S>().unwrap_or(new)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);
    #[derive(Default)]
    struct Other(AtomicU32);
    default_state!(Count, Other);

    #[test]
    fn there_is_one_of_each_type() {
        let (states, config) = (States::default(), ControlConfig::default());
        states.get::<Count>(&config).0.store(1, Ordering::Relaxed);
        states.put(Count(7.into()));
        assert_eq!(states.get::<Count>(&config).0.load(Ordering::Relaxed), 1);
        assert_eq!(states.get::<Other>(&config).0.load(Ordering::Relaxed), 0);
    }
}
