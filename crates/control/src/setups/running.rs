//! Setting desktops up, and looking how far that has come.

use std::time::Duration;

use rolltop_door::{Door, SetupError, SetupLook, SetupProgress, SetupStep, StartError};
use rolltop_model::{SetupState, Use};
use rolltop_store::{AccessEntry, Desktop, DesktopSetup, StoreError};

use crate::desktops::up::runs_well;
use crate::inside::uses::Uses;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::jobs::{Then, Tried};
use crate::setups::ask::SettingUp;
use rolltop_model::DesktopId;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(2);
const CUT_SHORT: &str = "It was cut short, as the desktop was stopped meanwhile; set it up again.";
pub(crate) const STOPPED: &str = "It was stopped before it was done; set it up again.";
const NOT_BEGUN: &str = "The desktop could not begin it; look into it, then set it up again.";
const NOT_SUPPORTED: &str =
    "This desktop was made from a template that can't be set up this way; make a new one.";

/// Begins or goes on with the setup of a desktop. One that does not run is set up once it does.
pub(crate) async fn carry_on(kernel: &Kernel, id: DesktopId) -> Tried {
    let desktop = kernel.store.desktop(id).await?.filter(runs_well);
    let Some((desktop, setup)) = desktop.zip(kernel.store.open_setup(id).await?) else {
        kernel.state::<SettingUp>().is_over(id);
        return Ok(Then::Over);
    };
    kernel.state::<SettingUp>().goes_on(id, || kernel.state::<Uses>().take(id, Use::Setup));
    let door = match kernel.doors.door(id).await {
        Ok(door) => door,
        Err(error) => {
            tracing::debug!(desktop = %id, error = chain(&error), "its setup waits for its door");
            return Ok(Then::after(kernel.config.interval.min(EVERY)));
        }
    };
    if setup.state == SetupState::Waiting {
        begin(kernel, &desktop, &setup, &door).await?;
    } else {
        look(kernel, &desktop, &setup, &door).await?;
    }
    // Where it is over, that is seen then.
    Ok(Then::after(kernel.config.interval.min(EVERY)))
}

async fn begin(
    kernel: &Kernel,
    desktop: &Desktop,
    setup: &DesktopSetup,
    door: &Door,
) -> Result<(), StoreError> {
    let entry = AccessEntry { at: clock::now(), why: "setup".to_owned(), who: setup.asked_by.clone() };
    kernel.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let failed = match door.begin_setup(&setup.run, &setup.setup).await {
        Ok(()) => {
            tracing::info!(desktop = %desktop.id, "being set up");
            return kernel.store.begin_setup(desktop.id, &setup.run, clock::now()).await;
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
    end(kernel, desktop, setup, Some(failed)).await
}

async fn look(
    kernel: &Kernel,
    desktop: &Desktop,
    setup: &DesktopSetup,
    door: &Door,
) -> Result<(), StoreError> {
    let SetupLook { progress, log } = match door.look_at_setup(&setup.run).await {
        Ok(seen) => seen,
        Err(error) => {
            tracing::debug!(desktop = %desktop.id, error = chain(&error), "its setup does not show");
            return Ok(());
        }
    };
    if log != setup.log {
        kernel.store.note_setup(desktop.id, &setup.run, &log).await?;
    }
    match progress {
        SetupProgress::Running => Ok(()),
        SetupProgress::Stopped => end(kernel, desktop, setup, Some(STOPPED)).await,
        SetupProgress::Gone => end(kernel, desktop, setup, Some(CUT_SHORT)).await,
        SetupProgress::Ended { code: 0, .. } => end(kernel, desktop, setup, None).await,
        SetupProgress::Ended { step: SetupStep::Repository, code } => {
            let why = format!("The repository could not be cloned: git ended with {code}; its log says why.");
            end(kernel, desktop, setup, Some(&why)).await
        }
        SetupProgress::Ended { step: SetupStep::Script, code } => {
            let why = format!("The script ended with {code}; its log says why.");
            end(kernel, desktop, setup, Some(&why)).await
        }
    }
}

async fn end(
    kernel: &Kernel,
    desktop: &Desktop,
    setup: &DesktopSetup,
    failed: Option<&str>,
) -> Result<(), StoreError> {
    tracing::info!(desktop = %desktop.id, failed, "set up");
    kernel.state::<SettingUp>().is_over(desktop.id);
    kernel.store.end_setup(desktop.id, &setup.run, failed, clock::now()).await
}
