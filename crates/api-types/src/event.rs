//! What happened, in order, as server-sent events carry it.

use jiff::Timestamp;
use rolltop_model::DesktopId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One thing that happened. In the stream, `id` is `seq` and `event` is `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Rises from event to event; give the last one seen as `Last-Event-ID` to resume.
    pub seq: u64,
    pub kind: EventKind,
    /// Which desktop it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
    pub at: Timestamp,
    /// More, by kind. `desktop.changed`: `name`, `state`, `desired`, `reason`; `step`: `boot`, `name`,
    /// `started_at`, `ended_at`, `error`; `snapshot.changed`: `id`, `name`, `kind`, `state`. Ask for the desktop or snapshot to see
    /// all of it.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

/// How one event of a stream is written (the event stream format of the HTML standard).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamedEvent {
    pub event: String,
    /// JSON: an `Event` or an `ExecEvent`.
    pub data: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A desktop was made, renamed, or went to another state.
    #[serde(rename = "desktop.changed")]
    DesktopChanged,
    /// A desktop is gone.
    #[serde(rename = "desktop.destroyed")]
    DesktopDestroyed,
    /// A step of a start began or ended; `data` tells which.
    #[serde(rename = "step")]
    Step,
    /// A snapshot was asked for, taken, not taken or deleted; `data` tells which.
    #[serde(rename = "snapshot.changed")]
    SnapshotChanged,
    /// A kind that this version of the client does not know.
    #[serde(other, rename = "unknown")]
    Unknown,
}

crate::choice::described_by_name!(
    EventKind,
    "`desktop.changed`: made, renamed, or in another state; `desktop.destroyed`: gone; `step`: a step of a start began or ended; `snapshot.changed`: asked for, taken, not taken or deleted."
);

impl EventKind {
    /// Every kind there is.
    pub const ALL: &[EventKind] = &[
        EventKind::DesktopChanged,
        EventKind::DesktopDestroyed,
        EventKind::Step,
        EventKind::SnapshotChanged,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            EventKind::DesktopChanged => "desktop.changed",
            EventKind::DesktopDestroyed => "desktop.destroyed",
            EventKind::Step => "step",
            EventKind::SnapshotChanged => "snapshot.changed",
            EventKind::Unknown => "unknown",
        }
    }
}

/// Which events to send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only those about this desktop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
    /// Only those after this `seq`. The header `Last-Event-ID` says the same and comes first.
    /// Where neither is given, the stream begins with what happens next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// With `false`, the stream ends with the last event there is, rather than to wait for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(example = true)]
    pub follow: Option<bool>,
}

/// What can be asked.
pub mod op {
    use super::EventsQuery;
    use crate::operation::{READ, operations};

    operations! {
        /// Follow what happens
        ///
        /// Server-sent events: `id` is `seq`, `event` is `kind`, `data` is an `Event`. After a break, come
        /// back with `Last-Event-ID` and nothing is missed. Comments keep the connection alive. The stream
        /// ends when the credential does.
        FollowEvents: GET "/v1/events" {
            tag: "events",
            access: READ,
            query: EventsQuery,
            headers: [
                "Last-Event-ID": "The last `seq` that was seen." = 41,
            ],
            reply: 200 "The stream." as "text/event-stream" = "id: 42\nevent: desktop.changed\ndata: {\"seq\":42,\"kind\":\"desktop.changed\",\"desktop\":\"dsk_01k9abc2def3ghj4kmn5pqrs6t\",\"at\":\"2030-01-01T00:00:00Z\",\"data\":{\"name\":\"research\",\"state\":\"running\",\"desired\":\"running\"}}\n\n",
            errors: [InvalidQuery, InvalidHeader, NotFound ": no such desktop", RateLimited, TooManyAtOnce],
        }
    }
}
