//! Encrypted disk layers and their sealed keys. A row is written before the layer is made, so that
//! nothing on a host is ever without a row; deleting the row is what destroys the data.

use jiff::Timestamp;
use rolltop_model::{DesktopId, LayerId, Size};
use rolltop_vault::{Cell, random_key};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};
use secrecy::{ExposeSecret, SecretBox};

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::to_ms;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "layers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub size: String,
    pub layer_key: Vec<u8>,
    pub desktop_id: Option<String>,
    pub prepared: bool,
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
        now: Timestamp,
    ) -> Result<Layer, StoreError> {
        if let Some(layer) = self.layer_of(desktop).await? {
            return Ok(layer);
        }
        let write = self.write().await?;
        let blank = Entity::find()
            .filter(Column::Size.eq(size.as_str()))
            .filter(Column::Prepared.eq(true))
            .filter(Column::DesktopId.is_null())
            .order_by_asc(Column::Id)
            .one(&write.transaction)
            .await?;
        let row = match blank {
            Some(row) => {
                let mut change: ActiveModel = row.into();
                change.desktop_id = Set(Some(desktop.to_string()));
                change.update(&write.transaction).await?
            }
            None => self.new_layer(size, Some(desktop), now)?.insert(&write.transaction).await?,
        };
        write.commit().await?;
        self.opened(row)
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
        let rows = Entity::find()
            .filter(Column::DesktopId.is_null())
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?;
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
            created_at: Set(to_ms(now)),
        })
    }

    fn opened(&self, row: Model) -> Result<Layer, StoreError> {
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

fn key_cell(row: &str) -> Cell<'_> {
    Cell { table: "layers", row, column: "layer_key" }
}
