-- What supervisors publish, and rules due for another look: a review list. Public text, in the clear.
CREATE TABLE briefs (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    tenant       BLOB    NOT NULL CHECK (length(tenant) = 16),
    feed         TEXT    NOT NULL,
    -- Of what tells it from the feed's others.
    key_hash     BLOB    NOT NULL CHECK (length(key_hash) = 32),
    -- Of what a person reads: another one opens the brief again.
    content_hash BLOB    NOT NULL CHECK (length(content_hash) = 32),
    pack         TEXT    NOT NULL,
    authority    TEXT    NOT NULL,
    rule         TEXT    NOT NULL,
    title        TEXT    NOT NULL,
    link         TEXT,
    summary      TEXT    NOT NULL,
    language     TEXT    NOT NULL,
    published_at INTEGER,
    found_at     INTEGER NOT NULL,
    changed_at   INTEGER,
    revision     INTEGER NOT NULL,
    status       TEXT    NOT NULL CHECK (status IN ('open', 'dismissed', 'linked', 'lapsed'))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX briefs_by_key ON briefs (tenant, feed, key_hash);
CREATE INDEX briefs_by_status ON briefs (tenant, status, id);

-- Who decided what of a brief, when and why. Appended to, never changed.
CREATE TABLE brief_decisions (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   BLOB    NOT NULL CHECK (length(tenant) = 16),
    brief    BLOB    NOT NULL CHECK (length(brief) = 16),
    revision INTEGER NOT NULL,
    verdict  TEXT    NOT NULL CHECK (verdict IN ('dismissed', 'linked')),
    decider  TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    why      TEXT    NOT NULL,
    pack     TEXT,
    version  TEXT,
    proposal TEXT,
    rule     TEXT
) STRICT;

CREATE INDEX brief_decisions_by_brief ON brief_decisions (tenant, brief, seq);

-- How the last reading of each feed went, and what to ask the server with.
CREATE TABLE brief_feeds (
    tenant        BLOB    NOT NULL CHECK (length(tenant) = 16),
    feed          TEXT    NOT NULL,
    url           TEXT    NOT NULL,
    etag          TEXT,
    last_modified TEXT,
    read_at       INTEGER NOT NULL,
    succeeded_at  INTEGER,
    failed_code   TEXT,
    failed_words  TEXT,
    items         INTEGER NOT NULL,
    PRIMARY KEY (tenant, feed)
) STRICT, WITHOUT ROWID;
