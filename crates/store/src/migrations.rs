//! How the tables came to be, in order. A migration that was released is never changed.

use sea_orm::{ConnectionTrait, DbBackend};
use sea_orm_migration::prelude::*;

mod m0001_start;
mod m0002_ssh_keys;
mod m0003_scopes;
mod m0004_api_keys;
mod m0005_device_logins;
mod m0006_shares;
mod m0007_share_labels;
mod m0008_snapshots;
mod m0009_sleep;
mod m0010_history;
mod m0011_autostart;
mod m0012_snapshot_pictures;
mod m0013_depth;
mod m0014_snapshot_schedules;
mod m0015_sizes;
mod m0016_usage;
mod m0017_idempotency_keys;
mod m0018_saved_templates;
mod m0019_setups;
mod m0020_copies;
mod m0021_link_sessions;
mod m0022_resumed_boots;
mod m0023_kept_logins;
mod m0024_screen_sizes;
mod m0025_last_uses;
mod m0026_makers;
mod m0027_export_scope;
mod m0028_disk_use;
mod m0029_imported_templates;
mod m0030_jobs;

pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_start::MIGRATION),
            Box::new(m0002_ssh_keys::MIGRATION),
            Box::new(m0003_scopes::MIGRATION),
            Box::new(m0004_api_keys::MIGRATION),
            Box::new(m0005_device_logins::MIGRATION),
            Box::new(m0006_shares::MIGRATION),
            Box::new(m0007_share_labels::MIGRATION),
            Box::new(m0008_snapshots::MIGRATION),
            Box::new(m0009_sleep::MIGRATION),
            Box::new(m0010_history::MIGRATION),
            Box::new(m0011_autostart::MIGRATION),
            Box::new(m0012_snapshot_pictures::MIGRATION),
            Box::new(m0013_depth::MIGRATION),
            Box::new(m0014_snapshot_schedules::MIGRATION),
            Box::new(m0015_sizes::MIGRATION),
            Box::new(m0016_usage::MIGRATION),
            Box::new(m0017_idempotency_keys::MIGRATION),
            Box::new(m0018_saved_templates::MIGRATION),
            Box::new(m0019_setups::MIGRATION),
            Box::new(m0020_copies::MIGRATION),
            Box::new(m0021_link_sessions::MIGRATION),
            Box::new(m0022_resumed_boots::MIGRATION),
            Box::new(m0023_kept_logins::MIGRATION),
            Box::new(m0024_screen_sizes::MIGRATION),
            Box::new(m0025_last_uses::MIGRATION),
            Box::new(m0026_makers::MIGRATION),
            Box::new(m0027_export_scope::MIGRATION),
            Box::new(m0028_disk_use::MIGRATION),
            Box::new(m0029_imported_templates::MIGRATION),
            Box::new(m0030_jobs::MIGRATION),
        ]
    }
}

/// One step, all of it or nothing. In SQL that SQLite and PostgreSQL both take, but for the names of
/// two types: `{counter}`, a number that counts itself, and `{bytes}`.
struct Migration {
    name: &'static str,
    statements: &'static [&'static str],
}

impl MigrationName for Migration {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        let (counter, bytes) = match connection.get_database_backend() {
            DbBackend::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
            _ => ("BIGSERIAL PRIMARY KEY", "BYTEA"),
        };
        for statement in self.statements {
            let statement = statement.replace("{counter}", counter).replace("{bytes}", bytes);
            connection.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
