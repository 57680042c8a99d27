//! Links that sign a person in once. Only hashes of their tokens are kept.

use jiff::Timestamp;
use rolltop_model::UserId;
use rolltop_vault::TokenHash;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::to_ms;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sign_in_links")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    pub user_id: String,
    pub expires_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

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
            user_id: Set(user.to_string()),
            expires_at: Set(to_ms(expires_at)),
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
        if row.expires_at <= to_ms(now) {
            return Ok(None);
        }
        row.user_id.parse().map(Some).map_err(unreadable("sign_in_links"))
    }

    pub async fn delete_expired_sign_in_links(&self, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::ExpiresAt.lte(to_ms(now))).exec(&write.transaction).await?;
        write.commit().await
    }
}
