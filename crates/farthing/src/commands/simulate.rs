//! `farthing simulate`: history against a draft of the law, out of the journal alone.

mod generate;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::rare;
use clap::Parser;
use engine::UtcMillis;
use engine::ids::TenantId;
use engine::law::LawSettings;
use engine::records::TenantNo;
use engine::simulate::Asked;
use journal::Reader;
use journal::sqlite::SqliteReader;
use money::Asset;
use policy::BUILTIN;
use server::simulation::{self, Failed, Outcome, Settings};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing simulate --pack my-kr.toml
  farthing simulate --pack my-kr.toml --from 2026-10-01 --to 2026-11-01 --json
  farthing simulate --pack eu --settings operator.json --list 1000
  farthing simulate --pack my-kr.toml --generate 1000000

The draft stands on the law that was in force then: its packs replace those of the same name. What
it denies is not counted by it; what it asks a step-up for counts as confirmed. Nothing is written.

Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the
  command line is wrong.";

/// Run history against a draft of the law
///
/// How many and which payments would have been decided otherwise, of what volume, of how many payers,
/// by which rule. Reads the journal alone, so it also works on a backup, and while the node serves.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// A pack of the draft: a file, or the id of one that comes with the program
    #[arg(long, value_name = "PACK")]
    pack: Vec<String>,
    /// A pack that is taken out, by id
    #[arg(long, value_name = "ID")]
    remove: Vec<String>,
    /// The operator's settings, whole, as `packs propose` takes them; also as TOML
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Compare from then on, e.g. 2026-10-01 or 2026-10-01T00:00:00Z; what was before is counted only
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<UtcMillis>,
    /// Compare until then, not included
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<UtcMillis>,
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
    /// Whose history, e.g. ten_0190…; without it, the first tenant's, which is the operator's
    #[arg(long, value_name = "TENANT", conflicts_with = "mode")]
    tenant: Option<TenantId>,
    /// The history of the first test tenant, or of the first live one
    #[arg(long, value_enum)]
    mode: Option<rare::Of>,
    /// List at most so many of the payments that change
    #[arg(long, value_name = "N", default_value_t = 20)]
    list: usize,
    /// Not the journal but so many payments, made up around the numbers of the draft
    #[arg(long, value_name = "N")]
    generate: Option<u64>,
    /// What the made-up payments are drawn from; the same gives the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A day, from its beginning in UTC, or an instant.
fn time(text: &str) -> Result<UtcMillis, String> {
    let instant = text.parse::<jiff::Timestamp>().ok();
    let day = || {
        let day = text.parse::<jiff::civil::Date>().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let at = instant.or_else(day);
    let ms = at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let ms = ms.ok_or("a time is a day, 2026-10-01, or an instant, 2026-10-01T00:00:00Z")?;
    Ok(UtcMillis(ms))
}

pub fn run(args: &Args) -> Result<(), Failure> {
    if args.pack.is_empty() && args.remove.is_empty() && args.settings.is_none() {
        let words = "name a draft: --pack FILE, --remove ID or --settings FILE";
        return Err(Failure::said(words));
    }
    let named = |name: &String| Ok((name.clone(), text(name)?));
    let texts: Result<Vec<(String, String)>, Failure> = args.pack.iter().map(named).collect();
    let settings = args.settings.as_deref().map(settings).transpose()?;
    let (settings, pilot_asset) =
        settings.map_or((None, None), |(settings, asset)| (Some(settings), asset));
    let law = simulation::draft(texts?, args.remove.clone(), settings)
        .map_err(|(_, words)| Failure::said(words))?;
    let mut asked = Asked {
        tenant: TenantNo(0),
        law,
        from: args.from.unwrap_or(UtcMillis(0)),
        until: args.to.unwrap_or(UtcMillis(u64::MAX)),
        list_max: args.list,
        pilot_asset,
    };
    let begun = Instant::now();
    let outcome = match args.generate {
        Some(payments) => generate::run(asked, payments, args.seed, args.json)?,
        None => {
            let path = args.data.join("journal.db");
            if !path.exists() {
                let path = path.display();
                let words = format!("{path} is not there: name a data folder with --data");
                return Err(Failure::said(words));
            }
            let mut reader = SqliteReader::open(&path, args.shard)?;
            asked.tenant = rare::asked(&mut reader, args.tenant, args.mode)?;
            let rows = reader.head()?.seq;
            let mut progress = Progress::new("rows", rows, args.json);
            let ran = simulation::run(&mut reader, asked, |row, _| {
                progress.at(row);
                true
            });
            progress.finish();
            let (simulated, assets) = ran.map_err(|failed| match failed {
                Failed::Draft(words) => Failure::said(words),
                Failed::Journal(error) => error.into(),
                Failed::Stopped => Failure::said("it was stopped"),
            })?;
            Outcome::of(&simulated, &assets)
        }
    };
    if args.json {
        let text = serde_json::to_string_pretty(&outcome)
            .map_err(|error| Failure::said(format!("could not be written: {error}")))?;
        println!("{text}");
    } else {
        say(&outcome, begun.elapsed().as_secs_f64());
        if outcome.payments == 0 && args.generate.is_none() {
            println!(
                "Nothing of this tenant was decided then: --mode, --tenant, --from and --to say what is compared"
            );
        }
    }
    Ok(())
}

/// A pack's text: a file's, or that of one that comes with the program.
fn text(name: &str) -> Result<String, Failure> {
    if let Some(builtin) = BUILTIN.iter().find(|pack| pack.id == name) {
        return Ok(builtin.text.to_owned());
    }
    let path = Path::new(name);
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))
}

fn settings(path: &Path) -> Result<(LawSettings, Option<Asset>), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    let wrong = |words: String| Failure::said(format!("{}: {words}", path.display()));
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let given: Result<Settings, String> = if is_json {
        serde_json::from_str(&text).map_err(|error| error.to_string())
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())
    };
    let read = simulation::settings(&given.map_err(wrong)?);
    read.map_err(|(field, words)| wrong(format!("{field}: {words}")))
}

fn say(outcome: &Outcome, seconds: f64) {
    let sums = |sums: &[simulation::Sum]| {
        let texts = sums
            .iter()
            .map(|sum| format!("{} {}", sum.amount, sum.asset));
        texts.collect::<Vec<_>>().join(", ")
    };
    let changes = &outcome.changes;
    println!(
        "compared  {} decisions of {} payers: {}",
        outcome.payments,
        outcome.payers,
        sums(&outcome.volume)
    );
    println!(
        "change    {} of {} payers: {}",
        changes.payments,
        changes.payers,
        sums(&changes.volume)
    );
    for kind in &changes.kinds {
        let (was, becomes) = (kind.was.as_str(), kind.becomes.as_str());
        println!("          {:>9}  {was} → {becomes}", kind.payments);
    }
    for rule in &outcome.rules {
        let name = match (&rule.pack, &rule.rule) {
            (Some(pack), Some(rule)) => format!("{pack}/{rule}"),
            _ => "(no rule any more)".to_owned(),
        };
        let of = &rule.changes;
        println!(
            "by rule   {:>9}  {name}: {} payers, {}",
            of.payments,
            of.payers,
            sums(&of.volume)
        );
    }
    for one in &outcome.changed {
        let (was, becomes) = (one.was.as_str(), one.becomes.as_str());
        let rule = one.rule.as_deref().unwrap_or("");
        println!(
            "  {}  {}  {} {}  {was} → {becomes}  {rule}",
            one.at, one.id, one.amount.amount.0, one.amount.asset.0
        );
    }
    if outcome.not_listed > 0 {
        println!("  … and {} more (--list)", outcome.not_listed);
    }
    if seconds > 0.0 {
        let rate = outcome.payments as f64 / seconds * 60.0 / 1e6;
        println!("in {seconds:.1} s: {rate:.1} million decisions a minute");
    }
}
