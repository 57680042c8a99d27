-- Repeated requests make snapshots and forks once too, which may be several.

CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL, idempotency_key TEXT NOT NULL, request_hash {bytes} NOT NULL,
    made TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (workspace_id, idempotency_key));
INSERT INTO idempotency_keys (workspace_id, idempotency_key, request_hash, made, created_at)
    SELECT workspace_id, idempotency_key, request_hash, desktop_id, created_at FROM idempotency;
DROP TABLE idempotency;
