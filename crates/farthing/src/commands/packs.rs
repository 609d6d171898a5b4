//! `farthing packs`: the law as data. Read, checked, shown and compared, it works on files, and no
//! node is needed; proposed, approved and activated, it speaks to a running node.

mod check;
mod law;

pub(crate) use law::Api;

use crate::failure::Failure;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use policy::words::{authority_text, rule_text, scope_text};
use policy::{BUILTIN, Certainty, Change, Date, Dimension, Lang, Pack, PartyKind, Rule, Tier};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// What stands below the options.
const HELP: &str = "\
Examples:
  farthing packs list
  farthing packs show kr --lang ko --on 2026-11-23
  farthing packs show ng --tier phone
  farthing packs check packs/kr.toml
  farthing packs diff kr my-kr.toml --json
  farthing packs propose my-kr.toml zz --settings operator.json --key $FIRST
  farthing packs approve law_0190… --at 2027-01-01T00:00:00+09:00 --key $SECOND
  farthing packs status --key $FIRST

A pack is named by its file, or by its id (kr) if it comes with the program. What a pack says is
no legal advice: each rule names its act and article and how its number was found.

A law takes two people: one's key has the scope `laws:propose`, the other's `laws:approve`, and
neither was made with the other. It takes effect by itself at the time it was approved for.

Exit codes: 0 done; 1 a file cannot be read or understood; 2 the command line is wrong;
  3 `check` or `propose` found something that is not right.";

/// Check, show, compare and put into force packs: the rules of a jurisdiction with their sources
///
/// A pack is one TOML file with a country's limits, authentication and identification duties, what
/// may be done with which source of funds, redemption and duties to report, each with its number,
/// dates, act and article. docs/packs.md says how to read and write one.
#[derive(Parser)]
#[command(after_long_help = HELP)]
pub struct Args {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    /// The language of the words
    #[arg(long, global = true, value_enum, default_value_t = Language::En)]
    lang: Language,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Find what is wrong in packs, alone and together; without names, in those of the program
    Check {
        /// Files or ids
        packs: Vec<String>,
    },
    /// List packs with what is in them; without names, those of the program
    List {
        /// Files or ids
        packs: Vec<String>,
    },
    /// Show the rules of a pack
    Show(Show),
    /// Say what changes from one edition to another
    Diff {
        /// The earlier: a file or an id
        old: String,
        /// The later: a file or an id
        new: String,
    },
    /// Propose packs and settings to a running node: the first of two keys
    Propose(law::Propose),
    /// Approve a proposed law, to take effect at a time: the second key, of another person
    Approve(law::Approve),
    /// Approve a proposed law to take effect at once, and wait until it is in force
    Activate(law::One),
    /// Reject a law that is not yet in force
    Reject(law::One),
    /// Say which law is in force in a running node, and what waits
    Status {
        #[command(flatten)]
        api: Api,
    },
}

#[derive(ClapArgs)]
struct Show {
    /// A file or an id
    pack: String,
    /// Only rules in force on this day
    #[arg(long, value_name = "DAY")]
    on: Option<Date>,
    /// Only what holds for a person of this tier, and what it gains by the next
    #[arg(long, value_parser = tier)]
    tier: Option<Tier>,
    /// Only rules whose id begins so
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    En,
    Ko,
}

fn tier(word: &str) -> Result<Tier, String> {
    Tier::of_word(word).ok_or_else(|| format!("a tier is {}", Tier::WORDS.join(", ")))
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let lang = match args.lang {
        Language::En => Lang::En,
        Language::Ko => Lang::Ko,
    };
    match &args.what {
        What::Check { packs } => check::check(packs, args.json),
        What::List { packs } => list(packs, lang, args.json),
        What::Show(show) => show.run(lang, args.json),
        What::Diff { old, new } => diff(old, new, lang, args.json),
        What::Propose(propose) => propose.run(lang, args.json),
        What::Approve(approve) => approve.run(lang, args.json),
        What::Activate(one) => one.activate(lang, args.json),
        What::Reject(one) => one.reject(lang, args.json),
        What::Status { api } => law::status(api, lang, args.json),
    }
}

/// A file's text, or that of a pack of the program.
fn text(name: &str) -> Result<(String, String), Failure> {
    if let Some(builtin) = BUILTIN.iter().find(|b| b.id == name) {
        return Ok((builtin.file.to_owned(), builtin.text.to_owned()));
    }
    let path = Path::new(name);
    if !path.exists() && !name.contains(['.', '/']) {
        let known: Vec<&str> = BUILTIN.iter().map(|b| b.id).collect();
        let known = known.join(", ");
        return Err(Failure::said(format!(
            "\"{name}\" is neither a file nor a pack of the program: {known}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    Ok((name.to_owned(), text))
}

fn read(name: &str) -> Result<Pack, Failure> {
    let (file, text) = text(name)?;
    Pack::parse(&file, &text).map_err(|error| Failure::said(error.to_string()))
}

/// The named packs, or those of the program.
fn names(packs: &[String]) -> Vec<String> {
    if packs.is_empty() {
        BUILTIN.iter().map(|b| b.id.to_owned()).collect()
    } else {
        packs.to_vec()
    }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Who reads only the head of a list has what was wanted.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::said(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::said(format!("could not be written: {error}")))?;
    print(&(text + "\n"))
}

fn today() -> Date {
    let days = jiff::Timestamp::now().as_second().div_euclid(86_400);
    Date(u32::try_from(days).unwrap_or(0))
}

/// A pack in a list.
#[derive(Serialize)]
struct Listed {
    id: String,
    title: String,
    version: String,
    asset: String,
    countries: usize,
    rules: usize,
    official: usize,
    secondary: usize,
    unverified: usize,
    terms: usize,
    review_due: Option<Date>,
}

impl Listed {
    fn of(pack: &Pack, lang: Lang) -> Listed {
        let count = |certainty| {
            pack.rules
                .iter()
                .filter(|r| r.certainty == certainty)
                .count()
        };
        let is_terms = |r: &&Rule| matches!(r.authority, Some(policy::Authority::Terms { .. }));
        Listed {
            id: pack.id.clone(),
            title: pack.title.in_(lang).to_owned(),
            version: pack.version.clone(),
            asset: pack.asset.code.to_string(),
            countries: pack.territories.len(),
            rules: pack.rules.len(),
            official: count(Certainty::Official),
            secondary: count(Certainty::Secondary),
            unverified: count(Certainty::Unverified),
            terms: pack.rules.iter().filter(is_terms).count(),
            review_due: pack.rules.iter().map(Rule::review_due).min(),
        }
    }
}

fn list(packs: &[String], lang: Lang, json: bool) -> Result<(), Failure> {
    let mut listed = Vec::new();
    for name in names(packs) {
        listed.push(Listed::of(&read(&name)?, lang));
    }
    if json {
        return print_json(&listed);
    }
    let mut text = format!(
        "{:<4}{:<12}{:<6}{:>10}{:>7}{:>10}{:>11}{:>12}{:>7}  {}\n",
        "id",
        "version",
        "asset",
        "countries",
        "rules",
        "official",
        "secondary",
        "unverified",
        "terms",
        "title"
    );
    for p in &listed {
        text += &format!(
            "{:<4}{:<12}{:<6}{:>10}{:>7}{:>10}{:>11}{:>12}{:>7}  {}\n",
            p.id,
            p.version,
            p.asset,
            p.countries,
            p.rules,
            p.official,
            p.secondary,
            p.unverified,
            p.terms,
            p.title
        );
    }
    print(&text)
}

/// A rule as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    says: String,
    applies_to: String,
    source_text: String,
    #[serde(flatten)]
    rule: &'a Rule,
}

impl Show {
    fn run(&self, lang: Lang, json: bool) -> Result<(), Failure> {
        let pack = read(&self.pack)?;
        let day = self.on.or(self.tier.map(|_| today()));
        let kind = match self.tier {
            Some(Tier::Business) => PartyKind::Business,
            _ => PartyKind::Person,
        };
        let rules: Vec<&Rule> = pack
            .rules
            .iter()
            .filter(|rule| day.is_none_or(|day| rule.is_in_force(day)))
            .filter(|rule| self.rule.as_ref().is_none_or(|id| rule.id.starts_with(id)))
            .filter(|rule| {
                self.tier.is_none_or(|tier| {
                    rule.applies.tier.has(tier)
                        && rule.applies.party.has(kind)
                        && !matches!(rule.kind, policy::Kind::Duty(_))
                })
            })
            .collect();
        if let (Some(id), true) = (&self.rule, rules.is_empty()) {
            let words = format!("no rule of {} begins with \"{id}\" there", self.pack);
            return Err(Failure::said(words));
        }
        let gains = match (self.tier, day) {
            (Some(tier), Some(day)) => pack.gains(tier, kind, day),
            _ => Vec::new(),
        };
        if json {
            let shown: Vec<Shown<'_>> = rules
                .iter()
                .map(|rule| Shown {
                    says: rule_text(rule, lang),
                    applies_to: scope_text(rule, lang),
                    source_text: authority_text(rule, lang),
                    rule,
                })
                .collect();
            return print_json(&serde_json::json!({
                "id": pack.id,
                "title": pack.title,
                "version": pack.version,
                "asset": pack.asset.code,
                "rest_of_world": pack.rest_of_world,
                "territories": pack.territories,
                "tiers": pack.tiers,
                "rules": shown,
                "gains": gains,
            }));
        }
        let mut text = format!("{}  {}  {}\n", pack.id, pack.version, pack.title.in_(lang));
        let places: Vec<&str> = pack
            .territories
            .iter()
            .map(|t| t.country.as_str())
            .collect();
        text += &format!("{}\n", places.join(" "));
        for rule in rules {
            text += &rule_lines(rule, lang);
        }
        for (at, gain) in gains.iter().enumerate() {
            if at == 0 {
                text += match lang {
                    Lang::En => "\nWhat verifying gains\n",
                    Lang::Ko => "\n본인 확인으로 얻는 것\n",
                };
            }
            let show = |m: &Option<policy::Measure>| match (m, lang) {
                (Some(m), _) => gain.text(m, lang),
                (None, Lang::En) => "none".to_owned(),
                (None, Lang::Ko) => "없음".to_owned(),
            };
            // A rule without numbers is lifted whole.
            let change = match gain.from {
                Some(_) => format!(": {} → {}", show(&gain.from), show(&gain.to)),
                None => String::new(),
            };
            let tier = gain.tier.title(lang);
            text += &format!("  {tier}: {}{change}\n", gain.title.in_(lang));
        }
        print(&text)
    }
}

/// A rule for people: what it says, for whom, since when, by what authority.
fn rule_lines(rule: &Rule, lang: Lang) -> String {
    let mut text = format!("\n{}  {}\n", rule.id, rule.title.in_(lang));
    text += &format!("    {}\n", rule_text(rule, lang));
    let scope = scope_text(rule, lang);
    if !scope.is_empty() {
        text += &format!("    [{scope}]\n");
    }
    let day = |date: Option<Date>| date.map(|d| d.to_string()).unwrap_or_default();
    if rule.from.is_some() || rule.until.is_some() {
        text += &format!("    {} … {}\n", day(rule.from), day(rule.until));
    }
    let source = authority_text(rule, lang);
    text += &format!("    {source} ({})\n", rule.certainty.title(lang));
    for (field, certainty) in &rule.certainty_of {
        text += &format!("    {field}: {}\n", certainty.title(lang));
    }
    if let Some(note) = &rule.note {
        text += &format!("    {}\n", note.in_(lang));
    }
    text
}

fn diff(old: &str, new: &str, lang: Lang, json: bool) -> Result<(), Failure> {
    let changes: Vec<Change> = policy::diff(&read(old)?, &read(new)?);
    if json {
        return print_json(&changes);
    }
    if changes.is_empty() {
        return print(match lang {
            Lang::En => "No rule changes.\n",
            Lang::Ko => "바뀌는 규칙이 없습니다.\n",
        });
    }
    let lines: Vec<String> = changes
        .iter()
        .map(|c| format!("{}\n", c.words.in_(lang)))
        .collect();
    print(&lines.concat())
}
