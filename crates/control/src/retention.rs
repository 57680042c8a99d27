//! Upkeep of the database: what is too old goes.

use std::time::Duration;

use crate::inside::uses::Uses;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::jobs::{Then, Tried, jobs};

/// How often.
const INTERVAL: Duration = Duration::from_secs(15 * 60);
/// Longer than any desktop waits before it sleeps.
const HOLDS_KEPT: Duration = Duration::from_secs(8 * 24 * 60 * 60);

jobs! {
    Retain: 1 at once, 5 to 300 s => remove_old;
    EmptyLog: 1 at once, 5 to 300 s => empty_log;
}

/// Empties the database's log once keys were deleted, so that they don't linger there.
async fn empty_log(kernel: &Kernel, _installation: String) -> Tried {
    kernel.store.forget_deleted().await?;
    Ok(Then::Over)
}

async fn remove_old(kernel: &Kernel, _installation: String) -> Tried {
    let now = clock::now();
    let old = clock::earlier(now, kernel.config.history);
    kernel.store.delete_events_before(old).await?;
    kernel.store.delete_access_log_before(old).await?;
    kernel.store.delete_history_before(old).await?;
    kernel.store.delete_usage_before(old).await?;
    kernel.store.delete_idempotency_keys_before(old).await?;
    kernel.store.delete_expired_sign_in_links(now).await?;
    kernel.store.delete_expired_shares(now).await?;
    // Those that ended lately say since when nothing holds the desktop.
    kernel.store.delete_holds_before(clock::earlier(now, HOLDS_KEPT)).await?;
    kernel.state::<Uses>().keep_only(&kernel.store.desktop_ids().await?.into_iter().collect());
    let (idle, longest) = (kernel.config.session_idle, kernel.config.session_longest);
    kernel.store.delete_old_sessions(clock::earlier(now, idle), clock::earlier(now, longest)).await?;
    Ok(Then::after(INTERVAL))
}
