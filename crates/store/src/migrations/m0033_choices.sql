-- What the owner of a desktop chose for it is one value, JSON, and a snapshot's own: it outlives the desktop.

ALTER TABLE desktops ADD COLUMN choices TEXT NOT NULL DEFAULT '{}';
UPDATE desktops SET choices = '{"screen":"' || screen || '"}' WHERE screen IS NOT NULL;
ALTER TABLE desktops DROP COLUMN screen;

ALTER TABLE snapshots ADD COLUMN choices TEXT NOT NULL DEFAULT '{}';
UPDATE snapshots SET choices = COALESCE((SELECT choices FROM desktops WHERE desktops.id = snapshots.desktop_id), '{}');
