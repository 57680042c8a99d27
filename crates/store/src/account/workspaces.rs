//! Workspaces: what owns desktops, people and keys.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::WorkspaceId;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::{Count, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "workspaces")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: WorkspaceId,
    pub name: String,
    pub desktop_limit: Option<Count>,
    pub created_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as Workspace;

#[boxed]
impl Store {
    /// The operator's workspace, which is the first one, made where there is none.
    pub async fn first_workspace(&self, now: Timestamp) -> Result<Workspace, StoreError> {
        let write = self.write().await?;
        let first = Entity::find().order_by_asc(Column::Id).one(&write.transaction).await?;
        let row = match first {
            Some(row) => row,
            None => {
                let row = ActiveModel {
                    id: Set(WorkspaceId::generate()),
                    name: Set("Home".to_owned()),
                    desktop_limit: Set(None),
                    created_at: Set(now.into()),
                };
                row.insert(&write.transaction).await?
            }
        };
        write.commit().await?;
        Ok(row)
    }

    pub async fn insert_workspace(&self, name: &str, now: Timestamp) -> Result<Workspace, StoreError> {
        let write = self.write().await?;
        let row = ActiveModel {
            id: Set(WorkspaceId::generate()),
            name: Set(name.to_owned()),
            desktop_limit: Set(None),
            created_at: Set(now.into()),
        };
        let row = row.insert(&write.transaction).await?;
        write.commit().await?;
        Ok(row)
    }

    pub async fn workspace(&self, id: WorkspaceId) -> Result<Option<Workspace>, StoreError> {
        Ok(Entity::find_by_id(id).one(&self.connection).await?)
    }
}
