-- Desktops that start again after the host was restarted.

ALTER TABLE desktops ADD COLUMN autostart BOOLEAN NOT NULL DEFAULT FALSE;
