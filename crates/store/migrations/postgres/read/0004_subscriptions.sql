-- Subscriptions, each by the `no` of the event that began it. `record` is all of what it is now, as JSON.
CREATE TABLE subscription (
    no     BIGINT NOT NULL PRIMARY KEY,
    tenant BIGINT NOT NULL,
    id     BYTEA   NOT NULL CHECK (length(id) = 16),
    payer  BIGINT NOT NULL,
    state  TEXT    NOT NULL,
    record TEXT    NOT NULL
);

CREATE UNIQUE INDEX subscription_by_id ON subscription (tenant, id);
CREATE INDEX subscription_by_tenant ON subscription (tenant, no);
CREATE INDEX subscription_by_wallet ON subscription (payer, no);
