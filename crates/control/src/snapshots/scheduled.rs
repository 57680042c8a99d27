//! Snapshots by schedule: asking for those that are due, and telling which stay.

use rolltop_model::{Actor, SnapshotKind, SnapshotState};
use rolltop_store::{NewSnapshot, SnapshotError};

use crate::desktops::up::runs_well;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::jobs::{Then, Tried};
use crate::snapshots::ask::{MOST_SNAPSHOTS, default_name};
use rolltop_model::DesktopId;

/// Asks for the snapshot that is due, of a desktop that runs. What does not run has not changed since it did, and is kept
/// by itself; once it runs, this is asked for again.
pub(crate) async fn take(kernel: &Kernel, id: DesktopId) -> Tried {
    let Some(scheduled) = kernel.store.snapshot_schedule(id).await? else { return Ok(Then::Over) };
    let (now, period) = (clock::now(), scheduled.schedule.period(kernel.config.hour));
    let due = clock::later(scheduled.asked_at, period);
    if due > now {
        return Ok(Then::At(due));
    }
    let Some(desktop) = kernel.store.desktop(id).await?.filter(runs_well) else { return Ok(Then::Over) };
    let new = NewSnapshot {
        desktop: desktop.id,
        name: default_name(now),
        kind: SnapshotKind::Scheduled,
        made_by: Actor::PLATFORM,
        limit: MOST_SNAPSHOTS,
        memory_bytes: kernel.memory_to_keep(desktop.id),
        disk_limit: kernel.config.disk_limit,
    };
    match kernel.store.insert_snapshot(new, None, now).await {
        Ok(_) => kernel.nudge(desktop.id),
        Err(SnapshotError::Store(error)) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(desktop = %desktop.id, error = chain(&error), "no snapshot by its schedule");
        }
    }
    kernel.store.note_scheduled_snapshot(desktop.id, now).await?;
    Ok(Then::At(clock::later(now, period)))
}

/// Copies a desktop's scheduled snapshots where its schedule says so, and removes those that are not to stay. Of a desktop
/// without a schedule all stay.
pub(crate) async fn thin(kernel: &Kernel, id: DesktopId) -> Tried {
    let Some(scheduled) = kernel.store.snapshot_schedule(id).await? else { return Ok(Then::Over) };
    let mut all = kernel.store.snapshots_of(id, SnapshotKind::Scheduled).await?;
    all.reverse();
    let (ready, failed): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|row| row.state == SnapshotState::Ready);
    let mut then = Then::Over;
    for taken in [ready, failed] {
        let moments: Vec<_> = taken.iter().map(|snapshot| *snapshot.created_at).collect();
        for (snapshot, is_kept) in taken.into_iter().zip(scheduled.schedule.keeps(&moments)) {
            if is_kept {
                if scheduled.schedule.copies() && snapshot.state == SnapshotState::Ready {
                    kernel.copy_scheduled(snapshot).await?;
                }
                continue;
            }
            match kernel.store.delete_snapshot(snapshot.id, clock::now()).await {
                Ok(_) => kernel.drop_scheduled_copy(snapshot.id).await?,
                Err(SnapshotError::Store(error)) => return Err(error.into()),
                // Forks are on their way.
                Err(_) => then = Then::NotYet,
            }
        }
    }
    Ok(then)
}
