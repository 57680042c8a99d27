//! Making, fetching and removing copies, as jobs.

use std::sync::Arc;

use rolltop_boxed::boxed;
use rolltop_model::{Actor, ActorId, CopyState, SnapshotId, SnapshotState};
use rolltop_store::{Snapshot, SnapshotCopy, StoreError};

use crate::copies::ask::{UNREADABLE, copy_of};
use crate::copies::place::{About, CopyFault, CopyStore, PARTS_AT_ONCE, part_of};
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::in_flight::{InFlight, TRANSFER_MEMORY};
use crate::kernel::jobs::{Then, Tried};

/// Tries before it is given up.
const MOST_ATTEMPTS: u32 = 6;
const GIVEN_UP: &str = "The place where copies are kept did not take it; look at the log, then try again.";
const SNAPSHOT_GONE: &str = "The snapshot was deleted before it was copied.";

#[boxed]
impl Kernel {
    /// Asks for a copy of what was taken by a schedule that says so, unless there is one.
    pub(crate) async fn copy_scheduled(&self, row: Snapshot) -> Result<(), StoreError> {
        if self.copies().is_some() && self.store.copy(row.id).await?.is_none() {
            self.store.put_copy(copy_of(row, Actor::PLATFORM), clock::now()).await?;
        }
        Ok(())
    }

    /// The copy of a snapshot that has outlived its schedule goes with it; one that somebody asked for stays.
    pub(crate) async fn drop_scheduled_copy(&self, id: SnapshotId) -> Result<(), StoreError> {
        let copy = self.store.copy(id).await?.filter(|copy| copy.made_by.id == ActorId::Platform);
        match copy {
            Some(copy) => self.store.ask_copy_deleted(copy.id, clock::now()).await,
            None => Ok(()),
        }
    }
}

/// The copy that a job is about; `None` where there is none, or no place for copies any more.
async fn known(
    kernel: &Kernel,
    id: SnapshotId,
) -> Result<Option<(Arc<CopyStore>, SnapshotCopy)>, StoreError> {
    let copy = kernel.store.copy(id).await?;
    Ok(kernel.copies().zip(copy))
}

/// One at a time.
pub(crate) async fn try_to_make(kernel: &Kernel, id: SnapshotId, attempts: u32) -> Tried {
    let Some((copies, _)) = known(kernel, id).await? else { return Ok(Then::Over) };
    let _turn = copies.turn.lock().await;
    let Some((copies, copy)) = known(kernel, id).await? else { return Ok(Then::Over) };
    if !matches!(copy.state, CopyState::Waiting | CopyState::Copying) {
        return Ok(Then::Over);
    }
    let why = match make(kernel, &copies, &copy).await {
        Ok(()) => return Ok(Then::Over),
        Err(CopyFault::Gone) => SNAPSHOT_GONE,
        Err(fault) if attempts.saturating_add(1) >= MOST_ATTEMPTS => {
            tracing::warn!(copy = %copy.id, error = %chain(&fault), "a copy is given up");
            GIVEN_UP
        }
        Err(fault) => return Err(fault.into()),
    };
    let (reason, ended_at) = (Some(why.to_owned()), Some(clock::now().into()));
    kernel.store.set_copy(&SnapshotCopy { state: CopyState::Failed, reason, ended_at, ..copy }).await?;
    Ok(Then::Over)
}

/// Never given up.
pub(crate) async fn try_to_remove(kernel: &Kernel, id: SnapshotId) -> Tried {
    let Some((copies, _)) = known(kernel, id).await? else { return Ok(Then::Over) };
    let _turn = copies.turn.lock().await;
    if let Some((copies, copy)) = known(kernel, id).await?
        && copy.state == CopyState::Deleting
    {
        remove(kernel, &copies, &copy).await?;
    }
    Ok(Then::Over)
}

/// Given up at once, as somebody waits for it.
pub(crate) async fn try_to_fetch(kernel: &Kernel, id: SnapshotId) -> Tried {
    let Some((copies, copy)) = known(kernel, id).await? else { return Ok(Then::Over) };
    if copy.state != CopyState::Fetching {
        return Ok(Then::Over);
    }
    if let Err(fault) = fetch(kernel, &copies, &copy).await {
        tracing::warn!(copy = %copy.id, error = %chain(&fault), "a copy was not fetched");
        let why = match fault {
            CopyFault::Transfer(error) => error.to_string(),
            _ => UNREADABLE.to_owned(),
        };
        let kept = SnapshotCopy { state: CopyState::Done, reason: Some(why), ..copy };
        kernel.store.set_copy(&kept).await?;
    }
    Ok(Then::Over)
}

async fn make(kernel: &Kernel, copies: &CopyStore, copy: &SnapshotCopy) -> Result<(), CopyFault> {
    let id = copy.id;
    let row = kernel.store.snapshot(id).await?.filter(|row| row.state == SnapshotState::Ready);
    let row = row.ok_or(CopyFault::Gone)?;
    let copy = SnapshotCopy { state: CopyState::Copying, ..copy.clone() };
    kernel.store.set_copy(&copy).await?;
    let SnapshotCopy { desktop_name, name, size, made_by, .. } = copy.clone();
    let (disk_gib, taken_at, made_by) = (*copy.disk_gib, *copy.taken_at, made_by.name.into_owned());
    let about = About { desktop_name, name, size, disk_gib, taken_at, made_by };
    let _share = kernel.state::<InFlight>().share_when_free(row.workspace, memory_of(disk_gib)).await;
    let export = kernel.export(&row, Actor::PLATFORM).await?;
    let bytes = copies.write(&copies.place(id), &id.to_string(), &about, export.bytes).await?;
    tracing::info!(copy = %id, bytes, "a snapshot was copied");
    let ended_at = Some(clock::now().into());
    let done = SnapshotCopy { state: CopyState::Done, reason: None, bytes: bytes.into(), ended_at, ..copy };
    kernel.store.set_copy(&done).await?;
    Ok(())
}

async fn remove(kernel: &Kernel, copies: &CopyStore, copy: &SnapshotCopy) -> Result<(), CopyFault> {
    copies.remove(&copies.place(copy.id)).await?;
    Ok(kernel.store.forget_copy(copy.id).await?)
}

async fn fetch(kernel: &Kernel, copies: &CopyStore, copy: &SnapshotCopy) -> Result<(), CopyFault> {
    let id = copy.id;
    let _share = kernel.state::<InFlight>().share_when_free(copy.workspace, memory_of(*copy.disk_gib)).await;
    let bytes = copies.read(&copies.place(id), &id.to_string()).await?;
    let by = copy.fetched_by.clone().unwrap_or(Actor::PLATFORM);
    let snapshot = kernel.import(copy.workspace, by, Some(id), bytes).await?;
    tracing::info!(copy = %id, snapshot = %snapshot.id, "a copy was fetched");
    Ok(())
}

/// What a copy takes in memory, bytes: the parts on their way and the next one, besides what a transfer does.
fn memory_of(disk_gib: u64) -> u64 {
    TRANSFER_MEMORY + (PARTS_AT_ONCE as u64 + 1) * part_of(disk_gib) as u64
}
