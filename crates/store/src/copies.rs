//! Copies of snapshots that are not on this host. Each has its snapshot's id, and stays when that goes.

use jiff::Timestamp;
use rolltop_model::{CopyState, Size, SnapshotId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{IntoActiveModel, Iterable, QueryOrder};

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, some_from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "copies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub desktop_name: String,
    pub name: String,
    pub size: String,
    pub disk_gib: i64,
    pub taken_at: i64,
    pub state: String,
    pub reason: Option<String>,
    pub bytes: i64,
    pub attempts: i64,
    pub retry_at: Option<i64>,
    pub made_by: String,
    pub fetched_by: Option<String>,
    pub fetched_as: Option<String>,
    pub created_at: i64,
    pub ended_at: Option<i64>,
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
    pub made_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotCopy {
    pub new: NewCopy,
    pub state: CopyState,
    /// Why it was not made, or not fetched, for people.
    pub reason: Option<String>,
    /// Of it, where it is; 0 until it is done.
    pub bytes: u64,
    /// How often it was tried in vain.
    pub attempts: u32,
    pub retry_at: Option<Timestamp>,
    /// Who has it fetched, or had; a person's or key's name.
    pub fetched_by: Option<String>,
    /// The snapshot it was last fetched as.
    pub fetched_as: Option<SnapshotId>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl TryFrom<Model> for SnapshotCopy {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            new: NewCopy {
                id: row.id.parse().map_err(unreadable(TABLE))?,
                workspace: row.workspace_id.parse().map_err(unreadable(TABLE))?,
                desktop_name: row.desktop_name,
                name: row.name,
                size: row.size.parse().map_err(unreadable(TABLE))?,
                disk_gib: u64::try_from(row.disk_gib).map_err(unreadable(TABLE))?,
                taken_at: from_ms(row.taken_at, TABLE)?,
                made_by: row.made_by,
            },
            state: row.state.parse().map_err(unreadable(TABLE))?,
            reason: row.reason,
            bytes: u64::try_from(row.bytes).map_err(unreadable(TABLE))?,
            attempts: u32::try_from(row.attempts).map_err(unreadable(TABLE))?,
            retry_at: some_from_ms(row.retry_at, TABLE)?,
            fetched_by: row.fetched_by,
            fetched_as: row.fetched_as.map(|id| id.parse()).transpose().map_err(unreadable(TABLE))?,
            created_at: from_ms(row.created_at, TABLE)?,
            ended_at: some_from_ms(row.ended_at, TABLE)?,
        })
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
        let write = self.write().await?;
        let known = Entity::find_by_id(new.id.to_string()).one(&write.transaction).await?;
        if let Some(known) = known
            && known.state != CopyState::Failed.as_str()
            && known.state != CopyState::Deleting.as_str()
        {
            return known.try_into();
        }
        let row = ActiveModel {
            id: Set(new.id.to_string()),
            workspace_id: Set(new.workspace.to_string()),
            desktop_name: Set(new.desktop_name.clone()),
            name: Set(new.name.clone()),
            size: Set(new.size.to_string()),
            disk_gib: Set(i64::try_from(new.disk_gib).unwrap_or(i64::MAX)),
            taken_at: Set(to_ms(new.taken_at)),
            state: Set(state.as_str().to_owned()),
            reason: Set(None),
            bytes: Set(i64::try_from(bytes).unwrap_or(i64::MAX)),
            attempts: Set(0),
            retry_at: Set(None),
            made_by: Set(new.made_by.clone()),
            fetched_by: Set(None),
            fetched_as: Set(None),
            created_at: Set(to_ms(now)),
            ended_at: Set((state == CopyState::Done).then(|| to_ms(now))),
        };
        let mut replacing = OnConflict::column(Column::Id);
        replacing.update_columns(Column::iter().filter(|column| !matches!(column, Column::Id)));
        Entity::insert(row).on_conflict(replacing).exec_without_returning(&write.transaction).await?;
        let row = Entity::find_by_id(new.id.to_string()).one(&write.transaction).await?;
        write.commit().await?;
        row.ok_or_else(|| unreadable(TABLE)("it is gone"))?.try_into()
    }

    pub async fn copy(&self, id: SnapshotId) -> Result<Option<SnapshotCopy>, StoreError> {
        let row = Entity::find_by_id(id.to_string()).one(&self.connection).await?;
        row.map(SnapshotCopy::try_from).transpose()
    }

    /// A workspace's, the newest first.
    pub async fn copies(&self, workspace: WorkspaceId) -> Result<Vec<SnapshotCopy>, StoreError> {
        let of = Entity::find().filter(Column::WorkspaceId.eq(workspace.to_string()));
        let rows = of.order_by_desc(Column::TakenAt).all(&self.connection).await?;
        rows.into_iter().map(SnapshotCopy::try_from).collect()
    }

    /// Those in any of these states, the longest asked for first.
    pub async fn copies_in(&self, states: &[CopyState]) -> Result<Vec<SnapshotCopy>, StoreError> {
        let states = states.iter().map(|state| state.as_str());
        let rows = Entity::find().filter(Column::State.is_in(states)).order_by_asc(Column::CreatedAt);
        rows.all(&self.connection).await?.into_iter().map(SnapshotCopy::try_from).collect()
    }

    /// Writes down what has become of one. What somebody has asked to be deleted stays so.
    pub async fn set_copy(&self, copy: &SnapshotCopy) -> Result<(), StoreError> {
        let write = self.write().await?;
        let row = Entity::find_by_id(copy.new.id.to_string()).one(&write.transaction).await?;
        let deleting = CopyState::Deleting;
        let is_meant = |row: &Model| row.state != deleting.as_str() || copy.state == deleting;
        let Some(row) = row.filter(is_meant) else { return Ok(()) };
        let mut row = row.into_active_model();
        row.state = Set(copy.state.as_str().to_owned());
        row.reason = Set(copy.reason.clone());
        row.bytes = Set(i64::try_from(copy.bytes).unwrap_or(i64::MAX));
        row.attempts = Set(copy.attempts.into());
        row.retry_at = Set(copy.retry_at.map(to_ms));
        row.fetched_as = Set(copy.fetched_as.map(|id| id.to_string()));
        row.ended_at = Set(copy.ended_at.map(to_ms));
        row.update(&write.transaction).await?;
        write.commit().await
    }

    /// Asks for one to be fetched, and returns it as it then is; `None` if it is not done.
    pub async fn ask_copy_fetched(
        &self,
        id: SnapshotId,
        by: &str,
    ) -> Result<Option<SnapshotCopy>, StoreError> {
        let write = self.write().await?;
        let done = Entity::find_by_id(id.to_string()).filter(Column::State.eq(CopyState::Done.as_str()));
        let Some(row) = done.one(&write.transaction).await? else { return Ok(None) };
        let fetching = ActiveModel {
            id: Set(row.id),
            state: Set(CopyState::Fetching.as_str().to_owned()),
            fetched_by: Set(Some(by.to_owned())),
            fetched_as: Set(None),
            reason: Set(None),
            ..Default::default()
        };
        let row = fetching.update(&write.transaction).await?;
        write.commit().await?;
        Ok(Some(row.try_into()?))
    }

    /// Asks for one to be deleted where it is kept, whatever is being done with it.
    pub async fn ask_copy_deleted(&self, id: SnapshotId) -> Result<(), StoreError> {
        let write = self.write().await?;
        let deleting = Entity::update_many()
            .col_expr(Column::State, Expr::value(CopyState::Deleting.as_str()))
            .col_expr(Column::Attempts, Expr::value(0))
            .col_expr(Column::RetryAt, Expr::value(None::<i64>));
        deleting.filter(Column::Id.eq(id.to_string())).exec(&write.transaction).await?;
        write.commit().await
    }

    /// Forgets one that is nowhere any more.
    pub async fn forget_copy(&self, id: SnapshotId) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_by_id(id.to_string()).exec(&write.transaction).await?;
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
        .col_expr(Column::State, Expr::value(CopyState::Done.as_str()))
        .col_expr(Column::FetchedAs, Expr::value(snapshot.to_string()))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::State.eq(CopyState::Fetching.as_str()));
    fetched.exec(&write.transaction).await?;
    Ok(())
}
