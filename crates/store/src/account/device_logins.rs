//! Devices that wait to be signed in. Of the code that a device holds only the hash is kept; the one
//! that a person types is short, lives for minutes, and is of use to nobody without a session.
//!
//! ```text
//!  waiting ──allow──► allowed ──the device asks──► an API key, and the row is gone
//!     └─────deny────► denied
//! ```

use std::time::Duration;

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::WorkspaceId;
use rolltop_vault::TokenHash;
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, IntoActiveModel};

use crate::account::api_keys::{self, AddApiKeyError, ApiKey, NewApiKey};
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::{Moment, Words};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_logins")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub device_hash: Vec<u8>,
    pub user_code: String,
    pub client_name: String,
    pub asked_from: Option<String>,
    /// Names, separated by spaces.
    pub scopes: Words,
    pub asked_at: Moment,
    pub expires_at: Moment,
    /// What the device waits between two questions, at least.
    pub pause_ms: i64,
    pub polled_at: Option<Moment>,
    pub denied: bool,
    /// The workspace whose member allowed it.
    pub allowed_by: Option<WorkspaceId>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone)]
pub struct NewDeviceLogin {
    pub device: TokenHash,
    pub user_code: String,
    pub client_name: String,
    pub asked_from: Option<String>,
    pub scopes: Vec<String>,
    pub expires_at: Timestamp,
    pub pause: Duration,
    /// Most that may wait, in all and from one address.
    pub limits: (u64, u64),
}

/// One that waits, as the person who is asked sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceLogin {
    pub client_name: String,
    pub asked_from: Option<String>,
    pub scopes: Vec<String>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum AddDeviceLoginError {
    #[error("as many devices wait as may")]
    TooMany,
    /// Somebody waits under this code.
    #[error("the code is taken")]
    CodeTaken,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for AddDeviceLoginError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// What a device is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll {
    /// Unknown, too old, or already answered.
    Gone,
    /// It asked too soon; this is what it waits from now on.
    TooSoon(Duration),
    Waiting,
    Denied,
    /// Its key, made now.
    Key(Box<ApiKey>),
}

#[boxed]
impl Store {
    pub async fn insert_device_login(
        &self,
        new: NewDeviceLogin,
        now: Timestamp,
    ) -> Result<(), AddDeviceLoginError> {
        let write = self.write().await?;
        let transaction = &write.transaction;
        Entity::delete_many().filter(Column::ExpiresAt.lte(Moment(now))).exec(transaction).await?;
        let (in_all, from_one) = new.limits;
        let same = Entity::find().filter(match &new.asked_from {
            Some(from) => Column::AskedFrom.eq(from),
            None => Column::AskedFrom.is_null(),
        });
        if Entity::find().count(transaction).await? >= in_all || same.count(transaction).await? >= from_one {
            return Err(AddDeviceLoginError::TooMany);
        }
        let taken = Entity::find().filter(Column::UserCode.eq(&new.user_code)).one(transaction).await?;
        if taken.is_some() {
            return Err(AddDeviceLoginError::CodeTaken);
        }
        let row = ActiveModel {
            device_hash: Set(new.device.0.to_vec()),
            user_code: Set(new.user_code),
            client_name: Set(new.client_name),
            asked_from: Set(new.asked_from),
            scopes: Set(Words(new.scopes)),
            asked_at: Set(now.into()),
            expires_at: Set(new.expires_at.into()),
            pause_ms: Set(i64::try_from(new.pause.as_millis()).unwrap_or(i64::MAX)),
            polled_at: Set(None),
            denied: Set(false),
            allowed_by: Set(None),
        };
        Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(write.commit().await?)
    }

    /// The device that waits under this code.
    pub async fn device_login(
        &self,
        user_code: &str,
        now: Timestamp,
    ) -> Result<Option<DeviceLogin>, StoreError> {
        Ok(waiting(user_code, now).one(&self.connection).await?.map(DeviceLogin::from))
    }

    /// Allows it to the workspace's keys, or denies it; false if none waits under this code.
    pub async fn decide_device_login(
        &self,
        user_code: &str,
        allowed_by: Option<WorkspaceId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let Some(row) = waiting(user_code, now).one(&write.transaction).await? else { return Ok(false) };
        let mut row = row.into_active_model();
        row.denied = Set(allowed_by.is_none());
        row.allowed_by = Set(allowed_by);
        row.update(&write.transaction).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Answers a device: with a key, once it is allowed. `key` makes one for a workspace from its name and
    /// scopes. Who asks sooner than it should waits `penalty` longer from then on.
    pub async fn poll_device_login(
        &self,
        device: TokenHash,
        penalty: Duration,
        now: Timestamp,
        key: impl FnOnce(WorkspaceId, DeviceLogin) -> NewApiKey + Send,
    ) -> Result<Poll, AddApiKeyError> {
        let write = self.write().await?;
        let transaction = &write.transaction;
        let found = Entity::find_by_id(device.0.to_vec()).one(transaction).await?;
        let Some(row) = found.filter(|row| *row.expires_at > now) else { return Ok(Poll::Gone) };
        let too_soon = row.polled_at.is_some_and(|polled| {
            let pause = Duration::from_millis(row.pause_ms.unsigned_abs());
            polled.checked_add(pause).is_ok_and(|again| now < again)
        });
        if row.denied {
            Entity::delete_by_id(device.0.to_vec()).exec(transaction).await?;
            write.commit().await?;
            return Ok(Poll::Denied);
        }
        if let (Some(workspace), false) = (row.allowed_by, too_soon) {
            Entity::delete_by_id(device.0.to_vec()).exec(transaction).await?;
            let made = api_keys::insert(transaction, key(workspace, row.into()), now).await?;
            write.commit().await?;
            return Ok(Poll::Key(Box::new(made)));
        }
        let penalty = i64::try_from(penalty.as_millis()).unwrap_or(i64::MAX);
        let pause_ms = if too_soon { row.pause_ms.saturating_add(penalty) } else { row.pause_ms };
        let mut row = row.into_active_model();
        row.polled_at = Set(Some(now.into()));
        row.pause_ms = Set(pause_ms);
        row.update(transaction).await?;
        write.commit().await?;
        Ok(match too_soon {
            true => Poll::TooSoon(Duration::from_millis(pause_ms.unsigned_abs())),
            false => Poll::Waiting,
        })
    }
}

fn waiting(user_code: &str, now: Timestamp) -> Select<Entity> {
    Entity::find()
        .filter(Column::UserCode.eq(user_code))
        .filter(Column::ExpiresAt.gt(Moment(now)))
        .filter(Column::Denied.eq(false))
        .filter(Column::AllowedBy.is_null())
}

impl From<Model> for DeviceLogin {
    fn from(row: Model) -> Self {
        Self {
            client_name: row.client_name,
            asked_from: row.asked_from,
            scopes: row.scopes.0,
            asked_at: *row.asked_at,
            expires_at: *row.expires_at,
        }
    }
}
