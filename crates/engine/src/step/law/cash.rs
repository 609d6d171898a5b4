//! What goes in and out: top-ups, withdrawals and refunds before the law.
//!
//! Value that was loaded and is taken out again is *redeemed*: a right in one country, forbidden in
//! another, and in a third a right when little is left. Income is *withdrawn*. So who asks for
//! money gets income first where loaded value may not be paid out.

use super::{Case, Coming, Court, Draft, Legs, court, denied, judge, pilot, refuse};
use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::Effect;
use crate::ids::Id;
use crate::law::{Circumstances, Confirmed, Law};
use crate::records::{self, Leg, TenantNo, WalletNo};
use crate::view::View;
use ledger::{AccountNo, AssetNo, Source};
use policy::{Channel, Funds, Outcome, Payment, Redeemable, RuleNo, Traced, Verdict};

/// What the shell attests of something that is not a payment.
fn besides<V: View>(draft: &Draft<'_, V>) -> (Circumstances, Confirmed) {
    draft.besides.map_or_else(Default::default, |besides| {
        (besides.circumstances, besides.confirmed)
    })
}

/// The rail of a channel, as the rules know it.
pub(crate) fn rail(channel: records::Channel, source: Source) -> Channel {
    if channel == records::Channel::MANUAL {
        return Channel::Manual;
    }
    match source {
        Source::Card => Channel::Card,
        Source::Carrier => Channel::Carrier,
        Source::Crypto => Channel::Chain,
        Source::Cash => Channel::Cash,
        _ => Channel::Bank,
    }
}

/// Checks a top-up, and notes what it moves.
pub(crate) fn load<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    amount: u64,
    source: Source,
    channel: records::Channel,
) -> Rule {
    let Some(law) = draft.law else {
        return Ok(());
    };
    let (circumstances, confirmed) = besides(draft);
    let case = Case {
        payment: Payment::Load,
        asset,
        payer: wallet,
        payee: wallet,
        channel: rail(channel, source),
        circumstances,
        confirmed,
        legs: Legs::one(court::funds_of(source), amount),
        asks_payer: true,
        asks_payee: true,
        coming: coming(draft.view, draft.tenant, wallet, asset),
        is_capture: false,
    };
    ask(draft, &case, law)
}

/// What top-ups that are credited when they settle will bring, in an asset: to a wallet, and to its
/// party. What has no rate is more than any number. A walk over what is open: top-ups are few.
pub(crate) fn coming<V: View>(
    view: &V,
    tenant: TenantNo,
    wallet: WalletNo,
    asset: AssetNo,
) -> Coming {
    let state = view.base();
    let party = view.wallet(wallet).party;
    let mut coming = Coming::default();
    let Some(terms) = state.tenant(tenant).map(|tenant| &tenant.terms) else {
        return coming;
    };
    let of_tenant = (tenant, Id::NONE)..=(tenant, Id(u128::MAX));
    for (_, topup) in state.topups.range(of_tenant) {
        if topup.spendable || view.wallet(topup.wallet).party != party {
            continue;
        }
        let atoms = terms
            .convert(topup.asset, asset, topup.amount)
            .unwrap_or(u64::MAX);
        coming.party = coming.party.saturating_add(atoms);
        if topup.wallet == wallet {
            coming.wallet = coming.wallet.saturating_add(atoms);
        }
    }
    coming
}

/// Checks what is paid out, once its sources are known, and notes what it moves.
pub(crate) fn pay_out<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    legs: &[Leg],
    channel: records::Channel,
) -> Rule {
    let Some(law) = draft.law else {
        return Ok(());
    };
    let payment = of_legs(draft.view, legs);
    let legs = Legs::of(draft.view, legs);
    let case = out_case(draft, payment, wallet, asset, legs, channel);
    ask(draft, &case, law)
}

/// What is paid out: income alone, or loaded value too.
pub(crate) fn of_legs<V: View>(view: &V, legs: &[Leg]) -> Payment {
    let is_income = |leg: &Leg| view.account(leg.account).source == Some(Source::Earned);
    if legs.iter().all(is_income) {
        Payment::Withdrawal
    } else {
        Payment::Redemption
    }
}

fn out_case<V: View>(
    draft: &Draft<'_, V>,
    payment: Payment,
    wallet: WalletNo,
    asset: AssetNo,
    legs: Legs,
    channel: records::Channel,
) -> Case {
    let (circumstances, confirmed) = besides(draft);
    Case {
        payment,
        asset,
        payer: wallet,
        payee: wallet,
        channel: rail(channel, Source::Bank),
        circumstances,
        confirmed,
        legs,
        asks_payer: true,
        asks_payee: true,
        coming: Coming::default(),
        is_capture: false,
    }
}

/// Asks about what is no payment between wallets: nothing waits for a confirmation, so what is to be
/// confirmed is confirmed with it.
fn ask<V: View>(draft: &mut Draft<'_, V>, case: &Case, law: &Law) -> Rule {
    super::ready(law)?;
    if let Some(pilot) = &law.settings.pilot
        && let Some(code) = pilot::outside(draft.view, pilot, case)
    {
        return Err(refuse(draft, case, WalletNo::NONE, None, law, code));
    }
    let verdict = judge(draft, case, law);
    match verdict {
        Verdict::Allow => {}
        Verdict::StepUp { .. } => {
            let traced = super::decisive(&draft.scratch.moves, verdict);
            let code = Code::StepUpNeeded;
            return Err(refuse(draft, case, WalletNo::NONE, traced, law, code));
        }
        Verdict::Deny { .. } => {
            let refusal = denied(draft, case, WalletNo::NONE, verdict, law);
            return Err(*refusal.stop);
        }
    }
    super::record_moves(draft);
    let is_ordinary = case.circumstances.is_ordinary() && !case.confirmed.is_some();
    if !is_ordinary {
        let asked = case.asked();
        draft.effect(Effect::Asked(Box::new(asked)));
    }
    Ok(())
}

/// Why a source of a wallet may not be paid out: a code and a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Barred {
    code: Code,
    rule: Traced,
    funds: Funds,
}

/// For each source, what bars it from being paid out from a wallet.
pub(crate) fn barred<V: View>(
    draft: &Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    channel: records::Channel,
) -> Vec<(Source, Barred)> {
    let Some(law) = draft.law else {
        return Vec::new();
    };
    let why = |source: Source| why(draft, law, wallet, asset, channel, source);
    let sources = draft.terms.withdrawable.iter();
    sources.filter_map(|s| Some((s, why(s)?))).collect()
}

fn why<V: View>(
    draft: &Draft<'_, V>,
    law: &Law,
    wallet: WalletNo,
    asset: AssetNo,
    channel: records::Channel,
    source: Source,
) -> Option<Barred> {
    let funds = court::funds_of(source);
    let is_income = source == Source::Earned;
    let payment = if is_income {
        Payment::Withdrawal
    } else {
        Payment::Redemption
    };
    let case = out_case(draft, payment, wallet, asset, Legs::one(funds, 1), channel);
    let court = Court::new(draft, law);
    if let Some(rule) = court.forbids(&case) {
        let code = super::code_of(law, rule);
        return Some(Barred { code, rule, funds });
    }
    if is_income {
        return None;
    }
    let left = prepaid(draft, wallet, asset);
    let bar = |code, rule: RuleNo| {
        let rule = Traced {
            rule,
            outcome: Outcome::Denied,
            used: u128::from(left),
            asked: 0,
        };
        Some(Barred { code, rule, funds })
    };
    match court.redemption(&case) {
        Some((Redeemable::Forbidden, rule)) => bar(Code::RedemptionForbidden, rule),
        Some((Redeemable::Below(share), rule)) => {
            // Loaded before a law asked: what is there now is all that is known.
            let of = draft.view.loaded(wallet, asset).unwrap_or(left);
            let is_little = u128::from(left) * 1_000_000 <= u128::from(of) * u128::from(share);
            if is_little {
                None
            } else {
                bar(Code::RedemptionNotYet, rule)
            }
        }
        Some((Redeemable::Right, _)) | None => None,
    }
}

/// The refusal because of what bars a source.
pub(crate) fn refused<V: View>(
    draft: &mut Draft<'_, V>,
    wallet: WalletNo,
    asset: AssetNo,
    amount: u64,
    channel: records::Channel,
    barred: Barred,
) -> Stop {
    let Some(law) = draft.law else {
        return draft.deny(barred.code, wallet, asset, amount);
    };
    let legs = Legs::one(barred.funds, amount);
    let payment = if barred.funds == Funds::Earned {
        Payment::Withdrawal
    } else {
        Payment::Redemption
    };
    let case = out_case(draft, payment, wallet, asset, legs, channel);
    let none = WalletNo::NONE;
    refuse(draft, &case, none, Some(barred.rule), law, barred.code)
}

/// What a wallet holds that is not income.
fn prepaid<V: View>(draft: &Draft<'_, V>, wallet: WalletNo, asset: AssetNo) -> u64 {
    let posted = |no| draft.posted(no);
    prepaid_with(draft.view, wallet, asset, posted)
}

/// The same where nothing is being posted.
pub(crate) fn prepaid_in<V: View>(view: &V, wallet: WalletNo, asset: AssetNo) -> u64 {
    prepaid_with(view, wallet, asset, |_| 0)
}

fn prepaid_with<V: View>(
    view: &V,
    wallet: WalletNo,
    asset: AssetNo,
    posted: impl Fn(AccountNo) -> i128,
) -> u64 {
    let mut sum = 0i128;
    let mut no = view.wallet(wallet).first;
    while no.is_some() {
        let account = view.account(no);
        let counts = !matches!(account.source, Some(Source::Earned | Source::Credit));
        if account.asset == asset && counts {
            sum += account.balance + posted(no);
        }
        no = account.next;
    }
    u64::try_from(sum.max(0)).unwrap_or(u64::MAX)
}

/// Notes what a wallet holds right after this event has credited it, where a law asks what share of it
/// is left.
pub(crate) fn loaded<V: View>(draft: &mut Draft<'_, V>, wallet: WalletNo, asset: AssetNo) {
    let Some(law) = draft.law else {
        return;
    };
    let legs = Legs::one(Funds::Card, 1);
    let manual = records::Channel::MANUAL;
    let case = out_case(draft, Payment::Redemption, wallet, asset, legs, manual);
    let answer = Court::new(draft, law).redemption(&case);
    if !matches!(answer, Some((Redeemable::Below(_), _))) {
        return;
    }
    // Accounts that this event opened are not in the wallet's chain yet.
    let opened = draft.out.effects.iter().filter_map(|effect| match *effect {
        Effect::AccountOpened {
            no,
            class: ledger::AccountClass::Wallet,
            owner,
            asset: of,
            ..
        } if owner == wallet.0 && of == asset => Some(draft.posted(no)),
        _ => None,
    });
    let new: i128 = opened.sum();
    let new = u64::try_from(new.max(0)).unwrap_or(u64::MAX);
    let holds = prepaid(draft, wallet, asset).saturating_add(new);
    draft.effect(Effect::Loaded {
        wallet,
        asset,
        holds,
    });
}

/// Whether a refund may go back to the sources it was paid from. Its circumstances are noted where
/// they were not ordinary, whether or not a law asks for them.
pub(crate) fn refund<V: View>(
    draft: &mut Draft<'_, V>,
    (payer, payee): (WalletNo, WalletNo),
    asset: AssetNo,
    to: &[Leg],
) -> Rule {
    let (circumstances, confirmed) = besides(draft);
    let mut legs = Legs::NONE;
    for leg in to.iter().filter(|leg| leg.amount > 0) {
        legs.add(court::funds(draft.view.account(leg.account)), leg.amount);
    }
    // Whose value leaves is who was paid.
    let case = Case {
        payment: Payment::Refund,
        asset,
        payer: payee,
        payee: payer,
        channel: circumstances.channel,
        circumstances,
        confirmed,
        legs,
        asks_payer: true,
        asks_payee: true,
        coming: Coming::default(),
        is_capture: false,
    };
    if let Some(law) = draft.law
        && let Some(traced) = Court::new(draft, law).forbids(&case)
    {
        let code = super::code_of(law, traced);
        return Err(refuse(draft, &case, payer, Some(traced), law, code));
    }
    if !circumstances.is_ordinary() || confirmed.is_some() {
        draft.effect(Effect::Asked(Box::new(case.asked())));
    }
    Ok(())
}
