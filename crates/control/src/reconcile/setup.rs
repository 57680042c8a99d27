//! Setting desktops up, and looking how far that has come.

use std::time::Duration;

use rolltop_door::{Door, SetupError, SetupLook, SetupProgress, SetupStep, StartError};
use rolltop_model::{SetupState, Use};
use rolltop_store::{AccessEntry, Desktop, DesktopSetup, Job, StoreError};

use super::fault::chain;
use super::sleep::runs_well;
use crate::clock;
use crate::control::Inner;
use crate::jobs::{Then, Tried, Work};

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(2);
const PAUSES: (Duration, Duration) = (EVERY, Duration::from_secs(60));
const CUT_SHORT: &str = "It was cut short, as the desktop was stopped meanwhile; set it up again.";
pub(crate) const STOPPED: &str = "It was stopped before it was done; set it up again.";
const NOT_BEGUN: &str = "The desktop could not begin it; look into it, then set it up again.";
const NOT_SUPPORTED: &str =
    "This desktop was made from a template that can't be set up this way; make a new one.";

pub(crate) const SET_UP: Work =
    Work { at_once: 16, pauses: PAUSES, run: |inner, job| Box::pin(carry_on(inner, job)) };

/// Begins or goes on with the setup of a desktop. One that does not run is set up once it does.
async fn carry_on(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let desktop = inner.store.desktop(id).await?.filter(runs_well);
    let Some((desktop, setup)) = desktop.zip(inner.store.open_setup(id).await?) else {
        inner.setting_up.is_over(id);
        return Ok(Then::Over);
    };
    inner.setting_up.goes_on(id, || inner.uses.take(id, Use::Setup));
    let door = match inner.doors.door(id).await {
        Ok(door) => door,
        Err(error) => {
            tracing::debug!(desktop = %id, error = chain(&error), "its setup waits for its door");
            return Ok(Then::after(inner.config.interval.min(EVERY)));
        }
    };
    if setup.state == SetupState::Waiting {
        begin(inner, &desktop, &setup, &door).await?;
    } else {
        look(inner, &desktop, &setup, &door).await?;
    }
    // Where it is over, that is seen then.
    Ok(Then::after(inner.config.interval.min(EVERY)))
}

async fn begin(
    inner: &Inner,
    desktop: &Desktop,
    setup: &DesktopSetup,
    door: &Door,
) -> Result<(), StoreError> {
    let entry = AccessEntry { at: clock::now(), why: "setup".to_owned(), who: setup.asked_by.clone() };
    inner.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let failed = match door.begin_setup(&setup.run, &setup.setup).await {
        Ok(()) => {
            tracing::info!(desktop = %desktop.id, "being set up");
            return inner.store.begin_setup(desktop.id, &setup.run, clock::now()).await;
        }
        // A fork of a desktop that was being set up goes on with that first.
        Err(SetupError::Busy) => return Ok(()),
        Err(SetupError::Start(StartError::NotSupported)) => NOT_SUPPORTED,
        Err(SetupError::Refused(_) | SetupError::Start(StartError::Refused(_))) => NOT_BEGUN,
        Err(error) => {
            tracing::warn!(desktop = %desktop.id, error = chain(&error), "its setup waits");
            return Ok(());
        }
    };
    end(inner, desktop, setup, Some(failed)).await
}

async fn look(inner: &Inner, desktop: &Desktop, setup: &DesktopSetup, door: &Door) -> Result<(), StoreError> {
    let SetupLook { progress, log } = match door.look_at_setup(&setup.run).await {
        Ok(seen) => seen,
        Err(error) => {
            tracing::debug!(desktop = %desktop.id, error = chain(&error), "its setup does not show");
            return Ok(());
        }
    };
    if log != setup.log {
        inner.store.note_setup(desktop.id, &setup.run, &log).await?;
    }
    match progress {
        SetupProgress::Running => Ok(()),
        SetupProgress::Stopped => end(inner, desktop, setup, Some(STOPPED)).await,
        SetupProgress::Gone => end(inner, desktop, setup, Some(CUT_SHORT)).await,
        SetupProgress::Ended { code: 0, .. } => end(inner, desktop, setup, None).await,
        SetupProgress::Ended { step: SetupStep::Repository, code } => {
            let why = format!("The repository could not be cloned: git ended with {code}; its log says why.");
            end(inner, desktop, setup, Some(&why)).await
        }
        SetupProgress::Ended { step: SetupStep::Script, code } => {
            let why = format!("The script ended with {code}; its log says why.");
            end(inner, desktop, setup, Some(&why)).await
        }
    }
}

async fn end(
    inner: &Inner,
    desktop: &Desktop,
    setup: &DesktopSetup,
    failed: Option<&str>,
) -> Result<(), StoreError> {
    tracing::info!(desktop = %desktop.id, failed, "set up");
    inner.setting_up.is_over(desktop.id);
    inner.store.end_setup(desktop.id, &setup.run, failed, clock::now()).await
}
