-- To export a disk takes a scope of its own, before it took `files:read`. Keys that could read all of a disk by commands as
-- well keep what they could do; those that were for files alone do not.

UPDATE api_keys SET scopes = scopes || ' desktops:export' WHERE ' ' || scopes || ' ' LIKE '% files:read %' AND ' ' || scopes || ' ' LIKE '% exec %';
