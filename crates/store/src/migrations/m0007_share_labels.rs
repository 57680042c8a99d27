//! A share link opens at the one address it was told for. Those from before do not say which that is, and end.

use sea_orm::ConnectionTrait;
use sea_orm_migration::prelude::*;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m0007_share_labels"
    }
}

const STATEMENTS: &[&str] =
    &["DELETE FROM shares", "ALTER TABLE shares ADD COLUMN label TEXT NOT NULL DEFAULT ''"];

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
