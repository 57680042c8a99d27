//! Passwords: argon2id with the crate's own defaults (19 MiB, two passes). Takes tens of
//! milliseconds of a processor: call it where blocking is allowed.

use std::sync::OnceLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password can't be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error("the stored hash can't be read")]
    Stored,
}

/// The password's hash as a PHC string.
pub fn hash_password(password: &SecretString) -> Result<String, PasswordError> {
    let hash =
        Argon2::default().hash_password(password.expose_secret().as_bytes()).map_err(PasswordError::Hash)?;
    Ok(hash.to_string())
}

/// Whether this is the password that was hashed.
pub fn verify_password(password: &SecretString, stored: &str) -> Result<bool, PasswordError> {
    let hash = PasswordHash::new(stored).map_err(|_| PasswordError::Stored)?;
    Ok(Argon2::default().verify_password(password.expose_secret().as_bytes(), &hash).is_ok())
}

/// As much work as [`verify_password`], always in vain: an unknown name must not answer quicker.
pub fn verify_against_nobody(password: &SecretString) -> bool {
    static NOBODY: OnceLock<Option<String>> = OnceLock::new();
    let stored = NOBODY.get_or_init(|| hash_password(&crate::new_token(crate::TokenKind::Session)).ok());
    if let Some(stored) = stored {
        let _ = verify_password(password, stored);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_password_matches() {
        let hash = hash_password(&SecretString::from("correct horse")).unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(verify_password(&SecretString::from("correct horse"), &hash).unwrap());
        assert!(!verify_password(&SecretString::from("correct horsf"), &hash).unwrap());
        assert!(!verify_against_nobody(&SecretString::from("anything")));
        assert!(matches!(verify_password(&SecretString::from("x"), "plain"), Err(PasswordError::Stored)));
    }
}
