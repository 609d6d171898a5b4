//! The rates that come with Farthing, against the tables they were typed in from.
//!
//! The tables are read in place from `../shared/data/vat` and are not part of the project; where they
//! are absent, the tests say so and pass.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tax::rates::{COUNTRIES, UNION, built_in};
use tax::rules::{Certainty, Charge};
use tax::{Category, Country, Date, Place, Table};

fn shared(name: &str) -> Option<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("FARTHING_SHARED_DATA").map_or(beside, PathBuf::from);
    let path = data.join("vat").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    text
}

fn ppm(percent: &str) -> u32 {
    let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
    format!("{whole}{part:0<4}").parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[test]
fn every_number_has_a_source() {
    let rules = built_in().unwrap();
    assert!(rules.rates.len() > 200, "{}", rules.rates.len());
    for rate in &rules.rates {
        let source = rules.source(rate.source).unwrap();
        assert!(source.act.len() > 5, "{rate:?}");
        assert!(source.link.starts_with("http"), "{rate:?}: {source:?}");
        assert!(source.checked >= day("2026-11-23"), "{rate:?}");
    }
    let facts = rules.countries.iter().chain(&rules.union);
    for id in facts.flat_map(|c| {
        let rounding = c.rounding.map(|(_, source)| source);
        let abroad = c.abroad.map(|a| a.source);
        [rounding, abroad, c.platforms.map(|p| p.source)]
    }) {
        assert!(id.is_none_or(|id| rules.source(id).is_some()));
    }
    for threshold in rules.thresholds.iter().chain(&rules.single_item) {
        assert!(rules.source(threshold.source).is_some());
    }
    // What nobody looked up says so.
    assert!(
        rules
            .sources
            .iter()
            .any(|s| s.certainty == Certainty::Unverified)
    );
}

#[test]
fn every_file_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tax/rates");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().file_name());
    let names = files.map(|f| f.into_string().unwrap());
    let on_disk: BTreeSet<_> = names.filter(|f| f.ends_with(".toml")).collect();
    let known = COUNTRIES.iter().chain([&UNION]);
    let known: BTreeSet<_> = known
        .map(|(file, _)| file.replace("tax/rates/", ""))
        .collect();
    assert_eq!(on_disk, known);
}

#[test]
fn every_member_state_has_a_standard_rate_on_every_day() {
    let rules = built_in().unwrap();
    let members = rules.members.iter().filter(|m| m.until == Date::MAX);
    assert_eq!(members.clone().count(), 27);
    for member in members {
        let place = Place::country(member.country);
        for from in ["2016-01-01", "2020-07-15", "2026-11-23"] {
            let rate = rules.rate_on(place, Category::Standard, day(from)).unwrap();
            let charge = rules.rate(rate).unwrap().charge;
            assert!(matches!(charge, Charge::Taxed(_)), "{place} {from}");
        }
    }
}

/// Both ways: no rate and no day of theirs is missing, and none of ours is not theirs.
#[test]
fn standard_rates_of_the_union_agree_with_the_shared_table_by_date() {
    let Some(text) = shared("eu_standard_vat_by_date.csv") else {
        return;
    };
    let rules = built_in().unwrap();
    let mut theirs: BTreeMap<Country, BTreeMap<Date, u32>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let mut fields = line.split(',');
        let country: Country = fields.next().unwrap().parse().unwrap();
        let from = day(fields.next().unwrap());
        let rate = ppm(fields.next().unwrap());
        theirs.entry(country).or_default().insert(from, rate);
    }
    assert_eq!(theirs.len(), 27);
    let mut ours: BTreeMap<Country, BTreeMap<Date, u32>> = BTreeMap::new();
    for rate in &rules.rates {
        let country = rate.place.country;
        if rate.category == Category::Standard && theirs.contains_key(&country) {
            let ppm = rate.charge.rate().get();
            ours.entry(country).or_default().insert(rate.from, ppm);
        }
    }
    assert_eq!(ours, theirs);
}

/// Today's rates are rates that the country has: a reduced one that was typed in wrong is found here.
#[test]
fn todays_rates_are_among_those_of_the_shared_table() {
    let Some(text) = shared("eu_vat_rates_data.json") else {
        return;
    };
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rules = built_in().unwrap();
    let today = Table::compile(&rules, day("2026-11-23"));
    let mut compared = 0;
    for (code, theirs) in json["rates"].as_object().unwrap() {
        let Some(row) = code.parse().ok().and_then(|c: Country| today.country(c)) else {
            continue;
        };
        if ["XI", "MC", "IM"].contains(&code.as_str()) {
            continue;
        }
        let number = |value: &serde_json::Value| value.as_number().map(|n| ppm(n.as_str_plain()));
        let mut all: BTreeSet<u32> = BTreeSet::new();
        all.extend(number(&theirs["standard"]));
        all.extend(number(&theirs["super_reduced"]));
        all.extend(
            theirs["reduced"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(number),
        );
        for category in Category::ALL {
            let Some(Charge::Taxed(rate)) = row.cell(category).map(|c| c.charge) else {
                continue;
            };
            assert!(
                all.contains(&rate.get()),
                "{code} {category}: {rate:?} of {all:?}"
            );
            compared += 1;
        }
        let standard = row.cell(Category::Standard).unwrap().charge.rate().get();
        assert_eq!(Some(standard), number(&theirs["standard"]), "{code}");
    }
    assert!(compared > 200, "{compared}");
}

trait Plain {
    fn as_str_plain(&self) -> &str;
}

impl Plain for serde_json::Number {
    fn as_str_plain(&self) -> &str {
        // Kept for the whole test run: one short text a number.
        self.to_string().leak()
    }
}

#[test]
fn a_table_says_what_the_rules_say() {
    let rules = built_in().unwrap();
    for text in [
        "2016-01-01",
        "2020-07-15",
        "2021-01-01",
        "2023-12-31",
        "2026-11-23",
    ] {
        let date = day(text);
        let table = Table::compile(&rules, date);
        let (from, until) = table.days();
        assert!(table.holds_on(date) && !table.holds_on(until));
        assert!(!table.holds_on(Date(from.0 - 1)));
        for row in table.rows() {
            assert_eq!(table.row(row.place), Some(row));
            for category in Category::ALL {
                for date in [from, date, Date(until.0 - 1)] {
                    let rate = rules.rate_on(row.place, category, date);
                    assert_eq!(row.cell(category).map(|c| c.rate), rate);
                }
            }
        }
        let bytes = postcard::to_allocvec(&table).unwrap();
        assert_eq!(postcard::from_bytes::<Table>(&bytes).unwrap(), table);
    }
}

#[test]
fn rules_can_be_journaled() {
    let rules = built_in().unwrap();
    let bytes = postcard::to_allocvec(&rules).unwrap();
    assert!(bytes.len() < 64 * 1024, "{} bytes", bytes.len());
    let read: tax::Rules = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, rules);
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(serde_json::from_str::<tax::Rules>(&json).unwrap(), rules);
}
