//! Asking for a new desktop.

use rolltop_model::{NameError, UnknownSize};

use crate::caller::{Caller, Scope};
use crate::control::Control;
use crate::error::{InternalError, internal_from};
use crate::views::DesktopView;

/// Everything is optional: a name is thought of, template and size have defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CreateDesktop {
    pub name: Option<String>,
    /// A recipe's name such as "desk" (its newest version), or a version such as "desk@0123456789ab".
    pub template: Option<String>,
    pub size: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error("This credential lacks the scope {0}.")]
    Forbidden(Scope),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("There is already a desktop called {0}.")]
    NameTaken(String),
    #[error(transparent)]
    Size(#[from] UnknownSize),
    #[error("There is no template {0}.")]
    UnknownTemplate(String),
    /// Nothing has been built yet.
    #[error("There is no template yet; build one first.")]
    NoTemplate,
    #[error("This workspace may have {0} desktops; destroy one first.")]
    QuotaReached(u32),
    #[error("This idempotency key was used for another request.")]
    IdempotencyMismatch,
    #[error("An idempotency key has 1 to 255 printable characters.")]
    BadIdempotencyKey,
    #[error("The host does not answer; try again shortly.")]
    HostUnreachable,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(CreateError);

impl Control {
    /// Writes the wish down and returns at once; the reconciler does the rest. With a key that
    /// was used before for the same request, the desktop made then is returned.
    pub async fn create(
        &self,
        caller: &Caller,
        request: &CreateDesktop,
        idempotency_key: Option<&str>,
    ) -> Result<DesktopView, CreateError> {
        todo!()
    }
}
