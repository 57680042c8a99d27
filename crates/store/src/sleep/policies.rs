//! When each desktop sleeps by itself. A desktop without a row never does.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, JobKind, Minutes, SleepPolicy};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::desktops;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::jobs;
use crate::kernel::moment::{Count, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sleep_policies")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub after_minutes: Option<Count>,
    /// JSON.
    pub schedule: Option<String>,
    /// The latest turn of the schedule that was carried out, or when the policy was set.
    pub turned_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "sleep_policies";

/// A desktop that sleeps by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sleeper {
    pub desktop: DesktopId,
    pub policy: SleepPolicy,
    /// Turns of its schedule up to then are done with.
    pub turned_at: Timestamp,
}

impl TryFrom<Model> for Sleeper {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let minutes = |minutes: Count| Minutes::new(*minutes).ok_or_else(|| unreadable(TABLE)(*minutes));
        let schedule = row.schedule.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            desktop: row.desktop,
            policy: SleepPolicy {
                after: row.after_minutes.map(minutes).transpose()?,
                schedule: schedule.map_err(unreadable(TABLE))?,
            },
            turned_at: *row.turned_at,
        })
    }
}

#[boxed]
impl Store {
    pub async fn sleep_policy(&self, desktop: DesktopId) -> Result<SleepPolicy, StoreError> {
        Ok(self.sleeper(desktop).await?.map(|sleeper| sleeper.policy).unwrap_or_default())
    }

    /// Sets it from `now` on; `false` where the desktop is gone.
    pub async fn set_sleep_policy(
        &self,
        desktop: DesktopId,
        policy: &SleepPolicy,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        if !desktops::tell_of(&mut write, desktop, now).await? {
            return Ok(false);
        }
        if policy == &SleepPolicy::default() {
            Entity::delete_by_id(desktop).exec(&write.transaction).await?;
        } else {
            let schedule = policy.schedule.as_ref().map(serde_json::to_string).transpose();
            let row = ActiveModel {
                desktop: Set(desktop),
                after_minutes: Set(policy.after.map(|after| Count(after.get()))),
                schedule: Set(schedule.map_err(unreadable(TABLE))?),
                turned_at: Set(now.into()),
            };
            let mut replacing = OnConflict::column(Column::Desktop);
            replacing.update_columns([Column::AfterMinutes, Column::Schedule, Column::TurnedAt]);
            Entity::insert(row).on_conflict(replacing).exec(&write.transaction).await?;
            jobs::ask(&mut write, JobKind::Sleep, desktop, now).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// A desktop that sleeps by itself; `None` where it does not.
    pub async fn sleeper(&self, desktop: DesktopId) -> Result<Option<Sleeper>, StoreError> {
        let row = Entity::find_by_id(desktop).one(&self.connection).await?;
        row.map(Sleeper::try_from).transpose()
    }

    /// A turn of a schedule is done with.
    pub async fn note_turn(&self, desktop: DesktopId, at: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { turned_at: Set(at.into()), ..Default::default() };
        Entity::update_many()
            .set(change)
            .filter(Column::Desktop.eq(desktop))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }
}

pub(crate) async fn has(write: &Write, desktop: DesktopId) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(desktop).count(&write.transaction).await? > 0)
}
