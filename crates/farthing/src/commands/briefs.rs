//! `farthing briefs`: supervisors' feeds and rules that are due, on the data folder itself. Works
//! while the node serves.

use crate::commands::serve::runtime;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::rare;
use briefs::{Feed, FeedReport, Fetcher, Limits, Reading};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use engine::Id;
use engine::ids::TenantId;
use journal::sqlite::SqliteReader;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{Brief, BriefFilter, BriefStatus, NewDecision, Store};

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing briefs read
  farthing briefs list --status open --pack kr
  farthing briefs dismiss brf_01900000000070008000000000000001 --by kim --why \"about insurers only\"
  farthing briefs link brf_01900000000070008000000000000001 --by kim --pack kr --edition 2026-12-01

Exit codes: 0 done, also where a feed gave nothing: each says why; 1 it did not work out,
  and the message says what to do; 2 the command line is wrong.";

/// Read supervisors' feeds into a review list, and decide each brief
///
/// A brief is what a supervisor published, or a rule whose last check is older than its review
/// interval. A person dismisses it, or links it to an edition or a proposal of a pack or to a rule;
/// who, when and why is kept. One whose words change is open again. Only `read` asks anything of
/// other machines.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// The data folder
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "FARTHING_DATA",
        default_value = "farthing-data"
    )]
    data: PathBuf,
    /// The shard of the journal, whose law says which rules are looked at
    #[arg(long, global = true, default_value_t = 0)]
    shard: u32,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// Whose list, e.g. ten_0190…; without it, that of the first tenant of the mode
    #[arg(long, global = true, value_name = "TENANT", conflicts_with = "mode")]
    tenant: Option<String>,
    /// Which tenant's list: the first live one is the operator's
    #[arg(long, global = true, value_enum, default_value = "live")]
    mode: Of,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Read the feeds now
    Read(Read),
    /// List briefs, newest first
    List(List),
    /// Dismiss a brief: it changes nothing here
    Dismiss(Dismiss),
    /// Link a brief to what it led to
    Link(Link),
}

#[derive(ClapArgs)]
struct Read {
    /// A list of feeds of your own, such as packs/feeds.toml
    #[arg(long, value_name = "FILE", default_value = "")]
    feeds: String,
    /// Only the feeds of these packs
    #[arg(long, value_name = "PACK")]
    pack: Vec<String>,
    /// A feed may be at a private address, such as a mirror of your own
    #[arg(long)]
    private: bool,
}

#[derive(ClapArgs)]
struct List {
    /// Only those that stand so
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// Only those about a pack
    #[arg(long)]
    pack: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: usize,
}

#[derive(ClapArgs)]
struct Decided {
    /// Its id, e.g. brf_0190…
    id: String,
    /// Who decides
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The wording that was read; without it, the one that stands
    #[arg(long, value_name = "N")]
    revision: Option<i64>,
}

#[derive(ClapArgs)]
struct Dismiss {
    #[command(flatten)]
    decided: Decided,
    /// Why
    #[arg(long)]
    why: String,
}

#[derive(ClapArgs)]
#[command(group = clap::ArgGroup::new("to").required(true).multiple(true).args(["edition", "proposal", "rule"]))]
struct Link {
    #[command(flatten)]
    decided: Decided,
    /// Why
    #[arg(long, default_value = "")]
    why: String,
    /// The pack
    #[arg(long)]
    pack: String,
    /// The edition of it that has the change
    #[arg(long, value_name = "VERSION")]
    edition: Option<String>,
    /// The proposal that would make it
    #[arg(long)]
    proposal: Option<String>,
    /// The rule it is about
    #[arg(long)]
    rule: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Of {
    Test,
    Live,
}

#[derive(Clone, Copy, ValueEnum)]
enum Status {
    Open,
    Dismissed,
    Linked,
    Lapsed,
}

impl From<Status> for BriefStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => BriefStatus::Open,
            Status::Dismissed => BriefStatus::Dismissed,
            Status::Linked => BriefStatus::Linked,
            Status::Lapsed => BriefStatus::Lapsed,
        }
    }
}

/// A list of feeds: a file's, none for `none`, that of the program for the empty name.
pub fn feeds(name: &str) -> Result<Vec<Feed>, Failure> {
    let read = match name {
        "" => briefs::builtin_feeds(),
        "none" => Ok(Vec::new()),
        file => {
            let path = Path::new(file);
            let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, &e))?;
            briefs::feeds(file, &text)
        }
    };
    read.map_err(|error| Failure::said(error.to_string()))
}

pub fn run(args: Args) -> Result<(), Failure> {
    if !args.data.join("store.db").exists() {
        return Err(Failure::said(format!(
            "{} has no store: start `farthing serve --data {0}` once",
            args.data.display()
        )));
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let store = Arc::new(Store::open(&args.data, now_ms)?);
    let tenant = match &args.tenant {
        Some(text) => {
            let id: Result<TenantId, _> = text.parse();
            id.map_err(|error| Failure::said(format!("--tenant: {error}")))?
                .0
                .0
        }
        None => {
            let mode = match args.mode {
                Of::Test => store::Mode::Test,
                Of::Live => store::Mode::Live,
            };
            let known = store.tenant_of_mode(mode)?;
            known.ok_or_else(|| Failure::said("no such tenant yet: start the server once"))?
        }
    };
    let desk = Desk {
        data: args.data,
        shard: args.shard,
        store,
        tenant,
        now_ms,
        json: args.json,
    };
    match args.what {
        What::Read(how) => desk.read(&how),
        What::List(which) => desk.list(&which),
        What::Dismiss(it) => {
            let decision = NewDecision {
                verdict: BriefStatus::Dismissed,
                by: it.decided.by.clone(),
                why: it.why,
                pack: None,
                version: None,
                proposal: None,
                rule: None,
            };
            desk.decide(&it.decided, &decision)
        }
        What::Link(it) => {
            let decision = NewDecision {
                verdict: BriefStatus::Linked,
                by: it.decided.by.clone(),
                why: it.why,
                pack: Some(it.pack),
                version: it.edition,
                proposal: it.proposal,
                rule: it.rule,
            };
            desk.decide(&it.decided, &decision)
        }
    }
}

struct Desk {
    data: PathBuf,
    shard: u32,
    store: Arc<Store>,
    tenant: u128,
    now_ms: i64,
    json: bool,
}

impl Desk {
    /// Rules of the law in force; where there is none yet, of the packs that come along.
    fn note_overdue(&self) -> Result<u64, Failure> {
        let journal = self.data.join("journal.db");
        let in_force = if journal.exists() {
            let mut reader = SqliteReader::open(&journal, self.shard)?;
            let tenant = rare::tenant(&mut reader, TenantId(Id(self.tenant)))?;
            rare::packs_in_force(&mut reader, tenant)?
        } else {
            None
        };
        let packs = match in_force {
            Some(packs) => packs,
            None => policy::builtin_packs().map_err(|error| Failure::said(error.to_string()))?,
        };
        Ok(briefs::note_overdue(
            &self.store,
            self.tenant,
            &packs,
            self.now_ms,
        )?)
    }

    fn read(&self, how: &Read) -> Result<(), Failure> {
        let mut feeds = feeds(&how.feeds)?;
        feeds.retain(|feed| how.pack.is_empty() || how.pack.contains(&feed.pack));
        let fetcher = Fetcher::new(Limits {
            private: how.private,
            ..Limits::default()
        });
        let total = u64::try_from(feeds.len()).unwrap_or(0);
        let reading = Reading {
            store: Arc::clone(&self.store),
            tenant: self.tenant,
            feeds,
            now_ms: self.now_ms,
        };
        let mut progress = Progress::new("feeds", total, self.json);
        let mut done = 0;
        let reports = runtime()?.block_on(briefs::read(&fetcher, &reading, |_| {
            done += 1;
            progress.at(done);
        }));
        progress.finish();
        let reports = reports?;
        let due = self.note_overdue()?;
        let sum = |of: fn(&FeedReport) -> u64| reports.iter().map(of).sum::<u64>();
        let (new, changed) = (sum(|r| r.kept.new), sum(|r| r.kept.changed));
        if self.json {
            let feeds: Vec<Value> = reports.iter().map(report_json).collect();
            return line(&json!({"feeds": feeds, "new": new, "changed": changed, "due": due}));
        }
        for report in &reports {
            let words = match (&report.error, report.unchanged) {
                (Some(error), _) => format!("{error} ({})", error.code()),
                (None, true) => "nothing new".to_owned(),
                (None, false) => format!("{} new of {}", report.kept.new, report.items),
            };
            say(&format!("{:<24}{words}", report.feed))?;
        }
        say(&format!(
            "{new} new, {changed} changed; {due} rules have come due"
        ))
    }

    fn list(&self, which: &List) -> Result<(), Failure> {
        self.note_overdue()?;
        let filter = BriefFilter {
            status: which.status.map(Into::into),
            pack: which.pack.clone().unwrap_or_default(),
        };
        let (mut before, mut left) = (None, which.limit);
        while left > 0 {
            let page = self
                .store
                .briefs(self.tenant, &filter, before, left.min(200))?;
            left -= page.items.len();
            for brief in &page.items {
                self.show(brief)?;
            }
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn decide(&self, what: &Decided, decision: &NewDecision) -> Result<(), Failure> {
        let digits = what.id.strip_prefix("brf_").and_then(Id::parse_digits);
        let id = digits.ok_or_else(|| {
            Failure::said(format!(
                "\"{}\" is not a brief's id, such as brf_0190…",
                what.id
            ))
        })?;
        let brief =
            self.store
                .decide_brief(self.tenant, id.0, what.revision, decision, self.now_ms)?;
        self.show(&brief)
    }

    fn show(&self, brief: &Brief) -> Result<(), Failure> {
        let id = format!("brf_{:032x}", brief.id);
        let at = |ms: Option<i64>| {
            ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
                .map(|at| at.to_string())
        };
        if self.json {
            return line(&json!({
                "id": id,
                "status": brief.status.as_str(),
                "feed": brief.feed,
                "pack": brief.pack,
                "authority": brief.authority,
                "rule": brief.rule,
                "title": brief.title,
                "link": brief.link,
                "summary": brief.summary,
                "language": brief.language,
                "published_at": at(brief.published_ms),
                "found_at": at(Some(brief.found_ms)),
                "changed_at": at(brief.changed_ms),
                "revision": brief.revision,
            }));
        }
        let day = at(brief.published_ms.or(Some(brief.found_ms))).unwrap_or_default();
        let day = day.get(..10).unwrap_or("");
        let status = brief.status.as_str();
        say(&format!(
            "{id}  {status:<10}{:<5}{day}  {}",
            brief.pack, brief.title
        ))?;
        match &brief.link {
            Some(link) => say(&format!("    {link}")),
            None => Ok(()),
        }
    }
}

fn report_json(report: &FeedReport) -> Value {
    json!({
        "feed": report.feed,
        "unchanged": report.unchanged,
        "items": report.items,
        "new": report.kept.new,
        "changed": report.kept.changed,
        "error": report.error.as_ref().map(|error| json!({
            "code": error.code(),
            "words": error.to_string(),
        })),
    })
}

fn line(value: &Value) -> Result<(), Failure> {
    say(&value.to_string())
}

fn say(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        // Who reads only the head of a list has what was wanted.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::said(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
