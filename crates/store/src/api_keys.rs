//! Programs' credentials. Only hashes are kept.

use jiff::Timestamp;
use rolltop_model::{ApiKeyId, DesktopId, WorkspaceId};
use rolltop_vault::TokenHash;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::{some_from_ms, to_ms};

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
    pub used_at: Option<i64>,
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
}

#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub scopes: Vec<String>,
    pub desktop: Option<DesktopId>,
    pub used_at: Option<Timestamp>,
}

impl Store {
    pub async fn insert_api_key(&self, key: NewApiKey, now: Timestamp) -> Result<ApiKeyId, StoreError> {
        let write = self.write().await?;
        let id = ApiKeyId::generate();
        let row = ActiveModel {
            id: Set(id.to_string()),
            workspace_id: Set(key.workspace.to_string()),
            name: Set(key.name),
            token_hash: Set(key.token.0.to_vec()),
            scopes: Set(key.scopes.join(" ")),
            desktop_id: Set(key.desktop.map(|desktop| desktop.to_string())),
            created_at: Set(to_ms(now)),
            used_at: Set(None),
        };
        Entity::insert(row).exec_without_returning(&write.transaction).await?;
        write.commit().await?;
        Ok(id)
    }

    pub async fn api_key(&self, token: TokenHash) -> Result<Option<ApiKey>, StoreError> {
        let found =
            Entity::find().filter(Column::TokenHash.eq(token.0.to_vec())).one(&self.connection).await?;
        let Some(row) = found else { return Ok(None) };
        let bad = unreadable("api_keys");
        Ok(Some(ApiKey {
            id: row.id.parse().map_err(&bad)?,
            workspace: row.workspace_id.parse().map_err(&bad)?,
            name: row.name,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            desktop: row.desktop_id.map(|id| id.parse()).transpose().map_err(&bad)?,
            used_at: some_from_ms(row.used_at, "api_keys")?,
        }))
    }

    pub async fn touch_api_key(&self, id: ApiKeyId, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { used_at: Set(Some(to_ms(now))), ..Default::default() };
        Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }
}
