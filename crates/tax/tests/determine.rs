//! Whole decisions, a row each, with the rates that come with Farthing.
#![allow(clippy::unwrap_used)]

#[path = "determine/others.rs"]
mod others;

use money::{AssetCode, Ppm, Rounding};
use std::path::{Path, PathBuf};
use tax::evidence::{Evidence, Item};
use tax::rates::built_in;
use tax::rules::{Counter, Once, Scope};
use tax::supply::*;
use tax::{Category, Country, Current, Date, Outcome, Place, Reason, Treatment, determine};

const EUR: u64 = 1_000_000_000;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

fn current() -> Current {
    Current::new(built_in().unwrap(), day("2026-11-23"))
}

/// What was sold before, and what this costs: one number for every asset.
#[derive(Clone, Copy, Default)]
struct Sold {
    cross_border: u64,
    year_before: u64,
    worldwide: u64,
    in_country: u64,
    platforms: u64,
    price: Option<u64>,
}

impl Turnover for Sold {
    fn so_far(&self, whose: Role, counter: Counter, window: Window) -> u128 {
        let before = matches!(window, Window::Year(year) if year < 2026);
        let units = match counter.scope {
            _ if whose == Role::Platform => self.platforms,
            Scope::CrossBorder if before => self.year_before,
            _ if before => 0,
            Scope::CrossBorder => self.cross_border,
            Scope::Worldwide => self.worldwide,
            Scope::Country => self.in_country,
        };
        u128::from(units)
    }

    fn price_in(&self, _: AssetCode) -> Option<u64> {
        self.price
    }
}

fn sold() -> Sold {
    let price = Some(EUR / 50);
    Sold {
        price,
        ..Sold::default()
    }
}

fn at(code: &str) -> Evidence {
    let place: Place = code.parse().unwrap();
    let mut evidence = Evidence::default()
        .with(Item::BillingAddress, place.country)
        .with(Item::Ip, place.country);
    evidence.region = place.region;
    evidence
}

fn registered(mut supplier: Supplier, scheme: Scheme, at: &str) -> Supplier {
    supplier.registrations.push(Registration {
        scheme,
        country: country(at),
        from: Date::MIN,
        until: Date::MAX,
    });
    supplier
}

fn said(outcome: &Outcome) -> String {
    let place = outcome.place.map_or("-".to_owned(), |p| p.to_string());
    let percent = f64::from(outcome.rate.get()) / 10_000.0;
    let scheme = match outcome.registration {
        Some((scheme, at)) => format!("{scheme:?} {at}"),
        None => "-".to_owned(),
    };
    format!("{} {place} {percent} {scheme}", outcome.treatment.as_str())
}

/// A Dutch streaming service under the one-stop shop: every member state, by day.
#[test]
fn a_streaming_service_owes_each_states_rate_of_the_day() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let data = std::env::var_os("FARTHING_SHARED_DATA").map_or(beside, PathBuf::from);
    let path = data.join("vat/eu_standard_vat_by_date.csv");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: {} is not there", path.display());
        return;
    };
    let current = current();
    let seller = registered(Supplier::of(country("NL")), Scheme::OssUnion, "NL");
    let mut states = 0;
    for date in [day("2020-07-15"), day("2026-11-23")] {
        let mut expected = std::collections::BTreeMap::new();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            if day(fields[1]) <= date {
                let (whole, part) = fields[2].split_once('.').unwrap_or((fields[2], ""));
                let ppm: u32 = format!("{whole}{part:0<4}").parse().unwrap();
                expected.insert(country(fields[0]), ppm);
            }
        }
        for (state, ppm) in expected {
            let supply = Supply::to_consumer(Category::Standard, &seller, at(&state.to_string()));
            let outcome = determine(&current, &supply, date, &sold());
            assert_eq!(outcome.treatment, Treatment::Taxed, "{state} {date}");
            assert_eq!(outcome.place, Some(Place::country(state)));
            assert_eq!(outcome.rate.get(), ppm, "{state} {date}");
            assert!(!outcome.reasons.has(Reason::NotRegistered), "{state}");
            let rate = current.rules.rate(outcome.rate_id.unwrap()).unwrap();
            assert!(!current.rules.source(rate.source).unwrap().act.is_empty());
            states += 1;
        }
    }
    assert_eq!(states, 54);
}

#[test]
fn a_consumer_is_charged_by_place_category_and_day() {
    let current = current();
    use Category::*;
    for (seller, buyer, category, date, expected) in [
        // Standard.
        (
            "NL+oss",
            "DE",
            Standard,
            "2020-06-30",
            "taxed DE 19 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            Standard,
            "2020-07-15",
            "taxed DE 16 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            Standard,
            "2020-12-31",
            "taxed DE 16 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            Standard,
            "2021-01-01",
            "taxed DE 19 OssUnion NL",
        ),
        (
            "NL+oss",
            "NL",
            Standard,
            "2026-11-23",
            "taxed NL 21 National NL",
        ),
        (
            "NL+oss",
            "FI",
            Standard,
            "2026-11-23",
            "taxed FI 25.5 OssUnion NL",
        ),
        (
            "NL+oss",
            "MC",
            Standard,
            "2026-11-23",
            "taxed FR 20 OssUnion NL",
        ),
        // E-books, and newspapers.
        (
            "NL+oss",
            "DE",
            EBook,
            "2019-12-17",
            "taxed DE 19 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            EBook,
            "2019-12-18",
            "taxed DE 7 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            EBook,
            "2020-07-15",
            "taxed DE 5 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            EBook,
            "2021-01-15",
            "taxed DE 7 OssUnion NL",
        ),
        (
            "NL+oss",
            "FR",
            EBook,
            "2026-11-23",
            "taxed FR 5.5 OssUnion NL",
        ),
        (
            "NL+oss",
            "FR",
            EPublication,
            "2026-11-23",
            "taxed FR 2.1 OssUnion NL",
        ),
        (
            "NL+oss",
            "AT",
            EBook,
            "2026-11-23",
            "taxed AT 10 OssUnion NL",
        ),
        (
            "NL+oss",
            "CZ",
            EBook,
            "2026-11-23",
            "zero_rated CZ 0 OssUnion NL",
        ),
        (
            "NL+oss",
            "DK",
            EPublication,
            "2026-11-23",
            "zero_rated DK 0 OssUnion NL",
        ),
        (
            "NL+oss",
            "DK",
            EBook,
            "2020-07-15",
            "taxed DK 25 OssUnion NL",
        ),
        (
            "NL+oss",
            "SE",
            EBook,
            "2026-11-23",
            "taxed SE 6 OssUnion NL",
        ),
        // Broadcasts and telecommunications.
        (
            "NL+oss",
            "FR",
            Broadcast,
            "2026-11-23",
            "taxed FR 10 OssUnion NL",
        ),
        (
            "NL+oss",
            "DE",
            Telecom,
            "2026-11-23",
            "taxed DE 19 OssUnion NL",
        ),
        // Exempt, zero-rated and out of scope are different things.
        (
            "NL+oss",
            "DE",
            Gambling,
            "2026-11-23",
            "exempt DE 0 OssUnion NL",
        ),
        ("NL+oss", "DE", Charity, "2026-11-23", "out_of_scope - 0 -"),
        (
            "NL+oss",
            "DE",
            Financial,
            "2026-11-23",
            "exempt NL 0 National NL",
        ),
        ("GB", "GB", EBook, "2020-04-30", "taxed GB 20 National GB"),
        (
            "GB",
            "GB",
            EBook,
            "2020-05-01",
            "zero_rated GB 0 National GB",
        ),
        // From outside the Union: the non-Union scheme, from the first sale.
        (
            "US+nonunion",
            "DE",
            Standard,
            "2026-11-23",
            "taxed DE 19 OssNonUnion IE",
        ),
        ("US", "DE", Standard, "2026-11-23", "taxed DE 19 -"),
        (
            "GB+oss",
            "DE",
            Standard,
            "2020-07-15",
            "taxed DE 16 OssUnion GB",
        ),
        (
            "NL+oss",
            "GB",
            Standard,
            "2020-07-15",
            "taxed GB 20 OssUnion NL",
        ),
        // Elsewhere, by registration.
        (
            "NL+CH",
            "CH",
            Standard,
            "2026-11-23",
            "taxed CH 8.1 National CH",
        ),
        (
            "NL+CH",
            "CH",
            EBook,
            "2026-11-23",
            "taxed CH 2.6 National CH",
        ),
        ("NL", "CH", Standard, "2026-11-23", "out_of_scope CH 0 -"),
        (
            "NL+KR",
            "KR",
            Standard,
            "2026-11-23",
            "taxed KR 10 National KR",
        ),
        ("NL", "KR", Standard, "2026-11-23", "taxed KR 10 -"),
        (
            "NL+JP",
            "JP",
            Standard,
            "2026-11-23",
            "taxed JP 10 National JP",
        ),
        (
            "NL+JP",
            "JP",
            Standard,
            "2019-09-30",
            "taxed JP 8 National JP",
        ),
        (
            "NL+GB",
            "GB",
            Standard,
            "2026-11-23",
            "taxed GB 20 National GB",
        ),
        ("NL", "GB", Standard, "2026-11-23", "taxed GB 20 -"),
        (
            "NL+NO",
            "NO",
            EBook,
            "2026-11-23",
            "zero_rated NO 0 National NO",
        ),
        ("NL", "AU", Standard, "2026-11-23", "out_of_scope AU 0 -"),
        (
            "NL+AU",
            "AU",
            Standard,
            "2026-11-23",
            "taxed AU 10 National AU",
        ),
        ("NL", "AU", Standard, "2017-06-30", "out_of_scope AU 0 -"),
        (
            "NL+IN",
            "IN",
            Standard,
            "2026-11-23",
            "taxed IN 18 National IN",
        ),
        (
            "CA",
            "CA-QC",
            Standard,
            "2026-11-23",
            "taxed CA-QC 14.975 National CA",
        ),
        (
            "CA",
            "CA-NS",
            Standard,
            "2025-03-31",
            "taxed CA-NS 15 National CA",
        ),
        (
            "CA",
            "CA-NS",
            Standard,
            "2025-04-01",
            "taxed CA-NS 14 National CA",
        ),
        ("CA", "CA", Standard, "2026-11-23", "taxed CA 5 National CA"),
        ("NL", "US", Standard, "2026-11-23", "out_of_scope US 0 -"),
        ("US", "US", Standard, "2026-11-23", "out_of_scope US 0 -"),
        ("BR", "BR", Standard, "2026-11-23", "shown_only BR 0 -"),
        ("NL", "AQ", Standard, "2026-11-23", "out_of_scope AQ 0 -"),
    ] {
        let (home, extra) = seller.split_once('+').unwrap_or((seller, ""));
        let mut supplier = Supplier::of(country(home));
        supplier = match extra {
            "" => supplier,
            "oss" => registered(supplier, Scheme::OssUnion, home),
            "nonunion" => registered(supplier, Scheme::OssNonUnion, "IE"),
            there => registered(supplier, Scheme::National, there),
        };
        let supply = Supply::to_consumer(category, &supplier, at(buyer));
        let outcome = determine(&current, &supply, day(date), &sold());
        assert_eq!(
            said(&outcome),
            expected,
            "{seller} {buyer} {category} {date}"
        );
        let should = outcome.treatment == Treatment::Taxed && outcome.registration.is_none();
        assert_eq!(
            outcome.reasons.has(Reason::NotRegistered),
            should,
            "{seller} {buyer}"
        );
    }
}

#[test]
fn a_business_accounts_for_the_tax_itself() {
    let mut current = current();
    let seller = registered(Supplier::of(country("NL")), Scheme::OssUnion, "NL");
    use Checked::*;
    for (number, checked, format_is_enough, lives, expected, reason) in [
        (
            "DE",
            Confirmed,
            false,
            "DE",
            "reverse_charge DE 0 -",
            Reason::ReverseCharge,
        ),
        (
            "DE",
            Format,
            true,
            "DE",
            "reverse_charge DE 0 -",
            Reason::NumberNotConfirmed,
        ),
        (
            "DE",
            Format,
            false,
            "DE",
            "taxed DE 19 OssUnion NL",
            Reason::NumberNotConfirmed,
        ),
        (
            "NL",
            Confirmed,
            false,
            "NL",
            "taxed NL 21 National NL",
            Reason::Domestic,
        ),
        (
            "DE",
            Confirmed,
            false,
            "FR",
            "reverse_charge DE 0 -",
            Reason::NumberAndEvidenceDiffer,
        ),
        (
            "GB",
            Confirmed,
            false,
            "GB",
            "reverse_charge GB 0 -",
            Reason::OutsideUnion,
        ),
        (
            "JP",
            Confirmed,
            false,
            "JP",
            "reverse_charge JP 0 -",
            Reason::ReverseCharge,
        ),
        (
            "MY",
            Confirmed,
            false,
            "MY",
            "out_of_scope MY 0 -",
            Reason::BelowForeign,
        ),
        (
            "US",
            Confirmed,
            false,
            "US",
            "out_of_scope US 0 -",
            Reason::NothingFromAbroad,
        ),
        (
            "AQ",
            Confirmed,
            false,
            "AQ",
            "out_of_scope AQ 0 -",
            Reason::NoRates,
        ),
    ] {
        current.format_is_enough = format_is_enough;
        let mut supply = Supply::to_consumer(Category::Standard, &seller, at(lives));
        let country = country(number);
        supply.buyer = Buyer::Business { country, checked };
        let outcome = determine(&current, &supply, day("2026-11-23"), &sold());
        assert_eq!(said(&outcome), expected, "{number} {checked:?}");
        assert!(
            outcome.reasons.has(reason),
            "{number}: {:?}",
            outcome.reasons
        );
    }
}

#[test]
fn the_day_the_cross_border_threshold_is_crossed() {
    let current = current();
    let small = Supplier::of(country("IE"));
    let limit = 10_000 * EUR;
    for (cross_border, year_before, price, expected, reason) in [
        (
            0,
            0,
            Some(EUR),
            "taxed IE 23 National IE",
            Reason::BelowCrossBorder,
        ),
        // Without its Irish tax the price reaches the threshold exactly, and does not pass it.
        (
            limit - 100 * EUR,
            0,
            Some(123 * EUR),
            "taxed IE 23 National IE",
            Reason::BelowCrossBorder,
        ),
        (
            limit - 100 * EUR,
            0,
            Some(123 * EUR + 2),
            "taxed DE 19 -",
            Reason::CrossedNow,
        ),
        (
            limit + 1,
            0,
            Some(EUR),
            "taxed DE 19 -",
            Reason::AboveCrossBorder,
        ),
        (
            0,
            limit,
            Some(EUR),
            "taxed IE 23 National IE",
            Reason::BelowCrossBorder,
        ),
        (
            0,
            limit + 1,
            Some(EUR),
            "taxed DE 19 -",
            Reason::AboveCrossBorder,
        ),
        (0, 0, None, "taxed DE 19 -", Reason::NoReferenceRate),
    ] {
        let turnover = Sold {
            cross_border,
            year_before,
            price,
            ..Sold::default()
        };
        let supply = Supply::to_consumer(Category::Standard, &small, at("DE"));
        let outcome = determine(&current, &supply, day("2026-11-23"), &turnover);
        assert_eq!(said(&outcome), expected, "{cross_border} {year_before}");
        assert!(outcome.reasons.has(reason), "{:?}", outcome.reasons);
        let counters: Vec<_> = current
            .rules
            .counters(outcome.counts)
            .map(|(c, _)| c)
            .collect();
        let cross_border = Counter {
            country: Country::EU,
            scope: Scope::CrossBorder,
        };
        assert!(counters.contains(&cross_border), "{counters:?}");
    }
    // Before 2019 there was no threshold; established in two states there is none.
    let supply = Supply::to_consumer(Category::Standard, &small, at("DE"));
    let outcome = determine(&current, &supply, day("2018-12-31"), &sold());
    assert_eq!(said(&outcome), "taxed DE 19 -");
    let two = Supplier {
        elsewhere_in_union: true,
        ..small.clone()
    };
    let supply = Supply::to_consumer(Category::Standard, &two, at("DE"));
    let outcome = determine(&current, &supply, day("2026-11-23"), &sold());
    assert_eq!(said(&outcome), "taxed DE 19 -");
}

#[test]
fn singapore_asks_when_both_thresholds_are_passed() {
    let current = current();
    let seller = Supplier::of(country("NL"));
    for (worldwide, in_country, expected) in [
        (0, 0, "out_of_scope SG 0 -"),
        (2_000_000, 0, "out_of_scope SG 0 -"),
        (0, 200_000, "out_of_scope SG 0 -"),
        (2_000_000, 200_000, "taxed SG 9 -"),
        (1_000_000, 100_000, "taxed SG 9 -"), // This supply passes both.
    ] {
        let turnover = Sold {
            worldwide: worldwide * EUR,
            in_country: in_country * EUR,
            ..sold()
        };
        let supply = Supply::to_consumer(Category::Standard, &seller, at("SG"));
        let outcome = determine(&current, &supply, day("2026-11-23"), &turnover);
        assert_eq!(said(&outcome), expected, "{worldwide} {in_country}");
    }
}

#[test]
fn conflicting_evidence_is_flagged_and_kept() {
    let current = current();
    let seller = registered(Supplier::of(country("NL")), Scheme::OssUnion, "NL");
    let (de, fr) = (country("DE"), country("FR"));
    let evidence = Evidence::default()
        .with(Item::BillingAddress, de)
        .with(Item::Bank, de)
        .with(Item::Ip, fr);
    let supply = Supply::to_consumer(Category::Standard, &seller, evidence);
    let outcome = determine(&current, &supply, day("2026-11-23"), &sold());
    assert_eq!(said(&outcome), "taxed DE 19 OssUnion NL");
    assert!(outcome.reasons.has(Reason::EvidenceConflicts) && outcome.reasons.needs_review());
    assert_eq!(outcome.conflict.iter().collect::<Vec<_>>(), [Item::Ip]);

    // One item of a third party is enough below EUR 100,000 only.
    let sim = Evidence::default().with(Item::Sim, de);
    let supply = Supply::to_consumer(Category::Standard, &seller, sim);
    let below = determine(&current, &supply, day("2026-11-23"), &sold());
    assert!(below.reasons.has(Reason::OneThirdParty));
    let much = Sold {
        cross_border: 100_001 * EUR,
        ..sold()
    };
    let above = determine(&current, &supply, day("2026-11-23"), &much);
    assert!(above.reasons.has(Reason::NotProven) && above.reasons.needs_review());

    let supply = Supply::to_consumer(Category::Standard, &seller, Evidence::default());
    let outcome = determine(&current, &supply, day("2026-11-23"), &sold());
    assert_eq!(said(&outcome), "taxed NL 21 National NL");
    assert!(outcome.reasons.has(Reason::NoEvidence));
}
