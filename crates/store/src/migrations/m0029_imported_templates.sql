-- What imported desktops are booted with takes room on the host's disk, too: how much, by the template that holds it.

CREATE TABLE imported_templates (version TEXT PRIMARY KEY, bytes BIGINT NOT NULL);
