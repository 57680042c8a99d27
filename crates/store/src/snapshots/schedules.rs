//! Desktops that snapshots are taken of without anybody asking. One without a row is not among them.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, JobKind, SnapshotSchedule};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::desktops;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::jobs;
use crate::kernel::moment::{Count, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "snapshot_schedules")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub every_hours: Count,
    pub keep_last: Count,
    pub keep_days: Count,
    pub copies: bool,
    /// When one was last asked for, or when the schedule was set.
    pub asked_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "snapshot_schedules";

/// A desktop that snapshots are taken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduledDesktop {
    pub desktop: DesktopId,
    pub schedule: SnapshotSchedule,
    /// When one was last asked for, or when the schedule was set.
    pub asked_at: Timestamp,
}

impl TryFrom<Model> for ScheduledDesktop {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let schedule = SnapshotSchedule::new(*row.every_hours, *row.keep_last, *row.keep_days);
        Ok(Self {
            desktop: row.desktop,
            schedule: schedule.map_err(unreadable(TABLE))?.with_copies(row.copies),
            asked_at: *row.asked_at,
        })
    }
}

#[boxed]
impl Store {
    pub async fn snapshot_schedule(
        &self,
        desktop: DesktopId,
    ) -> Result<Option<ScheduledDesktop>, StoreError> {
        let row = Entity::find_by_id(desktop).one(&self.connection).await?;
        row.map(ScheduledDesktop::try_from).transpose()
    }

    /// Sets it from `now` on, or with `None` ends it; `false` where the desktop is gone.
    pub async fn set_snapshot_schedule(
        &self,
        desktop: DesktopId,
        schedule: Option<SnapshotSchedule>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        if !desktops::tell_of(&mut write, desktop, now).await? {
            return Ok(false);
        }
        match schedule {
            None => {
                Entity::delete_by_id(desktop).exec(&write.transaction).await?;
            }
            Some(schedule) => {
                let row = ActiveModel {
                    desktop: Set(desktop),
                    every_hours: Set(Count(schedule.every_hours())),
                    keep_last: Set(Count(schedule.keep_last())),
                    keep_days: Set(Count(schedule.keep_days())),
                    copies: Set(schedule.copies()),
                    asked_at: Set(now.into()),
                };
                let mut replacing = OnConflict::column(Column::Desktop);
                replacing.update_columns([
                    Column::EveryHours,
                    Column::KeepLast,
                    Column::KeepDays,
                    Column::Copies,
                ]);
                Entity::insert(row).on_conflict(replacing).exec(&write.transaction).await?;
                jobs::ask(&mut write, JobKind::TakeSnapshot, desktop, now).await?;
                jobs::ask(&mut write, JobKind::ThinSnapshots, desktop, now).await?;
            }
        }
        write.commit().await?;
        Ok(true)
    }

    /// One was asked for.
    pub async fn note_scheduled_snapshot(&self, desktop: DesktopId, at: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { asked_at: Set(at.into()), ..Default::default() };
        let of = Column::Desktop.eq(desktop);
        Entity::update_many().set(change).filter(of).exec(&write.transaction).await?;
        write.commit().await
    }
}

pub(crate) async fn has(write: &Write, desktop: DesktopId) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(desktop).count(&write.transaction).await? > 0)
}
