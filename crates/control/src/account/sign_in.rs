//! Coming in and going out.

use std::time::Duration;

use secrecy::SecretString;

use crate::caller::Caller;
use crate::control::Control;
use crate::error::{InternalError, internal_from};

/// What a link was turned into.
#[derive(Debug)]
pub struct Redeemed {
    /// The session's token.
    pub token: SecretString,
    /// The person has no password yet and should choose one.
    pub needs_password: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// Unknown, used or too old.
    #[error("This link has been used or is too old; ask for a new one.")]
    Invalid,
    #[error(transparent)]
    Internal(#[from] InternalError),
}

#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The same for an unknown name and a wrong password.
    #[error("Name and password don't match.")]
    Wrong,
    #[error("Too many attempts; wait a little.")]
    TooManyAttempts { retry_after: Duration },
    #[error(transparent)]
    Internal(#[from] InternalError),
}

internal_from!(RedeemError, SignInError);

impl Control {
    /// Uses up a sign-in link for a session.
    pub async fn redeem_link(&self, link: &SecretString) -> Result<Redeemed, RedeemError> {
        todo!()
    }

    /// A new session's token, for a name and its password.
    pub async fn sign_in(&self, name: &str, password: SecretString) -> Result<SecretString, SignInError> {
        todo!()
    }

    /// Ends the caller's session; does nothing for an API key.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), InternalError> {
        todo!()
    }
}
