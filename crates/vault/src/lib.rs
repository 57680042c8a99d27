//! Secrets: encryption at rest, tokens, password hashes.
//!
//! [`Vault`] seals what the database keeps, bound to the very cell it is kept in. Tokens are
//! shown once and kept as hashes only. What is secret has a type that can't be printed.
//!
//! Deliberately absent: where anything is stored, who anybody is.

mod key_file;
mod password;
mod random;
mod seal;
mod stream;
mod token;

pub use key_file::KeyFileError;
pub use password::{PasswordError, hash_password, verify_against_nobody, verify_password};
pub use random::{random_bytes, random_key};
pub use seal::{Cell, SealError, Vault};
pub use stream::{CHUNK, MOST_HEADER, SEALED_CHUNK, StreamKey, StreamOpener, StreamSealer};
pub use token::{TokenHash, TokenKind, classify, hash_token, new_token};

/// What can go wrong with secrets.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the vault's key file can't be used")]
    KeyFile(#[from] KeyFileError),
    #[error("a sealed value can't be used")]
    Seal(#[from] SealError),
    #[error("a password can't be hashed")]
    Password(#[from] PasswordError),
}
