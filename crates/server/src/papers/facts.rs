//! What tax is in a payment: what was decided of it, where tax rules were in force; else the country
//! of the tax account that was credited, and that country's rate in the terms of the day.

use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use crate::types::Time;
use ::papers::Date;
use ::papers::facts::Treatment;
use engine::UtcMillis;
use engine::event::Paid;
use engine::records::TenantNo;
use engine::taxes::Case;
use ledger::{AccountClass, Posting};
use money::Ppm;
use std::collections::BTreeMap;
use tax::{Role, Treatment as Decided};

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
    /// Its category in the tax.
    pub category: &'static str,
    /// Why nothing is charged.
    pub reason: Option<String>,
    /// Whether the platform, and not who was paid, supplies: then its paper is the platform's.
    pub is_platforms: bool,
}

/// What the rules decided of one, or the country that the terms' rate is of.
enum Told {
    Decided(TaxFacts),
    Country([u8; 2]),
}

/// The tax of each, in their order.
///
/// # Errors
/// The node or the read model does not answer.
pub async fn tax_of(app: &App, tenant: TenantNo, all: &[Taxed]) -> Outcome<Vec<TaxFacts>> {
    let asked: Vec<Taxed> = all.to_vec();
    let told = app.query(move |state| {
        let told = |taxed: &Taxed| {
            if let Some(case) = state.tax_case(taxed.paid.case) {
                return Told::Decided(decided(case));
            }
            let accounts = taxed.postings.iter();
            let mut accounts = accounts.filter_map(|posting| state.book.get(posting.account));
            let credited = accounts.find(|account| account.class == AccountClass::Tax);
            Told::Country(credited.map_or_else(
                || state.party(state.wallet(taxed.paid.payer).party).country.0,
                |account| account.sub.to_be_bytes(),
            ))
        };
        asked.iter().map(told).collect::<Vec<_>>()
    });
    let told = told.await?;
    let mut terms = BTreeMap::new();
    let mut facts = Vec::with_capacity(all.len());
    for (taxed, told) in all.iter().zip(told) {
        let country = match told {
            Told::Decided(decided) => {
                facts.push(decided);
                continue;
            }
            Told::Country(country) => country,
        };
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

fn decided(case: &Case) -> TaxFacts {
    let sale = &case.sale;
    let treatment = match sale.treatment {
        Decided::Taxed => Treatment::Taxed,
        Decided::ZeroRated => Treatment::ZeroRated,
        Decided::Exempt => Treatment::Exempt,
        Decided::ReverseCharge => Treatment::ReverseCharge,
        // What is shown and not collected is no tax of this supplier's.
        Decided::OutOfScope | Decided::ShownOnly => Treatment::OutOfScope,
    };
    let act = Some(case.sale_act.as_str()).filter(|act| !act.is_empty());
    let words = act
        .into_iter()
        .chain(sale.reasons.iter().map(|reason| reason.words()));
    let reason = words.collect::<Vec<_>>().join("; ");
    TaxFacts {
        country: sale.place.map(|place| place.to_string()),
        rate: match treatment {
            Treatment::Taxed => sale.rate,
            _ => Ppm::ZERO,
        },
        category: sale.category.as_str(),
        reason: (treatment.needs_reason() && !reason.is_empty()).then_some(reason),
        treatment,
        is_platforms: sale.supplier == Role::Platform,
    }
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
        category: "",
        treatment,
        reason,
        is_platforms: false,
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
