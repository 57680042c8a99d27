//! Copies of snapshots that are not on this host. Each has its snapshot's id, and stays when that goes.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, CopyState, JobKind, Size, SnapshotId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{IntoActiveModel, Iterable, QueryOrder};

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::jobs;
use crate::kernel::moment::{Amount, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "copies")]
pub struct Model {
    /// The snapshot's.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SnapshotId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub desktop_name: String,
    pub name: String,
    pub size: Size,
    pub disk_gib: Amount,
    pub taken_at: Moment,
    pub state: CopyState,
    /// Why it was not made, or not fetched, for people.
    pub reason: Option<String>,
    /// Of it, where it is; 0 until it is done.
    pub bytes: Amount,
    pub made_by: Actor,
    /// Who has it fetched, or had.
    pub fetched_by: Option<Actor>,
    /// The snapshot it was last fetched as.
    pub fetched_as: Option<SnapshotId>,
    pub created_at: Moment,
    pub ended_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as SnapshotCopy;

#[boxed]
impl Store {
    /// Writes a copy down, and has it made if it waits for that. One that is there, or on its way, stays as it is; one that
    /// has failed is tried again.
    pub async fn put_copy(&self, copy: SnapshotCopy, now: Timestamp) -> Result<SnapshotCopy, StoreError> {
        let mut write = self.write().await?;
        let known = Entity::find_by_id(copy.id).one(&write.transaction).await?;
        if let Some(known) = known
            && known.state != CopyState::Failed
            && known.state != CopyState::Deleting
        {
            return Ok(known);
        }
        let mut replacing = OnConflict::column(Column::Id);
        replacing.update_columns(Column::iter().filter(|column| !matches!(column, Column::Id)));
        let row = copy.clone().into_active_model().reset_all();
        Entity::insert(row).on_conflict(replacing).exec_without_returning(&write.transaction).await?;
        if copy.state == CopyState::Waiting {
            jobs::ask(&mut write, JobKind::CopySnapshot, copy.id, now).await?;
        }
        write.commit().await?;
        Ok(copy)
    }

    pub async fn copy(&self, id: SnapshotId) -> Result<Option<SnapshotCopy>, StoreError> {
        Ok(Entity::find_by_id(id).one(&self.connection).await?)
    }

    /// A workspace's, the newest first.
    pub async fn copies(&self, workspace: WorkspaceId) -> Result<Vec<SnapshotCopy>, StoreError> {
        let of = Entity::find().filter(Column::Workspace.eq(workspace));
        Ok(of.order_by_desc(Column::TakenAt).all(&self.connection).await?)
    }

    /// Writes down what has become of one. What somebody has asked to be deleted stays so.
    pub async fn set_copy(&self, copy: &SnapshotCopy) -> Result<(), StoreError> {
        let write = self.write().await?;
        let row = Entity::find_by_id(copy.id).one(&write.transaction).await?;
        let deleting = CopyState::Deleting;
        let is_meant = |row: &Model| row.state != deleting || copy.state == deleting;
        let Some(row) = row.filter(is_meant) else { return Ok(()) };
        let mut row = row.into_active_model();
        row.state = Set(copy.state);
        row.reason = Set(copy.reason.clone());
        row.bytes = Set(copy.bytes);
        row.fetched_as = Set(copy.fetched_as);
        row.ended_at = Set(copy.ended_at);
        row.update(&write.transaction).await?;
        write.commit().await
    }

    /// Asks for one to be fetched, and returns it as it then is; `None` if it is not done.
    pub async fn ask_copy_fetched(
        &self,
        id: SnapshotId,
        by: Actor,
        now: Timestamp,
    ) -> Result<Option<SnapshotCopy>, StoreError> {
        let mut write = self.write().await?;
        let done = Entity::find_by_id(id).filter(Column::State.eq(CopyState::Done));
        let Some(row) = done.one(&write.transaction).await? else { return Ok(None) };
        let fetching = ActiveModel {
            id: Set(row.id),
            state: Set(CopyState::Fetching),
            fetched_by: Set(Some(by)),
            fetched_as: Set(None),
            reason: Set(None),
            ..Default::default()
        };
        let row = fetching.update(&write.transaction).await?;
        jobs::ask(&mut write, JobKind::FetchCopy, id, now).await?;
        write.commit().await?;
        Ok(Some(row))
    }

    /// Asks for one to be deleted where it is kept, whatever is being done with it.
    pub async fn ask_copy_deleted(&self, id: SnapshotId, now: Timestamp) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let deleting = Entity::update_many().col_expr(Column::State, Expr::value(CopyState::Deleting));
        deleting.filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        jobs::ask(&mut write, JobKind::RemoveCopy, id, now).await?;
        write.commit().await
    }

    /// Forgets one that is nowhere any more.
    pub async fn forget_copy(&self, id: SnapshotId) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_by_id(id).exec(&write.transaction).await?;
        write.commit().await
    }
}

/// One that was being fetched is a snapshot again.
pub(crate) async fn note_fetched(
    write: &Write,
    id: SnapshotId,
    snapshot: SnapshotId,
) -> Result<(), StoreError> {
    let fetched = Entity::update_many()
        .col_expr(Column::State, Expr::value(CopyState::Done))
        .col_expr(Column::FetchedAs, Expr::value(snapshot.to_string()))
        .filter(Column::Id.eq(id))
        .filter(Column::State.eq(CopyState::Fetching));
    fetched.exec(&write.transaction).await?;
    Ok(())
}
