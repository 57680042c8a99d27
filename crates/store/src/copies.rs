//! Copies of snapshots that are not on this host. Each has its snapshot's id, and stays when that goes.

use jiff::Timestamp;
use rolltop_model::{Actor, CopyState, JobKind, Size, SnapshotId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{IntoActiveModel, Iterable, QueryOrder};

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::jobs;
use crate::moment::{Amount, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "copies")]
pub struct Model {
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
    pub reason: Option<String>,
    pub bytes: Amount,
    pub made_by: Actor,
    pub fetched_by: Option<Actor>,
    pub fetched_as: Option<SnapshotId>,
    pub created_at: Moment,
    pub ended_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "copies";

/// What a copy is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCopy {
    /// The snapshot's.
    pub id: SnapshotId,
    pub workspace: WorkspaceId,
    pub desktop_name: String,
    pub name: String,
    pub size: Size,
    pub disk_gib: u64,
    pub taken_at: Timestamp,
    pub made_by: Actor,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotCopy {
    pub new: NewCopy,
    pub state: CopyState,
    /// Why it was not made, or not fetched, for people.
    pub reason: Option<String>,
    /// Of it, where it is; 0 until it is done.
    pub bytes: u64,
    /// Who has it fetched, or had; a person's or key's name.
    pub fetched_by: Option<Actor>,
    /// The snapshot it was last fetched as.
    pub fetched_as: Option<SnapshotId>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl From<Model> for SnapshotCopy {
    fn from(row: Model) -> Self {
        Self {
            new: NewCopy {
                id: row.id,
                workspace: row.workspace,
                desktop_name: row.desktop_name,
                name: row.name,
                size: row.size,
                disk_gib: *row.disk_gib,
                taken_at: *row.taken_at,
                made_by: row.made_by,
            },
            state: row.state,
            reason: row.reason,
            bytes: *row.bytes,
            fetched_by: row.fetched_by,
            fetched_as: row.fetched_as,
            created_at: *row.created_at,
            ended_at: row.ended_at.map(Timestamp::from),
        }
    }
}

impl Store {
    /// Asks for a copy. One that is there, or on its way, stays as it is; one that has failed is tried again.
    pub async fn ask_copy(&self, new: &NewCopy, now: Timestamp) -> Result<SnapshotCopy, StoreError> {
        self.put_copy(new, CopyState::Waiting, 0, now).await
    }

    /// Writes down one that was found where copies are; one that is known stays as it is.
    pub async fn adopt_copy(
        &self,
        new: &NewCopy,
        bytes: u64,
        now: Timestamp,
    ) -> Result<SnapshotCopy, StoreError> {
        self.put_copy(new, CopyState::Done, bytes, now).await
    }

    async fn put_copy(
        &self,
        new: &NewCopy,
        state: CopyState,
        bytes: u64,
        now: Timestamp,
    ) -> Result<SnapshotCopy, StoreError> {
        let mut write = self.write().await?;
        let known = Entity::find_by_id(new.id).one(&write.transaction).await?;
        if let Some(known) = known
            && known.state != CopyState::Failed
            && known.state != CopyState::Deleting
        {
            return Ok(known.into());
        }
        let row = ActiveModel {
            id: Set(new.id),
            workspace: Set(new.workspace),
            desktop_name: Set(new.desktop_name.clone()),
            name: Set(new.name.clone()),
            size: Set(new.size),
            disk_gib: Set(Amount(new.disk_gib)),
            taken_at: Set(new.taken_at.into()),
            state: Set(state),
            reason: Set(None),
            bytes: Set(Amount(bytes)),
            made_by: Set(new.made_by.clone()),
            fetched_by: Set(None),
            fetched_as: Set(None),
            created_at: Set(now.into()),
            ended_at: Set((state == CopyState::Done).then_some(Moment(now))),
        };
        let mut replacing = OnConflict::column(Column::Id);
        replacing.update_columns(Column::iter().filter(|column| !matches!(column, Column::Id)));
        Entity::insert(row).on_conflict(replacing).exec_without_returning(&write.transaction).await?;
        let row = Entity::find_by_id(new.id).one(&write.transaction).await?;
        if state == CopyState::Waiting {
            jobs::ask(&mut write, JobKind::CopySnapshot, new.id, now).await?;
        }
        write.commit().await?;
        Ok(row.ok_or_else(|| unreadable(TABLE)("it is gone"))?.into())
    }

    pub async fn copy(&self, id: SnapshotId) -> Result<Option<SnapshotCopy>, StoreError> {
        let row = Entity::find_by_id(id).one(&self.connection).await?;
        Ok(row.map(SnapshotCopy::from))
    }

    /// A workspace's, the newest first.
    pub async fn copies(&self, workspace: WorkspaceId) -> Result<Vec<SnapshotCopy>, StoreError> {
        let of = Entity::find().filter(Column::Workspace.eq(workspace));
        let rows = of.order_by_desc(Column::TakenAt).all(&self.connection).await?;
        Ok(rows.into_iter().map(SnapshotCopy::from).collect())
    }

    /// Writes down what has become of one. What somebody has asked to be deleted stays so.
    pub async fn set_copy(&self, copy: &SnapshotCopy) -> Result<(), StoreError> {
        let write = self.write().await?;
        let row = Entity::find_by_id(copy.new.id).one(&write.transaction).await?;
        let deleting = CopyState::Deleting;
        let is_meant = |row: &Model| row.state != deleting || copy.state == deleting;
        let Some(row) = row.filter(is_meant) else { return Ok(()) };
        let mut row = row.into_active_model();
        row.state = Set(copy.state);
        row.reason = Set(copy.reason.clone());
        row.bytes = Set(Amount(copy.bytes));
        row.fetched_as = Set(copy.fetched_as);
        row.ended_at = Set(copy.ended_at.map(Moment));
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
        Ok(Some(row.into()))
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
