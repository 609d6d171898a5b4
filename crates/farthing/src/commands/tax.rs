//! `farthing tax`: the rates that come with Farthing and tax numbers, which need nothing but the
//! program; returns and reassessments, which are read out of a journal.

mod owed;

use crate::failure::Failure;
use clap::{Args as ClapArgs, Parser, Subcommand};
use serde::Serialize;
use tax::rules::{Rate, Source};
use tax::{Category, Charge, Country, Date, Place, Rules, Table, number};

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing tax rates --country DE
  farthing tax check-number DE136695976
  farthing tax return --period 2026-Q4 --registration oss_union:IE
  farthing tax return --period 2026-11 --format csv --data farthing-data > november.csv
  farthing tax reassess --period 2026-11

Exit codes: 0 done, and right; 1 no such rate is known, or the journal cannot be read; 2 the command
  line is wrong; 3 a number is not right, or a return does not agree with the ledger.";

/// Tax rates by country and day, tax numbers, returns and reassessments
///
/// Rates and numbers are what comes with this version, read from the program itself. A node applies
/// the rules that a tenant put into force (`PUT /v1/tax/rules`), which may be these.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The rates in force on a day, with the act that says so
    ///
    /// Rates are those that come with this version; a tenant's own are in its journal. "unverified"
    /// means that nobody has looked the number up in the act or in a table of it. Not legal advice.
    ///
    /// Exit codes: 0 done; 1 no such rate is known; 2 the command line is wrong.
    #[command(after_help = "Examples:
  farthing tax rates --country DE
  farthing tax rates --country DE --date 2020-07-15 --category e_book
  farthing tax rates --category e_book --json")]
    Rates(Rates),
    /// Check the format and check digit of a business's tax number
    ///
    /// Nobody is asked: a number that passes may still belong to nobody. Spaces, hyphens and dots do
    /// not count. Numbers without a country in front need --country.
    ///
    /// Exit codes: 0 right; 2 the command line is wrong; 3 not right, and the reason is told.
    #[command(after_help = "Examples:
  farthing tax check-number DE136695976
  farthing tax check-number \"CHE-107.787.577 MWST\"
  farthing tax check-number 83914571673 --country AU")]
    CheckNumber(CheckNumber),
    /// What is owed for a period, by registration, place and rate, out of the journal
    ///
    /// The figures are compared with the ledger's tax accounts, to the atom. Reads the journal alone,
    /// so it also works on a backup, and while the node serves.
    ///
    /// Exit codes: 0 done; 1 the journal cannot be read; 2 the command line is wrong; 3 the figures do
    /// not agree with the ledger.
    #[command(after_help = "Examples:
  farthing tax return --period 2026-Q4 --registration oss_union:IE
  farthing tax return --period 2026-11 --format json --payments")]
    Return(owed::Return),
    /// Look at a period's payments again under the rules in force, and say what would be corrected
    ///
    /// A dry run, unless --propose says otherwise. Payments that a turnover threshold decided are left
    /// as they were.
    ///
    /// Exit codes: 0 done; 1 it did not work out, and the message says what to do; 2 the command line
    /// is wrong.
    #[command(after_help = "Examples:
  farthing tax reassess --period 2026-11
  farthing tax reassess --period 2026-11 --propose --key $FIRST")]
    Reassess(owed::Reassess),
}

#[derive(ClapArgs)]
struct Rates {
    /// Of this country, or region of Canada: DE, CA-QC
    #[arg(long, value_name = "CC", value_parser = place)]
    country: Option<Place>,
    /// On this day; today where left out
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Option<Date>,
    /// Of this category: standard, e_book, e_publication, broadcast, telecom, transport, gambling, …
    #[arg(long)]
    category: Option<Category>,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(ClapArgs)]
struct CheckNumber {
    /// The number, as it was given
    number: String,
    /// Whose number it is, where it does not say so itself
    #[arg(long, value_name = "CC")]
    country: Option<Country>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn place(text: &str) -> Result<Place, String> {
    let upper = text.to_ascii_uppercase();
    upper
        .parse()
        .map_err(|error: <Place as std::str::FromStr>::Err| error.to_string())
}

pub fn run(args: &Args) -> Result<(), Failure> {
    match &args.what {
        What::Rates(args) => rates(args),
        What::CheckNumber(args) => check_number(args),
        What::Return(args) => owed::returns(args),
        What::Reassess(args) => owed::reassess(args),
    }
}

/// One rate, as it is shown.
#[derive(Serialize)]
struct Line {
    place: String,
    name: String,
    tax: String,
    category: Category,
    /// taxed, zero_rated, exempt, out_of_scope or shown_only.
    treatment: &'static str,
    /// `25.5`; none where nothing is charged.
    percent: Option<String>,
    /// Whether it is the country's standard rate, for want of one of the category's own.
    standard: bool,
    from: String,
    act: String,
    link: String,
    certainty: String,
    checked: String,
}

fn rates(args: &Rates) -> Result<(), Failure> {
    let rules = tax::rates::built_in().map_err(|error| Failure::said(error.to_string()))?;
    let date = args.date.unwrap_or_else(today);
    let lines = lines(&rules, args, date);
    if lines.is_empty() {
        let place = args
            .country
            .map_or("any country".to_owned(), |p| p.to_string());
        return Err(Failure::said(format!(
            "no rate of {place} is known for {date}; rates start in 2016: see `farthing tax rates`"
        )));
    }
    if args.json {
        return print_json(&lines);
    }
    outln!(
        "{:<6} {:<14} {:>9}  {:<10} {:<11} Act",
        "Place",
        "Category",
        "Rate",
        "Since",
        "Certainty"
    );
    for line in &lines {
        let rate = match (&line.percent, line.treatment) {
            (Some(percent), "shown_only") => format!("({percent} %)"),
            (Some(percent), _) => format!("{percent} %"),
            (None, "zero_rated") => "0 %".to_owned(),
            (None, "out_of_scope") => "none".to_owned(),
            (None, other) => other.to_owned(),
        };
        outln!(
            "{:<6} {:<14} {rate:>9}  {:<10} {:<11} {}",
            line.place,
            line.category,
            line.from,
            line.certainty,
            line.act
        );
    }
    Ok(())
}

/// The rates asked for. Without a category: each that a place has a rate of its own for.
fn lines(rules: &Rules, args: &Rates, date: Date) -> Vec<Line> {
    let table = Table::compile(rules, date);
    let mut places: Vec<Place> = table.rows().iter().map(|row| row.place).collect();
    places.sort_unstable();
    if let Some(asked) = args.country {
        let territory = Place {
            country: asked.country.territory(),
            ..asked
        };
        let of_country = |place: &Place| place.country == territory.country;
        places.retain(|place| match territory.is_region() {
            true => *place == territory,
            false => of_country(place),
        });
    }
    let mut lines = Vec::new();
    for place in places {
        for category in Category::ALL {
            let Some(id) = rules.rate_on(place, category, date) else {
                continue;
            };
            let found = rules
                .rate(id)
                .and_then(|rate| Some((rate, rules.source(rate.source)?)));
            let Some((rate, source)) = found else {
                continue;
            };
            let wanted = match args.category {
                Some(asked) => asked == category,
                None => rate.category == category,
            };
            if wanted {
                lines.push(line(rules, place, category, rate, source));
            }
        }
    }
    lines
}

fn line(rules: &Rules, place: Place, category: Category, rate: &Rate, source: &Source) -> Line {
    let country = rules.country(place.country);
    let (treatment, ppm) = match rate.charge {
        Charge::Taxed(ppm) => ("taxed", Some(ppm)),
        Charge::Zero => ("zero_rated", None),
        Charge::Exempt => ("exempt", None),
        Charge::OutOfScope => ("out_of_scope", None),
        Charge::Shown(ppm) => ("shown_only", Some(ppm)),
    };
    Line {
        place: place.to_string(),
        name: country.map(|c| c.name.clone()).unwrap_or_default(),
        tax: country.map(|c| c.tax.clone()).unwrap_or_default(),
        category,
        treatment,
        percent: ppm.map(|ppm| percent(ppm.get())),
        standard: rate.category != category,
        from: rate.from.to_string(),
        act: source.act.clone(),
        link: source.link.clone(),
        certainty: source.certainty.to_string(),
        checked: source.checked.to_string(),
    }
}

/// Parts per million as a percentage, without a float.
fn percent(ppm: u32) -> String {
    let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn today() -> Date {
    let now = jiff::Timestamp::now().as_second().div_euclid(86_400);
    // A day of this millennium fits.
    Date(i32::try_from(now).unwrap_or(0))
}

#[derive(Serialize)]
struct Checked {
    valid: bool,
    country: Option<Country>,
    number: Option<String>,
    code: Option<&'static str>,
    reason: Option<String>,
}

fn check_number(args: &CheckNumber) -> Result<(), Failure> {
    let found = match args.country {
        Some(country) => number::check(country, &args.number),
        None => number::check_prefixed(&args.number),
    };
    if args.json {
        let error = found.as_ref().err();
        let right = found.as_ref().ok();
        print_json(&Checked {
            valid: right.is_some(),
            country: right.map(|number| number.country()),
            number: right.map(|number| number.to_string()),
            code: error.map(|error| error.code()),
            reason: error.map(|error| error.to_string()),
        })?;
    }
    match found {
        Ok(number) if !args.json => {
            outln!(
                "{number}  {}  format and check digit are right",
                number.country()
            );
            Ok(())
        }
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::NotRight(format!("\"{}\": {error}", args.number))),
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::said(format!("could not be written: {error}")))?;
    outln!("{text}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(country: &str, date: &str, category: Option<&str>) -> Vec<String> {
        let args = Rates {
            country: Some(country.parse().unwrap()),
            date: None,
            category: category.map(|c| c.parse().unwrap()),
            json: false,
        };
        let rules = tax::rates::built_in().unwrap();
        let lines = lines(&rules, &args, date.parse().unwrap());
        let shown = lines.iter().map(|line| {
            let percent = line.percent.as_deref().unwrap_or("-");
            format!(
                "{} {} {} {percent}",
                line.place, line.category, line.treatment
            )
        });
        shown.collect()
    }

    #[test]
    fn rates_are_shown_by_place_day_and_category() {
        for (country, date, category, expected) in [
            ("DE", "2020-07-15", Some("e_book"), "DE e_book taxed 5"),
            ("EL", "2026-11-23", Some("e_book"), "GR e_book taxed 24"),
            (
                "CA-QC",
                "2026-11-23",
                Some("standard"),
                "CA-QC standard taxed 14.975",
            ),
            ("BR", "2026-11-23", None, "BR standard shown_only 1"),
            ("US", "2026-11-23", None, "US standard out_of_scope -"),
        ] {
            assert_eq!(shown(country, date, category), [expected]);
        }
        assert_eq!(shown("CA", "2026-11-23", None).len(), 14);
        assert!(shown("AQ", "2026-11-23", None).is_empty());
    }

    #[test]
    fn percentages_are_exact() {
        for (ppm, expected) in [
            (190_000, "19"),
            (255_000, "25.5"),
            (149_750, "14.975"),
            (1, "0.0001"),
        ] {
            assert_eq!(percent(ppm), expected);
        }
    }
}
