use money::{Asset, Atoms};
use serde_json::json;

use crate::country::Country;
use crate::log::{BadLine, Oddity};
use crate::prices::FreeReason;
use crate::summary::{LedgerFacts, Paid, Summary};

fn usd() -> Asset {
    Asset::known("USD").unwrap()
}

fn summary() -> Summary {
    let mut summary = Summary::new(usd());
    for (section, country, day, page, payer, amount) in [
        ("blog", "FR", 0, "/blog/a", "1.1.1.1", "0.002"),
        ("blog", "FR", 0, "/blog/a", "1.1.1.1", "0.002"),
        (
            "articles",
            "",
            1,
            "/articles/\u{1b}[31m",
            "2.2.2.2",
            "0.005",
        ),
    ] {
        summary.paid(Paid {
            section,
            country: Country::parse(country),
            at_ms: 1_431_820_800_000 + day * 86_400_000,
            page,
            payer,
            atoms: usd().parse(amount).unwrap(),
        });
    }
    summary.refused("insufficient_funds");
    summary.free(FreeReason::Agent);
    summary.free(FreeReason::Agent);
    summary.unreadable(BadLine {
        number: 8_899,
        reason: Oddity::AgentUnclosed,
    });
    summary
}

#[test]
fn the_json_is_what_was_promised() {
    let facts = LedgerFacts {
        wallets: 2,
        fees: 90_000,
        tax: 0,
        net: 8_910_000,
        trial_balance: vec![(usd(), 0)],
        elapsed_ms: 5,
        payments_per_second: 600,
    };
    let got = serde_json::to_value(summary().report(&facts)).unwrap();
    let usd = |amount: &str| json!({ "USD": amount });
    let group = |name: &str, payments: u64, gross: &str, per_mille: u64| json!({ "name": name, "payments": payments, "gross": usd(gross), "per_mille": per_mille });
    let expected = json!({
        "requests": 7,
        "unreadable": 1,
        "payments": { "accepted": 3, "refused": 1, "free": 2 },
        "wallets": 2,
        "gross": usd("0.009"),
        "fees": usd("0.00009"),
        "tax": usd("0"),
        "net": usd("0.00891"),
        "trial_balance": usd("0"),
        "elapsed_ms": 5,
        "payments_per_second": 600,
        "payers": 2,
        "average": usd("0.003"),
        "smallest": usd("0.002"),
        "largest": usd("0.005"),
        "card_fees_instead": usd("0.9"),
        "by_section": [group("articles", 1, "0.005", 556), group("blog", 2, "0.004", 444)],
        "by_country": [group("unknown", 1, "0.005", 556), group("FR", 2, "0.004", 444)],
        "by_day": [group("2015-05-17", 2, "0.004", 444), group("2015-05-18", 1, "0.005", 556)],
        "top_pages": [group("/articles/\u{1b}[31m", 1, "0.005", 556), group("/blog/a", 2, "0.004", 444)],
        "top_payers": [group("2.2.2.2", 1, "0.005", 556), group("1.1.1.1", 2, "0.004", 444)],
        "free_by_reason": { "agent": 2 },
        "refused_by_code": { "insufficient_funds": 1 },
        "unreadable_lines": [{
            "line": 8899,
            "code": "agent_unclosed",
            "reason": "the user agent lacks its closing quote",
        }],
    });
    assert_eq!(got, expected);
}

#[test]
fn the_text_fits_a_terminal_and_cannot_command_it() {
    let text = summary().report(&LedgerFacts::default()).text();
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
    assert!(!text.contains('\u{1b}'));
    for words in [
        "7 requests in the log",
        "8,899  the user agent lacks its closing quote",
        "100.0 times what was earned",
        "2015-05-18",
        "nothing posted",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn nothing_breaks_when_there_is_nothing() {
    for code in ["USD", "KRW", "POINTS"] {
        let report = Summary::new(Asset::known(code).unwrap()).report(&LedgerFacts::default());
        let text = report.text();
        assert!(text.contains("nobody paid"), "{text}");
        assert!(text.contains("(none)"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["requests"], 0);
        assert_eq!(json["average"], json!(null));
        assert_eq!(json["trial_balance"], json!({}));
    }
}

#[test]
fn books_that_do_not_balance_are_shouted() {
    let facts = LedgerFacts {
        trial_balance: vec![(usd(), 0), (Asset::known("EUR").unwrap(), -1)],
        ..LedgerFacts::default()
    };
    let text = summary().report(&facts).text();
    assert!(
        text.contains("USD 0, EUR -0.000000001 (THE BOOKS DO NOT BALANCE)"),
        "{text}"
    );
}

#[test]
fn the_greatest_amounts_and_oddest_times_are_added() {
    let mut summary = Summary::new(usd());
    for at_ms in [i64::MIN, -1, 0, i64::MAX] {
        summary.paid(Paid {
            section: "s",
            country: None,
            at_ms,
            page: "/",
            payer: "p",
            atoms: Atoms::MAX,
        });
    }
    assert_eq!(summary.gross(), 4 * u128::from(u64::MAX));
    let report = summary.report(&LedgerFacts::default());
    assert_eq!(report.by_day.len(), 4);
    assert_eq!(report.by_day[1].name, "1969-12-31");
    assert!(report.text().contains("73,786,976,294.83820646"));
}
