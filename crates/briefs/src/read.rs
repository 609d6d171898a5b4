//! All feeds at once, into the review list. One that is broken, slow or gone stops no other; what it
//! said is kept beside it.

use crate::error::FeedError;
use crate::feeds::Feed;
use crate::fetch::{Fetched, Fetcher, Validators};
use crate::parse::{Item, parse};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use store::{FeedState, Kept, NewBrief, Store};
use tokio::task::JoinSet;

/// Feeds that are asked at a time.
const AT_ONCE: usize = 6;

/// What is to be read, and for whom.
#[derive(Clone)]
pub struct Reading {
    /// Where it is kept.
    pub store: Arc<Store>,
    /// Whose list it is.
    pub tenant: u128,
    /// What is read.
    pub feeds: Vec<Feed>,
    /// Now, in milliseconds since 1970.
    pub now_ms: i64,
}

/// How the reading of one feed went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedReport {
    /// Its name.
    pub feed: String,
    /// Whether the server said that nothing is new.
    pub unchanged: bool,
    /// Items in it.
    pub items: usize,
    /// What became of them.
    pub kept: Kept,
    /// Why it gave nothing, or not all.
    pub error: Option<FeedError>,
}

/// Reads every feed; `each` is called as each is done. The reports are in the order of the feeds.
///
/// # Errors
/// The store cannot be reached; no feed is the reason.
pub async fn read(
    fetcher: &Fetcher,
    reading: &Reading,
    mut each: impl FnMut(&FeedReport),
) -> Result<Vec<FeedReport>, store::Error> {
    let store = Arc::clone(&reading.store);
    let tenant = reading.tenant;
    let known = blocking(move || store.feeds(tenant)).await?;
    let known: BTreeMap<String, FeedState> = known
        .into_iter()
        .map(|state| (state.feed.clone(), state))
        .collect();
    let mut waiting: VecDeque<usize> = (0..reading.feeds.len()).collect();
    let mut running = JoinSet::new();
    let mut reports: BTreeMap<usize, FeedReport> = BTreeMap::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(at) = waiting.pop_front()
        {
            let feed = reading.feeds[at].clone();
            let before = known.get(&feed.id).cloned();
            let (fetcher, store) = (fetcher.clone(), Arc::clone(&reading.store));
            let now_ms = reading.now_ms;
            running.spawn(async move {
                let one = One {
                    feed,
                    before,
                    tenant,
                    now_ms,
                };
                (at, one.read(&fetcher, store).await)
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok((at, report))) => {
                let report = report?;
                each(&report);
                reports.insert(at, report);
            }
            // A panic in reading one feed is that feed's failure.
            Some(Err(_)) => {}
        }
    }
    Ok(reports.into_values().collect())
}

struct One {
    feed: Feed,
    before: Option<FeedState>,
    tenant: u128,
    now_ms: i64,
}

impl One {
    async fn read(self, fetcher: &Fetcher, store: Arc<Store>) -> Result<FeedReport, store::Error> {
        // What another address said of itself is nothing to ask this one with.
        let same = self.before.as_ref().filter(|b| b.url == self.feed.url);
        let validators = same.map(|before| Validators {
            etag: before.etag.clone(),
            last_modified: before.last_modified.clone(),
        });
        let validators = validators.unwrap_or_default();
        let fetched = fetcher.fetch(&self.feed.url, &validators).await;
        // Parsing takes long where a feed is large: not on a thread that serves.
        blocking(move || self.keep(fetched, validators, &store)).await
    }

    fn keep(
        self,
        fetched: Result<Fetched, FeedError>,
        asked_with: Validators,
        store: &Store,
    ) -> Result<FeedReport, store::Error> {
        let mut report = FeedReport {
            feed: self.feed.id.clone(),
            unchanged: false,
            items: 0,
            kept: Kept::default(),
            error: None,
        };
        let mut validators = asked_with;
        let mut items = self.before.as_ref().map_or(0, |before| before.items);
        match fetched {
            Ok(Fetched::Unchanged) => report.unchanged = true,
            Ok(Fetched::Body {
                bytes,
                charset,
                validators: given,
                url,
            }) => match parse(&bytes, charset.as_deref(), &url) {
                Ok(parsed) => {
                    let briefs: Vec<NewBrief> = parsed
                        .items
                        .into_iter()
                        .map(|item| self.brief(item))
                        .collect();
                    report.items = briefs.len();
                    items = i64::try_from(briefs.len()).unwrap_or(i64::MAX);
                    report.kept = store.keep_briefs(self.tenant, &briefs, self.now_ms)?;
                    report.error = parsed.broken;
                    validators = given;
                }
                Err(error) => report.error = Some(error),
            },
            Err(error) => report.error = Some(error),
        }
        if report.error.is_some() {
            // What was not read whole is asked for whole.
            validators = Validators::default();
        }
        let succeeded = match report.error {
            None => Some(self.now_ms),
            Some(_) => self.before.as_ref().and_then(|before| before.succeeded_ms),
        };
        let failed = report.error.as_ref();
        let state = FeedState {
            feed: self.feed.id,
            url: self.feed.url,
            etag: validators.etag,
            last_modified: validators.last_modified,
            read_ms: self.now_ms,
            succeeded_ms: succeeded,
            failed: failed.map(|error| (error.code().to_owned(), error.to_string())),
            items,
        };
        store.put_feed(self.tenant, &state)?;
        Ok(report)
    }

    fn brief(&self, item: Item) -> NewBrief {
        NewBrief {
            feed: self.feed.id.clone(),
            key: item.key,
            pack: self.feed.pack.clone(),
            authority: self.feed.authority.clone(),
            rule: String::new(),
            title: item.title,
            link: item.link,
            summary: item.summary,
            language: self.feed.language.clone(),
            published_ms: item.published_ms,
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, store::Error> + Send + 'static,
) -> Result<T, store::Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(store::Error::Corrupt {
            what: "a task of the store ended early",
        }),
    }
}

#[cfg(test)]
mod tests;
