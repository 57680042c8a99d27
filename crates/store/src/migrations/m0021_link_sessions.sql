-- Which sessions a link began: theirs may choose a password without the one before, which may be lost.

ALTER TABLE sessions ADD COLUMN by_link BOOLEAN NOT NULL DEFAULT FALSE;
