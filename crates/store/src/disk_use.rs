//! What each workspace has of the host's disk: layers, kept memories, snapshots' memories, templates, and what imported
//! desktops are booted with. The engine says how
//! much each is; what is about to be made counts with what it is expected to take until that is known.

use std::collections::HashMap;

use rolltop_model::{DesktopId, LayerId, TemplateVersion, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{ConnectionTrait, QuerySelect};

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::{desktops, imported_templates, layers, saved_templates, snapshots};

/// A difference that is not worth a write, bytes.
const SMALL: i64 = 1 << 20;

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

impl Store {
    /// Takes note of what the engine says.
    pub async fn note_disk_use(&self, now: &DiskUse) -> Result<(), StoreError> {
        let layers: Vec<(String, i64)> =
            pairs(layers::Entity::find(), layers::Column::Id, layers::Column::Bytes, &self.connection)
                .await?;
        let of_layers = changed(layers, |id: LayerId| now.layers.get(&id).copied().unwrap_or(0))?;
        let (id, kept) = (desktops::Column::Id, desktops::Column::KeptBytes);
        let desktops = pairs(desktops::Entity::find(), id, kept, &self.connection).await?;
        let of_desktops = changed(desktops, |id: DesktopId| now.desktops.get(&id).copied().unwrap_or(0))?;
        let (id, bytes) = (saved_templates::Column::Version, saved_templates::Column::Bytes);
        let templates = pairs(saved_templates::Entity::find(), id, bytes, &self.connection).await?;
        // What the engine does not have yet is being made, and counts with what it is expected to take.
        let there = templates
            .into_iter()
            .filter(|(id, _)| id.parse().is_ok_and(|id: TemplateVersion| now.templates.contains_key(&id)));
        let of_templates =
            changed(there.collect(), |id: TemplateVersion| now.templates.get(&id).copied().unwrap_or(0))?;
        if of_layers.is_empty() && of_desktops.is_empty() && of_templates.is_empty() {
            return Ok(());
        }
        let write = self.write().await?;
        for (id, bytes) in of_layers {
            set::<layers::Entity>(&write, layers::Column::Id, &id, layers::Column::Bytes, bytes).await?;
        }
        for (id, bytes) in of_desktops {
            let (of, column) = (desktops::Column::Id, desktops::Column::KeptBytes);
            set::<desktops::Entity>(&write, of, &id, column, bytes).await?;
        }
        for (version, bytes) in of_templates {
            let (of, column) = (saved_templates::Column::Version, saved_templates::Column::Bytes);
            set::<saved_templates::Entity>(&write, of, &version, column, bytes).await?;
        }
        write.commit().await
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

async fn pairs<E: EntityTrait>(
    of: Select<E>,
    id: E::Column,
    bytes: E::Column,
    connection: &impl ConnectionTrait,
) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(of.select_only().column(id).column(bytes).into_tuple().all(connection).await?)
}

/// Rows whose number is another by more than a little, with that number.
fn changed<Id: std::str::FromStr>(
    rows: Vec<(String, i64)>,
    now: impl Fn(Id) -> u64,
) -> Result<Vec<(String, i64)>, StoreError>
where
    Id::Err: std::error::Error + Send + Sync + 'static,
{
    let mut changed = Vec::new();
    for (row, before) in rows {
        let bytes = i64::try_from(now(row.parse().map_err(unreadable("disk use"))?)).unwrap_or(i64::MAX);
        if (bytes - before).abs() >= SMALL || (bytes == 0) != (before == 0) {
            changed.push((row, bytes));
        }
    }
    Ok(changed)
}

async fn set<E: EntityTrait>(
    write: &Write,
    of: E::Column,
    id: &str,
    column: E::Column,
    bytes: i64,
) -> Result<(), StoreError> {
    let change = E::update_many().col_expr(column, Expr::value(bytes)).filter(of.eq(id));
    change.exec(&write.transaction).await?;
    Ok(())
}
