//! People.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{SessionId, UserId, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{ActiveValue::Set, QueryOrder};

use crate::account::{sessions, sign_in_links};
use crate::kernel::database::Store;
use crate::kernel::error::StoreError;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub name: Option<String>,
    pub password_hash: Option<String>,
    pub created_at: Moment,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as User;

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

#[boxed]
impl Store {
    /// The first person of a workspace, made where there is none.
    pub async fn first_user(&self, workspace: WorkspaceId, now: Timestamp) -> Result<User, StoreError> {
        let write = self.write().await?;
        let first = Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .order_by_asc(Column::Id)
            .one(&write.transaction)
            .await?;
        let row = match first {
            Some(row) => row,
            None => {
                let row = ActiveModel {
                    id: Set(UserId::generate()),
                    workspace: Set(workspace),
                    name: Set(None),
                    password_hash: Set(None),
                    created_at: Set(now.into()),
                };
                row.insert(&write.transaction).await?
            }
        };
        write.commit().await?;
        Ok(row)
    }

    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(Entity::find_by_id(id).one(&self.connection).await?)
    }

    pub async fn user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        Ok(Entity::find().filter(Column::Name.eq(name)).one(&self.connection).await?)
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
            .filter(Column::Id.ne(user))
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
        let changed =
            Entity::update_many().set(change).filter(Column::Id.eq(user)).exec(&write.transaction).await?;
        if changed.rows_affected == 0 {
            return Err(SetPasswordError::NoUser);
        }
        sessions::Entity::delete_many()
            .filter(sessions::Column::User.eq(user))
            .filter(sessions::Column::Id.ne(keep))
            .exec(&write.transaction)
            .await?;
        // A link that lies in somebody's mailbox or log would be a way round the new password.
        sign_in_links::Entity::delete_many()
            .filter(sign_in_links::Column::User.eq(user))
            .exec(&write.transaction)
            .await?;
        let chosen = sessions::ActiveModel { by_link: Set(false), ..Default::default() };
        sessions::Entity::update_many()
            .set(chosen)
            .filter(sessions::Column::Id.eq(keep))
            .exec(&write.transaction)
            .await?;
        Ok(write.commit().await?)
    }
}
