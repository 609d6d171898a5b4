-- Laws: proposed by one key, approved by another, in force from an instant.
CREATE TABLE law (
    no        INTEGER NOT NULL PRIMARY KEY,
    tenant    INTEGER NOT NULL,
    id        BLOB    NOT NULL CHECK (length(id) = 16),
    state     TEXT    NOT NULL,
    proposed  TEXT    NOT NULL,
    proposer  BLOB    NOT NULL CHECK (length(proposer) = 16),
    approver  BLOB,
    effective INTEGER,
    -- Of one that came into force: which version it is, when it did, and with which packs.
    version   INTEGER,
    activated INTEGER,
    packs     TEXT
) STRICT;

CREATE UNIQUE INDEX law_by_id ON law (tenant, id);
CREATE INDEX law_by_tenant ON law (tenant, no);
CREATE INDEX law_by_version ON law (tenant, version);

-- Which proposal has the text of an edition of a pack.
CREATE TABLE law_pack (
    tenant  INTEGER NOT NULL,
    pack    TEXT    NOT NULL,
    no      INTEGER NOT NULL,
    version TEXT    NOT NULL,
    PRIMARY KEY (tenant, pack, no)
) STRICT, WITHOUT ROWID;
