//! The rows in a PostgreSQL database.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr, SqlxPostgresConnector,
    TransactionTrait,
};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Readers and the writer at the same time.
const CONNECTIONS: u32 = 12;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long without use a connection is asked whether it is there, as its server may have been started anew. To ask at each
/// use is half of what a short statement takes.
const FRESH: Duration = Duration::from_secs(1);
/// On which the number of each event is told.
const CHANNEL: &str = "rolltop_events";
/// How long to wait before asking again a server that can't be listened to.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// The lock that whoever writes has until the end of its transaction; any number will do.
const WRITER: i64 = 0x726f_6c6c_746f;
/// Tables with sealed keys.
const WITH_KEYS: [&str; 3] = ["desktops", "layers", "snapshots"];

/// A PostgreSQL database, and who asks it.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// Such as `postgres://rolltop@db.example.org/rolltop?sslmode=verify-full`, without a password.
    pub url: String,
    pub password: Option<SecretString>,
}

impl Postgres {
    fn options(&self) -> Result<PgConnectOptions, DbErr> {
        let options = PgConnectOptions::from_str(&self.url).map_err(failed)?;
        let options = options.application_name("rolltop").statement_cache_capacity(256);
        Ok(match &self.password {
            Some(password) => options.password(password.expose_secret()),
            None => options,
        })
    }
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

pub(super) async fn connect(database: &Postgres) -> Result<DatabaseConnection, DbErr> {
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                if known.idle_for > FRESH {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(database.options()?)
        .await;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool.map_err(failed)?))
}

/// Begins a transaction in which nobody else writes, of another process neither. So what a transaction has read stays true
/// until its end, as with SQLite, and events become visible in the order of their numbers.
///
/// In a task of its own, because who asks may be dropped at any moment: a connection that is let go of while it begins goes
/// back to the others with the transaction open, and keeps the lock.
pub(super) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let connection = connection.clone();
    let beginning = tokio::spawn(async move {
        let transaction = connection.begin().await?;
        transaction.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({WRITER})")).await?;
        Ok(transaction)
    });
    beginning.await.map_err(|error| DbErr::Custom(error.to_string()))?
}

/// Tells all who listen of an event, once the transaction is committed.
pub(super) async fn tell(transaction: &DatabaseTransaction, event: i64) -> Result<(), DbErr> {
    transaction.execute_unprepared(&format!("NOTIFY {CHANNEL}, '{event}'")).await?;
    Ok(())
}

/// Writes the tables with keys anew, without what was deleted: a row that is deleted stays in its page otherwise, and in that
/// page's free room after plain `VACUUM`.
pub(super) async fn forget_deleted(connection: &DatabaseConnection) -> Result<(), DbErr> {
    for table in WITH_KEYS {
        connection.execute_unprepared(&format!("VACUUM (FULL) {table}")).await?;
    }
    Ok(())
}

/// Hears of events that others write, too, until it is dropped.
#[derive(Debug)]
pub(super) struct Listening(JoinHandle<()>);

impl Listening {
    pub(super) fn begin(database: &Postgres, latest: Arc<watch::Sender<i64>>) -> Result<Self, DbErr> {
        let options = database.options()?;
        Ok(Self(tokio::spawn(async move {
            loop {
                if let Err(error) = listen(options.clone(), &latest).await {
                    tracing::warn!(%error, "the database can't be listened to");
                }
                tokio::time::sleep(LISTEN_AGAIN).await;
            }
        })))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Until the connection is lost.
async fn listen(options: PgConnectOptions, latest: &watch::Sender<i64>) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    // What came before somebody listened.
    let missed: Option<i64> =
        sqlx::query_scalar("SELECT MAX(seq) FROM events").fetch_one(&mut listener).await?;
    super::told(latest, missed.unwrap_or_default());
    while let Some(told) = listener.try_recv().await? {
        super::told(latest, told.payload().parse().unwrap_or_default());
    }
    Ok(())
}
