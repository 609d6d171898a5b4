-- Text about a thing, by what it is and by a keyed hash of what it says: which of several versions
-- counts, the journal's event says. Encrypted under its subject's key.
CREATE TABLE texts (
    tenant  BLOB    NOT NULL CHECK (length(tenant) = 16),
    kind    INTEGER NOT NULL,
    thing   BLOB    NOT NULL CHECK (length(thing) = 16),
    hash    BLOB    NOT NULL CHECK (length(hash) = 16),
    command BLOB    NOT NULL CHECK (length(command) = 16),
    subject BLOB    NOT NULL CHECK (length(subject) = 16),
    body    BLOB    NOT NULL,
    put_at  INTEGER NOT NULL,
    seq     INTEGER,
    idx     INTEGER,
    PRIMARY KEY (tenant, kind, thing, hash)
) STRICT, WITHOUT ROWID;

-- No event names what is in it.
DROP TABLE details;
