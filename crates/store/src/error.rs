//! What can go wrong with the database.

use rolltop_vault::{SealError, VaultError};
use sea_orm::DbErr;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused")]
    Database(#[from] DbErr),
    /// A row holds what this version does not understand.
    #[error("a row of {table} can't be read: {what}")]
    Unreadable { table: &'static str, what: String },
    #[error("a secret in the database can't be sealed or opened")]
    Seal(#[from] SealError),
    #[error("the vault failed")]
    Vault(#[from] VaultError),
}

/// Turns a parse error of one table's value into [`StoreError::Unreadable`].
pub(crate) fn unreadable<E: ToString>(table: &'static str) -> impl Fn(E) -> StoreError {
    move |error| StoreError::Unreadable { table, what: error.to_string() }
}
