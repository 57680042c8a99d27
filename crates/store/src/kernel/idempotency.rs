//! Keys that clients send so that a repeated request is carried out once.

use std::str::FromStr;

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{IdError, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::desktops::CreateDesktopError;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::moment::{Moment, Words};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idempotency_key: String,
    pub request_hash: Vec<u8>,
    /// The ids of what was made, with spaces between them.
    pub made: Words,
    pub created_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A client's key and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub workspace: WorkspaceId,
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// What an earlier request with the same key made, which may be gone since; nothing where there was none.
pub(crate) async fn made<T: FromStr<Err = IdError>>(
    write: &Write,
    key: Option<&IdempotencyKey>,
) -> Result<Vec<T>, CreateDesktopError> {
    let Some(key) = key else { return Ok(Vec::new()) };
    let row = Entity::find_by_id((key.workspace, key.key.clone()));
    let Some(row) = row.one(&write.transaction).await? else { return Ok(Vec::new()) };
    if row.request_hash != key.request_hash {
        return Err(CreateDesktopError::IdempotencyMismatch);
    }
    let ids = row.made.iter().map(|id| id.parse().map_err(unreadable("idempotency_keys")));
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Writes down what was made; one whose makings are gone is written over.
pub(crate) async fn keep(
    write: &Write,
    key: Option<IdempotencyKey>,
    made: impl IntoIterator<Item = String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(key) = key else { return Ok(()) };
    let row = ActiveModel {
        workspace: Set(key.workspace),
        idempotency_key: Set(key.key),
        request_hash: Set(key.request_hash.to_vec()),
        made: Set(Words(made.into_iter().collect())),
        created_at: Set(now.into()),
    };
    let mut replacing = OnConflict::columns([Column::Workspace, Column::IdempotencyKey]);
    replacing.update_columns([Column::RequestHash, Column::Made, Column::CreatedAt]);
    Entity::insert(row).on_conflict(replacing).exec_without_returning(&write.transaction).await?;
    Ok(())
}

#[boxed]
impl Store {
    pub async fn delete_idempotency_keys_before(&self, old: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::CreatedAt.lt(Moment(old))).exec(&write.transaction).await?;
        write.commit().await
    }
}
