//! Snapshots and forks: asking for them, listing and deleting them.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types::{self as api, ForkDesktop, Scope};
use rolltop_boxed::boxed;
use rolltop_engine::Lacks;
use rolltop_model::{
    Choices, Desired, DesktopId, DesktopName, DesktopState, NameError, Size, SnapshotId, SnapshotKind,
    SnapshotState, TemplateVersion,
};
use rolltop_store::{
    CreateDesktopError, IdempotencyKey, NewDesktop, NewSnapshot, SnapshotError as StoreSnapshotError,
};

use crate::disk::quota::OverDiskQuota;
use crate::kernel::caller::{Caller, DesktopAccess, purpose};
use crate::kernel::control::Control;
use crate::kernel::error::{LacksScope, NoSuchDesktop, explained};
use crate::kernel::idempotency::BadIdempotencyKey;
use crate::kernel::{clock, idempotency};

/// Snapshots a workspace may have.
pub(crate) const MOST_SNAPSHOTS: u64 = 1000;
/// Forks of one request.
const MOST_FORKS: u32 = 50;
const LONGEST_NAME: usize = 100;
/// Names of forks tried before giving up.
const NAME_TRIES: u32 = 10_000;

explained! {
    pub enum SnapshotError:
        NoSuchDesktop(NoSuchDesktop), Forbidden(LacksScope), BadIdempotencyKey(BadIdempotencyKey), Name(NameError),
        OverDiskQuota(OverDiskQuota), Lacks(Lacks)
    or Internal {
        NoPicture => NotFound, "What was on its screen was not kept.";
        NotFound => NotFound, "There is no such snapshot.";
        NothingToUndo => WrongState, "Nothing is kept of this desktop that could be brought back.";
        BadName => InvalidName in "name", "A snapshot's name has 1 to {LONGEST_NAME} characters, none of them a control character or invisible.";
        /// The desktop is in a state in which there is nothing to keep.
        WrongState(&'static str) => WrongState, "{0}";
        Failed => WrongState, "This desktop has failed; try again first.";
        TooMany => QuotaReached, "This workspace has {MOST_SNAPSHOTS} snapshots already; delete one first.";
        InUse => InUse, "This snapshot is still being taken, or desktops are being made from it or put back to it; try again then.";
        BadCount => InvalidCount in "count", "One request makes 1 to {MOST_FORKS} forks.";
        IdempotencyMismatch => IdempotencyKeyReused, "This idempotency key was used for another request; take a new one.";
        NameTaken(String) => NameTaken in "name", "There is already a desktop called {0}; choose another name.";
        QuotaReached(u32) => QuotaReached, "This workspace may have {0} desktops; destroy one first.";
    }
}

/// How long what is there for an undo is kept.
pub(crate) const KEPT_FOR_UNDO: Duration = Duration::from_secs(24 * 60 * 60);

/// What a desktop is now, to be kept before something is done with it: whatever the workspace has of the disk, or what is
/// deleted to make room would be lost.
pub(crate) fn undo(desktop: DesktopId, name: String, caller: &Caller) -> NewSnapshot {
    NewSnapshot {
        desktop,
        name,
        kind: SnapshotKind::Undo,
        made_by: caller.actor(),
        limit: MOST_SNAPSHOTS,
        memory_bytes: 0,
        disk_limit: None,
    }
}

/// As it is shown, if its desktop is there or gone.
pub(crate) fn shown(row: rolltop_store::Snapshot, desktop_is_gone: bool) -> api::Snapshot {
    api::Snapshot {
        id: row.id,
        desktop: row.desktop,
        desktop_is_gone,
        desktop_name: row.desktop_name,
        name: row.name,
        state: row.state,
        detail: row.reason,
        template: row.template.to_string(),
        size: row.size,
        has_memory: row.has_memory,
        memory_bytes: if row.state == SnapshotState::Taking { 0 } else { *row.memory_bytes },
        disk_bytes: *row.disk_bytes,
        pause_ms: row.pause_ms.map(|pause| *pause),
        made_by: row.made_by.name.into_owned(),
        created_at: *row.created_at,
        taken_at: row.taken_at.map(Timestamp::from),
        is_scheduled: row.kind == SnapshotKind::Scheduled,
        kept_until: (row.kind == SnapshotKind::Undo).then(|| clock::later(*row.created_at, KEPT_FOR_UNDO)),
        has_picture: row.has_picture,
    }
}

#[boxed]
impl Control {
    /// Asks for a snapshot of a desktop as it is now. It is taken within moments, while the desktop
    /// runs, is suspended or stopped; one that is on its way to a state is kept once it is there.
    pub async fn take_snapshot(
        &self,
        access: &DesktopAccess<purpose::Write>,
        name: Option<&str>,
        idempotency_key: Option<&str>,
    ) -> Result<api::Snapshot, SnapshotError> {
        let what = serde_json::json!(["take snapshot", access.desktop, name]);
        let key = idempotency::key(&access.caller, idempotency_key, &what)?;
        let name = match name.map(str::trim) {
            None => default_name(clock::now()),
            Some(name) if is_name(name) => name.to_owned(),
            Some(_) => return Err(SnapshotError::BadName),
        };
        self.keepable(access.desktop).await?;
        let new = self.new_snapshot(access.desktop, name, SnapshotKind::Manual, &access.caller);
        let row = self.kernel.store.insert_snapshot(new, key, clock::now()).await;
        let row = row.map_err(|error| self.refused(error, "", 0))?;
        tracing::info!(desktop = %row.desktop, snapshot = %row.id, "snapshot asked for");
        self.kernel.nudge(row.desktop);
        Ok(shown(row, false))
    }

    /// The workspace's snapshots, or one desktop's, newest first; not those that forks are made from.
    pub async fn snapshots(
        &self,
        caller: &Caller,
        desktop: Option<DesktopId>,
    ) -> Result<Vec<api::Snapshot>, SnapshotError> {
        caller.needs(Scope::DesktopsRead)?;
        let desktop = caller.only.or(desktop).filter(|id| caller.only.is_none_or(|only| only == *id));
        let rows = self.kernel.store.snapshots(caller.workspace, desktop).await?;
        let of = rows.iter().map(|row| row.desktop).collect();
        let there = self.kernel.store.desktops_there(of).await?;
        let visible = rows.into_iter().filter(|row| row.kind != SnapshotKind::Fork);
        Ok(visible
            .map(|row| {
                let is_gone = !there.contains(&row.desktop);
                shown(row, is_gone)
            })
            .collect())
    }

    pub async fn snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<api::Snapshot, SnapshotError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsRead).await?;
        let is_there = self.kernel.store.desktop(row.desktop).await?.is_some();
        Ok(shown(row, !is_there))
    }

    /// What was on the screen when it was taken: a JPEG, the guest's bytes. None where that was not kept.
    pub async fn snapshot_picture(&self, caller: &Caller, id: SnapshotId) -> Result<Vec<u8>, SnapshotError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsControl).await?;
        self.kernel.store.snapshot_picture(row.id).await?.ok_or(SnapshotError::NoPicture)
    }

    /// Deletes a snapshot: what nothing else needs of it is noise from then on, and removed.
    pub async fn delete_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<(), SnapshotError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsWrite).await?;
        self.kernel
            .store
            .delete_snapshot(row.id, clock::now())
            .await
            .map_err(|error| self.refused(error, "", 0))?;
        Ok(())
    }

    /// Makes desktops that begin as this one is now, memory included: a snapshot is taken of it, and each of
    /// them made from that.
    pub async fn fork(
        &self,
        access: &DesktopAccess<purpose::Write>,
        wanted: &ForkDesktop,
        idempotency_key: Option<&str>,
    ) -> Result<Vec<api::Desktop>, SnapshotError> {
        let what = serde_json::json!(["fork desktop", access.desktop, wanted.name, wanted.count]);
        let key = idempotency::key(&access.caller, idempotency_key, &what)?;
        let row = self.keepable(access.desktop).await?;
        let name = format!("Fork of {}", row.name);
        let new = self.new_snapshot(row.id, name, SnapshotKind::Fork, &access.caller);
        let origin = (row.name.to_string(), row.template.clone(), row.size, row.disk_gib);
        let made = self
            .make_forks(&access.caller, Err(new), origin, wanted, key, self.kernel.config.disk_limit)
            .await?;
        self.kernel.nudge(access.desktop);
        Ok(made)
    }

    /// Makes desktops that begin as a snapshot was.
    pub async fn fork_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        wanted: &ForkDesktop,
        idempotency_key: Option<&str>,
    ) -> Result<Vec<api::Desktop>, SnapshotError> {
        let what = serde_json::json!(["fork snapshot", id, wanted.name, wanted.count]);
        let key = idempotency::key(caller, idempotency_key, &what)?;
        let row = self.own_snapshot(caller, id, Scope::DesktopsWrite).await?;
        if row.state != SnapshotState::Ready {
            return Err(SnapshotError::WrongState("This snapshot is not ready."));
        }
        let origin = (row.desktop_name, row.template, row.size, *row.disk_gib);
        self.make_forks(caller, Ok(row.id), origin, wanted, key, self.kernel.config.disk_limit).await
    }

    /// Puts the desktop back to what it was. What it is now is kept first, for a day, so that there is a way back
    /// from that too. It runs afterwards. One that was destroyed is made anew, under its name if that is free.
    pub async fn restore(&self, caller: &Caller, id: SnapshotId) -> Result<api::Desktop, SnapshotError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsWrite).await?;
        self.put_back(caller, row).await
    }

    pub(crate) async fn put_back(
        &self,
        caller: &Caller,
        row: rolltop_store::Snapshot,
    ) -> Result<api::Desktop, SnapshotError> {
        let desktop = self.kernel.store.desktop(row.desktop).await?;
        if desktop.is_none_or(|desktop| desktop.record.desired == Desired::Destroyed) {
            return self.make_anew(caller, row).await;
        }
        if row.state != SnapshotState::Ready {
            return Err(SnapshotError::WrongState("This snapshot is not ready."));
        }
        match self.keepable(row.desktop).await {
            // A way out of that: its disk is kept as it is.
            Ok(_) | Err(SnapshotError::Failed) => {}
            Err(error) => return Err(error),
        }
        let name: String = format!("Before going back to {}", row.name).chars().take(LONGEST_NAME).collect();
        let desktop =
            self.kernel.store.ask_restore(row.id, undo(row.desktop, name, caller), clock::now()).await;
        let desktop = desktop.map_err(|error| self.refused(error, "", 0))?;
        tracing::info!(desktop = %desktop.id, snapshot = %row.id, "to be put back");
        self.kernel.nudge(desktop.id);
        Ok(self.view(desktop, Some(Vec::new())))
    }

    /// A desktop that is as one that was destroyed.
    async fn make_anew(
        &self,
        caller: &Caller,
        row: rolltop_store::Snapshot,
    ) -> Result<api::Desktop, SnapshotError> {
        if !matches!(row.state, SnapshotState::Ready | SnapshotState::Taking) {
            return Err(SnapshotError::WrongState("This snapshot is not ready."));
        }
        let is_free = self.kernel.store.desktop_named(caller.workspace, &row.desktop_name).await?.is_none();
        let name = is_free.then(|| row.desktop_name.clone());
        let origin = (row.desktop_name, row.template, row.size, *row.disk_gib);
        let wanted = ForkDesktop { name, count: None };
        // What it had is there already.
        let made = self.make_forks(caller, Ok(row.id), origin, &wanted, None, None).await?;
        let made = made.into_iter().next().ok_or(SnapshotError::NotFound)?;
        Ok(api::Desktop { steps: Some(Vec::new()), ..made })
    }

    async fn make_forks(
        &self,
        caller: &Caller,
        from: Result<SnapshotId, NewSnapshot>,
        (origin_name, template, size, disk_gib): (String, TemplateVersion, Size, u64),
        wanted: &ForkDesktop,
        key: Option<IdempotencyKey>,
        disk_limit: Option<u64>,
    ) -> Result<Vec<api::Desktop>, SnapshotError> {
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        self.kernel.engine.layers()?;
        let count = wanted.count.unwrap_or(1);
        if !(1..=MOST_FORKS).contains(&count) {
            return Err(SnapshotError::BadCount);
        }
        let limit = self.desktop_limit(caller.workspace).await?;
        let names = self.fork_names(caller, wanted.name.as_deref(), &origin_name, count).await?;
        let last = names.last().map(ToString::to_string).unwrap_or_default();
        let desktops = names.into_iter().map(|name| NewDesktop {
            id: DesktopId::generate(),
            workspace: caller.workspace,
            name,
            template: template.clone(),
            engine: self.kernel.config.engine.clone(),
            size,
            disk_gib,
            choices: Choices::default(),
            origin: None,
            made_by: caller.actor(),
            origin_name: Some(origin_name.clone()),
            setup: None,
            limit,
            disk_limit,
        });
        let made = self.kernel.store.fork_desktops(from, desktops.collect(), key, clock::now()).await;
        let made = made.map_err(|error| self.refused(error, &last, limit))?;
        for desktop in &made {
            tracing::info!(desktop = %desktop.id, origin = ?desktop.origin, "fork asked for");
            self.kernel.nudge(desktop.id);
        }
        Ok(made.into_iter().map(|row| self.view(row, None)).collect())
    }

    /// One is called as wished; several, and one without a wish, are numbered, which makes a name of any stem.
    async fn fork_names(
        &self,
        caller: &Caller,
        wanted: Option<&str>,
        origin: &str,
        count: u32,
    ) -> Result<Vec<DesktopName>, SnapshotError> {
        if let (Some(name), 1) = (wanted, count) {
            return Ok(vec![DesktopName::chosen(name)?]);
        }
        let stem: DesktopName = wanted.unwrap_or(origin).parse()?;
        let mut names = Vec::new();
        for number in 1..NAME_TRIES {
            let end = format!("-{number}");
            let stem: String = stem.as_str().chars().take(DesktopName::MAX_LENGTH - end.len()).collect();
            let name: DesktopName = format!("{}{end}", stem.trim_end_matches('-')).parse()?;
            if self.kernel.store.desktop_named(caller.workspace, name.as_str()).await?.is_none() {
                names.push(name);
            }
            if names.len() == count as usize {
                break;
            }
        }
        Ok(names)
    }

    /// The desktop, if there is something of it to be kept.
    pub(crate) async fn keepable(&self, id: DesktopId) -> Result<rolltop_store::Desktop, SnapshotError> {
        self.kernel.engine.layers()?;
        let row = self.kernel.store.desktop(id).await?.ok_or(NoSuchDesktop)?;
        match row.record.state {
            DesktopState::Destroying | DesktopState::Destroyed => Err(NoSuchDesktop.into()),
            _ if row.record.ready_boot == 0 => {
                Err(SnapshotError::WrongState("This desktop is still being made; try again once it runs."))
            }
            DesktopState::Failed(_) => Err(SnapshotError::Failed),
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Stopped(_) => Ok(row),
        }
    }

    pub(crate) async fn own_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
        scope: Scope,
    ) -> Result<rolltop_store::Snapshot, SnapshotError> {
        caller.needs(scope)?;
        let row = self.kernel.store.snapshot(id).await?.filter(|row| {
            row.workspace == caller.workspace
                && row.state != SnapshotState::Deleting
                && caller.only.is_none_or(|only| only == row.desktop)
        });
        row.ok_or(SnapshotError::NotFound)
    }
}

impl Control {
    /// What is to be kept because somebody asks for it, and counts.
    pub(crate) fn new_snapshot(
        &self,
        desktop: DesktopId,
        name: String,
        kind: SnapshotKind,
        caller: &Caller,
    ) -> NewSnapshot {
        NewSnapshot {
            desktop,
            name,
            kind,
            made_by: caller.actor(),
            limit: MOST_SNAPSHOTS,
            memory_bytes: self.kernel.memory_to_keep(desktop),
            disk_limit: self.kernel.config.disk_limit,
        }
    }
}

fn is_name(name: &str) -> bool {
    rolltop_model::is_label(name, LONGEST_NAME)
}

pub(crate) fn default_name(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

impl Control {
    pub(crate) fn refused(&self, error: StoreSnapshotError, name: &str, limit: u32) -> SnapshotError {
        match error {
            StoreSnapshotError::DiskQuota(reached)
            | StoreSnapshotError::Desktop(CreateDesktopError::DiskQuota(reached)) => {
                OverDiskQuota::new(self.kernel.config.disk_limit, reached).into()
            }
            StoreSnapshotError::Gone => NoSuchDesktop.into(),
            StoreSnapshotError::LimitReached => SnapshotError::TooMany,
            StoreSnapshotError::InUse => SnapshotError::InUse,
            StoreSnapshotError::Desktop(CreateDesktopError::NameTaken) => {
                SnapshotError::NameTaken(name.to_owned())
            }
            StoreSnapshotError::Desktop(CreateDesktopError::LimitReached) => {
                SnapshotError::QuotaReached(limit)
            }
            StoreSnapshotError::Desktop(CreateDesktopError::IdempotencyMismatch) => {
                SnapshotError::IdempotencyMismatch
            }
            StoreSnapshotError::Desktop(CreateDesktopError::Store(error))
            | StoreSnapshotError::Store(error) => error.into(),
        }
    }
}
