-- What a regulator's key has read. Appended to, never changed.
CREATE TABLE access_log (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant BLOB    NOT NULL CHECK (length(tenant) = 16),
    key_id BLOB    NOT NULL CHECK (length(key_id) = 16),
    at     INTEGER NOT NULL,
    path   TEXT    NOT NULL,
    query  TEXT    NOT NULL
) STRICT;

CREATE INDEX access_log_by_tenant ON access_log (tenant, seq);
