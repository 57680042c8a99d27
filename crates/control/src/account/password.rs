//! Choosing a name and a password.

use rolltop_vault::hash_password;
use secrecy::{ExposeSecret, SecretString};

use crate::caller::{Caller, Scope, Who};
use crate::control::Control;
use crate::error::{InternalError, internal_from};

const SHORTEST_PASSWORD: usize = 10;
const LONGEST_PASSWORD_BYTES: usize = 1024;
const LONGEST_NAME: usize = 64;

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
    pub async fn set_password(
        &self,
        caller: &Caller,
        name: &str,
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
        let _turn =
            self.inner.sign_ins.hashing.acquire().await.map_err(|_| InternalError::Other("shutting down"))?;
        let hash = tokio::task::spawn_blocking(move || hash_password(&password))
            .await
            .map_err(|_| InternalError::Other("hashing ended early"))?
            .map_err(rolltop_vault::VaultError::from)?;
        self.inner.store.set_password(user, &name, &hash, session).await.map_err(|error| match error {
            rolltop_store::SetPasswordError::NameTaken => SetPasswordError::NameTaken,
            rolltop_store::SetPasswordError::NoUser => SetPasswordError::NotAPerson,
            rolltop_store::SetPasswordError::Store(error) => error.into(),
        })?;
        self.inner.credentials_changed();
        tracing::info!(%user, "a password was set");
        Ok(())
    }
}

/// A name as it is kept and compared: lower case, so that two people can't differ by case only.
pub(super) fn sign_in_name(text: &str) -> Option<String> {
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
