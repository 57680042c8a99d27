//! Who works on a desktop. At most one holder at a time; the fence tells an old one from a new one.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::DesktopId;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, Condition};

use super::row::{ActiveModel, Column, Desktop, Entity};
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::{Amount, Moment};

#[boxed]
impl Store {
    /// Takes the lease of a desktop if nobody else holds it, with a higher fence than ever before.
    pub async fn take_lease(
        &self,
        id: DesktopId,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Desktop>, StoreError> {
        let write = self.write().await?;
        let free = Condition::any()
            .add(Column::LeaseUntil.is_null())
            .add(Column::LeaseUntil.lte(Moment(now)))
            .add(Column::LeaseHolder.eq(holder));
        let taken = Entity::update_many()
            .col_expr(Column::Fence, Expr::col(Column::Fence).add(1))
            .col_expr(Column::LeaseHolder, Expr::value(holder))
            .col_expr(Column::LeaseUntil, Expr::value(Moment(until)))
            .filter(Column::Id.eq(id))
            .filter(free)
            .exec(&write.transaction)
            .await?;
        if taken.rows_affected == 0 {
            return Ok(None);
        }
        let row = Entity::find_by_id(id).one(&write.transaction).await?;
        write.commit().await?;
        row.map(Desktop::try_from).transpose()
    }

    /// Keeps a lease for longer; false if it was lost.
    pub async fn renew_lease(&self, id: DesktopId, fence: u64, until: Timestamp) -> Result<bool, StoreError> {
        self.set_lease(id, fence, Some(Moment(until))).await
    }

    pub async fn give_up_lease(&self, id: DesktopId, fence: u64) -> Result<(), StoreError> {
        self.set_lease(id, fence, None).await.map(|_| ())
    }

    /// Ends all leases, of desktops and jobs. For the start of the only process that works on this database: whoever
    /// held them is gone, and should it still live, its fences are about to be outdated.
    pub async fn end_all_leases(&self) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { lease_until: Set(None), lease_holder: Set(None), ..Default::default() };
        Entity::update_many()
            .set(change)
            .filter(Column::LeaseHolder.is_not_null())
            .exec(&write.transaction)
            .await?;
        self.free_jobs(&write).await?;
        write.commit().await
    }

    async fn set_lease(&self, id: DesktopId, fence: u64, until: Option<Moment>) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { lease_until: Set(until), ..Default::default() };
        let changed = Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id))
            .filter(Column::Fence.eq(Amount(fence)))
            .exec(&write.transaction)
            .await?;
        write.commit().await?;
        Ok(changed.rows_affected > 0)
    }
}
