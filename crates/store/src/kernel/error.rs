//! What can go wrong with the database.

use rolltop_vault::{SealError, VaultError};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, FromQueryResult as _, QueryTrait as _, Select};

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

/// Those rows that can be read. The others are logged: who looks at all of them goes on without.
pub(crate) async fn readable<E: EntityTrait, T>(
    select: Select<E>,
    read: impl Fn(E::Model) -> Result<T, StoreError>,
    connection: &impl ConnectionTrait,
) -> Result<Vec<T>, StoreError> {
    let rows = connection.query_all_raw(select.build(connection.get_database_backend())).await?;
    let all = rows.iter().filter_map(|row| {
        let known = E::Model::from_query_result(row, "").map_err(StoreError::from).and_then(&read);
        known.inspect_err(|error| tracing::error!(table = E::default().table_name(), error = ?error, "a row is left out")).ok()
    });
    Ok(all.collect())
}
