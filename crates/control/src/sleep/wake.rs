//! Waiting for a desktop to run, for who comes to it while it sleeps.

use std::time::Duration;

use rolltop_boxed::boxed;
use rolltop_model::{Command, Desired, DesktopId, DesktopState};
use rolltop_store::{By, Desktop};
use tokio::time::timeout;

use crate::desktops::command::CommandError;
use crate::kernel::control::Control;
use crate::kernel::error::{InternalError, NoSuchDesktop, internal_from};
use crate::kernel::ongoing::Ongoing;

/// How long a desktop that is off may take to run while somebody waits.
const DEADLINE: Duration = Duration::from_secs(120);

/// How long is waited for an event before the desktop is looked at all the same.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Desktops whose memory is being kept.
pub(crate) enum Suspend {}
pub(crate) type Suspending = Ongoing<Suspend>;

/// What may be started for somebody who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Starting {
    Suspended,
    SuspendedOrStopped,
}

/// Why it does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WakeError {
    #[error(transparent)]
    Gone(#[from] NoSuchDesktop),
    /// One sentence why.
    #[error("{0}")]
    NotRunning(String),
    #[error("The desktop did not start in time; try again shortly.")]
    TimedOut,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(WakeError, Internal);

impl WakeError {
    fn because(reason: &str) -> Self {
        Self::NotRunning(reason.to_owned())
    }
}

/// What to do for a desktop to run.
enum Way {
    Runs,
    Wait,
    Start,
}

#[boxed]
impl Control {
    /// The desktop once it runs: one that is suspended, or stopped where that may be started, is started,
    /// once, for who comes; one that is starting is waited for.
    pub(crate) async fn awake(
        &self,
        id: DesktopId,
        starting: Starting,
        by: By<'_>,
    ) -> Result<Desktop, WakeError> {
        let mut events = self.subscribe();
        let waiting = async {
            let mut asked = false;
            loop {
                let row = self.kernel.store.desktop(id).await?.ok_or(NoSuchDesktop)?;
                match way(&row, starting)? {
                    // Who changed their mind about suspending may have come too late.
                    Way::Runs if self.kernel.state::<Suspending>().has(id) => {}
                    Way::Runs => return Ok(row),
                    Way::Wait => {}
                    Way::Start if asked => {
                        return Err(WakeError::because("The desktop was stopped or suspended again."));
                    }
                    Way::Start => {
                        asked = true;
                        tracing::info!(desktop = %id, "started, because somebody comes to it");
                        self.start_for(id, by.clone()).await?;
                        continue;
                    }
                }
                if matches!(timeout(LOOK_AGAIN, events.changed()).await, Ok(Err(_))) {
                    return Err(WakeError::TimedOut);
                }
            }
        };
        timeout(DEADLINE, waiting).await.unwrap_or(Err(WakeError::TimedOut))
    }

    async fn start_for(&self, id: DesktopId, by: By<'_>) -> Result<(), WakeError> {
        match self.kernel.command(id, Command::Start, by, None).await {
            Ok(_) => Ok(()),
            Err(CommandError::NotFound(error)) => Err(error.into()),
            Err(CommandError::Refused(refusal)) => Err(WakeError::NotRunning(refusal.to_string())),
            Err(CommandError::Lacks(lacks)) => Err(WakeError::NotRunning(lacks.to_string())),
            Err(CommandError::Internal(error)) => Err(error.into()),
        }
    }
}

fn way(row: &Desktop, starting: Starting) -> Result<Way, WakeError> {
    match (row.record.state, row.record.desired) {
        (DesktopState::Destroying | DesktopState::Destroyed, _) | (_, Desired::Destroyed) => {
            Err(NoSuchDesktop.into())
        }
        (DesktopState::Running, Desired::Running) => Ok(Way::Runs),
        (DesktopState::Failed(reason), _) => {
            Err(WakeError::NotRunning(format!("The desktop has failed: {}", reason.sentence())))
        }
        (DesktopState::Running, Desired::Stopped) => {
            Err(WakeError::because("The desktop is shutting down; try again once it has stopped."))
        }
        (DesktopState::Running | DesktopState::Suspended, Desired::Suspended) => Ok(Way::Start),
        (DesktopState::Stopped(_), Desired::Stopped | Desired::Suspended)
        | (DesktopState::Suspended, Desired::Stopped) => match starting {
            Starting::SuspendedOrStopped => Ok(Way::Start),
            Starting::Suspended => Err(WakeError::because("The desktop is stopped.")),
        },
        (
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Stopped(_)
            | DesktopState::Suspended,
            _,
        ) => Ok(Way::Wait),
    }
}
