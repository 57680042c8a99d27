-- Which API key made a key or a link: what it made ends with it. SSH keys may end at a time, too.

ALTER TABLE api_keys ADD COLUMN maker_id TEXT;
ALTER TABLE ssh_keys ADD COLUMN maker_id TEXT;
ALTER TABLE ssh_keys ADD COLUMN expires_at BIGINT;
ALTER TABLE shares ADD COLUMN maker_id TEXT;
