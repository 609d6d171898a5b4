//! `farthing packs check`: what is wrong in packs, alone and together.

use super::{names, print, print_json, text, today};
use crate::failure::Failure;
use policy::{Date, Level, Pack, Settings};
use serde::Serialize;

/// Something `check` found.
#[derive(Serialize)]
struct Found {
    file: String,
    line: usize,
    level: Level,
    rule: String,
    words: String,
}

pub(super) fn check(packs: &[String], json: bool) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut read = Vec::new();
    for name in names(packs) {
        let (file, text) = text(&name)?;
        match Pack::parse(&file, &text) {
            Ok(pack) => {
                found.extend(alone(&file, &pack));
                read.push(pack);
            }
            Err(error) => found.push(Found {
                line: match &error {
                    policy::PolicyError::Malformed { line, .. } => *line,
                    _ => 1,
                },
                file,
                level: Level::Error,
                rule: String::new(),
                words: match error {
                    policy::PolicyError::Malformed { key, words, .. } => {
                        format!("`{key}`: {words}")
                    }
                    other => other.to_string(),
                },
            }),
        }
    }
    if let Err(error) = policy::compile(&read, &neutral(), None) {
        found.push(Found {
            file: "together".into(),
            line: 0,
            level: Level::Error,
            rule: String::new(),
            words: error.to_string(),
        });
    }
    let errors = found.iter().filter(|f| f.level == Level::Error).count();
    if json {
        print_json(&found)?;
    } else {
        let mut text = String::new();
        for f in &found {
            let level = match f.level {
                Level::Error => "error",
                Level::Warning => "warning",
            };
            let rule = if f.rule.is_empty() {
                String::new()
            } else {
                format!("{}: ", f.rule)
            };
            text += &format!("{level:<8}{}:{}: {rule}{}\n", f.file, f.line, f.words);
        }
        let rules: usize = read.iter().map(|p| p.rules.len()).sum();
        let warnings = found.len() - errors;
        text += &format!(
            "{}, {}: {}, {}\n",
            so_many(read.len(), "pack"),
            so_many(rules, "rule"),
            so_many(errors, "error"),
            so_many(warnings, "warning"),
        );
        print(&text)?;
    }
    if errors > 0 {
        let errors = so_many(errors, "error");
        return Err(Failure::NotRight(format!("{errors} in packs")));
    }
    Ok(())
}

fn so_many(n: usize, thing: &str) -> String {
    match n {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// What is found in a pack by itself: contradictions, zones that no zone database knows, rules that
/// nobody has looked at for too long.
fn alone(file: &str, pack: &Pack) -> Vec<Found> {
    let mut found: Vec<Found> = policy::review(pack)
        .into_iter()
        .map(|finding| Found {
            file: file.to_owned(),
            line: finding.line,
            level: finding.level,
            rule: finding.rule,
            words: finding.words,
        })
        .collect();
    for territory in &pack.territories {
        if jiff::tz::TimeZone::get(&territory.zone).is_err() {
            found.push(Found {
                file: file.to_owned(),
                line: 1,
                level: Level::Error,
                rule: String::new(),
                words: format!(
                    "{}: \"{}\" is no time zone; give a name such as Europe/Paris",
                    territory.country, territory.zone
                ),
            });
        }
    }
    for rule in pack.overdue(today()) {
        found.push(Found {
            file: file.to_owned(),
            line: rule.line,
            level: Level::Warning,
            rule: rule.id.clone(),
            words: format!(
                "last checked on {}, due on {}",
                rule.checked,
                rule.review_due()
            ),
        });
    }
    found
}

/// An operator that every rule is compiled for.
fn neutral() -> Settings {
    Settings {
        country: policy::Country::UNKNOWN,
        status: policy::Set::all(),
        assets: Vec::new(),
        segments: Vec::new(),
        counters: Vec::new(),
        numbers: Vec::new(),
        first_day: Date(0),
    }
}
