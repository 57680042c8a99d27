//! A share link opens at the one address it was told for. Those from before do not say which that is, and end.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0007_share_labels",
    statements: &["DELETE FROM shares", "ALTER TABLE shares ADD COLUMN label TEXT NOT NULL DEFAULT ''"],
};
