//! Choosing a name and a password.

use secrecy::SecretString;

use crate::caller::Caller;
use crate::control::Control;
use crate::error::{InternalError, internal_from};

#[derive(Debug, thiserror::Error)]
pub enum SetPasswordError {
    /// Only a signed-in person has a password.
    #[error("Only a signed-in person can choose a password.")]
    NotAPerson,
    #[error("A name to sign in with has 1 to 64 characters without spaces.")]
    BadName,
    #[error("Somebody else signs in with that name.")]
    NameTaken,
    #[error("A password has at least 10 characters.")]
    TooShort,
    #[error("A password has at most 1024 bytes.")]
    TooLong,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(SetPasswordError);

impl Control {
    /// Sets the caller's name and password; every other session of theirs ends.
    pub async fn set_password(&self, caller: &Caller, name: &str, password: SecretString) -> Result<(), SetPasswordError> {
        todo!()
    }
}
