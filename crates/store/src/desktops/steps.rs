//! The boot timeline: when each step of each start began and ended.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, EventData, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::NullOrdering;
use sea_orm::{Order, QueryOrder};

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::events;
use crate::kernel::moment::{Count, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "steps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub boot: Count,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub started_at: Moment,
    pub ended_at: Option<Moment>,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as StepRow;

#[boxed]
impl Store {
    /// Notes that a step began. One that is under way goes on; one that had ended begins anew.
    pub async fn begin_step(
        &self,
        desktop: DesktopId,
        workspace: WorkspaceId,
        boot: u32,
        name: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let key = (desktop, Count(boot), name.to_owned());
        let row = ActiveModel {
            desktop: Set(key.0),
            boot: Set(key.1),
            name: Set(name.to_owned()),
            started_at: Set(now.into()),
            ended_at: Set(None),
            error: Set(None),
        };
        let row = match Entity::find_by_id(key).one(&write.transaction).await? {
            Some(known) if known.ended_at.is_none() => return Ok(()),
            Some(_) => row.update(&write.transaction).await?,
            None => row.insert(&write.transaction).await?,
        };
        tell(&mut write, workspace, &row, now).await?;
        write.commit().await
    }

    /// Notes that a step ended, well or with an error. Does nothing about one that isn't under way.
    pub async fn end_step(
        &self,
        desktop: DesktopId,
        workspace: WorkspaceId,
        boot: u32,
        name: &str,
        error: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let key = (desktop, Count(boot), name.to_owned());
        let known = Entity::find_by_id(key).one(&write.transaction).await?;
        let Some(row) = known.filter(|row| row.ended_at.is_none()) else { return Ok(()) };
        end(&mut write, workspace, row, error, now).await?;
        write.commit().await
    }

    /// The timelines of the starts from number `from_boot` on, in order. Of two that began in the same millisecond the one that
    /// ended is the first.
    pub async fn steps(&self, desktop: DesktopId, from_boot: u32) -> Result<Vec<StepRow>, StoreError> {
        Ok(Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .filter(Column::Boot.gte(Count(from_boot)))
            .order_by_asc(Column::StartedAt)
            .order_by_asc(Column::Boot)
            .order_by_with_nulls(Column::EndedAt, Order::Asc, NullOrdering::Last)
            .all(&self.connection)
            .await?)
    }

    /// All steps of several desktops, in order.
    pub async fn steps_of(&self, desktops: &[DesktopId]) -> Result<Vec<StepRow>, StoreError> {
        if desktops.is_empty() {
            return Ok(Vec::new());
        }
        Ok(Entity::find()
            .filter(Column::Desktop.is_in(desktops.iter().copied()))
            .order_by_asc(Column::StartedAt)
            .order_by_with_nulls(Column::EndedAt, Order::Asc, NullOrdering::Last)
            .all(&self.connection)
            .await?)
    }
}

/// Ends whatever is under way for a desktop: it failed, stopped or is being destroyed.
pub(crate) async fn end_open(
    write: &mut Write,
    workspace: WorkspaceId,
    desktop: DesktopId,
    error: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = Entity::find()
        .filter(Column::Desktop.eq(desktop))
        .filter(Column::EndedAt.is_null())
        .all(&write.transaction)
        .await?;
    for row in open {
        end(write, workspace, row, Some(error), now).await?;
    }
    Ok(())
}

async fn end(
    write: &mut Write,
    workspace: WorkspaceId,
    row: Model,
    error: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut change: ActiveModel = row.into();
    change.ended_at = Set(Some(now.into()));
    change.error = Set(error.map(str::to_owned));
    let row = change.update(&write.transaction).await?;
    tell(write, workspace, &row, now).await
}

async fn tell(
    write: &mut Write,
    workspace: WorkspaceId,
    row: &Model,
    now: Timestamp,
) -> Result<(), StoreError> {
    let data = EventData::Step {
        boot: *row.boot,
        name: &row.name,
        started_at: *row.started_at,
        ended_at: row.ended_at.map(Timestamp::from),
        error: row.error.as_deref(),
    };
    events::insert(write, workspace, row.desktop, data, now).await
}
