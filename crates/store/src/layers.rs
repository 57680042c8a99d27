//! Encrypted disk layers and their sealed keys. A row is written before the layer is made, so that
//! nothing on a host is ever without a row; deleting the row is what destroys the data.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rolltop_model::{DesktopId, LayerId, Size, WorkspaceId};
use rolltop_vault::{Cell, random_key};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretBox};

use crate::database::{Store, Write};
use crate::desktops::{self, Desktop};
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
    /// What it lies over; none for a template's disk.
    pub parent_id: Option<String>,
    /// How many layers it is a disk of, itself counted.
    pub depth: i32,
    /// Nobody writes to it any more.
    pub frozen: bool,
    pub created_at: i64,
    /// Whose it is.
    pub workspace_id: Option<String>,
    /// What it takes of the host's disk, as the engine last said.
    pub bytes: i64,
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
        let over = over.map(|over| over.to_string());
        let row = self.insert_layer(&write, size, Some(desktop), over.as_deref(), now).await?;
        write.commit().await?;
        self.opened(row)
    }

    /// Writes a layer down that is going to be made: a desktop's, or one whose it becomes once it is there.
    pub(crate) async fn insert_layer(
        &self,
        write: &Write,
        size: Size,
        desktop: Option<DesktopId>,
        over: Option<&str>,
        now: Timestamp,
    ) -> Result<Model, StoreError> {
        let below = match over {
            Some(over) => Entity::find_by_id(over).one(&write.transaction).await?,
            None => None,
        };
        let of = match desktop {
            Some(desktop) => {
                desktops::Entity::find_by_id(desktop.to_string()).one(&write.transaction).await?
            }
            None => None,
        };
        let depth = below.as_ref().map_or(0, |row| row.depth).saturating_add(1);
        let workspace = of.map(|row| row.workspace_id).or(below.and_then(|row| row.workspace_id));
        let id = LayerId::generate().to_string();
        let sealed = self.vault.seal(key_cell(&id), random_key().expose_secret())?;
        let row = ActiveModel {
            id: Set(id),
            size: Set(size.to_string()),
            layer_key: Set(sealed),
            desktop_id: Set(desktop.map(|desktop| desktop.to_string())),
            parent_id: Set(over.map(str::to_owned)),
            depth: Set(depth),
            frozen: Set(false),
            created_at: Set(to_ms(now)),
            workspace_id: Set(workspace),
            bytes: Set(0),
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
        let id = layer.id.to_string();
        let sealed = self.vault.seal(key_cell(&id), layer.key.expose_secret())?;
        let row = ActiveModel {
            id: Set(id),
            size: Set(size.to_string()),
            layer_key: Set(sealed),
            desktop_id: Set(None),
            parent_id: Set(None),
            depth: Set(1),
            frozen: Set(true),
            created_at: Set(to_ms(now)),
            workspace_id: Set(Some(workspace.to_string())),
            bytes: Set(i64::try_from(bytes).unwrap_or(i64::MAX)),
        };
        Entity::insert(row).exec_without_returning(&write.transaction).await?;
        Ok(())
    }

    /// Desktops whose disk has this many layers, or more.
    pub async fn deep_desktops(&self, depth: u32) -> Result<Vec<DesktopId>, StoreError> {
        let ids: Vec<Option<String>> = Entity::find()
            .filter(Column::DesktopId.is_not_null())
            .filter(Column::Depth.gte(depth))
            .select_only()
            .column(Column::DesktopId)
            .into_tuple()
            .all(&self.connection)
            .await?;
        ids.into_iter().flatten().map(|id| id.parse().map_err(unreadable("layers"))).collect()
    }

    /// Writes down that the layer a desktop writes to holds all of its disk, and deletes the keys of those below that
    /// nothing else needs. `false` if the desktop's lease was lost.
    pub async fn flattened(&self, desktop: &Desktop) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let row = desktops::Entity::find_by_id(desktop.id.to_string()).one(&write.transaction).await?;
        if row.is_none_or(|row| u64::try_from(row.fence) != Ok(desktop.fence)) {
            return Ok(false);
        }
        let change = ActiveModel { parent_id: Set(None), depth: Set(1), ..Default::default() };
        let of = Column::DesktopId.eq(desktop.id.to_string());
        Entity::update_many().set(change).filter(of).exec(&write.transaction).await?;
        delete_unneeded(&write).await?;
        write.commit().await?;
        Ok(true)
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

    /// Every layer there is a row for.
    pub async fn layer_ids(&self) -> Result<Vec<LayerId>, StoreError> {
        let rows = Entity::find().all(&self.connection).await?;
        rows.into_iter().map(|row| row.id.parse().map_err(unreadable("layers"))).collect()
    }

    pub(crate) fn opened(&self, row: Model) -> Result<Layer, StoreError> {
        let bad = unreadable("layers");
        let secret = self.vault.open(key_cell(&row.id), &row.layer_key)?;
        let key = <[u8; 32]>::try_from(secret.expose_secret()).map_err(&bad)?;
        Ok(Layer { id: row.id.parse().map_err(unreadable("layers"))?, key: SecretBox::new(Box::new(key)) })
    }
}

/// Deletes the key of a layer: from then on it is noise.
pub(crate) async fn forget(write: &Write, layer: &str) -> Result<(), StoreError> {
    // Overwritten before it is deleted, so that no page of the file keeps it.
    let noise = Entity::update_many().col_expr(Column::LayerKey, Expr::value(Vec::<u8>::new()));
    noise.filter(Column::Id.eq(layer)).exec(&write.transaction).await?;
    Entity::delete_by_id(layer).exec(&write.transaction).await?;
    Ok(())
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
        forget(write, &row.id).await?;
    }
    Ok(())
}

fn key_cell(row: &str) -> Cell<'_> {
    Cell { table: "layers", row, column: "layer_key" }
}
