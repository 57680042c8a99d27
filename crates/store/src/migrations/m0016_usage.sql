-- What desktops used, over time.

CREATE TABLE usage_points (
    desktop_id TEXT NOT NULL REFERENCES desktops (id) ON DELETE CASCADE, at BIGINT NOT NULL,
    processor_percent BIGINT NOT NULL, memory_bytes BIGINT NOT NULL, disk_bytes BIGINT NOT NULL,
    received_bytes_per_second BIGINT NOT NULL, sent_bytes_per_second BIGINT NOT NULL,
    PRIMARY KEY (desktop_id, at));
