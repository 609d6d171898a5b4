//! What PDF and HTML both show of a paper, as words in its language.

use money::Ppm;

use crate::facts::{Kind, Party, Treatment};
use crate::national::JAPAN_REDUCED_PPM;
use crate::paper::{Group, Line, Paper};
use crate::words::{self, Word};
use crate::{Minor, ubl};

pub fn title(paper: &Paper) -> &'static str {
    let is_qualified = paper.national.qualified_issuer.is_some();
    words::title(&paper.kind, is_qualified).say(paper.language)
}

/// Name first, then the address as it is written.
pub fn address(party: &Party) -> Vec<String> {
    let mut lines = vec![party.name.clone()];
    lines.extend(party.street.clone());
    let town = [&party.postcode, &party.city];
    let town: Vec<&str> = town.into_iter().flatten().map(String::as_str).collect();
    if !town.is_empty() {
        lines.push(town.join(" "));
    }
    if !party.country.is_empty() {
        lines.push(party.country.clone());
    }
    lines
}

/// Number, dates and references, with their labels.
pub fn facts(paper: &Paper) -> Vec<(&'static str, String)> {
    let language = paper.language;
    let mut facts = vec![
        (Word::Number.say(language), paper.number.clone()),
        (Word::Issued.say(language), language.date(paper.issued)),
    ];
    let mut fact = |word: Word, value: String| facts.push((word.say(language), value));
    let (first, last) = paper.period;
    if paper.is_one_day() {
        fact(Word::Supplied, language.date(first));
    } else {
        let period = format!("{} – {}", language.date(first), language.date(last));
        fact(Word::Period, period);
    }
    if let Kind::CreditNote { original, reason } = &paper.kind {
        let issued = language.date(original.issued);
        fact(Word::Corrects, format!("{} ({issued})", original.number));
        if !reason.is_empty() {
            fact(Word::Why, reason.clone());
        }
    }
    if let Some(due) = paper.due_date {
        fact(Word::Due, language.date(due));
    }
    if let Some(reference) = &paper.buyer_reference {
        fact(Word::BuyerReference, reference.clone());
    }
    if let Some(order) = &paper.order {
        fact(Word::Order, order.clone());
    }
    facts
}

/// A line's name; in Japan what is taxed at the reduced rate is marked.
pub fn item(paper: &Paper, line: &Line) -> String {
    match is_marked(paper, line.rate) {
        true => format!("{} ※", line.product),
        false => line.product.clone(),
    }
}

fn is_marked(paper: &Paper, rate: Ppm) -> bool {
    paper.national.qualified_issuer.is_some() && rate.get() == JAPAN_REDUCED_PPM
}

/// A rate, or the code of the treatment where there is none.
pub fn rate(paper: &Paper, treatment: Treatment, rate: Ppm) -> String {
    match treatment {
        Treatment::Taxed | Treatment::ZeroRated => paper.language.percent(rate),
        Treatment::Exempt
        | Treatment::ReverseCharge
        | Treatment::Export
        | Treatment::OutOfScope => "–".to_owned(),
    }
}

/// The price of one, with two decimals at least; a dash where payments differ in it.
pub fn unit_price(paper: &Paper, line: &Line) -> String {
    let Some(price) = &line.unit_price else {
        return "–".to_owned();
    };
    let digits = usize::from(line.net.digits());
    let (whole, part) = price.split_once('.').unwrap_or((price, ""));
    match digits.max(part.len()) {
        0 => paper.language.number(whole),
        width => paper.language.number(&format!("{whole}.{part:0<width$}")),
    }
}

/// A row of the sums.
pub struct Total {
    pub label: String,
    pub amount: Minor,
    pub is_strong: bool,
}

pub fn totals(paper: &Paper) -> Vec<Total> {
    let totals = &paper.totals;
    let mut rows = Vec::new();
    let mut row = |label: String, amount: Minor, is_strong: bool| {
        rows.push(Total {
            label,
            amount,
            is_strong,
        });
    };
    let say = |word: Word| word.say(paper.language).to_owned();
    let less = |amount: Minor| Minor::new(-amount.units(), amount.digits());
    if !paper.adjustments.is_empty() {
        row(say(Word::Lines), totals.lines, false);
    }
    for adjusted in &paper.adjustments {
        let (word, amount) = match adjusted.is_charge {
            true => (Word::Charge, adjusted.net),
            false => (Word::Allowance, less(adjusted.net)),
        };
        row(format!("{}: {}", say(word), adjusted.reason), amount, false);
    }
    row(say(Word::TotalNet), totals.net, false);
    row(say(Word::TotalTax), totals.tax, false);
    row(say(Word::TotalGross), totals.gross, true);
    if !totals.paid.is_zero() {
        let word = match paper.is_credit_note() {
            true => Word::Returned,
            false => Word::Paid,
        };
        row(say(word), less(totals.paid), false);
    }
    if !totals.rounding.is_zero() {
        row(say(Word::Rounding), totals.rounding, false);
    }
    row(say(Word::StillDue), totals.due, true);
    rows
}

/// A treatment and rate, with the reason where nothing is charged.
pub fn group(paper: &Paper, group: &Group) -> String {
    if let Some(reason) = ubl::reason(paper, group) {
        return reason;
    }
    let name = words::treatment(group.treatment).say(paper.language);
    let percent = paper.language.percent(group.rate);
    match is_marked(paper, group.rate) {
        true => format!("{name} {percent} ※"),
        false => format!("{name} {percent}"),
    }
}

pub fn gross(group: &Group) -> Minor {
    Minor::new(group.net.units() + group.tax.units(), group.net.digits())
}

/// What is said below the sums.
pub fn notes(paper: &Paper) -> Vec<String> {
    let say = |word: Word| word.say(paper.language);
    let mut notes = Vec::new();
    if let Some(tax_in) = &paper.tax_in {
        let amount = paper.language.amount(tax_in.tax, &tax_in.asset);
        let (label, rate) = (say(Word::TaxIn), say(Word::ExchangeRate));
        let code = tax_in.asset.code;
        notes.push(format!(
            "{label} {code}: {amount} ({rate}: {})",
            tax_in.shown
        ));
    }
    if paper.lines.iter().any(|line| is_marked(paper, line.rate)) {
        notes.push(say(Word::ReducedMark).to_owned());
    }
    if let Some(cash) = &paper.national.cash_receipt {
        let kind = words::number_kind(cash.number_kind).say(paper.language);
        let usage = words::usage(cash.usage).say(paper.language);
        let approval = cash.approval.as_deref().unwrap_or(say(Word::Awaited));
        notes.push(format!("{}: {usage}", say(Word::CashReceipt)));
        notes.push(format!(
            "{}: {kind} {}",
            say(Word::IdentifiedBy),
            cash.number
        ));
        notes.push(format!("{}: {approval}", say(Word::Approval)));
    }
    notes.extend(
        paper
            .note
            .as_ref()
            .map(|note| format!("{}: {note}", say(Word::Note))),
    );
    notes
}

/// Who the seller is in law: the foot of every page.
pub fn foot(paper: &Paper) -> Vec<String> {
    let say = |word: Word| word.say(paper.language);
    let seller = &paper.seller;
    let mut lines = vec![seller.name.clone()];
    let mut numbers = Vec::new();
    if let Some(number) = &paper.national.qualified_issuer {
        numbers.push(format!("{}: {number}", say(Word::QualifiedNumber)));
    } else if let Some(number) = &seller.tax_number {
        numbers.push(format!("{}: {number}", say(Word::TaxNumber)));
    }
    if let Some(number) = &seller.registration {
        numbers.push(format!("{}: {number}", say(Word::Registration)));
    }
    if !numbers.is_empty() {
        lines.push(numbers.join(" · "));
    }
    if let Some(contact) = &seller.contact {
        let parts = [&contact.email, &contact.phone];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        lines.extend((!parts.is_empty()).then(|| parts.join(" · ")));
    }
    lines
}
