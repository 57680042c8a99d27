-- The first tables.

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, desktop_limit BIGINT, created_at BIGINT NOT NULL);
CREATE TABLE users (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT UNIQUE, password_hash TEXT, created_at BIGINT NOT NULL);
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash {bytes} NOT NULL UNIQUE, created_at BIGINT NOT NULL, used_at BIGINT NOT NULL);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE TABLE sign_in_links (
    token_hash {bytes} PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL);
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id), name TEXT NOT NULL,
    token_hash {bytes} NOT NULL UNIQUE, scopes TEXT NOT NULL, desktop_id TEXT,
    created_at BIGINT NOT NULL, used_at BIGINT);
CREATE TABLE desktops (
    id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL, template TEXT NOT NULL, size TEXT NOT NULL,
    desired TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, detail TEXT,
    boot BIGINT NOT NULL, ready_boot BIGINT NOT NULL, ready_at BIGINT, screen_boot BIGINT NOT NULL,
    restart BOOLEAN NOT NULL, attempts BIGINT NOT NULL, last_failure TEXT, retry_at BIGINT,
    planned_at BIGINT NOT NULL, receipt BOOLEAN NOT NULL,
    keys_removed_at BIGINT, door_key {bytes}, door_public_key TEXT, host_key TEXT,
    revision BIGINT NOT NULL, fence BIGINT NOT NULL, lease_holder TEXT, lease_until BIGINT,
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
CREATE UNIQUE INDEX desktops_name ON desktops (workspace_id, name) WHERE desired <> 'destroyed';
CREATE INDEX desktops_page ON desktops (workspace_id, id);
CREATE INDEX desktops_state ON desktops (workspace_id, state, id);
CREATE TABLE steps (
    desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE,
    boot BIGINT NOT NULL, name TEXT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT, error TEXT,
    PRIMARY KEY (desktop_id, boot, name));
CREATE TABLE events (
    seq {counter}, workspace_id TEXT NOT NULL, desktop_id TEXT, kind TEXT NOT NULL,
    at BIGINT NOT NULL, data TEXT NOT NULL);
CREATE INDEX events_workspace ON events (workspace_id, seq);
CREATE INDEX events_desktop ON events (desktop_id, seq);
CREATE INDEX events_at ON events (at);
CREATE TABLE layers (
    id TEXT PRIMARY KEY, size TEXT NOT NULL, layer_key {bytes} NOT NULL,
    desktop_id TEXT REFERENCES desktops (id), prepared BOOLEAN NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX layers_free ON layers (size, prepared, desktop_id);
CREATE INDEX layers_desktop ON layers (desktop_id);
CREATE TABLE access_log (
    seq {counter}, desktop_id TEXT NOT NULL, workspace_id TEXT NOT NULL,
    at BIGINT NOT NULL, why TEXT NOT NULL, who TEXT NOT NULL);
CREATE INDEX access_log_desktop ON access_log (desktop_id, seq);
CREATE INDEX access_log_at ON access_log (at);
CREATE TABLE idempotency (
    workspace_id TEXT NOT NULL, idempotency_key TEXT NOT NULL, request_hash {bytes} NOT NULL,
    desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE, created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, idempotency_key));
CREATE INDEX idempotency_desktop ON idempotency (desktop_id);
CREATE TABLE receipts (
    desktop_id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, name TEXT NOT NULL,
    keys_removed_at BIGINT NOT NULL, removed_at BIGINT NOT NULL, bytes BIGINT NOT NULL, removed TEXT NOT NULL);
