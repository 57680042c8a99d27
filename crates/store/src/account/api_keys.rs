//! Programs' credentials. Only hashes are kept.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{ApiKeyId, DesktopId, WorkspaceId};
use rolltop_vault::TokenHash;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryOrder};

use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::{Moment, Words};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub name: String,
    pub token_hash: Vec<u8>,
    /// Names, separated by spaces.
    pub scopes: Words,
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: Option<DesktopId>,
    pub created_at: Moment,
    pub expires_at: Option<Moment>,
    pub used_at: Option<Moment>,
    /// An address.
    pub used_from: Option<String>,
    /// The key that made it.
    #[sea_orm(column_name = "maker_id")]
    pub maker: Option<ApiKeyId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as ApiKey;

#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub workspace: WorkspaceId,
    pub name: String,
    pub token: TokenHash,
    pub scopes: Vec<String>,
    /// Good for this desktop only.
    pub desktop: Option<DesktopId>,
    /// None for one that does not end by itself.
    pub expires_at: Option<Timestamp>,
    /// The key that makes it, with which it ends; none for a person.
    pub maker: Option<ApiKeyId>,
    /// Most keys the workspace may have.
    pub limit: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum AddApiKeyError {
    #[error("the workspace has as many keys as it may")]
    LimitReached,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for AddApiKeyError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

#[boxed]
impl Store {
    pub async fn insert_api_key(&self, key: NewApiKey, now: Timestamp) -> Result<ApiKey, AddApiKeyError> {
        let write = self.write().await?;
        let key = insert(&write.transaction, key, now).await?;
        write.commit().await?;
        Ok(key)
    }

    pub async fn api_key(&self, token: TokenHash) -> Result<Option<ApiKey>, StoreError> {
        Ok(Entity::find().filter(Column::TokenHash.eq(token.0.to_vec())).one(&self.connection).await?)
    }

    /// A workspace's keys, or those of them for one desktop, oldest first.
    pub async fn api_keys(
        &self,
        workspace: WorkspaceId,
        only: Option<DesktopId>,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut query = Entity::find().filter(Column::Workspace.eq(workspace));
        if let Some(only) = only {
            query = query.filter(Column::Desktop.eq(only));
        }
        Ok(query.order_by_asc(Column::Id).all(&self.connection).await?)
    }

    /// Notes that a key was used, and from where.
    pub async fn touch_api_key(
        &self,
        id: ApiKeyId,
        from: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        let mut change = ActiveModel { used_at: Set(Some(now.into())), ..Default::default() };
        if let Some(from) = from {
            change.used_from = Set(Some(from.to_owned()));
        }
        Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        write.commit().await
    }
}

/// Adds a key within somebody's transaction.
pub(crate) async fn insert(
    connection: &impl ConnectionTrait,
    key: NewApiKey,
    now: Timestamp,
) -> Result<ApiKey, AddApiKeyError> {
    let own = Entity::find().filter(Column::Workspace.eq(key.workspace));
    if own.count(connection).await? >= key.limit {
        return Err(AddApiKeyError::LimitReached);
    }
    let row = ActiveModel {
        id: Set(ApiKeyId::generate()),
        workspace: Set(key.workspace),
        name: Set(key.name),
        token_hash: Set(key.token.0.to_vec()),
        scopes: Set(Words(key.scopes)),
        desktop: Set(key.desktop),
        created_at: Set(now.into()),
        expires_at: Set(key.expires_at.map(Moment)),
        used_at: Set(None),
        used_from: Set(None),
        maker: Set(key.maker),
    };
    Ok(row.insert(connection).await?)
}
