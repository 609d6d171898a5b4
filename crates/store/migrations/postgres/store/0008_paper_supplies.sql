-- A payment is a sale, and its fee another supply: it stands on one invoice of each.
ALTER TABLE papers ADD COLUMN supply TEXT NOT NULL DEFAULT 'sale' CHECK (supply IN ('sale', 'fee'));

-- Whether nothing of its rounding is left to be posted to the ledger.
ALTER TABLE papers ADD COLUMN posted SMALLINT NOT NULL DEFAULT 1 CHECK (posted IN (0, 1));

CREATE INDEX papers_to_post ON papers (seq) WHERE posted = 0;

ALTER TABLE paper_covers RENAME TO paper_covers_before;
DROP INDEX paper_covers_by_paper;

-- What each stands for: a payment is invoiced once as a sale and once as a fee, a refund credited so.
CREATE TABLE paper_covers (
    tenant BYTEA NOT NULL CHECK (length(tenant) = 16),
    thing  BYTEA NOT NULL CHECK (length(thing) = 16),
    supply TEXT NOT NULL CHECK (supply IN ('sale', 'fee')),
    paper  BYTEA NOT NULL CHECK (length(paper) = 16),
    PRIMARY KEY (tenant, thing, supply)
);

INSERT INTO paper_covers (tenant, thing, supply, paper)
    SELECT tenant, thing, 'sale', paper FROM paper_covers_before;
DROP TABLE paper_covers_before;

CREATE INDEX paper_covers_by_paper ON paper_covers (tenant, paper);
