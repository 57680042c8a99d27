-- Points in time of desktops. Layers come to lie over each other, and stay as long as a desktop or a
-- snapshot needs them.

ALTER TABLE layers ADD COLUMN parent_id TEXT;
ALTER TABLE layers ADD COLUMN frozen BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE snapshots (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id), desktop_id TEXT NOT NULL,
    desktop_name TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL, reason TEXT,
    layer_id TEXT, next_layer_id TEXT, template TEXT NOT NULL, size TEXT NOT NULL,
    has_memory BOOLEAN NOT NULL, memory_bytes BIGINT NOT NULL, disk_bytes BIGINT NOT NULL,
    pause_ms BIGINT, made_by TEXT NOT NULL, created_at BIGINT NOT NULL, taken_at BIGINT,
    door_key {bytes}, door_public_key TEXT, host_key TEXT);
CREATE INDEX snapshots_workspace ON snapshots (workspace_id, id);
CREATE INDEX snapshots_desktop ON snapshots (desktop_id, state);
CREATE INDEX snapshots_state ON snapshots (state);
ALTER TABLE desktops ADD COLUMN origin_id TEXT;
ALTER TABLE desktops ADD COLUMN restore_id TEXT;
ALTER TABLE desktops ADD COLUMN restore_undo_id TEXT;
ALTER TABLE desktops ADD COLUMN restore_layer_id TEXT;
CREATE INDEX desktops_origin ON desktops (origin_id);
