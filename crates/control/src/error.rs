//! What every operation can fail with besides its own reasons.

use rolltop_api_types::Scope;
use rolltop_engine::EngineError;
use rolltop_model::FailReason;

use crate::in_flight::InFlightError;

/// Something of ours went wrong. Its text is for the log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum InternalError {
    #[error("the database failed")]
    Store(#[from] rolltop_store::StoreError),
    #[error("the vault failed")]
    Vault(#[from] rolltop_vault::VaultError),
    #[error("the engine failed")]
    Engine(#[from] EngineError),
    #[error("{0}")]
    Other(&'static str),
}

/// Why no access to a desktop was given.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Not there, or not the caller's: nobody is told which.
    #[error("There is no such desktop.")]
    NotFound,
    #[error("This credential lacks the scope {0}.")]
    Forbidden(Scope),
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why something about the caller's own account, workspace or host was not answered.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("This credential lacks the scope {0}.")]
    Forbidden(Scope),
    #[error("The cursor is not one that this list gave out.")]
    BadCursor,
    /// The host process does not answer at the moment.
    #[error("The host does not answer; try again shortly.")]
    HostUnreachable,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Why a desktop could not be entered.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// It went away in the meantime.
    #[error("There is no such desktop.")]
    NotFound,
    /// Only a running desktop can be entered.
    #[error("This desktop is not running.")]
    NotRunning,
    /// It runs but did not let us in, or what was wanted inside did not answer. Try again shortly.
    #[error("The desktop does not answer; try again shortly.")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The engine has it stand still, for want of room on the disk.
    #[error("{}", .0.sentence())]
    StandsStill(FailReason),
    #[error(transparent)]
    InFlight(#[from] InFlightError),
    #[error("The desktop took too long to answer; try again shortly.")]
    Timeout,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

macro_rules! internal_from {
    ($($error:ident),*) => {$(
        impl From<rolltop_store::StoreError> for $error {
            fn from(error: rolltop_store::StoreError) -> Self {
                Self::Internal(error.into())
            }
        }
        impl From<rolltop_vault::VaultError> for $error {
            fn from(error: rolltop_vault::VaultError) -> Self {
                Self::Internal(error.into())
            }
        }
    )*};
}
pub(crate) use internal_from;

internal_from!(AccessError, QueryError, EnterError);
