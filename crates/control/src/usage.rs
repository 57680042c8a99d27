//! What each desktop uses, over time: closely for the latest hour, in memory; an average of every few minutes
//! for thirty days, in the store.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rolltop_engine::{Machine, Power, Work};
use rolltop_model::{DesktopId, Usage, UsagePoint, down_sample, while_of};

use crate::kernel::clock;
use crate::kernel::config::ControlConfig;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::state::State;

/// How long it is known closely.
const CLOSELY: Duration = Duration::from_secs(3600);

pub(crate) struct UsageMeter {
    every: Duration,
    kept_every: Duration,
    state: Mutex<Meters>,
}

#[derive(Default)]
struct Meters {
    desktops: HashMap<DesktopId, Track>,
    /// Averages of whiles before this are in the store.
    kept_until: Option<Timestamp>,
}

#[derive(Default)]
struct Track {
    /// When its machine was last looked at, and what it had done by then.
    last: Option<(Timestamp, Work)>,
    /// The oldest first.
    points: VecDeque<UsagePoint>,
}

impl State for UsageMeter {
    fn new(config: &ControlConfig) -> Self {
        Self::new(config.usage_every, config.usage_kept_every)
    }
}

impl UsageMeter {
    pub(crate) fn new(every: Duration, kept_every: Duration) -> Self {
        Self { every, kept_every, state: Mutex::default() }
    }

    /// The latest hour, the oldest first.
    pub(crate) fn of(&self, desktop: DesktopId) -> Vec<UsagePoint> {
        let state = self.state();
        state.desktops.get(&desktop).map(|track| track.points.iter().copied().collect()).unwrap_or_default()
    }

    /// Looks at all the machines that there are.
    pub(crate) fn note(&self, machines: &[Machine], now: Timestamp) {
        let mut state = self.state();
        let mut before = std::mem::take(&mut state.desktops);
        state.desktops.extend(machines.iter().map(|machine| {
            let mut track = before.remove(&machine.desktop).unwrap_or_default();
            track.note(machine, now, self.every);
            (machine.desktop, track)
        }));
    }

    /// The averages of the whiles that have ended and are not kept yet, and until when they are then.
    fn ended(&self, now: Timestamp) -> (Timestamp, Vec<(DesktopId, UsagePoint)>) {
        let seconds = i64::try_from(self.kept_every.as_secs()).unwrap_or(i64::MAX);
        let until = while_of(now, seconds);
        let state = self.state();
        let new =
            |point: &UsagePoint| state.kept_until.is_none_or(|kept| point.at >= kept) && point.at < until;
        let ended = state.desktops.iter().flat_map(|(desktop, track)| {
            let points: Vec<_> = track.points.iter().copied().filter(new).collect();
            down_sample(&points, seconds).into_iter().map(|point| (*desktop, point))
        });
        (until, ended.collect())
    }

    fn kept(&self, until: Timestamp) {
        self.state().kept_until = Some(until);
    }

    fn state(&self) -> MutexGuard<'_, Meters> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Track {
    fn note(&mut self, machine: &Machine, now: Timestamp, every: Duration) {
        let forgotten = clock::earlier(now, CLOSELY);
        while self.points.front().is_some_and(|point| point.at < forgotten) {
            self.points.pop_front();
        }
        if !matches!(machine.power, Power::On { .. }) {
            self.last = None;
            return;
        }
        let Some((at, before)) = self.last else {
            self.last = Some((now, machine.work));
            return;
        };
        if clock::later(at, every) > now {
            return;
        }
        self.last = Some((now, machine.work));
        let work = machine.work;
        // Less than before: it is another process.
        let did = |now: u64, before: u64| now.checked_sub(before);
        let (Some(cpu_ms), Some(received), Some(sent)) = (
            did(work.cpu_ms, before.cpu_ms),
            did(work.received_bytes, before.received_bytes),
            did(work.sent_bytes, before.sent_bytes),
        ) else {
            return;
        };
        let Some(span) = u64::try_from(now.duration_since(at).as_millis()).ok().filter(|span| *span > 0)
        else {
            return;
        };
        let usage = Usage {
            processor_percent: cpu_ms.saturating_mul(100) / span,
            memory_bytes: machine.memory_bytes,
            disk_bytes: machine.disk_bytes,
            received_bytes_per_second: received.saturating_mul(1000) / span,
            sent_bytes_per_second: sent.saturating_mul(1000) / span,
        };
        self.points.push_back(UsagePoint { at: now, usage });
    }
}

/// Writes down what is known of the whiles that have ended.
pub(crate) async fn keep(kernel: &Kernel) {
    let (until, points) = kernel.state::<UsageMeter>().ended(clock::now());
    if !points.is_empty()
        && let Err(error) = kernel.store.keep_usage(&points).await
    {
        tracing::warn!(error = chain(&error), "what desktops use can't be kept");
        return;
    }
    kernel.state::<UsageMeter>().kept(until);
}

#[cfg(test)]
mod tests {
    use rolltop_model::{LayerId, Size};

    use super::*;

    fn machine(seconds: u64, power: Power) -> Machine {
        Machine {
            desktop: DesktopId::from_u128(1),
            power,
            boot: 1,
            layer: LayerId::from_u128(2),
            size: Size::S,
            disk_gib: 20,
            memory_bytes: 100,
            disk_bytes: 7,
            writing: rolltop_engine::Writing::Freely,
            work: Work { cpu_ms: seconds * 500, received_bytes: seconds * 2000, sent_bytes: seconds * 10 },
        }
    }

    #[test]
    fn each_while_is_kept_once_and_what_is_off_uses_nothing() {
        let meter = UsageMeter::new(Duration::from_secs(10), Duration::from_secs(300));
        let begin = 1_000_200;
        let at = |second: u64| Timestamp::from_second(begin + i64::try_from(second).unwrap()).unwrap();
        let on = Power::On { quarantined: false };
        for second in (0..=600).step_by(5) {
            meter.note(&[machine(second, on)], at(second));
        }
        let desktop = DesktopId::from_u128(1);
        let points = meter.of(desktop);
        assert_eq!(points.len(), 60);
        let used = Usage {
            processor_percent: 50,
            memory_bytes: 100,
            disk_bytes: 7,
            received_bytes_per_second: 2000,
            sent_bytes_per_second: 10,
        };
        assert!(points.iter().all(|point| point.usage == used), "{points:?}");

        let (until, kept) = meter.ended(at(601));
        assert_eq!(until, at(600));
        let times: Vec<_> = kept.iter().map(|(_, point)| point.at).collect();
        assert_eq!(times, [at(0), at(300)]);
        assert_eq!(meter.ended(at(602)).1.len(), 2, "again, as they were not kept");
        meter.kept(until);
        assert_eq!(meter.ended(at(899)).1, []);

        // Off, and on again as another process with less behind it.
        meter.note(&[machine(600, Power::Off { why: rolltop_engine::OffReason::Asked })], at(700));
        meter.note(&[machine(0, on)], at(800));
        meter.note(&[machine(10, on)], at(810));
        assert_eq!(meter.of(desktop).len(), 61);
        meter.note(&[machine(3000, on)], at(3900));
        assert!(meter.of(desktop).iter().all(|point| point.at >= at(300)), "the latest hour");
        meter.note(&[], at(3910));
        assert_eq!(meter.of(desktop), [], "and nothing of what is gone");
    }
}
