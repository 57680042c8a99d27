//! Templates that are made of desktops. Each is made by way of a desktop of its own, its builder: a fork that is
//! cleaned, becomes the template and goes. Nobody but the platform has to do with a builder, so it is in no list.

use jiff::Timestamp;
use rolltop_model::{Actor, DesktopId, JobKind, SavedTemplateState, TemplateVersion, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Query, SelectStatement};

use crate::database::{Store, Write};
use crate::error::StoreError;
use crate::jobs;
use crate::moment::{Amount, Moment, Words};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saved_templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: TemplateVersion,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub title: String,
    pub description: String,
    pub desktop_name: String,
    #[sea_orm(column_name = "builder_id")]
    pub builder: DesktopId,
    pub state: SavedTemplateState,
    pub reason: Option<String>,
    pub made_by: Actor,
    pub keep: Words,
    pub created_at: Moment,
    pub bytes: Amount,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What a template is to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSavedTemplate {
    pub version: TemplateVersion,
    pub workspace: WorkspaceId,
    pub title: String,
    pub description: String,
    /// The desktop that it is made of.
    pub desktop_name: String,
    /// A person's or key's name.
    pub made_by: Actor,
    /// Tools whose log-ins stay in it, by their ids.
    pub keep: Vec<String>,
    /// What it takes of the host's disk, bytes; until it is made, about.
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedTemplate {
    pub new: NewSavedTemplate,
    pub builder: DesktopId,
    pub state: SavedTemplateState,
    /// Why it has failed, for people.
    pub reason: Option<String>,
    pub created_at: Timestamp,
}

impl From<Model> for SavedTemplate {
    fn from(row: Model) -> Self {
        Self {
            new: NewSavedTemplate {
                version: row.version,
                workspace: row.workspace,
                title: row.title,
                description: row.description,
                desktop_name: row.desktop_name,
                made_by: row.made_by,
                keep: row.keep.0,
                bytes: *row.bytes,
            },
            builder: row.builder,
            state: row.state,
            reason: row.reason,
            created_at: *row.created_at,
        }
    }
}

/// Builders of all templates.
pub(crate) fn builders() -> SelectStatement {
    Query::select().column(Column::Builder).from(Entity).to_owned()
}

pub(crate) async fn insert(
    write: &mut Write,
    new: &NewSavedTemplate,
    builder: DesktopId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        version: Set(new.version.clone()),
        workspace: Set(new.workspace),
        title: Set(new.title.clone()),
        description: Set(new.description.clone()),
        desktop_name: Set(new.desktop_name.clone()),
        builder: Set(builder),
        state: Set(SavedTemplateState::Saving),
        reason: Set(None),
        made_by: Set(new.made_by.clone()),
        keep: Set(Words(new.keep.clone())),
        created_at: Set(now.into()),
        bytes: Set(Amount(new.bytes)),
    };
    Entity::insert(row).exec_without_returning(&write.transaction).await?;
    jobs::ask(write, JobKind::SaveTemplate, builder, now).await
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

impl Store {
    /// All of them, the newest first.
    pub async fn saved_templates(&self) -> Result<Vec<SavedTemplate>, StoreError> {
        let rows = Entity::find().order_by_desc(Column::CreatedAt).all(&self.connection).await?;
        Ok(rows.into_iter().map(SavedTemplate::from).collect())
    }

    pub async fn saved_template(
        &self,
        version: &TemplateVersion,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        let row = Entity::find_by_id(version.clone()).one(&self.connection).await?;
        Ok(row.map(SavedTemplate::from))
    }

    /// What a desktop is the builder of.
    pub async fn template_of_builder(&self, builder: DesktopId) -> Result<Option<SavedTemplate>, StoreError> {
        let row = Entity::find().filter(Column::Builder.eq(builder)).one(&self.connection).await?;
        Ok(row.map(SavedTemplate::from))
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
