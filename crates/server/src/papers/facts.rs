//! What tax is in a payment, or in the platform's fee: what was decided of it, where tax rules were in
//! force; else, of a payment, the country of the tax account that was credited, and that country's
//! rate in the terms of the day.

use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use crate::types::Time;
use ::papers::Date;
use ::papers::facts::Treatment;
use engine::UtcMillis;
use engine::event::{Paid, Part};
use engine::records::{PartyNo, TenantNo};
use engine::taxes::TaxMove;
use ledger::{AccountClass, Posting};
use money::Ppm;
use std::collections::BTreeMap;
use store::PaperSupply;
use tax::reason::Reason;
use tax::{Role, Treatment as Decided};

/// A payment, capture or refund, as far as its tax goes.
#[derive(Clone, Debug)]
pub struct Taxed {
    /// What it was made of.
    pub paid: Paid,
    /// How balances moved.
    pub postings: Vec<Posting>,
    /// How much of the fee is tax, atoms.
    pub fee_tax: u64,
    /// How tax and turnover moved: of a payment to several one for each share.
    pub shares: Vec<TaxMove>,
}

fn atoms(amount: i128) -> u64 {
    u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX)
}

impl Taxed {
    /// Of an item of an event; none if it is no payment, capture or refund.
    pub fn of(part: &Part<'_>) -> Option<Taxed> {
        // Whose wallets they are does not matter to it.
        let shares: Vec<TaxMove> = part.tax_moves(|_| PartyNo::NONE).collect();
        Some(Taxed {
            paid: *part.paid()?,
            postings: part.postings.to_vec(),
            fee_tax: shares.iter().map(|share| atoms(share.fee_tax)).sum(),
            shares,
        })
    }

    /// What one party sold in it: of a payment to several, or its refund, the party's own share.
    #[must_use]
    pub fn sold_by(mut self, seller: PartyNo) -> Taxed {
        if self.shares.len() < 2 {
            return self;
        }
        self.shares.retain(|share| share.seller == seller);
        let sum = |of: fn(&TaxMove) -> i128| atoms(self.shares.iter().map(of).sum());
        self.paid.tax = sum(|share| share.tax);
        self.paid.gross = sum(|share| share.net + share.tax);
        self.paid.fee = sum(|share| share.fee + share.fee_tax);
        self.fee_tax = sum(|share| share.fee_tax);
        if let Some(first) = self.shares.first() {
            self.paid.case = first.case;
        }
        self
    }

    /// Net and tax of a supply in it, atoms.
    pub fn split(&self, supply: PaperSupply) -> (u64, u64) {
        let (whole, tax) = match supply {
            PaperSupply::Sale => (self.paid.gross, self.paid.tax),
            PaperSupply::Fee => (self.paid.fee, self.fee_tax),
        };
        (whole.saturating_sub(tax), tax)
    }
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
    /// The case it was decided by; zero if no tax rules were in force.
    pub case: u32,
}

/// What the rules decided of one, or the country that the terms' rate is of.
enum Told {
    Decided(TaxFacts),
    Country([u8; 2]),
}

/// The tax of a supply in each, in their order.
///
/// # Errors
/// The node or the read model does not answer.
pub async fn tax_of(
    app: &App,
    tenant: TenantNo,
    all: &[Taxed],
    supply: PaperSupply,
) -> Outcome<Vec<TaxFacts>> {
    let asked: Vec<Taxed> = all.to_vec();
    let told = app.query(move |state| {
        let told = |taxed: &Taxed| {
            let no = taxed.paid.case;
            match (state.tax_case(no), supply) {
                (Some(case), PaperSupply::Sale) => {
                    return Told::Decided(decided(no, &case.sale, &case.sale_act));
                }
                (Some(case), PaperSupply::Fee) => {
                    return Told::Decided(decided(no, &case.fee, &case.fee_act));
                }
                (None, PaperSupply::Fee) => return Told::Decided(undecided_fee()),
                (None, PaperSupply::Sale) => {}
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

fn decided(case: u32, sale: &tax::Outcome, act: &str) -> TaxFacts {
    let treatment = match sale.treatment {
        Decided::Taxed => Treatment::Taxed,
        Decided::ZeroRated => Treatment::ZeroRated,
        Decided::Exempt => Treatment::Exempt,
        Decided::ReverseCharge => Treatment::ReverseCharge,
        // What is shown and not collected is no tax of this supplier's.
        Decided::OutOfScope | Decided::ShownOnly => Treatment::OutOfScope,
    };
    let act = Some(act).filter(|act| !act.is_empty());
    let why = sale.reasons.iter().filter(|reason| is_told(*reason));
    let words = act.into_iter().chain(why.map(|reason| reason.words()));
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
        case,
    }
}

/// Whether a reason says why nothing is charged, which the buyer reads. How the place was found, and
/// what is to be looked at again, is the supplier's own affair.
fn is_told(reason: Reason) -> bool {
    use Reason::{
        BelowForeign, BusinessCountry, NoConsideration, NothingFromAbroad, OutsideUnion,
        ReverseCharge, SmallEnterprise, TaxedWhenSold, TaxedWhenUsed, WhereCarried,
    };
    matches!(
        reason,
        BelowForeign
            | BusinessCountry
            | NoConsideration
            | NothingFromAbroad
            | OutsideUnion
            | ReverseCharge
            | SmallEnterprise
            | TaxedWhenSold
            | TaxedWhenUsed
            | WhereCarried
    )
}

/// The terms know no tax in a fee.
fn undecided_fee() -> TaxFacts {
    TaxFacts {
        country: None,
        rate: Ppm::ZERO,
        treatment: Treatment::OutOfScope,
        category: "",
        reason: Some("no tax rules were in force when the fee was taken".to_owned()),
        is_platforms: true,
        case: 0,
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
        case: 0,
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
