//! One kept door per desktop, opened when somebody first needs it.
//!
//! ```text
//!  door(id) ─► open? ─yes─► the same door for everyone
//!               │no
//!               ├─ an attempt is under way ─► wait for its outcome
//!               ├─ the last one failed just now ─► that failure again
//!               └─ otherwise ─► one attempt, which outlives the caller that began it
//! ```

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rolltop_engine::{DoorStream, EngineError};
use rolltop_model::DesktopId;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::door::{Door, OpenError};
use crate::login::Login;

/// After a failure, the next attempt waits this long, doubled with each further one up to
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// For the engine to reach a desktop's sshd, which under load may be slow to accept.
const ENTRANCE_DEADLINE: Duration = Duration::from_secs(60);

/// What is needed to open one desktop's door.
pub struct Entrance {
    pub stream: DoorStream,
    pub login: Login,
}

/// Where entrances come from: the engine and the kept credentials, which the pool knows nothing of.
#[async_trait]
pub trait DoorSource: Send + Sync + 'static {
    async fn entrance(&self, desktop: DesktopId) -> Result<Entrance, EntranceError>;
}

/// Why there is no way to a desktop's door.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EntranceError {
    #[error("the engine can't reach the desktop")]
    Engine(#[from] EngineError),
    #[error("the desktop has no door key yet")]
    NotPersonalised,
    #[error("the desktop's door key can't be had: {0}")]
    Credentials(String),
    #[error("the desktop's sshd was not reached within {} seconds", .0.as_secs())]
    TimedOut(Duration),
}

/// Why the pool has no door. Cloneable, because everyone who waited for an attempt gets its outcome.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PoolError {
    #[error("there is no way to the desktop's door")]
    Entrance(#[from] EntranceError),
    #[error("the desktop's door did not open")]
    Open(#[source] Arc<OpenError>),
    #[error("the desktop was let go of")]
    Forgotten,
}

pub struct DoorPool {
    source: Arc<dyn DoorSource>,
    slots: SyncMutex<HashMap<DesktopId, Arc<Slot>>>,
}

/// Everything kept for one desktop. Who holds `state` is attempting, all others wait.
#[derive(Default)]
struct Slot {
    state: Arc<Mutex<SlotState>>,
    forgotten: CancellationToken,
}

impl Slot {
    async fn end(&self) {
        self.forgotten.cancel();
        if let Some(door) = self.state.lock().await.door.take() {
            door.close().await;
        }
    }
}

#[derive(Default)]
struct SlotState {
    door: Option<Arc<Door>>,
    failure: Option<Failure>,
}

struct Failure {
    error: PoolError,
    count: u32,
    retry_at: Instant,
}

impl DoorPool {
    pub fn new(source: Arc<dyn DoorSource>) -> Self {
        Self { source, slots: SyncMutex::default() }
    }

    /// The desktop's door, opened if it isn't.
    pub async fn door(&self, desktop: DesktopId) -> Result<Arc<Door>, PoolError> {
        let slot = self.slot(desktop);
        let result = self.door_of(&slot, desktop).await;
        if !slot.forgotten.is_cancelled() {
            return result;
        }
        // Ended while it was waited for. Where one has been adopted in its place, that is the door.
        let adopted = self.slots().get(&desktop).cloned().ok_or(PoolError::Forgotten)?;
        let state = adopted.state.lock().await;
        state.door.as_ref().filter(|door| !door.is_closed()).cloned().ok_or(PoolError::Forgotten)
    }

    async fn door_of(&self, slot: &Slot, desktop: DesktopId) -> Result<Arc<Door>, PoolError> {
        let state = slot.state.clone().lock_owned().await;
        if slot.forgotten.is_cancelled() {
            return Err(PoolError::Forgotten);
        }
        if let Some(door) = state.door.as_ref().filter(|door| !door.is_closed()) {
            return Ok(door.clone());
        }
        if let Some(failure) = state.failure.as_ref().filter(|failure| Instant::now() < failure.retry_at) {
            return Err(failure.error.clone());
        }
        let (sender, outcome) = oneshot::channel();
        let attempt = attempt(self.source.clone(), desktop, slot.forgotten.clone(), state);
        // A task of its own: a caller that goes away must not take the attempt from the others.
        tokio::spawn(async move {
            let _ = sender.send(attempt.await);
        });
        outcome.await.unwrap_or(Err(PoolError::Forgotten))
    }

    /// Keeps a door that was opened elsewhere, such as by personalising, in place of what there was: an open one is hung up, and
    /// an attempt under way ends, as it may wait for a machine that is gone. Who waited for it gets this door.
    pub async fn adopt(&self, desktop: DesktopId, door: Door) -> Arc<Door> {
        let door = Arc::new(door);
        let state = SlotState { door: Some(door.clone()), failure: None };
        let slot = Slot { state: Arc::new(Mutex::new(state)), ..Slot::default() };
        let before = self.slots().insert(desktop, Arc::new(slot));
        if let Some(before) = before {
            before.end().await;
        }
        door
    }

    /// The door if it is open now; opens nothing and waits for nothing.
    pub fn open_door(&self, desktop: DesktopId) -> Option<Arc<Door>> {
        let slot = self.slots().get(&desktop).cloned()?;
        let state = slot.state.try_lock().ok()?;
        state.door.as_ref().filter(|door| !door.is_closed()).cloned()
    }

    /// Hangs up and forgets; an attempt under way ends with [`PoolError::Forgotten`].
    pub async fn forget(&self, desktop: DesktopId) {
        let slot = self.slots().remove(&desktop);
        if let Some(slot) = slot {
            slot.end().await;
        }
    }

    fn slot(&self, desktop: DesktopId) -> Arc<Slot> {
        self.slots().entry(desktop).or_default().clone()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<DesktopId, Arc<Slot>>> {
        // The map is never left half changed.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn attempt(
    source: Arc<dyn DoorSource>,
    desktop: DesktopId,
    forgotten: CancellationToken,
    mut state: OwnedMutexGuard<SlotState>,
) -> Result<Arc<Door>, PoolError> {
    let result = tokio::select! {
        result = open(source, desktop) => result,
        () = forgotten.cancelled() => Err(PoolError::Forgotten),
    };
    match result {
        Ok(door) => {
            let door = Arc::new(door);
            *state = SlotState { door: Some(door.clone()), failure: None };
            Ok(door)
        }
        Err(error) => {
            let count = state.failure.as_ref().map_or(0, |failure| failure.count).saturating_add(1);
            let pause = pause_after(count);
            tracing::debug!(%desktop, %error, ?pause, "a door did not open");
            *state = SlotState {
                door: None,
                failure: Some(Failure { error: error.clone(), count, retry_at: Instant::now() + pause }),
            };
            Err(error)
        }
    }
}

async fn open(source: Arc<dyn DoorSource>, desktop: DesktopId) -> Result<Door, PoolError> {
    let entrance = tokio::time::timeout(ENTRANCE_DEADLINE, source.entrance(desktop))
        .await
        .map_err(|_| EntranceError::TimedOut(ENTRANCE_DEADLINE))??;
    Door::open(entrance.stream, &entrance.login).await.map_err(|error| PoolError::Open(Arc::new(error)))
}

/// How long after the `count`th failure in a row nothing is tried.
fn pause_after(count: u32) -> Duration {
    let doublings = count.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1u32 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let pauses: Vec<_> = (1..=7).map(|count| pause_after(count).as_millis()).collect();
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }
}
