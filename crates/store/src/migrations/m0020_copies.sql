-- Copies of snapshots that are not on this host.

CREATE TABLE copies (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id), desktop_name TEXT NOT NULL,
    name TEXT NOT NULL, size TEXT NOT NULL, disk_gib BIGINT NOT NULL, taken_at BIGINT NOT NULL,
    state TEXT NOT NULL, reason TEXT, bytes BIGINT NOT NULL, attempts BIGINT NOT NULL, retry_at BIGINT,
    made_by TEXT NOT NULL, fetched_by TEXT, fetched_as TEXT, created_at BIGINT NOT NULL, ended_at BIGINT);
ALTER TABLE snapshot_schedules ADD COLUMN copies BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX copies_state ON copies (state);
