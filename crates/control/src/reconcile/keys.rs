//! People's keys in running desktops: each is brought to what its workspace has now.
//!
//! A desktop's row holds the digest of the keys it was last given, by personalising or here, so that what was cut short is seen.

use std::time::Duration;

use rolltop_door::{KeysError, PoolError};
use rolltop_model::DesktopState;
use rolltop_store::{AccessEntry, Desktop, Job, SshKey, StoreError};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::control::Inner;
use crate::jobs::{Then, Tried, Work};

/// After a desktop has not taken its keys it is left alone this long, doubled each time up to the other.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

pub(crate) const DELIVER: Work =
    Work { at_once: 8, pauses: PAUSES, run: |inner, job| Box::pin(deliver(inner, job)) };
pub(crate) const EXPIRE: Work = Work { at_once: 1, pauses: PAUSES, run: |inner, _| Box::pin(expire(inner)) };

#[derive(Debug, thiserror::Error)]
enum DeliverError {
    #[error("there is no way in")]
    Door(#[from] PoolError),
    #[error("the keys were not taken")]
    Keys(#[from] KeysError),
    #[error("the database failed")]
    Store(#[from] StoreError),
}

/// Says which keys a desktop has: the same for the same set.
pub(crate) fn digest(keys: &[SshKey]) -> String {
    let mut lines: Vec<&str> = keys.iter().map(|key| key.public_key.as_str()).collect();
    lines.sort_unstable();
    let digest = Sha256::digest(lines.join("\n"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Those that have ended with the API keys that added them.
async fn expire(inner: &Inner) -> Tried {
    let (next, were_any) = inner.store.delete_expired_ssh_keys(clock::now()).await?;
    if were_any {
        tracing::info!("SSH keys have ended with the API keys that added them");
        inner.ssh_keys_changed();
    }
    Ok(next.map_or(Then::Over, Then::At))
}

/// Gives a desktop the keys it lacks. One that is not entered yet is given them by who enters it.
async fn deliver(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let Some(desktop) = inner.store.desktop(id).await? else { return Ok(Then::Over) };
    let is_on = matches!(desktop.record.state, DesktopState::Running | DesktopState::Booting);
    if is_on && desktop.record.ready_boot == desktop.record.boot {
        bring_up_to_date(inner, &desktop).await?;
    }
    Ok(Then::Over)
}

async fn bring_up_to_date(inner: &Inner, desktop: &Desktop) -> Result<(), DeliverError> {
    let keys = inner.store.ssh_keys(desktop.workspace).await?;
    let digest = digest(&keys);
    if inner.store.authorized_digest(desktop.id).await?.as_ref() == Some(&digest) {
        return Ok(());
    }
    let entry = AccessEntry { at: clock::now(), why: "ssh.keys".to_owned(), who: "platform".to_owned() };
    inner.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let door = inner.doors.door(desktop.id).await?;
    let keys: Vec<String> = keys.into_iter().map(|key| key.public_key).collect();
    match door.authorize(keys.clone()).await {
        Err(KeysError::Guest(_) | KeysError::Reply(_)) if inner.mended(desktop.id, &door).await => {
            door.authorize(keys).await?;
        }
        other => other?,
    }
    inner.store.set_authorized_digest(desktop.id, &digest).await?;
    Ok(())
}
