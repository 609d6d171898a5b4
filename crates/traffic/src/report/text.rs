//! The report in words and columns. The number first, the reason beside it.

use super::{Group, Money, Report};
use crate::table::{Align, clip, count, grouped, percent, render as table, same_decimals};

const NAME_MAX: usize = 52;
const DAYS_MAX: usize = 31;
const COUNTRIES_MAX: usize = 12;
const SECTIONS_MAX: usize = 20;
const PAGES_MAX: usize = 10;
const PAYERS_MAX: usize = 5;
const LINES_MAX: usize = 10;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    out.push_str(&format!("{} requests in the log\n", count(report.requests)));
    lines_of_the_log(&mut out, report);
    earned(&mut out, report);
    groups(
        &mut out,
        "By section",
        "section",
        &report.by_section,
        SECTIONS_MAX,
    );
    groups(
        &mut out,
        "By country",
        "country",
        &report.by_country,
        COUNTRIES_MAX,
    );
    groups(&mut out, "By day (UTC)", "day", &report.by_day, DAYS_MAX);
    groups(&mut out, "Top pages", "page", &report.top_pages, PAGES_MAX);
    groups(
        &mut out,
        "Who paid most",
        "payer",
        &report.top_payers,
        PAYERS_MAX,
    );
    if !report.unreadable_lines.is_empty() {
        unreadable(&mut out, report);
    }
    books(&mut out, report);
    out
}

fn lines_of_the_log(out: &mut String, report: &Report) {
    let mut rows: Vec<(u64, String)> = vec![(report.payments.accepted, "paid".to_owned())];
    if report.refused_by_code.is_empty() {
        rows.push((0, "refused".to_owned()));
    }
    for (code, &number) in &report.refused_by_code {
        rows.push((number, format!("refused: {}", clip(code, NAME_MAX))));
    }
    for (words, number) in &report.free_words {
        rows.push((*number, format!("free: {words}")));
    }
    rows.push((report.unreadable, "unreadable".to_owned()));
    let width = rows
        .iter()
        .map(|(number, _)| count(*number).len())
        .max()
        .unwrap_or(0);
    for (number, words) in rows {
        out.push_str(&format!("  {:>width$}  {words}\n", count(number)));
    }
}

fn earned(out: &mut String, report: &Report) {
    let code = report.gross.asset.code;
    let mut rows: Vec<(&str, Option<Money>, String)> = vec![
        ("Earned", Some(report.gross), by_whom(report)),
        ("Platform fees", Some(report.fees), String::new()),
        ("Tax", Some(report.tax), String::new()),
        ("The owner keeps", Some(report.net), String::new()),
        ("Average payment", report.average, String::new()),
        ("Smallest payment", report.smallest, String::new()),
        ("Largest payment", report.largest, String::new()),
    ];
    match report.card_fees_instead {
        Some(fees) => rows.push(("Card fees instead", Some(fees), versus(report.gross, fees))),
        None => rows.push((
            "Card fees instead",
            None,
            "known for dollars only".to_owned(),
        )),
    }
    let decimals: Vec<String> = rows
        .iter()
        .filter_map(|(_, money, _)| money.map(|money| money.decimal()))
        .collect();
    let mut aligned = same_decimals(&decimals).into_iter();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|(name, money, words)| {
            let amount = money.and_then(|_| aligned.next());
            let amount = amount.unwrap_or_else(|| "-".to_owned());
            vec![(*name).to_owned(), amount, words.clone()]
        })
        .collect();
    let columns = [
        ("", Align::Left),
        (code.as_str(), Align::Right),
        ("", Align::Left),
    ];
    table(out, "What it earned", &columns, &cells, None);
}

fn by_whom(report: &Report) -> String {
    match report.payers {
        0 => "nobody paid".to_owned(),
        1 => "from 1 payer".to_owned(),
        payers => format!("from {} payers", count(payers)),
    }
}

/// How card fees compare with what was earned, to a tenth.
fn versus(gross: Money, fees: Money) -> String {
    let terms = "2.9 % + 0.30 a payment";
    if gross.atoms <= 0 {
        return terms.to_owned();
    }
    let tenths = fees
        .atoms
        .saturating_mul(10)
        .saturating_add(gross.atoms / 2)
        / gross.atoms;
    let times = grouped(&format!("{}.{}", tenths / 10, tenths % 10));
    format!("{terms}: {times} times what was earned")
}

fn groups(out: &mut String, title: &str, kind: &str, groups: &[Group], most: usize) {
    let shown = &groups[..groups.len().min(most)];
    let amounts: Vec<String> = shown.iter().map(|group| group.gross.decimal()).collect();
    let rows: Vec<Vec<String>> = shown
        .iter()
        .zip(same_decimals(&amounts))
        .map(|(group, amount)| {
            vec![
                clip(&group.name, NAME_MAX),
                count(group.payments),
                amount,
                percent(group.per_mille),
            ]
        })
        .collect();
    let code = shown.first().map(|group| group.gross.asset.code);
    let columns = [
        (kind, Align::Left),
        ("payments", Align::Right),
        (code.as_ref().map_or("", |code| code.as_str()), Align::Right),
        ("share", Align::Right),
    ];
    let more = groups.len() - shown.len();
    let note = (more > 0 && groups.len() != super::TOP_MAX)
        .then(|| format!("and {} more", count(more as u64)));
    table(out, title, &columns, &rows, note);
}

fn unreadable(out: &mut String, report: &Report) {
    let shown = &report.unreadable_lines[..report.unreadable_lines.len().min(LINES_MAX)];
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|line| vec![count(line.line), line.reason.to_owned()])
        .collect();
    let columns = [("line", Align::Right), ("why", Align::Left)];
    let more = report.unreadable - shown.len() as u64;
    let note = (more > 0).then(|| format!("and {} more", count(more)));
    table(out, "Lines that could not be read", &columns, &rows, note);
}

fn books(out: &mut String, report: &Report) {
    let balances: Vec<String> = report
        .trial_balance
        .0
        .iter()
        .map(|money| format!("{} {}", money.asset.code, money.decimal()))
        .collect();
    let sound = report.trial_balance.0.iter().all(|money| money.atoms == 0);
    let verdict = match (balances.is_empty(), sound) {
        (true, _) => "nothing posted",
        (false, true) => "the books balance",
        (false, false) => "THE BOOKS DO NOT BALANCE",
    };
    out.push_str(&format!(
        "\nTrial balance: {} ({verdict})\n",
        if balances.is_empty() {
            "0".to_owned()
        } else {
            balances.join(", ")
        },
    ));
    out.push_str(&format!(
        "{} wallets; {} payments in {} ms, {} a second\n",
        count(report.wallets),
        count(report.payments.accepted),
        count(report.elapsed_ms),
        count(report.payments_per_second),
    ));
}
