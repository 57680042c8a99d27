//! Coming in and going out.

use std::net::IpAddr;

use rolltop_boxed::boxed;
use rolltop_model::UserId;
use rolltop_vault::{TokenKind, classify, hash_token, new_token, verify_against_nobody, verify_password};
use secrecy::SecretString;

use crate::account::limiter::SignInLimiter;
use crate::account::limiter::Whence;
use crate::account::password::sign_in_name;
use crate::kernel::caller::{Caller, Who};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{InternalError, TooManyAttempts, explained};

/// What a link was turned into.
#[derive(Debug)]
pub struct Redeemed {
    /// The session's token.
    pub token: SecretString,
    /// The person has no password yet and should choose one.
    pub needs_password: bool,
}

explained! {
    pub enum RedeemError or Internal {
        /// Unknown, used or too old.
        Invalid => LinkNotValid, "This link has been used or is too old; ask for a new one.";
    }

    pub enum SignInError: TooManyAttempts(TooManyAttempts) or Internal {
        /// The same for an unknown name and a wrong password.
        Wrong => WrongCredentials, "Name and password don't match.";
    }
}

#[boxed]
impl Control {
    /// Uses up a sign-in link for a session.
    pub async fn redeem_link(&self, link: &SecretString) -> Result<Redeemed, RedeemError> {
        if classify(link) != Some(TokenKind::SignInLink) {
            return Err(RedeemError::Invalid);
        }
        let store = &self.kernel.store;
        let user =
            store.use_sign_in_link(hash_token(link), clock::now()).await?.ok_or(RedeemError::Invalid)?;
        let known = store.user(user).await?.ok_or(RedeemError::Invalid)?;
        let token = self.new_session(user, true).await?;
        tracing::info!(%user, "signed in by a link");
        Ok(Redeemed { token, needs_password: known.password_hash.is_none() })
    }

    /// A new session's token, for a name and its password. Takes as long for an unknown name. `from` is the visitor's
    /// address; without one it is somebody on the host.
    pub async fn sign_in(
        &self,
        name: &str,
        password: SecretString,
        from: Option<IpAddr>,
    ) -> Result<SecretString, SignInError> {
        let name = sign_in_name(name).ok_or(SignInError::Wrong)?;
        let known = self.kernel.store.user_by_name(&name).await?;
        let (user, stored) = known.map_or((None, None), |user| (Some(user.id), user.password_hash));
        let matches = self.is_password(&name, Whence::of(from), password, stored).await?;
        match user.filter(|_| matches) {
            Some(user) => {
                tracing::info!(%user, "signed in by a password");
                Ok(self.new_session(user, false).await?)
            }
            None => {
                tracing::info!("a sign-in was refused");
                Err(SignInError::Wrong)
            }
        }
    }

    /// Whether somebody's password is this one. Counts as a try of that name; takes as long where there is none.
    pub(crate) async fn is_password(
        &self,
        name: &str,
        from: Whence,
        password: SecretString,
        stored: Option<String>,
    ) -> Result<bool, SignInError> {
        let limiter = &self.kernel.state::<SignInLimiter>();
        limiter.begin(name, from).map_err(TooManyAttempts)?;
        let turn = limiter.hashing.acquire().await.map_err(|_| InternalError::Other("shutting down"))?;
        let matches = tokio::task::spawn_blocking(move || match stored {
            Some(stored) => verify_password(&password, &stored),
            None => Ok(verify_against_nobody(&password)),
        })
        .await
        .map_err(|_| InternalError::Other("hashing ended early"))?
        .map_err(rolltop_vault::VaultError::from)?;
        drop(turn);
        if matches {
            limiter.succeeded(name, from);
        }
        Ok(matches)
    }

    /// Ends the caller's session; does nothing for an API key.
    pub async fn sign_out(&self, caller: &Caller) -> Result<(), InternalError> {
        match caller.who {
            Who::Session { session, .. } => {
                self.kernel.store.delete_session(session).await?;
                self.kernel.credentials_changed();
                Ok(())
            }
            Who::ApiKey(_) | Who::SshKey(_) | Who::Share(_) => Ok(()),
        }
    }

    async fn new_session(&self, user: UserId, by_link: bool) -> Result<SecretString, InternalError> {
        let token = new_token(TokenKind::Session);
        self.kernel.store.insert_session(user, hash_token(&token), by_link, clock::now()).await?;
        Ok(token)
    }
}
