//! How the tables came to be, in order. A migration that was released is never changed. Each is in SQL that SQLite and PostgreSQL
//! both take, but for the names of two types: `{counter}`, a number that counts itself, and `{bytes}`. A statement ends where a
//! line ends with a semicolon.

use std::time::UNIX_EPOCH;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, TransactionSession as _, TransactionTrait};

macro_rules! migrations {
    ($($name:literal),+ $(,)?) => {
        [$(($name, include_str!(concat!("migrations/", $name, ".sql")))),+]
    };
}

const MIGRATIONS: [(&str, &str); 33] = migrations![
    "m0001_start",
    "m0002_ssh_keys",
    "m0003_scopes",
    "m0004_api_keys",
    "m0005_device_logins",
    "m0006_shares",
    "m0007_share_labels",
    "m0008_snapshots",
    "m0009_sleep",
    "m0010_history",
    "m0011_autostart",
    "m0012_snapshot_pictures",
    "m0013_depth",
    "m0014_snapshot_schedules",
    "m0015_sizes",
    "m0016_usage",
    "m0017_idempotency_keys",
    "m0018_saved_templates",
    "m0019_setups",
    "m0020_copies",
    "m0021_link_sessions",
    "m0022_resumed_boots",
    "m0023_kept_logins",
    "m0024_screen_sizes",
    "m0025_last_uses",
    "m0026_makers",
    "m0027_export_scope",
    "m0028_disk_use",
    "m0029_imported_templates",
    "m0030_jobs",
    "m0031_actors",
    "m0032_engines",
    "m0033_choices",
];

/// Brings a database to what this version works with: each migration that it has not seen, all of it or nothing.
pub(crate) async fn migrate(connection: &(impl ConnectionTrait + TransactionTrait)) -> Result<(), DbErr> {
    up(connection, &MIGRATIONS).await
}

async fn up(
    connection: &(impl ConnectionTrait + TransactionTrait),
    migrations: &[(&str, &str)],
) -> Result<(), DbErr> {
    let backend = connection.get_database_backend();
    let (counter, bytes) = match backend {
        DbBackend::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
        _ => ("BIGSERIAL PRIMARY KEY", "BYTEA"),
    };
    let table = "CREATE TABLE IF NOT EXISTS seaql_migrations (version VARCHAR NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)";
    connection.execute_unprepared(table).await?;
    let rows = Statement::from_string(backend, "SELECT version FROM seaql_migrations");
    let rows = connection.query_all_raw(rows).await?;
    let seen = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, DbErr>>()?;
    if let Some(unknown) = seen.iter().find(|seen| migrations.iter().all(|(name, _)| name != seen)) {
        return Err(DbErr::Custom(format!("it was written by a newer version, with {unknown}")));
    }
    for (name, sql) in migrations.iter().filter(|(name, _)| seen.iter().all(|seen| seen != name)) {
        let step = connection.begin().await?;
        for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            let statement = statement.replace("{counter}", counter).replace("{bytes}", bytes);
            step.execute_unprepared(&statement).await?;
        }
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        let applied = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{name}', {now})");
        step.execute_unprepared(&applied).await?;
        step.commit().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, Database, DatabaseConnection};

    use super::*;

    async fn empty() -> DatabaseConnection {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }

    #[tokio::test]
    async fn what_a_newer_version_wrote_is_left_alone() {
        let connection = empty().await;
        migrate(&connection).await.unwrap();
        migrate(&connection).await.expect("again");
        let error = up(&connection, &MIGRATIONS[..31]).await.unwrap_err();
        assert!(error.to_string().contains(MIGRATIONS[31].0), "{error}");
    }

    async fn scopes(connection: &DatabaseConnection, id: &str) -> String {
        let query = format!("SELECT scopes FROM api_keys WHERE id = '{id}'");
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, query)).await;
        row.unwrap().unwrap().try_get("", "scopes").unwrap()
    }

    #[tokio::test]
    async fn former_keys_may_what_they_might() {
        let connection = empty().await;
        up(&connection, &MIGRATIONS[..2]).await.unwrap();
        connection
            .execute_unprepared("INSERT INTO workspaces VALUES ('wsp_1', 'Home', NULL, 0)")
            .await
            .unwrap();
        let all = "desktops:read desktops:write desktops:enter host:read account";
        for (number, scopes) in
            [all, "desktops:enter", "desktops:read account", "host:read"].iter().enumerate()
        {
            let row = format!("'{number}', 'wsp_1', 'key', x'0{number}', '{scopes}', NULL, 0, NULL");
            connection.execute_unprepared(&format!("INSERT INTO api_keys VALUES ({row})")).await.unwrap();
        }
        up(&connection, &MIGRATIONS[..3]).await.unwrap();
        assert_eq!(
            scopes(&connection, "0").await,
            "desktops:read desktops:write desktops:control files:read files:write exec keys:read keys:write \
             tasks:read tasks:write billing:read host:read account admin"
        );
        assert_eq!(scopes(&connection, "1").await, "desktops:control files:read files:write exec");
        assert_eq!(scopes(&connection, "2").await, "desktops:read account keys:read keys:write");
        assert_eq!(scopes(&connection, "3").await, "host:read");
    }

    #[tokio::test]
    async fn keys_that_reach_the_whole_disk_may_export_it() {
        let connection = empty().await;
        up(&connection, &MIGRATIONS[..26]).await.unwrap();
        connection
            .execute_unprepared("INSERT INTO workspaces (id, name, created_at) VALUES ('wsp_1', 'Home', 0)")
            .await
            .unwrap();
        let before = ["desktops:read files:read exec", "files:read files:write", "exec"];
        for (number, scopes) in before.iter().enumerate() {
            let row = format!(
                "INSERT INTO api_keys (id, workspace_id, name, token_hash, scopes, created_at) \
                 VALUES ('{number}', 'wsp_1', 'key', x'0{number}', '{scopes}', 0)"
            );
            connection.execute_unprepared(&row).await.unwrap();
        }
        migrate(&connection).await.unwrap();
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT scopes FROM api_keys ORDER BY id");
        let rows = connection.query_all_raw(query).await.unwrap();
        let after: Vec<String> = rows.iter().map(|row| row.try_get("", "scopes").unwrap()).collect();
        assert_eq!(
            after,
            ["desktops:read files:read exec desktops:export", "files:read files:write", "exec"]
        );
    }

    #[tokio::test]
    async fn layers_that_are_there_get_the_workspace_of_what_lies_over_them() {
        let connection = empty().await;
        up(&connection, &MIGRATIONS[..27]).await.unwrap();
        let layer = |id: &str, parent: &str, desktop: &str| {
            format!(
                "INSERT INTO layers (id, size, layer_key, desktop_id, parent_id, depth, frozen, created_at)
                 VALUES ('{id}', 's', x'00', {desktop}, {parent}, 1, FALSE, 0)"
            )
        };
        let rows = [
            "INSERT INTO workspaces (id, name, created_at) VALUES ('wsp_1', 'One', 0), ('wsp_2', 'Two', 0)".into(),
            "INSERT INTO desktops (id, workspace_id, name, template, size, desired, state, boot, ready_boot, screen_boot,
                restart, attempts, planned_at, receipt, revision, fence, created_at, updated_at)
             VALUES ('dsk_1', 'wsp_1', 'a', 't', 's', 'running', 'running', 1, 1, 1, FALSE, 0, 0, FALSE, 1, 0, 0, 0)"
                .into(),
            "INSERT INTO snapshots (id, workspace_id, desktop_id, desktop_name, name, kind, state, layer_id, template, size,
                has_memory, memory_bytes, disk_bytes, made_by, created_at)
             VALUES ('snp_1', 'wsp_2', 'dsk_9', 'b', 'n', 'manual', 'ready', 'lay_9', 't', 's', FALSE, 0, 0, 'm', 0)"
                .into(),
            layer("lay_1", "NULL", "NULL"),
            layer("lay_2", "'lay_1'", "NULL"),
            layer("lay_3", "'lay_2'", "'dsk_1'"),
            layer("lay_8", "NULL", "NULL"),
            layer("lay_9", "'lay_8'", "NULL"),
        ];
        for row in rows {
            connection.execute_unprepared(&row).await.unwrap();
        }
        migrate(&connection).await.unwrap();
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT workspace_id FROM layers ORDER BY id");
        let rows = connection.query_all_raw(query).await.unwrap();
        let of: Vec<String> = rows.iter().map(|row| row.try_get("", "workspace_id").unwrap()).collect();
        assert_eq!(of, ["wsp_1", "wsp_1", "wsp_1", "wsp_2", "wsp_2"]);
    }
}
