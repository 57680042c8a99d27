//! Keys that clients send so that a repeated request is carried out once. A key lives as long as
//! the desktop it made.

use jiff::Timestamp;
use rolltop_model::{DesktopId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;

use crate::database::Write;
use crate::error::{StoreError, unreadable};
use crate::moment::to_ms;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "idempotency")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub idempotency_key: String,
    pub request_hash: Vec<u8>,
    pub desktop_id: String,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A client's key and what it was sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub key: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// What an earlier request with the same key made: whether it was the same request, and the desktop.
pub(crate) async fn find(
    write: &Write,
    workspace: WorkspaceId,
    key: &IdempotencyKey,
) -> Result<Option<(bool, DesktopId)>, StoreError> {
    let row = Entity::find_by_id((workspace.to_string(), key.key.clone())).one(&write.transaction).await?;
    row.map(|row| {
        let desktop = row.desktop_id.parse().map_err(unreadable("idempotency"))?;
        Ok((row.request_hash == key.request_hash, desktop))
    })
    .transpose()
}

pub(crate) async fn insert(
    write: &Write,
    workspace: WorkspaceId,
    key: IdempotencyKey,
    desktop: DesktopId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        workspace_id: Set(workspace.to_string()),
        idempotency_key: Set(key.key),
        request_hash: Set(key.request_hash.to_vec()),
        desktop_id: Set(desktop.to_string()),
        created_at: Set(to_ms(now)),
    };
    Entity::insert(row).exec_without_returning(&write.transaction).await?;
    Ok(())
}
