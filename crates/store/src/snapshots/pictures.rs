//! What was on the screen when a snapshot was taken, sealed: a JPEG as the guest made it.

use rolltop_boxed::boxed;
use rolltop_model::SnapshotId;
use rolltop_vault::Cell;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use secrecy::ExposeSecret;

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::snapshots;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "snapshot_pictures")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "snapshot_id")]
    pub snapshot: SnapshotId,
    pub picture: Vec<u8>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[boxed]
impl Store {
    /// Keeps a picture; one that is there is replaced. Does nothing where the snapshot is gone.
    pub async fn save_snapshot_picture(
        &self,
        snapshot: SnapshotId,
        picture: &[u8],
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        let Some(row) = snapshots::find(&write, snapshot).await? else { return Ok(()) };
        let sealed = self.vault.seal(cell(&row.id.to_string()), picture)?;
        let new = ActiveModel { snapshot: Set(row.id), picture: Set(sealed) };
        let mut replacing = OnConflict::column(Column::Snapshot);
        replacing.update_column(Column::Picture);
        Entity::insert(new).on_conflict(replacing).exec(&write.transaction).await?;
        let change = snapshots::ActiveModel { id: Set(row.id), has_picture: Set(true), ..Default::default() };
        change.update(&write.transaction).await?;
        write.commit().await
    }

    pub async fn snapshot_picture(&self, snapshot: SnapshotId) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(row) = Entity::find_by_id(snapshot).one(&self.connection).await? else {
            return Ok(None);
        };
        let opened = self.vault.open(cell(&row.snapshot.to_string()), &row.picture)?;
        Ok(Some(opened.expose_secret().to_vec()))
    }
}

/// With its snapshot.
pub(crate) async fn delete(write: &Write, snapshot: SnapshotId) -> Result<(), StoreError> {
    Entity::delete_by_id(snapshot).exec(&write.transaction).await?;
    Ok(())
}

fn cell(row: &str) -> Cell<'_> {
    Cell { table: "snapshot_pictures", row, column: "picture" }
}
