-- Subscriptions, each by the `no` of the event that began it. `record` is all of what it is now, as JSON.
CREATE TABLE subscription (
    no     INTEGER NOT NULL PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id     BLOB    NOT NULL CHECK (length(id) = 16),
    payer  INTEGER NOT NULL,
    state  TEXT    NOT NULL,
    record TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX subscription_by_id ON subscription (tenant, id);
CREATE INDEX subscription_by_tenant ON subscription (tenant, no);
CREATE INDEX subscription_by_wallet ON subscription (payer, no);
