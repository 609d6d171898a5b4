-- Each share of a payment to several is a supply of its own, and stands on a paper of its seller's.
ALTER TABLE paper_covers RENAME TO paper_covers_before;
DROP INDEX paper_covers_by_paper;

CREATE TABLE paper_covers (
    tenant BYTEA NOT NULL CHECK (length(tenant) = 16),
    thing  BYTEA NOT NULL CHECK (length(thing) = 16),
    -- Whose share of it, and by which case its tax was decided; zero for all of a payment to one.
    -- Before, no payment to several stood on a paper.
    seller BYTEA NOT NULL CHECK (length(seller) = 16),
    tax_case BIGINT NOT NULL,
    supply TEXT NOT NULL CHECK (supply IN ('sale', 'fee')),
    paper  BYTEA NOT NULL CHECK (length(paper) = 16),
    PRIMARY KEY (tenant, thing, seller, tax_case, supply)
);

INSERT INTO paper_covers (tenant, thing, seller, tax_case, supply, paper)
    SELECT tenant, thing, decode(repeat('00', 16), 'hex'), 0, supply, paper FROM paper_covers_before;
DROP TABLE paper_covers_before;

CREATE INDEX paper_covers_by_paper ON paper_covers (tenant, paper);
