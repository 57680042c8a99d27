-- Templates that are made of desktops.

CREATE TABLE saved_templates (
    version TEXT PRIMARY KEY, workspace_id TEXT NOT NULL REFERENCES workspaces (id), title TEXT NOT NULL,
    description TEXT NOT NULL, desktop_name TEXT NOT NULL, builder_id TEXT NOT NULL, state TEXT NOT NULL,
    reason TEXT, made_by TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX saved_templates_builder ON saved_templates (builder_id);
