//! The boot timeline: when each step of each start began and ended.

use jiff::Timestamp;
use rolltop_model::{DesktopId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use serde_json::json;

use crate::database::{Store, Write};
use crate::error::StoreError;
use crate::events::{self, kind};
use crate::moment::{from_ms, some_from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "steps")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub desktop_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub boot: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    pub desktop: DesktopId,
    pub boot: u32,
    pub name: String,
    pub started_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub error: Option<String>,
}

impl TryFrom<Model> for StepRow {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            desktop: row.desktop_id.parse().map_err(crate::error::unreadable("steps"))?,
            boot: u32::try_from(row.boot).unwrap_or_default(),
            name: row.name,
            started_at: from_ms(row.started_at, "steps")?,
            ended_at: some_from_ms(row.ended_at, "steps")?,
            error: row.error,
        })
    }
}

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
        let key = (desktop.to_string(), i64::from(boot), name.to_owned());
        let row = ActiveModel {
            desktop_id: Set(key.0.clone()),
            boot: Set(key.1),
            name: Set(name.to_owned()),
            started_at: Set(to_ms(now)),
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
        let key = (desktop.to_string(), i64::from(boot), name.to_owned());
        let known = Entity::find_by_id(key).one(&write.transaction).await?;
        let Some(row) = known.filter(|row| row.ended_at.is_none()) else { return Ok(()) };
        end(&mut write, workspace, row, error, now).await?;
        write.commit().await
    }

    /// The timelines of the starts from number `from_boot` on, in order.
    pub async fn steps(&self, desktop: DesktopId, from_boot: u32) -> Result<Vec<StepRow>, StoreError> {
        let rows = Entity::find()
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .filter(Column::Boot.gte(i64::from(from_boot)))
            .order_by_asc(Column::StartedAt)
            .order_by_asc(Column::Boot)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(StepRow::try_from).collect()
    }

    /// All steps of several desktops, in order.
    pub async fn steps_of(&self, desktops: &[DesktopId]) -> Result<Vec<StepRow>, StoreError> {
        if desktops.is_empty() {
            return Ok(Vec::new());
        }
        let rows = Entity::find()
            .filter(Column::DesktopId.is_in(desktops.iter().map(DesktopId::to_string)))
            .order_by_asc(Column::StartedAt)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(StepRow::try_from).collect()
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
        .filter(Column::DesktopId.eq(desktop.to_string()))
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
    change.ended_at = Set(Some(to_ms(now)));
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
    let data = json!({
        "boot": row.boot,
        "name": row.name,
        "started_at": from_ms(row.started_at, "steps")?,
        "ended_at": some_from_ms(row.ended_at, "steps")?,
        "error": row.error,
    });
    events::insert(write, &workspace.to_string(), &row.desktop_id, kind::STEP, data, now).await
}
