//! Workspaces: what owns desktops, people and keys.

use jiff::Timestamp;
use rolltop_model::WorkspaceId;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::to_ms;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    pub desktop_limit: Option<i64>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    pub id: WorkspaceId,
    pub name: String,
    /// Overrides the configured limit.
    pub desktop_limit: Option<u32>,
}

impl TryFrom<Model> for Workspace {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(unreadable("workspaces"))?,
            name: row.name,
            desktop_limit: row.desktop_limit.and_then(|limit| u32::try_from(limit).ok()),
        })
    }
}

impl Store {
    /// The operator's workspace, which is the first one, made where there is none.
    pub async fn first_workspace(&self, now: Timestamp) -> Result<Workspace, StoreError> {
        let write = self.write().await?;
        let first = Entity::find().order_by_asc(Column::Id).one(&write.transaction).await?;
        let row = match first {
            Some(row) => row,
            None => {
                let row = ActiveModel {
                    id: Set(WorkspaceId::generate().to_string()),
                    name: Set("Home".to_owned()),
                    desktop_limit: Set(None),
                    created_at: Set(to_ms(now)),
                };
                row.insert(&write.transaction).await?
            }
        };
        write.commit().await?;
        row.try_into()
    }

    pub async fn insert_workspace(&self, name: &str, now: Timestamp) -> Result<Workspace, StoreError> {
        let write = self.write().await?;
        let row = ActiveModel {
            id: Set(WorkspaceId::generate().to_string()),
            name: Set(name.to_owned()),
            desktop_limit: Set(None),
            created_at: Set(to_ms(now)),
        };
        let row = row.insert(&write.transaction).await?;
        write.commit().await?;
        row.try_into()
    }

    pub async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        Entity::find_by_id(id.to_string()).one(&self.connection).await?.map(Workspace::try_from).transpose()
    }
}
