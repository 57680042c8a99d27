-- Which engine a desktop is on. Those of before are on the one that runs next.

ALTER TABLE desktops ADD COLUMN engine TEXT;
