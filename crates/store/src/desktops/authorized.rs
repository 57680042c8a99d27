//! Which set of people's keys each desktop was last given.

use rolltop_model::{Desired, DesktopId, DesktopState, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QuerySelect, Select};

use super::row::{ActiveModel, Column, Entity};
use crate::database::Store;
use crate::error::{StoreError, unreadable};

/// A desktop and the digest of the keys it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    pub desktop: DesktopId,
    pub workspace: WorkspaceId,
    pub digest: Option<String>,
}

impl Store {
    /// Every desktop that runs and is to go on running.
    pub async fn authorized(&self) -> Result<Vec<Authorized>, StoreError> {
        let rows: Vec<(String, String, Option<String>)> = wanted()
            .filter(Column::State.eq(DesktopState::Running.name()))
            .select_only()
            .columns([Column::Id, Column::Workspace, Column::AuthorizedDigest])
            .into_tuple()
            .all(&self.connection)
            .await?;
        let bad = unreadable("desktops");
        rows.into_iter()
            .map(|(desktop, workspace, digest)| {
                Ok(Authorized {
                    desktop: desktop.parse().map_err(&bad)?,
                    workspace: workspace.parse().map_err(&bad)?,
                    digest,
                })
            })
            .collect()
    }

    /// The digest of the keys that a desktop was last given.
    pub async fn authorized_digest(&self, id: DesktopId) -> Result<Option<String>, StoreError> {
        let row = Entity::find_by_id(id).one(&self.connection).await?;
        Ok(row.and_then(|row| row.authorized_digest))
    }

    /// How many desktops of a workspace do not run, and get their keys when they start.
    pub async fn desktops_not_running(&self, workspace: WorkspaceId) -> Result<u64, StoreError> {
        let off = wanted()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::State.ne(DesktopState::Running.name()));
        Ok(off.count(&self.connection).await?)
    }

    pub async fn set_authorized_digest(&self, id: DesktopId, digest: &str) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { authorized_digest: Set(Some(digest.to_owned())), ..Default::default() };
        Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        write.commit().await
    }
}

fn wanted() -> Select<Entity> {
    Entity::find().filter(Column::Desired.ne(Desired::Destroyed))
}
