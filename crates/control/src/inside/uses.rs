//! What is open to each desktop: counted, limited, and kept in mind as the desktop's use.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rolltop_model::{DesktopId, Use};

use crate::kernel::clock;
use crate::kernel::in_flight::{Reservation, Share};
use crate::kernel::metrics::{Metrics, whole};
use crate::kernel::state::default_state;

/// Commands that run in one desktop at the same time. Each is a session of its sshd, which has 100.
pub(crate) const MOST_COMMANDS: usize = 32;
/// Who looks at one desktop's terminals at the same time; sessions too.
pub(crate) const MOST_VIEWERS: usize = 48;
/// Connections to ports of one desktop at the same time. Each may hold about 1 MiB.
pub(crate) const MOST_CONNECTIONS: usize = 96;

/// How long after somebody's visit what goes on by itself is still taken for their use.
const BY_ITSELF: SignedDuration = SignedDuration::from_hours(12);

/// Who takes a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comes {
    Person,
    ByItself,
}

const fn most(kind: Use) -> usize {
    match kind {
        Use::Command => MOST_COMMANDS,
        Use::Terminal => MOST_VIEWERS,
        Use::Port => MOST_CONNECTIONS,
        Use::Screen | Use::Files | Use::Ssh | Use::Setup => usize::MAX,
    }
}

/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses(Arc<Mutex<HashMap<DesktopId, Seen>>>);
default_state!(Uses);

impl Metrics for Uses {
    fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }
}

/// Counted when it is told, as what is open changes with each request.
impl Collector for Uses {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "What is open to desktops, by kind.";
        let mut told = encoder.encode_descriptor("open_connections", help, None, MetricType::Gauge)?;
        for (kind, count) in self.totals() {
            ConstGauge::new(whole(count)).encode(told.encode_family(&[("kind", kind.as_str())])?)?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Seen {
    open: BTreeMap<Use, usize>,
    /// Of these, what goes on by itself and is not taken for a use any more.
    idle: BTreeMap<Use, usize>,
    /// When something was last opened or closed.
    used_at: Option<Timestamp>,
    /// When somebody last came.
    visited_at: Option<Timestamp>,
}

/// One use of a desktop, counted as long as it lives.
pub struct UseGuard {
    uses: Uses,
    desktop: DesktopId,
    kind: Use,
    counts: bool,
    /// Its credential's count and its memory.
    held: Option<Reservation>,
}

impl UseGuard {
    pub(crate) fn hold(&mut self, held: Reservation) {
        self.held = Some(held);
    }

    /// More memory for what it is for, if there is any.
    pub(crate) fn more(&self, bytes: u64) -> Option<Share> {
        self.held.as_ref()?.more(bytes)
    }
}

impl Uses {
    /// None where the desktop has all of this kind that it may have.
    pub fn take(&self, desktop: DesktopId, kind: Use) -> Option<UseGuard> {
        self.take_at(desktop, kind, Comes::Person, clock::now())
    }

    /// The same for what goes on by itself, such as a page's poll: a use only as long as its person came lately.
    pub fn take_by_itself(&self, desktop: DesktopId, kind: Use) -> Option<UseGuard> {
        self.take_at(desktop, kind, Comes::ByItself, clock::now())
    }

    fn take_at(&self, desktop: DesktopId, kind: Use, comes: Comes, now: Timestamp) -> Option<UseGuard> {
        let mut all = self.all();
        let seen = all.entry(desktop).or_default();
        let visited_at = *seen.visited_at.get_or_insert(now);
        let counts = comes == Comes::Person || now.duration_since(visited_at) < BY_ITSELF;
        let open = seen.open.entry(kind).or_default();
        if *open >= most(kind) {
            return None;
        }
        *open += 1;
        if counts {
            seen.used_at = Some(now);
        } else {
            *seen.idle.entry(kind).or_default() += 1;
        }
        if comes == Comes::Person {
            seen.visited_at = Some(now);
        }
        Some(UseGuard { uses: self.clone(), desktop, kind, counts, held: None })
    }

    /// What is open to a desktop, and when that last changed.
    pub fn of(&self, desktop: DesktopId) -> (Vec<(Use, usize)>, Option<Timestamp>) {
        let all = self.all();
        let Some(seen) = all.get(&desktop) else { return (Vec::new(), None) };
        let used = seen.open.iter().map(|(kind, open)| {
            (*kind, open.saturating_sub(seen.idle.get(kind).copied().unwrap_or_default()))
        });
        (used.filter(|(_, count)| *count > 0).collect(), seen.used_at)
    }

    /// What is open to all of them together, every kind.
    fn totals(&self) -> BTreeMap<Use, usize> {
        let kinds = [Use::Screen, Use::Terminal, Use::Command, Use::Files, Use::Port, Use::Ssh, Use::Setup];
        let mut totals: BTreeMap<Use, usize> = kinds.map(|kind| (kind, 0)).into();
        for (kind, count) in self.all().values().flat_map(|seen| &seen.open) {
            *totals.entry(*kind).or_default() += count;
        }
        totals
    }

    /// Forgets desktops that are no more.
    pub fn keep_only(&self, desktops: &HashSet<DesktopId>) {
        self.all().retain(|id, seen| !seen.open.is_empty() || desktops.contains(id));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<DesktopId, Seen>> {
        // Every change is to one number, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UseGuard {
    fn drop(&mut self) {
        let mut all = self.uses.all();
        let Some(seen) = all.get_mut(&self.desktop) else { return };
        if self.counts {
            seen.used_at = Some(clock::now());
        } else if let Some(idle) = seen.idle.get_mut(&self.kind) {
            *idle = idle.saturating_sub(1);
        }
        if let Some(open) = seen.open.get_mut(&self.kind) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                seen.open.remove(&self.kind);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_by_itself_is_a_use_for_half_a_day() {
        let uses = Uses::default();
        let desktop = DesktopId::from_u128(1);
        let start = Timestamp::UNIX_EPOCH;
        drop(uses.take_at(desktop, Use::Port, Comes::Person, start));
        let soon = uses.take_at(desktop, Use::Port, Comes::ByItself, start + BY_ITSELF / 2).unwrap();
        assert_eq!(uses.of(desktop).0, [(Use::Port, 1)]);
        drop(soon);
        let used_at = uses.of(desktop).1;
        let late = uses.take_at(desktop, Use::Port, Comes::ByItself, start + BY_ITSELF).unwrap();
        assert_eq!(uses.of(desktop), (vec![], used_at));
        let person = uses.take_at(desktop, Use::Port, Comes::Person, start + BY_ITSELF).unwrap();
        assert_eq!(uses.of(desktop).0, [(Use::Port, 1)]);
        drop((late, person));
        assert_eq!(uses.of(desktop).0, []);
        let again = uses.take_at(desktop, Use::Port, Comes::ByItself, start + BY_ITSELF).unwrap();
        assert_eq!(uses.of(desktop).0, [(Use::Port, 1)], "somebody came again");
        drop(again);
    }

    #[test]
    fn places_are_counted_by_desktop_and_kind_and_given_back() {
        let uses = Uses::default();
        let (one, other) = (DesktopId::from_u128(1), DesktopId::from_u128(2));
        let mut held: Vec<_> = (0..MOST_COMMANDS).map(|_| uses.take(one, Use::Command).unwrap()).collect();
        assert!(uses.take(one, Use::Command).is_none());
        drop(uses.take(one, Use::Terminal).unwrap());
        drop(uses.take(other, Use::Command).unwrap());
        assert!(uses.take(one, Use::Command).is_none(), "others' coming and going changes nothing");
        held.pop();
        let again = uses.take(one, Use::Command);
        assert!(again.is_some() && uses.take(one, Use::Command).is_none());
        assert_eq!(uses.of(one).0, [(Use::Command, MOST_COMMANDS)]);
        drop((held, again));
        let (open, used_at) = uses.of(one);
        assert!(open.is_empty() && used_at.is_some(), "it was used until now");
        let screens: Vec<_> = (0..1000).map(|_| uses.take(one, Use::Screen).unwrap()).collect();
        uses.keep_only(&HashSet::new());
        assert_eq!(uses.of(one).0, [(Use::Screen, 1000)], "what is open is not forgotten");
        drop(screens);
        uses.keep_only(&HashSet::new());
        assert_eq!(uses.all().len(), 0);
    }
}
