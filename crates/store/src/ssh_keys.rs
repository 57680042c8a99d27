//! People's SSH public keys. Each opens every desktop of its workspace.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{ApiKeyId, JobKind, SshKeyId, UserId, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Condition, QueryOrder};

use crate::desktops;
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::jobs::{self, INSTALLATION};
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ssh_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SshKeyId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    #[sea_orm(column_name = "user_id")]
    pub user: Option<UserId>,
    pub name: String,
    pub kind: String,
    pub public_key: String,
    pub fingerprint: String,
    pub created_at: Moment,
    pub used_at: Option<Moment>,
    /// The API key that added it.
    #[sea_orm(column_name = "maker_id")]
    pub maker: Option<ApiKeyId>,
    pub expires_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as SshKey;

#[derive(Debug, Clone)]
pub struct NewSshKey {
    pub workspace: WorkspaceId,
    /// Who added it; none for a program.
    pub user: Option<UserId>,
    pub name: String,
    /// Its algorithm's name.
    pub kind: String,
    /// One OpenSSH line without a comment.
    pub public_key: String,
    /// `SHA256:` and base64.
    pub fingerprint: String,
    /// The API key that adds it, with which it ends; none for a person.
    pub maker: Option<ApiKeyId>,
    /// None for one that does not end by itself.
    pub expires_at: Option<Timestamp>,
    /// Most keys the workspace may have.
    pub limit: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum AddSshKeyError {
    /// The same key is there already, under this name.
    #[error("the key is there already")]
    Exists(String),
    #[error("the workspace has as many keys as it may")]
    LimitReached,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for AddSshKeyError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

#[boxed]
impl Store {
    pub async fn insert_ssh_key(&self, new: NewSshKey, now: Timestamp) -> Result<SshKey, AddSshKeyError> {
        let mut write = self.write().await?;
        let own = Entity::find().filter(Column::Workspace.eq(new.workspace));
        let same = own.clone().filter(Column::Fingerprint.eq(&new.fingerprint));
        if let Some(same) = same.one(&write.transaction).await? {
            return Err(AddSshKeyError::Exists(same.name));
        }
        if own.count(&write.transaction).await? >= new.limit {
            return Err(AddSshKeyError::LimitReached);
        }
        let row = ActiveModel {
            id: Set(SshKeyId::generate()),
            workspace: Set(new.workspace),
            user: Set(new.user),
            name: Set(new.name),
            kind: Set(new.kind),
            public_key: Set(new.public_key),
            fingerprint: Set(new.fingerprint),
            created_at: Set(now.into()),
            used_at: Set(None),
            maker: Set(new.maker),
            expires_at: Set(new.expires_at.map(Moment)),
        };
        let row = row.insert(&write.transaction).await?;
        if let Some(at) = row.expires_at {
            jobs::ask(&mut write, JobKind::ExpireKeys, INSTALLATION, *at).await?;
        }
        desktops::have_keys_delivered(&mut write, row.workspace, now).await?;
        write.commit().await?;
        Ok(row)
    }

    /// A workspace's keys, oldest first.
    pub async fn ssh_keys(&self, workspace: WorkspaceId) -> Result<Vec<SshKey>, StoreError> {
        Ok(Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?)
    }

    /// The same key wherever it was added, without those that have ended: at most once in each workspace.
    pub async fn ssh_keys_with(&self, fingerprint: &str, now: Timestamp) -> Result<Vec<SshKey>, StoreError> {
        let lasts = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(Moment(now)));
        Ok(Entity::find()
            .filter(Column::Fingerprint.eq(fingerprint))
            .filter(lasts)
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?)
    }

    pub async fn has_ssh_key(&self, id: SshKeyId) -> Result<bool, StoreError> {
        Ok(Entity::find_by_id(id).one(&self.connection).await?.is_some())
    }

    /// Deletes those that have ended. When the next ends, and whether there were any.
    pub async fn delete_expired_ssh_keys(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, bool), StoreError> {
        let mut write = self.write().await?;
        let ended = Entity::find().filter(Column::ExpiresAt.lte(Moment(now))).all(&write.transaction).await?;
        for key in &ended {
            Entity::delete_by_id(key.id).exec(&write.transaction).await?;
            desktops::have_keys_delivered(&mut write, key.workspace, now).await?;
        }
        let next = Entity::find().filter(Column::ExpiresAt.is_not_null()).order_by_asc(Column::ExpiresAt);
        let next = next.one(&write.transaction).await?.and_then(|key| key.expires_at);
        write.commit().await?;
        Ok((next.map(Timestamp::from), !ended.is_empty()))
    }

    pub async fn touch_ssh_key(&self, id: SshKeyId, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { used_at: Set(Some(now.into())), ..Default::default() };
        Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        write.commit().await
    }

    /// Whether there was such a key in the workspace.
    pub async fn delete_ssh_key(
        &self,
        workspace: WorkspaceId,
        id: SshKeyId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id))
            .filter(Column::Workspace.eq(workspace))
            .exec(&write.transaction)
            .await?;
        desktops::have_keys_delivered(&mut write, workspace, now).await?;
        write.commit().await?;
        Ok(deleted.rows_affected > 0)
    }
}
