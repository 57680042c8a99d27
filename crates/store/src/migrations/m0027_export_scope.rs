//! To export a disk takes a scope of its own, before it took `files:read`. Keys that could read all of a disk by commands as
//! well keep what they could do; those that were for files alone do not.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0027_export_scope",
    statements: &["UPDATE api_keys SET scopes = scopes || ' desktops:export' \
        WHERE ' ' || scopes || ' ' LIKE '% files:read %' AND ' ' || scopes || ' ' LIKE '% exec %'"],
};

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, ConnectionTrait, Database, DbBackend, Statement};
    use sea_orm_migration::MigratorTrait;

    use crate::migrations::Migrator;

    #[tokio::test]
    async fn keys_that_reach_the_whole_disk_may_export_it() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let connection = Database::connect(options).await.unwrap();
        Migrator::up(&connection, Some(26)).await.unwrap();
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
        Migrator::up(&connection, None).await.unwrap();
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT scopes FROM api_keys ORDER BY id");
        let rows = connection.query_all_raw(query).await.unwrap();
        let after: Vec<String> = rows.iter().map(|row| row.try_get("", "scopes").unwrap()).collect();
        assert_eq!(
            after,
            ["desktops:read files:read exec desktops:export", "files:read files:write", "exec"]
        );
    }
}
