//! Which tools' log-ins a template keeps.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0023_kept_logins",
    statements: &["ALTER TABLE saved_templates ADD COLUMN keep TEXT NOT NULL DEFAULT ''"],
};
