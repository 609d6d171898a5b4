//! Stage 4: what tax is in the price, where it is owed and by whom.
//!
//! With tax rules in force the question is put together from State and the payment; a steady answer
//! given before is found by one look-up, any other is decided anew ([`tax::determine`]). A price
//! that does not contain its tax grows by it here. Without rules, the terms' rate of the payer's
//! country is contained in the price.

use super::{Draft, Payment, Purpose};
use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::records::{PartyKind, PartyNo};
use crate::taxes::{self, Case, Question, Seller, Sold, TaxInForce};
use crate::terms::Country;
use crate::view::View;
use ::tax::supply::{Buyer, Pricing};
use ::tax::{Role, Supplier};
use core::cell::Cell;
use money::{Atoms, Ppm};

/// What tax is in a payment.
#[derive(Debug, Default)]
pub(crate) struct Tax {
    /// Where it is owed and at which rate, if any.
    pub owed: Option<(Country, Ppm)>,
    /// How much, atoms.
    pub amount: u64,
    /// The number of what was decided; 0 without rules.
    pub case: u32,
    /// It is decided for the first time.
    pub new_case: Option<Box<Case>>,
}

#[inline]
pub(crate) fn set<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    if payment.purpose == Purpose::Transfer {
        return Ok(());
    }
    if let Some(rules) = &draft.state().tenants[draft.tenant.0 as usize].tax {
        return under(draft, payment, rules);
    }
    let country = draft.view.party(payment.payer_party).country;
    if let Some(rate) = draft.terms.tax.rate(country.0) {
        payment.tax.owed = Some((country, rate));
        payment.tax.amount = ::tax::included(Atoms(payment.gross), rate).0;
    }
    Ok(())
}

fn under<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>, rules: &TaxInForce) -> Rule {
    let seller = draft.view.wallet(payment.payees.first()).party;
    let question = question(draft, payment, rules, seller);
    let date = taxes::date(draft.civil.day);
    let holds = |case: &Case| case.is_steady && case.from <= date && date < case.until;
    let known = draft.view.find_case(&question, holds);
    let no = match known {
        Some(no) => no,
        None => decided(draft, payment, rules, seller, &question),
    };
    payment.tax.case = no;
    let case = payment.tax.new_case.as_deref();
    let case = case.or_else(|| draft.view.case(no));
    let sale = &case.expect("a case was found or made").sale;
    let (rate, mode) = (sale.rate, sale.rounding.mode);
    let place = sale.place.map(|place| Country(place.country.code()));
    payment.tax.owed = place
        .filter(|_| rate != Ppm::ZERO)
        .map(|place| (place, rate));
    let exclusive =
        payment.spend.tax.pricing.unwrap_or(rules.settings.pricing) == Pricing::Exclusive;
    if exclusive {
        let split = ::tax::split::exclusive(Atoms(payment.gross), rate, mode);
        let split = split.map_err(|_| Stop::Reject(Code::Malformed, "amount"))?;
        payment.tax.amount = split.tax.0;
        payment.gross += split.tax.0;
    } else {
        payment.tax.amount = rate.included_in(Atoms(payment.gross), mode).0;
    }
    Ok(())
}

#[inline]
fn question<V: View>(
    draft: &Draft<'_, V>,
    payment: &Payment<'_>,
    rules: &TaxInForce,
    seller: PartyNo,
) -> Question {
    let payer = draft.view.party(payment.payer_party);
    let payee = draft.view.party(seller);
    let as_buyer = |number: Option<(::tax::Country, ::tax::supply::Checked)>| {
        number.map_or(Buyer::Consumer, |(country, checked)| Buyer::Business {
            country,
            checked,
        })
    };
    let known = draft.view.taxpayer(draft.tenant, seller);
    let country = taxes::country(payee.country);
    let own = known.and_then(|known| known.supplier);
    // Of a seller whose country is not known, it is the operator's.
    let home = country.unwrap_or(rules.settings.operator.country);
    // People buy as consumers; only of others is it asked.
    let buyer = if payer.kind == PartyKind::Person {
        None
    } else {
        draft.view.taxpayer(draft.tenant, payment.payer_party)
    };
    Question {
        tenant: draft.tenant,
        rules: rules.version,
        month: draft.civil.month.0,
        seller: own.map_or(Seller::Of(home), Seller::Known),
        seller_country: country,
        seller_buyer: as_buyer(known.and_then(|known| known.buyer)),
        buyer: as_buyer(buyer.and_then(|buyer| buyer.buyer)),
        declared: taxes::country(payer.country),
        facts: payment.spend.tax,
    }
}

/// Decides anew, and finds the number of what was decided or gives it the next.
#[cold]
fn decided<V: View>(
    draft: &Draft<'_, V>,
    payment: &mut Payment<'_>,
    rules: &TaxInForce,
    seller: PartyNo,
    question: &Question,
) -> u32 {
    let of_country;
    let supplier = match question.seller {
        Seller::Known(no) => &draft.state().suppliers[no as usize],
        Seller::Of(country) => {
            of_country = Supplier::of(country);
            &of_country
        }
    };
    let sold = Sold {
        rules: &rules.current.rules,
        state: draft.state(),
        terms: draft.terms,
        seller: draft.view.taxpayer(draft.tenant, seller),
        operator: draft.view.taxpayer(draft.tenant, PartyNo::NONE),
        month: draft.civil.month.0,
        asset: payment.spend.asset,
        amount: payment.gross,
        asked: Cell::new(false),
    };
    let case = rules.decide(question, supplier, taxes::date(draft.civil.day), &sold);
    if let Some(no) = draft.view.find_case(question, |known| *known == case) {
        return no;
    }
    payment.tax.new_case = Some(Box::new(case));
    u32::try_from(draft.view.cases_len() + 1).expect("fewer than 2^32 cases")
}

/// A country as the number that tells its tax account.
pub(crate) fn sub(country: Country) -> u16 {
    u16::from_be_bytes(country.0)
}

/// The party whose account a payment's tax goes to; none for the operator's.
pub(crate) fn owner(case: Option<&Case>, seller: PartyNo) -> Option<PartyNo> {
    case.filter(|case| case.sale.supplier == Role::Seller)
        .map(|_| seller)
}
