//! One desktop as the engine holds it: who may act on it now, and what others may see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rolltop_engine::{EngineError, Machine, OffReason, Power, Work, Writing};
use rolltop_model::DesktopId;
use tokio::sync::OwnedMutexGuard;

use super::Host;
use crate::durable;
use crate::fault::Doing;
use crate::machine::Running;
use crate::process::Process;
use crate::record::{Phase, Record};

/// How long a measured memory is given out again, because measuring walks page tables.
const MEMORY_AGE: Duration = Duration::from_secs(5);

/// One desktop. Whoever has the gate acts; everybody may look at what is shown.
#[derive(Debug)]
pub(super) struct Desktop {
    gate: Arc<tokio::sync::Mutex<Gated>>,
    shown: Mutex<Shown>,
}

/// What the one who has the gate works on.
#[derive(Debug, Default)]
pub(super) struct Gated {
    pub record: Option<Record>,
    pub running: Option<Running>,
    /// Destroyed: the entry is out of the map, and whoever waited has to look again.
    pub gone: bool,
}

#[derive(Debug, Clone, Default)]
struct Shown {
    record: Option<Record>,
    process: Option<Process>,
    memory: Option<(Instant, u64)>,
    writing: Writing,
}

impl Desktop {
    pub(super) fn new(record: Option<Record>) -> Self {
        let shown = Shown { record: record.clone(), ..Shown::default() };
        let held = Gated { record, ..Gated::default() };
        Self { gate: Arc::new(tokio::sync::Mutex::new(held)), shown: Mutex::new(shown) }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody else acts on it.
    pub(super) async fn hold(&self) -> OwnedMutexGuard<Gated> {
        Arc::clone(&self.gate).lock_owned().await
    }

    /// The same, unless somebody does.
    pub(super) fn try_hold(&self) -> Option<OwnedMutexGuard<Gated>> {
        Arc::clone(&self.gate).try_lock_owned().ok()
    }

    /// Whether somebody acts on it right now.
    pub(super) fn is_busy(&self) -> bool {
        self.gate.try_lock().is_err()
    }

    /// Lets others see what has changed.
    pub(super) fn show(&self, held: &Gated) {
        let mut shown = self.shown();
        shown.record.clone_from(&held.record);
        shown.process = held.running.as_ref().map(|running| running.process);
        shown.memory = None;
        if shown.process.is_none() {
            shown.writing = Writing::Freely;
        }
    }

    pub(super) fn show_writing(&self, writing: Writing) {
        let mut shown = self.shown();
        if shown.process.is_some() {
            shown.writing = writing;
        }
    }

    pub(super) fn writing(&self) -> Writing {
        self.shown().writing
    }

    /// The record, as last shown.
    pub(super) fn record(&self) -> Option<Record> {
        self.shown().record.clone()
    }

    /// The running process, as last shown.
    pub(super) fn process(&self) -> Option<Process> {
        self.shown().process
    }

    /// What an observer sees; measures memory and disk, so it takes milliseconds.
    pub(super) fn machine(&self, host: &Host) -> Option<Machine> {
        let Shown { record, process, memory, writing } = self.shown().clone();
        let record = record?;
        let power = power(&record, process.is_some());
        let memory_bytes = match (process, memory) {
            (None, _) => 0,
            (Some(_), Some((when, bytes))) if when.elapsed() < MEMORY_AGE => bytes,
            (Some(process), _) => {
                let bytes = process.memory_bytes();
                self.shown().memory = Some((Instant::now(), bytes));
                bytes
            }
        };
        let work = process.map_or_else(Work::default, |process| {
            let (received_bytes, sent_bytes) = host.network.transferred(record.index);
            Work { cpu_ms: process.cpu_ms(), received_bytes, sent_bytes }
        });
        let layer = record.layer();
        let disk_bytes = host.layout.own_bytes(record.desktop, layer);
        let disk_gib = record.disk_gib();
        let Record { desktop, boot, size, .. } = record;
        Some(Machine { desktop, power, boot, layer, size, disk_gib, memory_bytes, disk_bytes, writing, work })
    }
}

/// A machine's power as its record and process say.
fn power(record: &Record, has_process: bool) -> Power {
    match record.phase {
        Phase::On | Phase::Stopping | Phase::Suspending if has_process => {
            Power::On { quarantined: record.quarantined }
        }
        Phase::On | Phase::Suspending => Power::Off { why: record.lost() },
        // Nothing of it has run yet.
        Phase::Resuming { .. } => Power::Off { why: OffReason::Suspended },
        Phase::Stopping => Power::Off { why: OffReason::Asked },
        Phase::Making | Phase::Starting => Power::Off { why: OffReason::NeverStarted },
        Phase::Off(why) => Power::Off { why },
    }
}

impl Host {
    pub(super) fn find(&self, desktop: DesktopId) -> Option<Arc<Desktop>> {
        self.desktops().get(&desktop).cloned()
    }

    /// The gate of a desktop, whether or not there is anything of it yet.
    pub(super) async fn hold(&self, desktop: DesktopId) -> (Arc<Desktop>, OwnedMutexGuard<Gated>) {
        loop {
            let entry =
                Arc::clone(self.desktops().entry(desktop).or_insert_with(|| Arc::new(Desktop::new(None))));
            let held = entry.hold().await;
            if !held.gone {
                return (entry, held);
            }
        }
    }

    /// Takes an entry without a record out of the map, so that failed requests leave nothing.
    pub(super) fn let_go(&self, desktop: DesktopId, held: &mut Gated) {
        if held.record.is_none() {
            held.gone = true;
            self.desktops().remove(&desktop);
        }
    }

    /// Refuses a fence lower than one seen, and remembers a higher one.
    pub(super) async fn pass_fence(
        &self,
        desktop: DesktopId,
        held: &mut Gated,
        fence: u64,
    ) -> Result<(), EngineError> {
        let seen = match &held.record {
            Some(record) => record.fence,
            None => self.buried_fence(desktop),
        };
        if fence < seen {
            return Err(EngineError::Fenced);
        }
        if let Some(record) = held.record.as_mut().filter(|record| record.fence < fence) {
            record.change(&self.layout, |record| record.fence = fence).await?;
        }
        Ok(())
    }

    /// The highest fence of a desktop that is no more; 0 if there never was one.
    fn buried_fence(&self, desktop: DesktopId) -> u64 {
        let text = std::fs::read_to_string(self.layout.fence(desktop)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Keeps a destroyed desktop's fence, so that a late request can't bring it back.
    pub(super) fn bury_fence(&self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        let highest = fence.max(self.buried_fence(desktop));
        durable::write(&self.layout.fence(desktop), highest.to_string().as_bytes(), 0o600)?;
        Ok(())
    }

    /// Forgets buried fences that no request can be late for any more.
    pub(super) fn forget_old_fences(&self) {
        let day = Duration::from_secs(24 * 60 * 60);
        for entry in std::fs::read_dir(self.layout.fences()).into_iter().flatten().flatten() {
            let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            if changed.and_then(|changed| changed.elapsed().ok()).is_some_and(|age| age > day)
                && let Err(error) = std::fs::remove_file(entry.path()).doing_with("removing", &entry.path())
            {
                tracing::warn!(%error, "an old fence stays");
            }
        }
    }
}
