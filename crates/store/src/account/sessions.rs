//! Signed-in browsers. Only hashes of their tokens are kept.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{SessionId, UserId};
use rolltop_vault::TokenHash;
use sea_orm::ActiveValue::Set;
use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::account::users::{self, User};
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    #[sea_orm(column_name = "user_id")]
    pub user: UserId,
    pub token_hash: Vec<u8>,
    pub created_at: Moment,
    pub used_at: Moment,
    pub by_link: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A session and whose it is.
#[derive(Debug, Clone)]
pub struct SessionUser {
    pub session: SessionId,
    pub began_at: Timestamp,
    pub used_at: Timestamp,
    /// Begun by a sign-in link, and no password chosen since.
    pub by_link: bool,
    pub user: User,
}

#[boxed]
impl Store {
    pub async fn insert_session(
        &self,
        user: UserId,
        token: TokenHash,
        by_link: bool,
        now: Timestamp,
    ) -> Result<SessionId, StoreError> {
        let write = self.write().await?;
        let id = SessionId::generate();
        let row = ActiveModel {
            id: Set(id),
            user: Set(user),
            token_hash: Set(token.0.to_vec()),
            created_at: Set(now.into()),
            used_at: Set(now.into()),
            by_link: Set(by_link),
        };
        Entity::insert(row).exec_without_returning(&write.transaction).await?;
        write.commit().await?;
        Ok(id)
    }

    pub async fn session(&self, token: TokenHash) -> Result<Option<SessionUser>, StoreError> {
        let found =
            Entity::find().filter(Column::TokenHash.eq(token.0.to_vec())).one(&self.connection).await?;
        self.with_user(found).await
    }

    pub async fn session_by_id(&self, id: SessionId) -> Result<Option<SessionUser>, StoreError> {
        let found = Entity::find_by_id(id).one(&self.connection).await?;
        self.with_user(found).await
    }

    async fn with_user(&self, found: Option<Model>) -> Result<Option<SessionUser>, StoreError> {
        let Some(row) = found else { return Ok(None) };
        let Some(user) = users::Entity::find_by_id(row.user).one(&self.connection).await? else {
            return Ok(None);
        };
        Ok(Some(SessionUser {
            session: row.id,
            began_at: *row.created_at,
            used_at: *row.used_at,
            by_link: row.by_link,
            user,
        }))
    }

    pub async fn touch_session(&self, id: SessionId, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { used_at: Set(now.into()), ..Default::default() };
        Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        write.commit().await
    }

    pub async fn delete_session(&self, id: SessionId) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_by_id(id).exec(&write.transaction).await?;
        write.commit().await
    }

    /// Removes sessions last used before one moment, or begun before the other.
    pub async fn delete_old_sessions(&self, used: Timestamp, begun: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let old =
            Condition::any().add(Column::UsedAt.lt(Moment(used))).add(Column::CreatedAt.lt(Moment(begun)));
        Entity::delete_many().filter(old).exec(&write.transaction).await?;
        write.commit().await
    }
}
