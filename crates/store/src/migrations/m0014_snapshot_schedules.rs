//! Snapshots that are taken without anybody asking.

use super::Migration;

pub(super) const MIGRATION: Migration = Migration {
    name: "m0014_snapshot_schedules",
    statements: &["CREATE TABLE snapshot_schedules (
        desktop_id TEXT PRIMARY KEY REFERENCES desktops (id) ON DELETE CASCADE, every_hours BIGINT NOT NULL,
        keep_last BIGINT NOT NULL, keep_days BIGINT NOT NULL, asked_at BIGINT NOT NULL)"],
};
