-- When API keys end, and where they were used last.

ALTER TABLE api_keys ADD COLUMN expires_at BIGINT;
ALTER TABLE api_keys ADD COLUMN used_from TEXT;
CREATE INDEX api_keys_workspace ON api_keys (workspace_id, id);
