//! People's SSH public keys. Each opens every desktop of its workspace.

use jiff::Timestamp;
use rolltop_model::{ApiKeyId, SshKeyId, UserId, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, Condition, QueryOrder};

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, some_from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ssh_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub user_id: Option<String>,
    pub name: String,
    pub kind: String,
    pub public_key: String,
    pub fingerprint: String,
    pub created_at: i64,
    pub used_at: Option<i64>,
    /// The API key that added it.
    pub maker_id: Option<String>,
    pub expires_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKey {
    pub id: SshKeyId,
    pub workspace: WorkspaceId,
    pub name: String,
    pub kind: String,
    pub public_key: String,
    pub fingerprint: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
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

impl TryFrom<Model> for SshKey {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let bad = unreadable("ssh_keys");
        Ok(Self {
            id: row.id.parse().map_err(&bad)?,
            workspace: row.workspace_id.parse().map_err(&bad)?,
            name: row.name,
            kind: row.kind,
            public_key: row.public_key,
            fingerprint: row.fingerprint,
            created_at: from_ms(row.created_at, "ssh_keys")?,
            expires_at: some_from_ms(row.expires_at, "ssh_keys")?,
            used_at: some_from_ms(row.used_at, "ssh_keys")?,
        })
    }
}

impl Store {
    pub async fn insert_ssh_key(&self, new: NewSshKey, now: Timestamp) -> Result<SshKey, AddSshKeyError> {
        let write = self.write().await?;
        let own = Entity::find().filter(Column::WorkspaceId.eq(new.workspace.to_string()));
        let same = own.clone().filter(Column::Fingerprint.eq(&new.fingerprint));
        if let Some(same) = same.one(&write.transaction).await? {
            return Err(AddSshKeyError::Exists(same.name));
        }
        if own.count(&write.transaction).await? >= new.limit {
            return Err(AddSshKeyError::LimitReached);
        }
        let row = ActiveModel {
            id: Set(SshKeyId::generate().to_string()),
            workspace_id: Set(new.workspace.to_string()),
            user_id: Set(new.user.map(|user| user.to_string())),
            name: Set(new.name),
            kind: Set(new.kind),
            public_key: Set(new.public_key),
            fingerprint: Set(new.fingerprint),
            created_at: Set(to_ms(now)),
            used_at: Set(None),
            maker_id: Set(new.maker.map(|maker| maker.to_string())),
            expires_at: Set(new.expires_at.map(to_ms)),
        };
        let row = row.insert(&write.transaction).await?;
        write.commit().await?;
        Ok(row.try_into()?)
    }

    /// A workspace's keys, oldest first.
    pub async fn ssh_keys(&self, workspace: WorkspaceId) -> Result<Vec<SshKey>, StoreError> {
        let rows = Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(SshKey::try_from).collect()
    }

    /// The same key wherever it was added, without those that have ended: at most once in each workspace.
    pub async fn ssh_keys_with(&self, fingerprint: &str, now: Timestamp) -> Result<Vec<SshKey>, StoreError> {
        let lasts = Condition::any().add(Column::ExpiresAt.is_null()).add(Column::ExpiresAt.gt(to_ms(now)));
        let rows = Entity::find()
            .filter(Column::Fingerprint.eq(fingerprint))
            .filter(lasts)
            .order_by_asc(Column::Id)
            .all(&self.connection)
            .await?;
        rows.into_iter().map(SshKey::try_from).collect()
    }

    pub async fn has_ssh_key(&self, id: SshKeyId) -> Result<bool, StoreError> {
        Ok(Entity::find_by_id(id.to_string()).one(&self.connection).await?.is_some())
    }

    /// How many there were that have ended.
    pub async fn delete_expired_ssh_keys(&self, now: Timestamp) -> Result<u64, StoreError> {
        let ended = Column::ExpiresAt.lte(to_ms(now));
        if Entity::find().filter(ended.clone()).one(&self.connection).await?.is_none() {
            return Ok(0);
        }
        let write = self.write().await?;
        let deleted = Entity::delete_many().filter(ended).exec(&write.transaction).await?;
        write.commit().await?;
        Ok(deleted.rows_affected)
    }

    pub async fn touch_ssh_key(&self, id: SshKeyId, now: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { used_at: Set(Some(to_ms(now))), ..Default::default() };
        Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(id.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }

    /// Whether there was such a key in the workspace.
    pub async fn delete_ssh_key(&self, workspace: WorkspaceId, id: SshKeyId) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let deleted = Entity::delete_many()
            .filter(Column::Id.eq(id.to_string()))
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .exec(&write.transaction)
            .await?;
        write.commit().await?;
        Ok(deleted.rows_affected > 0)
    }
}
