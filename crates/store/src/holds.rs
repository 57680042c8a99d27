//! What holds desktops awake for somebody, until it expires or is let go of.

use std::collections::HashMap;

use jiff::Timestamp;
use rolltop_model::{DesktopId, HoldId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "holds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub desktop_id: String,
    pub reason: Option<String>,
    pub made_by: String,
    pub created_at: i64,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "holds";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    pub id: HoldId,
    pub desktop: DesktopId,
    pub reason: Option<String>,
    /// A person's or key's name.
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl TryFrom<Model> for Hold {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(unreadable(TABLE))?,
            desktop: row.desktop_id.parse().map_err(unreadable(TABLE))?,
            reason: row.reason,
            made_by: row.made_by,
            created_at: from_ms(row.created_at, TABLE)?,
            expires_at: from_ms(row.expires_at, TABLE)?,
        })
    }
}

impl Store {
    /// `false` where the desktop has `limit` already.
    pub async fn insert_hold(&self, hold: &Hold, limit: u64) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let of_desktop = Entity::find()
            .filter(Column::DesktopId.eq(hold.desktop.to_string()))
            .filter(Column::ExpiresAt.gt(to_ms(hold.created_at)));
        if of_desktop.count(&write.transaction).await? >= limit {
            return Ok(false);
        }
        let row = ActiveModel {
            id: Set(hold.id.to_string()),
            desktop_id: Set(hold.desktop.to_string()),
            reason: Set(hold.reason.clone()),
            made_by: Set(hold.made_by.clone()),
            created_at: Set(to_ms(hold.created_at)),
            expires_at: Set(to_ms(hold.expires_at)),
        };
        row.insert(&write.transaction).await?;
        write.commit().await?;
        Ok(true)
    }

    /// A desktop's, oldest first, without those that have expired.
    pub async fn holds(&self, desktop: DesktopId, now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        let rows = Entity::find()
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .filter(Column::ExpiresAt.gt(to_ms(now)))
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(Hold::try_from).collect()
    }

    /// Until when a desktop is held, or was held lately.
    pub async fn held_until_of(&self, desktop: DesktopId) -> Result<Option<Timestamp>, StoreError> {
        let latest = Entity::find()
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .order_by_desc(Column::ExpiresAt)
            .one(&self.connection)
            .await?;
        latest.map(|hold| from_ms(hold.expires_at, TABLE)).transpose()
    }

    /// Until when each desktop that is held or was held lately is.
    pub async fn held_until(&self) -> Result<HashMap<DesktopId, Timestamp>, StoreError> {
        let mut latest: HashMap<DesktopId, Timestamp> = HashMap::new();
        for hold in Entity::find().all(&self.connection).await? {
            let hold = Hold::try_from(hold)?;
            let until = latest.entry(hold.desktop).or_insert(hold.expires_at);
            *until = hold.expires_at.max(*until);
        }
        Ok(latest)
    }

    /// Whether there was such a one of the desktop.
    pub async fn delete_hold(&self, desktop: DesktopId, id: HoldId) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await?;
        Ok(deleted.rows_affected > 0)
    }

    pub async fn delete_holds_before(&self, then: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::ExpiresAt.lt(to_ms(then))).exec(&write.transaction).await?;
        write.commit().await
    }
}
