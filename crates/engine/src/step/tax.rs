//! Stage 4: what tax is in the price, where it is owed and by whom.
//!
//! With tax rules in force the question is put together from State and the payment; a steady answer
//! given before is found by one look-up, any other is decided anew ([`tax::determine`]). Very often the
//! last sale of the same seller asked the same, and then the payer's side alone is compared. A price
//! that does not contain its tax grows by it here. Without rules, the terms' rate of the payer's
//! country is contained in the price.

use super::{Draft, Payees, Payment, Purpose};
use crate::code::Code;
use crate::command::Spend;
use crate::decide::{Rule, Stop};
use crate::records::{PartyKind, PartyNo, TenantNo, WalletNo};
use crate::state::State;
use crate::taxes::{
    self, Bought, Case, Facts, Gist, Question, Seller, Sold, SoldBefore, TaxInForce, Taxpayer,
};
use crate::terms::Country;
use crate::time::Civil;
use crate::view::View;
use ::tax::Supplier;
use ::tax::supply::{Buyer, Pricing};
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

/// One payee's part of a split: a supply of its own.
#[derive(Debug)]
pub(crate) struct Share {
    pub payee: WalletNo,
    /// All included, atoms.
    pub gross: u64,
    pub tax: Tax,
}

impl Share {
    /// What it counts as, for the shares after it. Its fee counts once the payment is made: how much it
    /// is follows from the tax of all.
    fn sold<'a, V: View>(&self, view: &'a V, all: &'a [Share]) -> Option<SoldBefore<'a>> {
        let no = self.tax.case;
        let made = || all.iter().filter(|share| share.tax.case == no);
        let case = view
            .case(no)
            .or_else(|| made().find_map(|share| share.tax.new_case.as_deref()))?;
        Some(SoldBefore {
            owner: case.supplier(view.wallet(self.payee).party),
            counts: &case.sale_counts,
            net: self.gross - self.tax.amount,
        })
    }
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

#[inline]
fn under<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>, rules: &TaxInForce) -> Rule {
    if let Payees::Many(_) = payment.payees {
        return split(draft, payment, rules);
    }
    let asked = Asked::of(draft, payment, payment.payees.first(), payment.gross);
    supply(
        draft,
        rules,
        &asked,
        &mut payment.gross,
        &mut payment.tax,
        &[],
    )
}

/// Each payee with a share supplies by itself: what it is due is taxed by a case of its own.
#[inline(never)]
fn split<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>, rules: &TaxInForce) -> Rule {
    let Payees::Many(payees) = &payment.payees else {
        return Ok(());
    };
    let mut all = Tax::default();
    let mut gross_sum = 0u64;
    for (payee, mut gross) in super::law::shares(payees, payment.gross) {
        if gross == 0 {
            continue;
        }
        let asked = Asked::of(draft, payment, payee, gross);
        let mut tax = Tax::default();
        supply(draft, rules, &asked, &mut gross, &mut tax, &payment.shares)?;
        // The first stands for all where only one can be told.
        if all.case == 0 {
            (all.case, all.owed) = (tax.case, tax.owed);
        }
        all.amount += tax.amount;
        let sum = gross_sum.checked_add(gross);
        gross_sum = sum.ok_or(Stop::Reject(Code::Malformed, "amount"))?;
        payment.shares.push(Share { payee, gross, tax });
    }
    (payment.tax, payment.gross) = (all, gross_sum);
    Ok(())
}

/// What tax is in a supply, or comes on top of it; `before` are the shares of the same split that were
/// asked before.
#[inline(always)]
fn supply<V: View>(
    draft: &Draft<'_, V>,
    rules: &TaxInForce,
    asked: &Asked<'_>,
    gross: &mut u64,
    tax: &mut Tax,
    before: &[Share],
) -> Rule {
    let payer = draft.view.party(asked.payer);
    let bought = Bought {
        tenant: draft.tenant,
        rules: rules.version,
        month: draft.civil.month.0,
        country: payer.country,
        buyer: asked.buyer(draft.view, payer.kind),
        facts: asked.facts,
    };
    let date = taxes::date(draft.civil.day);
    let known = draft.view.taxpayer(draft.tenant, asked.seller);
    let last = known.map_or(0, |known| known.case);
    let looked_up;
    let (no, gist) = match draft.view.gist(last) {
        Some(gist) if gist.is_of(&bought) && gist.holds_on(date) => {
            debug_assert!(gist.asks(&asked.question(draft.view, rules).words()));
            (last, gist)
        }
        _ => {
            looked_up = look_up(draft, tax, rules, asked, before);
            (looked_up.0, &looked_up.1)
        }
    };
    let (rate, mode) = (gist.rate, gist.mode);
    tax.case = no;
    if gist.place != 0 && rate != Ppm::ZERO {
        tax.owed = Some((Country(gist.place.to_be_bytes()), rate));
    }
    match gist.pricing {
        Pricing::Inclusive => {
            tax.amount = rate.included_in(Atoms(*gross), mode).0;
        }
        Pricing::Exclusive => {
            let split = ::tax::split::exclusive(Atoms(*gross), rate, mode);
            let split = split.map_err(|_| Stop::Reject(Code::Malformed, "amount"))?;
            tax.amount = split.tax.0;
            *gross += split.tax.0;
        }
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

impl<'a> Asked<'a> {
    #[inline(always)]
    fn of<V: View>(
        draft: &Draft<'_, V>,
        payment: &Payment<'a>,
        payee: WalletNo,
        amount: u64,
    ) -> Asked<'a> {
        Asked {
            tenant: draft.tenant,
            payer: payment.payer_party,
            seller: draft.view.wallet(payee).party,
            asset: payment.spend.asset,
            amount,
            facts: payment.facts,
            civil: draft.civil,
        }
    }

    /// People buy as consumers; only of others is it asked.
    #[inline]
    fn buyer<V: View>(&self, view: &V, kind: PartyKind) -> Buyer {
        match kind {
            PartyKind::Person => Buyer::Consumer,
            _ => as_buyer(view.taxpayer(self.tenant, self.payer)),
        }
    }

    fn question<V: View>(&self, view: &V, rules: &TaxInForce) -> Question {
        let (payer, payee) = (view.party(self.payer), view.party(self.seller));
        let known = view.taxpayer(self.tenant, self.seller);
        let country = taxes::country(payee.country);
        let own = known.and_then(|known| known.supplier);
        // Of a seller whose country is not known, it is the operator's.
        let home = country.unwrap_or(rules.settings.operator.country);
        Question {
            tenant: self.tenant,
            rules: rules.version,
            month: self.civil.month.0,
            seller: own.map_or(Seller::Of(home), Seller::Known),
            seller_country: country,
            seller_buyer: as_buyer(known),
            buyer: self.buyer(view, payer.kind),
            declared: taxes::country(payer.country),
            facts: *self.facts,
        }
    }

    fn decide<V: View>(
        &self,
        view: &V,
        rules: &TaxInForce,
        question: &Question,
        before: &[Share],
    ) -> Case {
        let state = view.base();
        let before: Vec<SoldBefore<'_>> = before
            .iter()
            .filter_map(|share| share.sold(view, before))
            .collect();
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
            view,
            terms: &state.tenants[self.tenant.0 as usize].terms,
            party: self.seller,
            seller: view.taxpayer(self.tenant, self.seller),
            operator: view.taxpayer(self.tenant, PartyNo::NONE),
            month: self.civil.month.0,
            asset: self.asset,
            amount: self.amount,
            before: &before,
            asked: Cell::new(false),
        };
        rules.decide(question, supplier, taxes::date(self.civil.day), &sold)
    }
}

fn as_buyer(known: Option<&Taxpayer>) -> Buyer {
    let number = known.and_then(|known| known.buyer);
    number.map_or(Buyer::Consumer, |(country, checked)| Buyer::Business {
        country,
        checked,
    })
}

/// The number of the case of what is asked, and its gist; decided anew where the answer depends on
/// turnover or was not given before.
#[inline(never)]
fn look_up<V: View>(
    draft: &Draft<'_, V>,
    tax: &mut Tax,
    rules: &TaxInForce,
    asked: &Asked<'_>,
    before: &[Share],
) -> (u32, Gist) {
    let view = draft.view;
    let found = |no| (no, *view.gist(no).expect("the case was found by its gist"));
    let question = asked.question(view, rules);
    let words = question.words();
    let date = taxes::date(asked.civil.day);
    if let Some(no) = view.find_case(&words, |gist, _| gist.holds_on(date)) {
        return found(no);
    }
    let case = asked.decide(view, rules, &question, before);
    if let Some(no) = view.find_case(&words, |_, known| *known == case) {
        return found(no);
    }
    // What it counts in is numbered when it is applied.
    let gist = Gist::new(&case, |_| 0);
    let made = |share: &&Share| share.tax.new_case.is_some();
    let same = |share: &&Share| share.tax.new_case.as_deref() == Some(&case);
    if let Some(share) = before.iter().find(same) {
        return (share.tax.case, gist);
    }
    let no = view.cases_len() + before.iter().filter(made).count() + 1;
    tax.new_case = Some(Box::new(case));
    (u32::try_from(no).expect("fewer than 2^32 cases"), gist)
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
    Some(asked.decide(state, rules, &question, &[]))
}

/// A country as the number that tells its tax account.
pub(crate) fn sub(country: Country) -> u16 {
    u16::from_be_bytes(country.0)
}
