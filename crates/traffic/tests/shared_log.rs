//! A real site's log, with the sample prices: every line is accounted for.
//!
//! The log is not in the repository. `FARTHING_ACCESS_LOG_DIR` names its folder, or it lies beside
//! the workspace in `shared/data/access_log`; without it these tests say so and prove nothing.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;

use traffic::{LedgerFacts, LogReader, Oddity, Paid, PriceList, Quote, Summary, Visitors};

const SAMPLE: &str = include_str!("../../../samples/prices.toml");

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("FARTHING_ACCESS_LOG_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/access_log"),
        PathBuf::from,
    );
    if !folder.join("access.log.gz").is_file() {
        eprintln!("SKIPPED: no access.log.gz in {}", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn every_line_of_the_shared_log_is_accounted_for() {
    let Some(folder) = folder() else { return };
    let prices = PriceList::parse(SAMPLE, Some("USD")).unwrap();
    let visitors = Visitors::read(File::open(folder.join("visitors.csv")).unwrap()).unwrap();
    assert_eq!(visitors.len(), 1_753);
    // ASIA, EU (thrice) and -- are no countries.
    let odd_rows: Vec<u64> = visitors.notices().iter().map(|row| row.line).collect();
    assert_eq!(odd_rows, [232, 305, 899, 1_186, 1_495]);

    let log = LogReader::new(File::open(folder.join("access.log.gz")).unwrap()).unwrap();
    assert!(log.is_compressed());
    let mut summary = Summary::new(*prices.asset());
    let mut seen = HashSet::new();
    for line in log {
        let line = line.unwrap();
        let request = match line.result {
            Ok(request) => request,
            Err(bad) => {
                summary.unreadable(bad);
                continue;
            }
        };
        assert!(visitors.contains(&request.ip), "{}", request.ip);
        seen.insert(request.ip.clone());
        match prices.price(&request) {
            Quote::Free(reason) => summary.free(reason),
            Quote::Charge { atoms, section, .. } => summary.paid(Paid {
                section,
                country: visitors.country(&request.ip),
                at_ms: request.at_ms,
                page: &request.path,
                payer: &request.ip,
                atoms,
            }),
        }
    }
    let facts = LedgerFacts {
        wallets: seen.len() as u64,
        net: i128::try_from(summary.gross()).unwrap(),
        trial_balance: vec![(*prices.asset(), 0)],
        ..LedgerFacts::default()
    };
    let report = summary.report(&facts);
    println!("{}", report.text());

    assert_eq!(report.requests, 10_000);
    let odd: Vec<(u64, &str)> = report
        .unreadable_lines
        .iter()
        .map(|line| (line.line, line.code))
        .collect();
    assert_eq!(odd, [(8_899, Oddity::AgentUnclosed.code())]);
    let days: Vec<&str> = report.by_day.iter().map(|day| day.name.as_str()).collect();
    assert_eq!(
        days,
        ["2015-05-17", "2015-05-18", "2015-05-19", "2015-05-20"]
    );
    for groups in [&report.by_section, &report.by_country, &report.by_day] {
        let sum: i128 = groups.iter().map(|group| group.gross.atoms).sum();
        assert_eq!(sum, report.gross.atoms);
    }
    assert!(
        report
            .by_section
            .iter()
            .any(|section| section.name == "articles")
    );
}
