//! Changing a desktop: all of it is written down here and carried out by the reconciler.

use rolltop_model::{NameError, Refusal};

use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::{InternalError, internal_from};
use crate::views::DesktopView;

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It went away in the meantime.
    #[error("There is no such desktop.")]
    NotFound,
    /// It makes no sense in the desktop's state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Internal(#[from] InternalError),
}

#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    #[error("There is no such desktop.")]
    NotFound,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("There is already a desktop called {0}.")]
    NameTaken(String),
    #[error("This desktop is being destroyed.")]
    BeingDestroyed,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(CommandError, RenameError);

impl Control {
    pub async fn start(&self, access: &DesktopAccess<purpose::Write>) -> Result<DesktopView, CommandError> {
        todo!()
    }

    pub async fn stop(&self, access: &DesktopAccess<purpose::Write>) -> Result<DesktopView, CommandError> {
        todo!()
    }

    pub async fn restart(&self, access: &DesktopAccess<purpose::Write>) -> Result<DesktopView, CommandError> {
        todo!()
    }

    /// Tries again after a failure.
    pub async fn retry(&self, access: &DesktopAccess<purpose::Write>) -> Result<DesktopView, CommandError> {
        todo!()
    }

    /// Destroys it for good. Asking again is fine.
    pub async fn delete(&self, access: &DesktopAccess<purpose::Write>) -> Result<DesktopView, CommandError> {
        todo!()
    }

    /// Renames it; the guest learns its new host name at the next start.
    pub async fn rename(&self, access: &DesktopAccess<purpose::Write>, name: &str) -> Result<DesktopView, RenameError> {
        todo!()
    }
}
