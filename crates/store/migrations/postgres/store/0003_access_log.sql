-- What a regulator's key has read. Appended to, never changed.
CREATE TABLE access_log (
    seq    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant BYTEA  NOT NULL CHECK (length(tenant) = 16),
    key_id BYTEA  NOT NULL CHECK (length(key_id) = 16),
    at     BIGINT NOT NULL,
    path   TEXT   NOT NULL,
    query  TEXT   NOT NULL
);

CREATE INDEX access_log_by_tenant ON access_log (tenant, seq);
