-- A size that a desktop's screen keeps.

ALTER TABLE desktops ADD COLUMN screen TEXT;
