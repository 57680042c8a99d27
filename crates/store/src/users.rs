//! People.

use jiff::Timestamp;
use rolltop_model::{SessionId, UserId, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::database::Store;
use crate::error::{StoreError, unreadable};
use crate::moment::to_ms;
use crate::{sessions, sign_in_links};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub name: Option<String>,
    pub password_hash: Option<String>,
    pub created_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub workspace: WorkspaceId,
    /// What they sign in with; none until they chose one.
    pub name: Option<String>,
    /// A PHC string.
    pub password_hash: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    #[error("somebody else has this name")]
    NameTaken,
    #[error("there is no such user")]
    NoUser,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for SetPasswordError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl TryFrom<Model> for User {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.parse().map_err(unreadable("users"))?,
            workspace: row.workspace_id.parse().map_err(unreadable("users"))?,
            name: row.name,
            password_hash: row.password_hash,
        })
    }
}

impl Store {
    /// The first person of a workspace, made where there is none.
    pub async fn first_user(&self, workspace: WorkspaceId, now: Timestamp) -> Result<User, StoreError> {
        let write = self.write().await?;
        let first = Entity::find()
            .filter(Column::WorkspaceId.eq(workspace.to_string()))
            .order_by_asc(Column::Id)
            .one(&write.transaction)
            .await?;
        let row = match first {
            Some(row) => row,
            None => {
                let row = ActiveModel {
                    id: Set(UserId::generate().to_string()),
                    workspace_id: Set(workspace.to_string()),
                    name: Set(None),
                    password_hash: Set(None),
                    created_at: Set(to_ms(now)),
                };
                row.insert(&write.transaction).await?
            }
        };
        write.commit().await?;
        row.try_into()
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Entity::find_by_id(id.to_string()).one(&self.connection).await?.map(User::try_from).transpose()
    }

    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        let row = Entity::find().filter(Column::Name.eq(name)).one(&self.connection).await?;
        row.map(User::try_from).transpose()
    }

    /// Sets name and password, and ends every session of theirs but `keep`.
    /// Whether any person has a password to sign in with.
    pub async fn anybody_has_password(&self) -> Result<bool, StoreError> {
        let found = Entity::find().filter(Column::PasswordHash.is_not_null()).one(&self.connection).await?;
        Ok(found.is_some())
    }

    pub async fn set_password(
        &self,
        user: UserId,
        name: &str,
        password_hash: &str,
        keep: SessionId,
    ) -> Result<(), SetPasswordError> {
        let write = self.write().await?;
        let taken = Entity::find()
            .filter(Column::Name.eq(name))
            .filter(Column::Id.ne(user.to_string()))
            .one(&write.transaction)
            .await?;
        if taken.is_some() {
            return Err(SetPasswordError::NameTaken);
        }
        let change = ActiveModel {
            name: Set(Some(name.to_owned())),
            password_hash: Set(Some(password_hash.to_owned())),
            ..Default::default()
        };
        let changed = Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(user.to_string()))
            .exec(&write.transaction)
            .await?;
        if changed.rows_affected == 0 {
            return Err(SetPasswordError::NoUser);
        }
        sessions::Entity::delete_many()
            .filter(sessions::Column::UserId.eq(user.to_string()))
            .filter(sessions::Column::Id.ne(keep.to_string()))
            .exec(&write.transaction)
            .await?;
        // A link that lies in somebody's mailbox or log would be a way round the new password.
        sign_in_links::Entity::delete_many()
            .filter(sign_in_links::Column::UserId.eq(user.to_string()))
            .exec(&write.transaction)
            .await?;
        let chosen = sessions::ActiveModel { by_link: Set(false), ..Default::default() };
        sessions::Entity::update_many()
            .set(chosen)
            .filter(sessions::Column::Id.eq(keep.to_string()))
            .exec(&write.transaction)
            .await?;
        Ok(write.commit().await?)
    }
}
