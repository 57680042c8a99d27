-- When desktops sleep by themselves, and what holds them awake.

CREATE TABLE sleep_policies (
    desktop_id TEXT PRIMARY KEY REFERENCES desktops (id) ON DELETE CASCADE, after_minutes BIGINT,
    schedule TEXT, turned_at BIGINT NOT NULL);
CREATE TABLE holds (
    id TEXT PRIMARY KEY, desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE,
    reason TEXT, made_by TEXT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL);
CREATE INDEX holds_desktop ON holds (desktop_id);
