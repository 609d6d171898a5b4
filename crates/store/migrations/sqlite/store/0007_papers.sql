-- Invoices and credit notes that were issued: never changed, never removed. Numbers of a series
-- (seller, kind, year) have no gap: a number is given in the transaction that keeps its paper.
CREATE TABLE papers (
    tenant    BLOB    NOT NULL CHECK (length(tenant) = 16),
    id        BLOB    NOT NULL CHECK (length(id) = 16),
    -- Counts the tenant's papers in the order they were issued.
    seq       INTEGER NOT NULL,
    seller    BLOB    NOT NULL CHECK (length(seller) = 16),
    kind      TEXT    NOT NULL CHECK (kind IN ('invoice', 'simplified_invoice', 'credit_note')),
    year      INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    -- The number as it stands on the paper.
    label     TEXT    NOT NULL,
    -- Of what was asked: the same id with another is refused.
    asked     BLOB    NOT NULL CHECK (length(asked) = 32),
    -- What a credit note corrects.
    original  BLOB    CHECK (length(original) = 16),
    issued_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX papers_by_seq ON papers (tenant, seq);
CREATE UNIQUE INDEX papers_by_number ON papers (tenant, seller, kind, year, number);

-- What each stands for: a payment is invoiced once, a refund credited once.
CREATE TABLE paper_covers (
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    thing  BLOB NOT NULL CHECK (length(thing) = 16),
    paper  BLOB NOT NULL CHECK (length(paper) = 16),
    PRIMARY KEY (tenant, thing)
) STRICT, WITHOUT ROWID;

CREATE INDEX paper_covers_by_paper ON paper_covers (tenant, paper);

-- Its forms, each as it was first written. Encrypted, for they name people.
CREATE TABLE paper_forms (
    tenant BLOB NOT NULL CHECK (length(tenant) = 16),
    paper  BLOB NOT NULL CHECK (length(paper) = 16),
    form   TEXT NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 16),
    body   BLOB NOT NULL,
    PRIMARY KEY (tenant, paper, form)
) STRICT, WITHOUT ROWID;
