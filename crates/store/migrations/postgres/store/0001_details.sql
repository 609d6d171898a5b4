-- Text about a thing (payment, top-up, party …), encrypted under its subject's key.
CREATE TABLE details (
    tenant  BYTEA  NOT NULL CHECK (length(tenant) = 16),
    thing   BYTEA  NOT NULL CHECK (length(thing) = 16),
    subject BYTEA  NOT NULL CHECK (length(subject) = 16),
    body    BYTEA  NOT NULL,
    put_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, thing)
);
