//! What was asked of the law by an event, found again in the event and the state before it.

use super::{Case, Coming, Court, Legs, country, court};
use crate::event::{Effect, EventKind, Part};
use crate::law::{Circumstances, Law, Measured};
use crate::records::{TenantNo, WalletNo};
use crate::terms::Terms;
use crate::time::UtcMillis;
use crate::view::View;
use ledger::AccountClass;
use policy::{Channel, Moves, Payment, Traced, Verdict};

/// The questions of an item of an event, in order; empty if the law was not asked.
pub(crate) fn cases<V: View>(view: &V, tenant: TenantNo, part: &Part<'_>) -> Vec<Case> {
    let asked = part.asked();
    let Some(case) = part
        .effects
        .iter()
        .find_map(|e| case(view, tenant, part, e))
    else {
        return Vec::new();
    };
    match asked {
        Some(asked) if !asked.shares.is_empty() => of_split(view, case, &asked.shares),
        _ => vec![case],
    }
}

fn case<V: View>(view: &V, tenant: TenantNo, part: &Part<'_>, effect: &Effect) -> Option<Case> {
    let asked = part.asked();
    let circumstances = asked.map_or_else(Circumstances::default, |asked| asked.circumstances);
    let base = |payment, asset, payer, payee, legs| Case {
        payment,
        asset,
        payer,
        payee,
        channel: asked.map_or(Channel::Wallet, |asked| asked.channel),
        circumstances,
        confirmed: asked.map(|asked| asked.confirmed).unwrap_or_default(),
        legs,
        asks_payer: true,
        asks_payee: true,
        coming: Coming::default(),
        is_capture: false,
    };
    // Of what was refused or waits, the question itself stands in the event.
    let open = |asset, payer| {
        let asked = asked?;
        let mut legs = Legs::NONE;
        for (funds, atoms) in &asked.legs {
            legs.add(*funds, *atoms);
        }
        let is_load = asked.payment == Payment::Load;
        Some(Case {
            asks_payer: asked.asks_payer,
            asks_payee: asked.asks_payee,
            coming: match is_load {
                true => super::cash::coming(view, tenant, payer, asset),
                false => Coming::default(),
            },
            is_capture: asked.is_capture,
            ..base(asked.payment, asset, payer, asked.payee, legs)
        })
    };
    match (effect, part.kind) {
        (Effect::Paid(paid), EventKind::Paid | EventKind::Split) => {
            let legs = paid_from(view, part);
            Some(base(
                Payment::Spend,
                paid.asset,
                paid.payer,
                paid.payee,
                legs,
            ))
        }
        (Effect::Paid(paid), EventKind::Captured) => {
            let legs = paid_from(view, part);
            let parties = (paid.payer, paid.payee);
            Some(super::capture::case(
                paid.asset,
                parties,
                circumstances,
                legs,
            ))
        }
        (Effect::Paid(paid), EventKind::Transferred) => {
            let payment = asked.map_or(Payment::Transfer, |asked| asked.payment);
            let legs = paid_from(view, part);
            Some(base(payment, paid.asset, paid.payer, paid.payee, legs))
        }
        // Whose value leaves is who was paid.
        (Effect::Paid(paid), EventKind::Refunded) => Some(Case {
            channel: circumstances.channel,
            ..base(
                Payment::Refund,
                paid.asset,
                paid.payee,
                paid.payer,
                given_back(view, part, paid.payer),
            )
        }),
        (Effect::HoldOpened(hold), _) => {
            let legs = Legs::of(view, &hold.legs);
            Some(base(
                Payment::Spend,
                hold.asset,
                hold.payer,
                hold.payee,
                legs,
            ))
        }
        (Effect::TopUpOpened(topup), _) => {
            let legs = Legs::one(court::funds_of(topup.source), topup.amount);
            let wallet = topup.wallet;
            Some(Case {
                channel: super::cash::rail(topup.channel, topup.source),
                coming: super::cash::coming(view, tenant, wallet, topup.asset),
                ..base(Payment::Load, topup.asset, wallet, wallet, legs)
            })
        }
        (Effect::WithdrawalOpened(withdrawal), _) => {
            let payment = super::cash::of_legs(view, &withdrawal.legs);
            let legs = Legs::of(view, &withdrawal.legs);
            let wallet = withdrawal.wallet;
            Some(Case {
                channel: super::cash::rail(withdrawal.channel, ledger::Source::Bank),
                ..base(payment, withdrawal.asset, wallet, wallet, legs)
            })
        }
        (Effect::Refused(refused), _) if refused.wallet != WalletNo::NONE => {
            open(refused.asset, refused.wallet)
        }
        (Effect::PendingOpened(pending), _) => {
            let payer = view.base().wallet_no(tenant, pending.payer)?;
            open(pending.asset, payer)
        }
        _ => None,
    }
}

/// The sources that a refund went back to; what paid a debt on the way has none.
fn given_back<V: View>(view: &V, part: &Part<'_>, payer: WalletNo) -> Legs {
    moved(view, part, |amount, owner| amount > 0 && owner == payer)
}

/// The sources of what a payment took from its payer.
fn paid_from<V: View>(view: &V, part: &Part<'_>) -> Legs {
    moved(view, part, |amount, _| amount < 0)
}

/// The sources of what moved, by so much in a wallet, as `is_it` wants.
fn moved<V: View>(view: &V, part: &Part<'_>, is_it: impl Fn(i128, WalletNo) -> bool) -> Legs {
    let mut legs = Legs::NONE;
    for posting in part.postings {
        // What this event opened is not there yet: it is of a source that was.
        if (posting.account.0 as usize) >= view.accounts_len() {
            continue;
        }
        let account = view.account(posting.account);
        let is_wallets = account.class == AccountClass::Wallet;
        if is_wallets && is_it(posting.amount, WalletNo(account.owner)) {
            let atoms = u64::try_from(posting.amount.unsigned_abs()).unwrap_or(u64::MAX);
            legs.add(court::funds(account), atoms);
        }
    }
    legs
}

/// Once for the payer, then for each payee.
pub(crate) fn of_split<V: View>(view: &V, case: Case, shares: &[(WalletNo, u64)]) -> Vec<Case> {
    let at = |wallet| view.party(view.wallet(wallet).party).country;
    let home = at(case.payer);
    let abroad = shares.iter().find(|(payee, _)| at(*payee) != home);
    let mut cases = vec![Case {
        payee: abroad.map_or(case.payee, |(payee, _)| *payee),
        asks_payee: false,
        ..case
    }];
    let mut purse = case.legs;
    for (before, (payee, share)) in shares.iter().enumerate() {
        if *share == 0 {
            continue;
        }
        cases.push(Case {
            payee: *payee,
            legs: purse.take(*share),
            coming: super::coming(view, *payee, &shares[..before]),
            asks_payer: false,
            asks_payee: true,
            ..case
        });
    }
    cases
}

/// Asks questions again, one after the other: the worst answer, all that was looked at, and what
/// would move.
pub(crate) fn ask<V: View>(
    view: &V,
    law: &Law,
    terms: &Terms,
    at: UtcMillis,
    cases: &[Case],
) -> (Verdict, Vec<Traced>, Vec<Measured>) {
    let mut moments = Vec::new();
    law.moments(at, &mut moments);
    let (mut worst, mut trace, mut counting) = (Verdict::Allow, Vec::new(), Vec::new());
    let mut moves = Moves::new();
    for case in cases {
        let court = Court {
            view,
            law,
            terms,
            moments: &moments,
            now: at,
            counting: &counting,
        };
        let verdict = court.answer(case, &mut moves);
        trace.extend_from_slice(&moves.trace);
        worst = match (worst, verdict) {
            (Verdict::Deny { .. }, _) | (_, Verdict::Allow) => worst,
            (_, Verdict::Deny { .. }) | (Verdict::Allow, _) => verdict,
            (Verdict::StepUp { step_up, .. }, Verdict::StepUp { step_up: other, .. }) => {
                if other < step_up { verdict } else { worst }
            }
        };
        let parties = court.parties(case);
        counting.extend(super::measured(&moves, parties));
    }
    (worst, trace, counting)
}

/// The civil day in the payer's country.
pub(crate) fn day<V: View>(view: &V, law: &Law, payer: WalletNo, at: UtcMillis) -> policy::Date {
    let party = view.party(view.wallet(payer).party);
    let zone = law.ruleset.zone_of(country(party.country));
    let zone = zone.and_then(|zone| law.zones.get(zone));
    let utc = || u32::try_from(at.0 / 86_400_000).unwrap_or(u32::MAX);
    policy::Date(zone.map_or_else(utc, |zone| zone.civil(at).day.0))
}
