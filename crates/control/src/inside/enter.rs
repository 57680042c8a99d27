//! The way in: who may enter, whether the desktop is woken for that, and the door.

use std::fmt;
use std::sync::Arc;

use rolltop_boxed::boxed;
use rolltop_door::{Door, EntranceError, PoolError};
use rolltop_engine::EngineError;
use rolltop_model::{DesktopId, DesktopState, FailReason, Use};
use rolltop_store::By;

use crate::disk::room::trouble_of;
use crate::inside::notes::Reason;
use crate::inside::uses::Comes;
use crate::inside::uses::UseGuard;
use crate::inside::uses::Uses;
use crate::kernel::caller::{DesktopAccess, Inside, Purpose};
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{NoSuchDesktop, explained};
use crate::kernel::in_flight::InFlight;
use crate::kernel::in_flight::InFlightError;
use crate::reconcile::stillness::{Coming, Stillness};
use crate::reconcile::vitals::Vitals;
use crate::sleep::wake::{Starting, WakeError};

explained! {
    /// Why a desktop could not be entered.
    pub enum EnterError: NotFound(NoSuchDesktop), InFlight(InFlightError) or Internal {
        /// Only a running desktop can be entered.
        NotRunning => NotRunning, "This desktop is not running; start it first.";
        /// It runs but did not let us in, or what was wanted inside did not answer. Try again shortly.
        Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>) => DesktopUnreachable after 2, "The desktop does not answer; try again shortly.";
        /// The engine has it stand still, for want of room on the disk.
        #[error(fmt = stands_still)]
        StandsStill(FailReason) => DesktopUnreachable after 2;
    }
}

/// The sentence of a desktop that the engine has stand still.
pub(crate) fn stands_still(why: &FailReason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(why.sentence())
}

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

#[boxed]
impl Kernel {
    /// A place at a desktop with its share of memory; `None` where the desktop has all of this kind that it may have.
    pub(crate) async fn place<P: Purpose>(
        &self,
        access: &DesktopAccess<P>,
        kind: Use,
        comes: Comes,
    ) -> Result<Option<UseGuard>, InFlightError> {
        let place = match comes {
            Comes::Person => self.state::<Uses>().take(access.desktop, kind),
            Comes::ByItself => self.state::<Uses>().take_by_itself(access.desktop, kind),
        };
        let Some(mut place) = place else { return Ok(None) };
        place.hold(self.state::<InFlight>().begin_use(&access.caller, kind).await?);
        Ok(Some(place))
    }
}

#[boxed]
impl Kernel {
    /// Why the engine has it stand still, if it does: then nothing in it can answer.
    pub(crate) fn stands_still(&self, id: DesktopId) -> Option<FailReason> {
        let writing = self.state::<Vitals>().of(id)?.writing;
        trouble_of(writing).filter(|_| writing.is_stopped())
    }

    /// Somebody is on the way in, which is looked into unless they get there.
    pub(crate) fn coming(&self, id: DesktopId) -> Coming {
        self.state::<Stillness>().coming(id)
    }

    /// The door. Where it does not open it is looked into whether it does for anybody.
    pub(crate) async fn let_in(&self, id: DesktopId) -> Result<Arc<Door>, EnterError> {
        if let Some(why) = self.stands_still(id) {
            return Err(EnterError::StandsStill(why));
        }
        let coming = self.coming(id);
        coming.with(self.doors.door(id).await.map_err(kept_out))
    }
}

#[boxed]
impl Control {
    /// The door of a running desktop to whoever has a place there, and a line in its owner's access log.
    pub(crate) async fn enter<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
        _place: &UseGuard,
        waking: Waking,
    ) -> Result<Arc<Door>, EnterError> {
        self.may_enter(access, why, waking).await?;
        self.kernel.let_in(access.desktop).await
    }

    /// The door of a running desktop for a short look, which neither wakes it nor keeps it awake.
    pub(crate) async fn look_in<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
    ) -> Result<Arc<Door>, EnterError> {
        self.may_enter(access, why, Waking::LetSleep).await?;
        self.kernel.let_in(access.desktop).await
    }

    /// Whether it runs; if so, a line in its owner's access log.
    pub(crate) async fn may_enter<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
        waking: Waking,
    ) -> Result<(), EnterError> {
        let row = match waking {
            Waking::Wake => {
                let by = By::somebody(access.caller().actor()).because(why.as_str());
                self.awake(access.desktop, Starting::Suspended, by).await?
            }
            Waking::LetSleep => {
                let row = self.kernel.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
                if row.record.state != DesktopState::Running {
                    return Err(EnterError::NotRunning);
                }
                row
            }
        };
        Ok(self.kernel.note_access(row.id, row.workspace, why, access.caller()).await?)
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
pub(crate) fn kept_out(error: PoolError) -> EnterError {
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
pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> EnterError {
    EnterError::Unavailable(Box::new(error))
}
