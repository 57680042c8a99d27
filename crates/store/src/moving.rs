//! Copying an SQLite installation into PostgreSQL: all of it or nothing, and compared afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use sea_orm::sea_query::{Alias, InsertStatement, SimpleExpr};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, QueryResult, Statement, TransactionTrait as _, Value,
};
use sha2::{Digest as _, Sha256};

use crate::kernel::database::{Location, Postgres, begin_sqlite, connect};
use crate::kernel::error::StoreError;
use crate::migrations::migrate;

/// Rows in memory at a time.
const ROWS: usize = 500;
/// What of SQLite is not copied: its own tables, and which migrations there were, which the target has of itself.
const MIGRATIONS: &str = "seaql_migrations";

#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there is no SQLite database at {0}")]
    Missing(String),
    #[error("the PostgreSQL database is not empty: it has a table {0}")]
    NotEmpty(String),
    #[error("table {table} can't be copied")]
    Table { table: String, source: DbErr },
    #[error("table {table} is not the same after copying: {before} rows there, {after} here")]
    Differs { table: String, before: u64, after: u64 },
}

impl From<DbErr> for MoveError {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// Copies all rows. Nobody can write to the file meanwhile; where anything fails, the target stays empty. Returns how many rows
/// each table has.
pub async fn copy_to_postgres(from: &Path, to: &Postgres) -> Result<Vec<(String, u64)>, MoveError> {
    if !from.is_file() {
        return Err(MoveError::Missing(from.display().to_string()));
    }
    let source = connect(&Location::Sqlite(from.to_owned())).await?;
    let target = connect(&Location::Postgres(to.clone())).await?;
    let there = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LIMIT 1";
    if let Some(row) = one(&target, there).await? {
        return Err(MoveError::NotEmpty(row.try_get_by_index(0)?));
    }
    migrate(&source).await?;
    let source_rows = begin_sqlite(&source).await?;
    let target_rows = target.begin().await?;
    migrate(&target_rows).await?;
    let mut copied = Vec::new();
    for table in tables(&source_rows).await? {
        let failed = |source| MoveError::Table { table: table.clone(), source };
        let columns = columns(&target_rows, &table).await?;
        let before = copy(&source_rows, &target_rows, &table, &columns).await.map_err(failed)?;
        go_on_counting(&source_rows, &target_rows, &table).await.map_err(failed)?;
        let after = read_back(&target_rows, &table, &columns).await.map_err(failed)?;
        if before != after {
            return Err(MoveError::Differs { table, before: before.rows, after: after.rows });
        }
        copied.push((table, before.rows));
    }
    target_rows.commit().await?;
    source_rows.rollback().await?;
    target.close().await?;
    source.close().await?;
    Ok(copied)
}

/// How many rows, and what is in them, in whatever order.
#[derive(Default, PartialEq)]
struct Seen {
    rows: u64,
    digest: [u64; 4],
}

impl Seen {
    fn add(&mut self, row: &[Cell]) {
        let mut hasher = Sha256::new();
        for cell in row {
            cell.hash(&mut hasher);
        }
        self.rows += 1;
        for (sum, bytes) in self.digest.iter_mut().zip(hasher.finalize().chunks_exact(8)) {
            *sum = sum.wrapping_add(u64::from_le_bytes(bytes.try_into().unwrap_or_default()));
        }
    }
}

#[derive(Clone, Copy)]
enum ColumnKind {
    Text,
    Number,
    Boolean,
    Bytes,
}

struct Column {
    name: String,
    kind: ColumnKind,
}

enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
    Boolean(Option<bool>),
    Bytes(Option<Vec<u8>>),
}

impl Cell {
    fn read(row: &QueryResult, at: usize, kind: ColumnKind) -> Result<Self, DbErr> {
        Ok(match kind {
            ColumnKind::Text => Self::Text(row.try_get_by_index(at)?),
            ColumnKind::Number => Self::Number(row.try_get_by_index(at)?),
            ColumnKind::Boolean => Self::Boolean(row.try_get_by_index(at)?),
            ColumnKind::Bytes => Self::Bytes(row.try_get_by_index(at)?),
        })
    }

    /// Which of the four it is, whether it is there, and how long, so that no two rows look the same.
    fn hash(&self, hasher: &mut Sha256) {
        let (kind, bytes): (u8, Option<Vec<u8>>) = match self {
            Self::Text(text) => (0, text.as_ref().map(|text| text.as_bytes().to_vec())),
            Self::Number(number) => (1, number.map(|number| number.to_le_bytes().to_vec())),
            Self::Boolean(boolean) => (2, boolean.map(|boolean| vec![boolean.into()])),
            Self::Bytes(bytes) => (3, bytes.clone()),
        };
        hasher.update([kind, bytes.is_some().into()]);
        let bytes = bytes.unwrap_or_default();
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
}

impl From<Cell> for SimpleExpr {
    fn from(cell: Cell) -> Self {
        let value: Value = match cell {
            Cell::Text(text) => text.into(),
            Cell::Number(number) => number.into(),
            Cell::Boolean(boolean) => boolean.into(),
            Cell::Bytes(bytes) => bytes.into(),
        };
        value.into()
    }
}

async fn one(connection: &impl ConnectionTrait, sql: &str) -> Result<Option<QueryResult>, DbErr> {
    connection.query_one_raw(Statement::from_string(connection.get_database_backend(), sql)).await
}

async fn all(connection: &impl ConnectionTrait, sql: &str) -> Result<Vec<QueryResult>, DbErr> {
    connection.query_all_raw(Statement::from_string(connection.get_database_backend(), sql)).await
}

/// The source's tables; each after those that its rows refer to.
async fn tables(source: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let named =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
    let mut waiting = Vec::new();
    for row in all(source, named).await? {
        let name: String = row.try_get_by_index(0)?;
        if name == MIGRATIONS {
            continue;
        }
        let referred =
            all(source, &format!("SELECT \"table\" FROM pragma_foreign_key_list('{name}')")).await?;
        let referred = referred.iter().map(|row| row.try_get_by_index(0));
        waiting.push((name, referred.collect::<Result<BTreeSet<String>, _>>()?));
    }
    let mut ordered: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let is_ready = |(name, referred): &(String, BTreeSet<String>)| {
            referred.iter().all(|other| other == name || ordered.contains(other))
        };
        // Tables that refer to each other in a circle would all be ready at once; there are none.
        let at = waiting.iter().position(is_ready).unwrap_or(0);
        ordered.push(waiting.remove(at).0);
    }
    Ok(ordered)
}

async fn columns(target: &DatabaseTransaction, table: &str) -> Result<Vec<Column>, DbErr> {
    let sql = format!(
        "SELECT column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = current_schema() AND table_name = '{table}' ORDER BY ordinal_position"
    );
    let rows = all(target, &sql).await?;
    let columns = rows.iter().map(|row| {
        let (name, kind): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let kind = match kind.as_str() {
            "text" => ColumnKind::Text,
            "bigint" | "integer" => ColumnKind::Number,
            "boolean" => ColumnKind::Boolean,
            "bytea" => ColumnKind::Bytes,
            other => return Err(DbErr::Custom(format!("column {name} of {table} is of type {other}"))),
        };
        Ok(Column { name, kind })
    });
    columns.collect()
}

fn names(columns: &[Column]) -> String {
    columns.iter().map(|column| format!("\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
}

async fn copy(
    source: &DatabaseTransaction,
    target: &DatabaseTransaction,
    table: &str,
    columns: &[Column],
) -> Result<Seen, DbErr> {
    let mut seen = Seen::default();
    let mut last = i64::MIN;
    loop {
        let sql = format!(
            "SELECT {}, rowid FROM {table} WHERE rowid > {last} ORDER BY rowid LIMIT {ROWS}",
            names(columns)
        );
        let rows = all(source, &sql).await?;
        let Some(newest) = rows.last() else { return Ok(seen) };
        last = newest.try_get_by_index(columns.len())?;
        let mut insert = InsertStatement::new();
        insert.into_table(Alias::new(table));
        insert.columns(columns.iter().map(|column| Alias::new(&column.name)));
        for row in &rows {
            let cells = columns.iter().enumerate().map(|(at, column)| Cell::read(row, at, column.kind));
            let cells: Vec<Cell> = cells.collect::<Result<_, _>>()?;
            seen.add(&cells);
            insert.values_panic(cells.into_iter().map(SimpleExpr::from));
        }
        target.execute(&insert).await?;
    }
}

async fn read_back(target: &DatabaseTransaction, table: &str, columns: &[Column]) -> Result<Seen, DbErr> {
    let mut seen = Seen::default();
    // A name of its own: an answer is taken to be of the same columns as the last one to the same question.
    let cursor = format!("reading_{table}");
    // Some numbers are of four bytes there.
    let cast = columns.iter().map(|column| match column.kind {
        ColumnKind::Number => format!("\"{}\"::bigint", column.name),
        _ => format!("\"{}\"", column.name),
    });
    let cast = cast.collect::<Vec<_>>().join(", ");
    let declaring = format!("DECLARE {cursor} NO SCROLL CURSOR FOR SELECT {cast} FROM {table}");
    target.execute_unprepared(&declaring).await?;
    loop {
        let rows = all(target, &format!("FETCH {ROWS} FROM {cursor}")).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let cells = columns.iter().enumerate().map(|(at, column)| Cell::read(row, at, column.kind));
            seen.add(&cells.collect::<Result<Vec<_>, _>>()?);
        }
    }
    target.execute_unprepared(&format!("CLOSE {cursor}")).await?;
    Ok(seen)
}

/// A number that counts itself goes on where it was, also where the rows with the highest ones are gone.
async fn go_on_counting(
    source: &DatabaseTransaction,
    target: &DatabaseTransaction,
    table: &str,
) -> Result<(), DbErr> {
    let counted = format!("SELECT seq FROM sqlite_sequence WHERE name = '{table}'");
    let Some(row) = one(source, &counted).await? else { return Ok(()) };
    let last: i64 = row.try_get_by_index(0)?;
    if last > 0 {
        let sql = format!("SELECT setval(pg_get_serial_sequence('{table}', 'seq'), {last})");
        one(target, &sql).await?;
    }
    Ok(())
}
