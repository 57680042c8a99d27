//! Which desktops' clocks are to be looked at: each once an hour, and after every pause.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rolltop_model::DesktopId;
use rolltop_store::Standing;
use tokio::time::Instant;

use crate::desktops::up::is_up;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::state::default_state;

const EVERY: Duration = Duration::from_secs(3600);

/// When each desktop's is due. Personalising has set it when a machine begins.
#[derive(Default)]
pub(crate) struct Clocks(Mutex<HashMap<DesktopId, Instant>>);
default_state!(Clocks);

impl Clocks {
    /// Its machine stood still, and its clock with it.
    pub(crate) fn paused(&self, desktop: DesktopId) {
        self.all().insert(desktop, Instant::now());
    }

    /// Of the desktops that are up, those that are due; each is then due again in an hour.
    fn due(&self, up: &[DesktopId]) -> Vec<DesktopId> {
        let now = Instant::now();
        let mut all = self.all();
        all.retain(|id, _| up.contains(id));
        let mut due = Vec::new();
        for id in up {
            let at = all.entry(*id).or_insert(now + EVERY);
            if *at <= now {
                *at = now + EVERY;
                due.push(*id);
            }
        }
        due
    }

    fn all(&self) -> MutexGuard<'_, HashMap<DesktopId, Instant>> {
        // Every change is to one entry, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Corrects those that are due, in the background.
pub(crate) fn pass(kernel: &Arc<Kernel>, standings: &[Arc<Standing>]) {
    let up: Vec<DesktopId> = standings.iter().filter(|one| is_up(&one.record)).map(|one| one.id).collect();
    for desktop in kernel.state::<Clocks>().due(&up) {
        let kernel = Arc::clone(kernel);
        tokio::spawn(async move {
            let Ok(door) = kernel.doors.door(desktop).await else { return };
            match door.correct_clock().await {
                Ok(None) => {}
                Ok(Some(off)) => tracing::info!(%desktop, %off, "its clock was off and was set"),
                Err(error) => tracing::debug!(%desktop, error = chain(&error), "its clock was not looked at"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_is_due_once_an_hour_and_after_a_pause() {
        let clocks = Clocks::default();
        let (one, other) = (DesktopId::from_u128(1), DesktopId::from_u128(2));
        assert_eq!(clocks.due(&[one, other]), []);
        clocks.paused(other);
        assert_eq!(clocks.due(&[one, other]), [other]);
        assert_eq!(clocks.due(&[one, other]), []);
        tokio::time::advance(EVERY).await;
        assert_eq!(clocks.due(&[one]), [one]);
        assert_eq!(clocks.due(&[other]), [], "it begins anew");
    }
}
