//! Tax on the wire, and what is read out of the journal for it: returns and reassessments. The
//! command and the API share all of it.
//!
//! A run reads the journal and folds it into a State of its own; payments go on meanwhile. A server,
//! which has the State, reads no rows from before the period.

mod page;
mod period;
mod words;

pub use page::{as_csv, as_html, as_text};
pub(crate) use period::{of_period, reassess_period};
pub use words::{Decided, EvidenceGiven, FactsGiven, Part, RegistrationText, SupplierText};
pub use words::{hash_text, percent};

use crate::types::ids::PartyId;
use engine::records::{PartyNo, TenantNo};
use engine::taxes::returns::{Figure, Reassessed as Differs, Reassessment, Returns, Sum};
use engine::{Event, Id, State};
use ledger::AssetNo;
use money::Asset;
use node::{NodeError, Reader};
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use tax::{Country, Date, Place};
use utoipa::ToSchema;

/// The payments listed behind a figure, at most.
pub const BEHIND_MAX: usize = 10_000;

/// What is asked of the journal.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Whose.
    pub tenant: TenantNo,
    /// The civil days, from the first until before the last.
    pub days: Range<Date>,
    /// Only what is declared under this registration.
    pub registration: Option<Registered>,
    /// The payments behind each figure too.
    pub payments: bool,
}

/// A registration: `national:CH`, or just `CH`; `oss_union:IE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The scheme's name.
    pub scheme: String,
    /// Where.
    pub country: Country,
}

impl std::str::FromStr for Registered {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, country) = text.split_once(':').unwrap_or(("national", text));
        let schemes = ["national", "oss_union", "oss_non_union", "ioss"];
        let wrong =
            || format!("\"{text}\" is no registration: CH, oss_union:IE or oss_non_union:IE");
        if !schemes.contains(&scheme) {
            return Err(wrong());
        }
        Ok(Registered {
            scheme: scheme.to_owned(),
            country: country.parse().map_err(|_| wrong())?,
        })
    }
}

/// The days of `2026`, `2026-Q3`, `2026-11`, or `2026-07-01..2026-10-01` (the last not included).
///
/// # Errors
/// What a period looks like.
pub fn period(text: &str) -> Result<Range<Date>, String> {
    let wrong =
        || format!("\"{text}\" is no period: 2026, 2026-Q3, 2026-11 or 2026-07-01..2026-10-01");
    if let Some((from, until)) = text.split_once("..") {
        let day = |text: &str| text.parse::<Date>().map_err(|_| wrong());
        return Ok(day(from)?..day(until)?);
    }
    let (year, rest) = text.split_at_checked(4).ok_or_else(wrong)?;
    let year: i32 = year.parse().map_err(|_| wrong())?;
    let (first, months) = match rest.as_bytes() {
        [] => (1, 12),
        [b'-', b'Q', quarter @ b'1'..=b'4'] => ((quarter - b'1') * 3 + 1, 3),
        [b'-', tens @ b'0'..=b'1', ones @ b'0'..=b'9'] => ((tens - b'0') * 10 + ones - b'0', 1),
        _ => return Err(wrong()),
    };
    let (after, year_after) = match first + months {
        month @ 13.. => (month - 12, year + 1),
        month => (month, year),
    };
    let from = Date::new(year, first, 1).ok_or_else(wrong)?;
    let until = Date::new(year_after, after, 1).ok_or_else(wrong)?;
    Ok(from..until)
}

/// What a supplier owes for a period.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Return {
    /// The first day.
    pub from: String,
    /// The day after the last.
    pub until: String,
    /// The registration it is for; absent, if it is for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub registration: Option<String>,
    /// The figures, by supplier, registration, place, and rate.
    pub lines: Vec<Line>,
    /// What tax accounts moved by that no tax rule decided: corrections, and payments from before
    /// there were rules. Of all registrations.
    pub besides: Vec<Besides>,
    /// Whether the figures of all registrations, with what stands besides, are what the ledger's tax
    /// accounts moved by, to the atom.
    pub agrees_with_ledger: bool,
}

/// A figure of a return.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReturnLine)]
pub struct Line {
    /// The seller who declares it; absent for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seller: Option<PartyId>,
    /// The registration it is declared under: `national:DE`, `oss_union:IE`; absent, if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub registration: Option<String>,
    /// Where it is taxed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub place: Option<String>,
    /// `sale`, or the platform's `fee`.
    pub supply: &'static str,
    /// What was supplied.
    pub category: &'static str,
    /// `taxed`, `zero_rated`, `exempt`, `reverse_charge`, `out_of_scope` or `shown_only`.
    pub treatment: &'static str,
    /// The rate, percent.
    #[schema(examples("19"))]
    pub percent: String,
    /// In what.
    pub asset: String,
    /// Without tax, less what was given back.
    pub net: String,
    /// The tax, less what was given back.
    pub tax: String,
    /// How many payments, captures, refunds and disputes are behind it.
    pub events: usize,
    /// How many of them somebody should look at: evidence that contradicts, a number not confirmed.
    pub to_review: u64,
    /// Their ids, if asked for; at most 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub behind: Option<Vec<String>>,
}

/// What a tax account moved by besides.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReturnBesides)]
pub struct Besides {
    /// The seller whose account it is; absent for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seller: Option<PartyId>,
    /// Of which country.
    pub country: String,
    /// In what.
    pub asset: String,
    /// By how much.
    pub amount: String,
}

/// Walks the journal: `take` sees each event with the state right after it.
fn walk(
    reader: &mut (dyn Reader + Send),
    mut take: impl FnMut(&State, &Event),
    mut on_row: impl FnMut(u64),
) -> Result<State, NodeError> {
    // The state right after an event is the one right before the next.
    let waiting: RefCell<Option<Event>> = RefCell::new(None);
    let look = |before: &State, event: &Event| {
        if let Some(event) = waiting.borrow_mut().take() {
            take(before, &event);
        }
        if !event.postings.is_empty() {
            waiting.replace(Some(event.clone()));
        }
    };
    let state = node::look_back(reader, look, |row| {
        on_row(row);
        ControlFlow::Continue(())
    })?;
    if let Some(event) = waiting.into_inner() {
        take(&state, &event);
    }
    Ok(state)
}

/// What is owed for a period. `on_row` hears how far it is.
///
/// # Errors
/// The journal cannot be read.
pub fn returns(
    reader: &mut (dyn Reader + Send),
    wanted: &Wanted,
    on_row: impl FnMut(u64),
) -> Result<Return, NodeError> {
    let mut returns = Returns::new(wanted.tenant, wanted.days.clone());
    let state = walk(reader, |state, event| returns.note(state, event), on_row)?;
    Ok(shown(&state, &returns, wanted))
}

/// Returns as they are told.
#[must_use]
pub fn shown(state: &State, returns: &Returns, wanted: &Wanted) -> Return {
    let registered = |figure: &Figure| {
        let registration = figure.registration;
        registration.map(|(scheme, country)| format!("{scheme}:{country}"))
    };
    let asked = wanted.registration.as_ref();
    let asked = asked.map(|asked| format!("{}:{}", asked.scheme, asked.country));
    let lines = returns.figures.iter();
    let lines = lines.filter(|(figure, _)| asked.is_none() || asked == registered(figure));
    let lines =
        lines.map(|(figure, sum)| line(state, figure, sum, registered(figure), wanted.payments));
    let besides = returns.besides.iter().filter(|(_, amount)| **amount != 0);
    let besides = besides.map(|((whose, country, asset), amount)| Besides {
        seller: party(state, *whose),
        country: String::from_utf8_lossy(country).into_owned(),
        asset: asset_of(state, *asset).code.as_str().to_owned(),
        amount: decimal(&asset_of(state, *asset), *amount),
    });
    Return {
        from: wanted.days.start.to_string(),
        until: wanted.days.end.to_string(),
        lines: lines.collect(),
        besides: besides.collect(),
        agrees_with_ledger: returns.agrees().is_ok(),
        registration: asked,
    }
}

fn line(
    state: &State,
    figure: &Figure,
    sum: &Sum,
    registration: Option<String>,
    payments: bool,
) -> Line {
    let asset = asset_of(state, figure.asset);
    Line {
        seller: party(state, figure.supplier),
        registration,
        place: figure.place.map(|place| place.to_string()),
        supply: if figure.is_fee { "fee" } else { "sale" },
        category: figure.category.as_str(),
        treatment: figure.treatment,
        percent: words::percent(figure.rate),
        asset: asset.code.as_str().to_owned(),
        net: decimal(&asset, sum.net),
        tax: decimal(&asset, sum.tax),
        events: sum.behind.len(),
        to_review: sum.to_review,
        behind: payments.then(|| {
            let ids = sum.behind.iter().take(BEHIND_MAX);
            ids.map(|id| digits(*id)).collect()
        }),
    }
}

/// What a reassessment found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Reassessed {
    /// The version of the rules that payments are looked at under.
    pub rules_version: u32,
    /// The payments that would be taxed otherwise.
    pub payments: Vec<ReassessedPayment>,
    /// What has to move between tax accounts and suppliers, summed up.
    pub corrections: Vec<ReassessedSum>,
    /// The postings of the correction: for `POST /v1/corrections`.
    pub postings: Vec<ReassessedPosting>,
    /// Why, for whoever approves it.
    pub reason: String,
}

/// A payment that would be taxed otherwise.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReassessedPayment {
    /// Which; with its prefix it is `pay_…` or `cap_…`.
    pub id: String,
    /// As it was: treatment, place and percent.
    #[schema(examples("taxed DE 19"))]
    pub was: String,
    /// As it should have been.
    #[schema(examples("taxed DE 16"))]
    pub is: String,
    /// Which act says so.
    pub act: String,
    /// In what.
    pub asset: String,
    /// The tax posted for it, less what was given back.
    pub tax_was: String,
    /// The tax it should bear.
    pub tax: String,
}

/// What has to move for a supplier and a country.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReassessedSum {
    /// The seller who owes it; absent for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub seller: Option<PartyId>,
    /// Whose tax.
    pub country: String,
    /// In what.
    pub asset: String,
    /// More tax, or less.
    pub amount: String,
}

/// A posting of the correction.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReassessedPosting {
    /// The account's number.
    pub account: u32,
    /// By how much, in units of its asset.
    pub amount: String,
    /// What the account is.
    pub what: String,
}

/// Looks at the payments of a period again under the rules in force.
///
/// # Errors
/// The journal cannot be read, or a correction cannot be made out of what was found: no account of
/// that country is open yet.
pub fn reassess(
    reader: &mut (dyn Reader + Send),
    wanted: &Wanted,
    on_row: impl FnMut(u64),
) -> Result<Reassessed, NodeError> {
    let mut again = Reassessment::default();
    let days = wanted.days.clone();
    let state = walk(
        reader,
        |state, event| again.note(state, event, &days),
        on_row,
    )?;
    let found = again.found(&state, wanted.tenant);
    Ok(reassessed(&state, wanted, &found))
}

/// The version of the rules in force; zero if none are.
fn rules_version(state: &State, tenant: TenantNo) -> u32 {
    let tenant = state.tenant(tenant);
    let version = tenant.and_then(|tenant| Some(tenant.tax.as_deref()?.version));
    version.unwrap_or(0)
}

/// A reassessment as it is told.
fn reassessed(state: &State, wanted: &Wanted, found: &[Differs]) -> Reassessed {
    let (days, version) = (&wanted.days, rules_version(state, wanted.tenant));
    let mut sums: BTreeMap<(PartyNo, [u8; 2], AssetNo), i128> = BTreeMap::new();
    let mut payments = Vec::new();
    for one in found {
        let asset = asset_of(state, one.asset);
        let mut add = |whose, place: Option<Place>, amount: i128| {
            if let Some(place) = place {
                *sums
                    .entry((whose, place.country.code(), one.asset))
                    .or_default() += amount;
            }
        };
        add(one.supplier_was, one.was.0, -i128::from(one.tax_was));
        add(one.supplier, one.is.0, i128::from(one.tax));
        payments.push(ReassessedPayment {
            id: digits(one.payment),
            was: words::treated(one.was),
            is: words::treated(one.is),
            act: one.act.clone(),
            asset: asset.code.as_str().to_owned(),
            tax_was: decimal(&asset, i128::from(one.tax_was)),
            tax: decimal(&asset, i128::from(one.tax)),
        });
    }
    sums.retain(|_, amount| *amount != 0);
    let corrections = sums
        .iter()
        .map(|((whose, country, asset), amount)| ReassessedSum {
            seller: party(state, *whose),
            country: String::from_utf8_lossy(country).into_owned(),
            asset: asset_of(state, *asset).code.as_str().to_owned(),
            amount: decimal(&asset_of(state, *asset), *amount),
        });
    let reason = format!(
        "Tax of {} payments from {} until before {} assessed again under version {} of the rules",
        found.len(),
        days.start,
        days.end,
        version
    );
    Reassessed {
        rules_version: version,
        corrections: corrections.collect(),
        postings: words::correction(state, wanted.tenant, &sums),
        payments,
        reason,
    }
}

fn party(state: &State, no: PartyNo) -> Option<PartyId> {
    (no != PartyNo::NONE).then(|| PartyId(state.party_id(no).0))
}

fn asset_of(state: &State, no: AssetNo) -> Asset {
    state.assets[usize::from(no.0)]
}

/// An id without its prefix: what it is of stands in the event.
fn digits(id: Id) -> String {
    format!("{:032x}", id.0)
}

fn decimal(asset: &Asset, atoms: i128) -> String {
    asset.format_signed(atoms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read() {
        for (text, expected) in [
            ("2026", Some("2026-01-01 2027-01-01")),
            ("2026-Q1", Some("2026-01-01 2026-04-01")),
            ("2026-Q4", Some("2026-10-01 2027-01-01")),
            ("2026-12", Some("2026-12-01 2027-01-01")),
            ("2026-02-03..2026-02-05", Some("2026-02-03 2026-02-05")),
            ("2026-Q5", None),
            ("2026-13", None),
            ("26", None),
            ("", None),
        ] {
            let read = period(text).ok().map(|d| format!("{} {}", d.start, d.end));
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
