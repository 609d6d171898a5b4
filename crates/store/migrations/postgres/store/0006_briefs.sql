-- What supervisors publish, and rules due for another look: a review list. Public text, in the clear.
CREATE TABLE briefs (
    id           BYTEA   NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant       BYTEA   NOT NULL CHECK (length(tenant) = 16),
    feed         TEXT    NOT NULL,
    -- Of what tells it from the feed's others.
    key_hash     BYTEA   NOT NULL CHECK (length(key_hash) = 32),
    -- Of what a person reads: another one opens the brief again.
    content_hash BYTEA   NOT NULL CHECK (length(content_hash) = 32),
    pack         TEXT    NOT NULL,
    authority    TEXT    NOT NULL,
    rule         TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    link         TEXT,
    summary      TEXT    NOT NULL,
    language     TEXT    NOT NULL,
    published_at BIGINT,
    found_at     BIGINT  NOT NULL,
    changed_at   BIGINT,
    revision     BIGINT  NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('open', 'dismissed', 'linked', 'lapsed'))
);

CREATE UNIQUE INDEX briefs_by_key ON briefs (tenant, feed, key_hash);
CREATE INDEX briefs_by_status ON briefs (tenant, status, id);

-- Who decided what of a brief, when and why. Appended to, never changed.
CREATE TABLE brief_decisions (
    seq      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant   BYTEA   NOT NULL CHECK (length(tenant) = 16),
    brief    BYTEA   NOT NULL CHECK (length(brief) = 16),
    revision BIGINT  NOT NULL,
    verdict  TEXT    NOT NULL CHECK (verdict IN ('dismissed', 'linked')),
    decider  TEXT    NOT NULL,
    at       BIGINT  NOT NULL,
    why      TEXT    NOT NULL,
    pack     TEXT,
    version  TEXT,
    proposal TEXT,
    rule     TEXT
);

CREATE INDEX brief_decisions_by_brief ON brief_decisions (tenant, brief, seq);

-- How the last reading of each feed went, and what to ask the server with.
CREATE TABLE brief_feeds (
    tenant        BYTEA   NOT NULL CHECK (length(tenant) = 16),
    feed          TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    etag          TEXT,
    last_modified TEXT,
    read_at       BIGINT  NOT NULL,
    succeeded_at  BIGINT,
    failed_code   TEXT,
    failed_words  TEXT,
    items         BIGINT  NOT NULL,
    PRIMARY KEY (tenant, feed)
);
