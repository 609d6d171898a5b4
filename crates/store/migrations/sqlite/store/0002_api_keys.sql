-- Only a hash of each key is here: the key itself is shown once and never kept.
CREATE TABLE api_keys (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant       BLOB    NOT NULL CHECK (length(tenant) = 16),
    mode         TEXT    NOT NULL CHECK (mode IN ('test', 'live')),
    hash         BLOB    NOT NULL CHECK (length(hash) = 32),
    scopes       TEXT    NOT NULL,
    label        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX api_keys_by_tenant ON api_keys (tenant, id);
