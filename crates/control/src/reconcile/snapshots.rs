//! Taking the snapshots that are wanted of a desktop, and removing those that are not any more.
//!
//! A snapshot is taken by whoever holds the desktop's lease, while the desktop rests in a state:
//! running, suspended or stopped. What is not finished is asked of the engine again, under the same
//! id and with the same next layer; with another one where the engine says that the first try was cut short.

use std::collections::HashMap;
use std::time::Duration;

use rolltop_engine::{DiskLayer, EngineError, LayerKey, Origin, RevertRequest, SnapshotRequest};
use rolltop_model::{
    DesktopId, DesktopState, FailReason, LayerId, MachineView, Observation, OffWhy, PowerView, SnapshotId,
    SnapshotKind, SnapshotState, Step, WorkspaceId,
};
use rolltop_store::{
    AccessEntry, Desktop, Job, Layer, Restore, Snapshot, SnapshotError, StoreError, Taken, Wanted,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::fault::{Fault, chain};
use super::perform::{ENGINE_DEADLINE, ask, in_time};
use crate::clock;
use crate::control::Inner;
use crate::jobs::{Then, Tried, Work};
use crate::snapshots::MOST_SNAPSHOTS;
use crate::undo::KEPT_FOR_UNDO;

/// Layers a desktop's disk may have: each is looked through for what the ones above do not have. One that runs does
/// not come to have as many ([`super::layers`]).
const MOST_LAYERS: usize = 64;
/// Of what was on the screen, pixels.
const PICTURE_WIDTH: u16 = 480;
/// Longer than this no snapshot waits for its picture.
const PICTURE_DEADLINE: Duration = Duration::from_secs(3);
const TOO_DEEP: &str =
    "This desktop has been kept 63 times since it last ran for a few minutes; let it run, then try again.";

/// Takes the oldest snapshot that is wanted of a desktop at rest; `false` if there is none.
pub(super) async fn take_wanted(
    inner: &Inner,
    desktop: &Desktop,
    observed: Observation,
) -> Result<bool, Fault> {
    let Some(snapshot) = wanted_of(inner, desktop).await? else {
        return restore_wanted(inner, desktop, observed, false).await;
    };
    let reason = match desktop.record.state {
        DesktopState::Running | DesktopState::Suspended | DesktopState::Stopped(_) => {
            return take(inner, desktop, &snapshot, observed).await.map(|()| true);
        }
        // What it is put back from is kept as far as there is something of it.
        DesktopState::Failed(_) if desktop.restore.is_some_and(|(_, undo)| undo == snapshot.id) => {
            return take(inner, desktop, &snapshot, observed).await.map(|()| true);
        }
        DesktopState::Failed(reason) => reason.sentence(),
        DesktopState::Pending
        | DesktopState::Booting
        | DesktopState::Destroying
        | DesktopState::Destroyed => return Ok(false),
    };
    fail(inner, desktop, &snapshot, reason, false).await?;
    Ok(true)
}

/// What comes before a step: what has begun is finished, because nobody knows which layers a machine has until then;
/// and what is wanted of a desktop that is about to give up its memory or more is taken. `false` if there is nothing.
pub(super) async fn before(
    inner: &Inner,
    desktop: &Desktop,
    observed: Observation,
    step: Step,
) -> Result<bool, Fault> {
    let gives_up = match step {
        Step::Stop | Step::Destroy => true,
        // It may never come to rest, and there is nothing else to wait for.
        Step::Personalise { .. } if desktop.record.is_unentered() => true,
        Step::Plan { .. }
        | Step::Reboot { .. }
        | Step::Start { .. }
        | Step::Resume { .. }
        | Step::Suspend => false,
        _ => return Ok(false),
    };
    let Observation::Present(machine) = observed else { return Ok(false) };
    if step != Step::Destroy && restore_wanted(inner, desktop, observed, true).await? {
        return Ok(true);
    }
    // A memory that was brought back is its owner's, whether or not it could be entered.
    let is_suspended = matches!(machine.power, PowerView::Off(OffWhy::Suspended));
    let is_owners = is_suspended
        || machine.boot == desktop.record.ready_boot
        || machine.boot == desktop.record.resumed_boot;
    let is_whole = is_owners && !matches!(desktop.record.state, DesktopState::Failed(_));
    // What is destroyed can't be kept later, also where it is just coming up.
    let is_taken = gives_up && (is_whole || step == Step::Destroy);
    let is_for_restore = |snapshot: &Snapshot| desktop.restore.is_some_and(|(_, undo)| undo == snapshot.id);
    match wanted_of(inner, desktop).await? {
        Some(snapshot) if snapshot.has_begun || is_taken => {
            take(inner, desktop, &snapshot, observed).await.map(|()| true)
        }
        // What was to be kept went by itself. Taken later it would be of what comes after the restart.
        Some(snapshot)
            if matches!(step, Step::Plan { .. })
                && snapshot.kind == SnapshotKind::Undo
                && !is_for_restore(&snapshot) =>
        {
            fail(inner, desktop, &snapshot, "There was nothing left to keep.", false).await.map(|()| true)
        }
        Some(_) | None => Ok(false),
    }
}

async fn wanted_of(inner: &Inner, desktop: &Desktop) -> Result<Option<Box<Snapshot>>, Fault> {
    match inner.store.wanted_snapshot(desktop).await? {
        Wanted::Nothing => Ok(None),
        Wanted::Snapshot(snapshot) => Ok(Some(snapshot)),
        Wanted::Changed => Err(Fault::Changed),
    }
}

async fn take(
    inner: &Inner,
    desktop: &Desktop,
    snapshot: &Snapshot,
    observed: Observation,
) -> Result<(), Fault> {
    let layers = match inner.engine.layers() {
        Ok(layers) => layers,
        Err(lacks) => return fail(inner, desktop, snapshot, lacks.sentence(), false).await,
    };
    let disk = inner.store.disk_of(desktop.id).await?;
    let Some(top) = disk.first() else {
        return fail(inner, desktop, snapshot, "The desktop has no disk.", false).await;
    };
    if disk.len() >= MOST_LAYERS {
        return fail(inner, desktop, snapshot, TOO_DEEP, false).await;
    }
    if is_on(observed) {
        keep_picture(inner, desktop, snapshot).await?;
    }
    let _still = inner.sweeping.read().await;
    let next = inner.store.next_layer(snapshot, clock::now()).await?;
    let request = SnapshotRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        snapshot: snapshot.id,
        key: key_of(top),
        next: layer_of(&next),
    };
    // It may write to the next layer all the same.
    let moved_on = async || {
        let machine = ask(ENGINE_DEADLINE, inner.engine.observe_one(desktop.id)).await?;
        Ok::<_, Fault>(machine.is_some_and(|machine| machine.layer == next.id))
    };
    let info = match in_time(ENGINE_DEADLINE, layers.snapshot(&request)).await? {
        Ok(info) => info,
        Err(EngineError::CutShort) => {
            tracing::info!(desktop = %desktop.id, snapshot = %snapshot.id, "a snapshot begins anew");
            let renewed = inner.store.renew_snapshot(desktop, snapshot.id, moved_on().await?).await?;
            return if renewed { Ok(()) } else { Err(Fault::Lost) };
        }
        Err(error) => {
            let (reason, why) = match Fault::from(error) {
                Fault::Wrong { reason, why, .. } => (reason, why),
                other => return Err(other),
            };
            tracing::warn!(desktop = %desktop.id, snapshot = %snapshot.id, why, "a snapshot was not taken");
            let sentence = match reason {
                FailReason::DiskFull => reason.sentence(),
                _ => "The host could not take it; the desktop goes on as it was.",
            };
            return fail(inner, desktop, snapshot, sentence, moved_on().await?).await;
        }
    };
    let taken = Taken {
        at: info.taken_at,
        size: info.size,
        disk_gib: info.disk_gib,
        has_memory: info.has_memory,
        memory_bytes: info.memory_bytes,
        disk_bytes: info.disk_bytes,
        pause_ms: info.pause_ms,
    };
    if !inner.store.finish_snapshot(desktop, snapshot.id, taken, clock::now()).await? {
        return Err(Fault::Lost);
    }
    tracing::info!(desktop = %desktop.id, snapshot = %snapshot.id, pause_ms = info.pause_ms, "a snapshot was taken");
    inner.clocks.paused(desktop.id);
    nudge_forks(inner, snapshot).await
}

/// What is on the screen just before, for people who look for a snapshot later. Nothing depends on it.
async fn keep_picture(inner: &Inner, desktop: &Desktop, snapshot: &Snapshot) -> Result<(), Fault> {
    if snapshot.kind == SnapshotKind::Fork || snapshot.has_picture {
        return Ok(());
    }
    let looked = timeout(PICTURE_DEADLINE, async {
        let door = inner.doors.door(desktop.id).await.ok()?;
        door.screenshot(PICTURE_WIDTH).await.ok()
    });
    let Ok(Some(picture)) = looked.await else { return Ok(()) };
    let entry = AccessEntry { at: clock::now(), why: "screenshot".to_owned(), who: snapshot.made_by.clone() };
    inner.store.log_access(desktop.id, desktop.workspace, entry).await?;
    Ok(inner.store.save_snapshot_picture(snapshot.id, &picture).await?)
}

async fn fail(
    inner: &Inner,
    desktop: &Desktop,
    snapshot: &Snapshot,
    reason: &str,
    moved_on: bool,
) -> Result<(), Fault> {
    let now = clock::now();
    if !inner.store.fail_snapshot(desktop, snapshot.id, reason, moved_on, now).await? {
        return Err(Fault::Lost);
    }
    nudge_forks(inner, snapshot).await
}

/// Puts a desktop back to a snapshot, once what it is now is kept; `false` if that is not wanted, or `only_begun` and
/// has not begun. The desktop's row, which holds the wish, was read before it was looked for snapshots to be taken, so
/// that one was not missed.
async fn restore_wanted(
    inner: &Inner,
    desktop: &Desktop,
    observed: Observation,
    only_begun: bool,
) -> Result<bool, Fault> {
    let Some(Restore { to, undo, has_begun }) = inner.store.wanted_restore(desktop).await? else {
        return Ok(false);
    };
    let comes_up = matches!(desktop.record.state, DesktopState::Pending | DesktopState::Booting);
    if !has_begun && (only_begun || comes_up) {
        return Ok(false);
    }
    let restored = match (undo.state, to.layer) {
        (SnapshotState::Ready, Some(layer)) => restore(inner, desktop, &to, layer, observed).await,
        _ => Err(Fault::wrong_because(FailReason::RestoreFailed, "what it was could not be kept first")),
    };
    match restored {
        Ok(()) => {}
        Err(Fault::Wrong { why, .. }) => {
            tracing::warn!(desktop = %desktop.id, snapshot = %to.id, why, "it was not put back");
            if !inner.store.fail_restore(desktop, clock::now()).await? {
                return Err(Fault::Lost);
            }
        }
        Err(other) => return Err(other),
    }
    Ok(true)
}

async fn restore(
    inner: &Inner,
    desktop: &Desktop,
    to: &Snapshot,
    layer: LayerId,
    observed: Observation,
) -> Result<(), Fault> {
    inner.hang_up(desktop.id).await;
    let below = inner.store.disk_from(layer).await?;
    let _still = inner.sweeping.read().await;
    let next = inner.store.restore_layer(desktop, to, clock::now()).await?;
    if is_on(observed) {
        // All of it is kept, so it need not shut down.
        let stop = inner.engine.stop(desktop.id, desktop.fence, Duration::ZERO);
        ask(ENGINE_DEADLINE, stop).await?;
    }
    let request = RevertRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        from: Origin { snapshot: to.id, disk: below.iter().map(layer_of).collect() },
        next: layer_of(&next),
    };
    if let Err(error) = in_time(ENGINE_DEADLINE, inner.engine.layers()?.revert(&request)).await? {
        let fault = Fault::from(error);
        if matches!(fault, Fault::Silent(_)) {
            return Err(fault);
        }
        // It may have been done, and the answer not heard.
        let machine = ask(ENGINE_DEADLINE, inner.engine.observe_one(desktop.id)).await?;
        if machine.is_none_or(|machine| machine.layer != next.id) {
            return Err(fault);
        }
    }
    if !inner.store.finish_restore(desktop, clock::now()).await? {
        return Err(Fault::Lost);
    }
    tracing::info!(desktop = %desktop.id, snapshot = %to.id, "put back to a snapshot");
    Ok(())
}

fn is_on(observed: Observation) -> bool {
    matches!(observed, Observation::Present(MachineView { power: PowerView::On { .. }, .. }))
}

/// Those that wait for it.
async fn nudge_forks(inner: &Inner, snapshot: &Snapshot) -> Result<(), Fault> {
    for desktop in inner.store.forks_of(snapshot.id).await? {
        inner.nudge(desktop);
    }
    Ok(())
}

/// Desktops of which a snapshot is wanted, or that are to be put back to one.
pub(super) async fn wanted(inner: &Inner) -> Result<Vec<DesktopId>, StoreError> {
    let wanted = inner.store.snapshots_in(SnapshotState::Taking).await?;
    let mut desktops: Vec<DesktopId> = wanted.into_iter().map(|snapshot| snapshot.desktop).collect();
    desktops.extend(inner.store.restoring().await?);
    Ok(desktops)
}

const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub(crate) const EXPIRE: Work =
    Work { at_once: 4, pauses: PAUSES, run: |inner, job| Box::pin(expire(inner, job)) };
pub(crate) const REMOVE: Work =
    Work { at_once: 4, pauses: PAUSES, run: |inner, job| Box::pin(remove(inner, job)) };

/// Deletes what was kept for an undo once its time is over, and what was only for forks once they are there.
async fn expire(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let Some(snapshot) = inner.store.snapshot(id).await? else { return Ok(Then::Over) };
    let until = clock::later(snapshot.created_at, KEPT_FOR_UNDO);
    match snapshot.kind {
        SnapshotKind::Manual | SnapshotKind::Scheduled => return Ok(Then::Over),
        SnapshotKind::Undo if until > clock::now() => return Ok(Then::At(until)),
        SnapshotKind::Undo | SnapshotKind::Fork => {}
    }
    Ok(if delete(inner, id).await? { Then::Over } else { Then::NotYet })
}

/// `false` while something needs it.
async fn delete(inner: &Inner, id: SnapshotId) -> Result<bool, StoreError> {
    match inner.store.delete_snapshot(id, clock::now()).await {
        Ok(_) | Err(SnapshotError::Gone) => Ok(true),
        Err(SnapshotError::Store(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Removes from the host what was deleted.
async fn remove(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let row = inner.store.snapshot(id).await?;
    if row.is_none_or(|row| row.state != SnapshotState::Deleting) {
        return Ok(Then::Over);
    }
    inner.engine.layers().map_err(EngineError::from)?.remove_snapshot(id).await?;
    inner.store.forget_snapshot(id, clock::now()).await?;
    tracing::debug!(snapshot = %id, "a snapshot is removed");
    Ok(Then::Over)
}

/// What is kept for an undo makes room where there is too little, the oldest first, one at each look.
pub(super) async fn make_room(inner: &Inner) {
    if let Err(error) = try_to_make_room(inner).await {
        tracing::warn!(error = chain(&error), "no room is made of what is kept for an undo");
    }
}

async fn try_to_make_room(inner: &Inner) -> Result<(), Fault> {
    let Some(oldest) = inner.store.kept_for_undo(None, 1).await?.pop() else { return Ok(()) };
    let host = inner.engine.host().await?;
    if host.disk_available_bytes < inner.config.undo_free_disk {
        delete(inner, oldest.id).await?;
    }
    Ok(())
}

/// Deletes what is kept for an undo of a workspace that has all it may of the disk, where something later of the same
/// desktop is kept, too: it is kept beyond that, and each restart would make another.
pub(super) async fn drop_overtaken(inner: &Inner, workspace: WorkspaceId) -> Result<(), StoreError> {
    let all = inner.store.kept_for_undo(Some(workspace), MOST_SNAPSHOTS).await?;
    let latest: HashMap<DesktopId, SnapshotId> = all.iter().map(|row| (row.desktop, row.id)).collect();
    for row in all.iter().filter(|row| latest.get(&row.desktop) != Some(&row.id)) {
        delete(inner, row.id).await?;
    }
    Ok(())
}

pub(super) fn key_of(layer: &Layer) -> LayerKey {
    LayerKey::new(*layer.key.expose_secret())
}

/// A layer as the engine is told of it.
pub(crate) fn layer_of(layer: &Layer) -> DiskLayer {
    DiskLayer { layer: layer.id, key: key_of(layer) }
}
