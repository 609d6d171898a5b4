-- Things with a life of several events, each by the `no` of the event that began it.
-- `payer` is the wallet it is about, whatever its role; `payee` the other, where there is one.

CREATE TABLE hold (
    no       BIGINT NOT NULL PRIMARY KEY,
    tenant   BIGINT NOT NULL,
    id       BYTEA   NOT NULL CHECK (length(id) = 16),
    payer    BIGINT NOT NULL,
    payee    BIGINT NOT NULL,
    asset    BIGINT NOT NULL,
    amount   NUMERIC  NOT NULL,
    captured NUMERIC  NOT NULL,
    state    TEXT    NOT NULL,
    expires  BIGINT NOT NULL
);

CREATE UNIQUE INDEX hold_by_id ON hold (tenant, id);
CREATE INDEX hold_by_tenant ON hold (tenant, no);
CREATE INDEX hold_by_wallet ON hold (payer, no);

CREATE TABLE step_up (
    no      BIGINT NOT NULL PRIMARY KEY,
    tenant  BIGINT NOT NULL,
    id      BYTEA   NOT NULL CHECK (length(id) = 16),
    payer   BIGINT,
    payee   BIGINT,
    asset   BIGINT NOT NULL,
    amount  NUMERIC  NOT NULL,
    state   TEXT    NOT NULL,
    expires BIGINT NOT NULL
);

CREATE UNIQUE INDEX step_up_by_id ON step_up (tenant, id);

CREATE TABLE topup (
    no        BIGINT NOT NULL PRIMARY KEY,
    tenant    BIGINT NOT NULL,
    id        BYTEA   NOT NULL CHECK (length(id) = 16),
    payer     BIGINT NOT NULL,
    asset     BIGINT NOT NULL,
    amount    NUMERIC  NOT NULL,
    settled   NUMERIC  NOT NULL,
    reversed  NUMERIC  NOT NULL,
    source    TEXT    NOT NULL,
    channel   BIGINT NOT NULL,
    spendable BIGINT NOT NULL,
    state     TEXT    NOT NULL,
    closed_no BIGINT
);

CREATE UNIQUE INDEX topup_by_id ON topup (tenant, id);
CREATE INDEX topup_by_tenant ON topup (tenant, no);
CREATE INDEX topup_by_wallet ON topup (payer, no);

CREATE TABLE withdrawal (
    no      BIGINT NOT NULL PRIMARY KEY,
    tenant  BIGINT NOT NULL,
    id      BYTEA   NOT NULL CHECK (length(id) = 16),
    payer   BIGINT NOT NULL,
    asset   BIGINT NOT NULL,
    amount  NUMERIC  NOT NULL,
    channel BIGINT NOT NULL,
    state   TEXT    NOT NULL
);

CREATE UNIQUE INDEX withdrawal_by_id ON withdrawal (tenant, id);
CREATE INDEX withdrawal_by_tenant ON withdrawal (tenant, no);
CREATE INDEX withdrawal_by_wallet ON withdrawal (payer, no);

CREATE TABLE mandate (
    no          BIGINT NOT NULL PRIMARY KEY,
    tenant      BIGINT NOT NULL,
    id          BYTEA   NOT NULL CHECK (length(id) = 16),
    payer       BIGINT NOT NULL,
    agent       BIGINT NOT NULL,
    asset       BIGINT NOT NULL,
    per_payment NUMERIC,
    per_day     NUMERIC,
    payees      TEXT    NOT NULL,
    expires     BIGINT NOT NULL,
    state       TEXT    NOT NULL
);

CREATE UNIQUE INDEX mandate_by_id ON mandate (tenant, id);
CREATE INDEX mandate_by_tenant ON mandate (tenant, no);
CREATE INDEX mandate_by_wallet ON mandate (payer, no);

CREATE TABLE dispute (
    no      BIGINT NOT NULL PRIMARY KEY,
    tenant  BIGINT NOT NULL,
    id      BYTEA   NOT NULL CHECK (length(id) = 16),
    payment BYTEA   NOT NULL CHECK (length(payment) = 16),
    payer   BIGINT,
    payee   BIGINT,
    asset   BIGINT NOT NULL,
    amount  NUMERIC  NOT NULL,
    state   TEXT    NOT NULL
);

CREATE UNIQUE INDEX dispute_by_id ON dispute (tenant, id);
CREATE INDEX dispute_by_tenant ON dispute (tenant, no);
CREATE INDEX dispute_by_wallet ON dispute (payer, no);

CREATE TABLE correction (
    no       BIGINT NOT NULL PRIMARY KEY,
    tenant   BIGINT NOT NULL,
    id       BYTEA   NOT NULL CHECK (length(id) = 16),
    reason   BYTEA   NOT NULL CHECK (length(reason) = 32),
    proposer BYTEA   NOT NULL CHECK (length(proposer) = 16),
    approver BYTEA,
    state    TEXT    NOT NULL
);

CREATE UNIQUE INDEX correction_by_id ON correction (tenant, id);
CREATE INDEX correction_by_tenant ON correction (tenant, no);

-- Refusals that were counted instead of journaled one by one.
CREATE TABLE refusal_count (
    no     BIGINT NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    party  BIGINT,
    code   BIGINT NOT NULL,
    count  BIGINT NOT NULL
);
