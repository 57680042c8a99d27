//! Links that open one port of one desktop. Only hashes of their secrets are kept.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, ApiKeyId, DesktopId, ShareId, WorkspaceId};
use rolltop_vault::TokenHash;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shares")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ShareId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub port: i32,
    pub label: String,
    pub token_hash: Vec<u8>,
    pub made_by: Actor,
    pub created_at: Moment,
    pub expires_at: Moment,
    pub used_at: Option<Moment>,
    /// The API key that made it.
    #[sea_orm(column_name = "maker_id")]
    pub maker: Option<ApiKeyId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as Share;

impl Share {
    pub fn port(&self) -> u16 {
        // It was one when it was written.
        self.port.try_into().unwrap_or_default()
    }
}

#[derive(Debug, Clone)]
pub struct NewShare {
    pub workspace: WorkspaceId,
    pub desktop: DesktopId,
    pub port: u16,
    /// The first label of the one host name where it opens.
    pub label: String,
    pub token: TokenHash,
    /// A person's or key's name.
    pub made_by: Actor,
    pub expires_at: Timestamp,
    /// The API key that makes it, with which it ends; none for a person.
    pub maker: Option<ApiKeyId>,
    /// Most that the desktop may have.
    pub limit: u64,
}

/// All of a desktop's.
pub(crate) async fn delete_of(write: &Write, desktop: DesktopId) -> Result<(), StoreError> {
    let of_desktop = Entity::delete_many().filter(Column::Desktop.eq(desktop));
    of_desktop.exec(&write.transaction).await?;
    Ok(())
}

#[boxed]
impl Store {
    /// None where the desktop has as many as it may.
    pub async fn insert_share(&self, new: NewShare, now: Timestamp) -> Result<Option<Share>, StoreError> {
        let write = self.write().await?;
        let of_desktop =
            Entity::find().filter(Column::Desktop.eq(new.desktop)).filter(Column::ExpiresAt.gt(Moment(now)));
        if of_desktop.count(&write.transaction).await? >= new.limit {
            return Ok(None);
        }
        let row = ActiveModel {
            id: Set(ShareId::generate()),
            workspace: Set(new.workspace),
            desktop: Set(new.desktop),
            port: Set(new.port.into()),
            label: Set(new.label),
            token_hash: Set(new.token.0.to_vec()),
            made_by: Set(new.made_by),
            created_at: Set(now.into()),
            expires_at: Set(new.expires_at.into()),
            used_at: Set(None),
            maker: Set(new.maker),
        };
        let row = row.insert(&write.transaction).await?;
        write.commit().await?;
        Ok(Some(row))
    }

    /// A desktop's, oldest first, without those that have expired.
    pub async fn shares(&self, desktop: DesktopId, now: Timestamp) -> Result<Vec<Share>, StoreError> {
        Ok(Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .filter(Column::ExpiresAt.gt(Moment(now)))
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?)
    }

    pub async fn share(&self, id: ShareId) -> Result<Option<Share>, StoreError> {
        Ok(Entity::find_by_id(id).one(&self.connection).await?)
    }

    pub async fn share_with(&self, token: TokenHash) -> Result<Option<Share>, StoreError> {
        let found = Entity::find().filter(Column::TokenHash.eq(token.0.to_vec()));
        Ok(found.one(&self.connection).await?)
    }

    pub async fn touch_share(&self, id: ShareId, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { used_at: Set(Some(now.into())), ..Default::default() };
        Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        write.commit().await
    }

    /// Whether there was such a one of the desktop.
    pub async fn delete_share(&self, desktop: DesktopId, id: ShareId) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id))
            .filter(Column::Desktop.eq(desktop))
            .exec(&write.transaction)
            .await?;
        write.commit().await?;
        Ok(deleted.rows_affected > 0)
    }

    pub async fn delete_expired_shares(&self, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::ExpiresAt.lte(Moment(now))).exec(&write.transaction).await?;
        write.commit().await
    }
}
