//! Which start brought back a kept memory: where that one can't be entered, its memory is kept again.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0022_resumed_boots",
    statements: &["ALTER TABLE desktops ADD COLUMN resumed_boot BIGINT NOT NULL DEFAULT 0"],
};
