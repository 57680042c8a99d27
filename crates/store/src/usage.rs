//! What desktops used, over time: an average for each while.

use std::collections::HashSet;

use jiff::Timestamp;
use rolltop_model::{DesktopId, Usage, UsagePoint};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use crate::database::Store;
use crate::desktops;
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_points")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub desktop_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: i64,
    pub processor_percent: i64,
    pub memory_bytes: i64,
    pub disk_bytes: i64,
    pub received_bytes_per_second: i64,
    pub sent_bytes_per_second: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "usage_points";
/// Of one statement: a database takes only so many values with one.
const ROWS: usize = 500;

impl TryFrom<Model> for UsagePoint {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let number = |number: i64| u64::try_from(number).map_err(unreadable(TABLE));
        Ok(Self {
            at: from_ms(row.at, TABLE)?,
            usage: Usage {
                processor_percent: number(row.processor_percent)?,
                memory_bytes: number(row.memory_bytes)?,
                disk_bytes: number(row.disk_bytes)?,
                received_bytes_per_second: number(row.received_bytes_per_second)?,
                sent_bytes_per_second: number(row.sent_bytes_per_second)?,
            },
        })
    }
}

impl Store {
    /// Keeps a point for each; those of desktops that are gone are left out, and one that is there stays.
    pub async fn keep_usage(&self, points: &[(DesktopId, UsagePoint)]) -> Result<(), StoreError> {
        let write = self.write().await?;
        let there: Vec<String> = desktops::Entity::find()
            .select_only()
            .column(desktops::Column::Id)
            .into_tuple()
            .all(&write.transaction)
            .await?;
        let there: HashSet<String> = there.into_iter().collect();
        let whole = |number: u64| Set(i64::try_from(number).unwrap_or(i64::MAX));
        let rows = points.iter().filter_map(|(desktop, UsagePoint { at, usage })| {
            let desktop_id = desktop.to_string();
            there.contains(&desktop_id).then(|| ActiveModel {
                desktop_id: Set(desktop_id),
                at: Set(to_ms(*at)),
                processor_percent: whole(usage.processor_percent),
                memory_bytes: whole(usage.memory_bytes),
                disk_bytes: whole(usage.disk_bytes),
                received_bytes_per_second: whole(usage.received_bytes_per_second),
                sent_bytes_per_second: whole(usage.sent_bytes_per_second),
            })
        });
        let rows: Vec<ActiveModel> = rows.collect();
        for rows in rows.chunks(ROWS) {
            let mut staying = OnConflict::columns([Column::DesktopId, Column::At]);
            staying.do_nothing();
            let inserting = Entity::insert_many(rows.to_vec()).on_conflict(staying);
            inserting.exec_without_returning(&write.transaction).await?;
        }
        write.commit().await
    }

    /// The oldest first.
    pub async fn usage(&self, desktop: DesktopId, since: Timestamp) -> Result<Vec<UsagePoint>, StoreError> {
        let rows = Entity::find()
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .filter(Column::At.gte(to_ms(since)))
            .order_by_asc(Column::At)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(UsagePoint::try_from).collect()
    }

    pub async fn delete_usage_before(&self, old: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::At.lt(to_ms(old))).exec(&write.transaction).await?;
        write.commit().await
    }
}
