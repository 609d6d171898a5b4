-- Text about a thing (payment, top-up, party …), encrypted under its subject's key.
CREATE TABLE details (
    tenant  BLOB    NOT NULL CHECK (length(tenant) = 16),
    thing   BLOB    NOT NULL CHECK (length(thing) = 16),
    subject BLOB    NOT NULL CHECK (length(subject) = 16),
    body    BLOB    NOT NULL,
    put_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, thing)
) STRICT, WITHOUT ROWID;
