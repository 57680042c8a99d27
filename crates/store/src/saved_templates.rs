//! Templates that are made of desktops. Each is made by way of a desktop of its own, its builder: a fork that is
//! cleaned, becomes the template and goes. Nobody but the platform has to do with a builder, so it is in no list.

use jiff::Timestamp;
use rolltop_model::{DesktopId, SavedTemplateState, TemplateVersion, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{QueryOrder, QuerySelect};

use crate::database::{Store, Write};
use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "saved_templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: String,
    pub workspace_id: String,
    pub title: String,
    pub description: String,
    pub desktop_name: String,
    pub builder_id: String,
    pub state: String,
    pub reason: Option<String>,
    pub made_by: String,
    pub keep: String,
    pub created_at: i64,
    pub bytes: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "saved_templates";

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
    pub made_by: String,
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

impl TryFrom<Model> for SavedTemplate {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            new: NewSavedTemplate {
                version: row.version.parse().map_err(unreadable(TABLE))?,
                workspace: row.workspace_id.parse().map_err(unreadable(TABLE))?,
                title: row.title,
                description: row.description,
                desktop_name: row.desktop_name,
                made_by: row.made_by,
                keep: row.keep.split_whitespace().map(str::to_owned).collect(),
                bytes: u64::try_from(row.bytes).map_err(unreadable(TABLE))?,
            },
            builder: row.builder_id.parse().map_err(unreadable(TABLE))?,
            state: row.state.parse().map_err(unreadable(TABLE))?,
            reason: row.reason,
            created_at: from_ms(row.created_at, TABLE)?,
        })
    }
}

/// Builders of all templates.
pub(crate) fn builders() -> SelectStatement {
    Query::select().column(Column::BuilderId).from(Entity).to_owned()
}

pub(crate) async fn insert(
    write: &Write,
    new: &NewSavedTemplate,
    builder: DesktopId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        version: Set(new.version.to_string()),
        workspace_id: Set(new.workspace.to_string()),
        title: Set(new.title.clone()),
        description: Set(new.description.clone()),
        desktop_name: Set(new.desktop_name.clone()),
        builder_id: Set(builder.to_string()),
        state: Set(SavedTemplateState::Saving.as_str().to_owned()),
        reason: Set(None),
        made_by: Set(new.made_by.clone()),
        keep: Set(new.keep.join(" ")),
        created_at: Set(to_ms(now)),
        bytes: Set(i64::try_from(new.bytes).unwrap_or(i64::MAX)),
    };
    Entity::insert(row).exec_without_returning(&write.transaction).await?;
    Ok(())
}

impl Store {
    /// All of them, the newest first.
    pub async fn saved_templates(&self) -> Result<Vec<SavedTemplate>, StoreError> {
        let rows = Entity::find().order_by_desc(Column::CreatedAt).all(&self.connection).await?;
        rows.into_iter().map(SavedTemplate::try_from).collect()
    }

    pub async fn saved_template(
        &self,
        version: &TemplateVersion,
    ) -> Result<Option<SavedTemplate>, StoreError> {
        let row = Entity::find_by_id(version.to_string()).one(&self.connection).await?;
        row.map(SavedTemplate::try_from).transpose()
    }

    /// What a desktop is the builder of.
    pub async fn template_of_builder(&self, builder: DesktopId) -> Result<Option<SavedTemplate>, StoreError> {
        let row =
            Entity::find().filter(Column::BuilderId.eq(builder.to_string())).one(&self.connection).await?;
        row.map(SavedTemplate::try_from).transpose()
    }

    /// Builders of templates that are being saved.
    pub async fn building(&self) -> Result<Vec<DesktopId>, StoreError> {
        let ids: Vec<String> = Entity::find()
            .select_only()
            .column(Column::BuilderId)
            .filter(Column::State.eq(SavedTemplateState::Saving.as_str()))
            .into_tuple()
            .all(&self.connection)
            .await?;
        ids.into_iter().map(|id| id.parse().map_err(unreadable(TABLE))).collect()
    }

    /// Writes down what has become of one.
    pub async fn set_saved_template(
        &self,
        version: &TemplateVersion,
        state: SavedTemplateState,
        reason: Option<&str>,
    ) -> Result<(), StoreError> {
        let write = self.write().await?;
        let mut change = Entity::update_many()
            .col_expr(Column::State, Expr::value(state.as_str()))
            .col_expr(Column::Reason, Expr::value(reason))
            .filter(Column::Version.eq(version.to_string()));
        if state == SavedTemplateState::Failed {
            change = change.col_expr(Column::Bytes, Expr::value(0));
        }
        change.exec(&write.transaction).await?;
        write.commit().await
    }

    pub async fn forget_saved_template(&self, version: &TemplateVersion) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_by_id(version.to_string()).exec(&write.transaction).await?;
        write.commit().await
    }
}
