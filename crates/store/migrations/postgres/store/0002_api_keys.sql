-- Only a hash of each key is here: the key itself is shown once and never kept.
CREATE TABLE api_keys (
    id           BYTEA  NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant       BYTEA  NOT NULL CHECK (length(tenant) = 16),
    mode         TEXT   NOT NULL CHECK (mode IN ('test', 'live')),
    hash         BYTEA  NOT NULL CHECK (length(hash) = 32),
    scopes       TEXT   NOT NULL,
    label        TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);

CREATE UNIQUE INDEX api_keys_by_tenant ON api_keys (tenant, id);
