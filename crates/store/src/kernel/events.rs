//! What changed, in order. Written in the transaction of the change itself.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{EventData, Subject, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::NotSet, ActiveValue::Set, QueryOrder, QuerySelect};
use serde_json::Value;

use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "events")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub subject: Subject,
    pub kind: String,
    pub at: Moment,
    pub data: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub seq: i64,
    pub subject: Subject,
    pub kind: String,
    pub at: Timestamp,
    pub data: Value,
}

impl TryFrom<Model> for Event {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.seq,
            subject: row.subject,
            kind: row.kind,
            at: *row.at,
            data: serde_json::from_str(&row.data).map_err(unreadable("events"))?,
        })
    }
}

#[boxed]
impl Store {
    /// A workspace's events after a number, oldest first.
    pub async fn events_since(
        &self,
        workspace: WorkspaceId,
        after: i64,
        subject: Option<Subject>,
        limit: u64,
    ) -> Result<Vec<Event>, StoreError> {
        let mut query = Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Seq.gt(after))
            .order_by_asc(Column::Seq)
            .limit(limit);
        if let Some(subject) = subject {
            query = query.filter(Column::Subject.eq(subject));
        }
        query.all(&self.connection).await?.into_iter().map(Event::try_from).collect()
    }

    pub async fn delete_events_before(&self, at: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::At.lt(Moment(at))).exec(&write.transaction).await?;
        write.commit().await
    }

    pub(crate) async fn latest_event_number(&self) -> Result<i64, StoreError> {
        let row = Entity::find().order_by_desc(Column::Seq).one(&self.connection).await?;
        Ok(row.map_or(0, |row| row.seq))
    }
}

/// Tells watchers of a change, once the transaction is committed.
pub(crate) async fn insert(
    write: &mut Write,
    workspace: WorkspaceId,
    subject: impl Into<Subject>,
    data: EventData<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        seq: NotSet,
        workspace: Set(workspace),
        subject: Set(subject.into()),
        data: Set(serde_json::to_string(&data).map_err(unreadable("events"))?),
        kind: Set(<&str>::from(&data).to_owned()),
        at: Set(now.into()),
    };
    let inserted = Entity::insert(row).exec(&write.transaction).await?;
    write.event = Some(inserted.last_insert_id);
    Ok(())
}
