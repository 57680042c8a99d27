//! Taking the snapshots that are wanted of a desktop, and removing those that are not any more.
//!
//! A snapshot is taken by whoever holds the desktop's lease, while the desktop rests in a state:
//! running, suspended or stopped. What is not finished is asked of the engine again, under the same
//! id and with the same next layer; with another one where the engine says that the first try was cut short.

use std::collections::{HashMap, HashSet};

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

use super::fault::{Fault, chain};
use super::perform::{ENGINE_DEADLINE, ask, in_time};
use super::schedules;
use crate::clock;
use crate::control::Inner;
use crate::undo::KEPT_FOR_UNDO;

/// Layers a desktop's disk may have: each is looked through for what the ones above do not have. One that runs does
/// not come to have as many ([`super::layers`]).
const MOST_LAYERS: usize = 64;
/// Of what was on the screen, pixels.
const PICTURE_WIDTH: u16 = 480;
/// Longer than this no snapshot waits for its picture.
const PICTURE_DEADLINE: std::time::Duration = std::time::Duration::from_secs(3);
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
        let stop = inner.engine.stop(desktop.id, desktop.fence, std::time::Duration::ZERO);
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
    inner.keys_removed.store(true, std::sync::atomic::Ordering::Relaxed);
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

/// Removes from the host what is to go, and deletes what was only for forks that are there by now.
pub(super) async fn tidy(inner: &Inner) {
    if let Err(error) = try_tidy(inner).await {
        tracing::warn!(error = chain(&error), "snapshots can't be tidied");
    }
}

#[derive(Debug, thiserror::Error)]
enum TidyError {
    #[error("the engine did not remove it")]
    Engine(#[from] EngineError),
    #[error("the database failed")]
    Store(#[from] StoreError),
}

async fn try_tidy(inner: &Inner) -> Result<(), TidyError> {
    let mut room_needed = None;
    for state in [SnapshotState::Ready, SnapshotState::Failed] {
        let all = inner.store.snapshots_in(state).await?;
        let outlived = schedules::outlived(inner, &all).await?;
        let overtaken = overtaken(inner, &all).await?;
        for snapshot in all {
            let is_over = match snapshot.kind {
                SnapshotKind::Undo if overtaken.contains(&snapshot.id) => true,
                SnapshotKind::Manual => false,
                SnapshotKind::Fork => true,
                SnapshotKind::Scheduled => outlived.contains(&snapshot.id),
                SnapshotKind::Undo if snapshot.created_at < clock::earlier(clock::now(), KEPT_FOR_UNDO) => {
                    true
                }
                // The oldest of them makes room, one at each pass.
                SnapshotKind::Undo if room_needed.is_none() => {
                    let free = inner.engine.host().await?.disk_available_bytes;
                    *room_needed.insert(free < inner.config.undo_free_disk)
                }
                SnapshotKind::Undo => false,
            };
            if !is_over {
                continue;
            }
            match inner.store.delete_snapshot(snapshot.id, clock::now()).await {
                Ok(_) => {
                    inner.keys_removed.store(true, std::sync::atomic::Ordering::Relaxed);
                    if snapshot.kind == SnapshotKind::Scheduled {
                        inner.drop_scheduled_copy(snapshot.id).await?;
                    }
                }
                Err(SnapshotError::Store(error)) => return Err(error.into()),
                // Forks are on their way.
                Err(_) => {}
            }
        }
    }
    for snapshot in inner.store.snapshots_in(SnapshotState::Deleting).await? {
        inner.engine.layers().map_err(EngineError::from)?.remove_snapshot(snapshot.id).await?;
        inner.store.forget_snapshot(snapshot.id).await?;
        tracing::debug!(snapshot = %snapshot.id, "a snapshot is removed");
    }
    Ok(())
}

/// What is kept for an undo, and something later of the same desktop is, too, in workspaces that have all they may of the disk:
/// such are kept beyond that, and each restart would make another.
async fn overtaken(inner: &Inner, all: &[Snapshot]) -> Result<HashSet<SnapshotId>, StoreError> {
    let is_undo = |snapshot: &&Snapshot| snapshot.kind == SnapshotKind::Undo;
    let workspaces: HashSet<WorkspaceId> =
        all.iter().filter(is_undo).map(|snapshot| snapshot.workspace).collect();
    let mut full = HashSet::new();
    for workspace in workspaces {
        if inner.disk_left(workspace).await? == Some(0) {
            full.insert(workspace);
        }
    }
    let mut latest = HashMap::new();
    for snapshot in all.iter().filter(is_undo) {
        let at = latest.entry(snapshot.desktop).or_insert(snapshot.created_at);
        *at = snapshot.created_at.max(*at);
    }
    let is_latest = |snapshot: &Snapshot| latest.get(&snapshot.desktop) == Some(&snapshot.created_at);
    let overtaken = all.iter().filter(is_undo).filter(|snapshot| full.contains(&snapshot.workspace));
    Ok(overtaken.filter(|snapshot| !is_latest(snapshot)).map(|snapshot| snapshot.id).collect())
}

pub(super) fn key_of(layer: &Layer) -> LayerKey {
    LayerKey::new(*layer.key.expose_secret())
}

/// A layer as the engine is told of it.
pub(crate) fn layer_of(layer: &Layer) -> DiskLayer {
    DiskLayer { layer: layer.id, key: key_of(layer) }
}
