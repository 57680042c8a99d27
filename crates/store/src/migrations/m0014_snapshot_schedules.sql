-- Snapshots that are taken without anybody asking.

CREATE TABLE snapshot_schedules (
    desktop_id TEXT PRIMARY KEY REFERENCES desktops (id) ON DELETE CASCADE, every_hours BIGINT NOT NULL,
    keep_last BIGINT NOT NULL, keep_days BIGINT NOT NULL, asked_at BIGINT NOT NULL);
