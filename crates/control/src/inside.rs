//! Looking and going inside a running desktop, through its door. Every time is logged for its owner.

mod exec;
mod files;
mod notes;
mod places;
mod ports;
mod screen;
mod screenshot;
mod terminal;

use std::sync::Arc;

use rolltop_door::{Door, EntranceError, PoolError};
use rolltop_engine::EngineError;
use rolltop_model::DesktopState;

use crate::caller::{DesktopAccess, Inside};
use crate::control::Control;
use crate::error::EnterError;

pub(crate) use exec::MOST_COMMANDS;
pub use exec::{ExecCommand, ExecError, ExecLine};
pub use files::{Archive, Condition, FileEntry, FileError, Files, Folder, OpenFile, Save, Saved, UploadName};
pub(crate) use notes::{AccessNotes, Reason};
pub use places::Place;
pub(crate) use places::Places;
pub(crate) use ports::MOST_CONNECTIONS;
pub use ports::{PortConnection, PortError};
pub use screen::ScreenStream;
pub(crate) use screenshot::Screenshots;
pub(crate) use terminal::MOST_VIEWERS;
pub use terminal::{TerminalError, TerminalLine};

impl Control {
    /// The door of a running desktop, and a line in its owner's access log.
    async fn enter<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        why: Reason,
    ) -> Result<Arc<Door>, EnterError> {
        self.may_enter(access, why).await?;
        self.inner.doors.door(access.desktop).await.map_err(kept_out)
    }

    /// Whether it runs; if so, a line in its owner's access log.
    async fn may_enter<P: Inside>(&self, access: &DesktopAccess<P>, why: Reason) -> Result<(), EnterError> {
        let row = self.inner.store.desktop(access.desktop).await?.ok_or(EnterError::NotFound)?;
        if row.record.state != DesktopState::Running {
            return Err(EnterError::NotRunning);
        }
        Ok(self.inner.note_access(row.id, row.workspace, why, access.caller()).await?)
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
        PoolError::Entrance(EntranceError::TimedOut(_)) => EnterError::Timeout,
        PoolError::Entrance(EntranceError::Engine(_) | EntranceError::Credentials(_))
        | PoolError::Open(_) => unavailable(error),
    }
}

/// Something inside did not do what was asked.
fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> EnterError {
    EnterError::Unavailable(Box::new(error))
}
