//! What each machine uses and does. In memory only: it is out of date anyway.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rolltop_engine::{Machine, Power, Work, Writing};
use rolltop_model::{DesktopId, Signs, Size};

use crate::kernel::clock;
use crate::kernel::config::ControlConfig;
use crate::kernel::state::State;

/// Samples that an average is made of; closer ones are left out.
const SAMPLES: u32 = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vital {
    pub(crate) memory_bytes: u64,
    pub(crate) disk_bytes: u64,
    /// What it is now, which may not be what it is to be.
    pub(crate) size: Size,
    pub(crate) disk_gib: u64,
    pub(crate) writing: Writing,
}

/// How much a machine worked, on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rates {
    /// Of one processor.
    pub(crate) processor_percent: u32,
    pub(crate) network_bytes_per_second: u64,
}

pub(crate) struct Vitals {
    /// What is averaged over.
    window: Duration,
    machines: Mutex<HashMap<DesktopId, Seen>>,
}

struct Seen {
    vital: Vital,
    is_on: bool,
    /// The disk that its guest was told of since it came up, GiB.
    grown: Option<u64>,
    samples: VecDeque<(Instant, Work)>,
    busy_at: Option<Timestamp>,
}

impl State for Vitals {
    fn new(config: &ControlConfig) -> Self {
        Self::new(config.measuring)
    }
}

impl Vitals {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, machines: Mutex::default() }
    }

    pub(crate) fn of(&self, desktop: DesktopId) -> Option<Vital> {
        self.machines().get(&desktop).map(|seen| seen.vital)
    }

    /// How much it works, and when it last worked; no rates until it has been watched for long enough.
    pub(crate) fn work_of(&self, desktop: DesktopId) -> (Option<Rates>, Option<Timestamp>) {
        let machines = self.machines();
        let seen = machines.get(&desktop);
        (seen.and_then(|seen| seen.rates(self.window)), seen.and_then(|seen| seen.busy_at))
    }

    /// Whether its guest may not know yet how large its disk is.
    pub(crate) fn may_grow(&self, desktop: DesktopId) -> bool {
        let machines = self.machines();
        machines.get(&desktop).is_some_and(|Seen { vital, is_on, grown, .. }| {
            *is_on && *grown != Some(vital.disk_gib) && vital.disk_gib != vital.size.disk_gib()
        })
    }

    pub(crate) fn has_grown(&self, desktop: DesktopId, disk_gib: u64) {
        if let Some(seen) = self.machines().get_mut(&desktop) {
            seen.grown = Some(disk_gib);
        }
    }

    pub(crate) fn replace(&self, machines: &[Machine]) {
        let mut known = self.machines();
        let mut before = std::mem::take(&mut *known);
        let now = Instant::now();
        known.extend(machines.iter().map(|machine| {
            let mut seen = before.remove(&machine.desktop).unwrap_or_else(|| Seen::new(machine));
            seen.note(machine, self.window, now);
            (machine.desktop, seen)
        }));
    }

    pub(crate) fn note(&self, machine: &Machine) {
        let mut known = self.machines();
        let seen = known.entry(machine.desktop).or_insert_with(|| Seen::new(machine));
        seen.note(machine, self.window, Instant::now());
    }

    fn machines(&self) -> MutexGuard<'_, HashMap<DesktopId, Seen>> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn new(machine: &Machine) -> Self {
        Self { vital: vital(machine), is_on: false, grown: None, samples: VecDeque::new(), busy_at: None }
    }

    fn note(&mut self, machine: &Machine, window: Duration, now: Instant) {
        self.vital = vital(machine);
        self.is_on = matches!(machine.power, Power::On { .. });
        if !self.is_on {
            self.grown = None;
            self.samples.clear();
            return;
        }
        if let Some((at, last)) = self.samples.back() {
            if machine.work.cpu_ms < last.cpu_ms {
                // Another process.
                self.samples.clear();
            } else if now.saturating_duration_since(*at) < window / SAMPLES {
                return;
            }
        }
        self.samples.push_back((now, machine.work));
        // One older than the window stays, so that the whole of it is known.
        while self.samples.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= window) {
            self.samples.pop_front();
        }
        let busy = self
            .rates(window)
            .is_some_and(|rates| Signs::is_work(rates.processor_percent, rates.network_bytes_per_second));
        if busy {
            self.busy_at = Some(clock::now());
        }
    }

    fn rates(&self, window: Duration) -> Option<Rates> {
        let ((first_at, first), (last_at, last)) = (self.samples.front()?, self.samples.back()?);
        let span = last_at.saturating_duration_since(*first_at);
        if span < window {
            return None;
        }
        let milliseconds = u64::try_from(span.as_millis()).ok().filter(|span| *span > 0)?;
        let moved = |work: &Work| work.received_bytes.saturating_add(work.sent_bytes);
        let worked = last.cpu_ms.saturating_sub(first.cpu_ms).saturating_mul(100) / milliseconds;
        let bytes = moved(last).saturating_sub(moved(first)).saturating_mul(1000) / milliseconds;
        Some(Rates {
            processor_percent: u32::try_from(worked).unwrap_or(u32::MAX),
            network_bytes_per_second: bytes,
        })
    }
}

fn vital(machine: &Machine) -> Vital {
    Vital {
        memory_bytes: machine.memory_bytes,
        disk_bytes: machine.disk_bytes,
        size: machine.size,
        disk_gib: machine.disk_gib,
        writing: machine.writing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_model::LayerId;

    const WINDOW: Duration = Duration::from_secs(60);

    fn machine(cpu_ms: u64, sent_bytes: u64) -> Machine {
        Machine {
            desktop: DesktopId::from_u128(1),
            power: Power::On { quarantined: false },
            boot: 1,
            layer: LayerId::from_u128(2),
            size: rolltop_model::Size::S,
            disk_gib: 20,
            memory_bytes: 1,
            disk_bytes: 1,
            writing: rolltop_engine::Writing::Freely,
            work: Work { cpu_ms, received_bytes: 0, sent_bytes },
        }
    }

    /// A machine seen every five seconds.
    fn watched(cpu_ms_each: &[u64]) -> Seen {
        let start = Instant::now();
        let mut seen = Seen::new(&machine(0, 0));
        let mut total = 0;
        for (count, cpu_ms) in cpu_ms_each.iter().enumerate() {
            total += cpu_ms;
            let now = start + Duration::from_secs(5) * u32::try_from(count).unwrap();
            seen.note(&machine(total, 0), WINDOW, now);
        }
        seen
    }

    #[test]
    fn nothing_is_said_before_a_whole_window_was_seen() {
        assert_eq!(watched(&[100; 12]).rates(WINDOW), None);
        let percent = watched(&[100; 13]).rates(WINDOW).map(|rates| rates.processor_percent);
        assert_eq!(percent, Some(2));
    }

    #[test]
    fn work_of_the_last_window_counts_and_is_remembered() {
        let mut work = vec![2500; 13];
        let seen = watched(&work);
        assert_eq!(seen.rates(WINDOW).unwrap().processor_percent, 50);
        assert!(seen.busy_at.is_some());
        work.extend([100; 13]);
        let seen = watched(&work);
        assert_eq!(seen.rates(WINDOW).unwrap().processor_percent, 2);
        assert!(seen.busy_at.is_some() && seen.samples.len() <= 14, "and no more is kept than needed");
        assert!(watched(&[100; 20]).busy_at.is_none());
    }

    #[test]
    fn another_process_is_measured_afresh() {
        let mut seen = watched(&[2500; 13]);
        seen.note(&machine(10, 0), WINDOW, Instant::now() + Duration::from_secs(300));
        assert_eq!(seen.rates(WINDOW), None);
        let off = Machine { power: Power::Off { why: rolltop_engine::OffReason::Asked }, ..machine(0, 0) };
        seen.note(&off, WINDOW, Instant::now() + Duration::from_secs(305));
        assert!(seen.samples.is_empty());
    }
}
