//! Choosing a name and a password.

use rolltop_api_types::Scope;
use rolltop_boxed::boxed;
use rolltop_model::SessionId;
use rolltop_store::SessionUser;
use rolltop_vault::hash_password;
use secrecy::{ExposeSecret, SecretString};

use crate::account::limiter::SignInLimiter;
use crate::account::limiter::Whence;
use crate::account::sign_in::SignInError;
use crate::kernel::caller::{Caller, Who};
use crate::kernel::control::Control;
use crate::kernel::error::{InternalError, TooManyAttempts, explained};

const SHORTEST_PASSWORD: usize = 10;
const LONGEST_PASSWORD_BYTES: usize = 1024;
const LONGEST_NAME: usize = 64;

explained! {
    pub enum SetPasswordError: TooManyAttempts(TooManyAttempts) or Internal {
        /// Only a signed-in person has a password.
        NotAPerson => NotAPerson, "Only a signed-in person can choose a password.";
        BadName => InvalidName in "name", "A name to sign in with has 1 to 64 characters without spaces.";
        NameTaken => NameTaken in "name", "Somebody else signs in with that name.";
        TooShort => WeakPassword in "password", "A password has at least 10 characters.";
        TooLong => WeakPassword in "password", "A password has at most 1024 bytes.";
        /// It has one, and this is not it.
        WrongPresent => WrongPassword in "present", "This is not your present password.";
    }
}

#[boxed]
impl Control {
    /// Sets the caller's name and password; every other session of theirs ends. Whoever has a password gives it as
    /// `present`, so that an unattended browser is not enough; but for who came by a link, as for a lost one.
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
        present: Option<SecretString>,
        password: SecretString,
    ) -> Result<(), SetPasswordError> {
        let Who::Session { session, user } = caller.who else { return Err(SetPasswordError::NotAPerson) };
        if !caller.may(Scope::Account) {
            return Err(SetPasswordError::NotAPerson);
        }
        let name = sign_in_name(name).ok_or(SetPasswordError::BadName)?;
        if password.expose_secret().len() > LONGEST_PASSWORD_BYTES {
            return Err(SetPasswordError::TooLong);
        }
        if password.expose_secret().chars().count() < SHORTEST_PASSWORD {
            return Err(SetPasswordError::TooShort);
        }
        self.check_present(session, present).await?;
        let limiter = self.kernel.state::<SignInLimiter>();
        let _turn = limiter.hashing.acquire().await.map_err(|_| InternalError::Other("shutting down"))?;
        let hash = tokio::task::spawn_blocking(move || hash_password(&password))
            .await
            .map_err(|_| InternalError::Other("hashing ended early"))?
            .map_err(rolltop_vault::VaultError::from)?;
        self.kernel.store.set_password(user, &name, &hash, session).await.map_err(|error| match error {
            rolltop_store::SetPasswordError::NameTaken => SetPasswordError::NameTaken,
            rolltop_store::SetPasswordError::NoUser => SetPasswordError::NotAPerson,
            rolltop_store::SetPasswordError::Store(error) => error.into(),
        })?;
        self.kernel.credentials_changed();
        tracing::info!(%user, "a password was set");
        Ok(())
    }

    async fn check_present(
        &self,
        session: SessionId,
        present: Option<SecretString>,
    ) -> Result<(), SetPasswordError> {
        let known = self.kernel.store.session_by_id(session).await?.ok_or(SetPasswordError::NotAPerson)?;
        if !asks_present(&known) {
            return Ok(());
        }
        let present = present.ok_or(SetPasswordError::WrongPresent)?;
        let name = known.user.name.unwrap_or_default();
        match self.is_password(&name, Whence::Inside, present, known.user.password_hash).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(SignInError::Wrong) => Err(SetPasswordError::WrongPresent),
            Err(SignInError::TooManyAttempts(error)) => Err(error.into()),
            Err(SignInError::Internal(error)) => Err(error.into()),
        }
    }
}

/// Whether this session's person must give the present password to choose another.
pub(crate) fn asks_present(session: &SessionUser) -> bool {
    session.user.password_hash.is_some() && !session.by_link
}

/// A name as it is kept and compared: lower case, so that two people can't differ by case only.
pub(crate) fn sign_in_name(text: &str) -> Option<String> {
    let name = text.trim().to_lowercase();
    let length = name.chars().count();
    let plain = !name.chars().any(|character| character.is_whitespace() || character.is_control());
    ((1..=LONGEST_NAME).contains(&length) && plain).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_and_have_no_spaces() {
        assert_eq!(sign_in_name(" Ann@Example.org ").as_deref(), Some("ann@example.org"));
        for bad in ["", "  ", "a b", "a\u{7}", &"x".repeat(65)] {
            assert_eq!(sign_in_name(bad), None, "{bad:?}");
        }
    }
}
