-- Who did something is kept as an id and a name, where it was a name only; what an event is about, as whatever's id.

UPDATE history SET actor = CASE actor WHEN 'rolltop' THEN 'platform ' ELSE 'unknown ' END || actor;
UPDATE access_log SET who = CASE who WHEN 'platform' THEN 'platform rolltop' ELSE 'unknown ' || who END;
UPDATE snapshots SET made_by = CASE made_by WHEN 'rolltop' THEN 'platform ' ELSE 'unknown ' END || made_by;
UPDATE copies SET made_by = CASE made_by WHEN 'rolltop' THEN 'platform ' ELSE 'unknown ' END || made_by;
UPDATE copies SET fetched_by = 'unknown ' || fetched_by WHERE fetched_by IS NOT NULL;
UPDATE shares SET made_by = 'unknown ' || made_by;
UPDATE saved_templates SET made_by = 'unknown ' || made_by;
UPDATE holds SET made_by = 'unknown ' || made_by;
UPDATE setups SET asked_by = 'unknown ' || asked_by;
ALTER TABLE events RENAME COLUMN desktop_id TO subject;
