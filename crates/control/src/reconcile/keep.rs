//! Upkeep of the database: what is too old goes.

use std::time::Duration;

use rolltop_store::StoreError;

use crate::clock;
use crate::control::Inner;
use crate::jobs::{Then, Tried, Work};

/// How often.
const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// Longer than any desktop waits before it sleeps.
const HOLDS_KEPT: Duration = Duration::from_secs(8 * 24 * 60 * 60);
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

pub(crate) const RETAIN: Work = Work {
    at_once: 1,
    pauses: PAUSES,
    run: |inner, _| {
        Box::pin(async move {
            remove_old(inner).await?;
            Ok(Then::after(INTERVAL))
        })
    },
};
/// Empties the database's log once keys were deleted, so that they don't linger there.
pub(crate) const EMPTY_LOG: Work =
    Work { at_once: 1, pauses: PAUSES, run: |inner, _| Box::pin(empty_log(inner)) };

async fn empty_log(inner: &Inner) -> Tried {
    inner.store.forget_deleted().await?;
    Ok(Then::Over)
}

async fn remove_old(inner: &Inner) -> Result<(), StoreError> {
    let now = clock::now();
    let old = clock::earlier(now, inner.config.history);
    inner.store.delete_events_before(old).await?;
    inner.store.delete_access_log_before(old).await?;
    inner.store.delete_history_before(old).await?;
    inner.store.delete_usage_before(old).await?;
    inner.store.delete_idempotency_keys_before(old).await?;
    inner.store.delete_expired_sign_in_links(now).await?;
    inner.store.delete_expired_shares(now).await?;
    // Those that ended lately say since when nothing holds the desktop.
    inner.store.delete_holds_before(clock::earlier(now, HOLDS_KEPT)).await?;
    inner.uses.keep_only(&inner.store.desktop_ids().await?.into_iter().collect());
    let (idle, longest) = (inner.config.session_idle, inner.config.session_longest);
    inner.store.delete_old_sessions(clock::earlier(now, idle), clock::earlier(now, longest)).await
}
