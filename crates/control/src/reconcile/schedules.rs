//! Snapshots by schedule: asking for those that are due, and telling which stay.

use std::collections::{HashMap, HashSet};

use rolltop_model::{DesktopId, SnapshotId, SnapshotKind};
use rolltop_store::{By, NewSnapshot, Snapshot, SnapshotError, StoreError};

use super::fault::chain;
use super::sleep::runs_well;
use crate::clock;
use crate::control::Inner;
use crate::snapshots::{MOST_SNAPSHOTS, default_name};

pub(super) async fn pass(inner: &Inner) {
    if let Err(error) = look(inner).await {
        tracing::warn!(error = chain(&error), "scheduled snapshots can't be looked after");
    }
}

async fn look(inner: &Inner) -> Result<(), StoreError> {
    let schedules = inner.store.snapshot_schedules().await?;
    let copied = schedules.iter().filter(|scheduled| scheduled.schedule.copies());
    inner.copy_scheduled(copied.map(|scheduled| scheduled.desktop).collect()).await?;
    for scheduled in schedules {
        let now = clock::now();
        if clock::later(scheduled.asked_at, scheduled.schedule.period(inner.config.hour)) > now {
            continue;
        }
        let Some(desktop) = inner.store.desktop(scheduled.desktop).await? else { continue };
        // What does not run has not changed since it did, and is kept by itself.
        if !runs_well(&desktop) {
            continue;
        }
        let new = NewSnapshot {
            desktop: desktop.id,
            name: default_name(now),
            kind: SnapshotKind::Scheduled,
            made_by: By::ROLLTOP.actor.to_owned(),
            limit: MOST_SNAPSHOTS,
            memory_bytes: inner.memory_to_keep(desktop.id),
            disk_limit: inner.config.disk_limit,
        };
        match inner.store.insert_snapshot(new, None, now).await {
            Ok(_) => inner.nudge(desktop.id),
            Err(SnapshotError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::warn!(desktop = %desktop.id, error = chain(&error), "no snapshot by its schedule");
            }
        }
        inner.store.note_scheduled_snapshot(desktop.id, now).await?;
    }
    Ok(())
}

/// Those of a desktop with a schedule that are not to stay; of one without, all stay. `snapshots` are
/// those of one state, the oldest first.
pub(super) async fn outlived(
    inner: &Inner,
    snapshots: &[Snapshot],
) -> Result<HashSet<SnapshotId>, StoreError> {
    let mut of: HashMap<DesktopId, Vec<&Snapshot>> = HashMap::new();
    for snapshot in snapshots.iter().rev().filter(|snapshot| snapshot.kind == SnapshotKind::Scheduled) {
        of.entry(snapshot.desktop).or_default().push(snapshot);
    }
    let mut outlived = HashSet::new();
    if of.is_empty() {
        return Ok(outlived);
    }
    for scheduled in inner.store.snapshot_schedules().await? {
        let taken = of.remove(&scheduled.desktop).unwrap_or_default();
        let moments: Vec<_> = taken.iter().map(|snapshot| snapshot.created_at).collect();
        let kept = scheduled.schedule.keeps(&moments);
        outlived.extend(taken.iter().zip(kept).filter(|(_, kept)| !kept).map(|(snapshot, _)| snapshot.id));
    }
    Ok(outlived)
}
