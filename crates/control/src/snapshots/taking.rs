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
    AccessEntry, Desktop, Layer, Restore, Snapshot, SnapshotError, StoreError, Taken, Wanted,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::engine::{ENGINE_DEADLINE, ask, in_time};
use crate::kernel::fault::{Fault, chain};
use crate::kernel::jobs::{Then, Tried};
use crate::reconcile::clocks::Clocks;
use crate::snapshots::ask::KEPT_FOR_UNDO;
use crate::snapshots::ask::MOST_SNAPSHOTS;

/// Layers a desktop's disk may have: each is looked through for what the ones above do not have. One that runs does
/// not come to have as many ([`crate::snapshots::layers`]).
const MOST_LAYERS: usize = 64;
/// Of what was on the screen, pixels.
const PICTURE_WIDTH: u16 = 480;
/// Longer than this no snapshot waits for its picture.
const PICTURE_DEADLINE: Duration = Duration::from_secs(3);
const TOO_DEEP: &str =
    "This desktop has been kept 63 times since it last ran for a few minutes; let it run, then try again.";

/// Takes the oldest snapshot that is wanted of a desktop at rest; `false` if there is none.
pub(crate) async fn take_wanted(
    kernel: &Kernel,
    desktop: &Desktop,
    observed: Observation,
) -> Result<bool, Fault> {
    let Some(snapshot) = wanted_of(kernel, desktop).await? else {
        return restore_wanted(kernel, desktop, observed, false).await;
    };
    let reason = match desktop.record.state {
        DesktopState::Running | DesktopState::Suspended | DesktopState::Stopped(_) => {
            return take(kernel, desktop, &snapshot, observed).await.map(|()| true);
        }
        // What it is put back from is kept as far as there is something of it.
        DesktopState::Failed(_) if desktop.restore.is_some_and(|(_, undo)| undo == snapshot.id) => {
            return take(kernel, desktop, &snapshot, observed).await.map(|()| true);
        }
        DesktopState::Failed(reason) => reason.sentence(),
        DesktopState::Pending
        | DesktopState::Booting
        | DesktopState::Destroying
        | DesktopState::Destroyed => return Ok(false),
    };
    fail(kernel, desktop, &snapshot, reason, false).await?;
    Ok(true)
}

/// What comes before a step: what has begun is finished, because nobody knows which layers a machine has until then;
/// and what is wanted of a desktop that is about to give up its memory or more is taken. `false` if there is nothing.
pub(crate) async fn before(
    kernel: &Kernel,
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
    if step != Step::Destroy && restore_wanted(kernel, desktop, observed, true).await? {
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
    match wanted_of(kernel, desktop).await? {
        Some(snapshot) if snapshot.has_begun() || is_taken => {
            take(kernel, desktop, &snapshot, observed).await.map(|()| true)
        }
        // What was to be kept went by itself. Taken later it would be of what comes after the restart.
        Some(snapshot)
            if matches!(step, Step::Plan { .. })
                && snapshot.kind == SnapshotKind::Undo
                && !is_for_restore(&snapshot) =>
        {
            fail(kernel, desktop, &snapshot, "There was nothing left to keep.", false).await.map(|()| true)
        }
        Some(_) | None => Ok(false),
    }
}

async fn wanted_of(kernel: &Kernel, desktop: &Desktop) -> Result<Option<Box<Snapshot>>, Fault> {
    match kernel.store.wanted_snapshot(desktop).await? {
        Wanted::Nothing => Ok(None),
        Wanted::Snapshot(snapshot) => Ok(Some(snapshot)),
        Wanted::Changed => Err(Fault::Changed),
    }
}

async fn take(
    kernel: &Kernel,
    desktop: &Desktop,
    snapshot: &Snapshot,
    observed: Observation,
) -> Result<(), Fault> {
    let layers = match kernel.engine.layers() {
        Ok(layers) => layers,
        Err(lacks) => return fail(kernel, desktop, snapshot, lacks.sentence(), false).await,
    };
    let disk = kernel.store.disk_of(desktop.id).await?;
    let Some(top) = disk.first() else {
        return fail(kernel, desktop, snapshot, "The desktop has no disk.", false).await;
    };
    if disk.len() >= MOST_LAYERS {
        return fail(kernel, desktop, snapshot, TOO_DEEP, false).await;
    }
    if is_on(observed) {
        keep_picture(kernel, desktop, snapshot).await?;
    }
    let _still = kernel.sweeping.read().await;
    let next = kernel.store.next_layer(snapshot, clock::now()).await?;
    let request = SnapshotRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        snapshot: snapshot.id,
        key: key_of(top),
        next: layer_of(&next),
    };
    // It may write to the next layer all the same.
    let moved_on = async || {
        let machine = ask(ENGINE_DEADLINE, kernel.engine.observe_one(desktop.id)).await?;
        Ok::<_, Fault>(machine.is_some_and(|machine| machine.layer == next.id))
    };
    let info = match in_time(ENGINE_DEADLINE, layers.snapshot(&request)).await? {
        Ok(info) => info,
        Err(EngineError::CutShort) => {
            tracing::info!(desktop = %desktop.id, snapshot = %snapshot.id, "a snapshot begins anew");
            let renewed = kernel.store.renew_snapshot(desktop, snapshot.id, moved_on().await?).await?;
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
            return fail(kernel, desktop, snapshot, sentence, moved_on().await?).await;
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
    if !kernel.store.finish_snapshot(desktop, snapshot.id, taken, clock::now()).await? {
        return Err(Fault::Lost);
    }
    tracing::info!(desktop = %desktop.id, snapshot = %snapshot.id, pause_ms = info.pause_ms, "a snapshot was taken");
    kernel.state::<Clocks>().paused(desktop.id);
    nudge_forks(kernel, snapshot).await
}

/// What is on the screen just before, for people who look for a snapshot later. Nothing depends on it.
async fn keep_picture(kernel: &Kernel, desktop: &Desktop, snapshot: &Snapshot) -> Result<(), Fault> {
    if snapshot.kind == SnapshotKind::Fork || snapshot.has_picture {
        return Ok(());
    }
    let looked = timeout(PICTURE_DEADLINE, async {
        let door = kernel.doors.door(desktop.id).await.ok()?;
        door.screenshot(PICTURE_WIDTH).await.ok()
    });
    let Ok(Some(picture)) = looked.await else { return Ok(()) };
    let entry = AccessEntry { at: clock::now(), why: "screenshot".to_owned(), who: snapshot.made_by.clone() };
    kernel.store.log_access(desktop.id, desktop.workspace, entry).await?;
    Ok(kernel.store.save_snapshot_picture(snapshot.id, &picture).await?)
}

async fn fail(
    kernel: &Kernel,
    desktop: &Desktop,
    snapshot: &Snapshot,
    reason: &str,
    moved_on: bool,
) -> Result<(), Fault> {
    let now = clock::now();
    if !kernel.store.fail_snapshot(desktop, snapshot.id, reason, moved_on, now).await? {
        return Err(Fault::Lost);
    }
    nudge_forks(kernel, snapshot).await
}

/// Puts a desktop back to a snapshot, once what it is now is kept; `false` if that is not wanted, or `only_begun` and
/// has not begun. The desktop's row, which holds the wish, was read before it was looked for snapshots to be taken, so
/// that one was not missed.
async fn restore_wanted(
    kernel: &Kernel,
    desktop: &Desktop,
    observed: Observation,
    only_begun: bool,
) -> Result<bool, Fault> {
    let Some(Restore { to, undo, has_begun }) = kernel.store.wanted_restore(desktop).await? else {
        return Ok(false);
    };
    let comes_up = matches!(desktop.record.state, DesktopState::Pending | DesktopState::Booting);
    if !has_begun && (only_begun || comes_up) {
        return Ok(false);
    }
    let restored = match (undo.state, to.layer) {
        (SnapshotState::Ready, Some(layer)) => restore(kernel, desktop, &to, layer, observed).await,
        _ => Err(Fault::wrong_because(FailReason::RestoreFailed, "what it was could not be kept first")),
    };
    match restored {
        Ok(()) => {}
        Err(Fault::Wrong { why, .. }) => {
            tracing::warn!(desktop = %desktop.id, snapshot = %to.id, why, "it was not put back");
            if !kernel.store.fail_restore(desktop, clock::now()).await? {
                return Err(Fault::Lost);
            }
        }
        Err(other) => return Err(other),
    }
    Ok(true)
}

async fn restore(
    kernel: &Kernel,
    desktop: &Desktop,
    to: &Snapshot,
    layer: LayerId,
    observed: Observation,
) -> Result<(), Fault> {
    kernel.hang_up(desktop.id).await;
    let below = kernel.store.disk_from(layer).await?;
    let _still = kernel.sweeping.read().await;
    let next = kernel.store.restore_layer(desktop, to, clock::now()).await?;
    if is_on(observed) {
        // All of it is kept, so it need not shut down.
        let stop = kernel.engine.stop(desktop.id, desktop.fence, Duration::ZERO);
        ask(ENGINE_DEADLINE, stop).await?;
    }
    let request = RevertRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        from: Origin { snapshot: to.id, disk: below.iter().map(layer_of).collect() },
        next: layer_of(&next),
    };
    if let Err(error) = in_time(ENGINE_DEADLINE, kernel.engine.layers()?.revert(&request)).await? {
        let fault = Fault::from(error);
        if matches!(fault, Fault::Silent(_)) {
            return Err(fault);
        }
        // It may have been done, and the answer not heard.
        let machine = ask(ENGINE_DEADLINE, kernel.engine.observe_one(desktop.id)).await?;
        if machine.is_none_or(|machine| machine.layer != next.id) {
            return Err(fault);
        }
    }
    if !kernel.store.finish_restore(desktop, clock::now()).await? {
        return Err(Fault::Lost);
    }
    tracing::info!(desktop = %desktop.id, snapshot = %to.id, "put back to a snapshot");
    Ok(())
}

fn is_on(observed: Observation) -> bool {
    matches!(observed, Observation::Present(MachineView { power: PowerView::On { .. }, .. }))
}

/// Those that wait for it.
async fn nudge_forks(kernel: &Kernel, snapshot: &Snapshot) -> Result<(), Fault> {
    for desktop in kernel.store.forks_of(snapshot.id).await? {
        kernel.nudge(desktop);
    }
    Ok(())
}

/// Desktops of which a snapshot is wanted, or that are to be put back to one.
pub(crate) async fn wanted(kernel: &Kernel) -> Result<Vec<DesktopId>, StoreError> {
    let wanted = kernel.store.snapshots_in(SnapshotState::Taking).await?;
    let mut desktops: Vec<DesktopId> = wanted.into_iter().map(|snapshot| snapshot.desktop).collect();
    desktops.extend(kernel.store.restoring().await?);
    Ok(desktops)
}

/// Deletes what was kept for an undo once its time is over, and what was only for forks once they are there.
pub(crate) async fn expire(kernel: &Kernel, id: SnapshotId) -> Tried {
    let Some(snapshot) = kernel.store.snapshot(id).await? else { return Ok(Then::Over) };
    let until = clock::later(*snapshot.created_at, KEPT_FOR_UNDO);
    match snapshot.kind {
        SnapshotKind::Manual | SnapshotKind::Scheduled => return Ok(Then::Over),
        SnapshotKind::Undo if until > clock::now() => return Ok(Then::At(until)),
        SnapshotKind::Undo | SnapshotKind::Fork => {}
    }
    Ok(if delete(kernel, id).await? { Then::Over } else { Then::NotYet })
}

/// `false` while something needs it.
async fn delete(kernel: &Kernel, id: SnapshotId) -> Result<bool, StoreError> {
    match kernel.store.delete_snapshot(id, clock::now()).await {
        Ok(_) | Err(SnapshotError::Gone) => Ok(true),
        Err(SnapshotError::Store(error)) => Err(error),
        Err(_) => Ok(false),
    }
}

/// Removes from the host what was deleted.
pub(crate) async fn remove(kernel: &Kernel, id: SnapshotId) -> Tried {
    let row = kernel.store.snapshot(id).await?;
    if row.is_none_or(|row| row.state != SnapshotState::Deleting) {
        return Ok(Then::Over);
    }
    kernel.engine.layers().map_err(EngineError::from)?.remove_snapshot(id).await?;
    kernel.store.forget_snapshot(id, clock::now()).await?;
    tracing::debug!(snapshot = %id, "a snapshot is removed");
    Ok(Then::Over)
}

/// What is kept for an undo makes room where there is too little, the oldest first, one at each look.
pub(crate) async fn make_room(kernel: &Kernel) {
    if let Err(error) = try_to_make_room(kernel).await {
        tracing::warn!(error = chain(&error), "no room is made of what is kept for an undo");
    }
}

async fn try_to_make_room(kernel: &Kernel) -> Result<(), Fault> {
    let Some(oldest) = kernel.store.kept_for_undo(None, 1).await?.pop() else { return Ok(()) };
    let host = kernel.engine.host().await?;
    if host.disk_available_bytes < kernel.config.undo_free_disk {
        delete(kernel, oldest.id).await?;
    }
    Ok(())
}

/// Deletes what is kept for an undo of a workspace that has all it may of the disk, where something later of the same
/// desktop is kept, too: it is kept beyond that, and each restart would make another.
pub(crate) async fn drop_overtaken(kernel: &Kernel, workspace: WorkspaceId) -> Result<(), StoreError> {
    let all = kernel.store.kept_for_undo(Some(workspace), MOST_SNAPSHOTS).await?;
    let latest: HashMap<DesktopId, SnapshotId> = all.iter().map(|row| (row.desktop, row.id)).collect();
    for row in all.iter().filter(|row| latest.get(&row.desktop) != Some(&row.id)) {
        delete(kernel, row.id).await?;
    }
    Ok(())
}

pub(crate) fn key_of(layer: &Layer) -> LayerKey {
    LayerKey::new(*layer.key.expose_secret())
}

/// A layer as the engine is told of it.
pub(crate) fn layer_of(layer: &Layer) -> DiskLayer {
    DiskLayer { layer: layer.id, key: key_of(layer) }
}
