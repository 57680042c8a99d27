-- When somebody last came to use a desktop.

ALTER TABLE desktops ADD COLUMN last_used_at BIGINT;
