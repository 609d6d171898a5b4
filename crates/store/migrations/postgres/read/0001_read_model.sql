-- What is made from the journal alone, and can be thrown away and made again.
--
-- `no` numbers what happened, from 1, in the journal's order; an item of a group has its own.

CREATE TABLE progress (
    one         BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    seq         BIGINT NOT NULL,
    hash        BYTEA   NOT NULL CHECK (length(hash) = 32),
    next_no     BIGINT NOT NULL,
    balances_no BIGINT NOT NULL
);

-- A row of the journal, by the first thing in it.
CREATE TABLE batch (
    first_no BIGINT NOT NULL PRIMARY KEY,
    seq      BIGINT NOT NULL,
    at       BIGINT NOT NULL
);

CREATE INDEX batch_by_at ON batch (at, first_no);

CREATE TABLE event (
    no     BIGINT NOT NULL PRIMARY KEY,
    idx    BIGINT NOT NULL,
    part   BIGINT NOT NULL,
    tenant BIGINT NOT NULL,
    kind   BIGINT NOT NULL,
    id     BYTEA,
    payer  BIGINT,
    payee  BIGINT,
    asset  BIGINT,
    amount NUMERIC NOT NULL,
    tax    NUMERIC NOT NULL,
    fee    NUMERIC NOT NULL,
    code   BIGINT,
    of     BYTEA
);

-- An id's first 8 bytes: of a version 7 UUID that is its time, so rows arrive nearly in order.
CREATE TABLE thing (
    tenant BIGINT NOT NULL,
    prefix BIGINT NOT NULL,
    no     BIGINT NOT NULL,
    PRIMARY KEY (tenant, prefix, no)
);

-- Which later events concern a thing.
CREATE TABLE about (
    tenant BIGINT NOT NULL,
    thing  BYTEA   NOT NULL CHECK (length(thing) = 16),
    no     BIGINT NOT NULL,
    PRIMARY KEY (tenant, thing, no)
);

-- Which blocks of 1,024 events hold any of a tenant's of a kind (or, from 1,000 on, of a code).
CREATE TABLE span (
    tenant BIGINT NOT NULL,
    mark   BIGINT NOT NULL,
    block  BIGINT NOT NULL,
    PRIMARY KEY (tenant, mark, block)
);

-- Statement lines, in runs of 524,288 events: within a run by wallet, so that a million wallets'
-- lines fall into few pages at a time. Account -1: the wallet was concerned, nothing was posted.
CREATE TABLE entry (
    run     BIGINT NOT NULL,
    wallet  BIGINT NOT NULL,
    no      BIGINT NOT NULL,
    account BIGINT NOT NULL,
    amount  NUMERIC  NOT NULL,
    balance NUMERIC  NOT NULL,
    PRIMARY KEY (run, wallet, no, account)
);

-- Balances of wallet accounts stand as before event `progress.balances_no`; later ones are in `entry`.
CREATE TABLE account (
    no           BIGINT NOT NULL PRIMARY KEY,
    tenant       BIGINT NOT NULL,
    class        TEXT    NOT NULL,
    owner        BIGINT NOT NULL,
    sub          BIGINT NOT NULL,
    asset        BIGINT NOT NULL,
    source       TEXT,
    origin       TEXT,
    credit_limit NUMERIC  NOT NULL,
    balance      NUMERIC  NOT NULL
);

CREATE INDEX account_by_owner ON account (class, owner, no);

CREATE TABLE tally (
    tenant BIGINT NOT NULL,
    kind   BIGINT NOT NULL,
    asset  BIGINT NOT NULL,
    count  BIGINT NOT NULL,
    amount NUMERIC  NOT NULL,
    tax    NUMERIC  NOT NULL,
    fee    NUMERIC  NOT NULL,
    PRIMARY KEY (tenant, kind, asset)
);

CREATE TABLE tenant (
    no   BIGINT NOT NULL PRIMARY KEY,
    id   BYTEA   NOT NULL UNIQUE CHECK (length(id) = 16),
    mode TEXT    NOT NULL,
    at   BIGINT NOT NULL
);

CREATE TABLE asset (
    no    BIGINT NOT NULL PRIMARY KEY,
    code  TEXT    NOT NULL,
    scale BIGINT NOT NULL
);

CREATE TABLE terms (
    tenant  BIGINT NOT NULL,
    version BIGINT NOT NULL,
    no      BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    terms   TEXT    NOT NULL,
    PRIMARY KEY (tenant, version)
);

CREATE TABLE party (
    no       BIGINT NOT NULL PRIMARY KEY,
    tenant   BIGINT NOT NULL,
    id       BYTEA   NOT NULL CHECK (length(id) = 16),
    kind     TEXT    NOT NULL,
    country  TEXT    NOT NULL,
    tier     BIGINT NOT NULL,
    standing TEXT    NOT NULL,
    at       BIGINT NOT NULL
);

CREATE UNIQUE INDEX party_by_id ON party (tenant, id);
CREATE INDEX party_by_tenant ON party (tenant, no);

CREATE TABLE wallet (
    no       BIGINT NOT NULL PRIMARY KEY,
    tenant   BIGINT NOT NULL,
    id       BYTEA   NOT NULL CHECK (length(id) = 16),
    party    BIGINT NOT NULL,
    standing TEXT    NOT NULL,
    at       BIGINT NOT NULL,
    opened   BIGINT NOT NULL
);

CREATE UNIQUE INDEX wallet_by_id ON wallet (tenant, id);
CREATE INDEX wallet_by_tenant ON wallet (tenant, no);
CREATE INDEX wallet_by_party ON wallet (party, no);
