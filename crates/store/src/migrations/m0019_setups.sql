-- What desktops are prepared with.

CREATE TABLE setups (
    desktop_id TEXT PRIMARY KEY REFERENCES desktops (id) ON DELETE CASCADE, run TEXT NOT NULL, repository TEXT,
    branch TEXT, script {bytes}, state TEXT NOT NULL, reason TEXT, log {bytes}, asked_by TEXT NOT NULL,
    created_at BIGINT NOT NULL, began_at BIGINT, ended_at BIGINT);
CREATE INDEX setups_state ON setups (state);
