//! Links that open one port of one desktop to whoever holds them.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0004_shares"
    }
}

const STATEMENTS: &[&str] = &[
    "CREATE TABLE shares (
        id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id),
        desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE, port INTEGER NOT NULL,
        token_hash BLOB NOT NULL UNIQUE, made_by TEXT NOT NULL, created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL, used_at BIGINT)",
    "CREATE INDEX shares_desktop ON shares (desktop_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        for statement in STATEMENTS {
            connection.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
