-- What is done later stands in one table. What was under way in others is asked for here; how often a copy was tried goes there.

CREATE TABLE jobs (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    lease TEXT,
    leased_until BIGINT,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX jobs_due ON jobs (due_at);
CREATE INDEX layers_parent ON layers (parent_id);
CREATE INDEX snapshots_layer ON snapshots (layer_id);
CREATE INDEX desktops_restore ON desktops (restore_id) WHERE restore_id IS NOT NULL;
CREATE INDEX desktops_restore_undo ON desktops (restore_undo_id) WHERE restore_undo_id IS NOT NULL;
INSERT INTO jobs SELECT 'copy_snapshot', id, 0, 0, 0, NULL, NULL FROM copies WHERE state IN ('waiting', 'copying');
INSERT INTO jobs SELECT 'remove_copy', id, 0, 0, 0, NULL, NULL FROM copies WHERE state = 'deleting';
INSERT INTO jobs SELECT 'fetch_copy', id, 0, 0, 0, NULL, NULL FROM copies WHERE state = 'fetching';
ALTER TABLE copies DROP COLUMN attempts;
ALTER TABLE copies DROP COLUMN retry_at;
INSERT INTO jobs SELECT 'deliver_keys', id, 0, 0, 0, NULL, NULL FROM desktops WHERE state = 'running';
INSERT INTO jobs SELECT 'flatten', id, 0, 0, 0, NULL, NULL FROM desktops WHERE state = 'running';
INSERT INTO jobs SELECT 'set_up', desktop_id, 0, 0, 0, NULL, NULL FROM setups WHERE state IN ('waiting', 'running');
INSERT INTO jobs SELECT 'save_template', builder_id, 0, 0, 0, NULL, NULL FROM saved_templates;
INSERT INTO jobs SELECT 'remove_template', version, 0, 0, 0, NULL, NULL FROM saved_templates WHERE state = 'deleting';
INSERT INTO jobs SELECT 'take_snapshot', desktop_id, 0, 0, 0, NULL, NULL FROM snapshot_schedules;
INSERT INTO jobs SELECT 'thin_snapshots', desktop_id, 0, 0, 0, NULL, NULL FROM snapshot_schedules;
INSERT INTO jobs SELECT 'expire_snapshot', id, 0, 0, 0, NULL, NULL FROM snapshots WHERE kind IN ('undo', 'fork');
INSERT INTO jobs SELECT 'remove_snapshot', id, 0, 0, 0, NULL, NULL FROM snapshots WHERE state = 'deleting';
INSERT INTO jobs SELECT 'sleep', desktop_id, 0, 0, 0, NULL, NULL FROM sleep_policies;
INSERT INTO jobs SELECT 'expire_keys', 'installation', 0, 0, 0, NULL, NULL FROM ssh_keys WHERE expires_at IS NOT NULL LIMIT 1;
