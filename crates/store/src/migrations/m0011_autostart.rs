//! Desktops that start again after the host was restarted.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0011_autostart",
    statements: &["ALTER TABLE desktops ADD COLUMN autostart BOOLEAN NOT NULL DEFAULT FALSE"],
};
