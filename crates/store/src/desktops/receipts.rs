//! What destroying a desktop removed, and when. Kept when the desktop's row is gone.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::moment::{Amount, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "receipts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub name: String,
    pub keys_removed_at: Moment,
    pub removed_at: Moment,
    pub bytes: Amount,
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

#[boxed]
impl Store {
    pub async fn receipt(&self, desktop: DesktopId) -> Result<Option<Receipt>, StoreError> {
        let Some(row) = Entity::find_by_id(desktop).one(&self.connection).await? else {
            return Ok(None);
        };
        Ok(Some(Receipt {
            desktop,
            workspace: row.workspace,
            name: row.name,
            keys_removed_at: *row.keys_removed_at,
            removed_at: *row.removed_at,
            bytes: *row.bytes,
            removed: serde_json::from_str(&row.removed).map_err(unreadable("receipts"))?,
        }))
    }
}

/// Keeps a receipt; a repeated destruction that finds nothing more leaves the first one.
pub(crate) async fn insert(write: &Write, receipt: &Receipt) -> Result<(), StoreError> {
    let row = ActiveModel {
        desktop: Set(receipt.desktop),
        workspace: Set(receipt.workspace),
        name: Set(receipt.name.clone()),
        keys_removed_at: Set(receipt.keys_removed_at.into()),
        removed_at: Set(receipt.removed_at.into()),
        bytes: Set(Amount(receipt.bytes)),
        removed: Set(serde_json::Value::from(receipt.removed.clone()).to_string()),
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Desktop).do_nothing().to_owned())
        .exec_without_returning(&write.transaction)
        .await?;
    Ok(())
}
