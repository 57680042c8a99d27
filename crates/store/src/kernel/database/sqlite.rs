//! The rows in an SQLite file beside the vault's key.

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers at the same time; there is one writer.
const CONNECTIONS: u32 = 6;

/// Opens the file, making it where it is missing.
pub(super) async fn connect(path: PathBuf) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new("sqlite://");
    options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false);
    // A file that is open does not go away, as a server may.
    options.test_before_acquire(false);
    options.map_sqlx_sqlite_opts(move |options| {
        options
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .statement_cache_capacity(256)
            // A deleted key must not stay in a free page.
            .pragma("secure_delete", "ON")
    });
    Database::connect(options).await
}

/// Begins a transaction in which nobody else writes.
pub(crate) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await
}

/// Moves what was written into the main file and empties the log beside it, where deleted keys would otherwise linger.
pub(super) async fn forget_deleted(connection: &DatabaseConnection) -> Result<(), DbErr> {
    connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rolltop_model::WorkspaceId;
    use sea_orm::{
        ColumnTrait as _, DbBackend, EntityTrait as _, QueryFilter as _, QueryTrait as _, Statement,
    };

    use super::*;
    use crate::desktops;
    use crate::migrations::migrate;

    /// A column of what the database says.
    async fn says(statement: Statement, column: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let connection = connect(folder.path().join("rolltop.db")).await.unwrap();
        migrate(&connection).await.unwrap();
        let rows = connection.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get("", column).unwrap()).collect()
    }

    /// Else each use of a statement with a bound LIMIT compiles it anew.
    #[tokio::test]
    async fn it_keeps_a_statement_as_it_was_compiled() {
        let asked = Statement::from_string(DbBackend::Sqlite, "PRAGMA compile_options");
        let options = says(asked, "compile_options").await;
        assert!(options.iter().any(|option| option == "ENABLE_QPSG"), "{options:?}");
    }

    #[tokio::test]
    async fn a_name_is_looked_up_in_its_index() {
        let named = desktops::Entity::find()
            .filter(desktops::Column::Workspace.eq(WorkspaceId::generate()))
            .filter(desktops::Column::Name.eq("desk"))
            .filter(desktops::alive())
            .build(DbBackend::Sqlite);
        let asked = Statement { sql: format!("EXPLAIN QUERY PLAN {}", named.sql), ..named };
        let plan = says(asked, "detail").await.join("\n");
        assert!(plan.contains("USING INDEX desktops_name"), "{plan}");
    }
}
