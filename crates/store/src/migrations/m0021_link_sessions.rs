//! Which sessions a link began: theirs may choose a password without the one before, which may be lost.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0021_link_sessions",
    statements: &["ALTER TABLE sessions ADD COLUMN by_link BOOLEAN NOT NULL DEFAULT FALSE"],
};
