//! When somebody last came to use a desktop.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0025_last_uses",
    statements: &["ALTER TABLE desktops ADD COLUMN last_used_at BIGINT"],
};
