-- A share link opens at the one address it was told for. Those from before do not say which that is, and end.

DELETE FROM shares;
ALTER TABLE shares ADD COLUMN label TEXT NOT NULL DEFAULT '';
