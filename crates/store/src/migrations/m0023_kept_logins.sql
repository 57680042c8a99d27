-- Which tools' log-ins a template keeps.

ALTER TABLE saved_templates ADD COLUMN keep TEXT NOT NULL DEFAULT '';
