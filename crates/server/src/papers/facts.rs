//! What tax is in a payment, as its events tell it today: the country of the tax account that was
//! credited, and that country's rate in the terms of the day.
//!
//! The one place to extend when payments say more of their tax.

use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use crate::types::Time;
use ::papers::Date;
use ::papers::facts::Treatment;
use engine::UtcMillis;
use engine::event::Paid;
use engine::records::TenantNo;
use ledger::{AccountClass, Posting};
use money::Ppm;
use std::collections::BTreeMap;

/// A payment, capture or refund, as far as its tax goes.
#[derive(Clone, Debug)]
pub struct Taxed {
    /// What it was made of.
    pub paid: Paid,
    /// How balances moved.
    pub postings: Vec<Posting>,
}

/// What the law did with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxFacts {
    /// Where it is taxed.
    pub country: Option<String>,
    /// At which rate.
    pub rate: Ppm,
    /// As what.
    pub treatment: Treatment,
    /// Why nothing is charged.
    pub reason: Option<String>,
}

/// The tax of each, in their order.
///
/// # Errors
/// The node or the read model does not answer.
pub async fn tax_of(app: &App, tenant: TenantNo, all: &[Taxed]) -> Outcome<Vec<TaxFacts>> {
    let asked: Vec<Taxed> = all.to_vec();
    let countries = app.query(move |state| {
        let country = |taxed: &Taxed| {
            let accounts = taxed.postings.iter();
            let mut accounts = accounts.filter_map(|posting| state.book.get(posting.account));
            let credited = accounts.find(|account| account.class == AccountClass::Tax);
            credited.map_or_else(
                || state.party(state.wallet(taxed.paid.payer).party).country.0,
                |account| account.sub.to_be_bytes(),
            )
        };
        asked.iter().map(country).collect::<Vec<_>>()
    });
    let countries = countries.await?;
    let mut terms = BTreeMap::new();
    let mut facts = Vec::with_capacity(all.len());
    for (taxed, country) in all.iter().zip(countries) {
        let version = taxed.paid.terms;
        if let std::collections::btree_map::Entry::Vacant(vacant) = terms.entry(version) {
            let found = history::terms_of(app, tenant, version).await?;
            let (_, found) = found.ok_or_else(|| {
                let words = format!("the history has not version {version} of the terms");
                Problem::internal(&words)
            })?;
            vacant.insert(found.tax);
        }
        let rate = terms.get(&version).and_then(|rates| rates.rate(country));
        facts.push(of(country, rate));
    }
    Ok(facts)
}

fn of(country: [u8; 2], rate: Option<Ppm>) -> TaxFacts {
    let name = String::from_utf8_lossy(&country).into_owned();
    let (treatment, reason) = match rate {
        Some(Ppm::ZERO) => (Treatment::ZeroRated, None),
        Some(_) => (Treatment::Taxed, None),
        None => {
            let reason = format!("the seller's terms name no rate for {name}");
            (Treatment::OutOfScope, Some(reason))
        }
    };
    TaxFacts {
        country: Some(name).filter(|name| name != "ZZ"),
        rate: rate.unwrap_or(Ppm::ZERO),
        treatment,
        reason,
    }
}

/// The day of an instant, in UTC.
///
/// # Errors
/// It is beyond the year 9999.
pub fn day(at: UtcMillis) -> Outcome<Date> {
    let text = Time(at).to_string();
    let day = text.get(..10).unwrap_or_default().parse();
    day.map_err(|error| super::refused(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rate_no_tax_and_a_rate_of_nothing_differ() {
        let table = [
            (Some(190_000), Treatment::Taxed),
            (Some(0), Treatment::ZeroRated),
            (None, Treatment::OutOfScope),
        ];
        for (ppm, treatment) in table {
            let facts = of(*b"DE", ppm.map(|ppm| Ppm::new(ppm).unwrap()));
            assert_eq!(facts.treatment, treatment);
            assert_eq!(facts.reason.is_some(), treatment == Treatment::OutOfScope);
        }
        assert_eq!(
            day(UtcMillis(1_772_323_200_000)).unwrap().to_string(),
            "2026-03-01"
        );
    }
}
