//! Desktops that sleep by themselves, and wake by their schedules.

use jiff::Timestamp;
use rolltop_model::{Command, DesktopState, Signs};
use rolltop_store::{By, Desktop, Sleeper, StoreError};

use crate::desktops::command::CommandError;
use crate::desktops::up::runs_well;
use crate::inside::uses::Uses;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::jobs::{Then, Tried};
use crate::reconcile::vitals::Vitals;
use rolltop_model::DesktopId;

/// Puts a desktop to sleep that nobody uses, and starts one whose schedule says so; comes again when one of these can be so at
/// the earliest. One that is off and has no schedule is looked at once it runs.
pub(crate) async fn look_at(kernel: &Kernel, id: DesktopId) -> Tried {
    let Some(sleeper) = kernel.store.sleeper(id).await? else { return Ok(Then::Over) };
    let Some(desktop) = kernel.store.desktop(id).await? else { return Ok(Then::Over) };
    let (now, minute) = (clock::now(), kernel.config.minute);
    turn(kernel, &desktop, &sleeper, now).await?;
    let turn = sleeper.policy.schedule.as_ref().and_then(|schedule| schedule.next_turn(now));
    let next = if !runs_well(&desktop) {
        None
    } else if kernel.state::<Vitals>().of(id).is_some_and(|vital| vital.writing.is_stopped()) {
        // One that is made to stand still seems unused.
        Some(clock::later(now, minute))
    } else {
        let signs = kernel.signs(&desktop, kernel.store.held_until_of(id).await?);
        let reasons = sleeper.policy.awake_because(&signs, minute, now);
        if reasons.is_empty() {
            put_to_sleep(kernel, &desktop).await;
            // It may not be possible now.
            Some(clock::later(now, minute))
        } else {
            sleeper.policy.look_again(&reasons, minute, now)
        }
    };
    let earliest = next.into_iter().chain(turn.map(|turn| turn.at)).min();
    Ok(earliest.map_or(Then::Over, Then::At))
}

/// Starts it where its schedule has begun since that was last looked at.
async fn turn(
    kernel: &Kernel,
    desktop: &Desktop,
    sleeper: &Sleeper,
    now: Timestamp,
) -> Result<(), StoreError> {
    let turn = sleeper.policy.schedule.as_ref().and_then(|schedule| schedule.latest_turn(now));
    let Some(turn) = turn.filter(|turn| turn.at > sleeper.turned_at) else { return Ok(()) };
    let is_off = matches!(desktop.record.state, DesktopState::Suspended | DesktopState::Stopped(_));
    if turn.awake && is_off {
        tracing::info!(desktop = %desktop.id, "started by its schedule");
        command(kernel, desktop, Command::Start, "schedule").await;
    }
    kernel.store.note_turn(desktop.id, turn.at).await
}

async fn put_to_sleep(kernel: &Kernel, desktop: &Desktop) {
    tracing::info!(desktop = %desktop.id, "put to sleep, as nobody uses it");
    // Counts as a use, so that a desktop that can't be suspended is not tried again and again.
    drop(kernel.state::<Uses>().take(desktop.id, rolltop_model::Use::Command));
    command(kernel, desktop, Command::Suspend, "unused").await;
    // Who came between the look and now finds it about to sleep, or is found here.
    if !kernel.state::<Uses>().of(desktop.id).0.is_empty() {
        command(kernel, desktop, Command::Start, "used").await;
    }
}

async fn command(kernel: &Kernel, desktop: &Desktop, command: Command, why: &str) {
    match kernel.command(desktop.id, command, By::ROLLTOP.because(why), None).await {
        Ok(_) | Err(CommandError::NotFound(_)) => {}
        Err(error) => {
            tracing::warn!(desktop = %desktop.id, ?command, error = chain(&error), "not possible now");
        }
    }
}

impl Kernel {
    /// What is known of a desktop's use.
    pub(crate) fn signs(&self, desktop: &Desktop, held_until: Option<Timestamp>) -> Signs {
        let (open, opened_at) = self.state::<Uses>().of(desktop.id);
        let (rates, busy_at) = self.state::<Vitals>().work_of(desktop.id);
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
