//! Programs' credentials. Only hashes are kept.

use jiff::Timestamp;
use rolltop_model::{ApiKeyId, DesktopId, WorkspaceId};
use rolltop_vault::TokenHash;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, ConnectionTrait, QueryOrder};

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, some_from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    pub token_hash: Vec<u8>,
    /// Names, separated by spaces.
    pub scopes: String,
    pub desktop_id: Option<String>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub used_at: Option<i64>,
    /// An address.
    pub used_from: Option<String>,
    /// The key that made it.
    pub maker_id: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub scopes: Vec<String>,
    pub desktop: Option<DesktopId>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
    pub used_from: Option<String>,
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

impl TryFrom<Model> for ApiKey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let bad = unreadable("api_keys");
        Ok(Self {
            id: row.id.parse().map_err(&bad)?,
            workspace: row.workspace_id.parse().map_err(&bad)?,
            name: row.name,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            desktop: row.desktop_id.map(|id| id.parse()).transpose().map_err(&bad)?,
            created_at: from_ms(row.created_at, "api_keys")?,
            expires_at: some_from_ms(row.expires_at, "api_keys")?,
            used_at: some_from_ms(row.used_at, "api_keys")?,
            used_from: row.used_from,
        })
    }
}

impl Store {
    pub async fn insert_api_key(&self, key: NewApiKey, now: Timestamp) -> Result<ApiKey, AddApiKeyError> {
        let write = self.write().await?;
        let key = insert(&write.transaction, key, now).await?;
        write.commit().await?;
        Ok(key)
    }

    pub async fn api_key(&self, token: TokenHash) -> Result<Option<ApiKey>, StoreError> {
        let found =
            Entity::find().filter(Column::TokenHash.eq(token.0.to_vec())).one(&self.connection).await?;
        found.map(ApiKey::try_from).transpose()
    }

    /// A workspace's keys, or those of them for one desktop, oldest first.
    pub async fn api_keys(
        &self,
        workspace: WorkspaceId,
        only: Option<DesktopId>,
    ) -> Result<Vec<ApiKey>, StoreError> {
        let mut query = Entity::find().filter(Column::WorkspaceId.eq(workspace.to_string()));
        if let Some(only) = only {
            query = query.filter(Column::DesktopId.eq(only.to_string()));
        }
        let rows = query.order_by_asc(Column::Id).all(&self.connection).await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Notes that a key was used, and from where.
    pub async fn touch_api_key(
        &self,
        id: ApiKeyId,
        from: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        let mut change = ActiveModel { used_at: Set(Some(to_ms(now))), ..Default::default() };
        if let Some(from) = from {
            change.used_from = Set(Some(from.to_owned()));
        }
        Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }
}

/// Adds a key within somebody's transaction.
pub(crate) async fn insert(
    connection: &impl ConnectionTrait,
    key: NewApiKey,
    now: Timestamp,
) -> Result<ApiKey, AddApiKeyError> {
    let own = Entity::find().filter(Column::WorkspaceId.eq(key.workspace.to_string()));
    if own.count(connection).await? >= key.limit {
        return Err(AddApiKeyError::LimitReached);
    }
    let row = ActiveModel {
        id: Set(ApiKeyId::generate().to_string()),
        workspace_id: Set(key.workspace.to_string()),
        name: Set(key.name),
        token_hash: Set(key.token.0.to_vec()),
        scopes: Set(key.scopes.join(" ")),
        desktop_id: Set(key.desktop.map(|desktop| desktop.to_string())),
        created_at: Set(to_ms(now)),
        expires_at: Set(key.expires_at.map(to_ms)),
        used_at: Set(None),
        used_from: Set(None),
        maker_id: Set(key.maker.map(|maker| maker.to_string())),
    };
    Ok(row.insert(connection).await?.try_into()?)
}
