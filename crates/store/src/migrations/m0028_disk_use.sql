-- What is on the host's disk belongs to a workspace, and how much that is. A layer below others is of the workspace of what
-- lies over it.

ALTER TABLE layers ADD COLUMN workspace_id TEXT;
ALTER TABLE layers ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE desktops ADD COLUMN kept_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE saved_templates ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
WITH RECURSIVE owned (id, parent_id, workspace_id) AS (
        SELECT layers.id, layers.parent_id, desktops.workspace_id FROM layers JOIN desktops
            ON desktops.id = layers.desktop_id OR desktops.restore_layer_id = layers.id
        UNION SELECT layers.id, layers.parent_id, snapshots.workspace_id FROM layers JOIN snapshots
            ON snapshots.layer_id = layers.id OR snapshots.next_layer_id = layers.id
        UNION SELECT layers.id, layers.parent_id, owned.workspace_id FROM layers JOIN owned
            ON owned.parent_id = layers.id)
    UPDATE layers SET workspace_id = (SELECT MIN(owned.workspace_id) FROM owned WHERE owned.id = layers.id);
CREATE INDEX layers_workspace ON layers (workspace_id);
