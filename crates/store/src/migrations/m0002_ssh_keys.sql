-- People's SSH keys, and which of them each desktop was last given.

CREATE TABLE ssh_keys (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE, name TEXT NOT NULL, kind TEXT NOT NULL,
    public_key TEXT NOT NULL, fingerprint TEXT NOT NULL, created_at BIGINT NOT NULL, used_at BIGINT);
CREATE UNIQUE INDEX ssh_keys_once ON ssh_keys (workspace_id, fingerprint);
CREATE INDEX ssh_keys_fingerprint ON ssh_keys (fingerprint);
ALTER TABLE desktops ADD COLUMN authorized_digest TEXT;
