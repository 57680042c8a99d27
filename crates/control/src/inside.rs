//! Looking and going inside a running desktop, through its door. Every time is logged for its owner.

mod end;
mod exec;
mod files;
mod logins;
mod mend;
mod notes;
mod ports;
mod screen;
mod screen_input;
mod screen_output;
mod screen_size;
mod screenshot;
mod terminal;
mod uses;
mod viewers;

use std::sync::Arc;

use rolltop_door::{Door, EntranceError, PoolError};
use rolltop_engine::EngineError;
use rolltop_model::{DesktopId, DesktopState, FailReason, Use};
use rolltop_store::By;

use crate::caller::{DesktopAccess, Inside, Purpose};
use crate::control::{Control, Inner};
use crate::desktops::{Starting, WakeError};
use crate::error::{EnterError, NoSuchDesktop};
use crate::in_flight::InFlightError;
use crate::reconcile::trouble_of;

pub use end::EndProcessesError;
pub use exec::{ExecCommand, ExecError, ExecLine};
pub use files::{Archive, Condition, FileError, Files, OpenFile, Save, Saved, Tag, UploadName};
pub(crate) use notes::{AccessNotes, Reason};
pub use ports::{PortConnection, PortError};
pub use screen::{Screen, ScreenGone, ScreenInput, ScreenOutput};
pub use screen_input::NotRfb;
pub use screen_output::{BadServer, Passed};
pub(crate) use screen_size::FOLLOW;
pub use screen_size::FixScreenError;
pub(crate) use screen_size::ScreenTurns;
pub(crate) use screenshot::Screenshots;
pub use terminal::{TerminalError, TerminalLine};
pub use uses::Place;
pub(crate) use uses::{Comes, Uses};
pub(crate) use viewers::Viewers;

/// Whether who comes to a desktop that sleeps, or is about to run, waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waking {
    /// Resumes it, and waits until it runs.
    Wake,
    /// Is told that it does not run.
    LetSleep,
}

/// As it is asked for on the wire.
impl From<bool> for Waking {
    fn from(wake: bool) -> Self {
        if wake { Waking::Wake } else { Waking::LetSleep }
    }
}

impl Inner {
    /// A place at a desktop with its share of memory; `None` where the desktop has all of this kind that it may have.
    pub(crate) async fn place<P: Purpose>(
        &self,
        access: &DesktopAccess<P>,
        kind: Use,
        comes: Comes,
    ) -> Result<Option<Place>, InFlightError> {
        let place = match comes {
            Comes::Person => self.uses.take(access.desktop, kind),
            Comes::ByItself => self.uses.take_by_itself(access.desktop, kind),
        };
        let Some(mut place) = place else { return Ok(None) };
        place.hold(self.in_flight.begin_use(&access.caller, kind).await?);
        Ok(Some(place))
    }
}

impl Inner {
    /// Why the engine has it stand still, if it does: then nothing in it can answer.
    fn stands_still(&self, id: DesktopId) -> Option<FailReason> {
        let writing = self.vitals.of(id)?.writing;
        trouble_of(writing).filter(|_| writing.is_stopped())
    }

    /// The door. Where it does not open it is looked into whether it does for anybody.
    async fn let_in(&self, id: DesktopId) -> Result<Arc<Door>, EnterError> {
        if let Some(why) = self.stands_still(id) {
            return Err(EnterError::StandsStill(why));
        }
        self.doors.door(id).await.map_err(|error| {
            self.stillness.suspect(id);
            kept_out(error)
        })
    }
}

impl Control {
    /// The door of a running desktop to whoever has a place there, and a line in its owner's access log.
    async fn enter<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
        _place: &Place,
        waking: Waking,
    ) -> Result<Arc<Door>, EnterError> {
        self.may_enter(access, why, waking).await?;
        self.inner.let_in(access.desktop).await
    }

    /// The door of a running desktop for a short look, which neither wakes it nor keeps it awake.
    async fn look_in<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
    ) -> Result<Arc<Door>, EnterError> {
        self.may_enter(access, why, Waking::LetSleep).await?;
        self.inner.let_in(access.desktop).await
    }

    /// Whether it runs; if so, a line in its owner's access log.
    async fn may_enter<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
        waking: Waking,
    ) -> Result<(), EnterError> {
        let row = match waking {
            Waking::Wake => {
                let by = By::somebody(&access.caller().label).because(why.as_str());
                self.awake(access.desktop, Starting::Suspended, by).await?
            }
            Waking::LetSleep => {
                let row = self.inner.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
                if row.record.state != DesktopState::Running {
                    return Err(EnterError::NotRunning);
                }
                row
            }
        };
        Ok(self.inner.note_access(row.id, row.workspace, why, access.caller()).await?)
    }
}

impl From<WakeError> for EnterError {
    fn from(error: WakeError) -> Self {
        match error {
            WakeError::Gone(error) => error.into(),
            WakeError::NotRunning(_) => EnterError::NotRunning,
            slow @ WakeError::TimedOut => unavailable(slow),
            WakeError::Internal(error) => error.into(),
        }
    }
}

/// The door did not open.
fn kept_out(error: PoolError) -> EnterError {
    match error {
        PoolError::Forgotten
        | PoolError::Entrance(
            EntranceError::NotPersonalised
            | EntranceError::Engine(EngineError::NotRunning | EngineError::UnknownDesktop),
        ) => EnterError::NotRunning,
        PoolError::Entrance(
            EntranceError::Engine(_) | EntranceError::Credentials(_) | EntranceError::TimedOut(_),
        )
        | PoolError::Open(_) => unavailable(error),
    }
}

/// Something inside did not do what was asked.
fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> EnterError {
    EnterError::Unavailable(Box::new(error))
}
