-- Desktops change their size, and have disks of their own size.

ALTER TABLE desktops ADD COLUMN disk_gib BIGINT NOT NULL DEFAULT 20;
UPDATE desktops SET disk_gib = CASE size WHEN 'l' THEN 80 WHEN 'm' THEN 40 ELSE 20 END;
ALTER TABLE snapshots ADD COLUMN disk_gib BIGINT NOT NULL DEFAULT 20;
UPDATE snapshots SET disk_gib = CASE size WHEN 'l' THEN 80 WHEN 'm' THEN 40 ELSE 20 END;
