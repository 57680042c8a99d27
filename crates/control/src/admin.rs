//! What the operator may do on the machine itself, without a credential: the admin socket has
//! checked who calls.

use secrecy::SecretString;

use crate::control::Control;
use crate::error::InternalError;
use crate::views::Leftover;

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("The host does not answer; see that it runs.")]
    HostUnreachable,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

impl Control {
    /// A link token that signs the operator in once; makes the first workspace and person where
    /// there are none.
    pub async fn sign_in_link(&self) -> Result<SecretString, InternalError> {
        todo!()
    }

    /// A key with all scopes for the operator's workspace.
    pub async fn api_key(&self, name: Option<&str>) -> Result<SecretString, InternalError> {
        todo!()
    }

    /// What exists on the host and belongs to no desktop.
    pub async fn leftovers(&self) -> Result<Vec<Leftover>, AdminError> {
        todo!()
    }

    /// Removes what [`Control::leftovers`] lists, and returns it.
    pub async fn sweep(&self) -> Result<Vec<Leftover>, AdminError> {
        todo!()
    }
}
