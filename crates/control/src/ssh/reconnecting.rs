//! SSH clients that connect again by themselves: what a person switched off stays off.
//!
//! An editor, `autossh` or a tunnel comes back for as long as it runs. To the platform it looks like its person does, who
//! would have the desktop started. So a key that was connected when somebody switched the desktop off does not
//! bring it back, until nothing was heard of it for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::kernel::config::ControlConfig;
use crate::kernel::state::State;
use rolltop_model::{DesktopId, SshKeyId};
use tokio::time::Instant;

/// A client that does not try for this long has given up; who comes then is a person.
pub(crate) const QUIET: Duration = Duration::from_secs(10 * 60);

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Reconnecting {
    known: Arc<Mutex<Connections>>,
    /// Who ends within this long of the wish to switch the desktop off has left by itself.
    leaving: Duration,
}

#[derive(Default)]
struct Connections {
    /// How many connections each key has to each desktop.
    connected: HashMap<(DesktopId, SshKeyId), usize>,
    /// Keys whose connections were cut off by whoever switched the desktop off, and when each was heard of last.
    cut_off: HashMap<(DesktopId, SshKeyId), Instant>,
}

/// A connection, counted as long as it lives.
pub(crate) struct Connected {
    all: Reconnecting,
    of: (DesktopId, SshKeyId),
}

impl State for Reconnecting {
    fn new(config: &ControlConfig) -> Self {
        Self::new(config.leaving)
    }
}

impl Reconnecting {
    pub fn new(leaving: Duration) -> Self {
        Self { known: Arc::default(), leaving }
    }

    pub fn connected(&self, desktop: DesktopId, key: SshKeyId) -> Connected {
        let of = (desktop, key);
        *self.known().connected.entry(of).or_default() += 1;
        Connected { all: self.clone(), of }
    }

    /// A person switches the desktop off.
    pub fn switched_off(&self, desktop: DesktopId) {
        let mut known = self.known();
        let now = Instant::now();
        let there: Vec<_> = known.connected.keys().filter(|(of, _)| *of == desktop).copied().collect();
        known.cut_off.extend(there.into_iter().map(|of| (of, now)));
    }

    /// Somebody wants the desktop to run.
    pub fn switched_on(&self, desktop: DesktopId) {
        self.known().cut_off.retain(|(of, _), _| *of != desktop);
    }

    /// Whether this is a client that comes back by itself. It is then heard of.
    pub fn comes_by_itself(&self, desktop: DesktopId, key: SshKeyId) -> bool {
        let mut known = self.known();
        known.cut_off.retain(|_, heard| heard.elapsed() < QUIET);
        match known.cut_off.get_mut(&(desktop, key)) {
            Some(heard) => {
                *heard = Instant::now();
                true
            }
            None => false,
        }
    }

    fn known(&self) -> MutexGuard<'_, Connections> {
        // Every change is to one entry, so a panic elsewhere leaves nothing half done.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut known = self.all.known();
        if let Some(count) = known.connected.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                known.connected.remove(&self.of);
                if known.cut_off.get(&self.of).is_some_and(|at| at.elapsed() < self.all.leaving) {
                    known.cut_off.remove(&self.of);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_was_cut_off_comes_by_itself_until_it_was_quiet() {
        let leaving = Duration::from_millis(100);
        let all = Reconnecting::new(leaving);
        let (one, other) = (DesktopId::from_u128(1), DesktopId::from_u128(2));
        let (editor, person) = (SshKeyId::from_u128(1), SshKeyId::from_u128(2));
        let connection = all.connected(one, editor);
        drop(all.connected(one, person));
        all.switched_off(one);
        tokio::time::advance(leaving).await;
        drop(connection);
        for _ in 0..3 {
            tokio::time::advance(QUIET / 2).await;
            assert!(all.comes_by_itself(one, editor), "each try is one more");
        }
        assert!(!all.comes_by_itself(one, person), "it had gone before");
        assert!(!all.comes_by_itself(other, editor), "it was another desktop");
        tokio::time::advance(QUIET).await;
        assert!(!all.comes_by_itself(one, editor));
        let _connection = all.connected(one, editor);
        all.switched_off(one);
        all.switched_on(one);
        assert!(!all.comes_by_itself(one, editor), "somebody wants it to run");
        let connection = all.connected(one, person);
        all.switched_off(one);
        drop(connection);
        assert!(!all.comes_by_itself(one, person), "it was leaving just then");
    }
}
