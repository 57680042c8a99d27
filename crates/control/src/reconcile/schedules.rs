//! Snapshots by schedule: asking for those that are due, and telling which stay.

use std::time::Duration;

use rolltop_model::{SnapshotKind, SnapshotState};
use rolltop_store::{By, Job, NewSnapshot, SnapshotError};

use super::fault::chain;
use super::sleep::runs_well;
use crate::clock;
use crate::control::Inner;
use crate::jobs::{Then, Tried, Work};
use crate::snapshots::{MOST_SNAPSHOTS, default_name};

const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));

pub(crate) const TAKE: Work =
    Work { at_once: 4, pauses: PAUSES, run: |inner, job| Box::pin(take(inner, job)) };
pub(crate) const THIN: Work =
    Work { at_once: 4, pauses: PAUSES, run: |inner, job| Box::pin(thin(inner, job)) };

/// Asks for the snapshot that is due, of a desktop that runs. What does not run has not changed since it did, and is kept
/// by itself; once it runs, this is asked for again.
async fn take(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let Some(scheduled) = inner.store.snapshot_schedule(id).await? else { return Ok(Then::Over) };
    let (now, period) = (clock::now(), scheduled.schedule.period(inner.config.hour));
    let due = clock::later(scheduled.asked_at, period);
    if due > now {
        return Ok(Then::At(due));
    }
    let Some(desktop) = inner.store.desktop(id).await?.filter(runs_well) else { return Ok(Then::Over) };
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
        Err(SnapshotError::Store(error)) => return Err(error.into()),
        Err(error) => {
            tracing::warn!(desktop = %desktop.id, error = chain(&error), "no snapshot by its schedule");
        }
    }
    inner.store.note_scheduled_snapshot(desktop.id, now).await?;
    Ok(Then::At(clock::later(now, period)))
}

/// Copies a desktop's scheduled snapshots where its schedule says so, and removes those that are not to stay. Of a desktop
/// without a schedule all stay.
async fn thin(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let Some(scheduled) = inner.store.snapshot_schedule(id).await? else { return Ok(Then::Over) };
    let mut all = inner.store.snapshots_of(id, SnapshotKind::Scheduled).await?;
    all.reverse();
    let (ready, failed): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|row| row.state == SnapshotState::Ready);
    let mut then = Then::Over;
    for taken in [ready, failed] {
        let moments: Vec<_> = taken.iter().map(|snapshot| snapshot.created_at).collect();
        for (snapshot, is_kept) in taken.into_iter().zip(scheduled.schedule.keeps(&moments)) {
            if is_kept {
                if scheduled.schedule.copies() && snapshot.state == SnapshotState::Ready {
                    inner.copy_scheduled(snapshot).await?;
                }
                continue;
            }
            match inner.store.delete_snapshot(snapshot.id, clock::now()).await {
                Ok(_) => inner.drop_scheduled_copy(snapshot.id).await?,
                Err(SnapshotError::Store(error)) => return Err(error.into()),
                // Forks are on their way.
                Err(_) => then = Then::NotYet,
            }
        }
    }
    Ok(then)
}
