-- What was on the screen when a snapshot was taken.

ALTER TABLE snapshots ADD COLUMN has_picture BOOLEAN NOT NULL DEFAULT FALSE;
CREATE TABLE snapshot_pictures (
    snapshot_id TEXT PRIMARY KEY REFERENCES snapshots (id) ON DELETE CASCADE, picture {bytes} NOT NULL);
