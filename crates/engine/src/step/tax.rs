//! Stage 4: what tax is in the price, where it is owed and by whom.
//!
//! With tax rules in force the question is put together from State and the payment; a steady answer
//! given before is found by one look-up, any other is decided anew ([`tax::determine`]). A price
//! that does not contain its tax grows by it here. Without rules, the terms' rate of the payer's
//! country is contained in the price.

use super::{Draft, Payment, Purpose};
use crate::code::Code;
use crate::command::Spend;
use crate::decide::{Rule, Stop};
use crate::records::{PartyKind, PartyNo, TenantNo, WalletNo};
use crate::state::State;
use crate::taxes::{self, Case, Facts, Question, Seller, Sold, TaxInForce};
use crate::terms::Country;
use crate::time::Civil;
use crate::view::View;
use ::tax::supply::{Buyer, Pricing};
use ::tax::{Role, Supplier};
use core::cell::Cell;
use ledger::AssetNo;
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
    let asked = Asked {
        tenant: draft.tenant,
        payer: payment.payer_party,
        seller,
        asset: payment.spend.asset,
        amount: payment.gross,
        facts: &payment.spend.tax,
        civil: draft.civil,
    };
    let question = asked.question(draft.view, rules);
    let date = taxes::date(draft.civil.day);
    let holds = |case: &Case| case.is_steady && case.from <= date && date < case.until;
    payment.tax.case = match draft.view.find_case(&question, holds) {
        Some(no) => no,
        None => decided(draft, &mut payment.tax, rules, &asked, &question),
    };
    let case = payment.tax.new_case.as_deref();
    let case = case.or_else(|| draft.view.case(payment.tax.case));
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

/// Whose payment is asked about.
struct Asked<'a> {
    tenant: TenantNo,
    payer: PartyNo,
    seller: PartyNo,
    asset: AssetNo,
    amount: u64,
    facts: &'a Facts,
    civil: Civil,
}

impl Asked<'_> {
    #[inline]
    fn question<V: View>(&self, view: &V, rules: &TaxInForce) -> Question {
        let (payer, payee) = (view.party(self.payer), view.party(self.seller));
        let as_buyer = |number: Option<(::tax::Country, ::tax::supply::Checked)>| {
            number.map_or(Buyer::Consumer, |(country, checked)| Buyer::Business {
                country,
                checked,
            })
        };
        let known = view.taxpayer(self.tenant, self.seller);
        let country = taxes::country(payee.country);
        let own = known.and_then(|known| known.supplier);
        // Of a seller whose country is not known, it is the operator's.
        let home = country.unwrap_or(rules.settings.operator.country);
        // People buy as consumers; only of others is it asked.
        let buyer = match payer.kind {
            PartyKind::Person => None,
            _ => view.taxpayer(self.tenant, self.payer),
        };
        Question {
            tenant: self.tenant,
            rules: rules.version,
            month: self.civil.month.0,
            seller: own.map_or(Seller::Of(home), Seller::Known),
            seller_country: country,
            seller_buyer: as_buyer(known.and_then(|known| known.buyer)),
            buyer: as_buyer(buyer.and_then(|buyer| buyer.buyer)),
            declared: taxes::country(payer.country),
            facts: *self.facts,
        }
    }

    fn decide<V: View>(&self, view: &V, rules: &TaxInForce, question: &Question) -> Case {
        let state = view.base();
        let of_country;
        let supplier = match question.seller {
            Seller::Known(no) => &state.suppliers[no as usize],
            Seller::Of(country) => {
                of_country = Supplier::of(country);
                &of_country
            }
        };
        let sold = Sold {
            rules: &rules.current.rules,
            state,
            terms: &state.tenants[self.tenant.0 as usize].terms,
            seller: view.taxpayer(self.tenant, self.seller),
            operator: view.taxpayer(self.tenant, PartyNo::NONE),
            month: self.civil.month.0,
            asset: self.asset,
            amount: self.amount,
            asked: Cell::new(false),
        };
        rules.decide(question, supplier, taxes::date(self.civil.day), &sold)
    }
}

/// Decides anew, and finds the number of what was decided or gives it the next.
#[cold]
fn decided<V: View>(
    draft: &Draft<'_, V>,
    tax: &mut Tax,
    rules: &TaxInForce,
    asked: &Asked<'_>,
    question: &Question,
) -> u32 {
    let case = asked.decide(draft.view, rules, question);
    if let Some(no) = draft.view.find_case(question, |known| *known == case) {
        return no;
    }
    tax.new_case = Some(Box::new(case));
    u32::try_from(draft.view.cases_len() + 1).expect("fewer than 2^32 cases")
}

/// What would be decided of a payment's tax now, whether or not it would be made. None without rules.
#[must_use]
pub fn preview(state: &State, payer: WalletNo, payee: WalletNo, spend: &Spend) -> Option<Case> {
    let wallet = state.wallet(payer);
    let tenant = &state.tenants[wallet.tenant.0 as usize];
    let rules = tenant.tax.as_deref()?;
    let asked = Asked {
        tenant: wallet.tenant,
        payer: wallet.party,
        seller: state.wallet(payee).party,
        asset: spend.asset,
        amount: spend.amount.0,
        facts: &spend.tax,
        civil: tenant.terms.zone.civil(state.now),
    };
    let question = asked.question(state, rules);
    Some(asked.decide(state, rules, &question))
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
