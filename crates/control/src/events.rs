//! What changed, in order: kept in the database, so that nobody who comes back misses anything.

use rolltop_api_types::{Event, EventKind, Scope};
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, Subject};
use tokio::sync::watch;

use crate::kernel::caller::Caller;
use crate::kernel::control::Control;
use crate::kernel::error::QueryError;
use crate::kernel::in_flight::InFlight;
use crate::kernel::in_flight::{InFlightError, Reservation};

const LARGEST_BATCH: u32 = 1000;

/// Which events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub desktop: Option<DesktopId>,
}

#[boxed]
impl Control {
    /// A place for a stream of events, held as long as it goes on.
    pub async fn begin_events(&self, caller: &Caller) -> Result<Reservation, InFlightError> {
        self.kernel.state::<InFlight>().begin_events(caller).await
    }

    /// At most `limit` (1 to 1000) of the caller's events after number `after`, oldest first.
    /// Fewer than `limit` means that there are no more yet: wait for [`Control::subscribe`].
    pub async fn events_since(
        &self,
        caller: &Caller,
        after: i64,
        filter: EventFilter,
        limit: u32,
    ) -> Result<Vec<Event>, QueryError> {
        caller.needs(Scope::DesktopsRead)?;
        let desktop = match (caller.only, filter.desktop) {
            (Some(only), Some(wanted)) if only != wanted => return Ok(Vec::new()),
            (only, wanted) => wanted.or(only),
        };
        let limit = u64::from(limit.clamp(1, LARGEST_BATCH));
        let events = self
            .kernel
            .store
            .events_since(caller.workspace, after, desktop.map(Subject::from), limit)
            .await?;
        let views = events.into_iter().map(|event| Event {
            seq: event.seq.max(0).unsigned_abs(),
            kind: kind(&event.kind),
            desktop: match event.subject {
                Subject::Desktop(id) => Some(id),
            },
            at: event.at,
            data: event.data,
        });
        Ok(views.collect())
    }

    /// The number of the latest event; changes with each. Subscribe before asking for
    /// [`Control::events_since`], and nothing is missed. Without a `Last-Event-ID`, a stream
    /// begins after the number this shows.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        self.kernel.store.watch_events()
    }
}

fn kind(name: &str) -> EventKind {
    EventKind::ALL.iter().find(|kind| kind.as_str() == name).copied().unwrap_or(EventKind::Unknown)
}
