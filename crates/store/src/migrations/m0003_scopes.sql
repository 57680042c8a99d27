-- Scopes by their present names, in keys that were made under the former ones. What
-- `desktops:enter` allowed is now several scopes. A key that had all of them is the operator's,
-- and has all there are: no other could be made until then.

UPDATE api_keys SET scopes = 'desktops:read desktops:write desktops:control files:read files:write exec keys:read keys:write tasks:read tasks:write billing:read host:read account admin' WHERE scopes = 'desktops:read desktops:write desktops:enter host:read account';
UPDATE api_keys SET scopes = trim(replace(replace(' ' || scopes || ' ', ' desktops:enter ', ' desktops:control files:read files:write exec '), ' account ', ' account keys:read keys:write ')) WHERE scopes NOT LIKE '%admin';
