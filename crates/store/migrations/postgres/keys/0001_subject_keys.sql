-- One key a person, or the mark that it was destroyed. The mark stays: it is
-- what tells "erased" from "never known", and it keeps a new key from being made.
CREATE TABLE subject_keys (
    tenant     BYTEA  NOT NULL CHECK (length(tenant) = 16),
    subject    BYTEA  NOT NULL CHECK (length(subject) = 16),
    secret     BYTEA  CHECK (length(secret) = 32),
    created_at BIGINT NOT NULL,
    erased_at  BIGINT,
    PRIMARY KEY (tenant, subject),
    CHECK ((secret IS NULL) = (erased_at IS NOT NULL))
);
