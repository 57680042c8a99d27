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

/// Those rows of one table that can be read. The others, which `name` tells apart, are logged: who looks at all of
/// them goes on without.
pub(crate) fn readable<R, T: TryFrom<R, Error = StoreError>>(
    rows: Vec<R>,
    name: impl Fn(&R) -> String,
) -> Vec<T> {
    let read = rows.into_iter().filter_map(|row| {
        let of = name(&row);
        T::try_from(row).inspect_err(|error| tracing::error!(row = of, %error, "a row is left out")).ok()
    });
    read.collect()
}
