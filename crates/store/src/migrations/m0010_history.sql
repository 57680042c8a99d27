-- What became of desktops, when, and by whom.

CREATE TABLE history (
    seq {counter}, workspace_id TEXT NOT NULL, desktop_id TEXT NOT NULL, kind TEXT NOT NULL,
    actor TEXT NOT NULL, detail TEXT, began_at BIGINT NOT NULL, ended_at BIGINT, error TEXT);
CREATE INDEX history_desktop ON history (desktop_id, seq);
CREATE INDEX history_began ON history (began_at);
