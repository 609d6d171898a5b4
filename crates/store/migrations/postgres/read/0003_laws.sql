-- Laws: proposed by one key, approved by another, in force from an instant.
CREATE TABLE law (
    no        BIGINT NOT NULL PRIMARY KEY,
    tenant    BIGINT NOT NULL,
    id        BYTEA    NOT NULL CHECK (length(id) = 16),
    state     TEXT    NOT NULL,
    proposed  TEXT    NOT NULL,
    proposer  BYTEA    NOT NULL CHECK (length(proposer) = 16),
    approver  BYTEA,
    effective BIGINT,
    -- Of one that came into force: which version it is, when it did, and with which packs.
    version   BIGINT,
    activated BIGINT,
    packs     TEXT
);

CREATE UNIQUE INDEX law_by_id ON law (tenant, id);
CREATE INDEX law_by_tenant ON law (tenant, no);
CREATE INDEX law_by_version ON law (tenant, version);

-- Which proposal has the text of an edition of a pack.
CREATE TABLE law_pack (
    tenant  BIGINT NOT NULL,
    pack    TEXT    NOT NULL,
    no      BIGINT NOT NULL,
    version TEXT    NOT NULL,
    PRIMARY KEY (tenant, pack, no)
);
