//! What each workspace has of the host's disk: layers, kept memories, snapshots' memories, templates, and what imported
//! desktops are booted with. The engine says how
//! much each is; what is about to be made counts with what it is expected to take until that is known.

use std::collections::HashMap;
use std::hash::Hash;

use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, LayerId, TemplateVersion, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ConnectionTrait, QuerySelect, TryGetable, Value};

use crate::desktops;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::moment::Amount;
use crate::snapshots;
use crate::snapshots::layers;
use crate::templates::imported as imported_templates;
use crate::templates::saved as saved_templates;

/// A difference that is not worth a write, bytes.
const SMALL: u64 = 1 << 20;

/// What the engine says of the host's disk, bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskUse {
    pub layers: HashMap<LayerId, u64>,
    /// Of each desktop what is no layer: a suspended one's memory, logs.
    pub desktops: HashMap<DesktopId, u64>,
    /// Of templates; those that nobody saved are left out.
    pub templates: HashMap<TemplateVersion, u64>,
}

/// The workspace would have more of the host's disk than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the workspace has {used} bytes of the host's disk, and this takes {more} more")]
pub struct DiskQuotaReached {
    pub used: u64,
    /// What is asked for takes about so much, bytes.
    pub more: u64,
}

#[boxed]
impl Store {
    /// Takes note of what the engine says, where it is much else than what was noted before; without that, than what stands in
    /// the rows. Gives what is noted now.
    pub async fn note_disk_use(&self, now: DiskUse, before: Option<DiskUse>) -> Result<DiskUse, StoreError> {
        let mut noted = match before {
            Some(before) => before,
            None => self.noted_disk_use().await?,
        };
        let of_layers = changed(&mut noted.layers, now.layers, true);
        let of_desktops = changed(&mut noted.desktops, now.desktops, true);
        // What the engine does not have yet is being made, and counts with what it is expected to take.
        let of_templates = changed(&mut noted.templates, now.templates, false);
        if of_layers.is_empty() && of_desktops.is_empty() && of_templates.is_empty() {
            return Ok(noted);
        }
        let write = self.write().await?;
        for (id, bytes) in of_layers {
            set::<layers::Entity>(&write, layers::Column::Id, id, layers::Column::Bytes, bytes).await?;
        }
        for (id, bytes) in of_desktops {
            let (of, column) = (desktops::Column::Id, desktops::Column::KeptBytes);
            set::<desktops::Entity>(&write, of, id, column, bytes).await?;
        }
        for (version, bytes) in of_templates {
            let (of, column) = (saved_templates::Column::Version, saved_templates::Column::Bytes);
            set::<saved_templates::Entity>(&write, of, version, column, bytes).await?;
        }
        write.commit().await?;
        Ok(noted)
    }

    async fn noted_disk_use(&self) -> Result<DiskUse, StoreError> {
        let connection = &self.connection;
        let (id, bytes) = (layers::Column::Id, layers::Column::Bytes);
        let layers = pairs(layers::Entity::find(), id, bytes, connection).await?;
        let (id, kept) = (desktops::Column::Id, desktops::Column::KeptBytes);
        let desktops = pairs(desktops::Entity::find(), id, kept, connection).await?;
        let (id, bytes) = (saved_templates::Column::Version, saved_templates::Column::Bytes);
        let templates = pairs(saved_templates::Entity::find(), id, bytes, connection).await?;
        Ok(DiskUse { layers, desktops, templates })
    }

    /// What a workspace has of the host's disk, bytes.
    pub async fn disk_used(&self, workspace: WorkspaceId) -> Result<u64, StoreError> {
        used(&self.connection, workspace).await
    }
}

/// Refuses what takes `more` bytes where a workspace may have no more than `limit`, and anything where it has that many.
pub(crate) async fn check(
    write: &Write,
    workspace: WorkspaceId,
    limit: Option<u64>,
    more: u64,
) -> Result<(), DiskQuotaError> {
    let Some(limit) = limit else { return Ok(()) };
    let used = used(&write.transaction, workspace).await?;
    if used >= limit || used.saturating_add(more) > limit {
        return Err(DiskQuotaReached { used, more }.into());
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskQuotaError {
    #[error(transparent)]
    Reached(#[from] DiskQuotaReached),
    #[error(transparent)]
    Store(#[from] StoreError),
}

async fn used(connection: &impl ConnectionTrait, workspace: WorkspaceId) -> Result<u64, StoreError> {
    let layers = layers::Entity::find().filter(layers::Column::Workspace.eq(workspace));
    let desktops = desktops::Entity::find().filter(desktops::Column::Workspace.eq(workspace));
    let snapshots = snapshots::Entity::find().filter(snapshots::Column::Workspace.eq(workspace));
    let templates = saved_templates::Entity::find().filter(saved_templates::Column::Workspace.eq(workspace));
    let parts = [
        sum(layers, layers::Column::Bytes, connection).await?,
        sum(desktops, desktops::Column::KeptBytes, connection).await?,
        sum(snapshots, snapshots::Column::MemoryBytes, connection).await?,
        sum(templates, saved_templates::Column::Bytes, connection).await?,
        sum(imported_templates::of(workspace), imported_templates::Column::Bytes, connection).await?,
    ];
    Ok(parts.into_iter().fold(0, u64::saturating_add))
}

async fn sum<E: EntityTrait>(
    of: Select<E>,
    column: E::Column,
    connection: &impl ConnectionTrait,
) -> Result<u64, StoreError> {
    // A sum of large numbers is of another type in PostgreSQL.
    let all: SimpleExpr = Expr::col(column).sum().cast_as("BIGINT");
    let sum: Option<Option<i64>> =
        of.select_only().expr_as(all, "bytes").into_tuple().one(connection).await?;
    Ok(u64::try_from(sum.flatten().unwrap_or(0)).unwrap_or(0))
}

async fn pairs<E: EntityTrait, Id: Eq + Hash + TryGetable>(
    of: Select<E>,
    id: E::Column,
    bytes: E::Column,
    connection: &impl ConnectionTrait,
) -> Result<HashMap<Id, u64>, StoreError> {
    let rows: Vec<(Id, Amount)> =
        of.select_only().column(id).column(bytes).into_tuple().all(connection).await?;
    Ok(rows.into_iter().map(|(id, bytes)| (id, *bytes)).collect())
}

/// What is another number by more than a little, which is noted; with `or_none`, nothing of what the engine does not have.
fn changed<Id: Clone + Eq + Hash>(
    noted: &mut HashMap<Id, u64>,
    now: HashMap<Id, u64>,
    or_none: bool,
) -> Vec<(Id, u64)> {
    let mut changed = Vec::new();
    if or_none {
        let gone: Vec<Id> = noted.keys().filter(|id| !now.contains_key(id)).cloned().collect();
        for id in gone {
            if noted.remove(&id).is_some_and(|bytes| bytes > 0) {
                changed.push((id, 0));
            }
        }
    }
    for (id, bytes) in now {
        let before = noted.get(&id).copied().unwrap_or(0);
        if bytes.abs_diff(before) >= SMALL || (bytes == 0) != (before == 0) {
            noted.insert(id.clone(), bytes);
            changed.push((id, bytes));
        }
    }
    changed
}

async fn set<E: EntityTrait>(
    write: &Write,
    of: E::Column,
    id: impl Into<Value>,
    column: E::Column,
    bytes: u64,
) -> Result<(), StoreError> {
    let change = E::update_many().col_expr(column, Expr::value(Amount(bytes))).filter(of.eq(id));
    change.exec(&write.transaction).await?;
    Ok(())
}
