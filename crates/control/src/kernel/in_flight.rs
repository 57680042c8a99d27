//! What is under way at the same time: counted for each credential, and limited by the memory that it may come to take in
//! this process.
//!
//! For each screen, command, file or exported desktop this process keeps what one side has said and the other has not taken
//! yet. Each is bounded by itself, in the place that reads it; here all of them together are. Whoever begins one takes its
//! share of the memory first, and gives it back by dropping it.
//!
//! ```text
//!  credential: so many of a kind     ─ more ──► TooMany, at once
//!  workspace:  half of the memory   ┐
//!  everybody:  the memory           ┴ more ──► waits, after WAIT: NoMemory
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rolltop_model::{Use, WorkspaceId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use crate::kernel::caller::Caller;
use crate::kernel::config::ControlConfig;
use crate::kernel::error::explained;
use crate::kernel::state::State;

/// How long who comes waits for memory.
const WAIT: Duration = Duration::from_secs(5);
/// Memory is counted in these, bytes.
const UNIT: u64 = 1024;

/// What is counted for each credential. Somebody has a few dozen windows open, and a program as many requests under way; a
/// credential in wrong hands keeps nobody else out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Screen,
    /// A request that reads or writes files.
    Files,
    Events,
}

impl Kind {
    const fn most(self) -> usize {
        match self {
            // A screen for each window, and every page has one stream of events.
            Kind::Screen | Kind::Events => 64,
            // Twice what browsers and tools for copying have under way at once.
            Kind::Files => 32,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Screen => "screens are open",
            Kind::Files => "requests for files are under way",
            Kind::Events => "event streams are open",
        })
    }
}

explained! {
    /// Why something can't begin now.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum InFlightError {
        #[error("{most} {kind} with this credential already; try again when one is done.", most = kind.most())]
        TooMany { kind: Kind } => TooManyAtOnce after 1;
        NoMemory => Unavailable after 5, "So much is being transferred that the memory for it is used up; try again in a few seconds.";
    }
}

/// What one use of a desktop may come to take, bytes: what waits in its channel of the door (`rolltop_door`), and a message on
/// its way on each side.
pub(crate) const fn memory_of(kind: Use) -> u64 {
    match kind {
        Use::Screen | Use::Command => 6 << 20,
        Use::Terminal => 2 << 20,
        Use::Port => 1 << 20,
        // Sixteen answers of the file server, or a listing and its text.
        Use::Files => 8 << 20,
        // Buffers of a copy, and nothing.
        Use::Ssh | Use::Setup => 64 << 10,
    }
}

/// What a desktop that goes out or comes in takes, bytes: pieces of its disk, and the window of what packs it.
pub(crate) const TRANSFER_MEMORY: u64 = 32 << 20;
/// What a picture of a screen takes, bytes, while it is asked for.
pub(crate) const SCREENSHOT_MEMORY: u64 = 4 << 20;
/// What a stream of events takes, bytes.
const EVENTS_MEMORY: u64 = 512 << 10;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct InFlight {
    counts: Arc<Mutex<HashMap<(String, Kind), usize>>>,
    memory: Arc<Memory>,
}

struct Memory {
    /// Of one workspace, in units.
    half: u32,
    all: Arc<Semaphore>,
    by_workspace: Mutex<HashMap<WorkspaceId, Arc<Semaphore>>>,
}

/// Something that is counted for its credential and has its memory, as long as it is held.
pub struct Reservation {
    in_flight: InFlight,
    workspace: WorkspaceId,
    _counted: Option<Counted>,
    _memory: Share,
}

impl Reservation {
    /// More memory for the same, if there is any.
    pub(crate) fn more(&self, bytes: u64) -> Option<Share> {
        self.in_flight.more(self.workspace, bytes)
    }
}

/// A share of the memory.
#[derive(Debug)]
pub(crate) struct Share {
    _permits: [OwnedSemaphorePermit; 2],
}

struct Counted {
    counts: Arc<Mutex<HashMap<(String, Kind), usize>>>,
    key: (String, Kind),
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").finish_non_exhaustive()
    }
}

impl State for InFlight {
    fn new(config: &ControlConfig) -> Self {
        Self::new(config.transfer_memory)
    }
}

impl InFlight {
    /// With so much memory for all, bytes.
    pub fn new(memory: u64) -> Self {
        let half = units(memory / 2);
        let all = Arc::new(Semaphore::new(usize::try_from(half).unwrap_or(usize::MAX).saturating_mul(2)));
        Self {
            counts: Arc::default(),
            memory: Arc::new(Memory { half, all, by_workspace: Mutex::default() }),
        }
    }

    /// A use of a desktop, of which some are counted.
    pub async fn begin_use(&self, caller: &Caller, kind: Use) -> Result<Reservation, InFlightError> {
        let counted = match kind {
            Use::Screen => Some(Kind::Screen),
            Use::Files => Some(Kind::Files),
            Use::Terminal | Use::Command | Use::Port | Use::Ssh | Use::Setup => None,
        };
        self.begin(caller, counted, memory_of(kind)).await
    }

    pub async fn begin_events(&self, caller: &Caller) -> Result<Reservation, InFlightError> {
        self.begin(caller, Some(Kind::Events), EVENTS_MEMORY).await
    }

    async fn begin(
        &self,
        caller: &Caller,
        kind: Option<Kind>,
        bytes: u64,
    ) -> Result<Reservation, InFlightError> {
        let counted = kind.map(|kind| self.count(caller, kind)).transpose()?;
        let (in_flight, workspace) = (self.clone(), caller.workspace);
        Ok(Reservation {
            in_flight,
            workspace,
            _counted: counted,
            _memory: self.share(workspace, bytes).await?,
        })
    }

    fn count(&self, caller: &Caller, kind: Kind) -> Result<Counted, InFlightError> {
        let key = (caller.rate_key(), kind);
        let mut counts = locked(&self.counts);
        let count = counts.entry(key.clone()).or_default();
        if *count >= kind.most() {
            return Err(InFlightError::TooMany { kind });
        }
        *count += 1;
        Ok(Counted { counts: Arc::clone(&self.counts), key })
    }

    /// Memory for something of a workspace, which is waited for a little.
    pub async fn share(&self, workspace: WorkspaceId, bytes: u64) -> Result<Share, InFlightError> {
        let units = self.units(bytes);
        let waiting = async {
            let of_workspace = self.memory.of(workspace).acquire_many_owned(units).await.ok()?;
            let of_all = Arc::clone(&self.memory.all).acquire_many_owned(units).await.ok()?;
            Some(Share { _permits: [of_workspace, of_all] })
        };
        timeout(WAIT, waiting).await.ok().flatten().ok_or(InFlightError::NoMemory)
    }

    /// The same, however long it takes, for what nobody waits for. Not in turn: others would wait behind it.
    pub async fn share_when_free(&self, workspace: WorkspaceId, bytes: u64) -> Share {
        loop {
            match self.more(workspace, bytes) {
                Some(share) => return share,
                None => sleep(WAIT).await,
            }
        }
    }

    /// Memory that is free now.
    pub fn more(&self, workspace: WorkspaceId, bytes: u64) -> Option<Share> {
        let units = self.units(bytes);
        let of_workspace = self.memory.of(workspace).try_acquire_many_owned(units).ok()?;
        let of_all = Arc::clone(&self.memory.all).try_acquire_many_owned(units).ok()?;
        Some(Share { _permits: [of_workspace, of_all] })
    }

    /// At most what one workspace may have.
    fn units(&self, bytes: u64) -> u32 {
        units(bytes).min(self.memory.half)
    }
}

impl Memory {
    fn of(&self, workspace: WorkspaceId) -> Arc<Semaphore> {
        let mut all = locked(&self.by_workspace);
        let half = usize::try_from(self.half).unwrap_or(usize::MAX);
        Arc::clone(all.entry(workspace).or_insert_with(|| Arc::new(Semaphore::new(half))))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX / 2)
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is half done where it is held, whatever panics.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rolltop_model::ApiKeyId;

    use super::*;
    use crate::kernel::caller::Who;

    fn caller(key: u128, workspace: u128) -> Caller {
        Caller {
            who: Who::ApiKey(ApiKeyId::from_u128(key)),
            workspace: WorkspaceId::from_u128(workspace),
            scopes: Vec::new(),
            only: None,
            expires_at: None,
            label: String::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_credential_has_so_many_of_a_kind_and_no_more() {
        let in_flight = InFlight::new(8 << 30);
        let (one, other) = (caller(1, 1), caller(2, 1));
        let mut held = Vec::new();
        for _ in 0..Kind::Files.most() {
            held.push(in_flight.begin_use(&one, Use::Files).await.unwrap());
        }
        let refused = in_flight.begin_use(&one, Use::Files).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "32 requests for files are under way with this credential already; try again when one is done."
        );
        in_flight.begin_use(&one, Use::Screen).await.expect("another kind");
        in_flight.begin_events(&one).await.expect("and another");
        in_flight.begin_use(&other, Use::Files).await.expect("another credential");
        held.pop();
        held.push(in_flight.begin_use(&one, Use::Files).await.expect("what is done makes room"));
        assert!(in_flight.begin_use(&one, Use::Files).await.is_err());
        drop(held);
        assert!(locked(&in_flight.counts).is_empty(), "nothing is kept of who has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_waited_for_and_then_refused() {
        let command = memory_of(Use::Command);
        let in_flight = InFlight::new(command * 4);
        let take = async |of: &Caller| in_flight.begin_use(of, Use::Command).await;
        let (one, other, third) = (caller(1, 1), caller(2, 2), caller(3, 3));
        let mut held = vec![take(&one).await.unwrap(), take(&one).await.unwrap()];
        assert_eq!(take(&one).await.unwrap_err(), InFlightError::NoMemory, "a workspace has half of it");
        held.extend([take(&other).await.unwrap(), take(&other).await.unwrap()]);
        assert_eq!(take(&third).await.unwrap_err(), InFlightError::NoMemory, "it is used up");
        assert!(in_flight.more(third.workspace, 1).is_none());
        let waits = tokio::spawn({
            let in_flight = in_flight.clone();
            async move { in_flight.begin_use(&third, Use::Command).await.is_ok() }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.pop();
        assert!(waits.await.unwrap(), "who waits gets what comes free");
    }

    #[tokio::test]
    async fn what_is_larger_than_all_there_is_takes_all_of_a_workspace() {
        let in_flight = InFlight::new(1 << 20);
        let whole = in_flight.share(WorkspaceId::from_u128(1), 1 << 40).await.unwrap();
        assert!(in_flight.more(WorkspaceId::from_u128(1), 1).is_none());
        assert!(in_flight.more(WorkspaceId::from_u128(2), 1).is_some());
        drop(whole);
        assert!(in_flight.more(WorkspaceId::from_u128(1), 512 << 10).is_some());
    }
}
