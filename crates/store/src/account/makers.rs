//! What API keys made: other keys, SSH keys and share links. It goes when its maker is revoked.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{ApiKeyId, DesktopId, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QuerySelect};

use crate::account::api_keys;
use crate::desktops;
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::shares;
use crate::ssh_keys;

/// What went with a key, itself not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Revoked {
    pub api_keys: u64,
    pub ssh_keys: u64,
    pub shares: u64,
}

#[boxed]
impl Store {
    /// Removes a key and all that it made, and what that made. `None` if there was no such key in the workspace, or for
    /// the one desktop if only that counts.
    pub async fn revoke_api_key(
        &self,
        workspace: WorkspaceId,
        only: Option<DesktopId>,
        id: ApiKeyId,
        now: Timestamp,
    ) -> Result<Option<Revoked>, StoreError> {
        use api_keys::{Column, Entity};
        let mut write = self.write().await?;
        let mut own = Entity::find_by_id(id).filter(Column::Workspace.eq(workspace));
        if let Some(only) = only {
            own = own.filter(Column::Desktop.eq(only));
        }
        if own.one(&write.transaction).await?.is_none() {
            return Ok(None);
        }
        let family = family(&write.transaction, id).await?;
        let shares =
            shares::Entity::delete_many().filter(shares::Column::Maker.is_in(family.iter().copied()));
        let ssh_keys =
            ssh_keys::Entity::delete_many().filter(ssh_keys::Column::Maker.is_in(family.iter().copied()));
        let keys = Entity::delete_many().filter(Column::Id.is_in(family.iter().copied()));
        let revoked = Revoked {
            shares: shares.exec(&write.transaction).await?.rows_affected,
            ssh_keys: ssh_keys.exec(&write.transaction).await?.rows_affected,
            api_keys: keys.exec(&write.transaction).await?.rows_affected.saturating_sub(1),
        };
        if revoked.ssh_keys > 0 {
            desktops::have_keys_delivered(&mut write, workspace, now).await?;
        }
        write.commit().await?;
        Ok(Some(revoked))
    }
}

/// A key, those that it made, those that they made, and so on.
async fn family(connection: &impl ConnectionTrait, id: ApiKeyId) -> Result<Vec<ApiKeyId>, DbErr> {
    use api_keys::{Column, Entity};
    let mut all = vec![id];
    let mut latest = vec![id];
    while !latest.is_empty() {
        let made = Column::Maker.is_in(latest);
        let made = Entity::find().select_only().column(Column::Id).filter(made);
        latest = made.into_tuple().all(connection).await?;
        // Keys are made once, by one that was there: nothing comes twice.
        all.extend(latest.iter().copied());
    }
    Ok(all)
}
