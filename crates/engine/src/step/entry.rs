//! Stage 10: all postings of a payment at once, or the funds set aside for it. Nothing here refuses.

use super::{Draft, Payees, Payment, Purpose, tax};
use crate::event::{Effect, EventKind, Paid};
use crate::ids::Id;
use crate::records::{Hold, Leg, PartyNo, WalletNo};
use crate::taxes::{Gist, TaxMove};
use crate::time::Day;
use crate::view::View;
use ledger::{AccountClass, AssetNo, Source};
use money::Atoms;

#[inline]
pub(crate) fn post<V: View>(draft: &mut Draft<'_, V>, payment: &mut Payment<'_>) {
    let shares = payment.shares.iter_mut().map(|share| &mut share.tax);
    for tax in shares.chain([&mut payment.tax]) {
        if let Some(case) = tax.new_case.take() {
            draft.effect(Effect::TaxCase(case));
        }
    }
    let asset = payment.spend.asset;
    let tier = draft.view.party(payment.payer_party).tier;
    let law = draft.law.map_or(0, |law| law.version);
    match payment.purpose {
        Purpose::Pay => {
            draft.out.kind = match payment.payees {
                Payees::One(_) => EventKind::Paid,
                Payees::Many(_) => EventKind::Split,
            };
            draft.effect(Effect::Paid(Paid {
                payer: payment.payer,
                payee: payment.payees.first(),
                asset,
                gross: payment.gross,
                tax: payment.tax.amount,
                fee: payment.fee,
                terms: draft.terms_version,
                of: Id::NONE,
                tier,
                law,
                case: payment.tax.case,
            }));
            if !payment.shares.is_empty() {
                split(draft, payment);
                use_room(draft, payment);
                super::law::record(draft, payment);
                return super::price::record(draft, payment);
            }
            let fee_tax = fee_tax(draft, payment.tax.case, payment.fee);
            if let Some(due) = fee_tax {
                draft.effect(Effect::FeeTax {
                    case: payment.tax.case,
                    asset,
                    amount: due.amount,
                });
            }
            let net = payment.gross - payment.tax.amount - payment.fee;
            let country = payment.tax.owed.map(|(country, _)| tax::sub(country));
            let seller = draft.view.wallet(payment.payees.first()).party;
            let dues = Dues {
                tax: payment.tax.amount,
                country,
                taxpayer: taxpayer(draft, payment.tax.case, seller),
                fee: payment.fee,
                fee_tax,
            };
            match &payment.payees {
                Payees::One(payee) => {
                    pay(draft, asset, payment.plan.legs(), dues, &[(*payee, net)]);
                }
                Payees::Many(payees) => {
                    let weights: Vec<u64> = payees.iter().map(|(_, weight)| *weight).collect();
                    let mut parts = vec![0; payees.len()];
                    money::allocate(net, &weights, &mut parts)
                        .expect("some weight is not zero: checked on entry");
                    let credits: Vec<(WalletNo, u64)> = payees
                        .iter()
                        .zip(parts)
                        .map(|((payee, _), part)| (*payee, part))
                        .collect();
                    pay(draft, asset, payment.plan.legs(), dues, &credits);
                }
            }
            use_room(draft, payment);
        }
        Purpose::Transfer => {
            draft.out.kind = EventKind::Transferred;
            let payee = payment.payees.first();
            draft.effect(Effect::Paid(Paid {
                payer: payment.payer,
                payee,
                asset,
                gross: payment.gross,
                tax: 0,
                fee: 0,
                terms: draft.terms_version,
                of: Id::NONE,
                tier,
                law,
                case: 0,
            }));
            for leg in payment.plan.legs() {
                let account = draft.view.account(leg.account);
                let (source, origin) = (account.source.unwrap_or(Source::Earned), account.origin);
                draft.debit_account(leg.account, leg.amount);
                draft.credit(payee, asset, source, origin, leg.amount);
            }
            use_room(draft, payment);
        }
        Purpose::Authorize { expires, .. } => {
            draft.out.kind = EventKind::Authorized;
            for leg in payment.plan.legs() {
                draft.effect(Effect::Held {
                    account: leg.account,
                    delta: i128::from(leg.amount),
                });
            }
            let circumstances = payment.spend.circumstances;
            let is_ordinary = circumstances.is_ordinary();
            let hold = Hold {
                payer: payment.payer,
                payee: payment.payees.first(),
                asset,
                legs: payment.plan.legs().to_vec(),
                authorized: payment.gross,
                captured: 0,
                tax_taken: 0,
                fee_taken: 0,
                expires,
                fee: super::fee::of(draft, payment),
                tax: payment.tax.owed,
                terms: draft.terms_version,
                reserved: payment.room.0,
                mandate: payment.spend.mandate,
                mandate_day: mandate_day(draft, payment.spend.mandate.0),
                tier,
                law,
                counted: super::law::room::reserved(draft),
                case: payment.tax.case,
                priced: super::price::of_hold(payment),
                circumstances: (!is_ordinary).then(|| Box::new(circumstances)),
            };
            draft.effect(Effect::HoldOpened(Box::new(hold)));
            use_room(draft, payment);
        }
    }
    super::law::record(draft, payment);
    super::price::record(draft, payment);
}

/// The shares of a split as supplies of their own: each gives tax and fee of its own, and says what
/// it moves. The fee is shared out by what is left after tax.
#[inline(never)]
fn split<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>) {
    let asset = payment.spend.asset;
    let untaxed = |share: &tax::Share| share.gross - share.tax.amount;
    let weights: Vec<u64> = payment.shares.iter().map(untaxed).collect();
    let mut fees = vec![0; weights.len()];
    if payment.fee > 0 {
        money::allocate(payment.fee, &weights, &mut fees)
            .expect("a fee is at most what is left after tax");
    }
    let mut fee_taxes = 0;
    let mut given = Vec::with_capacity(fees.len());
    for ((share, fee), untaxed) in payment.shares.iter().zip(fees).zip(weights) {
        let (case, tax) = (share.tax.case, share.tax.amount);
        let seller = draft.view.wallet(share.payee).party;
        let fee_tax = fee_tax(draft, case, fee);
        let in_fee = fee_tax.map_or(0, |due| due.amount);
        fee_taxes += in_fee;
        draft.effect(Effect::Taxed(Box::new(TaxMove {
            case,
            seller,
            asset,
            net: i128::from(untaxed),
            tax: i128::from(tax),
            fee: i128::from(fee - in_fee),
            fee_tax: i128::from(in_fee),
            of: draft.out.id,
        })));
        let dues = Dues {
            tax,
            country: share.tax.owed.map(|(country, _)| tax::sub(country)),
            taxpayer: taxpayer(draft, case, seller),
            fee,
            fee_tax,
        };
        given.push((dues, (share.payee, untaxed - fee)));
    }
    if fee_taxes > 0 {
        draft.effect(Effect::FeeTax {
            case: 0,
            asset,
            amount: fee_taxes,
        });
    }
    let mut purse = Purse::of(draft, payment.plan.legs());
    for (dues, payee) in given {
        purse.pay(draft, asset, dues, &[payee]);
    }
}

/// Counts a payment in its payer's limits and its agent's mandate.
#[inline]
fn use_room<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>) {
    if let Some(room) = payment.room.0 {
        draft.measure(
            payment.payer_party,
            room.day,
            room.month,
            i128::from(room.amount),
        );
    }
    let mandate = payment.spend.mandate.0;
    if mandate.is_some() {
        let civil = draft.civil;
        let before = draft
            .view
            .mandate(draft.key(mandate))
            .map_or(0, |m| m.used_on(civil));
        let delta = i128::from(payment.gross);
        let day = mandate_day(draft, mandate).0;
        draft.effect(Effect::MandateUsed {
            mandate,
            day,
            delta,
            before,
        });
    }
}

/// The day a payment counts in for a mandate: never earlier than one already counted in, even if
/// the tenant's zone moved west.
fn mandate_day<V: View>(draft: &Draft<'_, V>, mandate: Id) -> Day {
    let today = draft.civil.day;
    let record = draft.view.mandate(draft.key(mandate));
    record.map_or(today, |record| record.day.max(today))
}

/// What is taken out of a payment before its payees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dues {
    pub tax: u64,
    pub country: Option<u16>,
    /// The party whose tax it is; none for the operator's.
    pub taxpayer: Option<PartyNo>,
    /// With its tax.
    pub fee: u64,
    pub fee_tax: Option<FeeTax>,
}

/// The tax in a fee: the operator's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FeeTax {
    pub country: u16,
    pub amount: u64,
}

/// What tax is in a fee, by the case of its payment, which this event may have made.
#[inline(always)]
pub(crate) fn fee_tax<V: View>(draft: &Draft<'_, V>, case: u32, fee: u64) -> Option<FeeTax> {
    of_case(draft, case, |gist| {
        let amount = gist.fee_rate.included_in(Atoms(fee), gist.fee_mode).0;
        let country = gist.fee_place;
        (amount > 0 && country != 0).then_some(FeeTax { country, amount })
    })?
}

/// The party whose tax a sale's is; none for the operator's.
#[inline(always)]
pub(crate) fn taxpayer<V: View>(
    draft: &Draft<'_, V>,
    case: u32,
    seller: PartyNo,
) -> Option<PartyNo> {
    let owner = of_case(draft, case, |gist| gist.owner(seller))?;
    (owner != PartyNo::NONE).then_some(owner)
}

/// What a case says, which this event may have made.
#[inline(always)]
fn of_case<T, V: View>(draft: &Draft<'_, V>, case: u32, says: impl Fn(&Gist) -> T) -> Option<T> {
    if case == 0 {
        return None;
    }
    match draft.view.gist(case) {
        Some(gist) => Some(says(gist)),
        None => made(draft, case).map(|gist| says(&gist)),
    }
}

#[cold]
fn made<V: View>(draft: &Draft<'_, V>, case: u32) -> Option<Gist> {
    let mut cases = draft.out.effects.iter().filter_map(|effect| match effect {
        Effect::TaxCase(case) => Some(case),
        _ => None,
    });
    let at = (case as usize).checked_sub(draft.view.cases_len() + 1)?;
    cases.nth(at).map(|case| Gist::new(case, |_| 0))
}

/// Moves value from the payer's accounts to tax, fee and payees, in this order. Each part rests on
/// what the legs it came out of rested on: legs and parts are walked side by side, so every atom has
/// one origin.
#[inline]
pub(crate) fn pay<V: View>(
    draft: &mut Draft<'_, V>,
    asset: AssetNo,
    legs: &[Leg],
    dues: Dues,
    payees: &[(WalletNo, u64)],
) {
    Purse::of(draft, legs).pay(draft, asset, dues, payees);
}

/// Who is given a part that rests on something.
type To<'t, 'd, V> = &'t mut dyn FnMut(&mut Draft<'d, V>, Option<Source>, u64);

/// What was taken from the payer and is not given yet.
struct Purse<'l> {
    legs: std::slice::Iter<'l, Leg>,
    /// Of the leg under way: how much is left, and what it rests on.
    left: u64,
    origin: Option<Source>,
}

impl<'l> Purse<'l> {
    /// Takes the legs from their accounts.
    #[inline]
    fn of<V: View>(draft: &mut Draft<'_, V>, legs: &'l [Leg]) -> Purse<'l> {
        for leg in legs {
            draft.debit_account(leg.account, leg.amount);
        }
        let mut purse = Purse {
            legs: legs.iter(),
            left: 0,
            origin: None,
        };
        if let Some(first) = purse.legs.next() {
            let origin = draft.view.account(first.account).rests_on();
            (purse.left, purse.origin) = (first.amount, origin);
        }
        purse
    }

    /// Gives tax, fee and payees what is theirs, in this order.
    #[inline]
    fn pay<V: View>(
        &mut self,
        draft: &mut Draft<'_, V>,
        asset: AssetNo,
        dues: Dues,
        payees: &[(WalletNo, u64)],
    ) {
        let country = dues.country.unwrap_or(0);
        self.give(draft, dues.tax, |draft, origin, part| {
            let account = match dues.taxpayer {
                Some(seller) => draft.seller_tax(seller, country, asset, origin),
                None => draft.operator(AccountClass::Tax, country, asset, origin),
            };
            draft.credit_account(account, part);
        });
        let fee_tax = dues.fee_tax.map_or(0, |due| due.amount);
        self.give(draft, dues.fee - fee_tax, |draft, origin, part| {
            let account = draft.operator(AccountClass::Fees, 0, asset, origin);
            draft.credit_account(account, part);
        });
        if let Some(due) = dues.fee_tax {
            self.give(draft, due.amount, |draft, origin, part| {
                let account = draft.operator(AccountClass::Tax, due.country, asset, origin);
                draft.credit_account(account, part);
            });
        }
        for &(payee, amount) in payees {
            self.give(draft, amount, |draft, origin, part| {
                draft.credit(payee, asset, Source::Earned, origin, part);
            });
        }
    }

    /// Gives an amount, in as many parts as it has origins one after the other.
    #[inline]
    fn give<'d, V: View>(
        &mut self,
        draft: &mut Draft<'d, V>,
        amount: u64,
        mut to: impl FnMut(&mut Draft<'d, V>, Option<Source>, u64),
    ) {
        if amount == 0 {
            return;
        }
        // The commonest payment has one leg.
        if amount <= self.left {
            self.left -= amount;
            return to(draft, self.origin, amount);
        }
        self.give_from_many(draft, amount, &mut to);
    }

    #[inline(never)]
    fn give_from_many<'d, V: View>(
        &mut self,
        draft: &mut Draft<'d, V>,
        amount: u64,
        to: To<'_, 'd, V>,
    ) {
        let (mut rest, mut part) = (amount, 0);
        while rest > 0 {
            if self.left == 0 {
                let leg = self.legs.next();
                let leg = leg.expect("the legs sum to the dues and the payees' parts");
                let origin = draft.view.account(leg.account).rests_on();
                if origin != self.origin && part > 0 {
                    to(draft, self.origin, part);
                    part = 0;
                }
                (self.left, self.origin) = (leg.amount, origin);
            }
            let more = rest.min(self.left);
            self.left -= more;
            rest -= more;
            part += more;
        }
        if part > 0 {
            to(draft, self.origin, part);
        }
    }
}
