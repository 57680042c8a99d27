//! Devices that wait for somebody to sign them in.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0005_device_logins"
    }
}

const STATEMENTS: &[&str] = &[
    "CREATE TABLE device_logins (
        device_hash {bytes} PRIMARY KEY, user_code TEXT NOT NULL UNIQUE, client_name TEXT NOT NULL,
        asked_from TEXT, scopes TEXT NOT NULL, asked_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
        pause_ms BIGINT NOT NULL, polled_at BIGINT, denied BOOLEAN NOT NULL,
        allowed_by TEXT REFERENCES workspaces (id) ON DELETE CASCADE)",
    "CREATE INDEX device_logins_expiry ON device_logins (expires_at)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let bytes = match connection.get_database_backend() {
            DbBackend::Sqlite => "BLOB",
            _ => "BYTEA",
        };
        for statement in STATEMENTS {
            connection.execute_unprepared(&statement.replace("{bytes}", bytes)).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
