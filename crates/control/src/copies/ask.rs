//! Asking for copies of snapshots, and for snapshots of copies.

use futures::TryStreamExt;
use jiff::Timestamp;
use rolltop_api_types::{self as api, Scope};
use rolltop_boxed::boxed;
use rolltop_model::{Actor, ActorId, CopyState, SnapshotId, SnapshotState};
use rolltop_store::{Snapshot, SnapshotCopy};
use secrecy::ExposeSecret;

use crate::copies::place::About;
use crate::kernel::caller::Caller;
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{LacksScope, explained};
use crate::kernel::fault::chain;
use crate::snapshots::ask::SnapshotError;
use crate::transfer::TransferError;

/// It is away, or it is not what was put there.
pub(crate) const UNREADABLE: &str =
    "The copy can't be had from where it is kept, or is damaged; look at the log.";

explained! {
    pub enum CopyError: Forbidden(LacksScope), Snapshot(SnapshotError), Transfer(TransferError) or Internal {
        NotConfigured => NoCopies, "No place for copies is configured; the operator can name one in rolltop.toml.";
        NotFound => NotFound, "There is no such copy.";
        NotDone => WrongState, "This copy is not done.";
        Unreadable => CopyUnreadable, "{UNREADABLE}";
    }
}

#[boxed]
impl Control {
    /// Asks for a copy of a snapshot, which is made in the background.
    pub async fn copy_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
    ) -> Result<api::SnapshotCopy, CopyError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsWrite).await?;
        self.kernel.copies().ok_or(CopyError::NotConfigured)?;
        if row.state != SnapshotState::Ready {
            return Err(SnapshotError::WrongState("This snapshot is not ready.").into());
        }
        let copy = self.kernel.store.put_copy(copy_of(row, caller.actor()), clock::now()).await?;
        Ok(shown(copy))
    }

    /// Whether the operator has named a place for them.
    pub fn has_copies(&self) -> bool {
        self.kernel.copies().is_some()
    }

    /// The workspace's copies, the newest first.
    pub async fn copies(&self, caller: &Caller) -> Result<api::SnapshotCopyList, CopyError> {
        caller.needs(Scope::DesktopsRead)?;
        // A key that is tied to one desktop hears nothing of others.
        if caller.only.is_some() {
            return Ok(api::SnapshotCopyList { items: Vec::new(), configured: self.has_copies() });
        }
        let all = self.kernel.store.copies(caller.workspace).await?;
        let items = all.into_iter().filter(|copy| copy.state != CopyState::Deleting).map(shown).collect();
        Ok(api::SnapshotCopyList { items, configured: self.has_copies() })
    }

    /// Has a copy fetched, in the background: it becomes a snapshot again, of which desktops are made.
    pub async fn fetch_copy(&self, caller: &Caller, id: SnapshotId) -> Result<api::SnapshotCopy, CopyError> {
        if self.own_copy(caller, id).await?.state == CopyState::Deleting {
            return Err(CopyError::NotFound);
        }
        let copy = self
            .kernel
            .store
            .ask_copy_fetched(id, caller.actor(), clock::now())
            .await?
            .ok_or(CopyError::NotDone)?;
        Ok(shown(copy))
    }

    /// Deletes a copy, in the background.
    pub async fn delete_copy(&self, caller: &Caller, id: SnapshotId) -> Result<(), CopyError> {
        let copy = self.own_copy(caller, id).await?;
        self.kernel.store.ask_copy_deleted(copy.id, clock::now()).await?;
        Ok(())
    }

    async fn own_copy(&self, caller: &Caller, id: SnapshotId) -> Result<SnapshotCopy, CopyError> {
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        let copy = self.kernel.store.copy(id).await?;
        let copy = copy.filter(|copy| copy.workspace == caller.workspace).ok_or(CopyError::NotFound)?;
        self.kernel.copies().ok_or(CopyError::NotConfigured)?;
        Ok(copy)
    }

    /// For the operator, whose host was lost: writes down for the first workspace what copies are there and open with the
    /// key that is here. How many there were, and how many did not open.
    pub async fn adopt_copies(&self) -> Result<(u64, u64), CopyError> {
        let copies = self.kernel.copies().ok_or(CopyError::NotConfigured)?;
        let workspace = self.kernel.store.first_workspace(clock::now()).await?.id;
        let (mut found, mut closed) = (0, 0);
        let mut listed = copies.store.list(Some(&copies.prefix));
        while let Some(object) = listed.try_next().await.map_err(|error| unreadable(&error))? {
            let name = object.location.filename().unwrap_or_default().to_owned();
            let Ok(id) = name.parse::<SnapshotId>() else { continue };
            if object.location != copies.place(id) {
                continue;
            }
            let beginning = copies.beginning(&object.location).await.map_err(|error| unreadable(&error))?;
            let about = copies
                .key
                .open(&name, &beginning)
                .ok()
                .and_then(|opener| serde_json::from_slice::<About>(opener.about.expose_secret()).ok());
            let Some(about) = about else {
                closed += 1;
                continue;
            };
            let About { desktop_name, name, size, disk_gib, taken_at, made_by } = about;
            let made_by = Actor::new(ActorId::Unknown, made_by);
            let now = clock::now();
            let (disk_gib, taken_at, bytes) = (disk_gib.into(), taken_at.into(), object.size.into());
            let (state, created_at, ended_at) = (CopyState::Done, now.into(), Some(now.into()));
            let (reason, fetched_by, fetched_as) = (None, None, None);
            let copy = SnapshotCopy {
                id,
                workspace,
                desktop_name,
                name,
                size,
                disk_gib,
                taken_at,
                state,
                reason,
                bytes,
                made_by,
                fetched_by,
                fetched_as,
                created_at,
                ended_at,
            };
            self.kernel.store.put_copy(copy, now).await?;
            found += 1;
        }
        Ok((found, closed))
    }
}

pub(crate) fn copy_of(row: Snapshot, made_by: Actor) -> SnapshotCopy {
    SnapshotCopy {
        id: row.id,
        workspace: row.workspace,
        desktop_name: row.desktop_name,
        name: row.name,
        size: row.size,
        disk_gib: row.disk_gib,
        taken_at: row.taken_at.unwrap_or(row.created_at),
        state: CopyState::Waiting,
        reason: None,
        bytes: 0.into(),
        made_by,
        fetched_by: None,
        fetched_as: None,
        created_at: clock::now().into(),
        ended_at: None,
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> CopyError {
    tracing::warn!(error = %chain(error), "copies can't be listed");
    CopyError::Unreadable
}

fn shown(copy: SnapshotCopy) -> api::SnapshotCopy {
    api::SnapshotCopy {
        id: copy.id,
        desktop_name: copy.desktop_name,
        name: copy.name,
        size: copy.size,
        disk_gib: *copy.disk_gib,
        taken_at: *copy.taken_at,
        state: match copy.state {
            CopyState::Waiting => api::CopyState::Waiting,
            CopyState::Copying => api::CopyState::Copying,
            CopyState::Done => api::CopyState::Done,
            CopyState::Fetching => api::CopyState::Fetching,
            CopyState::Failed | CopyState::Deleting => api::CopyState::Failed,
        },
        detail: copy.reason,
        bytes: matches!(copy.state, CopyState::Done | CopyState::Fetching).then_some(*copy.bytes),
        made_by: copy.made_by.name.into_owned(),
        fetched_as: copy.fetched_as,
        created_at: *copy.created_at,
        ended_at: copy.ended_at.map(Timestamp::from),
    }
}
