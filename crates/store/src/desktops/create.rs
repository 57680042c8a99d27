//! A new desktop's row.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{
    Actor, Choices, DesktopId, DesktopName, Record, Setup, Size, SnapshotId, TemplateVersion, WorkspaceId,
};
use sea_orm::ActiveValue::Set;
use sea_orm::QuerySelect as _;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Func, SimpleExpr};

use super::row::{ActiveModel, Column, Desktop, Entity, Model, alive, columns, event_data};
use crate::disk_use::{self, DiskQuotaError, DiskQuotaReached};
use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::events;
use crate::kernel::history::{self, By, happening};
use crate::kernel::idempotency::{self, IdempotencyKey};
use crate::kernel::moment::Amount;
use crate::setups;
use crate::snapshots;

#[derive(Debug, Clone)]
pub struct NewDesktop {
    pub id: DesktopId,
    pub workspace: WorkspaceId,
    pub name: DesktopName,
    pub template: TemplateVersion,
    /// The engine that is to have its machine.
    pub engine: String,
    pub size: Size,
    pub disk_gib: u64,
    /// A fork has those of what it is forked from.
    pub choices: Choices,
    /// The snapshot to fork it from.
    pub origin: Option<SnapshotId>,
    /// Who asks for it: a person's or key's name.
    pub made_by: Actor,
    /// The name of the desktop that it is forked from.
    pub origin_name: Option<String>,
    /// What it is prepared with once it runs.
    pub setup: Option<Setup>,
    /// Most desktops the workspace may have.
    pub limit: u32,
    /// Most that it may have of the host's disk, bytes; `None` for what there is.
    pub disk_limit: Option<u64>,
}

#[derive(Debug)]
pub struct Created {
    pub desktop: Desktop,
    /// It was made by an earlier request with the same key.
    pub replayed: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateDesktopError {
    #[error("the workspace has a desktop of that name")]
    NameTaken,
    #[error("the workspace has as many desktops as it may")]
    LimitReached,
    #[error(transparent)]
    DiskQuota(#[from] DiskQuotaReached),
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for CreateDesktopError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<DiskQuotaError> for CreateDesktopError {
    fn from(error: DiskQuotaError) -> Self {
        match error {
            DiskQuotaError::Reached(reached) => reached.into(),
            DiskQuotaError::Store(error) => error.into(),
        }
    }
}

#[boxed]
impl Store {
    /// Writes a desktop down as wanted, and the event; once per idempotency key.
    pub async fn create_desktop(
        &self,
        new: NewDesktop,
        key: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Created, CreateDesktopError> {
        let mut write = self.write().await?;
        if let Some(desktop) = replayed(&write, key.as_ref()).await?.pop() {
            return Ok(Created { desktop, replayed: true });
        }
        let row = insert(&mut write, &new, now).await?;
        if let Some(setup) = &new.setup {
            setups::insert(self, &write, new.id, setup, &new.made_by, now).await?;
        }
        idempotency::keep(&write, key, [new.id.to_string()], now).await?;
        write.commit().await?;
        Ok(Created { desktop: row.try_into()?, replayed: false })
    }
}

/// A desktop's row and its event, if there is room for it.
pub(crate) async fn insert(
    write: &mut Write,
    new: &NewDesktop,
    now: Timestamp,
) -> Result<Model, CreateDesktopError> {
    check_room(write, new).await?;
    let record = Record::new(now);
    let choices = match new.origin {
        Some(origin) => snapshots::choices_of(write, origin).await?,
        None => new.choices.clone(),
    };
    let row = ActiveModel {
        id: Set(new.id),
        workspace: Set(new.workspace),
        name: Set(new.name.clone()),
        template: Set(new.template.clone()),
        engine: Set(Some(new.engine.clone())),
        size: Set(new.size),
        disk_gib: Set(Amount(new.disk_gib)),
        detail: Set(None),
        keys_removed_at: Set(None),
        door_key: Set(None),
        door_public_key: Set(None),
        host_key: Set(None),
        authorized_digest: Set(None),
        origin: Set(new.origin),
        restore: Set(None),
        restore_undo: Set(None),
        restore_layer: Set(None),
        autostart: Set(false),
        choices: Set(choices),
        last_used_at: Set(None),
        revision: Set(1),
        fence: Set(Amount(0)),
        lease_holder: Set(None),
        lease_until: Set(None),
        created_at: Set(now.into()),
        updated_at: Set(now.into()),
        kept_bytes: Set(Amount(0)),
        ..columns(&record)
    };
    let row = row.insert(&write.transaction).await?;
    let template = row.template.to_string();
    let (happens, detail) = match &new.origin_name {
        Some(origin) => (happening::FORKED, origin),
        None => (happening::CREATED, &template),
    };
    let by = By::somebody(new.made_by.clone()).because(detail);
    history::begin(write, (row.workspace, row.id), happens, by, now).await?;
    let data = event_data(&row.name, &record);
    events::insert(write, row.workspace, row.id, data, now).await?;
    Ok(row)
}

/// What an earlier request with the same key made and is there still.
pub(crate) async fn replayed(
    write: &Write,
    key: Option<&IdempotencyKey>,
) -> Result<Vec<Desktop>, CreateDesktopError> {
    let mut there = Vec::new();
    for id in idempotency::made::<DesktopId>(write, key).await? {
        if let Some(row) = Entity::find_by_id(id).one(&write.transaction).await? {
            there.push(Desktop::try_from(row)?);
        }
    }
    Ok(there)
}

/// Both counts come of one question: a database elsewhere costs its way for each.
async fn check_room(write: &Write, new: &NewDesktop) -> Result<(), CreateDesktopError> {
    let of_that_name = Expr::case(Column::Name.eq(new.name.as_str()), 1);
    let counts = Entity::find()
        .select_only()
        .column_as(Column::Id.count(), "alive")
        .column_as(SimpleExpr::from(Func::count(of_that_name)), "named")
        .filter(Column::Workspace.eq(new.workspace))
        .filter(alive());
    let (alive, named) = counts.into_tuple().one(&write.transaction).await?.unwrap_or((0_i64, 0_i64));
    if named > 0 {
        return Err(CreateDesktopError::NameTaken);
    }
    if alive >= i64::from(new.limit) {
        return Err(CreateDesktopError::LimitReached);
    }
    Ok(disk_use::check(write, new.workspace, new.disk_limit, 0).await?)
}
