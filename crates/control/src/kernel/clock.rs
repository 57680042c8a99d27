//! The one place that reads the clock. Whole milliseconds, as the database keeps them.

use jiff::Timestamp;

pub(crate) fn now() -> Timestamp {
    whole(Timestamp::now())
}

/// The same time as the database would give it back.
pub(crate) fn whole(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// `at` plus `pause`, at most the end of time.
pub(crate) fn later(at: Timestamp, pause: std::time::Duration) -> Timestamp {
    jiff::SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| at.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}

/// `at` minus `pause`, at least the beginning of time.
pub(crate) fn earlier(at: Timestamp, pause: std::time::Duration) -> Timestamp {
    jiff::SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| at.checked_sub(pause).ok())
        .unwrap_or(Timestamp::MIN)
}
