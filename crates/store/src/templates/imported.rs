//! How much of the host's disk what imported desktops are booted with takes. Several may be booted with the same; each workspace
//! that has one of them has all of it.

use rolltop_model::{TemplateVersion, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query, SelectStatement, UnionType};

use crate::desktops;
use crate::kernel::database::Write;
use crate::kernel::error::StoreError;
use crate::kernel::moment::Amount;
use crate::snapshots;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imported_templates")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: TemplateVersion,
    pub bytes: Amount,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Writes down how much it takes, and forgets those that nothing is booted with any more.
pub(crate) async fn note(write: &Write, version: &TemplateVersion, bytes: u64) -> Result<(), StoreError> {
    Entity::delete_many()
        .filter(Column::Version.not_in_subquery(used(None)))
        .exec(&write.transaction)
        .await?;
    let row = ActiveModel { version: Set(version.clone()), bytes: Set(Amount(bytes)) };
    let known = OnConflict::column(Column::Version).update_column(Column::Bytes).to_owned();
    Entity::insert(row).on_conflict(known).exec_without_returning(&write.transaction).await?;
    Ok(())
}

/// Whether a workspace has something that is booted with it.
pub(crate) async fn has(
    write: &Write,
    workspace: WorkspaceId,
    version: &TemplateVersion,
) -> Result<bool, StoreError> {
    let known = of(workspace).filter(Column::Version.eq(version.clone()));
    Ok(known.one(&write.transaction).await?.is_some())
}

/// Those that something of a workspace is booted with.
pub(crate) fn of(workspace: WorkspaceId) -> Select<Entity> {
    Entity::find().filter(Column::Version.in_subquery(used(Some(workspace))))
}

/// The templates of desktops and snapshots, of one workspace or of all.
fn used(workspace: Option<WorkspaceId>) -> SelectStatement {
    let mut desktops = Query::select().column(desktops::Column::Template).from(desktops::Entity).to_owned();
    let mut snapshots =
        Query::select().column(snapshots::Column::Template).from(snapshots::Entity).to_owned();
    if let Some(workspace) = workspace {
        desktops.and_where(Expr::col(desktops::Column::Workspace).eq(workspace));
        snapshots.and_where(Expr::col(snapshots::Column::Workspace).eq(workspace));
    }
    desktops.union(UnionType::Distinct, snapshots).to_owned()
}
