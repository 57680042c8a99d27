//! Each time the platform enters a desktop: why, and for whom. Outlives the desktop.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, DesktopId, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, QueryOrder, QuerySelect};

use crate::desktops;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "access_log")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub at: Moment,
    pub why: String,
    pub who: Actor,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessEntry {
    pub at: Timestamp,
    pub why: String,
    pub who: Actor,
}

async fn insert(
    write: &Write,
    desktop: DesktopId,
    workspace: WorkspaceId,
    entry: AccessEntry,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        seq: NotSet,
        desktop: Set(desktop),
        workspace: Set(workspace),
        at: Set(entry.at.into()),
        why: Set(entry.why),
        who: Set(entry.who),
    };
    Entity::insert(row).exec_without_returning(&write.transaction).await?;
    Ok(())
}

#[boxed]
impl Store {
    /// One by somebody who uses the desktop, which is then the time of its last use too.
    pub async fn log_use(
        &self,
        desktop: DesktopId,
        workspace: WorkspaceId,
        entry: AccessEntry,
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        desktops::used(&write, desktop, entry.at).await?;
        insert(&write, desktop, workspace, entry).await?;
        write.commit().await
    }

    pub async fn log_access(
        &self,
        desktop: DesktopId,
        workspace: WorkspaceId,
        entry: AccessEntry,
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        insert(&write, desktop, workspace, entry).await?;
        write.commit().await
    }

    /// The latest entries of a desktop, newest first.
    pub async fn access_log(&self, desktop: DesktopId, limit: u64) -> Result<Vec<AccessEntry>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .order_by_desc(Column::Seq)
            .limit(limit)
            .all(&self.connection)
            .await?;
        Ok(rows.into_iter().map(|row| AccessEntry { at: *row.at, why: row.why, who: row.who }).collect())
    }

    pub async fn delete_access_log_before(&self, at: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::At.lt(Moment(at))).exec(&write.transaction).await?;
        write.commit().await
    }
}
