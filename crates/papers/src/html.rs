//! Papers as HTML to be read and printed: one file, no script, nothing fetched.

use std::fmt::Write;

use quick_xml::escape::escape;

use crate::facts::{Kind, Party};
use crate::paper::Paper;
use crate::receipt::Receipt;
use crate::statement::Statement;
use crate::words::{self, Word};
use crate::{Language, PaperError, shown};

/// The look of every paper, on screen and printed.
pub const STYLE: &str = "\
body{font:14px/1.45 system-ui,'Noto Sans','Noto Sans CJK JP','Noto Sans CJK KR',sans-serif;\
color:#111;background:#fff;max-width:760px;margin:32px auto;padding:0 24px}\
h1{font-size:26px;margin:0 0 4px}header,.two{display:flex;justify-content:space-between;gap:32px;\
margin-bottom:24px}header h1{text-align:right}p{margin:0 0 2px}.small{color:#555;font-size:12px}\
table{border-collapse:collapse;width:100%;margin:0 0 20px}th{background:#eee;text-align:left;\
font-size:12px}th,td{padding:4px 6px;vertical-align:top}.n{text-align:right;white-space:nowrap;\
font-variant-numeric:tabular-nums}tbody tr{border-bottom:1px solid #e4e4e4;break-inside:avoid}\
.sums{width:60%;margin-left:auto}.sums tr{border:0}.sums .strong td{border-top:1px solid #111;\
font-weight:bold}dl{display:grid;grid-template-columns:auto auto;gap:2px 16px;margin:0;\
align-content:start}dt{color:#555;font-size:12px}dd{margin:0}footer{border-top:1px solid #bbb;\
padding-top:8px;color:#555;font-size:12px}.big{font-size:30px;font-weight:bold}\
@page{size:A4;margin:18mm}@media print{body{margin:0;max-width:none;padding:0}}";

fn page(language: Language, title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        escape(title)
    )
}

/// HTML under construction. Writing to a string does not fail.
struct Body(String);

macro_rules! put {
    ($body:expr, $($arguments:tt)*) => {
        // Infallible: a string takes whatever is written.
        let _ = writeln!($body.0, $($arguments)*);
    };
}

impl Body {
    fn party(&mut self, party: &Party, label: Option<&str>) {
        put!(self, "<div>");
        if let Some(label) = label {
            put!(self, "<p class=\"small\">{}</p>", escape(label));
        }
        for (at, line) in shown::address(party).iter().enumerate() {
            let line = escape(line);
            match at {
                0 => {
                    put!(self, "<p><strong>{line}</strong></p>");
                }
                _ => {
                    put!(self, "<p>{line}</p>");
                }
            }
        }
    }

    fn facts(&mut self, facts: &[(&str, String)]) {
        put!(self, "<dl>");
        for (label, value) in facts {
            put!(
                self,
                "<dt>{}</dt><dd>{}</dd>",
                escape(*label),
                escape(value)
            );
        }
        put!(self, "</dl>");
    }

    fn table_head(&mut self, labels: &[(&str, bool)]) {
        put!(self, "<table>\n<thead><tr>");
        for (label, is_number) in labels {
            let class = if *is_number { " class=\"n\"" } else { "" };
            put!(self, "<th{class}>{}</th>", escape(*label));
        }
        put!(self, "</tr></thead>\n<tbody>");
    }

    fn row(&mut self, cells: &[(&str, bool)]) {
        put!(self, "<tr>");
        for (text, is_number) in cells {
            let class = if *is_number { " class=\"n\"" } else { "" };
            put!(self, "<td{class}>{}</td>", escape(*text));
        }
        put!(self, "</tr>");
    }
}

/// An invoice, simplified invoice or credit note.
#[must_use]
pub fn paper(paper: &Paper) -> String {
    let language = paper.language;
    let say = |word: Word| word.say(language);
    let title = shown::title(paper);
    let mut body = Body(String::new());
    put!(body, "<header>");
    body.party(&paper.seller, None);
    put!(
        body,
        "</div>\n<h1>{title}</h1>\n</header>\n<div class=\"two\">"
    );
    if paper.kind == Kind::SimplifiedInvoice && paper.buyer.name.is_empty() {
        put!(body, "<div></div>");
    } else {
        body.party(&paper.buyer, Some(say(Word::Buyer)));
        if let Some(number) = &paper.buyer.tax_number {
            let label = say(Word::TaxNumber);
            put!(body, "<p class=\"small\">{label}: {}</p>", escape(number));
        }
        put!(body, "</div>");
    }
    body.facts(&shown::facts(paper));
    put!(body, "</div>");
    lines(&mut body, paper);
    put!(body, "<table class=\"sums\">\n<tbody>");
    for row in shown::totals(paper) {
        let class = if row.is_strong {
            " class=\"strong\""
        } else {
            ""
        };
        let amount = language.amount(row.amount, &paper.asset);
        let label = escape(&row.label);
        put!(
            body,
            "<tr{class}><td>{label}</td><td class=\"n\">{amount}</td></tr>"
        );
    }
    put!(body, "</tbody>\n</table>");
    let columns = [
        (say(Word::TaxSummary), false),
        (say(Word::Net), true),
        (say(Word::Tax), true),
        (say(Word::Gross), true),
    ];
    body.table_head(&columns);
    for group in &paper.groups {
        let amounts = [group.net, group.tax, shown::gross(group)];
        let [net, tax, gross] = amounts.map(|amount| language.number(&amount.to_string()));
        let name = shown::group(paper, group);
        body.row(&[(&name, false), (&net, true), (&tax, true), (&gross, true)]);
    }
    put!(body, "</tbody>\n</table>");
    for note in shown::notes(paper) {
        put!(body, "<p>{}</p>", escape(&note));
    }
    foot(&mut body, &shown::foot(paper));
    page(language, &format!("{title} {}", paper.number), &body.0)
}

fn lines(body: &mut Body, paper: &Paper) {
    let language = paper.language;
    let say = |word: Word| word.say(language);
    body.table_head(&[
        ("#", false),
        (say(Word::Item), false),
        (say(Word::Payments), true),
        (say(Word::Quantity), true),
        (say(Word::UnitPrice), true),
        (say(Word::Rate), true),
        (say(Word::Net), true),
    ]);
    for (at, line) in paper.lines.iter().enumerate() {
        body.row(&[
            (&(at + 1).to_string(), false),
            (&shown::item(paper, line), false),
            (&language.number(&line.payments.to_string()), true),
            (&language.number(&line.quantity.to_string()), true),
            (&shown::unit_price(paper, line), true),
            (&shown::rate(paper, line.treatment, line.rate), true),
            (&language.number(&line.net.to_string()), true),
        ]);
    }
    put!(body, "</tbody>\n</table>");
}

fn foot(body: &mut Body, lines: &[String]) {
    put!(body, "<footer>");
    for line in lines {
        put!(body, "<p>{}</p>", escape(line));
    }
    put!(body, "</footer>");
}

/// The receipt of a payment.
#[must_use]
pub fn receipt(receipt: &Receipt) -> String {
    let language = receipt.language;
    let say = |word: Word| word.say(language);
    let cash = receipt.cash_receipt.as_ref();
    let title = match cash.is_some_and(|cash| cash.approval.is_some()) {
        true => say(Word::CashReceipt),
        false => say(Word::Receipt),
    };
    let code = receipt.asset.code;
    let amount = |atoms: u128| {
        // Fits: both parts of the sum are amounts.
        let atoms = i128::try_from(atoms).unwrap_or(i128::MAX);
        format!(
            "{}\u{a0}{code}",
            language.number(&receipt.asset.format_signed(atoms))
        )
    };
    let mut body = Body(String::new());
    put!(body, "<header>");
    let (supplies, is_shared) = (&receipt.supplies, receipt.supplies.len() > 1);
    for supply in supplies {
        body.party(&supply.seller, None);
        put!(body, "</div>");
    }
    put!(body, "<h1>{title}</h1>\n</header>");
    put!(body, "<p class=\"big\">{}</p>", amount(receipt.gross()));
    put!(body, "<p>{}</p>", escape(&receipt.product));
    put!(body, "<table>\n<tbody>");
    let mut row = |label: &str, value: &str| body.row(&[(label, false), (value, true)]);
    row(say(Word::Payment), &receipt.payment);
    row(say(Word::PaidAt), &receipt.paid_at);
    row(
        say(Word::Quantity),
        &language.number(&receipt.quantity.to_string()),
    );
    for supply in supplies {
        if is_shared {
            row(say(Word::Seller), called(&supply.seller));
        }
        row(say(Word::Net), &amount(u128::from(supply.net.get())));
        let treatment = words::treatment(supply.treatment).say(language);
        let place = supply.country.as_deref().unwrap_or_default();
        if supply.treatment.needs_reason() {
            let reason = supply.reason.as_deref().unwrap_or_default();
            row(treatment, reason);
        } else {
            let label = format!(
                "{} ({treatment} {} {place})",
                say(Word::TaxIncluded),
                language.percent(supply.rate)
            );
            row(
                label.replace(" )", ")").as_str(),
                &amount(u128::from(supply.tax.get())),
            );
        }
        if is_shared {
            row(say(Word::TotalGross), &amount(supply.gross()));
        }
    }
    if !receipt.refunded.is_zero() {
        row(
            say(Word::Refunded),
            &amount(u128::from(receipt.refunded.get())),
        );
    }
    if let Some(cash) = cash {
        let kind = words::number_kind(cash.number_kind).say(language);
        row(say(Word::Usage), words::usage(cash.usage).say(language));
        row(say(Word::IdentifiedBy), &format!("{kind} {}", cash.number));
        let approval = cash.approval.as_deref();
        row(say(Word::Approval), approval.unwrap_or(say(Word::Awaited)));
    }
    put!(body, "</tbody>\n</table>");
    let mut lines = Vec::new();
    for supply in supplies {
        let seller = &supply.seller;
        let whose = match is_shared {
            true => format!(" ({})", called(seller)),
            false => String::new(),
        };
        let numbers = [
            (Word::QualifiedNumber, &supply.qualified_issuer),
            (Word::TaxNumber, &seller.tax_number),
        ];
        for (label, number) in numbers {
            let line = |number| format!("{}{whose}: {number}", say(label));
            lines.extend(number.as_ref().map(line));
        }
    }
    foot(&mut body, &lines);
    page(language, &format!("{title} {}", receipt.payment), &body.0)
}

/// The party's name, or what else tells it.
fn called(party: &Party) -> &str {
    match party.name.is_empty() {
        true => &party.id,
        false => &party.name,
    }
}

/// A wallet's statement.
///
/// # Errors
/// [`PaperError::TooLarge`] if a balance does not fit.
pub fn statement(statement: &Statement) -> Result<String, PaperError> {
    let language = statement.language;
    let say = |word: Word| word.say(language);
    let units = |text: &str| language.number(text);
    let format = |atoms: i128| units(&statement.asset.format_signed(atoms));
    let code = statement.asset.code;
    let title = say(Word::Statement);
    let mut body = Body(String::new());
    put!(body, "<header>");
    body.party(&statement.party, None);
    put!(body, "</div>\n<h1>{title}</h1>\n</header>");
    let (first, last) = statement.period;
    let period = format!("{} – {}", language.date(first), language.date(last));
    body.facts(&[
        (say(Word::Wallet), statement.wallet.clone()),
        (say(Word::Period), period),
        (
            say(Word::Opening),
            format!("{} {code}", format(statement.opening)),
        ),
        (
            say(Word::Closing),
            format!("{} {code}", format(statement.closing()?)),
        ),
    ]);
    put!(body, "<p>\u{a0}</p>");
    body.table_head(&[
        (say(Word::Date), false),
        (say(Word::Item), false),
        (say(Word::MoneyIn), true),
        (say(Word::MoneyOut), true),
        (say(Word::Balance), true),
    ]);
    for row in statement.rows()? {
        let amount = units(row.amount.trim_start_matches('-'));
        let (money_in, money_out) = match row.amount.starts_with('-') {
            true => (String::new(), amount),
            false => (amount, String::new()),
        };
        let words = [row.kind.as_str(), &row.text, &row.id];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        body.row(&[
            (&row.at, false),
            (&words.join(" · "), false),
            (&money_in, true),
            (&money_out, true),
            (&units(&row.balance), true),
        ]);
    }
    put!(body, "</tbody>\n</table>");
    Ok(page(
        language,
        &format!("{title} {}", statement.wallet),
        &body.0,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CashNumber, CashReceipt, CashUsage, Treatment};
    use crate::receipt::Supplied;
    use money::{Asset, Atoms, Ppm};

    fn shown(language: Language) -> Receipt {
        Receipt {
            payment: "pay_1".to_owned(),
            paid_at: "2026-03-01 10:00:00 UTC".to_owned(),
            language,
            asset: Asset::known("EUR").unwrap(),
            product: "Article".to_owned(),
            quantity: 1,
            supplies: vec![Supplied {
                seller: Party {
                    name: "A & <B>".to_owned(),
                    country: "DE".to_owned(),
                    ..Party::default()
                },
                qualified_issuer: None,
                net: Atoms(2_100_840),
                tax: Atoms(399_160),
                rate: Ppm::new(190_000).unwrap(),
                treatment: Treatment::Taxed,
                country: Some("DE".to_owned()),
                reason: None,
            }],
            refunded: Atoms(0),
            cash_receipt: None,
        }
    }

    #[test]
    fn a_receipt_shows_the_price_to_the_atom_and_escapes_what_people_wrote() {
        let html = receipt(&shown(Language::De));
        for part in [
            "<html lang=\"de\">",
            "0,0025\u{a0}EUR",
            "0,00039916\u{a0}EUR",
            "A &amp; &lt;B&gt;",
            "darin enthaltene Steuer (Steuerpflichtig 19\u{a0}% DE)",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(!html.contains("<B>") && !html.contains("<script"));
    }

    #[test]
    fn each_share_of_a_payment_has_its_seller_rate_and_tax() {
        let mut shared = shown(Language::En);
        shared.supplies.push(Supplied {
            seller: Party {
                id: "par_2".to_owned(),
                country: "FR".to_owned(),
                tax_number: Some("FR40303265045".to_owned()),
                ..Party::default()
            },
            net: Atoms(1_000_000),
            tax: Atoms(55_000),
            rate: Ppm::new(55_000).unwrap(),
            country: Some("FR".to_owned()),
            ..shared.supplies[0].clone()
        });
        let html = receipt(&shared);
        for part in [
            "0.003555\u{a0}EUR",
            "A &amp; &lt;B&gt;",
            "19% DE)",
            "0.00039916\u{a0}EUR",
            "par_2",
            "5.5% FR)",
            "0.000055\u{a0}EUR",
            "0.001055\u{a0}EUR",
            "(par_2): FR40303265045",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }

    #[test]
    fn a_korean_receipt_is_no_cash_receipt_before_it_is_approved() {
        let mut korean = shown(Language::Ko);
        let mut cash = CashReceipt {
            usage: CashUsage::IncomeDeduction,
            number_kind: CashNumber::Mobile,
            number: "010-****-5678".to_owned(),
            approval: None,
        };
        korean.cash_receipt = Some(cash.clone());
        let html = receipt(&korean);
        assert!(
            html.contains("<h1>영수증</h1>") && html.contains("미발급"),
            "{html}"
        );
        cash.approval = Some("123456789".to_owned());
        korean.cash_receipt = Some(cash);
        let html = receipt(&korean);
        assert!(
            html.contains("<h1>현금영수증</h1>") && html.contains("123456789"),
            "{html}"
        );
    }
}
