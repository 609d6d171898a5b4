//! The review list: what supervisors published and which rules are due, each decided by a person.
//!
//! * A brief is told from others by its feed and its key; the same read twice is one.
//! * One whose words have changed is open again, with a higher revision. A decision names the
//!   revision it is about, so that nobody decides what they have not seen.
//! * Decisions are appended: who decided otherwise before stays on record.

use rusqlite::{OptionalExtension, Row, params};

use crate::error::Error;
use crate::page::{Page, fetch_limit};
use crate::store::Store;

pub(crate) mod sql;

/// Where a brief stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BriefStatus {
    /// Nobody has decided.
    Open,
    /// It changes nothing here.
    Dismissed,
    /// It led to a change of a pack, or to a look at a rule.
    Linked,
    /// It went away by itself: the rule was checked.
    Lapsed,
}

impl BriefStatus {
    pub const ALL: [Self; 4] = [Self::Open, Self::Dismissed, Self::Linked, Self::Lapsed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Dismissed => "dismissed",
            Self::Linked => "linked",
            Self::Lapsed => "lapsed",
        }
    }

    fn read(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or(Error::Corrupt {
            what: "a brief's status",
        })
    }
}

/// A brief as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewBrief {
    pub feed: String,
    /// What tells it from the feed's others.
    pub key: String,
    pub pack: String,
    pub authority: String,
    /// The rule that is due; empty if it is a supervisor's.
    pub rule: String,
    pub title: String,
    pub link: Option<String>,
    pub summary: String,
    pub language: String,
    pub published_ms: Option<i64>,
}

/// A brief of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brief {
    /// A UUIDv7 of the time it was found.
    pub id: u128,
    pub feed: String,
    pub pack: String,
    pub authority: String,
    pub rule: String,
    pub title: String,
    pub link: Option<String>,
    pub summary: String,
    pub language: String,
    pub published_ms: Option<i64>,
    pub found_ms: i64,
    pub changed_ms: Option<i64>,
    /// Counts its wordings, from 1.
    pub revision: i64,
    pub status: BriefStatus,
}

/// What a person decided of a brief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDecision {
    /// [`BriefStatus::Dismissed`] or [`BriefStatus::Linked`].
    pub verdict: BriefStatus,
    /// Who: a key's id or a name.
    pub by: String,
    pub why: String,
    /// The pack it is linked to.
    pub pack: Option<String>,
    /// Which edition of it.
    pub version: Option<String>,
    /// Or which proposal.
    pub proposal: Option<String>,
    /// Or which rule.
    pub rule: Option<String>,
}

/// A decision on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BriefDecision {
    /// The wording it is about.
    pub revision: i64,
    pub at_ms: i64,
    pub decision: NewDecision,
}

/// What to list; empty text is any.
#[derive(Clone, Debug, Default)]
pub struct BriefFilter {
    pub status: Option<BriefStatus>,
    pub pack: String,
}

/// How the last reading of a feed went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    pub feed: String,
    pub url: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub read_ms: i64,
    pub succeeded_ms: Option<i64>,
    /// Code and words.
    pub failed: Option<(String, String)>,
    pub items: i64,
}

/// What became of the briefs that were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub new: u64,
    pub changed: u64,
    pub known: u64,
}

impl Store {
    /// Keeps what is new, and opens again what has changed.
    pub fn keep_briefs(
        &self,
        tenant: u128,
        found: &[NewBrief],
        now_ms: i64,
    ) -> Result<Kept, Error> {
        let mut kept = Kept::default();
        let tenant = tenant.to_be_bytes();
        let mut writer = self.db.writer();
        let tx = writer.transaction()?;
        for brief in found {
            let (key, content) = (key_hash(&brief.key), brief.content_hash());
            let known = tx
                .prepare_cached(sql::KNOWN)?
                .query_row(params![tenant, brief.feed, key], |row| {
                    Ok((
                        row.get::<_, [u8; 16]>(0)?,
                        row.get::<_, [u8; 32]>(1)?,
                        row.get::<_, String>(3)?,
                    ))
                })
                .optional()?;
            match known {
                None => {
                    let id = id(now_ms, &tenant, &brief.feed, &key);
                    tx.prepare_cached(sql::INSERT)?.execute(params![
                        id.to_be_bytes(),
                        tenant,
                        brief.feed,
                        key,
                        content,
                        brief.pack,
                        brief.authority,
                        brief.rule,
                        brief.title,
                        brief.link,
                        brief.summary,
                        brief.language,
                        brief.published_ms,
                        now_ms
                    ])?;
                    kept.new += 1;
                }
                Some((id, known, _)) if known != content => {
                    tx.prepare_cached(sql::CHANGE)?.execute(params![
                        content,
                        brief.title,
                        brief.link,
                        brief.summary,
                        brief.published_ms,
                        now_ms,
                        tenant,
                        id
                    ])?;
                    kept.changed += 1;
                }
                Some((id, _, status)) => {
                    if status == BriefStatus::Lapsed.as_str() {
                        tx.prepare_cached(sql::OPEN)?.execute(params![tenant, id])?;
                    }
                    kept.known += 1;
                }
            }
        }
        tx.commit()?;
        Ok(kept)
    }

    /// Lapses the open briefs of a feed whose keys are not among those given.
    pub fn lapse_briefs(&self, tenant: u128, feed: &str, but: &[&str]) -> Result<u64, Error> {
        let tenant = tenant.to_be_bytes();
        let but: Vec<[u8; 32]> = but.iter().map(|key| key_hash(key)).collect();
        let mut writer = self.db.writer();
        let tx = writer.transaction()?;
        let open: Vec<([u8; 16], [u8; 32])> = tx
            .prepare_cached(sql::OPEN_OF_FEED)?
            .query_map(params![tenant, feed], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut lapsed = 0;
        for (id, key) in open {
            if !but.contains(&key) {
                tx.prepare_cached(sql::LAPSE)?
                    .execute(params![tenant, id])?;
                lapsed += 1;
            }
        }
        tx.commit()?;
        Ok(lapsed)
    }

    /// A tenant's briefs, newest first; those below `before`.
    pub fn briefs(
        &self,
        tenant: u128,
        filter: &BriefFilter,
        before: Option<u128>,
        limit: usize,
    ) -> Result<Page<Brief, u128>, Error> {
        // No UUID of any version is all ones but the "max" one, which names nothing.
        let before = before.unwrap_or(u128::MAX);
        let status = filter.status.map_or("", BriefStatus::as_str);
        let reader = self.db.reader()?;
        let briefs = reader
            .prepare_cached(sql::LIST)?
            .query_map(
                params![
                    tenant.to_be_bytes(),
                    before.to_be_bytes(),
                    status,
                    filter.pack,
                    fetch_limit(limit)
                ],
                |row| Ok(read(row)),
            )?
            .map(|row| row?)
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(Page::cut(briefs, limit, |brief| brief.id))
    }

    pub fn brief(&self, tenant: u128, id: u128) -> Result<Option<Brief>, Error> {
        let reader = self.db.reader()?;
        let found = reader
            .prepare_cached(sql::FIND)?
            .query_row(params![tenant.to_be_bytes(), id.to_be_bytes()], |row| {
                Ok(read(row))
            })
            .optional()?;
        found.transpose()
    }

    /// What was decided of a brief, the last first.
    pub fn brief_decisions(&self, tenant: u128, id: u128) -> Result<Vec<BriefDecision>, Error> {
        let reader = self.db.reader()?;
        reader
            .prepare_cached(sql::DECISIONS)?
            .query_map(params![tenant.to_be_bytes(), id.to_be_bytes()], |row| {
                Ok(read_decision(row))
            })?
            .map(|row| row?)
            .collect()
    }

    /// Decides a brief. The same decision by the same person again changes nothing.
    ///
    /// Errors: [`Error::BriefUnknown`]; [`Error::BriefChanged`] when `revision` is not the one that
    /// stands.
    pub fn decide_brief(
        &self,
        tenant: u128,
        id: u128,
        revision: Option<i64>,
        decision: &NewDecision,
        now_ms: i64,
    ) -> Result<Brief, Error> {
        let (tenant_bytes, id_bytes) = (tenant.to_be_bytes(), id.to_be_bytes());
        let mut writer = self.db.writer();
        let tx = writer.transaction()?;
        let found = tx
            .prepare_cached(sql::FIND)?
            .query_row(params![tenant_bytes, id_bytes], |row| Ok(read(row)))
            .optional()?
            .ok_or(Error::BriefUnknown)??;
        if revision.is_some_and(|revision| revision != found.revision) {
            return Err(Error::BriefChanged {
                revision: found.revision,
            });
        }
        let last = tx
            .prepare_cached(sql::DECISIONS)?
            .query_map(params![tenant_bytes, id_bytes], |row| {
                Ok(read_decision(row))
            })?
            .next()
            .transpose()?
            .transpose()?;
        let again = last.is_some_and(|last| {
            last.revision == found.revision
                && last.decision == *decision
                && found.status == decision.verdict
        });
        if !again {
            tx.prepare_cached(sql::DECISION)?.execute(params![
                tenant_bytes,
                id_bytes,
                found.revision,
                decision.verdict.as_str(),
                decision.by,
                now_ms,
                decision.why,
                decision.pack,
                decision.version,
                decision.proposal,
                decision.rule
            ])?;
            tx.prepare_cached(sql::DECIDE)?.execute(params![
                decision.verdict.as_str(),
                tenant_bytes,
                id_bytes
            ])?;
        }
        tx.commit()?;
        Ok(Brief {
            status: decision.verdict,
            ..found
        })
    }

    /// Notes how a reading went.
    pub fn put_feed(&self, tenant: u128, state: &FeedState) -> Result<(), Error> {
        let (code, words) = state.failed.clone().unzip();
        self.db
            .writer()
            .prepare_cached(sql::PUT_FEED)?
            .execute(params![
                tenant.to_be_bytes(),
                state.feed,
                state.url,
                state.etag,
                state.last_modified,
                state.read_ms,
                state.succeeded_ms,
                code,
                words,
                state.items
            ])?;
        Ok(())
    }

    /// How the last readings went, by the feeds' names.
    pub fn feeds(&self, tenant: u128) -> Result<Vec<FeedState>, Error> {
        let reader = self.db.reader()?;
        let states = reader
            .prepare_cached(sql::FEEDS)?
            .query_map([tenant.to_be_bytes()], |row| {
                let code: Option<String> = row.get(6)?;
                Ok(FeedState {
                    feed: row.get(0)?,
                    url: row.get(1)?,
                    etag: row.get(2)?,
                    last_modified: row.get(3)?,
                    read_ms: row.get(4)?,
                    succeeded_ms: row.get(5)?,
                    failed: code.zip(row.get(7)?),
                    items: row.get(8)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        Ok(states)
    }
}

impl NewBrief {
    /// Of what a person reads. The time is not: feeds touch it without a word changed.
    fn content_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for text in [
            &self.title,
            &self.summary,
            self.link.as_ref().unwrap_or(&String::new()),
        ] {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

fn key_hash(key: &str) -> [u8; 32] {
    *blake3::hash(key.as_bytes()).as_bytes()
}

/// A UUIDv7 whose random part is a hash of what it is the id of.
fn id(now_ms: i64, tenant: &[u8; 16], feed: &str, key: &[u8; 32]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(tenant);
    hasher.update(key);
    hasher.update(feed.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    let now = u64::try_from(now_ms).unwrap_or(0);
    bytes[..6].copy_from_slice(&now.to_be_bytes()[2..]);
    bytes[6] = bytes[6] & 0x0f | 0x70;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    u128::from_be_bytes(bytes)
}

fn read(row: &Row<'_>) -> Result<Brief, Error> {
    Ok(Brief {
        id: u128::from_be_bytes(row.get(0)?),
        feed: row.get(1)?,
        pack: row.get(2)?,
        authority: row.get(3)?,
        rule: row.get(4)?,
        title: row.get(5)?,
        link: row.get(6)?,
        summary: row.get(7)?,
        language: row.get(8)?,
        published_ms: row.get(9)?,
        found_ms: row.get(10)?,
        changed_ms: row.get(11)?,
        revision: row.get(12)?,
        status: BriefStatus::read(&row.get::<_, String>(13)?)?,
    })
}

fn read_decision(row: &Row<'_>) -> Result<BriefDecision, Error> {
    Ok(BriefDecision {
        revision: row.get(0)?,
        at_ms: row.get(3)?,
        decision: NewDecision {
            verdict: BriefStatus::read(&row.get::<_, String>(1)?)?,
            by: row.get(2)?,
            why: row.get(4)?,
            pack: row.get(5)?,
            version: row.get(6)?,
            proposal: row.get(7)?,
            rule: row.get(8)?,
        },
    })
}

#[cfg(test)]
mod tests;
