//! Upkeep of the database: what is too old goes.

use std::time::Duration;

use rolltop_store::StoreError;

use super::fault::chain;
use crate::clock;
use crate::control::Inner;

/// How often.
pub(super) const INTERVAL: Duration = Duration::from_secs(15 * 60);

pub(super) async fn tidy(inner: &Inner) {
    if let Err(error) = remove_old(inner).await {
        tracing::warn!(error = chain(&error), "the database can't be tidied");
    }
}

async fn remove_old(inner: &Inner) -> Result<(), StoreError> {
    let now = clock::now();
    let old = clock::earlier(now, inner.config.history);
    inner.store.delete_events_before(old).await?;
    inner.store.delete_access_log_before(old).await?;
    inner.store.delete_expired_sign_in_links(now).await?;
    inner.store.delete_sessions_unused_since(clock::earlier(now, inner.config.session_idle)).await?;
    inner.store.checkpoint().await
}
