-- What is made from the journal alone, and can be thrown away and made again.
--
-- `no` numbers what happened, from 1, in the journal's order; an item of a group has its own.
-- An amount is an INTEGER up to 2^63-1 and above that a big-endian BLOB of 8 bytes: SQLite orders
-- every blob after every integer, so amounts compare as they should. A signed sum is an INTEGER
-- where it fits, else a big-endian BLOB of 16 bytes.

CREATE TABLE progress (
    one         INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq         INTEGER NOT NULL,
    hash        BLOB    NOT NULL CHECK (length(hash) = 32),
    next_no     INTEGER NOT NULL,
    balances_no INTEGER NOT NULL
) STRICT;

-- A row of the journal, by the first thing in it.
CREATE TABLE batch (
    first_no INTEGER NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX batch_by_at ON batch (at, first_no);

CREATE TABLE event (
    no     INTEGER NOT NULL PRIMARY KEY,
    idx    INTEGER NOT NULL,
    part   INTEGER NOT NULL,
    tenant INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    id     BLOB,
    payer  INTEGER,
    payee  INTEGER,
    asset  INTEGER,
    amount ANY NOT NULL,
    tax    ANY NOT NULL,
    fee    ANY NOT NULL,
    code   INTEGER,
    of     BLOB
) STRICT;

-- An id's first 8 bytes: of a version 7 UUID that is its time, so rows arrive nearly in order.
CREATE TABLE thing (
    tenant INTEGER NOT NULL,
    prefix INTEGER NOT NULL,
    no     INTEGER NOT NULL,
    PRIMARY KEY (tenant, prefix, no)
) STRICT, WITHOUT ROWID;

-- Which later events concern a thing.
CREATE TABLE about (
    tenant INTEGER NOT NULL,
    thing  BLOB    NOT NULL CHECK (length(thing) = 16),
    no     INTEGER NOT NULL,
    PRIMARY KEY (tenant, thing, no)
) STRICT, WITHOUT ROWID;

-- Which blocks of 1,024 events hold any of a tenant's of a kind (or, from 1,000 on, of a code).
CREATE TABLE span (
    tenant INTEGER NOT NULL,
    mark   INTEGER NOT NULL,
    block  INTEGER NOT NULL,
    PRIMARY KEY (tenant, mark, block)
) STRICT, WITHOUT ROWID;

-- Statement lines, in runs of 524,288 events: within a run by wallet, so that a million wallets'
-- lines fall into few pages at a time. Account -1: the wallet was concerned, nothing was posted.
CREATE TABLE entry (
    run     INTEGER NOT NULL,
    wallet  INTEGER NOT NULL,
    no      INTEGER NOT NULL,
    account INTEGER NOT NULL,
    amount  ANY     NOT NULL,
    balance ANY     NOT NULL,
    PRIMARY KEY (run, wallet, no, account)
) STRICT, WITHOUT ROWID;

-- Balances of wallet accounts stand as before event `progress.balances_no`; later ones are in `entry`.
CREATE TABLE account (
    no           INTEGER NOT NULL PRIMARY KEY,
    tenant       INTEGER NOT NULL,
    class        TEXT    NOT NULL,
    owner        INTEGER NOT NULL,
    sub          INTEGER NOT NULL,
    asset        INTEGER NOT NULL,
    source       TEXT,
    origin       TEXT,
    credit_limit ANY     NOT NULL,
    balance      ANY     NOT NULL
) STRICT;

CREATE INDEX account_by_owner ON account (class, owner, no);

CREATE TABLE tally (
    tenant INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    asset  INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    amount ANY     NOT NULL,
    tax    ANY     NOT NULL,
    fee    ANY     NOT NULL,
    PRIMARY KEY (tenant, kind, asset)
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant (
    no   INTEGER NOT NULL PRIMARY KEY,
    id   BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    mode TEXT    NOT NULL,
    at   INTEGER NOT NULL
) STRICT;

CREATE TABLE asset (
    no    INTEGER NOT NULL PRIMARY KEY,
    code  TEXT    NOT NULL,
    scale INTEGER NOT NULL
) STRICT;

CREATE TABLE terms (
    tenant  INTEGER NOT NULL,
    version INTEGER NOT NULL,
    no      INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    terms   TEXT    NOT NULL,
    PRIMARY KEY (tenant, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE party (
    no       INTEGER NOT NULL PRIMARY KEY,
    tenant   INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    kind     TEXT    NOT NULL,
    country  TEXT    NOT NULL,
    tier     INTEGER NOT NULL,
    standing TEXT    NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX party_by_id ON party (tenant, id);
CREATE INDEX party_by_tenant ON party (tenant, no);

CREATE TABLE wallet (
    no       INTEGER NOT NULL PRIMARY KEY,
    tenant   INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    party    INTEGER NOT NULL,
    standing TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    opened   INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX wallet_by_id ON wallet (tenant, id);
CREATE INDEX wallet_by_tenant ON wallet (tenant, no);
CREATE INDEX wallet_by_party ON wallet (party, no);
