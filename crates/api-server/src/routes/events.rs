//! `GET /v1/events`: the events table as server-sent events. That the stream ends with its credential is
//! the gate's business.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as SseEvent, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{Stream, stream};
use http::HeaderMap;
use rolltop_api_types::{Code, Event, op};
use rolltop_control::{Caller, Control, EventFilter, Reservation, purpose};
use tokio::sync::watch;

use crate::call::Call;
use crate::config::ApiConfig;
use crate::problems::ApiError;

/// Read from the table at once.
const BATCH: u32 = 256;
/// What a client that was cut off waits before it comes back, milliseconds.
const RETRY_MS: u64 = 1000;

pub(crate) async fn stream(call: Call<op::FollowEvents>) -> Result<Response, ApiError> {
    if let Some(desktop) = call.query.desktop {
        call.control.authorise::<purpose::Read>(&call.caller, desktop).await?;
    }
    let held = call.control.begin_events(&call.caller).await?;
    let latest = call.control.subscribe();
    let after = match last_event_id(call.headers())?.or(call.query.after) {
        Some(seq) => i64::try_from(seq).unwrap_or(i64::MAX),
        None => *latest.borrow(),
    };
    let filter = EventFilter { desktop: call.query.desktop };
    let config = call.state.config.clone();
    let follower = Follower {
        control: call.control,
        config,
        caller: call.caller,
        filter,
        after,
        latest,
        follow: call.query.follow.unwrap_or(true),
        ready: VecDeque::new(),
        greeted: false,
        _held: held,
    };
    Ok(Sse::new(follower.into_stream()).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let seq = value.to_str().ok().and_then(|text| text.parse().ok());
    seq.map(Some)
        .ok_or_else(|| ApiError::new(Code::InvalidHeader, "Last-Event-ID is the seq of an event, a number."))
}

/// One client's place in the table.
struct Follower {
    control: Control,
    config: Arc<ApiConfig>,
    caller: Caller,
    filter: EventFilter,
    /// The last event that was read.
    after: i64,
    latest: watch::Receiver<i64>,
    /// Whether to wait for more.
    follow: bool,
    ready: VecDeque<Event>,
    greeted: bool,
    /// Counted as long as it goes on.
    _held: Reservation,
}

enum Wait {
    Changed,
    Silence,
    Over,
}

impl Follower {
    fn into_stream(self) -> impl Stream<Item = Result<SseEvent, Infallible>> {
        stream::unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((Ok(event), follower))
        })
    }

    /// The next thing to send; `None` ends the stream.
    async fn next(&mut self) -> Option<SseEvent> {
        if !self.greeted {
            self.greeted = true;
            return Some(
                SseEvent::default().retry(std::time::Duration::from_millis(RETRY_MS)).comment("here"),
            );
        }
        loop {
            if let Some(view) = self.ready.pop_front() {
                return Some(written(view));
            }
            // Marked as seen before the table is read, so that what comes in between wakes us.
            self.latest.borrow_and_update();
            if self.read().await? {
                continue;
            }
            if !self.follow {
                return None;
            }
            match self.wait().await {
                Wait::Changed => {}
                Wait::Silence => return Some(SseEvent::default().comment("still here")),
                Wait::Over => return None,
            }
        }
    }

    /// Whether there was anything; `None` where the table can't be read.
    async fn read(&mut self) -> Option<bool> {
        match self.control.events_since(&self.caller, self.after, self.filter, BATCH).await {
            Ok(views) => {
                self.after =
                    views.last().map_or(self.after, |event| event.seq.try_into().unwrap_or(i64::MAX));
                self.ready.extend(views);
                Some(!self.ready.is_empty())
            }
            Err(error) => {
                // The client comes back by itself, with its Last-Event-ID.
                tracing::warn!(%error, "an event stream ended because events could not be read");
                None
            }
        }
    }

    async fn wait(&mut self) -> Wait {
        tokio::select! {
            changed = self.latest.changed() => if changed.is_ok() { Wait::Changed } else { Wait::Over },
            () = tokio::time::sleep(self.config.heartbeat) => Wait::Silence,
            () = self.config.shutdown.cancelled() => Wait::Over,
        }
    }
}

fn written(event: Event) -> SseEvent {
    let line = SseEvent::default().id(event.seq.to_string()).event(event.kind.as_str());
    match line.json_data(&event) {
        Ok(line) => line,
        Err(_) => SseEvent::default().comment("an event could not be written"),
    }
}
