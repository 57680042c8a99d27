//! A size that a desktop's screen keeps.

use super::Migration;

pub(super) const MIGRATION: Migration =
    Migration { name: "m0024_screen_sizes", statements: &["ALTER TABLE desktops ADD COLUMN screen TEXT"] };
