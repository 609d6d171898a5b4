//! Tax at the command line: a site's traffic under the rules that come along, and its return.

#![allow(clippy::unwrap_used)]

#[path = "common/farthing.rs"]
mod farthing;
#[path = "common/http.rs"]
mod http;

use farthing::{fails, path, run_well, verify};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const PRICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/prices.toml");

/// Nine decimals as an integer.
fn atoms(text: &Value) -> i128 {
    let text = text.as_str().unwrap();
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    sign * format!("{whole}{part:0<9}").parse::<i128>().unwrap()
}

/// A sum in the report, of its one asset.
fn of(report: &Value) -> i128 {
    atoms(&report["USD"])
}

fn lines(found: &Value) -> Vec<&Value> {
    found["lines"].as_array().unwrap().iter().collect()
}

/// What holds of every replay with tax: the books balance, the return says what was paid and what the
/// accounts hold, and each tax is its rate of its net amount to within its payments' roundings.
fn adds_up(report: &Value) {
    let found = &report["tax_return"];
    assert_eq!(of(&report["trial_balance"]), 0);
    assert_eq!(found["agrees_with_ledger"], true);
    assert_eq!(found["besides"], Value::Array(Vec::new()));
    let sum = |field: &str, of: &dyn Fn(&Value) -> bool| -> i128 {
        let chosen = lines(found).into_iter().filter(|line| of(line));
        chosen.map(|line| atoms(&line[field])).sum()
    };
    let is_sale = |line: &Value| line["supply"] == "sale";
    let sold = sum("net", &is_sale) + sum("tax", &is_sale);
    assert_eq!(sold, of(&report["gross"]));
    assert_eq!(sum("tax", &|_| true), of(&report["tax"]));
    let events: u64 = lines(found)
        .iter()
        .filter(|line| is_sale(line))
        .map(|line| line["events"].as_u64().unwrap())
        .sum();
    assert_eq!(events, report["payments"]["accepted"]);
    for line in lines(found) {
        let percent = line["percent"].as_str().unwrap();
        let (whole, part) = percent.split_once('.').unwrap_or((percent, ""));
        let ppm: i128 = format!("{whole}{part:0<4}").parse().unwrap();
        let (net, tax) = (atoms(&line["net"]), atoms(&line["tax"]));
        let off = (tax * 1_000_000 - net * ppm).abs();
        let events = i128::from(line["events"].as_u64().unwrap());
        assert!(off <= events * 1_000_000, "{line}");
    }
}

#[test]
fn the_shared_log_bears_each_visitors_tax_and_its_return_agrees() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = beside.join("../../../shared/data/access_log");
    let folder = std::env::var_os("FARTHING_ACCESS_LOG_DIR").map_or(beside, PathBuf::from);
    let (log, visitors) = (folder.join("access.log.gz"), folder.join("visitors.csv"));
    if !log.is_file() {
        eprintln!("SKIPPED: no access.log.gz in {}", folder.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("ledger");
    let report: Value = serde_json::from_str(&run_well(&[
        "replay",
        "--json",
        "--log",
        path(&log),
        "--visitors",
        path(&visitors),
        "--prices",
        PRICES,
        "--start",
        "2026-01-01T00:00:00Z",
        "--tax",
        "IE",
        "--registered",
        "CH,JP",
        "--data",
        path(&data),
    ]))
    .unwrap();
    adds_up(&report);
    let found = &report["tax_return"];
    let sales = lines(found).into_iter().filter(|l| l["supply"] == "sale");
    let mut by_place: BTreeMap<&str, i128> = BTreeMap::new();
    for line in sales.clone() {
        let place = line["place"].as_str().unwrap();
        *by_place.entry(place).or_default() += atoms(&line["net"]) + atoms(&line["tax"]);
    }
    // Each country's visitors are taxed there; those of nowhere known where the site is.
    let by_country = report["by_country"].as_array().unwrap();
    let mut paid: BTreeMap<&str, i128> = BTreeMap::new();
    for row in by_country {
        let name = match row["name"].as_str().unwrap() {
            "unknown" => "IE",
            name => name,
        };
        *paid.entry(name).or_default() += of(&row["gross"]);
    }
    assert_eq!(by_place, paid);
    // The member states by the one-stop shop, of which this is a list by population.
    let union = "DE FR IT ES PL RO NL BE CZ SE PT GR HU AT BG DK FI SK HR LT SI LV EE CY LU MT";
    for line in sales {
        let place = line["place"].as_str().unwrap();
        let expected = match place {
            "IE" => Some("national:IE"),
            "CH" => Some("national:CH"),
            "JP" => Some("national:JP"),
            place if union.contains(place) => Some("oss_union:IE"),
            _ => None,
        };
        assert_eq!(line["registration"].as_str(), expected, "{line}");
    }
    for (place, percent) in [
        ("IE", "23"),
        ("DE", "19"),
        ("FR", "20"),
        ("HU", "27"),
        ("FI", "25.5"),
        ("CH", "8.1"),
        ("JP", "10"),
        ("US", "0"),
    ] {
        let found = lines(found).into_iter().find(|line| line["place"] == place);
        assert_eq!(found.unwrap()["percent"], percent, "{place}");
    }
    verify(&data);
    returned(path(&data), found);
}

/// The return of a data folder in each form, as the report had it.
fn returned(data: &str, found: &Value) {
    let run = |more: &[&str]| {
        let args = ["tax", "return", "--data", data, "--period", "2026-01"];
        run_well(&[&args[..], more].concat())
    };
    let whole: Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    assert_eq!(whole["lines"], found["lines"]);
    let csv = run(&["--format", "csv"]);
    assert_eq!(csv.lines().count(), 1 + lines(found).len());
    assert!(run(&[]).contains("agree with the ledger's tax accounts to the atom"));
    assert!(run(&["--format", "html"]).contains("<table>"));
    let args = ["--format", "json", "--registration", "CH", "--payments"];
    let swiss: Value = serde_json::from_str(&run(&args)).unwrap();
    let [line] = lines(&swiss)[..] else {
        panic!("{swiss}");
    };
    assert_eq!(
        (&line["place"], &line["percent"]),
        (&"CH".into(), &"8.1".into())
    );
    let behind = line["behind"].as_array().unwrap();
    assert_eq!(behind.len() as u64, line["events"].as_u64().unwrap());
    // An auditor follows one to its payment.
    let payment = format!("pay_{}", behind[0].as_str().unwrap());
    let why = run_well(&["explain", &payment, "--data", data]);
    assert!(
        why.contains("in CH at 8.1 %") && why.contains("national:CH"),
        "{why}"
    );
    let again = ["tax", "reassess", "--data", data, "--period", "2026-01"];
    assert!(run_well(&again).contains("Nothing differs."));
    fails(
        &["tax", "return", "--data", data, "--period", "2026-13"],
        2,
        "is no period",
    );
}

#[test]
fn a_site_of_one_page_and_one_visitor() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        path(&file).to_owned()
    };
    let line = "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /blog/ HTTP/1.1\" 200 10 \
                \"-\" \"Mozilla/5.0\"\n";
    let log = write("a.log", &line.repeat(10));
    let visitors = write("visitors.csv", "ip,country\n192.0.2.1,FR\n");
    let prices = write("prices.toml", "asset = \"USD\"\ndefault = \"0.0006\"\n");
    let report: Value = serde_json::from_str(&run_well(&[
        "replay",
        "--json",
        "--log",
        &log,
        "--visitors",
        &visitors,
        "--prices",
        &prices,
        "--start",
        "2026-01-01T00:00:00Z",
        "--tax",
        "DE",
    ]))
    .unwrap();
    adds_up(&report);
    // Ten pages at 0.0006, a sixth of it French tax.
    let sale = lines(&report["tax_return"])
        .into_iter()
        .find(|line| line["supply"] == "sale");
    let sale = sale.unwrap();
    assert_eq!(
        (&sale["net"], &sale["tax"]),
        (&"0.005".into(), &"0.001".into())
    );
    assert_eq!(sale["registration"], "oss_union:DE");
}
