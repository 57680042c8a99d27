-- Devices that wait for somebody to sign them in.

CREATE TABLE device_logins (
    device_hash {bytes} PRIMARY KEY, user_code TEXT NOT NULL UNIQUE, client_name TEXT NOT NULL,
    asked_from TEXT, scopes TEXT NOT NULL, asked_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
    pause_ms BIGINT NOT NULL, polled_at BIGINT, denied BOOLEAN NOT NULL,
    allowed_by TEXT REFERENCES workspaces (id) ON DELETE CASCADE);
CREATE INDEX device_logins_expiry ON device_logins (expires_at);
