//! Which desktops stand still: their machines run, and nothing in them answers.
//!
//! A kernel that hangs takes all of a processor, and one that was halted next to nothing of any (its QEMU some ms). So where
//! a machine does one or the other for a while its door is knocked at; a guest that works hard or idles answers. In memory
//! only: after a restart of ours it is found out again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rolltop_engine::{Machine, Power, Writing};
use rolltop_model::DesktopId;
use rolltop_store::Standing;

use super::fault::chain;
use super::sleep::is_up;
use crate::clock;
use crate::control::Inner;

/// Of one processor, percent.
const ALL: u64 = 90;
/// Answers that have to be missing in a row.
const KNOCKS: u32 = 2;

#[derive(Default)]
pub(crate) struct Stillness(Mutex<HashMap<DesktopId, Watch>>);

struct Watch {
    boot: u32,
    since: Instant,
    cpu_ms: u64,
    knocking: bool,
    unanswered: u32,
}

impl Stillness {
    pub(crate) fn has(&self, desktop: DesktopId) -> bool {
        self.all().get(&desktop).is_some_and(|watch| watch.unanswered >= KNOCKS)
    }

    /// Takes note of what the machines do; those whose doors are to be knocked at.
    fn note(&self, machines: &HashMap<DesktopId, &Machine>, window: std::time::Duration) -> Vec<DesktopId> {
        let mut all = self.all();
        let now = Instant::now();
        all.retain(|id, watch| machines.get(id).is_some_and(|machine| machine.boot == watch.boot));
        let mut due = Vec::new();
        for (id, machine) in machines {
            let cpu_ms = machine.work.cpu_ms;
            let (boot, fresh) = (machine.boot, (now, cpu_ms));
            let watch = all.entry(*id).or_insert(Watch {
                boot,
                since: fresh.0,
                cpu_ms: fresh.1,
                knocking: false,
                unanswered: 0,
            });
            let span = now.saturating_duration_since(watch.since);
            if watch.knocking || span < window {
                continue;
            }
            let worked = cpu_ms.saturating_sub(watch.cpu_ms);
            let percent =
                worked.saturating_mul(100) / u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
            (watch.since, watch.cpu_ms) = fresh;
            if percent == 0 || percent >= ALL || watch.unanswered > 0 {
                watch.knocking = true;
                due.push(*id);
            }
        }
        due
    }

    /// Takes note of an answer, or that none came; whether that changes what is to be told.
    fn answered(&self, desktop: DesktopId, answered: bool) -> bool {
        let mut all = self.all();
        let Some(watch) = all.get_mut(&desktop) else { return false };
        let before = watch.unanswered >= KNOCKS;
        watch.knocking = false;
        watch.since = Instant::now();
        watch.unanswered = if answered { 0 } else { watch.unanswered.saturating_add(1) };
        before != (watch.unanswered >= KNOCKS)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<DesktopId, Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks after all machines that are up and meant to be.
pub(super) fn pass(inner: &Arc<Inner>, standings: &[Standing], machines: &[Machine]) {
    let up: HashMap<DesktopId, u32> =
        standings.iter().filter(|at| is_up(&at.record)).map(|at| (at.id, at.record.boot)).collect();
    let watched = machines
        .iter()
        .filter(|machine| machine.power == (Power::On { quarantined: false }))
        // The engine has it stand still.
        .filter(|machine| !matches!(machine.writing, Writing::Stopped(_)))
        .filter(|machine| up.get(&machine.desktop) == Some(&machine.boot))
        .map(|machine| (machine.desktop, machine))
        .collect();
    for id in inner.stillness.note(&watched, inner.config.still) {
        let inner = Arc::clone(inner);
        tokio::spawn(async move { knock(&inner, id).await });
    }
}

async fn knock(inner: &Inner, id: DesktopId) {
    let answer = async {
        match inner.doors.door(id).await {
            Ok(door) => door.answers().await,
            Err(_) => false,
        }
    };
    let answered = tokio::time::timeout(inner.config.still, answer).await.unwrap_or(false);
    if !inner.stillness.answered(id, answered) {
        return;
    }
    if answered {
        tracing::info!(desktop = %id, "answers again");
    } else {
        tracing::warn!(desktop = %id, "its machine runs, and nothing in it answers");
    }
    if let Err(error) = inner.store.tell(id, clock::now()).await {
        tracing::warn!(desktop = %id, error = chain(&error), "that it stands still could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_engine::Work;
    use rolltop_model::{LayerId, Size};
    use std::time::Duration;

    const ID: DesktopId = DesktopId::from_u128(1);

    fn machine(boot: u32, cpu_ms: u64) -> Machine {
        Machine {
            desktop: ID,
            power: Power::On { quarantined: false },
            boot,
            layer: LayerId::from_u128(2),
            size: Size::S,
            disk_gib: 20,
            memory_bytes: 1,
            disk_bytes: 1,
            writing: rolltop_engine::Writing::Freely,
            work: Work { cpu_ms, received_bytes: 0, sent_bytes: 0 },
        }
    }

    fn note(stillness: &Stillness, machine: &Machine, window: Duration) -> bool {
        !stillness.note(&HashMap::from([(ID, machine)]), window).is_empty()
    }

    #[test]
    fn it_is_knocked_at_what_works_fully_or_not_at_all_and_two_silences_count() {
        let stillness = Stillness::default();
        let window = Duration::ZERO;
        assert!(note(&stillness, &machine(1, 5), window), "a halted machine does nothing");
        assert!(!note(&stillness, &machine(1, 5), window), "while it is knocked at nobody else knocks");
        assert!(!stillness.answered(ID, false) && !stillness.has(ID));
        assert!(note(&stillness, &machine(1, 1_000_000), window), "one that hangs does all it can");
        assert!(stillness.answered(ID, false) && stillness.has(ID));
        assert!(note(&stillness, &machine(1, 1_000_000), window));
        assert!(stillness.answered(ID, true) && !stillness.has(ID), "it answers again");
        assert!(!note(&stillness, &machine(2, 5), Duration::from_secs(9)), "another start is watched afresh");
    }
}
