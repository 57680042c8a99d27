//! Databases for tests: SQLite files, or databases of the PostgreSQL that `ROLLTOP_TEST_POSTGRES` names, so that the same tests
//! run on both.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;

use sea_orm::{ConnectionTrait as _, DatabaseConnection};

use crate::kernel::database::{Location, Postgres, connect};

const SERVER: &str = "ROLLTOP_TEST_POSTGRES";

/// The database that belongs to a test's folder; the same each time.
///
/// # Panics
///
/// Where the server that is named can't be asked, or makes no database.
pub async fn location(directory: &Path) -> Location {
    match postgres(directory).await {
        Some(database) => Location::Postgres(database),
        None => Location::Sqlite(directory.join("rolltop.db")),
    }
}

/// The same for who has the SQLite file by the folder; `None` where the tests run on SQLite.
///
/// # Panics
///
/// As [`location`].
pub async fn postgres(directory: &Path) -> Option<Postgres> {
    let server = std::env::var(SERVER).ok()?;
    let mut hasher = DefaultHasher::new();
    directory.hash(&mut hasher);
    let name = format!("test_{:016x}", hasher.finish());
    let database = |name: &str| {
        let (before, after) = server.split_once("/postgres").expect("the database postgres");
        Postgres { url: format!("{before}/{name}{after}"), password: None }
    };
    let admin = connect(&Location::Postgres(database("postgres"))).await.expect("a server for the tests");
    let query = format!("SELECT 1 FROM pg_database WHERE datname = '{name}'");
    let there = admin.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, query));
    if there.await.expect("an answer").is_none() {
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database");
    }
    admin.close().await.expect("an end");
    Some(database(&name))
}

/// What is in the files of a table, also where nothing refers to it any more.
///
/// # Panics
///
/// As [`location`], or where they can't be read.
pub async fn bytes_on_disk(directory: &Path, table: &str) -> Vec<u8> {
    let Location::Postgres(database) = location(directory).await else {
        return std::fs::read(directory.join("rolltop.db")).expect("the database's file");
    };
    let connection = connect(&Location::Postgres(database)).await.expect("the test's database");
    connection.execute_unprepared("CHECKPOINT").await.expect("all is in the files");
    let query = format!("SELECT pg_read_binary_file(pg_relation_filepath('{table}'))");
    let query = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, query);
    let row = connection.query_one_raw(query).await.expect("an answer").expect("a row");
    row.try_get_by_index(0).expect("bytes")
}

/// A connection of its own, to look at rows or to damage them.
///
/// # Panics
///
/// As [`location`].
pub async fn connection(directory: &Path) -> DatabaseConnection {
    connect(&location(directory).await).await.expect("the test's database")
}
