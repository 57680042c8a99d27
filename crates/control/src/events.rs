//! What changed, in order: kept in the database, so that nobody who comes back misses anything.

use rolltop_model::DesktopId;
use tokio::sync::watch;

use crate::caller::Caller;
use crate::control::Control;
use crate::error::QueryError;
use crate::views::EventView;

/// Which events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub desktop: Option<DesktopId>,
}

impl Control {
    /// At most `limit` of the caller's events after number `after`, oldest first. Fewer than
    /// `limit` means that there are no more yet: wait for [`Control::subscribe`].
    pub async fn events_since(
        &self,
        caller: &Caller,
        after: i64,
        filter: EventFilter,
        limit: u32,
    ) -> Result<Vec<EventView>, QueryError> {
        todo!()
    }

    /// The number of the latest event; changes with each. Subscribe before asking for
    /// [`Control::events_since`], and nothing is missed. Without a `Last-Event-ID`, a stream
    /// begins after the number this shows.
    pub fn subscribe(&self) -> watch::Receiver<i64> {
        todo!()
    }
}
