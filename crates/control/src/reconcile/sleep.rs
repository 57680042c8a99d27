//! Desktops that sleep by themselves, and wake by their schedules.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_model::{Command, Desired, DesktopState, Record, Signs};
use rolltop_store::{By, Desktop, Job, Sleeper, StoreError};

use super::fault::chain;
use crate::clock;
use crate::control::Inner;
use crate::desktops::CommandError;
use crate::jobs::{Then, Tried, Work};

pub(crate) const SLEEP: Work = Work {
    at_once: 8,
    pauses: (Duration::from_secs(5), Duration::from_secs(60)),
    run: |inner, job| Box::pin(look_at(inner, job)),
};

/// Puts a desktop to sleep that nobody uses, and starts one whose schedule says so; comes again when one of these can be so at
/// the earliest. One that is off and has no schedule is looked at once it runs.
async fn look_at(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let Some(sleeper) = inner.store.sleeper(id).await? else { return Ok(Then::Over) };
    let Some(desktop) = inner.store.desktop(id).await? else { return Ok(Then::Over) };
    let (now, minute) = (clock::now(), inner.config.minute);
    turn(inner, &desktop, &sleeper, now).await?;
    let turn = sleeper.policy.schedule.as_ref().and_then(|schedule| schedule.next_turn(now));
    let next = if !runs_well(&desktop) {
        None
    } else if inner.vitals.of(id).is_some_and(|vital| vital.writing.is_stopped()) {
        // One that is made to stand still seems unused.
        Some(clock::later(now, minute))
    } else {
        let signs = inner.signs(&desktop, inner.store.held_until_of(id).await?);
        let reasons = sleeper.policy.awake_because(&signs, minute, now);
        if reasons.is_empty() {
            put_to_sleep(inner, &desktop).await;
            // It may not be possible now.
            Some(clock::later(now, minute))
        } else {
            sleeper.policy.look_again(&reasons, minute, now)
        }
    };
    let earliest = next.into_iter().chain(turn.map(|turn| turn.at)).min();
    Ok(earliest.map_or(Then::Over, Then::At))
}

/// Nothing is asked of it but to go on running.
pub(super) fn runs_well(desktop: &Desktop) -> bool {
    is_up(&desktop.record) && desktop.restore.is_none()
}

/// It is up, and meant to be.
pub(super) fn is_up(record: &Record) -> bool {
    record.state == DesktopState::Running
        && record.desired == Desired::Running
        && record.ready_boot == record.boot
        && !record.restart
}

/// Starts it where its schedule has begun since that was last looked at.
async fn turn(inner: &Inner, desktop: &Desktop, sleeper: &Sleeper, now: Timestamp) -> Result<(), StoreError> {
    let turn = sleeper.policy.schedule.as_ref().and_then(|schedule| schedule.latest_turn(now));
    let Some(turn) = turn.filter(|turn| turn.at > sleeper.turned_at) else { return Ok(()) };
    let is_off = matches!(desktop.record.state, DesktopState::Suspended | DesktopState::Stopped(_));
    if turn.awake && is_off {
        tracing::info!(desktop = %desktop.id, "started by its schedule");
        command(inner, desktop, Command::Start, "schedule").await;
    }
    inner.store.note_turn(desktop.id, turn.at).await
}

async fn put_to_sleep(inner: &Inner, desktop: &Desktop) {
    tracing::info!(desktop = %desktop.id, "put to sleep, as nobody uses it");
    // Counts as a use, so that a desktop that can't be suspended is not tried again and again.
    drop(inner.uses.take(desktop.id, rolltop_model::Use::Command));
    command(inner, desktop, Command::Suspend, "unused").await;
    // Who came between the look and now finds it about to sleep, or is found here.
    if !inner.uses.of(desktop.id).0.is_empty() {
        command(inner, desktop, Command::Start, "used").await;
    }
}

async fn command(inner: &Inner, desktop: &Desktop, command: Command, why: &str) {
    match inner.command(desktop.id, command, By::ROLLTOP.because(why), None).await {
        Ok(_) | Err(CommandError::NotFound(_)) => {}
        Err(error) => {
            tracing::warn!(desktop = %desktop.id, ?command, error = chain(&error), "not possible now");
        }
    }
}

impl Inner {
    /// What is known of a desktop's use.
    pub(crate) fn signs(&self, desktop: &Desktop, held_until: Option<Timestamp>) -> Signs {
        let (open, opened_at) = self.uses.of(desktop.id);
        let (rates, busy_at) = self.vitals.work_of(desktop.id);
        // Nothing is known of what was before this process.
        let known = [desktop.record.ready_at, opened_at, busy_at, Some(self.since)];
        Signs {
            open,
            used_at: known.into_iter().flatten().max().unwrap_or(self.since),
            processor_percent: rates.map(|rates| rates.processor_percent),
            network_bytes_per_second: rates.map(|rates| rates.network_bytes_per_second),
            held_until,
        }
    }
}
