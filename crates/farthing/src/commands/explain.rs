//! `farthing explain`: why a payment was decided as it was, under the terms it was made with.

use crate::failure::Failure;
use clap::{Parser, ValueEnum};
use engine::code::Audience;
use engine::event::Event;
use engine::explain::explain;
use engine::terms::Terms;
use engine::{Id, State};
use journal::Head;
use journal::sqlite::SqliteReader;
use ledger::{AccountClass, Posting};
use std::path::PathBuf;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing explain pay_01900000000070008000000000000001
  farthing explain pay_01900000000070008000000000000001 --audience payer --json

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong.";

/// The trace of a payment, refund, capture or refusal
///
/// Reads the journal alone, so it also works on a backup, years later: the terms are those the
/// payment was decided under.
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
    let mut found = None;
    node::replay(
        &mut reader,
        &mut state,
        &mut head,
        |state, event, position| {
            if let Some(part) = event.part(id) {
                found = Some(Found {
                    postings: part.postings.iter().map(|p| posting(state, p)).collect(),
                    event: event.clone(),
                    position,
                    terms: state
                        .tenant(event.tenant)
                        .map(|t| (t.terms.clone(), t.terms_version)),
                    assets: state.assets.clone(),
                });
            }
        },
    )?;
    let Some(found) = found else {
        return Err(Failure::said(format!(
            "no event of {} is in this journal",
            args.id
        )));
    };
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

struct Found {
    postings: Vec<String>,
    event: Event,
    position: engine::Position,
    terms: Option<(Terms, u32)>,
    assets: Vec<money::Asset>,
}

impl Found {
    fn say(&self, args: &Args, id: Id) -> Result<(), Failure> {
        let audience = match args.audience {
            For::Payer => Audience::Payer,
            For::Seller => Audience::Seller,
            For::Operator => Audience::Operator,
            For::Compliance => Audience::Compliance,
        };
        let (terms, version) = self.terms.clone().unwrap_or_default();
        let Some(part) = self.event.part(id) else {
            return Ok(());
        };
        let trace = explain(&part, &terms, version, &self.assets, audience);
        if args.json {
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
        if let Some(remedy) = &trace.remedy {
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
