-- Which start brought back a kept memory: where that one can't be entered, its memory is kept again.

ALTER TABLE desktops ADD COLUMN resumed_boot BIGINT NOT NULL DEFAULT 0;
