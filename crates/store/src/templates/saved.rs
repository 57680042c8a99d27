//! Templates that are made of desktops. Each is made by way of a desktop of its own, its builder: a fork that is
//! cleaned, becomes the template and goes. Nobody but the platform has to do with a builder, so it is in no list.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, DesktopId, JobKind, SavedTemplateState, TemplateVersion, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{IntoActiveModel as _, QueryOrder};

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::jobs;
use crate::kernel::moment::{Amount, Moment, Words};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saved_templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: TemplateVersion,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub title: String,
    pub description: String,
    /// The desktop that it is made of.
    pub desktop_name: String,
    #[sea_orm(column_name = "builder_id")]
    pub builder: DesktopId,
    pub state: SavedTemplateState,
    /// Why it has failed, for people.
    pub reason: Option<String>,
    pub made_by: Actor,
    /// Tools whose log-ins stay in it, by their ids.
    pub keep: Words,
    pub created_at: Moment,
    /// What it takes of the host's disk; until it is made, about.
    pub bytes: Amount,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as SavedTemplate;

/// Builders of all templates.
pub(crate) fn builders() -> SelectStatement {
    Query::select().column(Column::Builder).from(Entity).to_owned()
}

pub(crate) async fn insert(write: &mut Write, new: &SavedTemplate, now: Timestamp) -> Result<(), StoreError> {
    let row = new.clone().into_active_model().reset_all();
    Entity::insert(row).exec_without_returning(&write.transaction).await?;
    jobs::ask(write, JobKind::SaveTemplate, new.builder, now).await
}

/// Something that needed a version is gone: where that is to go, it may be able to.
pub(crate) async fn needed_less(
    write: &mut Write,
    version: &TemplateVersion,
    now: Timestamp,
) -> Result<(), StoreError> {
    let deleting = Entity::find_by_id(version.clone()).filter(Column::State.eq(SavedTemplateState::Deleting));
    if deleting.count(&write.transaction).await? > 0 {
        jobs::ask(write, JobKind::RemoveTemplate, version, now).await?;
    }
    Ok(())
}

#[boxed]
impl Store {
    /// All of them, the newest first.
    pub async fn saved_templates(&self) -> Result<Vec<SavedTemplate>, StoreError> {
        Ok(Entity::find().order_by_desc(Column::CreatedAt).all(&self.connection).await?)
    }

    pub async fn saved_template(
        &self,
        version: &TemplateVersion,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        Ok(Entity::find_by_id(version.clone()).one(&self.connection).await?)
    }

    /// What a desktop is the builder of.
    pub async fn template_of_builder(&self, builder: DesktopId) -> Result<Option<SavedTemplate>, StoreError> {
        Ok(Entity::find().filter(Column::Builder.eq(builder)).one(&self.connection).await?)
    }

    /// Writes down what has become of one.
    pub async fn set_saved_template(
        &self,
        version: &TemplateVersion,
        state: SavedTemplateState,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let mut change = Entity::update_many()
            .col_expr(Column::State, Expr::value(state))
            .col_expr(Column::Reason, Expr::value(reason))
            .filter(Column::Version.eq(version.clone()));
        if state == SavedTemplateState::Failed {
            change = change.col_expr(Column::Bytes, Expr::value(0));
        }
        change.exec(&write.transaction).await?;
        if state == SavedTemplateState::Deleting {
            jobs::ask(&mut write, JobKind::RemoveTemplate, version, now).await?;
        }
        write.commit().await
    }

    pub async fn forget_saved_template(&self, version: &TemplateVersion) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_by_id(version.clone()).exec(&write.transaction).await?;
        write.commit().await
    }
}
