//! Points in time of desktops. A row is written when one is asked for; whoever works on the desktop takes
//! it and writes down what came of it. With the key of its layer, if nothing else needs that, goes what it kept.

pub(crate) mod layers;
pub(crate) mod pictures;
pub(crate) mod restores;
pub(crate) mod schedules;

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{
    Actor, Choices, Desired, DesktopId, EventData, JobKind, LayerId, Size, SnapshotId, SnapshotKind,
    SnapshotState, TemplateVersion, WorkspaceId,
};
use rolltop_vault::Cell;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, Condition, QueryOrder, QuerySelect};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use crate::copies;
use crate::desktops::{self, CreateDesktopError, Desktop, Identity, NewDesktop};
use crate::disk_use::{self, DiskQuotaError, DiskQuotaReached};
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::events;
use crate::kernel::history::{self, By, happening};
use crate::kernel::idempotency::{self, IdempotencyKey};
use crate::kernel::jobs;
use crate::kernel::moment::{Amount, Moment};
use crate::snapshots::layers::Layer;
use crate::snapshots::pictures as snapshot_pictures;
use crate::templates::imported as imported_templates;
use crate::templates::saved::{self as saved_templates, SavedTemplate};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "snapshots")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SnapshotId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    /// What it is of; it may be gone.
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub desktop_name: String,
    pub name: String,
    pub kind: SnapshotKind,
    pub state: SnapshotState,
    /// Why it has failed, for people.
    pub reason: Option<String>,
    /// The layer that it is of, once it is ready.
    #[sea_orm(column_name = "layer_id")]
    pub layer: Option<LayerId>,
    /// What its desktop writes to from then on.
    #[sea_orm(column_name = "next_layer_id")]
    pub next_layer: Option<LayerId>,
    pub template: TemplateVersion,
    pub size: Size,
    pub disk_gib: Amount,
    pub has_memory: bool,
    /// Until it is taken, what that will be about.
    pub memory_bytes: Amount,
    pub disk_bytes: Amount,
    /// How long the desktop stood still for it.
    pub pause_ms: Option<Amount>,
    pub made_by: Actor,
    pub created_at: Moment,
    pub taken_at: Option<Moment>,
    /// The way into what is made of it, sealed.
    pub door_key: Option<Vec<u8>>,
    pub door_public_key: Option<String>,
    pub host_key: Option<String>,
    /// What was on the screen is kept.
    pub has_picture: bool,
    /// What was chosen for its desktop.
    pub choices: Choices,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Debug, Clone)]
pub struct NewSnapshot {
    pub desktop: DesktopId,
    pub name: String,
    pub kind: SnapshotKind,
    /// A person's or key's name.
    pub made_by: Actor,
    /// Most that the workspace may have.
    pub limit: u64,
    /// About what its memory will take of the host's disk, bytes; 0 where it has none.
    pub memory_bytes: u64,
    /// Most that the workspace may have of that disk, bytes; `None` for what there is, and for what is to be kept whatever
    /// there is.
    pub disk_limit: Option<u64>,
}

/// One whose disk came from elsewhere: it is on the host already.
#[derive(Debug)]
pub struct ImportedSnapshot {
    pub id: SnapshotId,
    pub workspace: WorkspaceId,
    /// What it is of, which is not here.
    pub desktop: DesktopId,
    pub desktop_name: String,
    pub name: String,
    pub template: TemplateVersion,
    pub size: Size,
    pub disk_gib: u64,
    pub disk_bytes: u64,
    pub choices: Choices,
    /// What it is booted with, bytes: its template has nothing else.
    pub boot_bytes: u64,
    pub layer: LayerId,
    pub key: SecretBox<[u8; 32]>,
    /// The way into what is made of it.
    pub identity: Identity,
    pub made_by: Actor,
    /// The copy that it was fetched from, which is done with that.
    pub fetched_from: Option<SnapshotId>,
    /// Most that the workspace may have.
    pub limit: u64,
    /// Most that it may have of the host's disk, bytes; `None` for what there is.
    pub disk_limit: Option<u64>,
}

pub use Model as Snapshot;

/// What the engine said of one that it has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub at: Timestamp,
    pub size: Size,
    pub disk_gib: u64,
    pub has_memory: bool,
    pub memory_bytes: u64,
    pub disk_bytes: u64,
    pub pause_ms: u64,
}

/// What is to be taken of a desktop, for who has read its row.
#[derive(Debug)]
pub enum Wanted {
    Nothing,
    Snapshot(Box<Snapshot>),
    /// What is to be kept goes with a wish that came after the row was read. Who does not know of the wish would judge
    /// it by a state that it is not of, and give it up.
    Changed,
}

#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("there is no such desktop or snapshot")]
    Gone,
    #[error("the workspace has as many snapshots as it may")]
    LimitReached,
    #[error(transparent)]
    DiskQuota(#[from] DiskQuotaReached),
    #[error("desktops are being made from it")]
    InUse,
    #[error(transparent)]
    Desktop(#[from] CreateDesktopError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for SnapshotError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<DiskQuotaError> for SnapshotError {
    fn from(error: DiskQuotaError) -> Self {
        match error {
            DiskQuotaError::Reached(reached) => reached.into(),
            DiskQuotaError::Store(error) => error.into(),
        }
    }
}

const TABLE: &str = "snapshots";

impl Model {
    /// The desktop may write to the next layer already, for which there is a row.
    pub fn has_begun(&self) -> bool {
        self.next_layer.is_some()
    }
}

/// What was chosen for the desktop that it is of, when it was asked for.
pub(crate) async fn choices_of(write: &Write, snapshot: SnapshotId) -> Result<Choices, StoreError> {
    let snapshot = find(write, snapshot).await?;
    Ok(snapshot.map(|snapshot| snapshot.choices).unwrap_or_default())
}

#[boxed]
impl Store {
    /// Writes down that a snapshot is wanted; once per idempotency key.
    pub async fn insert_snapshot(
        &self,
        new: NewSnapshot,
        key: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Snapshot, SnapshotError> {
        let mut write = self.write().await?;
        for id in idempotency::made(&write, key.as_ref()).await? {
            if let Some(row) = find(&write, id).await? {
                return Ok(row);
            }
        }
        let row = insert(&mut write, &new, now).await?;
        idempotency::keep(&write, key, [row.id.to_string()], now).await?;
        write.commit().await?;
        Ok(row)
    }

    /// Writes down desktops as wanted, made from a snapshot that is there or is being taken, or of one that is to
    /// be taken first: all of them, or none; once per idempotency key.
    pub async fn fork_desktops(
        &self,
        from: Result<SnapshotId, NewSnapshot>,
        desktops: Vec<NewDesktop>,
        key: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Vec<Desktop>, SnapshotError> {
        let mut write = self.write().await?;
        let there = desktops::replayed(&write, key.as_ref()).await?;
        if !there.is_empty() {
            return Ok(there);
        }
        let made = fork(&mut write, from, desktops, now).await?;
        idempotency::keep(&write, key, made.iter().map(|desktop| desktop.id.to_string()), now).await?;
        write.commit().await?;
        Ok(made)
    }

    /// Writes down a template as wanted, and the fork that it is to be made by way of.
    pub async fn fork_builder(
        &self,
        from: NewSnapshot,
        builder: NewDesktop,
        template: &SavedTemplate,
        now: Timestamp,
    ) -> Result<(), SnapshotError> {
        let mut write = self.write().await?;
        disk_use::check(&write, template.workspace, from.disk_limit, *template.bytes).await?;
        fork(&mut write, Err(from), vec![builder], now).await?;
        saved_templates::insert(&mut write, template, now).await?;
        write.commit().await?;
        Ok(())
    }

    pub async fn snapshot(&self, id: SnapshotId) -> Result<Option<Snapshot>, StoreError> {
        Ok(Entity::find_by_id(id).one(&self.connection).await?)
    }

    /// A workspace's, or one desktop's, newest first.
    pub async fn snapshots(
        &self,
        workspace: WorkspaceId,
        desktop: Option<DesktopId>,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let mut select = Entity::find()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::State.ne(SnapshotState::Deleting))
            .order_by_desc(Column::Id);
        if let Some(desktop) = desktop {
            select = select.filter(Column::Desktop.eq(desktop));
        }
        Ok(select.all(&self.connection).await?)
    }

    /// Every one there is a row for.
    pub async fn snapshot_ids(&self) -> Result<Vec<SnapshotId>, StoreError> {
        Ok(Entity::find().select_only().column(Column::Id).into_tuple().all(&self.connection).await?)
    }

    /// Those in a state, oldest first.
    pub async fn snapshots_in(&self, state: SnapshotState) -> Result<Vec<Snapshot>, StoreError> {
        let select = Entity::find().filter(Column::State.eq(state)).order_by_asc(Column::Id);
        Ok(select.all(&self.connection).await?)
    }

    /// A desktop's of a kind that are there or have failed, oldest first.
    pub async fn snapshots_of(
        &self,
        desktop: DesktopId,
        kind: SnapshotKind,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let over = [SnapshotState::Ready, SnapshotState::Failed];
        let select = Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .filter(Column::Kind.eq(kind))
            .filter(Column::State.is_in(over))
            .order_by_asc(Column::Id);
        Ok(select.all(&self.connection).await?)
    }

    /// What is kept for an undo, in a workspace or in all, oldest first, at most `most`.
    pub async fn kept_for_undo(
        &self,
        workspace: Option<WorkspaceId>,
        most: u64,
    ) -> Result<Vec<Snapshot>, StoreError> {
        let over = [SnapshotState::Ready, SnapshotState::Failed];
        let mut select = Entity::find()
            .filter(Column::Kind.eq(SnapshotKind::Undo))
            .filter(Column::State.is_in(over))
            .order_by_asc(Column::Id)
            .limit(most);
        if let Some(workspace) = workspace {
            select = select.filter(Column::Workspace.eq(workspace));
        }
        Ok(select.all(&self.connection).await?)
    }

    /// The oldest that is to be taken of a desktop.
    pub async fn wanted_snapshot(&self, desktop: &Desktop) -> Result<Wanted, StoreError> {
        let select = Entity::find()
            .filter(Column::Desktop.eq(desktop.id))
            .filter(Column::State.eq(SnapshotState::Taking))
            .order_by_asc(Column::Id);
        let Some(wanted) = select.one(&self.connection).await? else { return Ok(Wanted::Nothing) };
        if wanted.kind == SnapshotKind::Undo {
            let now = desktops::Entity::find_by_id(desktop.id).one(&self.connection).await?;
            if now.is_none_or(|row| row.revision != desktop.revision) {
                return Ok(Wanted::Changed);
            }
        }
        Ok(Wanted::Snapshot(Box::new(wanted)))
    }

    /// Writes down a snapshot that came from elsewhere.
    pub async fn import_snapshot(
        &self,
        new: ImportedSnapshot,
        now: Timestamp,
    ) -> Result<Snapshot, SnapshotError> {
        let mut write = self.write().await?;
        let others = Entity::find()
            .filter(Column::Workspace.eq(new.workspace))
            .filter(Column::State.ne(SnapshotState::Deleting));
        if others.count(&write.transaction).await? >= new.limit {
            return Err(SnapshotError::LimitReached);
        }
        let is_known = imported_templates::has(&write, new.workspace, &new.template).await?;
        let more = new.disk_bytes.saturating_add(if is_known { 0 } else { new.boot_bytes });
        disk_use::check(&write, new.workspace, new.disk_limit, more).await?;
        imported_templates::note(&write, &new.template, new.boot_bytes).await?;
        let layer = Layer { id: new.layer, key: new.key };
        self.insert_made(&write, &layer, new.size, (new.workspace, new.disk_bytes), now).await?;
        let door_key = new.identity.door_key.expose_secret().as_bytes();
        let door_key =
            self.vault.seal(door_key_cell(&new.id.to_string()), door_key).map_err(StoreError::from)?;
        let row = ActiveModel {
            id: Set(new.id),
            workspace: Set(new.workspace),
            desktop: Set(new.desktop),
            desktop_name: Set(new.desktop_name),
            name: Set(new.name),
            kind: Set(SnapshotKind::Manual),
            state: Set(SnapshotState::Ready),
            reason: Set(None),
            layer: Set(Some(layer.id)),
            next_layer: Set(None),
            template: Set(new.template.clone()),
            size: Set(new.size),
            disk_gib: Set(Amount(new.disk_gib)),
            has_memory: Set(false),
            memory_bytes: Set(Amount(0)),
            disk_bytes: Set(Amount(new.disk_bytes)),
            pause_ms: Set(None),
            made_by: Set(new.made_by),
            created_at: Set(now.into()),
            taken_at: Set(Some(now.into())),
            door_key: Set(Some(door_key)),
            door_public_key: Set(Some(new.identity.door_public_key)),
            host_key: Set(new.identity.host_key),
            has_picture: Set(false),
            choices: Set(new.choices),
        };
        let row = row.insert(&write.transaction).await?;
        tell(&mut write, &row, now).await?;
        if let Some(copy) = new.fetched_from {
            copies::note_fetched(&write, copy, new.id).await?;
        }
        write.commit().await?;
        Ok(row)
    }

    /// The layer that the desktop is to write to once the snapshot is taken: the same each time this is asked.
    pub async fn next_layer(&self, snapshot: &Snapshot, now: Timestamp) -> Result<Layer, StoreError> {
        let write = self.write().await?;
        let row = find(&write, snapshot.id).await?.ok_or_else(|| unreadable(TABLE)("it is gone"))?;
        if let Some(id) = row.next_layer {
            let layer = layers::Entity::find_by_id(id).one(&write.transaction).await?;
            return self.opened(layer.ok_or_else(|| unreadable(TABLE)("its layer is gone"))?);
        }
        let top = top_of(&write, snapshot.desktop).await?;
        let layer = self.insert_layer(&write, snapshot.size, None, Some(top.id), now).await?;
        let change = ActiveModel { id: Set(row.id), next_layer: Set(Some(layer.id)), ..Default::default() };
        change.update(&write.transaction).await?;
        write.commit().await?;
        self.opened(layer)
    }

    /// Writes down that it is taken: the desktop writes to the next layer, and the one before is the
    /// snapshot's. `false` if the desktop's lease was lost.
    pub async fn finish_snapshot(
        &self,
        desktop: &Desktop,
        snapshot: SnapshotId,
        taken: Taken,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop, snapshot).await? else { return Ok(false) };
        let frozen = switch_layers(&write, desktop.id, row.next_layer).await?;
        let parent = desktops::Entity::find_by_id(desktop.id).one(&write.transaction).await?;
        let parent = parent.ok_or_else(|| unreadable(TABLE)("the desktop is gone"))?;
        let identity = self.opened_identity(parent)?;
        let cell = row.id.to_string();
        let seal = |identity: &Identity| {
            self.vault.seal(door_key_cell(&cell), identity.door_key.expose_secret().as_bytes())
        };
        let change = ActiveModel {
            id: Set(row.id),
            state: Set(SnapshotState::Ready),
            layer: Set(Some(frozen)),
            next_layer: Set(None),
            size: Set(taken.size),
            disk_gib: Set(Amount(taken.disk_gib)),
            has_memory: Set(taken.has_memory),
            memory_bytes: Set(Amount(taken.memory_bytes)),
            disk_bytes: Set(Amount(taken.disk_bytes)),
            pause_ms: Set(Some(Amount(taken.pause_ms))),
            taken_at: Set(Some(taken.at.into())),
            door_key: Set(identity.as_ref().map(seal).transpose()?),
            door_public_key: Set(identity.as_ref().map(|identity| identity.door_public_key.clone())),
            host_key: Set(identity.and_then(|identity| identity.host_key)),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        // Until now they could only wait, and are as large as it is.
        desktops::Entity::update_many()
            .col_expr(desktops::Column::PlannedAt, Expr::value(Moment(now)))
            .col_expr(desktops::Column::Size, Expr::value(row.size))
            .col_expr(desktops::Column::DiskGib, Expr::value(row.disk_gib))
            .filter(desktops::Column::Origin.eq(row.id))
            .filter(desktops::Column::ReadyBoot.eq(0))
            .exec(&write.transaction)
            .await?;
        jobs::ask(&mut write, JobKind::Flatten, desktop.id, now).await?;
        settled(&mut write, &row, now).await?;
        remember(&write, &row, None, now).await?;
        tell(&mut write, &row, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Writes down that it could not be taken, and whether the desktop writes to the next layer all the same.
    pub async fn fail_snapshot(
        &self,
        desktop: &Desktop,
        snapshot: SnapshotId,
        reason: &str,
        moved_on: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop, snapshot).await? else { return Ok(false) };
        settle_next(&write, desktop.id, &row, moved_on).await?;
        let change = ActiveModel {
            id: Set(row.id),
            state: Set(SnapshotState::Failed),
            memory_bytes: Set(Amount(0)),
            reason: Set(Some(reason.to_owned())),
            next_layer: Set(None),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        settled(&mut write, &row, now).await?;
        remember(&write, &row, Some(reason), now).await?;
        tell(&mut write, &row, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Has one begin anew, with another next layer, whether or not the desktop writes to the one it had. `false` if the
    /// desktop's lease was lost.
    pub async fn renew_snapshot(
        &self,
        desktop: &Desktop,
        snapshot: SnapshotId,
        moved_on: bool,
    ) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let Some(row) = held(&write, desktop, snapshot).await? else { return Ok(false) };
        settle_next(&write, desktop.id, &row, moved_on).await?;
        let change = ActiveModel { id: Set(row.id), next_layer: Set(None), ..Default::default() };
        change.update(&write.transaction).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Desktops that are being made from a snapshot and have no identity of their own yet.
    pub async fn forks_of(&self, id: SnapshotId) -> Result<Vec<DesktopId>, StoreError> {
        let forks = desktops::Entity::find()
            .filter(desktops::Column::Origin.eq(id))
            .filter(desktops::Column::ReadyBoot.eq(0))
            .select_only()
            .column(desktops::Column::Id)
            .into_tuple()
            .all(&self.connection)
            .await?;
        Ok(forks)
    }

    /// The way into a machine made from a snapshot, until it has an identity of its own.
    pub async fn snapshot_identity(&self, id: SnapshotId) -> Result<Option<Identity>, StoreError> {
        let Some(row) = Entity::find_by_id(id).one(&self.connection).await? else {
            return Ok(None);
        };
        let (Some(sealed), Some(door_public_key)) = (row.door_key, row.door_public_key) else {
            return Ok(None);
        };
        let opened = self.vault.open(door_key_cell(&row.id.to_string()), &sealed)?;
        let text = std::str::from_utf8(opened.expose_secret()).map_err(unreadable(TABLE))?;
        Ok(Some(Identity { door_key: SecretString::from(text), door_public_key, host_key: row.host_key }))
    }

    /// Deletes its keys, as far as nothing else needs them; what is left is to be removed from the host.
    /// One that desktops are being made from stays.
    pub async fn delete_snapshot(&self, id: SnapshotId, now: Timestamp) -> Result<Snapshot, SnapshotError> {
        let mut write = self.write().await?;
        let row = find(&write, id).await?.ok_or(SnapshotError::Gone)?;
        let is_wanted = being_made_from(&write, id).await? || being_restored(&write, id).await?;
        if row.state == SnapshotState::Taking || is_wanted {
            return Err(SnapshotError::InUse);
        }
        let layer = row.layer;
        let change = ActiveModel {
            id: Set(row.id),
            state: Set(SnapshotState::Deleting),
            layer: Set(None),
            door_key: Set(None),
            has_picture: Set(false),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        snapshot_pictures::delete(&write, row.id).await?;
        layers::release(&mut write, layer, now).await?;
        jobs::ask(&mut write, JobKind::RemoveSnapshot, row.id, now).await?;
        tell(&mut write, &row, now).await?;
        write.commit().await?;
        Ok(row)
    }

    /// Forgets one that the host holds nothing of any more.
    pub async fn forget_snapshot(&self, id: SnapshotId, now: Timestamp) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let deleting = Entity::find_by_id(id).filter(Column::State.eq(SnapshotState::Deleting));
        if let Some(row) = deleting.one(&write.transaction).await? {
            Entity::delete_by_id(id).exec(&write.transaction).await?;
            saved_templates::needed_less(&mut write, &row.template, now).await?;
        }
        write.commit().await
    }
}

/// What was wanted of a desktop that is being destroyed can't be taken any more.
pub(crate) async fn abandon_of(
    write: &mut Write,
    desktop: DesktopId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let of = desktops::Entity::find_by_id(desktop).one(&write.transaction).await?;
    if let Some(layer) = of.and_then(|row| row.restore_layer) {
        layers::forget(write, layer).await?;
        let change = desktops::ActiveModel {
            id: Set(desktop),
            restore: Set(None),
            restore_undo: Set(None),
            restore_layer: Set(None),
            ..Default::default()
        };
        change.update(&write.transaction).await?;
    }
    let wanted =
        Entity::find().filter(Column::Desktop.eq(desktop)).filter(Column::State.eq(SnapshotState::Taking));
    for row in wanted.all(&write.transaction).await? {
        if let Some(next) = row.next_layer {
            layers::forget(write, next).await?;
        }
        let change = ActiveModel {
            id: Set(row.id),
            state: Set(SnapshotState::Failed),
            memory_bytes: Set(Amount(0)),
            reason: Set(Some("The desktop was destroyed.".to_owned())),
            next_layer: Set(None),
            ..Default::default()
        };
        let row = change.update(&write.transaction).await?;
        settled(write, &row, now).await?;
        tell(write, &row, now).await?;
    }
    Ok(())
}

/// Whether a snapshot is of this layer.
pub(crate) async fn have_layer(write: &Write, layer: LayerId) -> Result<bool, StoreError> {
    Ok(Entity::find().filter(Column::Layer.eq(layer)).count(&write.transaction).await? > 0)
}

async fn fork(
    write: &mut Write,
    from: Result<SnapshotId, NewSnapshot>,
    desktops: Vec<NewDesktop>,
    now: Timestamp,
) -> Result<Vec<Desktop>, SnapshotError> {
    let is_coming = |row: &Model| matches!(row.state, SnapshotState::Ready | SnapshotState::Taking);
    let row = match from {
        Ok(id) => find(write, id).await?.filter(is_coming),
        Err(new) => Some(insert(write, &new, now).await?),
    };
    let snapshot = row.ok_or(SnapshotError::Gone)?;
    let mut made = Vec::new();
    for new in desktops {
        let new = NewDesktop { origin: Some(snapshot.id), ..new };
        made.push(desktops::insert(write, &new, now).await?.try_into()?);
    }
    Ok(made)
}

pub(crate) async fn insert(
    write: &mut Write,
    new: &NewSnapshot,
    now: Timestamp,
) -> Result<Model, SnapshotError> {
    let desktop = desktops::Entity::find_by_id(new.desktop).one(&write.transaction).await?;
    let desktop = desktop.filter(|row| row.desired != Desired::Destroyed).ok_or(SnapshotError::Gone)?;
    let others = Entity::find()
        .filter(Column::Workspace.eq(desktop.workspace))
        .filter(Column::State.ne(SnapshotState::Deleting));
    if others.count(&write.transaction).await? >= new.limit {
        return Err(SnapshotError::LimitReached);
    }
    disk_use::check(write, desktop.workspace, new.disk_limit, new.memory_bytes).await?;
    let row = ActiveModel {
        id: Set(SnapshotId::generate()),
        workspace: Set(desktop.workspace),
        desktop: Set(desktop.id),
        desktop_name: Set(desktop.name.to_string()),
        name: Set(new.name.clone()),
        kind: Set(new.kind),
        state: Set(SnapshotState::Taking),
        reason: Set(None),
        layer: Set(None),
        next_layer: Set(None),
        template: Set(desktop.template),
        size: Set(desktop.size),
        disk_gib: Set(desktop.disk_gib),
        has_memory: Set(false),
        memory_bytes: Set(Amount(new.memory_bytes)),
        disk_bytes: Set(Amount(0)),
        pause_ms: Set(None),
        made_by: Set(new.made_by.clone()),
        created_at: Set(now.into()),
        taken_at: Set(None),
        door_key: Set(None),
        door_public_key: Set(None),
        host_key: Set(None),
        has_picture: Set(false),
        choices: Set(desktop.choices),
    };
    let row = row.insert(&write.transaction).await?;
    if matches!(row.kind, SnapshotKind::Undo | SnapshotKind::Fork) {
        jobs::ask(write, JobKind::ExpireSnapshot, row.id, now).await?;
    }
    tell(write, &row, now).await?;
    Ok(row)
}

/// It was taken, or was not: what depends on it is looked after.
async fn settled(write: &mut Write, row: &Model, now: Timestamp) -> Result<(), StoreError> {
    match row.kind {
        SnapshotKind::Fork => jobs::ask(write, JobKind::ExpireSnapshot, row.id, now).await,
        SnapshotKind::Scheduled => jobs::ask(write, JobKind::ThinSnapshots, row.desktop, now).await,
        SnapshotKind::Manual | SnapshotKind::Undo => Ok(()),
    }
}

pub(crate) async fn find(write: &Write, id: SnapshotId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(&write.transaction).await?)
}

/// The row, if it is still to be taken and the lease of its desktop still stands.
async fn held(write: &Write, desktop: &Desktop, id: SnapshotId) -> Result<Option<Model>, StoreError> {
    let parent = desktops::Entity::find_by_id(desktop.id).one(&write.transaction).await?;
    if parent.is_none_or(|row| *row.fence != desktop.fence) {
        return Ok(None);
    }
    let row = find(write, id).await?;
    Ok(row.filter(|row| row.state == SnapshotState::Taking))
}

async fn top_of(write: &Write, desktop: DesktopId) -> Result<layers::Model, StoreError> {
    let top = layers::Entity::find().filter(layers::Column::Desktop.eq(desktop));
    let top = top.one(&write.transaction).await?;
    top.ok_or_else(|| unreadable("layers")("a desktop has none"))
}

/// The desktop writes to the next layer from now on; gives the one that it wrote to.
pub(crate) async fn switch_layers(
    write: &Write,
    desktop: DesktopId,
    next: Option<LayerId>,
) -> Result<LayerId, StoreError> {
    let next = next.ok_or_else(|| unreadable(TABLE)("it has no next layer"))?;
    let before = top_of(write, desktop).await?;
    let change = layers::ActiveModel {
        id: Set(before.id),
        desktop: Set(None),
        frozen: Set(true),
        ..Default::default()
    };
    change.update(&write.transaction).await?;
    let change = layers::ActiveModel { id: Set(next), desktop: Set(Some(desktop)), ..Default::default() };
    change.update(&write.transaction).await?;
    Ok(before.id)
}

/// The next layer of one that was not taken is its desktop's, if that writes to it, or is forgotten.
async fn settle_next(
    write: &Write,
    desktop: DesktopId,
    row: &Model,
    moved_on: bool,
) -> Result<(), StoreError> {
    if moved_on {
        switch_layers(write, desktop, row.next_layer).await?;
    } else if let Some(next) = row.next_layer {
        layers::forget(write, next).await?;
    }
    Ok(())
}

/// Whether a desktop is being forked from it that is not its own yet.
async fn being_made_from(write: &Write, id: SnapshotId) -> Result<bool, StoreError> {
    let waiting = desktops::Entity::find()
        .filter(desktops::Column::Origin.eq(id))
        .filter(desktops::Column::ReadyBoot.eq(0))
        .filter(desktops::alive());
    Ok(waiting.count(&write.transaction).await? > 0)
}

/// Whether a desktop is being put back to it, or it is what that desktop is before.
async fn being_restored(write: &Write, id: SnapshotId) -> Result<bool, StoreError> {
    let part =
        Condition::any().add(desktops::Column::Restore.eq(id)).add(desktops::Column::RestoreUndo.eq(id));
    let waiting = desktops::Entity::find().filter(part);
    Ok(waiting.count(&write.transaction).await? > 0)
}

/// Notes in the desktop's history that it was taken, or was not. What forks need for themselves is no event.
async fn remember(write: &Write, row: &Model, error: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
    if row.kind == SnapshotKind::Fork {
        return Ok(());
    }
    let by = By::somebody(row.made_by.clone()).because(&row.name);
    let when = (*row.created_at, now);
    history::note(write, (row.workspace, row.desktop), happening::SNAPSHOT, by, when, error).await
}

async fn tell(write: &mut Write, row: &Model, now: Timestamp) -> Result<(), StoreError> {
    let data = EventData::SnapshotChanged { id: row.id, name: &row.name, kind: row.kind, state: row.state };
    events::insert(write, row.workspace, row.desktop, data, now).await
}

fn door_key_cell(row: &str) -> Cell<'_> {
    Cell { table: "snapshots", row, column: "door_key" }
}
