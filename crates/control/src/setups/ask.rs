//! Preparing desktops: with a git repository and a script, at their first start or whenever it is asked for.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_model::{Desired, DesktopId, Setup, SetupState};
use rolltop_store::DesktopSetup;

use crate::inside::uses::UseGuard;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{NoSuchDesktop, explained};
use crate::kernel::state::default_state;
use crate::setups::running::STOPPED;

pub use rolltop_model::SetupError as SetUpError;

pub(crate) fn parsed(wanted: &api::SetUp) -> Result<Setup, SetUpError> {
    let api::SetUp { repository, branch, script } = wanted;
    Setup::parse(repository.as_deref(), branch.as_deref(), script.as_deref())
}

explained! {
    pub enum AskSetupError: NotFound(NoSuchDesktop), Wrong(SetUpError) or Internal {
        Running => WrongState, "This desktop is being set up; wait until that is over.";
        Unreachable => DesktopUnreachable, "The desktop does not answer; try again once it runs.";
        BeingDestroyed => WrongState, "This desktop is being destroyed.";
    }
}

/// What keeps desktops awake while they are being set up.
#[derive(Default)]
pub(crate) struct SettingUp(Mutex<HashMap<DesktopId, UseGuard>>);
default_state!(SettingUp);

impl SettingUp {
    fn places(&self) -> MutexGuard<'_, HashMap<DesktopId, UseGuard>> {
        // Every change is to one entry, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn goes_on(&self, desktop: DesktopId, place: impl FnOnce() -> Option<UseGuard>) {
        let mut places = self.places();
        if let std::collections::hash_map::Entry::Vacant(entry) = places.entry(desktop)
            && let Some(place) = place()
        {
            entry.insert(place);
        }
    }

    pub(crate) fn is_over(&self, desktop: DesktopId) {
        self.places().remove(&desktop);
    }
}

#[boxed]
impl Control {
    /// What a desktop was last set up with, and how far that has come.
    pub async fn setup(
        &self,
        access: &DesktopAccess<purpose::Exec>,
    ) -> Result<api::DesktopSetup, AskSetupError> {
        let setup = self.kernel.store.setup(access.desktop).await?.map(shown);
        Ok(api::DesktopSetup { setup })
    }

    /// Ends a setup that waits or runs; what it has done until then stays. Fine if it is over.
    pub async fn stop_setup(
        &self,
        access: &DesktopAccess<purpose::Exec>,
    ) -> Result<api::DesktopSetup, AskSetupError> {
        let (store, id) = (&self.kernel.store, access.desktop);
        match store.open_setup(id).await? {
            Some(setup) if setup.state == SetupState::Waiting => {
                store.end_setup(id, &setup.run, Some(STOPPED), clock::now()).await?;
            }
            // That it ended is seen as any end is, by who looks at it.
            Some(setup) => {
                let door = self.kernel.doors.door(id).await.map_err(|_| AskSetupError::Unreachable)?;
                door.stop_setup(&setup.run).await.map_err(|_| AskSetupError::Unreachable)?;
            }
            None => {}
        }
        tracing::info!(desktop = %id, "setup stopped");
        self.setup(access).await
    }

    /// Sets a desktop up, once it runs: in place of what it was set up with before, whose traces stay in it.
    pub async fn set_up(
        &self,
        access: &DesktopAccess<purpose::Exec>,
        wanted: &api::SetUp,
    ) -> Result<api::DesktopSetup, AskSetupError> {
        let setup = parsed(wanted)?;
        let (store, id) = (&self.kernel.store, access.desktop);
        let row = store.desktop(id).await?.ok_or(NoSuchDesktop)?;
        if row.record.desired == Desired::Destroyed {
            return Err(AskSetupError::BeingDestroyed);
        }
        if !store.ask_setup(id, &setup, &access.caller.actor(), clock::now()).await? {
            return Err(AskSetupError::Running);
        }
        tracing::info!(desktop = %id, "setup asked for");
        self.setup(access).await
    }
}

fn shown(row: DesktopSetup) -> api::Setup {
    api::Setup {
        repository: row.setup.repository.map(|repository| repository.to_string()),
        branch: row.setup.branch.map(|branch| branch.as_str().to_owned()),
        script: row.setup.script,
        state: row.state,
        detail: row.reason,
        log: row.log,
        asked_by: row.asked_by.name.into_owned(),
        started_at: row.began_at,
        ended_at: row.ended_at,
    }
}
