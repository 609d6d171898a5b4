//! `farthing explain`: why a payment was decided as it was, under the terms and the law it was made
//! with.

mod law;

use crate::failure::Failure;
use clap::{Parser, ValueEnum};
use engine::code::Audience;
use engine::event::Event;
use engine::explain::explain;
use engine::law::Rewards;
use engine::terms::Terms;
use engine::{Id, Position, State};
use journal::Head;
use journal::sqlite::SqliteReader;
use ledger::{AccountClass, Posting};
use server::taxes::Decided;
use std::path::PathBuf;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing explain pay_01900000000070008000000000000001
  farthing explain pay_01900000000070008000000000000001 --audience payer --json
  farthing explain pay_01900000000070008000000000000001 --lang ko

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong.";

/// The trace of a payment, top-up, withdrawal, refund, capture or refusal
///
/// Reads the journal alone, so it also works on a backup, years later: the terms and the packs are
/// those it was decided under, each rule with its number, how far it was used, act and article.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Its id, e.g. pay_0190…
    id: String,
    /// The data folder
    #[arg(
        long,
        value_name = "DIR",
        env = "FARTHING_DATA",
        default_value = "farthing-data"
    )]
    data: PathBuf,
    /// The shard of the journal
    #[arg(long, default_value_t = 0)]
    shard: u32,
    /// For whom: fraud and money-laundering rules are told to compliance only
    #[arg(long, value_enum, default_value_t = For::Compliance)]
    audience: For,
    /// The language of what the law said
    #[arg(long, value_enum, default_value_t = Language::En)]
    lang: Language,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum For {
    Payer,
    Seller,
    Operator,
    Compliance,
    Regulator,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    En,
    Ko,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let digits = args
        .id
        .rsplit_once('_')
        .map_or(args.id.as_str(), |(_, digits)| digits);
    let id = Id::parse_digits(digits)
        .ok_or_else(|| Failure::said(format!("\"{}\" is not an id, such as pay_0190…", args.id)))?;
    let path = args.data.join("journal.db");
    if !path.exists() {
        return Err(Failure::said(format!(
            "{} is not there: name a data folder",
            path.display()
        )));
    }
    let mut reader = SqliteReader::open(&path, args.shard)?;
    let (mut state, mut head) = (State::new(1), Head::EMPTY);
    let (mut found, mut last, mut before) = (None, None, None);
    node::replay(
        &mut reader,
        &mut state,
        &mut head,
        |state, event, position| {
            if let Some(part) = event.part(id) {
                before = last;
                found = Some(Found {
                    postings: part.postings.iter().map(|p| posting(state, p)).collect(),
                    event: event.clone(),
                    position,
                    terms: state
                        .tenant(event.tenant)
                        .map(|t| (t.terms.clone(), t.terms_version)),
                    assets: state.assets.clone(),
                    rewards: state.law(event.tenant).map(|law| law.settings.rewards),
                    law: None,
                    tax: part
                        .paid()
                        .and_then(|paid| state.tax_case(paid.case))
                        .map(Decided::of),
                });
            }
            last = Some(position);
        },
    )?;
    let Some(mut found) = found else {
        return Err(Failure::said(format!(
            "no event of {} is in this journal",
            args.id
        )));
    };
    if law::was_asked(&found.event, id)
        && let Some(before) = before
    {
        let mut reader = SqliteReader::open(&path, args.shard)?;
        found.law = law::said(&mut reader, before, &found.event, id)?;
    }
    found.say(args, id)
}

/// One leg of an entry, as it is shown.
fn posting(state: &State, posting: &Posting) -> String {
    let account = state.book.account(posting.account);
    let wallet = state.wallets.get(account.owner as usize);
    let whose = match (account.class, wallet) {
        (AccountClass::Wallet, Some(wallet)) => wallet.id.to_string(),
        _ => format!("account {}", posting.account.0),
    };
    let (amount, code) = match state.assets.get(usize::from(account.asset.0)) {
        Some(asset) => (asset.format_signed(posting.amount), asset.code.to_string()),
        None => (posting.amount.to_string(), "atoms".to_owned()),
    };
    format!(
        "{:<12} {whose:<37} {amount:>16} {code}",
        account.class.as_str()
    )
}

impl Args {
    fn policy_audience(&self) -> policy::Audience {
        match self.audience {
            For::Payer => policy::Audience::Payer,
            For::Seller => policy::Audience::Seller,
            For::Operator => policy::Audience::Operator,
            For::Compliance => policy::Audience::Compliance,
            For::Regulator => policy::Audience::Regulator,
        }
    }

    fn lang(&self) -> policy::Lang {
        match self.lang {
            Language::En => policy::Lang::En,
            Language::Ko => policy::Lang::Ko,
        }
    }
}

struct Found {
    postings: Vec<String>,
    event: Event,
    position: Position,
    terms: Option<(Terms, u32)>,
    assets: Vec<money::Asset>,
    rewards: Option<Rewards>,
    law: Option<law::Said>,
    tax: Option<Decided>,
}

impl Found {
    fn say(&self, args: &Args, id: Id) -> Result<(), Failure> {
        let audience = match args.audience {
            For::Payer => Audience::Payer,
            For::Seller => Audience::Seller,
            For::Operator => Audience::Operator,
            For::Compliance | For::Regulator => Audience::Compliance,
        };
        let (terms, version) = self.terms.clone().unwrap_or_default();
        let Some(part) = self.event.part(id) else {
            return Ok(());
        };
        let rewards = self.rewards.as_ref();
        let trace = explain(&part, (&terms, version), rewards, &self.assets, audience);
        // Whoever sees the neutral word sees nothing else.
        let is_neutral = self
            .event
            .refusal()
            .is_some_and(|refused| refused.code.shown_to(audience) != refused.code);
        let law = self.law.as_ref().filter(|_| !is_neutral);
        let law = law.and_then(|law| law.words(args.policy_audience(), args.lang()));
        let tax = self.tax.as_ref().filter(|_| !is_neutral);
        if args.json {
            let mut trace = serde_json::to_value(&trace)
                .map_err(|error| Failure::said(format!("could not be written: {error}")))?;
            if let Some(law) = &law {
                trace["law"] = law.json();
            }
            if let Some(tax) = tax {
                trace["tax"] = serde_json::to_value(tax)
                    .map_err(|error| Failure::said(format!("could not be written: {error}")))?;
            }
            let text = serde_json::to_string_pretty(&trace)
                .map_err(|error| Failure::said(format!("could not be written: {error}")))?;
            outln!("{text}");
            return Ok(());
        }
        let at = i64::try_from(self.event.at.0).ok();
        let at = at.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        outln!("{}  {}", args.id, part.kind.as_str());
        if let Some(at) = at {
            outln!("at        {at}");
        }
        outln!(
            "journal   row {}, event {}",
            self.position.seq,
            self.position.index
        );
        outln!("terms     version {}", trace.terms_version);
        if let Some(law) = &law {
            outln!("law       version {}", law.version);
        }
        outln!("verdict   {}", trace.verdict);
        if let (Some(code), Some(help)) = (trace.code, trace.help) {
            outln!("reason    {code}: {help}");
        }
        for posting in &self.postings {
            outln!("posted    {posting}");
        }
        for line in &trace.trace {
            outln!("  {:<8} {:<20} {}", line.stage, line.rule, line.text);
        }
        for (name, part) in tax
            .iter()
            .flat_map(|tax| [("sale", &tax.sale), ("fee", &tax.fee)])
        {
            let place = part.place.as_deref().unwrap_or("nowhere");
            let under = part.registration.as_deref().unwrap_or("no registration");
            let act = part.act.as_deref().unwrap_or("no rate's act");
            outln!(
                "tax       {name}: {} in {place} at {} %, owed by the {}, under {under} ({act})",
                part.treatment,
                part.percent,
                part.supplier
            );
            for reason in &part.reasons {
                outln!("  {:<8} {:<20} {}", "tax", reason.code, reason.words);
            }
        }
        if let Some(law) = &law {
            for line in &law.words.trace {
                outln!("  {:<8} {:<20} {}", "law", line.rule, line.text);
            }
            for remedy in law.remedies() {
                outln!("remedy    {remedy}");
            }
        } else if let Some(remedy) = &trace.remedy {
            let amount = remedy.amount.clone().unwrap_or_default();
            let asset = remedy.asset.clone().unwrap_or_default();
            let tier = remedy
                .tier
                .map(|t| format!("to tier {t}"))
                .unwrap_or_default();
            let words = [remedy.action, &amount, &asset, &tier];
            let words: Vec<&str> = words.into_iter().filter(|w| !w.is_empty()).collect();
            outln!("remedy    {}", words.join(" "));
        }
        Ok(())
    }
}
