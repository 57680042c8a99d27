//! Finding desktops.

use std::collections::HashSet;

use rolltop_boxed::boxed;
use rolltop_model::{DesktopFilter, DesktopId, DesktopState, Record, WorkspaceId};
use sea_orm::entity::prelude::*;
use sea_orm::{DbBackend, QueryOrder, QuerySelect};

use super::row::{Column, Desktop, Entity, Model, alive, record};
use crate::kernel::database::Store;
use crate::kernel::error::{StoreError, readable};
use crate::templates::saved as saved_templates;

/// In one statement: fewer than SQLite takes.
const ASKED_AT_ONCE: usize = 1000;

/// Which desktops of a workspace, newest first.
#[derive(Debug, Clone)]
pub struct ListQuery {
    pub workspace: WorkspaceId,
    /// Only this one.
    pub only: Option<DesktopId>,
    pub filter: DesktopFilter,
    /// Only those made before this one.
    pub before: Option<DesktopId>,
    pub limit: u64,
}

/// What is looked at of every desktop, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub id: DesktopId,
    pub workspace: WorkspaceId,
    pub record: Record,
    /// How large its disk is to be, GiB.
    pub disk_gib: u64,
}

#[boxed]
impl Store {
    pub async fn desktops(&self, query: &ListQuery) -> Result<Vec<Desktop>, StoreError> {
        let mut select = Entity::find()
            .filter(Column::Workspace.eq(query.workspace))
            .filter(Column::Id.not_in_subquery(saved_templates::builders()))
            .order_by_desc(Column::Id)
            .limit(query.limit);
        if let Some(only) = query.only {
            select = select.filter(Column::Id.eq(only));
        }
        if let Some(state) = query.filter.state {
            select = select.filter(Column::State.eq(state));
        }
        if let Some(text) = &query.filter.text {
            // The characters of names; anything else is in no name and would be a wildcard here.
            if !text.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-')) {
                return Ok(Vec::new());
            }
            select = select.filter(Column::Name.contains(text));
        }
        for (key, value) in &query.filter.labels {
            select = select.filter(labelled(self.connection.get_database_backend(), key, value.as_deref()));
        }
        for (key, begins) in &query.filter.typed_labels {
            select = select.filter(label_begins(self.connection.get_database_backend(), key, begins));
        }
        if let Some(before) = query.before {
            select = select.filter(Column::Id.lt(before.to_string()));
        }
        select.all(&self.connection).await?.into_iter().map(Desktop::try_from).collect()
    }

    /// One desktop, whoever's it is.
    pub async fn desktop(&self, id: DesktopId) -> Result<Option<Desktop>, StoreError> {
        Entity::find_by_id(id).one(&self.connection).await?.map(Desktop::try_from).transpose()
    }

    /// The desktop of that name in a workspace; one that is being destroyed has none any more.
    pub async fn desktop_named(
        &self,
        workspace: WorkspaceId,
        name: &str,
    ) -> Result<Option<Desktop>, StoreError> {
        let named = Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::Name.eq(name))
            .filter(alive());
        named.one(&self.connection).await?.map(Desktop::try_from).transpose()
    }

    /// How many desktops have this name, in whatever workspaces.
    pub async fn desktops_called(&self, name: &str) -> Result<u64, StoreError> {
        let named = Entity::find().filter(Column::Name.eq(name)).filter(alive());
        Ok(named.count(&self.connection).await?)
    }

    /// How many desktops count against a workspace's limit.
    pub async fn desktop_count(&self, workspace: WorkspaceId) -> Result<u64, StoreError> {
        let alive = Entity::find().filter(Column::Workspace.eq(workspace)).filter(alive());
        Ok(alive.count(&self.connection).await?)
    }

    /// Which of these there are rows for.
    pub async fn desktops_there(&self, of: HashSet<DesktopId>) -> Result<HashSet<DesktopId>, StoreError> {
        let of: Vec<DesktopId> = of.into_iter().collect();
        let mut there = HashSet::new();
        for some in of.chunks(ASKED_AT_ONCE) {
            let select =
                Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(some.to_vec()));
            there.extend(select.into_tuple::<DesktopId>().all(&self.connection).await?);
        }
        Ok(there)
    }

    /// Every desktop there is a row for.
    pub async fn desktop_ids(&self) -> Result<Vec<DesktopId>, StoreError> {
        Ok(Entity::find().select_only().column(Column::Id).into_tuple().all(&self.connection).await?)
    }

    /// How every desktop of an engine stands. A row that can't be read is left out and logged: it must not hold
    /// up all others.
    pub async fn standings(&self, engine: &str) -> Result<Vec<Standing>, StoreError> {
        readable(Entity::find().filter(Column::Engine.eq(engine)), standing, &self.connection).await
    }

    /// Desktops of before it was written down are on the engine that runs now.
    pub async fn adopt_for_engine(&self, engine: &str) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = Entity::update_many().col_expr(Column::Engine, Expr::value(engine));
        change.filter(Column::Engine.is_null()).exec(&write.transaction).await?;
        write.commit().await
    }

    /// Starts under way get their deadlines anew: nobody was there to carry them on.
    pub async fn renew_deadlines(&self, now: jiff::Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = super::row::ActiveModel {
            planned_at: sea_orm::ActiveValue::Set(now.into()),
            ..Default::default()
        };
        Entity::update_many()
            .set(change)
            .filter(Column::State.is_in([DesktopState::Pending.name(), DesktopState::Booting.name()]))
            .exec(&write.transaction)
            .await?;
        write.commit().await
    }
}

/// Whether a desktop has a label with a value, or with any.
fn labelled(backend: DbBackend, key: &str, value: Option<&str>) -> Expr {
    let Some(value) = value else { return label_begins(backend, key, "") };
    let (equals, key) = match backend {
        DbBackend::Sqlite => ("json_extract(choices, ?) = ?", format!("$.labels.\"{key}\"")),
        _ => ("choices::jsonb -> 'labels' ->> $1 = $2", key.to_owned()),
    };
    Expr::cust_with_values(equals, [key, value.to_owned()])
}

/// Whether a desktop has a label whose value begins like this.
fn label_begins(backend: DbBackend, key: &str, begins: &str) -> Expr {
    let (statement, key) = match backend {
        DbBackend::Sqlite => ("instr(json_extract(choices, ?), ?) = 1", format!("$.labels.\"{key}\"")),
        _ => ("starts_with(choices::jsonb -> 'labels' ->> $1, $2)", key.to_owned()),
    };
    Expr::cust_with_values(statement, [key, begins.to_owned()])
}

fn standing(row: Model) -> Result<Standing, StoreError> {
    Ok(Standing { id: row.id, workspace: row.workspace, record: record(&row)?, disk_gib: *row.disk_gib })
}
