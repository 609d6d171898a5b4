//! `farthing tax return | reassess`: what is owed for a period, and what another look would correct,
//! out of the journal alone.

use crate::commands::packs::Api;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::rare::{Of, asked};
use clap::{Args as ClapArgs, ValueEnum};
use engine::ids::TenantId;
use engine::records::TenantNo;
use journal::Reader;
use journal::sqlite::SqliteReader;
use serde_json::json;
use server::taxes::{self, Reassessed, Registered, Wanted};
use std::ops::Range;
use std::path::PathBuf;
use tax::Date;

/// Which journal.
#[derive(ClapArgs)]
struct Journal {
    /// The days: 2026, 2026-Q3, 2026-11, or 2026-07-01..2026-10-01 (the last not included)
    #[arg(long, value_name = "PERIOD", value_parser = taxes::period)]
    period: Range<Date>,
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
    /// Whose, e.g. ten_0190…; without it, the first tenant's, which is the operator's
    #[arg(long, value_name = "TENANT", conflicts_with = "mode")]
    tenant: Option<TenantId>,
    /// That of the first test tenant, or of the first live one
    #[arg(long, value_enum)]
    mode: Option<Of>,
}

impl Journal {
    fn open(&self) -> Result<(SqliteReader, TenantNo), Failure> {
        let path = self.data.join("journal.db");
        if !path.exists() {
            let path = path.display();
            let words = format!("{path} is not there: name a data folder with --data");
            return Err(Failure::said(words));
        }
        let mut reader = SqliteReader::open(&path, self.shard)?;
        let tenant = asked(&mut reader, self.tenant, self.mode)?;
        Ok((reader, tenant))
    }
}

#[derive(ClapArgs)]
pub struct Return {
    #[command(flatten)]
    journal: Journal,
    /// Only what is declared under this one: oss_union:IE, oss_non_union:IE, national:CH or just CH
    #[arg(long, value_name = "REGISTRATION")]
    registration: Option<Registered>,
    /// The ids of the payments behind each figure too (JSON)
    #[arg(long)]
    payments: bool,
    /// In which form
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Html,
}

#[derive(ClapArgs)]
pub struct Reassess {
    #[command(flatten)]
    journal: Journal,
    /// Not only show it: propose the correction to the running node, for a second key to approve
    #[arg(long)]
    propose: bool,
    /// The node's API, for --propose
    #[arg(
        long,
        env = "FARTHING_URL",
        default_value = "http://127.0.0.1:8402",
        value_name = "URL"
    )]
    url: String,
    /// Your API key, with `corrections:propose`, for --propose
    #[arg(
        long,
        env = "FARTHING_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    key: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn wanted(journal: &Journal, tenant: TenantNo) -> Wanted {
    Wanted {
        tenant,
        days: journal.period.clone(),
        registration: None,
        payments: false,
    }
}

pub fn returns(args: &Return) -> Result<(), Failure> {
    let (mut reader, tenant) = args.journal.open()?;
    let wanted = Wanted {
        registration: args.registration.clone(),
        payments: args.payments,
        ..wanted(&args.journal, tenant)
    };
    let quiet = args.format != Format::Table;
    let mut progress = Progress::new("rows", reader.head()?.seq, quiet);
    let found = taxes::returns(&mut reader, &wanted, |row| progress.at(row))?;
    progress.finish();
    match args.format {
        Format::Json => super::print_json(&found)?,
        Format::Csv => out!("{}", taxes::as_csv(&found)),
        Format::Html => out!("{}", taxes::as_html(&found)),
        Format::Table => out!("{}", taxes::as_text(&found)),
    }
    if found.agrees_with_ledger {
        Ok(())
    } else {
        let words = "the figures are not what the tax accounts moved by";
        Err(Failure::NotRight(words.to_owned()))
    }
}

pub fn reassess(args: &Reassess) -> Result<(), Failure> {
    let (mut reader, tenant) = args.journal.open()?;
    let wanted = wanted(&args.journal, tenant);
    let mut progress = Progress::new("rows", reader.head()?.seq, args.json);
    let found = taxes::reassess(&mut reader, &wanted, |row| progress.at(row))?;
    progress.finish();
    if args.json {
        super::print_json(&found)?;
    } else {
        say(&found, args.propose);
    }
    match (&args.key, args.propose) {
        (_, false) => Ok(()),
        (_, true) if found.postings.is_empty() => Err(Failure::said("there is nothing to correct")),
        (None, true) => Err(Failure::said("--propose needs --key")),
        (Some(key), true) => {
            let api = Api::new(&args.url, key);
            let postings = found.postings.iter();
            let postings = postings.map(|p| json!({"account": p.account, "amount": p.amount}));
            let body = json!({
                "postings": postings.collect::<Vec<_>>(),
                "reason": found.reason,
            });
            let made = api.post("/v1/corrections", &body)?;
            let id = made["id"].as_str().unwrap_or_default();
            outln!(
                "Proposed as {id}; another person approves it: POST /v1/corrections/{id}/approve"
            );
            Ok(())
        }
    }
}

fn say(found: &Reassessed, is_proposed: bool) {
    outln!("{}", found.reason);
    for payment in &found.payments {
        outln!(
            "  {}  {} → {}  {} → {} {}  {}",
            payment.id,
            payment.was,
            payment.is,
            payment.tax_was,
            payment.tax,
            payment.asset,
            payment.act
        );
    }
    for sum in &found.corrections {
        let whose = sum
            .seller
            .map_or("operator".to_owned(), |id| id.to_string());
        outln!("{} {} {} {}", sum.country, whose, sum.amount, sum.asset);
    }
    if found.corrections.is_empty() {
        outln!("Nothing differs.");
    } else if !is_proposed {
        outln!(
            "Nothing was posted. --propose makes a correction of it, which a second key approves."
        );
    }
}
