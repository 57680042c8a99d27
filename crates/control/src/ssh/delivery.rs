//! People's keys in running desktops: each is brought to what its workspace has now.
//!
//! A desktop's row holds the digest of the keys it was last given, by personalising or here, so that what was cut short is seen.

use rolltop_door::{KeysError, PoolError};
use rolltop_model::{Actor, DesktopState};
use rolltop_store::{AccessEntry, Desktop, SshKey, StoreError};
use sha2::{Digest, Sha256};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::jobs::{Then, Tried};
use rolltop_model::DesktopId;

/// After a desktop has not taken its keys it is left alone this long, doubled each time up to the other.

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
pub(crate) async fn expire(kernel: &Kernel, _installation: String) -> Tried {
    let (next, were_any) = kernel.store.delete_expired_ssh_keys(clock::now()).await?;
    if were_any {
        tracing::info!("SSH keys have ended with the API keys that added them");
        kernel.ssh_keys_changed();
    }
    Ok(next.map_or(Then::Over, Then::At))
}

/// Gives a desktop the keys it lacks. One that is not entered yet is given them by who enters it.
pub(crate) async fn deliver(kernel: &Kernel, id: DesktopId) -> Tried {
    let Some(desktop) = kernel.store.desktop(id).await? else { return Ok(Then::Over) };
    let is_on = matches!(desktop.record.state, DesktopState::Running | DesktopState::Booting);
    if is_on && desktop.record.ready_boot == desktop.record.boot {
        bring_up_to_date(kernel, &desktop).await?;
    }
    Ok(Then::Over)
}

async fn bring_up_to_date(kernel: &Kernel, desktop: &Desktop) -> Result<(), DeliverError> {
    let keys = kernel.store.ssh_keys(desktop.workspace).await?;
    let digest = digest(&keys);
    if kernel.store.authorized_digest(desktop.id).await?.as_ref() == Some(&digest) {
        return Ok(());
    }
    let entry = AccessEntry { at: clock::now(), why: "ssh.keys".to_owned(), who: Actor::PLATFORM };
    kernel.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let door = kernel.doors.door(desktop.id).await?;
    let keys: Vec<String> = keys.into_iter().map(|key| key.public_key).collect();
    match door.authorize(keys.clone()).await {
        Err(KeysError::Guest(_) | KeysError::Reply(_)) if kernel.mended(desktop.id, &door).await => {
            door.authorize(keys).await?;
        }
        other => other?,
    }
    kernel.store.set_authorized_digest(desktop.id, &digest).await?;
    Ok(())
}
