//! Opening the database, and the one way to write to it. What SQLite and PostgreSQL do differently is in the two modules.

mod postgres;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;

use rolltop_boxed::boxed;
use rolltop_vault::Vault;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend};
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, watch};

use crate::kernel::error::StoreError;
use crate::migrations::migrate;
pub use postgres::Postgres;
pub(crate) use sqlite::begin as begin_sqlite;

/// Where the rows are.
#[derive(Debug, Clone)]
pub enum Location {
    /// An SQLite file, made where it is missing.
    Sqlite(PathBuf),
    Postgres(Postgres),
}

/// The open database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) connection: DatabaseConnection,
    pub(crate) vault: Arc<Vault>,
    /// Writers queue here rather than in the database: SQLite would let them spin, and each would keep a connection of PostgreSQL's.
    turn: Arc<Mutex<()>>,
    latest: Arc<watch::Sender<i64>>,
    /// Something is to be done later.
    pub(crate) jobs: Arc<Notify>,
    _listening: Option<Arc<postgres::Listening>>,
}

#[boxed]
impl Store {
    /// Opens the database and makes the tables that are missing.
    pub async fn open(location: &Location, vault: Vault) -> Result<Self, StoreError> {
        let connection = connect(location).await?;
        migrate(&connection).await?;
        let latest = Arc::new(watch::Sender::new(0));
        let listening = match location {
            Location::Sqlite(_) => None,
            Location::Postgres(database) => {
                Some(Arc::new(postgres::Listening::begin(database, latest.clone())?))
            }
        };
        let (vault, turn) = (Arc::new(vault), Arc::default());
        let jobs = Arc::default();
        let store = Self { connection, vault, turn, latest, jobs, _listening: listening };
        told(&store.latest, store.latest_event_number().await?);
        Ok(store)
    }

    /// The number of the latest event; changes with each.
    pub fn watch_events(&self) -> watch::Receiver<i64> {
        self.latest.subscribe()
    }

    /// Takes what was deleted out of the database's files as well; in PostgreSQL the keys, the rest goes as the server cleans
    /// up. The log that it writes ahead is its operator's: what was in it goes when the server uses its files again.
    pub async fn forget_deleted(&self) -> Result<(), StoreError> {
        let _turn = self.turn.lock().await;
        match self.connection.get_database_backend() {
            DbBackend::Sqlite => sqlite::forget_deleted(&self.connection).await?,
            _ => postgres::forget_deleted(&self.connection).await?,
        }
        Ok(())
    }

    /// Waits for the statements under way and closes the database.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }

    pub(crate) async fn write(&self) -> Result<Write, StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        let transaction = match self.connection.get_database_backend() {
            DbBackend::Sqlite => sqlite::begin(&self.connection).await?,
            _ => postgres::begin(&self.connection).await?,
        };
        Ok(Write {
            transaction,
            latest: self.latest.clone(),
            event: None,
            jobs: self.jobs.clone(),
            asks: false,
            _turn: turn,
        })
    }
}

pub(crate) async fn connect(location: &Location) -> Result<DatabaseConnection, StoreError> {
    Ok(match location {
        Location::Sqlite(path) => sqlite::connect(path.clone()).await?,
        Location::Postgres(database) => postgres::connect(database).await?,
    })
}

/// Numbers come in any order: of what was committed here, and by way of the database.
fn told(latest: &watch::Sender<i64>, event: i64) {
    latest.send_if_modified(|latest| {
        let newer = event > *latest;
        *latest = event.max(*latest);
        newer
    });
}

/// A write transaction; rolled back unless committed. Its turn ends after it (fields drop in order).
pub(crate) struct Write {
    pub(crate) transaction: DatabaseTransaction,
    latest: Arc<watch::Sender<i64>>,
    /// The latest event written in this transaction.
    pub(crate) event: Option<i64>,
    jobs: Arc<Notify>,
    /// Whether something was asked for in it that is done later.
    pub(crate) asks: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Write {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        if let Some(event) = self.event
            && self.transaction.get_database_backend() != DbBackend::Sqlite
        {
            postgres::tell(&self.transaction, event).await?;
        }
        self.transaction.commit().await?;
        if let Some(event) = self.event {
            told(&self.latest, event);
        }
        if self.asks {
            self.jobs.notify_one();
        }
        Ok(())
    }
}
