//! Links that sign a person in once. Only hashes of their tokens are kept.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::UserId;
use rolltop_vault::TokenHash;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    #[sea_orm(column_name = "user_id")]
    pub user: UserId,
    pub expires_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[boxed]
impl Store {
    pub async fn insert_sign_in_link(
        &self,
        user: UserId,
        token: TokenHash,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        let row = ActiveModel {
            token_hash: Set(token.0.to_vec()),
            user: Set(user),
            expires_at: Set(expires_at.into()),
        };
        Entity::insert(row).exec_without_returning(&write.transaction).await?;
        write.commit().await
    }

    /// Uses a link up and says whose it was; none if it is unknown, used or too old.
    pub async fn use_sign_in_link(
        &self,
        token: TokenHash,
        now: Timestamp,
    ) -> Result<Option<UserId>, StoreError> {
        let write = self.write().await?;
        let Some(row) = Entity::find_by_id(token.0.to_vec()).one(&write.transaction).await? else {
            return Ok(None);
        };
        Entity::delete_by_id(token.0.to_vec()).exec(&write.transaction).await?;
        write.commit().await?;
        Ok((*row.expires_at > now).then_some(row.user))
    }

    pub async fn delete_expired_sign_in_links(&self, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::ExpiresAt.lte(Moment(now))).exec(&write.transaction).await?;
        write.commit().await
    }
}
