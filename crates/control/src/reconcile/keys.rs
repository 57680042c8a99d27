//! People's keys in running desktops: each is brought to what its workspace has now.
//!
//! A desktop's row holds the digest of the keys it was last given, by personalising or here, so that
//! whatever was cut short or did not answer is seen and done again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use rolltop_door::{KeysError, PoolError};
use rolltop_model::{DesktopId, WorkspaceId};
use rolltop_store::{AccessEntry, Authorized, SshKey, StoreError};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::fault::chain;
use crate::clock;
use crate::control::Inner;

/// Desktops given keys at the same time.
const AT_ONCE: usize = 8;
/// After a desktop has not taken its keys it is left alone this long, doubled each time up to
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// this.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
enum DeliverError {
    #[error("there is no way in")]
    Door(#[from] PoolError),
    #[error("the keys were not taken")]
    Keys(#[from] KeysError),
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Which desktops are being given keys, and which did not take them.
pub(crate) struct KeyDeliveries {
    /// Something may have changed since the last pass over all.
    due: AtomicBool,
    desktops: Mutex<HashMap<DesktopId, Arc<tokio::sync::Mutex<Retry>>>>,
}

#[derive(Default)]
struct Retry {
    failures: u32,
    not_before: Option<Instant>,
}

impl Default for KeyDeliveries {
    fn default() -> Self {
        // Perhaps the process was killed half way.
        Self { due: AtomicBool::new(true), desktops: Mutex::default() }
    }
}

impl KeyDeliveries {
    /// Has the next pass look at all desktops.
    pub(crate) fn are_due(&self) {
        self.due.store(true, Ordering::Relaxed);
    }

    fn of(&self, desktop: DesktopId) -> Arc<tokio::sync::Mutex<Retry>> {
        let mut desktops = self.desktops.lock().unwrap_or_else(PoisonError::into_inner);
        desktops.entry(desktop).or_default().clone()
    }

    fn forget_all_but(&self, running: &[Authorized]) {
        let mut desktops = self.desktops.lock().unwrap_or_else(PoisonError::into_inner);
        desktops.retain(|id, _| running.iter().any(|row| row.desktop == *id));
    }
}

/// Says which keys a desktop has: the same for the same set.
pub(crate) fn digest(keys: &[SshKey]) -> String {
    let mut lines: Vec<&str> = keys.iter().map(|key| key.public_key.as_str()).collect();
    lines.sort_unstable();
    let digest = Sha256::digest(lines.join("\n"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One pass of the reconciler's own; does nothing where nothing can have changed.
pub(super) async fn pass(inner: &Inner) {
    match inner.store.delete_expired_ssh_keys(clock::now()).await {
        Ok(0) => {}
        Ok(count) => {
            tracing::info!(count, "SSH keys have ended with the API keys that added them");
            inner.ssh_keys_changed();
        }
        Err(error) => tracing::warn!(error = chain(&error), "SSH keys that have ended stay"),
    }
    if inner.key_deliveries.due.swap(false, Ordering::Relaxed) {
        deliver(inner, None).await;
    }
}

/// Gives running desktops, all or a workspace's, the keys they lack. What fails is due again.
pub(crate) async fn deliver(inner: &Inner, workspace: Option<WorkspaceId>) {
    let running = match inner.store.authorized().await {
        Ok(running) => running,
        Err(error) => {
            tracing::warn!(error = chain(&error), "the desktops' keys can't be compared");
            return inner.key_deliveries.are_due();
        }
    };
    inner.key_deliveries.forget_all_but(&running);
    let asked_now = workspace.is_some();
    let wanted = running.iter().filter(|row| workspace.is_none_or(|workspace| row.workspace == workspace));
    futures::stream::iter(wanted)
        .for_each_concurrent(AT_ONCE, |row| async move {
            let retry = inner.key_deliveries.of(row.desktop);
            // One at a time, so that an older set never comes after a newer one.
            let mut retry = retry.lock().await;
            if !asked_now && retry.not_before.is_some_and(|at| Instant::now() < at) {
                return inner.key_deliveries.are_due();
            }
            match bring_up_to_date(inner, row).await {
                Ok(()) => *retry = Retry::default(),
                Err(error) => {
                    tracing::warn!(desktop = %row.desktop, error = chain(&error), "a desktop did not take its keys");
                    let pause = FIRST_PAUSE.saturating_mul(1 << retry.failures.min(10)).min(LONGEST_PAUSE);
                    retry.failures = retry.failures.saturating_add(1);
                    retry.not_before = Some(Instant::now() + pause);
                    inner.key_deliveries.are_due();
                }
            }
        })
        .await;
}

async fn bring_up_to_date(inner: &Inner, row: &Authorized) -> Result<(), DeliverError> {
    // Both are read while nobody else gives this desktop keys.
    let keys = inner.store.ssh_keys(row.workspace).await?;
    let digest = digest(&keys);
    if inner.store.authorized_digest(row.desktop).await?.as_ref() == Some(&digest) {
        return Ok(());
    }
    let entry = AccessEntry { at: clock::now(), why: "ssh.keys".to_owned(), who: "platform".to_owned() };
    inner.store.log_access(row.desktop, row.workspace, entry).await?;
    let door = inner.doors.door(row.desktop).await?;
    let keys: Vec<String> = keys.into_iter().map(|key| key.public_key).collect();
    match door.authorize(keys.clone()).await {
        Err(KeysError::Guest(_) | KeysError::Reply(_)) if inner.mended(row.desktop, &door).await => {
            door.authorize(keys).await?;
        }
        other => other?,
    }
    inner.store.set_authorized_digest(row.desktop, &digest).await?;
    Ok(())
}
