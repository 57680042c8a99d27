//! Opening the database, and the one way to write to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rolltop_vault::Vault;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use crate::error::StoreError;
use crate::migrations::Migrator;

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Readers at the same time; there is one writer.
const CONNECTIONS: u32 = 6;

/// The open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) connection: DatabaseConnection,
    pub(crate) vault: Arc<Vault>,
    /// Writers queue here rather than in SQLite, which would let them spin.
    turn: Arc<Mutex<()>>,
    latest: Arc<watch::Sender<i64>>,
}

impl Store {
    /// Opens the file, making it and its tables where they are missing.
    pub async fn open(path: &Path, vault: Vault) -> Result<Self, StoreError> {
        let path = path.to_owned();
        let mut options = ConnectOptions::new("sqlite://");
        options.max_connections(CONNECTIONS).min_connections(1).sqlx_logging(false);
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
        let connection = Database::connect(options).await?;
        Migrator::up(&connection, None).await?;
        let store = Self {
            connection,
            vault: Arc::new(vault),
            turn: Arc::default(),
            latest: Arc::new(watch::Sender::new(0)),
        };
        let latest = store.latest_event_number().await?;
        store.latest.send_replace(latest);
        Ok(store)
    }

    /// The number of the latest event; changes with each.
    pub fn watch_events(&self) -> watch::Receiver<i64> {
        self.latest.subscribe()
    }

    /// Moves what was written into the main file and empties the log beside it, where deleted
    /// keys would otherwise linger.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        self.connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
        Ok(())
    }

    /// Waits for the statements under way and closes the file.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }

    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let transaction = self.connection.begin_with_options(options).await?;
        Ok(Write { transaction, latest: self.latest.clone(), event: None, _turn: turn })
    }
}

/// A write transaction; rolled back unless committed. Its turn ends after it (fields drop in order).
pub(crate) struct Write {
    pub(crate) transaction: DatabaseTransaction,
    latest: Arc<watch::Sender<i64>>,
    /// The latest event written in this transaction.
    pub(crate) event: Option<i64>,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await?;
        if let Some(event) = self.event {
            self.latest.send_if_modified(|latest| {
                let newer = event > *latest;
                *latest = event.max(*latest);
                newer
            });
        }
        Ok(())
    }
}
