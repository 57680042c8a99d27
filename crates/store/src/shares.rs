//! Links that open one port of one desktop. Only hashes of their secrets are kept.

use jiff::Timestamp;
use rolltop_model::{ApiKeyId, DesktopId, ShareId, WorkspaceId};
use rolltop_vault::TokenHash;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, some_from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shares")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub desktop_id: String,
    pub port: i32,
    pub label: String,
    pub token_hash: Vec<u8>,
    pub made_by: String,
    pub created_at: i64,
    pub expires_at: i64,
    pub used_at: Option<i64>,
    /// The API key that made it.
    pub maker_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone)]
pub struct NewShare {
    pub workspace: WorkspaceId,
    pub desktop: DesktopId,
    pub port: u16,
    /// The first label of the one host name where it opens.
    pub label: String,
    pub token: TokenHash,
    /// A person's or key's name.
    pub made_by: String,
    pub expires_at: Timestamp,
    /// The API key that makes it, with which it ends; none for a person.
    pub maker: Option<ApiKeyId>,
    /// Most that the desktop may have.
    pub limit: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub id: ShareId,
    pub workspace: WorkspaceId,
    pub desktop: DesktopId,
    pub port: u16,
    pub label: String,
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
}

impl TryFrom<Model> for Share {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let bad = unreadable("shares");
        Ok(Self {
            id: row.id.parse().map_err(&bad)?,
            workspace: row.workspace_id.parse().map_err(&bad)?,
            desktop: row.desktop_id.parse().map_err(&bad)?,
            port: row.port.try_into().map_err(unreadable("shares"))?,
            label: row.label,
            made_by: row.made_by,
            created_at: from_ms(row.created_at, "shares")?,
            expires_at: from_ms(row.expires_at, "shares")?,
            used_at: some_from_ms(row.used_at, "shares")?,
        })
    }
}

/// All of a desktop's.
pub(crate) async fn delete_of(write: &Write, desktop: DesktopId) -> Result<(), StoreError> {
    let of_desktop = Entity::delete_many().filter(Column::DesktopId.eq(desktop.to_string()));
    of_desktop.exec(&write.transaction).await?;
    Ok(())
}

impl Store {
    /// None where the desktop has as many as it may.
    pub async fn insert_share(&self, new: NewShare, now: Timestamp) -> Result<Option<Share>, StoreError> {
        let write = self.write().await?;
        let of_desktop = Entity::find()
            .filter(Column::DesktopId.eq(new.desktop.to_string()))
            .filter(Column::ExpiresAt.gt(to_ms(now)));
        if of_desktop.count(&write.transaction).await? >= new.limit {
            return Ok(None);
        }
        let row = ActiveModel {
            id: Set(ShareId::generate().to_string()),
            workspace_id: Set(new.workspace.to_string()),
            desktop_id: Set(new.desktop.to_string()),
            port: Set(new.port.into()),
            label: Set(new.label),
            token_hash: Set(new.token.0.to_vec()),
            made_by: Set(new.made_by),
            created_at: Set(to_ms(now)),
            expires_at: Set(to_ms(new.expires_at)),
            used_at: Set(None),
            maker_id: Set(new.maker.map(|maker| maker.to_string())),
        };
        let row = row.insert(&write.transaction).await?;
        write.commit().await?;
        row.try_into().map(Some)
    }

    /// A desktop's, oldest first, without those that have expired.
    pub async fn shares(&self, desktop: DesktopId, now: Timestamp) -> Result<Vec<Share>, StoreError> {
        let rows = Entity::find()
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .filter(Column::ExpiresAt.gt(to_ms(now)))
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(Share::try_from).collect()
    }

    pub async fn share(&self, id: ShareId) -> Result<Option<Share>, StoreError> {
        Entity::find_by_id(id.to_string()).one(&self.connection).await?.map(Share::try_from).transpose()
    }

    pub async fn share_with(&self, token: TokenHash) -> Result<Option<Share>, StoreError> {
        let found = Entity::find().filter(Column::TokenHash.eq(token.0.to_vec()));
        found.one(&self.connection).await?.map(Share::try_from).transpose()
    }

    pub async fn touch_share(&self, id: ShareId, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { used_at: Set(Some(to_ms(now))), ..Default::default() };
        Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }

    /// Whether there was such a one of the desktop.
    pub async fn delete_share(&self, desktop: DesktopId, id: ShareId) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await?;
        Ok(deleted.rows_affected > 0)
    }

    pub async fn delete_expired_shares(&self, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::ExpiresAt.lte(to_ms(now))).exec(&write.transaction).await?;
        write.commit().await
    }
}
