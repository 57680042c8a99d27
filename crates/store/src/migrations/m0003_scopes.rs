//! Scopes by their present names, in keys that were made under the former ones. What
//! `desktops:enter` allowed is now several scopes. A key that had all of them is the operator's,
//! and has all there are: no other could be made until then.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0003_scopes",
    statements: &[
        "UPDATE api_keys SET scopes = 'desktops:read desktops:write desktops:control files:read files:write exec \
        keys:read keys:write tasks:read tasks:write billing:read host:read account admin' \
        WHERE scopes = 'desktops:read desktops:write desktops:enter host:read account'",
        "UPDATE api_keys SET scopes = trim(replace(replace(' ' || scopes || ' ', \
        ' desktops:enter ', ' desktops:control files:read files:write exec '), \
        ' account ', ' account keys:read keys:write ')) \
        WHERE scopes NOT LIKE '%admin'",
    ],
};

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
    use sea_orm_migration::MigratorTrait;

    use crate::migrations::Migrator;

    async fn scopes(connection: &DatabaseConnection, id: &str) -> String {
        let query = format!("SELECT scopes FROM api_keys WHERE id = '{id}'");
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, query)).await;
        row.unwrap().unwrap().try_get("", "scopes").unwrap()
    }

    #[tokio::test]
    async fn former_keys_may_what_they_might() {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.max_connections(1);
        let connection = Database::connect(options).await.unwrap();
        Migrator::up(&connection, Some(2)).await.unwrap();
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
        Migrator::up(&connection, Some(1)).await.unwrap();
        assert_eq!(
            scopes(&connection, "0").await,
            "desktops:read desktops:write desktops:control files:read files:write exec keys:read keys:write \
             tasks:read tasks:write billing:read host:read account admin"
        );
        assert_eq!(scopes(&connection, "1").await, "desktops:control files:read files:write exec");
        assert_eq!(scopes(&connection, "2").await, "desktops:read account keys:read keys:write");
        assert_eq!(scopes(&connection, "3").await, "host:read");
    }
}
