//! What personalising gives a desktop: the key to its door, and its pinned host key.

use rolltop_boxed::boxed;
use rolltop_model::DesktopId;
use rolltop_vault::Cell;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::row::{ActiveModel, Column, Entity, Model};
use crate::kernel::database::Store;
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::moment::Amount;

/// The platform's way into one desktop.
#[derive(Debug, Clone)]
pub struct Identity {
    /// OpenSSH private key.
    pub door_key: SecretString,
    /// Its public half, one OpenSSH line.
    pub door_public_key: String,
    /// None until the desktop has shown and we have stored it.
    pub host_key: Option<String>,
}

#[boxed]
impl Store {
    /// The door's keys, once there are any.
    pub async fn identity(&self, id: DesktopId) -> Result<Option<Identity>, StoreError> {
        let Some(row) = Entity::find_by_id(id).one(&self.connection).await? else {
            return Ok(None);
        };
        self.opened_identity(row)
    }

    /// Keeps a new door key, unless there is one: the one that is kept is returned. Called before
    /// the desktop learns of the key, so that a desktop that knows it can always be entered.
    pub async fn keep_door_key(
        &self,
        id: DesktopId,
        fence: u64,
        door_key: &SecretString,
        door_public_key: &str,
    ) -> Result<Option<Identity>, StoreError> {
        let write = self.write().await?;
        let sealed = self.vault.seal(door_key_cell(&id.to_string()), door_key.expose_secret().as_bytes())?;
        let change = ActiveModel {
            door_key: Set(Some(sealed)),
            door_public_key: Set(Some(door_public_key.to_owned())),
            ..Default::default()
        };
        Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id))
            .filter(Column::Fence.eq(Amount(fence)))
            .filter(Column::DoorKey.is_null())
            .filter(Column::KeysRemovedAt.is_null())
            .exec(&write.transaction)
            .await?;
        let row = Entity::find_by_id(id).one(&write.transaction).await?;
        write.commit().await?;
        match row.filter(|row| *row.fence == fence) {
            Some(row) => self.opened_identity(row),
            None => Ok(None),
        }
    }

    pub(crate) fn opened_identity(&self, row: Model) -> Result<Option<Identity>, StoreError> {
        let (Some(sealed), Some(door_public_key)) = (row.door_key, row.door_public_key) else {
            return Ok(None);
        };
        let opened = self.vault.open(door_key_cell(&row.id.to_string()), &sealed)?;
        let text = std::str::from_utf8(opened.expose_secret()).map_err(unreadable("desktops"))?;
        Ok(Some(Identity { door_key: SecretString::from(text), door_public_key, host_key: row.host_key }))
    }
}

fn door_key_cell(row: &str) -> Cell<'_> {
    Cell { table: "desktops", row, column: "door_key" }
}
