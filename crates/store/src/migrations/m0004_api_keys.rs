//! When API keys end, and where they were used last.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0004_api_keys",
    statements: &[
        "ALTER TABLE api_keys ADD COLUMN expires_at BIGINT",
        "ALTER TABLE api_keys ADD COLUMN used_from TEXT",
        "CREATE INDEX api_keys_workspace ON api_keys (workspace_id, id)",
    ],
};
