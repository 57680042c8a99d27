//! From a credential to a caller.

use secrecy::SecretString;

use crate::caller::Caller;
use crate::control::Control;
use crate::error::{InternalError, QueryError, internal_from};
use crate::views::MeView;

#[derive(Debug, thiserror::Error)]
pub enum AuthenticateError {
    /// Unknown, revoked or too old: nobody is told which.
    #[error("This credential is not valid.")]
    Invalid,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(AuthenticateError);

impl Control {
    /// Who holds this bearer credential: a session token or an `rt_…` API key.
    pub async fn authenticate(&self, bearer: &SecretString) -> Result<Caller, AuthenticateError> {
        todo!()
    }

    pub async fn me(&self, caller: &Caller) -> Result<MeView, QueryError> {
        todo!()
    }
}
