-- Text about a thing, by what it is and by a keyed hash of what it says: which of several versions
-- counts, the journal's event says. Encrypted under its subject's key.
CREATE TABLE texts (
    tenant  BYTEA  NOT NULL CHECK (length(tenant) = 16),
    kind    BIGINT NOT NULL,
    thing   BYTEA  NOT NULL CHECK (length(thing) = 16),
    hash    BYTEA  NOT NULL CHECK (length(hash) = 16),
    command BYTEA  NOT NULL CHECK (length(command) = 16),
    subject BYTEA  NOT NULL CHECK (length(subject) = 16),
    body    BYTEA  NOT NULL,
    put_at  BIGINT NOT NULL,
    seq     BIGINT,
    idx     BIGINT,
    PRIMARY KEY (tenant, kind, thing, hash)
);

-- No event names what is in it.
DROP TABLE details;
