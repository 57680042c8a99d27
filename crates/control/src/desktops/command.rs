//! Changing a desktop: all of it is written down here and carried out by the reconciler.

use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_engine::Lacks;
use rolltop_model::{ActorId, Command, DesktopId, Refusal};
use rolltop_store::{By, ChangeError, Desktop, NewSnapshot};

use crate::kernel::caller::{DesktopAccess, Purpose, purpose};
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{NoSuchDesktop, explained};
use crate::snapshots::ask::undo;
use crate::ssh::reconnecting::Reconnecting;

explained! {
    pub enum CommandError: NotFound(NoSuchDesktop), Refused(Refusal), Lacks(Lacks) or Internal {
    }
}

#[boxed]
impl Control {
    /// Boots it, or resumes it if it is suspended.
    pub async fn start(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<api::Desktop, CommandError> {
        self.command(access, Command::Start).await
    }

    pub async fn stop(&self, access: &DesktopAccess<purpose::Control>) -> Result<api::Desktop, CommandError> {
        self.command(access, Command::Stop).await
    }

    /// Keeps its memory on the disk and takes it off the host's; [`Control::start`] brings it back.
    pub async fn suspend(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<api::Desktop, CommandError> {
        self.command(access, Command::Suspend).await
    }

    pub async fn restart(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<api::Desktop, CommandError> {
        self.command(access, Command::Restart).await
    }

    /// Tries again after a failure.
    pub async fn retry(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<api::Desktop, CommandError> {
        self.command(access, Command::Retry).await
    }

    /// Destroys it. What it was is kept for a day as a snapshot, which [`Control::undo`] brings back. Asking again is fine.
    pub async fn delete(&self, access: &DesktopAccess<purpose::Write>) -> Result<api::Desktop, CommandError> {
        self.command(access, Command::Destroy).await
    }

    /// Destroys it for good: nothing of it is kept.
    pub async fn destroy(
        &self,
        access: &DesktopAccess<purpose::Write>,
    ) -> Result<api::Desktop, CommandError> {
        self.carry_out(access, Command::Destroy, None).await
    }

    async fn command<P: Purpose>(
        &self,
        access: &DesktopAccess<P>,
        command: Command,
    ) -> Result<api::Desktop, CommandError> {
        let name = match command {
            Command::Stop => Some("Before stopping"),
            Command::Restart => Some("Before restarting"),
            Command::Destroy => Some("Before deleting"),
            Command::Start | Command::Suspend | Command::Retry => None,
        };
        // What can't be kept is not asked to be.
        let name = name.filter(|_| self.kernel.engine.layers().is_ok());
        let undo = name.map(|name| undo(access.desktop, name.to_owned(), access.caller()));
        self.carry_out(access, command, undo).await
    }

    async fn carry_out<P: Purpose>(
        &self,
        access: &DesktopAccess<P>,
        command: Command,
        undo: Option<NewSnapshot>,
    ) -> Result<api::Desktop, CommandError> {
        let by = By::somebody(access.caller().actor());
        let row = self.kernel.command(access.desktop, command, by, undo).await?;
        Ok(self.with_steps(row).await?)
    }
}

#[boxed]
impl Kernel {
    /// Writes down what is wanted of a desktop and what is to be kept of it first, and has the reconciler look at it.
    pub(crate) async fn command(
        &self,
        id: DesktopId,
        command: Command,
        by: By<'_>,
        undo: Option<NewSnapshot>,
    ) -> Result<Desktop, CommandError> {
        if command == Command::Suspend {
            self.engine.memory()?;
        }
        // Before its connections are cut off by that.
        match command {
            Command::Stop | Command::Suspend if by.actor.id != ActorId::Platform => {
                self.state::<Reconnecting>().switched_off(id);
            }
            Command::Start | Command::Restart | Command::Retry => {
                self.state::<Reconnecting>().switched_on(id)
            }
            Command::Stop | Command::Suspend | Command::Destroy => {}
        }
        let commanded = self.store.command_desktop(id, command, by, undo, clock::now()).await;
        let row = commanded.map_err(|error| match error {
            ChangeError::Gone => NoSuchDesktop.into(),
            ChangeError::Refused(refusal) => CommandError::Refused(refusal),
            ChangeError::Store(error) => error.into(),
        })?;
        tracing::info!(desktop = %row.id, ?command, "asked for");
        self.nudge(row.id);
        Ok(row)
    }
}
