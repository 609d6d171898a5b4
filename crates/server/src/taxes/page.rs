//! A return as a table for spreadsheets, and as a page to print.

use super::Return;

const HEAD: [&str; 11] = [
    "Seller",
    "Registration",
    "Place",
    "Supply",
    "Category",
    "Treatment",
    "Percent",
    "Asset",
    "Net",
    "Tax",
    "Events",
];

fn cells(found: &Return) -> impl Iterator<Item = [String; 11]> {
    found.lines.iter().map(|line| {
        [
            line.seller
                .map_or("operator".to_owned(), |id| id.to_string()),
            line.registration.clone().unwrap_or_default(),
            line.place.clone().unwrap_or_default(),
            line.supply.to_owned(),
            line.category.to_owned(),
            line.treatment.to_owned(),
            line.percent.clone(),
            line.asset.clone(),
            line.net.clone(),
            line.tax.clone(),
            line.events.to_string(),
        ]
    })
}

/// Comma-separated (RFC 4180). No cell has a comma, quote or line end in it.
#[must_use]
pub fn as_csv(found: &Return) -> String {
    let mut text = HEAD.map(str::to_lowercase).join(",") + "\r\n";
    for row in cells(found) {
        text.push_str(&row.join(","));
        text.push_str("\r\n");
    }
    text
}

/// For people: as wide as its cells.
#[must_use]
pub fn as_text(found: &Return) -> String {
    let rows: Vec<[String; 11]> = std::iter::once(HEAD.map(str::to_owned))
        .chain(cells(found))
        .collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 11] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row
            .iter()
            .zip(widths)
            .enumerate()
            .map(|(at, (cell, width))| {
                let is_number = at >= 6 && at != 7;
                if is_number {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    for one in &found.besides {
        let whose = one
            .seller
            .map_or("operator".to_owned(), |id| id.to_string());
        let (country, asset, amount) = (&one.country, &one.asset, &one.amount);
        text.push_str(&format!("besides: {whose} {country} {amount} {asset}\n"));
    }
    text.push_str(if found.agrees_with_ledger {
        "The figures agree with the ledger's tax accounts to the atom.\n"
    } else {
        "The figures do NOT agree with the ledger's tax accounts.\n"
    });
    text
}

/// A page to print. Nothing in it was typed by anybody: codes, numbers and ids only.
#[must_use]
pub fn as_html(found: &Return) -> String {
    let tag = |name: &str, cells: &[String]| {
        let cells = cells.iter().map(|cell| format!("<{name}>{cell}</{name}>"));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let rows: String = cells(found).map(|row| tag("td", &row)).collect();
    let besides = found.besides.iter().map(|one| {
        let whose = one
            .seller
            .map_or("operator".to_owned(), |id| id.to_string());
        tag(
            "td",
            &[
                whose,
                one.country.clone(),
                one.asset.clone(),
                one.amount.clone(),
            ],
        )
    });
    let besides: String = besides.collect();
    let of = found.registration.as_deref().unwrap_or("all registrations");
    let agrees = if found.agrees_with_ledger {
        "The figures agree with the ledger's tax accounts to the atom."
    } else {
        "The figures do not agree with the ledger's tax accounts."
    };
    let head = tag("th", &HEAD.map(str::to_owned));
    let (from, until) = (&found.from, &found.until);
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Tax return {from} to {until}\
         </title>\n<style>body{{font:14px sans-serif;margin:2em}}table{{border-collapse:collapse}}\
         td,th{{border-bottom:1px solid #999;padding:.2em .6em;text-align:left}}\
         td:nth-child(n+7){{font-variant-numeric:tabular-nums}}</style>\n\
         <h1>Tax return, {of}</h1>\n<p>From {from} until before {until}. {agrees}</p>\n\
         <table>\n{head}{rows}</table>\n<h2>Besides</h2>\n<p>Moved by no tax rule: corrections, and \
         payments from before there were rules.</p>\n<table>\n{besides}</table>\n</html>\n"
    )
}
