//! What holds desktops awake for somebody, until it expires or is let go of.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, DesktopId, HoldId, JobKind};
use sea_orm::entity::prelude::*;
use sea_orm::{IntoActiveModel as _, QueryOrder};

use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::jobs;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "holds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: HoldId,
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub reason: Option<String>,
    pub made_by: Actor,
    pub created_at: Moment,
    pub expires_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as Hold;

#[boxed]
impl Store {
    /// `false` where the desktop has `limit` already.
    pub async fn insert_hold(&self, hold: &Hold, limit: u64) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let of_desktop = Entity::find()
            .filter(Column::Desktop.eq(hold.desktop))
            .filter(Column::ExpiresAt.gt(hold.created_at));
        if of_desktop.count(&write.transaction).await? >= limit {
            return Ok(false);
        }
        hold.clone().into_active_model().insert(&write.transaction).await?;
        write.commit().await?;
        Ok(true)
    }

    /// A desktop's, oldest first, without those that have expired.
    pub async fn holds(&self, desktop: DesktopId, now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        Ok(Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .filter(Column::ExpiresAt.gt(Moment(now)))
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?)
    }

    /// Until when a desktop is held, or was held lately.
    pub async fn held_until_of(&self, desktop: DesktopId) -> Result<Option<Timestamp>, StoreError> {
        let latest = Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .order_by_desc(Column::ExpiresAt)
            .one(&self.connection)
            .await?;
        Ok(latest.map(|hold| *hold.expires_at))
    }

    /// Whether there was such a one of the desktop.
    pub async fn delete_hold(
        &self,
        desktop: DesktopId,
        id: HoldId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id))
            .filter(Column::Desktop.eq(desktop))
            .exec(&write.transaction)
            .await?;
        jobs::ask(&mut write, JobKind::Sleep, desktop, now).await?;
        write.commit().await?;
        Ok(deleted.rows_affected > 0)
    }

    pub async fn delete_holds_before(&self, then: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::ExpiresAt.lt(Moment(then))).exec(&write.transaction).await?;
        write.commit().await
    }
}
