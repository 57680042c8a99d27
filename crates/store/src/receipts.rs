//! What destroying a desktop removed, and when. Kept when the desktop's row is gone.

use jiff::Timestamp;
use rolltop_model::{DesktopId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub desktop_id: String,
    pub workspace_id: String,
    pub name: String,
    pub keys_removed_at: i64,
    pub removed_at: i64,
    pub bytes: i64,
    /// A JSON list of texts.
    pub removed: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub desktop: DesktopId,
    pub workspace: WorkspaceId,
    pub name: String,
    /// When the keys of its disk were deleted; from then on its blocks are noise.
    pub keys_removed_at: Timestamp,
    /// When machine and files were removed.
    pub removed_at: Timestamp,
    pub bytes: u64,
    /// What it was, such as "disk layer".
    pub removed: Vec<String>,
}

impl Store {
    pub async fn receipt(&self, desktop: DesktopId) -> Result<Option<Receipt>, StoreError> {
        let Some(row) = Entity::find_by_id(desktop.to_string()).one(&self.connection).await? else {
            return Ok(None);
        };
        Ok(Some(Receipt {
            desktop,
            workspace: row.workspace_id.parse().map_err(unreadable("receipts"))?,
            name: row.name,
            keys_removed_at: from_ms(row.keys_removed_at, "receipts")?,
            removed_at: from_ms(row.removed_at, "receipts")?,
            bytes: u64::try_from(row.bytes).unwrap_or_default(),
            removed: serde_json::from_str(&row.removed).map_err(unreadable("receipts"))?,
        }))
    }
}

/// Keeps a receipt; a repeated destruction that finds nothing more leaves the first one.
pub(crate) async fn insert(write: &Write, receipt: &Receipt) -> Result<(), StoreError> {
    let row = ActiveModel {
        desktop_id: Set(receipt.desktop.to_string()),
        workspace_id: Set(receipt.workspace.to_string()),
        name: Set(receipt.name.clone()),
        keys_removed_at: Set(to_ms(receipt.keys_removed_at)),
        removed_at: Set(to_ms(receipt.removed_at)),
        bytes: Set(i64::try_from(receipt.bytes).unwrap_or(i64::MAX)),
        removed: Set(serde_json::Value::from(receipt.removed.clone()).to_string()),
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::DesktopId).do_nothing().to_owned())
        .exec_without_returning(&write.transaction)
        .await?;
    Ok(())
}
