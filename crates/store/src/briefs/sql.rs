//! What the review list asks of its database.

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, feed, pack, authority, rule, title, link, summary, language,
                published_at, found_at, changed_at, revision, status FROM briefs ",
            $rest
        )
    };
}
pub const KNOWN: &str = "SELECT id, content_hash, revision, status FROM briefs
    WHERE tenant = $1 AND feed = $2 AND key_hash = $3";
pub const INSERT: &str = "INSERT INTO briefs (id, tenant, feed, key_hash, content_hash, pack,
        authority, rule, title, link, summary, language, published_at, found_at, revision, status)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 1, 'open')";
pub const CHANGE: &str = "UPDATE briefs SET content_hash = $1, title = $2, link = $3,
        summary = $4, published_at = $5, changed_at = $6, revision = revision + 1, status = 'open'
    WHERE tenant = $7 AND id = $8";
pub const OPEN: &str = "UPDATE briefs SET status = 'open' WHERE tenant = $1 AND id = $2";
pub const OPEN_OF_FEED: &str = "SELECT id, key_hash FROM briefs
    WHERE tenant = $1 AND feed = $2 AND status = 'open'";
pub const LAPSE: &str = "UPDATE briefs SET status = 'lapsed' WHERE tenant = $1 AND id = $2";
pub const FIND: &str = select!("WHERE tenant = $1 AND id = $2");
pub const LIST: &str = select!(
    "WHERE tenant = $1 AND id < $2 AND ($3 = '' OR status = $3) AND ($4 = '' OR pack = $4)
    ORDER BY id DESC LIMIT $5"
);
pub const DECIDE: &str = "UPDATE briefs SET status = $1 WHERE tenant = $2 AND id = $3";
pub const DECISION: &str = "INSERT INTO brief_decisions (tenant, brief, revision, verdict,
        decider, at, why, pack, version, proposal, rule)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
pub const DECISIONS: &str = "SELECT revision, verdict, decider, at, why, pack, version, proposal,
        rule FROM brief_decisions WHERE tenant = $1 AND brief = $2 ORDER BY seq DESC LIMIT 100";
pub const PUT_FEED: &str = "INSERT INTO brief_feeds (tenant, feed, url, etag, last_modified,
        read_at, succeeded_at, failed_code, failed_words, items)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (tenant, feed) DO UPDATE SET url = excluded.url, etag = excluded.etag,
        last_modified = excluded.last_modified, read_at = excluded.read_at,
        succeeded_at = excluded.succeeded_at, failed_code = excluded.failed_code,
        failed_words = excluded.failed_words, items = excluded.items";
pub const FEEDS: &str = "SELECT feed, url, etag, last_modified, read_at, succeeded_at,
        failed_code, failed_words, items FROM brief_feeds WHERE tenant = $1 ORDER BY feed";
#[cfg(test)]
pub const ALL: &[&str] = &[
    KNOWN,
    INSERT,
    CHANGE,
    OPEN,
    OPEN_OF_FEED,
    LAPSE,
    FIND,
    LIST,
    DECIDE,
    DECISION,
    DECISIONS,
    PUT_FEED,
    FEEDS,
];
