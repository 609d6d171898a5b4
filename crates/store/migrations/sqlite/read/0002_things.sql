-- Things with a life of several events, each by the `no` of the event that began it.
-- `payer` is the wallet it is about, whatever its role; `payee` the other, where there is one.

CREATE TABLE hold (
    no       INTEGER NOT NULL PRIMARY KEY,
    tenant   INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    payer    INTEGER NOT NULL,
    payee    INTEGER NOT NULL,
    asset    INTEGER NOT NULL,
    amount   ANY     NOT NULL,
    captured ANY     NOT NULL,
    state    TEXT    NOT NULL,
    expires  INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX hold_by_id ON hold (tenant, id);
CREATE INDEX hold_by_tenant ON hold (tenant, no);
CREATE INDEX hold_by_wallet ON hold (payer, no);

CREATE TABLE step_up (
    no      INTEGER NOT NULL PRIMARY KEY,
    tenant  INTEGER NOT NULL,
    id      BLOB    NOT NULL CHECK (length(id) = 16),
    payer   INTEGER,
    payee   INTEGER,
    asset   INTEGER NOT NULL,
    amount  ANY     NOT NULL,
    state   TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX step_up_by_id ON step_up (tenant, id);

CREATE TABLE topup (
    no        INTEGER NOT NULL PRIMARY KEY,
    tenant    INTEGER NOT NULL,
    id        BLOB    NOT NULL CHECK (length(id) = 16),
    payer     INTEGER NOT NULL,
    asset     INTEGER NOT NULL,
    amount    ANY     NOT NULL,
    settled   ANY     NOT NULL,
    reversed  ANY     NOT NULL,
    source    TEXT    NOT NULL,
    channel   INTEGER NOT NULL,
    spendable INTEGER NOT NULL,
    state     TEXT    NOT NULL,
    closed_no INTEGER
) STRICT;

CREATE UNIQUE INDEX topup_by_id ON topup (tenant, id);
CREATE INDEX topup_by_tenant ON topup (tenant, no);
CREATE INDEX topup_by_wallet ON topup (payer, no);

CREATE TABLE withdrawal (
    no      INTEGER NOT NULL PRIMARY KEY,
    tenant  INTEGER NOT NULL,
    id      BLOB    NOT NULL CHECK (length(id) = 16),
    payer   INTEGER NOT NULL,
    asset   INTEGER NOT NULL,
    amount  ANY     NOT NULL,
    channel INTEGER NOT NULL,
    state   TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX withdrawal_by_id ON withdrawal (tenant, id);
CREATE INDEX withdrawal_by_tenant ON withdrawal (tenant, no);
CREATE INDEX withdrawal_by_wallet ON withdrawal (payer, no);

CREATE TABLE mandate (
    no          INTEGER NOT NULL PRIMARY KEY,
    tenant      INTEGER NOT NULL,
    id          BLOB    NOT NULL CHECK (length(id) = 16),
    payer       INTEGER NOT NULL,
    agent       INTEGER NOT NULL,
    asset       INTEGER NOT NULL,
    per_payment ANY,
    per_day     ANY,
    payees      TEXT    NOT NULL,
    expires     INTEGER NOT NULL,
    state       TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX mandate_by_id ON mandate (tenant, id);
CREATE INDEX mandate_by_tenant ON mandate (tenant, no);
CREATE INDEX mandate_by_wallet ON mandate (payer, no);

CREATE TABLE dispute (
    no      INTEGER NOT NULL PRIMARY KEY,
    tenant  INTEGER NOT NULL,
    id      BLOB    NOT NULL CHECK (length(id) = 16),
    payment BLOB    NOT NULL CHECK (length(payment) = 16),
    payer   INTEGER,
    payee   INTEGER,
    asset   INTEGER NOT NULL,
    amount  ANY     NOT NULL,
    state   TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX dispute_by_id ON dispute (tenant, id);
CREATE INDEX dispute_by_tenant ON dispute (tenant, no);
CREATE INDEX dispute_by_wallet ON dispute (payer, no);

CREATE TABLE correction (
    no       INTEGER NOT NULL PRIMARY KEY,
    tenant   INTEGER NOT NULL,
    id       BLOB    NOT NULL CHECK (length(id) = 16),
    reason   BLOB    NOT NULL CHECK (length(reason) = 32),
    proposer BLOB    NOT NULL CHECK (length(proposer) = 16),
    approver BLOB,
    state    TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX correction_by_id ON correction (tenant, id);
CREATE INDEX correction_by_tenant ON correction (tenant, no);

-- Refusals that were counted instead of journaled one by one.
CREATE TABLE refusal_count (
    no     INTEGER NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    party  INTEGER,
    code   INTEGER NOT NULL,
    count  INTEGER NOT NULL
) STRICT;
