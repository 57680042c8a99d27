//! Changing a desktop's row: wishes from its owner, findings from the reconciler.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{
    Actor, Choices, Command, Desired, DesktopId, DesktopName, DesktopState, EventData, FailReason, JobKind,
    Record, Refusal, Size, StopReason,
};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Expr;

use super::row::{ActiveModel, Column, Desktop, Entity, Model, alive, columns, event_data, record};
use crate::desktops::receipts::{self, Receipt};
use crate::desktops::steps;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::events;
use crate::kernel::history::{self, By, happening};
use crate::kernel::jobs;
use crate::kernel::moment::{Amount, Count, Moment};
use crate::setups;
use crate::shares;
use crate::sleep::policies as sleep_policies;
use crate::snapshots::layers;
use crate::snapshots::schedules as snapshot_schedules;
use crate::snapshots::{self, NewSnapshot, SnapshotError};
use crate::templates::saved as saved_templates;

#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("there is no such desktop")]
    Gone,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is to be of a desktop from now on; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesktopChange {
    pub name: Option<DesktopName>,
    /// Whether it starts again after the host was restarted.
    pub autostart: Option<bool>,
    pub choices: Option<Choices>,
    /// With its disk, GiB.
    pub size: Option<(Size, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub enum UpdateDesktopError {
    #[error("there is no such desktop")]
    Gone,
    #[error("the workspace has a desktop called {0}")]
    NameTaken(DesktopName),
    #[error("the desktop is being destroyed")]
    BeingDestroyed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<DbErr> for ChangeError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

impl From<DbErr> for UpdateDesktopError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// Somebody uses it. Nothing else of it changes, so nobody is told.
pub(crate) async fn used(write: &Write, id: DesktopId, at: Timestamp) -> Result<(), StoreError> {
    let change = Entity::update_many().col_expr(Column::LastUsedAt, Expr::value(Moment(at)));
    change.filter(Column::Id.eq(id)).exec(&write.transaction).await?;
    Ok(())
}

#[boxed]
impl Store {
    /// Writes down what the owner wants, and that what would be lost by it is to be kept first as `undo` says; where
    /// the workspace may have no more snapshots, it is not.
    pub async fn command_desktop(
        &self,
        id: DesktopId,
        command: Command,
        by: By<'_>,
        undo: Option<NewSnapshot>,
        now: Timestamp,
    ) -> Result<Desktop, ChangeError> {
        let mut write = self.write().await?;
        let row = find(&write, id).await?.ok_or(ChangeError::Gone)?;
        let before = record(&row)?;
        let after = before.commanded(command, now)?;
        if before == after {
            return Ok(Desktop::try_from(row)?);
        }
        if let Some(undo) = undo.filter(|_| before.would_lose(command)) {
            match snapshots::insert(&mut write, &undo, now).await {
                Ok(_) | Err(SnapshotError::LimitReached | SnapshotError::DiskQuota(_)) => {}
                Err(SnapshotError::Store(error)) => return Err(error.into()),
                Err(SnapshotError::Gone | SnapshotError::InUse | SnapshotError::Desktop(_)) => {
                    return Err(ChangeError::Gone);
                }
            }
        }
        let mut change = columns(&after);
        change.id = Set(row.id);
        change.revision = Set(row.revision.saturating_add(1));
        change.updated_at = Set(now.into());
        if after.state != before.state {
            change.detail = Set(None);
        }
        let row = change.update(&write.transaction).await?;
        let whom = (row.workspace, row.id);
        if command == Command::Start && before.state == DesktopState::Running {
            // It goes on as it was; what was asked of it before is not done.
            history::end(&write, whom.1, Some(history::OVERTAKEN), now).await?;
        } else {
            history::begin(&write, whom, happening(command, before.state), by, now).await?;
        }
        if goes_on_after(&before, &after) {
            goes_on(&mut write, row.id, now).await?;
        }
        if let Some(origin) = row.origin.filter(|_| after.desired == Desired::Destroyed) {
            jobs::ask(&mut write, JobKind::ExpireSnapshot, origin, now).await?;
        }
        tell(&mut write, &row, &after, now).await?;
        write.commit().await?;
        Ok(Desktop::try_from(row)?)
    }

    /// Changes what its owner says of it, as far as that differs from what it is; nothing of it where `change` refuses.
    pub async fn update_desktop<E>(
        &self,
        id: DesktopId,
        actor: Actor,
        now: Timestamp,
        change: impl FnOnce(&Desktop) -> Result<DesktopChange, E>,
    ) -> Result<Result<Desktop, E>, UpdateDesktopError> {
        let mut write = self.write().await?;
        let row = find(&write, id).await?.ok_or(UpdateDesktopError::Gone)?;
        let before = Desktop::try_from(row)?;
        let change = match change(&before) {
            Ok(change) => change,
            Err(refused) => return Ok(Err(refused)),
        };
        if change.name.is_some() && before.record.desired == Desired::Destroyed {
            return Err(UpdateDesktopError::BeingDestroyed);
        }
        let name = change.name.filter(|name| *name != before.name);
        let autostart = change.autostart.filter(|autostart| *autostart != before.record.autostart);
        let choices = change.choices.filter(|choices| *choices != before.choices);
        let size = change.size.filter(|size| *size != (before.size, before.disk_gib));
        if (&name, autostart, &choices, size) == (&None, None, &None, None) {
            return Ok(Ok(before));
        }
        if let Some(name) = &name {
            let others = Entity::find()
                .filter(Column::Workspace.eq(before.workspace))
                .filter(Column::Name.eq(name.as_str()))
                .filter(alive());
            if others.count(&write.transaction).await? > 0 {
                return Err(UpdateDesktopError::NameTaken(name.clone()));
            }
            // They are for the address by its name, which may be another desktop's before this has it again.
            shares::delete_of(&write, id).await?;
        }
        let columns = ActiveModel {
            id: Set(id),
            name: name.clone().map_or(NotSet, Set),
            autostart: autostart.map_or(NotSet, Set),
            choices: choices.map_or(NotSet, Set),
            size: size.map_or(NotSet, |(size, _)| Set(size)),
            disk_gib: size.map_or(NotSet, |(_, gib)| Set(Amount(gib))),
            updated_at: Set(now.into()),
            ..Default::default()
        };
        let row = columns.update(&write.transaction).await?;
        let screen = row.choices.screen.map(|screen| screen.to_string());
        let happened = [
            name.map(|name| (happening::RENAMED, Some(name.to_string()))),
            (row.choices.screen != before.choices.screen).then_some(match screen {
                Some(size) => (happening::SCREEN_FIXED, Some(size)),
                None => (happening::SCREEN_FREED, None),
            }),
            size.map(|(size, gib)| (happening::RESIZED, Some(format!("{size}, {gib} GiB")))),
        ];
        for (kind, what) in happened.into_iter().flatten() {
            let by = By { actor: actor.clone(), detail: what.as_deref() };
            history::note(&write, (row.workspace, id), kind, by, (now, now), None).await?;
        }
        tell(&mut write, &row, &record(&row)?, now).await?;
        write.commit().await?;
        Ok(Ok(Desktop::try_from(row)?))
    }

    /// Writes down what was found or decided, if `desktop`'s fence and revision still stand;
    /// otherwise nothing is written and `false` returned. Failing, stopping and destroying end
    /// the steps under way, with `detail` for a reason.
    pub async fn save_record(
        &self,
        desktop: &Desktop,
        after: &Record,
        detail: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.save_seen(desktop, after, detail, None, now).await
    }

    /// The same of a start that is planned because the guest has restarted itself.
    pub async fn save_rebooted(
        &self,
        desktop: &Desktop,
        after: &Record,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.save_seen(desktop, after, None, Some(happening::REBOOTED), now).await
    }

    async fn save_seen(
        &self,
        desktop: &Desktop,
        after: &Record,
        detail: Option<&str>,
        happened: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let mut change = columns(after);
        let seen = after.state != desktop.record.state || after.desired != desktop.record.desired;
        if seen {
            change.updated_at = Set(now.into());
        }
        if after.state != desktop.record.state || detail.is_some() {
            change.detail = Set(detail.map(str::to_owned));
        }
        let changed = Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(desktop.id))
            .filter(Column::Fence.eq(Amount(desktop.fence)))
            .filter(Column::Revision.eq(desktop.revision))
            .exec(&write.transaction)
            .await?;
        if changed.rows_affected == 0 {
            return Ok(false);
        }
        if seen {
            if matches!(after.state, DesktopState::Failed(_) | DesktopState::Stopped(_)) {
                let reason = after.state.reason_sentence().unwrap_or("It was stopped.");
                steps::end_open(&mut write, desktop.workspace, desktop.id, reason, now).await?;
            }
            let (workspace, id) = (desktop.workspace, desktop.id);
            match happened {
                Some(what) => history::begin(&write, (workspace, id), what, By::ROLLTOP, now).await?,
                None => remember(&write, (workspace, id), &desktop.record, after, now).await?,
            }
            if goes_on_after(&desktop.record, after) {
                goes_on(&mut write, id, now).await?;
            }
            let data = event_data(&desktop.name, after);
            events::insert(&mut write, workspace, id, data, now).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// Writes down that a start was personalised, and pins the host key. That happened, so it
    /// counts even if the owner's wishes have changed meanwhile; only the fence must stand.
    pub async fn save_personalised(
        &self,
        desktop: &Desktop,
        after: &Record,
        host_key: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let change = ActiveModel {
            ready_boot: Set(Count(after.ready_boot)),
            ready_at: Set(after.ready_at.map(Moment)),
            last_failure: Set(None),
            retry_at: Set(None),
            host_key: Set(Some(host_key.to_owned())),
            ..Default::default()
        };
        let changed = Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(desktop.id))
            .filter(Column::Fence.eq(Amount(desktop.fence)))
            .filter(Column::KeysRemovedAt.is_null())
            .exec(&write.transaction)
            .await?;
        if changed.rows_affected > 0 {
            // Brought back, it runs before it is entered.
            if desktop.record.state == DesktopState::Running {
                goes_on(&mut write, desktop.id, now).await?;
            }
            if let Some(origin) = desktop.origin.filter(|_| desktop.record.ready_boot == 0) {
                jobs::ask(&mut write, JobKind::ExpireSnapshot, origin, now).await?;
            }
        }
        write.commit().await?;
        Ok(changed.rows_affected > 0)
    }

    /// Deletes every key of a desktop that is being destroyed, and says when that was first done.
    /// From then on its disk is noise.
    pub async fn remove_keys(
        &self,
        desktop: &Desktop,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop).await? else { return Ok(None) };
        let at = row.keys_removed_at.unwrap_or(Moment(now));
        snapshots::abandon_of(&mut write, desktop.id, now).await?;
        forget_keys(&mut write, desktop.id, now).await?;
        setups::forget(&write, desktop.id).await?;
        let change = ActiveModel {
            id: Set(row.id),
            keys_removed_at: Set(Some(at)),
            door_key: Set(None),
            door_public_key: Set(None),
            ..Default::default()
        };
        change.update(&write.transaction).await?;
        steps::end_open(&mut write, desktop.workspace, desktop.id, "The desktop was destroyed.", now).await?;
        write.commit().await?;
        Ok(Some(*at))
    }

    /// Forgets keys and identity of a machine nobody has used, so that it can be forked again.
    pub async fn discard_identity(&self, desktop: &Desktop, now: Timestamp) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop).await? else { return Ok(false) };
        forget_keys(&mut write, desktop.id, now).await?;
        let change = ActiveModel {
            id: Set(row.id),
            door_key: Set(None),
            door_public_key: Set(None),
            host_key: Set(None),
            ..Default::default()
        };
        change.update(&write.transaction).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Notes in its history what becomes of a desktop by itself, in a moment.
    pub async fn note_happening(
        &self,
        id: DesktopId,
        what: &str,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        note_of(&mut write, id, (what, by), (now, now), None).await?;
        write.commit().await
    }

    /// Tells watchers that what is known of a desktop has changed, of which nothing is stored.
    pub async fn tell(&self, id: DesktopId, now: Timestamp) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        tell_of(&mut write, id, now).await?;
        write.commit().await
    }

    /// Notes in its history what has happened, and tells watchers.
    pub async fn tell_happening(
        &self,
        id: DesktopId,
        what: (&str, By<'_>),
        when: (Timestamp, Timestamp),
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        note_of(&mut write, id, what, when, error).await?;
        tell_of(&mut write, id, when.1).await?;
        write.commit().await
    }

    /// Keeps the receipt of a destruction the engine has confirmed.
    pub async fn save_receipt(&self, desktop: &Desktop, receipt: &Receipt) -> Result<bool, StoreError> {
        let write = self.write().await?;
        let Some(row) = held(&write, desktop).await? else { return Ok(false) };
        receipts::insert(&write, receipt).await?;
        let change = ActiveModel { id: Set(row.id), receipt: Set(true), ..Default::default() };
        change.update(&write.transaction).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Removes the row of a destroyed desktop; events, access log and receipt stay.
    pub async fn forget_desktop(&self, desktop: &Desktop, now: Timestamp) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let Some(row) = held(&write, desktop).await? else { return Ok(false) };
        forget_keys(&mut write, desktop.id, now).await?;
        Entity::delete_by_id(row.id).exec(&write.transaction).await?;
        saved_templates::needed_less(&mut write, &row.template, now).await?;
        history::end(&write, row.id, None, now).await?;
        let data = EventData::DesktopDestroyed { name: &row.name };
        events::insert(&mut write, row.workspace, row.id, data, now).await?;
        write.commit().await?;
        Ok(true)
    }
}

/// Whether it runs from now on, or goes on running that was to stop.
fn goes_on_after(before: &Record, after: &Record) -> bool {
    let runs = |record: &Record| (record.state, record.desired) == (DesktopState::Running, Desired::Running);
    runs(after) && !runs(before)
}

/// From now on it runs: what can be done only then is looked after.
pub(crate) async fn goes_on(write: &mut Write, id: DesktopId, now: Timestamp) -> Result<(), StoreError> {
    let of = [
        (setups::is_open_of(write, id).await?, JobKind::SetUp),
        (sleep_policies::has(write, id).await?, JobKind::Sleep),
        (snapshot_schedules::has(write, id).await?, JobKind::TakeSnapshot),
        (layers::are_many(write, id).await?, JobKind::Flatten),
    ];
    for (_, kind) in of.into_iter().filter(|(is_wanted, _)| *is_wanted) {
        jobs::ask(write, kind, id, now).await?;
    }
    Ok(())
}

async fn find(write: &Write, id: DesktopId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id(id).one(&write.transaction).await?)
}

/// The row, if the lease it was taken with still stands.
async fn held(write: &Write, desktop: &Desktop) -> Result<Option<Model>, StoreError> {
    let row = find(write, desktop.id).await?;
    Ok(row.filter(|row| *row.fence == desktop.fence))
}

async fn forget_keys(write: &mut Write, id: DesktopId, now: Timestamp) -> Result<(), StoreError> {
    let own = layers::Entity::find().filter(layers::Column::Desktop.eq(id)).all(&write.transaction).await?;
    if own.is_empty() {
        return Ok(());
    }
    // Overwritten before it is deleted, so that no page of the file keeps it.
    layers::Entity::update_many()
        .col_expr(layers::Column::LayerKey, Expr::value(Vec::<u8>::new()))
        .filter(layers::Column::Desktop.eq(id))
        .exec(&write.transaction)
        .await?;
    layers::Entity::delete_many().filter(layers::Column::Desktop.eq(id)).exec(&write.transaction).await?;
    jobs::empty_log(write, now).await?;
    for layer in own {
        layers::release(write, layer.parent, now).await?;
    }
    Ok(())
}

/// What a command is called once it is carried out.
fn happening(command: Command, before: DesktopState) -> &'static str {
    match command {
        Command::Start if before == DesktopState::Suspended => happening::RESUMED,
        Command::Start => happening::STARTED,
        Command::Stop => happening::STOPPED,
        Command::Suspend => happening::SUSPENDED,
        Command::Restart => happening::RESTARTED,
        Command::Retry => happening::RETRIED,
        Command::Destroy => happening::DELETED,
    }
}

/// What a change of state means for what is under way, and what happened by itself.
async fn remember(
    write: &Write,
    whom: history::Whom,
    before: &Record,
    after: &Record,
    now: Timestamp,
) -> Result<(), StoreError> {
    match after.state {
        // Back to running, because it could not be suspended.
        DesktopState::Running
            if before.desired == Desired::Suspended && after.desired == Desired::Running =>
        {
            let why = after.last_failure.map(FailReason::sentence);
            history::end(write, whom.1, why, now).await?;
        }
        DesktopState::Running | DesktopState::Suspended | DesktopState::Stopped(StopReason::Asked) => {
            if after.state != before.state {
                history::end(write, whom.1, None, now).await?;
            }
        }
        DesktopState::Stopped(reason @ (StopReason::FromInside | StopReason::HostRestarted)) => {
            history::end(write, whom.1, None, now).await?;
            let what = match reason {
                StopReason::HostRestarted => happening::HOST_RESTARTED,
                StopReason::FromInside | StopReason::Asked => happening::SHUT_DOWN,
            };
            history::note(write, whom, what, By::ROLLTOP, (now, now), None).await?;
        }
        DesktopState::Failed(reason) => {
            let why = Some(reason.sentence());
            if !history::end(write, whom.1, why, now).await? {
                history::note(write, whom, happening::FAILED, By::ROLLTOP, (now, now), why).await?;
            }
        }
        // Nobody asked for that.
        DesktopState::Pending
            if before.state == DesktopState::Running
                && before.desired == Desired::Running
                && after.desired == Desired::Running
                && !before.restart =>
        {
            // Only what went wrong is counted.
            let what = if after.attempts > 0 { happening::DIED } else { happening::STARTED };
            history::begin(write, whom, what, By::ROLLTOP, now).await?;
        }
        DesktopState::Pending
        | DesktopState::Booting
        | DesktopState::Destroying
        | DesktopState::Destroyed => {}
    }
    Ok(())
}

/// Notes something that is over in a desktop's history.
pub(crate) async fn note_of(
    write: &mut Write,
    id: DesktopId,
    (what, by): (&str, By<'_>),
    when: (Timestamp, Timestamp),
    error: Option<&str>,
) -> Result<(), StoreError> {
    let Some(row) = find(write, id).await? else { return Ok(()) };
    history::note(write, (row.workspace, row.id), what, by, when, error).await
}

/// Tells that something of a desktop has changed; `false` where it is gone.
pub(crate) async fn tell_of(write: &mut Write, id: DesktopId, now: Timestamp) -> Result<bool, StoreError> {
    let Some(row) = find(write, id).await? else { return Ok(false) };
    tell(write, &row, &record(&row)?, now).await?;
    Ok(true)
}

async fn tell(write: &mut Write, row: &Model, record: &Record, now: Timestamp) -> Result<(), StoreError> {
    let data = event_data(&row.name, record);
    events::insert(write, row.workspace, row.id, data, now).await
}
