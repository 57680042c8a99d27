//! What desktops used, over time: an average for each while.

use std::collections::HashSet;

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, Usage, UsagePoint};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use sea_orm::{QueryOrder, QuerySelect};

use crate::desktops;
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::{Amount, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "usage_points")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: Moment,
    pub processor_percent: Amount,
    pub memory_bytes: Amount,
    pub disk_bytes: Amount,
    pub received_bytes_per_second: Amount,
    pub sent_bytes_per_second: Amount,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Of one statement: a database takes only so many values with one.
const ROWS: usize = 500;

impl From<Model> for UsagePoint {
    fn from(row: Model) -> Self {
        Self {
            at: *row.at,
            usage: Usage {
                processor_percent: *row.processor_percent,
                memory_bytes: *row.memory_bytes,
                disk_bytes: *row.disk_bytes,
                received_bytes_per_second: *row.received_bytes_per_second,
                sent_bytes_per_second: *row.sent_bytes_per_second,
            },
        }
    }
}

#[boxed]
impl Store {
    /// Keeps a point for each; those of desktops that are gone are left out, and one that is there stays.
    pub async fn keep_usage(&self, points: &[(DesktopId, UsagePoint)]) -> Result<(), StoreError> {
        let write = self.write().await?;
        let there: Vec<DesktopId> = desktops::Entity::find()
            .select_only()
            .column(desktops::Column::Id)
            .into_tuple()
            .all(&write.transaction)
            .await?;
        let there: HashSet<DesktopId> = there.into_iter().collect();
        let whole = |number: u64| Set(Amount(number));
        let rows = points.iter().filter(|(desktop, _)| there.contains(desktop));
        let rows = rows.map(|(desktop, UsagePoint { at, usage })| ActiveModel {
            desktop: Set(*desktop),
            at: Set(Moment(*at)),
            processor_percent: whole(usage.processor_percent),
            memory_bytes: whole(usage.memory_bytes),
            disk_bytes: whole(usage.disk_bytes),
            received_bytes_per_second: whole(usage.received_bytes_per_second),
            sent_bytes_per_second: whole(usage.sent_bytes_per_second),
        });
        let rows: Vec<ActiveModel> = rows.collect();
        for rows in rows.chunks(ROWS) {
            let mut staying = OnConflict::columns([Column::Desktop, Column::At]);
            staying.do_nothing();
            let inserting = Entity::insert_many(rows.to_vec()).on_conflict(staying);
            inserting.exec_without_returning(&write.transaction).await?;
        }
        write.commit().await
    }

    /// The oldest first.
    pub async fn usage(&self, desktop: DesktopId, since: Timestamp) -> Result<Vec<UsagePoint>, StoreError> {
        let rows = Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .filter(Column::At.gte(Moment(since)))
            .order_by_asc(Column::At)
            .all(&self.connection)
            .await?;
        Ok(rows.into_iter().map(UsagePoint::from).collect())
    }

    pub async fn delete_usage_before(&self, old: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::At.lt(Moment(old))).exec(&write.transaction).await?;
        write.commit().await
    }
}
