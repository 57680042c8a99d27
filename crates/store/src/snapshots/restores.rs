//! Putting desktops back to snapshots of themselves. The wish is in the desktop's row until it is done.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Desired, DesktopId, DesktopState, FailReason, SnapshotId, SnapshotState};
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;

use crate::desktops::{self, Desktop};
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::events;
use crate::kernel::history::{self, By, happening};
use crate::kernel::moment::Count;
use crate::snapshots::layers::{self, Layer};
use crate::snapshots::{self, NewSnapshot, Snapshot, SnapshotError};

/// A wish to put a desktop back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    pub to: Snapshot,
    /// What is kept of it first.
    pub undo: Snapshot,
    /// The desktop may be on the layer already that is for it afterwards.
    pub has_begun: bool,
}

#[boxed]
impl Store {
    /// Writes down that a desktop is to be put back to a snapshot of it, and that what it is now is to be kept first.
    pub async fn ask_restore(
        &self,
        snapshot: SnapshotId,
        undo: NewSnapshot,
        now: Timestamp,
    ) -> Result<Desktop, SnapshotError> {
        let mut write = self.write().await?;
        let to = snapshots::find(&write, snapshot).await?.ok_or(SnapshotError::Gone)?;
        let row = find(&write, undo.desktop).await?.ok_or(SnapshotError::Gone)?;
        if to.state != SnapshotState::Ready || row.restore.is_some() {
            return Err(SnapshotError::InUse);
        }
        let by = By::somebody(undo.made_by.clone()).because(&to.name);
        history::begin(&write, (row.workspace, row.id), happening::RESTORED, by, now).await?;
        let undo = snapshots::insert(&mut write, &undo, now).await?;
        let change = desktops::ActiveModel {
            id: Set(row.id),
            restore: Set(Some(to.id)),
            restore_undo: Set(Some(undo.id)),
            revision: Set(row.revision.saturating_add(1)),
            updated_at: Set(now.into()),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        tell(&mut write, &row, now).await?;
        write.commit().await?;
        Ok(row.try_into()?)
    }

    /// What a desktop is to be put back to, as its row said when it was read.
    pub async fn wanted_restore(&self, desktop: &Desktop) -> Result<Option<Restore>, StoreError> {
        let Some((to, undo)) = desktop.restore else { return Ok(None) };
        let row = desktops::Entity::find_by_id(desktop.id).one(&self.connection).await?;
        let has_begun = row.is_some_and(|row| row.restore_layer.is_some());
        let (to, undo) = (self.snapshot(to).await?, self.snapshot(undo).await?);
        let gone = || unreadable("desktops")("a snapshot is gone");
        Ok(Some(Restore { to: to.ok_or_else(gone)?, undo: undo.ok_or_else(gone)?, has_begun }))
    }

    /// Desktops that are to be put back.
    pub async fn restoring(&self) -> Result<Vec<DesktopId>, StoreError> {
        let rows = desktops::Entity::find().filter(desktops::Column::Restore.is_not_null());
        Ok(rows.select_only().column(desktops::Column::Id).into_tuple().all(&self.connection).await?)
    }

    /// The layer that the desktop is to write to once it is put back: the same each time this is asked.
    pub async fn restore_layer(
        &self,
        desktop: &Desktop,
        over: &Snapshot,
        now: Timestamp,
    ) -> Result<Layer, StoreError> {
        let write = self.write().await?;
        let row = find(&write, desktop.id).await?.ok_or_else(|| unreadable("desktops")("it is gone"))?;
        if let Some(id) = row.restore_layer {
            let layer = layers::Entity::find_by_id(id).one(&write.transaction).await?;
            return self.opened(layer.ok_or_else(|| unreadable("desktops")("its layer is gone"))?);
        }
        let layer = self.insert_layer(&write, desktop.size, None, over.layer, now).await?;
        let change = desktops::ActiveModel {
            id: Set(row.id),
            restore_layer: Set(Some(layer.id)),
            ..Default::default()
        };
        change.update(&write.transaction).await?;
        write.commit().await?;
        self.opened(layer)
    }

    /// Writes down that it is put back, and is to run from there. The key of what it wrote to before goes,
    /// unless a snapshot has it. `false` if the lease was lost.
    pub async fn finish_restore(&self, desktop: &Desktop, now: Timestamp) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop).await? else { return Ok(false) };
        let before = snapshots::switch_layers(&write, desktop.id, row.restore_layer).await?;
        let to = match desktop.restore {
            Some((to, _)) => snapshots::find(&write, to).await?,
            None => None,
        };
        let to = to.ok_or_else(|| unreadable("desktops")("what it is put back to is gone"))?;
        let change = desktops::ActiveModel {
            id: Set(row.id),
            // Its memory is of that size, and its disk does not shrink.
            size: Set(to.size),
            disk_gib: Set(row.disk_gib.max(to.disk_gib)),
            desired: Set(Desired::Running),
            state: Set(DesktopState::Pending.name().to_owned()),
            reason: Set(None),
            detail: Set(None),
            attempts: Set(Count(0)),
            last_failure: Set(None),
            retry_at: Set(None),
            planned_at: Set(now.into()),
            revision: Set(row.revision.saturating_add(1)),
            restore: Set(None),
            restore_undo: Set(None),
            restore_layer: Set(None),
            updated_at: Set(now.into()),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        layers::release(&mut write, Some(before), now).await?;
        tell(&mut write, &row, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Gives the wish up; the desktop says why.
    pub async fn fail_restore(&self, desktop: &Desktop, now: Timestamp) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop).await? else { return Ok(false) };
        if let Some(layer) = row.restore_layer {
            layers::forget(&write, layer).await?;
        }
        let change = desktops::ActiveModel {
            id: Set(row.id),
            last_failure: Set(Some(FailReason::RestoreFailed)),
            restore: Set(None),
            restore_undo: Set(None),
            restore_layer: Set(None),
            updated_at: Set(now.into()),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        history::end(&write, row.id, Some(FailReason::RestoreFailed.sentence()), now).await?;
        desktops::goes_on(&mut write, row.id, now).await?;
        tell(&mut write, &row, now).await?;
        write.commit().await?;
        Ok(true)
    }
}

async fn find(write: &Write, id: DesktopId) -> Result<Option<desktops::Model>, StoreError> {
    let row = desktops::Entity::find_by_id(id).one(&write.transaction).await?;
    Ok(row.filter(|row| row.desired != Desired::Destroyed))
}

/// The row, if the lease it was taken with still stands.
async fn held(write: &Write, desktop: &Desktop) -> Result<Option<desktops::Model>, StoreError> {
    let row = find(write, desktop.id).await?;
    Ok(row.filter(|row| *row.fence == desktop.fence))
}

async fn tell(write: &mut Write, row: &desktops::Model, now: Timestamp) -> Result<(), StoreError> {
    let data = desktops::event_data(&row.name, &desktops::record(row)?);
    events::insert(write, row.workspace, row.id, data, now).await
}
