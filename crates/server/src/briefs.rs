//! What the server has of the review list: which feeds are read, how, and one reading at a time.

use crate::app::App;
use crate::codes;
use crate::problem::{Outcome, Problem};
use briefs::{Feed, FeedReport, Fetcher, Limits, Reading};
use engine::Id;
use engine::ids::TenantId;
use policy::{Date, Pack};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Which feeds are read, and when without being asked.
#[derive(Clone, Debug, Default)]
pub struct FeedSettings {
    /// The feeds; none by default.
    pub feeds: Arc<[Feed]>,
    /// How far each fetch may go.
    pub limits: Limits,
    /// How often the operator's list is read unasked; never by default.
    pub every: Option<Duration>,
}

/// The review list's part of the server.
pub struct Desk {
    fetcher: Fetcher,
    reading: tokio::sync::Mutex<()>,
    /// The day, and the version of the law, for which each tenant's overdue rules were last noted.
    noted: Mutex<BTreeMap<u128, (Date, u32)>>,
    /// Whose rules are looked at where no law is in force.
    packs: Vec<Pack>,
}

/// What a reading brought.
pub struct Brought {
    /// Each feed, in the list's order.
    pub reports: Vec<FeedReport>,
    /// Rules that are due and were not in the list.
    pub due: u64,
}

impl Desk {
    /// Nothing read yet.
    pub fn new(settings: &FeedSettings) -> Desk {
        let packs = policy::builtin_packs().unwrap_or_else(|error| {
            tracing::error!(%error, "builtin_packs");
            Vec::new()
        });
        Desk {
            fetcher: Fetcher::new(settings.limits),
            reading: tokio::sync::Mutex::default(),
            noted: Mutex::default(),
            packs,
        }
    }

    /// Puts the overdue rules of a tenant's law into its list and lapses those that are no longer due.
    /// Once a day and law is enough, for these are what changes; `again` does it all the same. Blocking.
    ///
    /// # Errors
    /// The store. Of a node that does not answer, nothing is noted now.
    pub fn note_overdue(&self, app: &App, tenant: u128, again: bool) -> Result<u64, store::Error> {
        let now_ms = app.now_ms();
        let today = briefs::day(now_ms);
        let in_force = app.node.query_blocking(move |state| {
            let tenant = state.tenant_no(TenantId(Id(tenant)))?;
            state.tenant(tenant)?.law.clone()
        });
        let Ok(law) = in_force else {
            return Ok(0);
        };
        let today = (today, law.as_ref().map_or(0, |law| law.version));
        let noted = || self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if !again && noted().get(&tenant) == Some(&today) {
            return Ok(0);
        }
        let own = law.map(|law| law.packs_parsed());
        let packs = own.as_ref().unwrap_or(&self.packs);
        let new = briefs::note_overdue(&app.store, tenant, packs, now_ms)?;
        noted().insert(tenant, today);
        Ok(new)
    }
}

/// Reads every feed into a tenant's list now.
///
/// # Errors
/// [`codes::BRIEFS_BEING_READ`]; the store.
pub async fn read(app: &App, tenant: u128) -> Outcome<Brought> {
    let Ok(_only) = app.desk.reading.try_lock() else {
        let mut problem = Problem::new(codes::BRIEFS_BEING_READ, "a reading of the feeds runs");
        problem.retry_after_s = Some(10);
        return Err(problem);
    };
    let reading = Reading {
        store: Arc::clone(&app.store),
        tenant,
        feeds: app.config.feeds.feeds.to_vec(),
        now_ms: app.now_ms(),
    };
    let read = briefs::read(&app.desk.fetcher, &reading, |_| ()).await;
    let reports = read.map_err(|error| Problem::store(&error))?;
    for report in &reports {
        if let Some(error) = &report.error {
            tracing::info!(feed = report.feed, code = error.code(), %error, "feed_failed");
        }
    }
    let due = app
        .blocking(move |app| app.desk.note_overdue(app, tenant, true))
        .await?;
    Ok(Brought {
        reports,
        due: due.map_err(|error| Problem::store(&error))?,
    })
}

/// Reads the operator's list again and again, if the settings say so.
pub async fn keep_reading(app: App) {
    let Some(every) = app.config.feeds.every else {
        return;
    };
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let operator = app.query(|state| state.tenants.first().map(|tenant| tenant.id.0.0));
        let Ok(Some(tenant)) = operator.await else {
            continue;
        };
        match read(&app, tenant).await {
            Ok(brought) => {
                let new: u64 = brought.reports.iter().map(|r| r.kept.new).sum();
                let failed = brought.reports.iter().filter(|r| r.error.is_some()).count();
                tracing::info!(new, failed, due = brought.due, "feeds_read");
            }
            Err(problem) => tracing::warn!(code = problem.code, "feeds_not_read"),
        }
    }
}
