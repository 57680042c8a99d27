-- Layers are made when they are needed, and a disk of many becomes one of a single layer again.

DELETE FROM layers WHERE desktop_id IS NULL AND parent_id IS NULL AND frozen = FALSE;
DROP INDEX layers_free;
ALTER TABLE layers DROP COLUMN prepared;
ALTER TABLE layers ADD COLUMN depth INTEGER NOT NULL DEFAULT 1;
WITH RECURSIVE chain (id, depth) AS (
    SELECT id, 1 FROM layers WHERE parent_id IS NULL
    UNION ALL SELECT layers.id, chain.depth + 1 FROM layers JOIN chain ON layers.parent_id = chain.id)
    UPDATE layers SET depth = COALESCE((SELECT chain.depth FROM chain WHERE chain.id = layers.id), 1);
