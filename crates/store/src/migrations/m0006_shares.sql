-- Links that open one port of one desktop to whoever holds them.

CREATE TABLE shares (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE, port INTEGER NOT NULL,
    token_hash {bytes} NOT NULL UNIQUE, made_by TEXT NOT NULL, created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, used_at BIGINT);
CREATE INDEX shares_desktop ON shares (desktop_id);
