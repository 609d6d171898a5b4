-- Invoices and credit notes that were issued: never changed, never removed. Numbers of a series
-- (seller, kind, year) have no gap: a number is given in the transaction that keeps its paper.
CREATE TABLE papers (
    tenant    BYTEA   NOT NULL CHECK (length(tenant) = 16),
    id        BYTEA   NOT NULL CHECK (length(id) = 16),
    -- Counts the tenant's papers in the order they were issued.
    seq       BIGINT  NOT NULL,
    seller    BYTEA   NOT NULL CHECK (length(seller) = 16),
    kind      TEXT    NOT NULL CHECK (kind IN ('invoice', 'simplified_invoice', 'credit_note')),
    year      INTEGER NOT NULL,
    number    BIGINT  NOT NULL,
    -- The number as it stands on the paper.
    label     TEXT    NOT NULL,
    -- Of what was asked: the same id with another is refused.
    asked     BYTEA   NOT NULL CHECK (length(asked) = 32),
    -- What a credit note corrects.
    original  BYTEA   CHECK (length(original) = 16),
    issued_at BIGINT  NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX papers_by_seq ON papers (tenant, seq);
CREATE UNIQUE INDEX papers_by_number ON papers (tenant, seller, kind, year, number);

-- What each stands for: a payment is invoiced once, a refund credited once.
CREATE TABLE paper_covers (
    tenant BYTEA NOT NULL CHECK (length(tenant) = 16),
    thing  BYTEA NOT NULL CHECK (length(thing) = 16),
    paper  BYTEA NOT NULL CHECK (length(paper) = 16),
    PRIMARY KEY (tenant, thing)
);

CREATE INDEX paper_covers_by_paper ON paper_covers (tenant, paper);

-- Its forms, each as it was first written. Encrypted, for they name people.
CREATE TABLE paper_forms (
    tenant BYTEA NOT NULL CHECK (length(tenant) = 16),
    paper  BYTEA NOT NULL CHECK (length(paper) = 16),
    form   TEXT NOT NULL,
    hash   BYTEA NOT NULL CHECK (length(hash) = 16),
    body   BYTEA NOT NULL,
    PRIMARY KEY (tenant, paper, form)
);
