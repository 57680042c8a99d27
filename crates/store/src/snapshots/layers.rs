//! Encrypted disk layers and their sealed keys. A row is written before the layer is made, so that
//! nothing on a host is ever without a row; deleting the row is what destroys the data.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, LayerId, Size, WorkspaceId};
use rolltop_vault::{Cell, random_key};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretBox};

use crate::desktops::{self, Desktop};
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::jobs;
use crate::kernel::moment::{Amount, Moment};
use crate::snapshots;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "layers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: LayerId,
    pub size: Size,
    pub layer_key: Vec<u8>,
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: Option<DesktopId>,
    /// What it lies over; none for a template's disk.
    #[sea_orm(column_name = "parent_id")]
    pub parent: Option<LayerId>,
    /// How many layers it is a disk of, itself counted.
    pub depth: i32,
    /// Nobody writes to it any more.
    pub frozen: bool,
    pub created_at: Moment,
    /// Whose it is.
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: Option<WorkspaceId>,
    /// What it takes of the host's disk, as the engine last said.
    pub bytes: Amount,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A layer and its key.
#[derive(Debug)]
pub struct Layer {
    pub id: LayerId,
    pub key: SecretBox<[u8; 32]>,
}

#[boxed]
impl Store {
    /// The layer of a desktop: a new one, over another or a template's disk, if it has none yet.
    pub async fn layer_for(
        &self,
        desktop: DesktopId,
        size: Size,
        over: Option<LayerId>,
        now: Timestamp,
    ) -> Result<Layer, StoreError> {
        if let Some(layer) = self.layer_of(desktop).await? {
            return Ok(layer);
        }
        let write = self.write().await?;
        let row = self.insert_layer(&write, size, Some(desktop), over, now).await?;
        write.commit().await?;
        self.opened(row)
    }

    /// Writes a layer down that is going to be made: a desktop's, or one whose it becomes once it is there.
    pub(crate) async fn insert_layer(
        &self,
        write: &Write,
        size: Size,
        desktop: Option<DesktopId>,
        over: Option<LayerId>,
        now: Timestamp,
    ) -> Result<Model, StoreError> {
        let below = match over {
            Some(over) => Entity::find_by_id(over).one(&write.transaction).await?,
            None => None,
        };
        let of = match desktop {
            Some(desktop) => desktops::Entity::find_by_id(desktop).one(&write.transaction).await?,
            None => None,
        };
        let depth = below.as_ref().map_or(0, |row| row.depth).saturating_add(1);
        let workspace = of.map(|row| row.workspace).or(below.and_then(|row| row.workspace));
        let id = LayerId::generate();
        let sealed = self.vault.seal(key_cell(&id.to_string()), random_key().expose_secret())?;
        let row = ActiveModel {
            id: Set(id),
            size: Set(size),
            layer_key: Set(sealed),
            desktop: Set(desktop),
            parent: Set(over),
            depth: Set(depth),
            frozen: Set(false),
            created_at: Set(now.into()),
            workspace: Set(workspace),
            bytes: Set(Amount(0)),
        };
        Ok(row.insert(&write.transaction).await?)
    }

    /// Writes a layer down that was made already, and is a snapshot's.
    pub(crate) async fn insert_made(
        &self,
        write: &Write,
        layer: &Layer,
        size: Size,
        (workspace, bytes): (WorkspaceId, u64),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sealed = self.vault.seal(key_cell(&layer.id.to_string()), layer.key.expose_secret())?;
        let row = ActiveModel {
            id: Set(layer.id),
            size: Set(size),
            layer_key: Set(sealed),
            desktop: Set(None),
            parent: Set(None),
            depth: Set(1),
            frozen: Set(true),
            created_at: Set(now.into()),
            workspace: Set(Some(workspace)),
            bytes: Set(Amount(bytes)),
        };
        Entity::insert(row).exec_without_returning(&write.transaction).await?;
        Ok(())
    }

    /// How many layers a desktop's disk has.
    pub async fn depth_of(&self, desktop: DesktopId) -> Result<u32, StoreError> {
        let top = Entity::find().filter(Column::Desktop.eq(desktop)).one(&self.connection).await?;
        Ok(top.and_then(|top| top.depth.try_into().ok()).unwrap_or(0))
    }

    /// Writes down that the layer a desktop writes to holds all of its disk, and deletes the keys of those below that
    /// nothing else needs. `false` if the desktop's lease was lost.
    pub async fn flattened(&self, desktop: &Desktop, now: Timestamp) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let row = desktops::Entity::find_by_id(desktop.id).one(&write.transaction).await?;
        if row.is_none_or(|row| *row.fence != desktop.fence) {
            return Ok(false);
        }
        let change = ActiveModel { parent: Set(None), depth: Set(1), ..Default::default() };
        let of = Column::Desktop.eq(desktop.id);
        let below =
            Entity::find().filter(of.clone()).one(&write.transaction).await?.and_then(|top| top.parent);
        Entity::update_many().set(change).filter(of).exec(&write.transaction).await?;
        release(&mut write, below, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// The layers of a desktop's disk, the one it writes to first; empty where it has none.
    pub async fn disk_of(&self, desktop: DesktopId) -> Result<Vec<Layer>, StoreError> {
        let top = Entity::find().filter(Column::Desktop.eq(desktop));
        let top = top.order_by_asc(Column::Id).one(&self.connection).await?;
        self.chain(top).await
    }

    /// A layer and all it lies over.
    pub async fn disk_from(&self, layer: LayerId) -> Result<Vec<Layer>, StoreError> {
        self.chain(Entity::find_by_id(layer).one(&self.connection).await?).await
    }

    async fn chain(&self, top: Option<Model>) -> Result<Vec<Layer>, StoreError> {
        let mut layers = Vec::new();
        let mut next = top;
        while let Some(row) = next {
            next = match row.parent {
                Some(parent) => {
                    let parent = Entity::find_by_id(parent).one(&self.connection).await?;
                    Some(parent.ok_or_else(|| unreadable("layers")("a layer is missing"))?)
                }
                None => None,
            };
            layers.push(self.opened(row)?);
        }
        Ok(layers)
    }

    /// The layer a desktop has.
    pub async fn layer_of(&self, desktop: DesktopId) -> Result<Option<Layer>, StoreError> {
        let row = Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .order_by_asc(Column::Id)
            .one(&self.connection)
            .await?;
        row.map(|row| self.opened(row)).transpose()
    }

    /// Every layer there is a row for.
    pub async fn layer_ids(&self) -> Result<Vec<LayerId>, StoreError> {
        Ok(Entity::find().select_only().column(Column::Id).into_tuple().all(&self.connection).await?)
    }

    pub(crate) fn opened(&self, row: Model) -> Result<Layer, StoreError> {
        let bad = unreadable("layers");
        let secret = self.vault.open(key_cell(&row.id.to_string()), &row.layer_key)?;
        let key = <[u8; 32]>::try_from(secret.expose_secret()).map_err(&bad)?;
        Ok(Layer { id: row.id, key: SecretBox::new(Box::new(key)) })
    }
}

/// Deletes the key of a layer: from then on it is noise.
pub(crate) async fn forget(write: &Write, layer: LayerId) -> Result<(), StoreError> {
    // Overwritten before it is deleted, so that no page of the file keeps it.
    let noise = Entity::update_many().col_expr(Column::LayerKey, Expr::value(Vec::<u8>::new()));
    noise.filter(Column::Id.eq(layer)).exec(&write.transaction).await?;
    Entity::delete_by_id(layer).exec(&write.transaction).await?;
    Ok(())
}

/// Deletes the key of a frozen layer, if it lies under no desktop and no snapshot any more, and of those below for which that
/// is then so: from then on they are noise.
pub(crate) async fn release(
    write: &mut Write,
    layer: Option<LayerId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut next = layer;
    while let Some(layer) = next {
        let Some(row) = Entity::find_by_id(layer).one(&write.transaction).await? else { return Ok(()) };
        let above = Entity::find().filter(Column::Parent.eq(layer)).count(&write.transaction).await?;
        if !row.frozen || above > 0 || snapshots::have_layer(write, layer).await? {
            return Ok(());
        }
        forget(write, layer).await?;
        jobs::empty_log(write, now).await?;
        next = row.parent;
    }
    Ok(())
}

/// Whether a desktop's disk has more than one.
pub(crate) async fn are_many(write: &Write, desktop: DesktopId) -> Result<bool, StoreError> {
    let top = Entity::find().filter(Column::Desktop.eq(desktop)).one(&write.transaction).await?;
    Ok(top.is_some_and(|top| top.depth > 1))
}

fn key_cell(row: &str) -> Cell<'_> {
    Cell { table: "layers", row, column: "layer_key" }
}
