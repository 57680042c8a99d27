//! Encrypted disk layers and their sealed keys. A row is written before the layer is made, so that
//! nothing on a host is ever without a row; deleting the row is what destroys the data.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rolltop_model::{DesktopId, LayerId, Size};
use rolltop_vault::{Cell, random_key};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, QueryOrder, Select};
use secrecy::{ExposeSecret, SecretBox};

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::moment::to_ms;
use crate::snapshots;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "layers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub size: String,
    pub layer_key: Vec<u8>,
    pub desktop_id: Option<String>,
    pub prepared: bool,
    /// What it lies over; none for a template's disk.
    pub parent_id: Option<String>,
    /// Nobody writes to it any more.
    pub frozen: bool,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A layer and its key.
#[derive(Debug)]
pub struct Layer {
    pub id: LayerId,
    pub size: Size,
    pub key: SecretBox<[u8; 32]>,
    /// The engine has said that the blank layer is made.
    pub prepared: bool,
}

impl Store {
    /// The layer of a desktop. A prepared blank one is taken if it has none yet, or else a new one
    /// is written down for the engine to make on the way.
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
        let row = self.take_blank(&write, size, now).await?;
        let change = ActiveModel {
            desktop_id: Set(Some(desktop.to_string())),
            parent_id: Set(over.map(|over| over.to_string())),
            ..row.into()
        };
        let row = change.update(&write.transaction).await?;
        write.commit().await?;
        self.opened(row)
    }

    /// A prepared blank layer, or else a new one for the engine to make on the way. Whose it becomes is
    /// to be written in the same transaction.
    pub(crate) async fn take_blank(
        &self,
        write: &Write,
        size: Size,
        now: Timestamp,
    ) -> Result<Model, StoreError> {
        let prepared = blank().filter(Column::Size.eq(size.as_str())).filter(Column::Prepared.eq(true));
        match prepared.order_by_asc(Column::Id).one(&write.transaction).await? {
            Some(row) => Ok(row),
            None => Ok(self.new_layer(size, None, now)?.insert(&write.transaction).await?),
        }
    }

    /// The layers of a desktop's disk, the one it writes to first; empty where it has none.
    pub async fn disk_of(&self, desktop: DesktopId) -> Result<Vec<Layer>, StoreError> {
        let top = Entity::find().filter(Column::DesktopId.eq(desktop.to_string()));
        let top = top.order_by_asc(Column::Id).one(&self.connection).await?;
        self.chain(top).await
    }

    /// A layer and all it lies over.
    pub async fn disk_from(&self, layer: LayerId) -> Result<Vec<Layer>, StoreError> {
        self.chain(Entity::find_by_id(layer.to_string()).one(&self.connection).await?).await
    }

    async fn chain(&self, top: Option<Model>) -> Result<Vec<Layer>, StoreError> {
        let mut layers = Vec::new();
        let mut next = top;
        while let Some(row) = next {
            next = match &row.parent_id {
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
            .filter(Column::DesktopId.eq(desktop.to_string()))
            .order_by_asc(Column::Id)
            .one(&self.connection)
            .await?;
        row.map(|row| self.opened(row)).transpose()
    }

    /// Writes down a blank layer that is going to be made.
    pub async fn insert_blank_layer(&self, size: Size, now: Timestamp) -> Result<Layer, StoreError> {
        let write = self.write().await?;
        let row = self.new_layer(size, None, now)?.insert(&write.transaction).await?;
        write.commit().await?;
        self.opened(row)
    }

    pub async fn mark_layer_prepared(&self, layer: LayerId) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { prepared: Set(true), ..Default::default() };
        Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(layer.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }

    /// Layers no desktop has, prepared or being made.
    pub async fn blank_layers(&self) -> Result<Vec<Layer>, StoreError> {
        let rows = blank().order_by_asc(Column::Id).all(&self.connection).await?;
        rows.into_iter().map(|row| self.opened(row)).collect()
    }

    /// Every layer there is a row for.
    pub async fn layer_ids(&self) -> Result<Vec<LayerId>, StoreError> {
        let rows = Entity::find().all(&self.connection).await?;
        rows.into_iter().map(|row| row.id.parse().map_err(unreadable("layers"))).collect()
    }

    /// Forgets a blank layer, and its key.
    pub async fn delete_blank_layer(&self, layer: LayerId) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many()
            .filter(Column::Id.eq(layer.to_string()))
            .filter(Column::DesktopId.is_null())
            .filter(Column::ParentId.is_null())
            .filter(Column::Frozen.eq(false))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }

    fn new_layer(
        &self,
        size: Size,
        desktop: Option<DesktopId>,
        now: Timestamp,
    ) -> Result<ActiveModel, StoreError> {
        let id = LayerId::generate().to_string();
        let sealed = self.vault.seal(key_cell(&id), random_key().expose_secret())?;
        Ok(ActiveModel {
            id: Set(id),
            size: Set(size.to_string()),
            layer_key: Set(sealed),
            desktop_id: Set(desktop.map(|desktop| desktop.to_string())),
            prepared: Set(false),
            parent_id: Set(None),
            frozen: Set(false),
            created_at: Set(to_ms(now)),
        })
    }

    pub(crate) fn opened(&self, row: Model) -> Result<Layer, StoreError> {
        let bad = unreadable("layers");
        let secret = self.vault.open(key_cell(&row.id), &row.layer_key)?;
        let key = <[u8; 32]>::try_from(secret.expose_secret()).map_err(&bad)?;
        Ok(Layer {
            id: row.id.parse().map_err(unreadable("layers"))?,
            size: row.size.parse().map_err(unreadable("layers"))?,
            key: SecretBox::new(Box::new(key)),
            prepared: row.prepared,
        })
    }
}

/// Gives back a layer that was reserved and never written to: it is anybody's again. If the host has put it
/// somewhere already, it is missing among the blank ones there, and forgotten.
pub(crate) async fn release(write: &Write, layer: &str) -> Result<(), StoreError> {
    let change = ActiveModel { parent_id: Set(None), ..Default::default() };
    Entity::update_many().set(change).filter(Column::Id.eq(layer)).exec(&write.transaction).await?;
    Ok(())
}

/// Those that nobody has.
fn blank() -> Select<Entity> {
    Entity::find()
        .filter(Column::DesktopId.is_null())
        .filter(Column::ParentId.is_null())
        .filter(Column::Frozen.eq(false))
}

/// Deletes the keys of frozen layers that lie under no desktop and no snapshot any more: from then on
/// they are noise.
pub(crate) async fn delete_unneeded(write: &Write) -> Result<(), StoreError> {
    let rows = Entity::find().all(&write.transaction).await?;
    let parents: HashMap<&str, Option<&str>> =
        rows.iter().map(|row| (row.id.as_str(), row.parent_id.as_deref())).collect();
    let kept = snapshots::layers_in_use(write).await?;
    let mut needed = HashSet::new();
    let roots = rows.iter().filter(|row| !row.frozen).map(|row| row.id.as_str());
    for root in roots.chain(kept.iter().map(String::as_str)) {
        let mut next = Some(root);
        while let Some(layer) = next.filter(|layer| needed.insert(*layer)) {
            next = parents.get(layer).copied().flatten();
        }
    }
    for row in rows.iter().filter(|row| !needed.contains(row.id.as_str())) {
        // Overwritten before it is deleted, so that no page of the file keeps it.
        let noise = Entity::update_many().col_expr(Column::LayerKey, Expr::value(Vec::<u8>::new()));
        noise.filter(Column::Id.eq(&row.id)).exec(&write.transaction).await?;
        Entity::delete_by_id(&row.id).exec(&write.transaction).await?;
    }
    Ok(())
}

fn key_cell(row: &str) -> Cell<'_> {
    Cell { table: "layers", row, column: "layer_key" }
}
