//! Stage 9: the law in force, on the whole plan: rules of packs, and how far a start is limited.
//!
//! Input: the payment with its plan of sources. What comes of it: nothing, a step-up, a refusal with
//! rule and numbers, or the measures that move if the payment is made ([`Draft::scratch`]).
//!
//! - A payment is asked once for its payer and payee; a split once for its payer and then for each
//!   payee with its share, each seeing what the ones before it moved.
//! - A refusal because of a source is not the end if the wallet has value from others: the plan is
//!   made anew without the sources that stand against.
//! - Without a law nothing is done.

pub(crate) mod again;
pub(crate) mod capture;
pub(crate) mod cash;
pub(crate) mod court;
pub(crate) mod pilot;
pub(crate) mod room;

use super::funding::{self, Plan};
use super::{Draft, Payees, Payment, Purpose};
use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, Refused};
use crate::law::{Asked, Circumstances, Law, MEASURE_FIRST, Measured, Moved, since};
use crate::records::{Party, PartyKind, PartyNo, WalletNo};
use crate::terms::{Country, Tier};
use crate::view::View;
use ::policy::{Audience, Dimension, Moves, Outcome, Side, StepUp, Subject, Traced, Verdict};
pub(crate) use court::{Case, Coming, Court, Legs};

/// Memory that is used again and again: the law's answers, and what moves by this event.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    pub moves: Moves,
    /// Of what was known to be within its numbers.
    pub within: Vec<Moved>,
    /// Of what was asked as a whole.
    pub counting: Vec<Measured>,
}

impl Scratch {
    /// Begins an event.
    #[inline]
    pub fn clear(&mut self) {
        self.within.clear();
        self.counting.clear();
    }

    /// What moves, in order.
    pub fn moved(&self) -> impl Iterator<Item = Measured> {
        let within = self.within.iter().flat_map(Moved::iter);
        within.chain(self.counting.iter().copied())
    }
}

/// A country as the rules know it.
#[inline]
pub(crate) fn country(country: Country) -> ::policy::Country {
    ::policy::Country::from_letters(country.0)
}

/// A tier as the rules know it.
#[inline]
pub(crate) fn tier(tier: Tier) -> ::policy::Tier {
    let last = ::policy::Tier::Business;
    let tiers = ::policy::Tier::ALL;
    tiers.get(usize::from(tier.0)).copied().unwrap_or(last)
}

/// A kind of party as the rules know it.
#[inline]
pub(crate) fn kind(kind: PartyKind) -> ::policy::PartyKind {
    match kind {
        PartyKind::Person => ::policy::PartyKind::Person,
        PartyKind::Business => ::policy::PartyKind::Business,
        PartyKind::Agent => ::policy::PartyKind::Agent,
    }
}

/// What a party is, for words.
pub(crate) fn subject(party: &Party) -> Subject {
    Subject {
        tier: tier(party.tier),
        kind: kind(party.kind),
    }
}

#[inline]
pub(crate) fn check<V: View>(draft: &mut Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    match draft.law {
        None => Ok(()),
        Some(law) => {
            ready(law)?;
            under(draft, payment, law)
        }
    }
}

/// Whether what was done before the law is counted, so that it can be asked.
#[inline]
pub(crate) fn ready(law: &Law) -> Rule {
    match law.backfilling {
        None => Ok(()),
        Some(_) => Err(Stop::Reject(Code::LawNotReady, "")),
    }
}

#[inline]
fn under<V: View>(draft: &mut Draft<'_, V>, payment: &mut Payment<'_>, law: &Law) -> Rule {
    match asked(draft, payment, law) {
        Ok(()) => Ok(()),
        Err(refusal) => otherwise(draft, payment, law, refusal),
    }
}

/// Other sources may pay what one may not.
#[cold]
fn otherwise<V: View>(
    draft: &mut Draft<'_, V>,
    payment: &mut Payment<'_>,
    law: &Law,
    refusal: Refusal,
) -> Rule {
    if !refusal.is_of_funds || !plan_anew(draft, payment, law) {
        return Err(*refusal.stop);
    }
    draft.scratch.clear();
    (payment.step_up, draft.asked) = (payment.asked_before_law, None);
    asked(draft, payment, law).map_err(|refusal| *refusal.stop)
}

/// A refusal by the law.
pub(crate) struct Refusal {
    pub stop: Box<Stop>,
    /// Because of a source of funds.
    pub is_of_funds: bool,
}

impl Refusal {
    fn of(stop: Stop) -> Refusal {
        Refusal {
            stop: Box::new(stop),
            is_of_funds: false,
        }
    }
}

/// Asks for the payer and each payee.
#[inline]
fn asked<V: View>(
    draft: &mut Draft<'_, V>,
    payment: &mut Payment<'_>,
    law: &Law,
) -> Result<(), Refusal> {
    if is_within(draft, payment, law) {
        return Ok(());
    }
    draft.scratch.within.clear();
    asked_as_a_whole(draft, payment, law)
}

#[inline(never)]
fn asked_as_a_whole<V: View>(
    draft: &mut Draft<'_, V>,
    payment: &mut Payment<'_>,
    law: &Law,
) -> Result<(), Refusal> {
    let payees = &payment.payees;
    let first = payees.first();
    let mut case = Case {
        payment: what(payment.purpose, &payment.spend.circumstances),
        asset: payment.spend.asset,
        payer: payment.payer,
        payee: first,
        channel: payment.spend.circumstances.channel,
        circumstances: payment.spend.circumstances,
        confirmed: payment.spend.confirmed,
        legs: Legs::NONE,
        asks_payer: true,
        asks_payee: true,
        coming: Coming::default(),
        is_capture: false,
    };
    // In place: room for every source is much to copy.
    case.legs.add_all(draft.view, payment.plan.legs());
    let taken = pilot::check(draft, payment, &case, law).map_err(Refusal::of);
    match payees {
        Payees::One(_) => {
            taken?;
            one(draft, first, &mut payment.step_up, &case, law)
        }
        Payees::Many(payees) => {
            let whole = case;
            let shares: Vec<_> = shares(payees, payment.gross).collect();
            let step_up = &mut payment.step_up;
            let mut said = taken.and_then(|()| each(draft, payees, &shares, step_up, case, law));
            // What is refused or waits is the whole, and not the part that was asked about last.
            if let Some(asked) = &mut draft.asked {
                **asked = Asked {
                    shares,
                    ..whole.asked()
                };
            }
            if let Err(refusal) = &mut said
                && let Stop::Deny(refused) = &mut *refusal.stop
            {
                refused.asked = payment.gross;
            }
            said
        }
    }
}

/// Whether a payment from one source to one payee is within all its numbers, by what is known of
/// others like it.
#[inline]
fn is_within<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>, law: &Law) -> bool {
    let (Payees::One(payee), Plan::One(leg)) = (&payment.payees, &payment.plan) else {
        return false;
    };
    if law.settings.pilot.is_some() {
        return false;
    }
    let (view, spend) = (draft.view, payment.spend);
    let parties = [payment.payer_party, view.wallet(*payee).party];
    let asking = court::Asking {
        payment: what(payment.purpose, &spend.circumstances),
        asset: spend.asset,
        parties,
        channel: spend.circumstances.channel,
        circumstances: &spend.circumstances,
        confirmed: spend.confirmed,
        funds: court::bit(court::funds(view.account(leg.account))),
        asks: [true, true],
    };
    let of_payer = view.counts(parties[0]);
    let used = |side, measure, from, to: u32| {
        let counts = match side {
            Side::Payer => of_payer,
            Side::Payee => view.counts(parties[1]),
        };
        let (used, latest) = since(counts, MEASURE_FIRST + measure, from);
        // Never an earlier period than one already counted in, even where a zone moved west.
        (used, to.max(latest))
    };
    let Scratch { moves, within, .. } = &mut *draft.scratch;
    let moved = |side, measure, period, delta, before| {
        let party = parties[side as usize];
        let row = (MEASURE_FIRST + measure, period, delta, before);
        let is_added = within.last_mut().is_some_and(|last| last.add(party, row));
        if !is_added {
            within.push(Moved::new(party, row));
        }
    };
    moves.is_within(&asking.alike(view), leg.amount, used, moved)
}

/// Asks for the payer of a split, then for each payee.
#[inline(never)]
fn each<V: View>(
    draft: &mut Draft<'_, V>,
    payees: &[(WalletNo, u64)],
    shares: &[(WalletNo, u64)],
    step_up: &mut Option<(StepUp, Option<Traced>)>,
    mut case: Case,
    law: &Law,
) -> Result<(), Refusal> {
    let first = case.payee;
    // The payer's side sees a payee abroad, if there is one: the strict side.
    let home = party_country(draft, case.payer);
    let abroad = payees
        .iter()
        .find(|(payee, _)| party_country(draft, *payee) != home);
    case.payee = abroad.map_or(first, |(payee, _)| *payee);
    case.asks_payee = false;
    one(draft, first, step_up, &case, law)?;
    (case.asks_payer, case.asks_payee) = (false, true);
    let mut purse = case.legs;
    for (at, &(payee, share)) in shares.iter().enumerate() {
        if share > 0 {
            case.payee = payee;
            case.legs = purse.take(share);
            case.coming = coming(draft.view, payee, &shares[..at]);
            one(draft, first, step_up, &case, law)?;
        }
    }
    Ok(())
}

/// What shares of a split are on their way to a payee's wallet, and to its party.
pub(crate) fn coming<V: View>(view: &V, payee: WalletNo, shares: &[(WalletNo, u64)]) -> Coming {
    let party = view.wallet(payee).party;
    let mut coming = Coming::default();
    for (wallet, share) in shares {
        if *wallet == payee {
            coming.wallet = coming.wallet.saturating_add(*share);
        }
        if view.wallet(*wallet).party == party {
            coming.party = coming.party.saturating_add(*share);
        }
    }
    coming
}

/// What each payee of a split gets of the gross amount, by weights of which some is not zero.
pub(crate) fn shares(
    payees: &[(WalletNo, u64)],
    gross: u64,
) -> impl Iterator<Item = (WalletNo, u64)> {
    let weights: Vec<u64> = payees.iter().map(|(_, weight)| *weight).collect();
    let mut parts = vec![0; payees.len()];
    money::allocate(gross, &weights, &mut parts)
        .expect("some weight is not zero: checked on entry");
    payees.iter().map(|(payee, _)| *payee).zip(parts)
}

fn party_country<V: View>(draft: &Draft<'_, V>, wallet: WalletNo) -> Country {
    draft.view.party(draft.view.wallet(wallet).party).country
}

/// What a payment is to the rules.
fn what(purpose: Purpose, circumstances: &Circumstances) -> ::policy::Payment {
    what_of(matches!(purpose, Purpose::Transfer), circumstances)
}

/// What a payment is to the rules that passes value on, or pays for something.
#[inline]
pub(crate) fn what_of(is_transfer: bool, circumstances: &Circumstances) -> ::policy::Payment {
    match is_transfer {
        true if circumstances.is_gift => ::policy::Payment::Gift,
        true => ::policy::Payment::Transfer,
        false => ::policy::Payment::Spend,
    }
}

/// Asks once, and notes what would move.
#[inline]
fn one<V: View>(
    draft: &mut Draft<'_, V>,
    named_payee: WalletNo,
    step_up: &mut Option<(StepUp, Option<Traced>)>,
    case: &Case,
    law: &Law,
) -> Result<(), Refusal> {
    let verdict = judge(draft, case, law);
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::StepUp { step_up: asks, .. } => {
            let traced = decisive(&draft.scratch.moves, verdict);
            if draft.continued {
                // It was confirmed, and something else is asked now.
                let stop = refuse(draft, case, named_payee, traced, law, Code::StepUpNeeded);
                Err(Refusal::of(stop))
            } else {
                // What was asked before for another reason stays, with this one's rule.
                let before = step_up.map_or(asks, |(before, _)| before);
                *step_up = Some((asks.min(before), traced));
                draft.asked = Some(Box::new(case.asked()));
                Ok(())
            }
        }
        Verdict::Deny { .. } => Err(denied(draft, case, named_payee, verdict, law)),
    }
}

/// Asks the law, and if it allows notes what would move.
fn judge<V: View>(draft: &mut Draft<'_, V>, case: &Case, law: &Law) -> Verdict {
    let (court, moves) = Court::with_moves(draft, law);
    let verdict = court.check(case, moves);
    if verdict == Verdict::Allow {
        let parties = court.parties(case);
        let Scratch {
            moves, counting, ..
        } = &mut *draft.scratch;
        counting.extend(measured(moves, parties));
    }
    verdict
}

/// What an answer moves, of payer and payee.
#[inline]
fn measured(moves: &Moves, parties: [PartyNo; 2]) -> impl Iterator<Item = Measured> {
    moves.moves.iter().map(move |moved| Measured {
        party: parties[moved.side as usize],
        measure: MEASURE_FIRST + moved.measure,
        period: moved.period,
        delta: moved.delta,
        before: moved.before,
    })
}

/// The refusal that a verdict comes to.
pub(crate) fn denied<V: View>(
    draft: &mut Draft<'_, V>,
    case: &Case,
    named_payee: WalletNo,
    verdict: Verdict,
    law: &Law,
) -> Refusal {
    let traced = decisive(&draft.scratch.moves, verdict);
    let code = traced.map_or(Code::NotAllowed, |traced| code_of(law, traced));
    let mut stop = refuse(draft, case, named_payee, traced, law, code);
    if let (Stop::Deny(refused), Verdict::Deny { verify, .. }) = (&mut stop, verdict) {
        refused.verify = verify;
    }
    Refusal {
        stop: Box::new(stop),
        is_of_funds: traced.is_some_and(|traced| law.ruleset.is_of_funds(traced.rule)),
    }
}

/// The line of the trace that a verdict rests on.
fn decisive(moves: &Moves, verdict: Verdict) -> Option<Traced> {
    let (rule, stops): (_, &[Outcome]) = match verdict {
        Verdict::Allow => return None,
        Verdict::StepUp { rule, .. } => (rule, &[Outcome::StepUp]),
        Verdict::Deny { rule, .. } => {
            let stops = &[Outcome::Denied, Outcome::Verify, Outcome::NoRate];
            (rule, stops)
        }
    };
    let is_it = |traced: &&Traced| traced.rule == rule && stops.contains(&traced.outcome);
    moves.trace.iter().find(is_it).copied()
}

/// The code of a refusal by a rule; of one that payers are not told of, the neutral one.
pub(crate) fn code_of(law: &Law, traced: Traced) -> Code {
    let set = &law.ruleset;
    if !set.is_visible(traced.rule, Audience::Payer) {
        return Code::LawDeclined;
    }
    let reason = set.reason(traced.rule, traced.outcome);
    let code = Code::ALL.iter().find(|code| code.as_str() == reason);
    code.copied().unwrap_or(Code::NotAllowed)
}

/// A refusal with its rule, and what was asked, so that it can be shown again.
pub(crate) fn refuse<V: View>(
    draft: &mut Draft<'_, V>,
    case: &Case,
    named_payee: WalletNo,
    traced: Option<Traced>,
    law: &Law,
    code: Code,
) -> Stop {
    let asked = case.legs.sum();
    let refused = draft.refusal(code, case.payer, case.asset, asked);
    // Its numbers are said in the payment's asset, or in the rule's trace only.
    let number = traced.and_then(|traced| {
        let (most, asset) = law.ruleset.amount_of(traced.rule)?;
        (asset.number == case.asset.0).then_some((u128::from(most), traced.used))
    });
    let (limit, used) = number.unwrap_or((0, 0));
    draft.asked = Some(Box::new(case.asked()));
    Stop::Deny(Box::new(Refused {
        payee: named_payee,
        limit,
        used,
        rule: traced,
        ..refused
    }))
}

/// Writes what moves, and what was asked if it was not ordinary.
#[inline]
pub(crate) fn record<V: View>(draft: &mut Draft<'_, V>, payment: &Payment<'_>) {
    if draft.law.is_some() {
        record_moves(draft);
    }
    let spend = payment.spend;
    let is_split = matches!(payment.payees, Payees::Many(_));
    let shown = draft.law.is_some() && (spend.confirmed.is_some() || is_split);
    if shown || !spend.circumstances.is_ordinary() {
        let shares = match &payment.payees {
            Payees::Many(payees) => shares(payees, payment.gross).collect(),
            Payees::One(_) => Vec::new(),
        };
        draft.effect(Effect::Asked(Box::new(Asked {
            payment: what(payment.purpose, &spend.circumstances),
            confirmed: spend.confirmed,
            circumstances: spend.circumstances,
            channel: spend.circumstances.channel,
            asks_payer: true,
            asks_payee: true,
            payee: payment.payees.first(),
            legs: Vec::new(),
            shares,
            is_capture: false,
        })));
    }
    pilot::record(draft, payment);
}

/// Writes what moves.
#[inline]
pub(crate) fn record_moves<V: View>(draft: &mut Draft<'_, V>) {
    let (effects, scratch) = (&mut draft.out.effects, &*draft.scratch);
    effects.extend(scratch.within.iter().copied().map(Effect::Moved));
    for moved in &scratch.counting {
        crate::law::push(effects, *moved);
    }
}

/// Makes the plan anew from the sources that nothing stands against. Whether it is another.
#[cold]
fn plan_anew<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>, law: &Law) -> bool {
    let court = Court::new(draft, law);
    let purpose = payment.purpose;
    let circumstances = payment.spend.circumstances;
    let usable = |account: &ledger::Account| {
        let case = Case {
            payment: what(purpose, &circumstances),
            asset: account.asset,
            payer: payment.payer,
            payee: payment.payees.first(),
            channel: circumstances.channel,
            circumstances,
            confirmed: payment.spend.confirmed,
            legs: Legs::one(court::funds(account), 1),
            asks_payer: true,
            asks_payee: true,
            coming: Coming::default(),
            is_capture: false,
        };
        let is_credit = account.source == Some(ledger::Source::Credit);
        (!is_credit || purpose != Purpose::Transfer) && court.forbids(&case).is_none()
    };
    let (wallet, asset) = (payment.payer, payment.spend.asset);
    let order = &draft.terms.funding_order;
    match funding::fill(draft, wallet, asset, payment.gross, order, usable) {
        Ok(plan) => {
            payment.plan = plan;
            true
        }
        Err(_) => false,
    }
}
