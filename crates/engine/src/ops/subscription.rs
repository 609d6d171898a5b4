//! Subscriptions: made, charged again and again by timers, changed and ended.
//!
//! - What is charged is an ordinary payment, asked of every stage of the step; the event that makes it
//!   moves the subscription on, so a period is charged once.
//! - What fails when somebody asks for it is refused and changes nothing. What fails by itself is tried
//!   again as the plan says, and then ends or pauses.
//! - What was missed while the node stood still is made up for period by period, each by its own day.
//! - What was paid and is given up for another tier is credited: the parts of a period sum to its price.

use crate::code::Code;
use crate::command::{Op, Spend};
use crate::content;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind, Hash};
use crate::ids::{Id, PlanId};
use crate::law::{Circumstances, Confirmed, HOURS_LONG_AGO};
use crate::plans::{
    Choice, Coupon, Due, NewSubscription, PlanVersion, Status, Subscription, SubscriptionChange,
    SubscriptionSet, kind_of, renewal_id,
};
use crate::records::{PlanNo, Standing, WalletNo};
use crate::step::{self, Draft};
use crate::time::{Day, UtcMillis};
use crate::view::View;
use ::tax::supply::Pricing;
use ledger::AssetNo;
use money::Atoms;
use policy::Flag;
use pricing::{Plan, PlanTier, Span, Then};
use risk::Score;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// What is known of a payment besides the subscription it is for.
struct Said {
    id: Id,
    /// The most that may be paid before tax on top; zero is any.
    limit: u64,
    circumstances: Circumstances,
    risk: Score,
    confirmed: Confirmed,
}

impl Said {
    /// What the payer asks for now.
    fn now<V: View>(draft: &Draft<'_, V>, record: &Subscription, confirmed: Confirmed) -> Said {
        Said {
            id: draft.out.id,
            limit: 0,
            circumstances: Circumstances {
                product: record.product,
                ..Circumstances::default()
            },
            risk: Score(0),
            confirmed,
        }
    }

    /// What happens by itself, so long after its payer was told.
    fn by_itself(record: &Subscription, subscription: Id, now: UtcMillis) -> Said {
        let told = (record.noticed.0 > 0).then(|| now.0.saturating_sub(record.noticed.0));
        let hours = told.map_or(0, |ms| ms / 3_600_000);
        let mut circumstances = Circumstances {
            product: record.product,
            notice_hours: u16::try_from(hours).unwrap_or(HOURS_LONG_AGO),
            ..Circumstances::default()
        };
        circumstances.flags.insert(Flag::PayeeInitiated);
        Said {
            id: renewal_id(subscription, record.number),
            limit: 0,
            circumstances,
            risk: Score(0),
            confirmed: Confirmed::NOTHING,
        }
    }
}

/// A plan that can be subscribed to, by the version that holds.
fn plan_now<'d, V: View>(
    draft: &Draft<'d, V>,
    id: PlanId,
) -> Rule<(PlanNo, AssetNo, &'d PlanVersion)> {
    let state = draft.view.base();
    let not_found = || Stop::Reject(Code::NotFound, "plan");
    let no = state.plan_no(draft.tenant, id).ok_or_else(not_found)?;
    let record = state.plan(no).ok_or_else(not_found)?;
    if record.archived {
        return Err(Stop::Reject(Code::PlanArchived, "plan"));
    }
    let version = record.at(draft.now).ok_or_else(not_found)?;
    Ok((no, record.asset, version))
}

fn is_same_rhythm(before: &PlanTier, after: &PlanTier) -> bool {
    (before.every, before.count) == (after.every, after.count)
}

/// A tier by its name; the first, if none is named.
fn tier_of<'p>(plan: &'p Plan, name: Option<&str>) -> Rule<(u16, &'p PlanTier)> {
    let no = name.map_or(Some(0), |name| plan.tier_no(name));
    let found = no.and_then(|no| Some((no, plan.tiers.get(usize::from(no))?)));
    found.ok_or(Stop::Reject(Code::NotFound, "tier"))
}

/// What was chosen stands for good, with its asset.
fn chosen<'d, V: View>(
    draft: &Draft<'d, V>,
    choice: Choice,
) -> Rule<(&'d Plan, &'d PlanTier, AssetNo)> {
    let state = draft.view.base();
    let found = state.chosen(choice).zip(state.plan(choice.plan));
    let ((plan, tier), record) = found.ok_or(Stop::Reject(Code::NotFound, "plan"))?;
    Ok((plan, tier, record.asset))
}

fn check_coupon(coupon: Option<&Coupon>) -> Rule {
    match coupon {
        Some(coupon) if coupon.periods == Some(0) => Err(Stop::Reject(Code::Malformed, "coupon")),
        _ => Ok(()),
    }
}

pub(crate) fn subscribe<V: View>(draft: &mut Draft<'_, V>, new: &NewSubscription, op: &Op) -> Rule {
    let find = |id, field| draft.find_wallet(WalletNo::NONE, id, field);
    let (wallet, payer) = (find(new.wallet, "wallet")?, find(new.payer, "payer")?);
    let payee = find(new.payee, "payee")?;
    let (plan_no, asset, version) = plan_now(draft, new.plan)?;
    let plan = &version.plan;
    let (tier_no, tier) = tier_of(plan, new.tier.as_deref())?;
    check_coupon(new.coupon.as_ref())?;
    if new.periods == Some(0) {
        return Err(Stop::Reject(Code::Malformed, "periods"));
    }
    let party = |no: WalletNo| draft.view.wallet(no).party;
    if payer == payee {
        return Err(Stop::Reject(Code::SameWallet, "payee"));
    }
    if party(payer) == party(payee) {
        return Err(Stop::Reject(Code::SameParty, "payee"));
    }
    if new.mandate.0.is_some() {
        let mandate = draft.view.mandate(draft.key(new.mandate.0));
        if mandate.is_none_or(|mandate| mandate.payer != payer) {
            return Err(Stop::Reject(Code::NotFound, "mandate"));
        }
    }
    let refused = |code| draft.deny(code, payer, asset, tier.amount.0);
    draft.check_active(payer, refused)?;
    draft.check_active(wallet, refused)?;
    let is_there = draft.view.wallet(payee).standing == Standing::Active
        && draft.view.party(party(payee)).standing == Standing::Active;
    if !is_there {
        return Err(refused(Code::PayeeUnavailable));
    }
    let trial = plan.trial.filter(|_| !new.skip_trial);
    let had = (party(wallet), plan_no);
    if trial.is_some() && draft.state().trials.contains(&had) {
        return Err(refused(Code::TrialUsed));
    }
    let today = draft.civil.day.0;
    let mut record = Subscription {
        wallet,
        payer,
        payee,
        choice: Choice {
            plan: plan_no,
            version: version.number,
            tier: tier_no,
        },
        status: Status::Active,
        began: draft.now,
        number: 0,
        from: draft.now,
        until: draft.now,
        span: Span {
            from: today,
            until: today,
        },
        anchor: today,
        next: 0,
        second: draft.terms.zone.moment(draft.now).second,
        price: 0,
        credit: 0,
        coupon: new.coupon,
        periods: new.periods,
        change: None,
        mandate: new.mandate.0.is_some().then_some(new.mandate),
        product: new.circumstances.product,
        facts: new.facts,
        converts: true,
        due: Due::Nothing,
        due_at: UtcMillis(0),
        noticed: UtcMillis(0),
        failed: 0,
        refused: None,
        left_days: 0,
        paused_at: UtcMillis(0),
        priced_from: today,
        reduced: None,
    };
    let content = Some(content::of(op));
    if let Some(trial) = trial {
        record.status = Status::Trialing;
        record.converts = trial.converts;
        record.span.until = today + u32::from(trial.days);
        record.until = instant(draft, &record, record.span.until);
        draft.out.kind = EventKind::SubscriptionStarted;
        return keep(draft, draft.out.id, record, content);
    }
    begin(draft, &mut record, tier);
    let said = Said {
        id: draft.out.id,
        limit: new.limit.0,
        circumstances: new.circumstances,
        risk: new.risk,
        confirmed: new.confirmed,
    };
    let due = record.price;
    draft.out.kind = EventKind::SubscriptionStarted;
    charge(draft, &mut record, due, &said)?;
    paid(&mut record);
    keep(draft, said.id, record, content)
}

fn instant<V: View>(draft: &Draft<'_, V>, record: &Subscription, day: u32) -> UtcMillis {
    draft.terms.zone.instant(Day(day), record.second)
}

/// Begins the next period.
fn begin<V: View>(draft: &Draft<'_, V>, record: &mut Subscription, tier: &PlanTier) {
    record.number += 1;
    record.span = tier.cycle(record.anchor).span(record.next);
    record.next += 1;
    record.priced_from = record.span.from;
    record.reduced = record.coupon.map(|coupon| coupon.off);
    record.price = record.price_of(tier);
    record.from = record.until;
    // Whatever the zone has become meanwhile, a period lasts.
    let until = instant(draft, record, record.span.until);
    record.until = until.max(record.from.plus(1));
}

/// Counts periods anew from now.
fn anchor_now<V: View>(draft: &Draft<'_, V>, record: &mut Subscription) {
    (record.anchor, record.next) = (draft.civil.day.0, 0);
    record.second = draft.terms.zone.moment(draft.now).second;
    record.until = draft.now;
}

/// Notes that the period under way is paid.
fn paid(record: &mut Subscription) {
    record.status = Status::Active;
    (record.failed, record.refused) = (0, None);
    record.noticed = UtcMillis(0);
    record.periods = record.periods.map(|periods| periods.saturating_sub(1));
    if let Some(coupon) = &mut record.coupon {
        coupon.periods = coupon.periods.map(|periods| periods - 1);
    }
    record.coupon = record.coupon.filter(|coupon| coupon.periods != Some(0));
}

/// Charges what is due, less what is credited. Nothing left to pay is no payment, and the event is what
/// it was said to be.
fn charge<V: View>(
    draft: &mut Draft<'_, V>,
    record: &mut Subscription,
    due: u64,
    said: &Said,
) -> Rule {
    let (plan, _, asset) = chosen(draft, record.choice)?;
    let amount = due.saturating_sub(record.credit);
    if said.limit > 0 && amount > said.limit {
        let numbers = (u128::from(said.limit), 0);
        return Err(draft.deny_at(Code::PriceAboveLimit, record.payer, asset, amount, numbers));
    }
    record.credit -= due - amount;
    if amount == 0 {
        return Ok(());
    }
    let of_plan = plan.tax_included.map(|included| match included {
        true => Pricing::Inclusive,
        false => Pricing::Exclusive,
    });
    let mut tax = record.facts;
    tax.pricing = of_plan.or(tax.pricing);
    let spend = Spend {
        payer: draft.view.wallet(record.payer).id,
        mandate: record.mandate.unwrap_or_default(),
        amount: Atoms(amount),
        asset,
        risk: said.risk,
        confirmed: said.confirmed,
        circumstances: said.circumstances,
        tax,
        item: Default::default(),
    };
    draft.out.id = said.id;
    step::charge(draft, &spend, (record.payer, record.payee))?;
    if draft.out.kind == EventKind::StepUpAsked {
        // It would be paid for without the subscription knowing.
        return Err(draft.deny(Code::StepUpNeeded, record.payer, asset, amount));
    }
    Ok(())
}

/// What happens next by itself, and when.
fn schedule<V: View>(draft: &Draft<'_, V>, record: &Subscription, plan: &Plan) -> (Due, UtcMillis) {
    let turn = (Due::Turn, record.until);
    let told_days = match record.status {
        Status::Paused | Status::Ended => return (Due::Nothing, UtcMillis(0)),
        Status::PastDue => {
            let retries = &plan.dunning.retry_days;
            let days = retries.get(usize::from(record.failed).saturating_sub(1));
            let day = record.span.from + days.map_or(0, |days| u32::from(*days));
            return (Due::Retry, instant(draft, record, day));
        }
        Status::Canceling => return turn,
        Status::Trialing => plan.trial.map_or(0, |trial| trial.reminder_days),
        // After its last there is nothing to tell.
        Status::Active if record.periods == Some(0) => 0,
        Status::Active => plan.notice_days,
    };
    if told_days == 0 || record.noticed.0 > 0 {
        return turn;
    }
    let day = record.span.until.saturating_sub(u32::from(told_days));
    let at = instant(draft, record, day).max(record.from);
    (Due::Notice, at.min(record.until))
}

/// Writes what a subscription has become.
fn keep<V: View>(
    draft: &mut Draft<'_, V>,
    subscription: Id,
    mut record: Subscription,
    content: Option<Hash>,
) -> Rule {
    let (plan, ..) = chosen(draft, record.choice)?;
    (record.due, record.due_at) = schedule(draft, &record, plan);
    draft.effect(Effect::SubscriptionSet(Box::new(SubscriptionSet {
        subscription,
        content,
        record,
    })));
    draft.note_actor();
    Ok(())
}

/// What is due has come.
pub(crate) fn due<V: View>(draft: &mut Draft<'_, V>, subscription: Id) -> Rule {
    let found = draft.state().subscriptions.get(&draft.key(subscription));
    let is_due = |r: &&Subscription| r.due != Due::Nothing && r.due_at <= draft.now;
    let record = found.filter(is_due);
    let mut record = record.ok_or(Stop::Reject(Code::NotFound, "timer"))?.clone();
    match record.due {
        Due::Notice => {
            draft.out.kind = match record.status {
                Status::Trialing => EventKind::SubscriptionTrialEnding,
                _ => EventKind::SubscriptionRenewalUpcoming,
            };
            record.noticed = draft.now;
            keep(draft, subscription, record, None)
        }
        Due::Retry => renew(draft, subscription, record),
        Due::Turn | Due::Nothing => {
            let is_over = match record.status {
                Status::Trialing => !record.converts,
                Status::Active => record.periods == Some(0),
                _ => true,
            };
            if is_over {
                draft.out.kind = EventKind::SubscriptionEnded;
                record.status = Status::Ended;
                return keep(draft, subscription, record, None);
            }
            turn(draft, &mut record)?;
            renew(draft, subscription, record)
        }
    }
}

/// Goes on to the next period, of what was chosen for it.
fn turn<V: View>(draft: &Draft<'_, V>, record: &mut Subscription) -> Rule {
    let (_, before, _) = chosen(draft, record.choice)?;
    record.choice = record.change.take().unwrap_or(record.choice);
    let (_, tier, _) = chosen(draft, record.choice)?;
    if record.number == 0 || !is_same_rhythm(before, tier) {
        (record.anchor, record.next) = (record.span.until, 0);
    }
    begin(draft, record, tier);
    Ok(())
}

/// Charges the period under way; what fails is tried again, ends or pauses.
fn renew<V: View>(draft: &mut Draft<'_, V>, subscription: Id, before: Subscription) -> Rule {
    let said = Said::by_itself(&before, subscription, draft.now);
    let mut record = before.clone();
    draft.out.kind = EventKind::SubscriptionRenewed;
    let stop = match charge(draft, &mut record, before.price, &said) {
        Ok(()) => {
            paid(&mut record);
            return keep(draft, subscription, record, None);
        }
        // The law is not yet to be asked: this is nobody's failure.
        Err(stop @ Stop::Reject(Code::LawNotReady, _)) => return Err(stop),
        Err(stop) => stop,
    };
    // Nothing of what was tried stands.
    draft.out.begin(
        draft.now,
        draft.tenant,
        EventKind::SubscriptionPastDue,
        Id::NONE,
    );
    draft.scratch.clear();
    draft.missing.clear();
    draft.unsettled = false;
    let asked = draft.asked.take();
    let mut record = before;
    let code = match stop {
        Stop::Deny(refused) => {
            let code = refused.code;
            draft.effect(Effect::Refused(refused));
            code
        }
        Stop::Reject(code, _) | Stop::RejectItem(code, ..) => code,
    };
    if let Some(asked) = asked {
        draft.effect(Effect::Asked(asked));
    }
    (record.failed, record.refused) = (record.failed.saturating_add(1), Some(code));
    let (plan, ..) = chosen(draft, record.choice)?;
    let tries = plan.dunning.retry_days.len();
    record.status = match plan.dunning.then {
        _ if usize::from(record.failed) <= tries => Status::PastDue,
        Then::Pause => {
            draft.out.kind = EventKind::SubscriptionPaused;
            Status::Paused
        }
        Then::End => {
            draft.out.kind = EventKind::SubscriptionEnded;
            Status::Ended
        }
    };
    keep(draft, subscription, record, None)
}

pub(crate) fn change<V: View>(
    draft: &mut Draft<'_, V>,
    subscription: Id,
    change: &SubscriptionChange,
    op: &Op,
) -> Rule {
    let found = draft.state().subscriptions.get(&draft.key(subscription));
    let found = found.ok_or(Stop::Reject(Code::NotFound, "subscription"))?;
    let mut record = found.clone();
    let (of_plan, tier, asset) = chosen(draft, record.choice)?;
    let wrong_state = || draft.deny(Code::WrongState, found.payer, asset, 0);
    let today = draft.civil.day.0;
    let mut kind = kind_of(change);
    // What is to be paid for it now.
    let mut said = None;
    match (change, record.status) {
        (SubscriptionChange::Cancel { at_once: false }, Status::Active | Status::Trialing) => {
            record.status = Status::Canceling
        }
        (SubscriptionChange::Cancel { at_once: false }, Status::Canceling) => {
            return Err(wrong_state());
        }
        // What is not paid for has no end to wait for.
        (SubscriptionChange::Cancel { .. }, _) => {
            if matches!(record.status, Status::Active | Status::Canceling) {
                record.left_days = record.rest(today).days();
            }
            record.status = Status::Ended;
            kind = EventKind::SubscriptionEnded;
        }
        (SubscriptionChange::Pause, Status::Active) => {
            record.status = Status::Paused;
            (record.left_days, record.paused_at) = (record.rest(today).days(), draft.now);
        }
        (SubscriptionChange::Resume { .. }, Status::Canceling) => {
            record.status = match record.number {
                0 => Status::Trialing,
                _ => Status::Active,
            };
        }
        (SubscriptionChange::Resume { .. }, Status::Paused) if record.paused_at.0 > 0 => {
            resume(draft, &mut record);
        }
        (SubscriptionChange::Resume { confirmed }, Status::Paused) if record.periods != Some(0) => {
            anchor_now(draft, &mut record);
            begin(draft, &mut record, tier);
            said = Some((record.price, Said::now(draft, &record, *confirmed)));
        }
        (SubscriptionChange::Pay { confirmed }, Status::PastDue) => {
            kind = EventKind::SubscriptionRenewed;
            said = Some((record.price, Said::now(draft, &record, *confirmed)));
        }
        (SubscriptionChange::Convert, Status::Trialing) if !record.converts => {
            record.converts = true;
        }
        (
            SubscriptionChange::Move {
                plan,
                tier: to,
                at_once,
                limit,
                confirmed,
            },
            Status::Active | Status::Trialing,
        ) => {
            let own = || draft.state().plan(found.choice.plan).map(|own| own.id);
            let named = plan.0.is_some().then_some(*plan).or_else(own);
            let named = named.ok_or(Stop::Reject(Code::NotFound, "plan"))?;
            let (plan, its_asset, version) = plan_now(draft, named)?;
            let (tier_no, new_tier) = tier_of(&version.plan, Some(to))?;
            if its_asset != asset {
                return Err(Stop::Reject(Code::Malformed, "plan"));
            }
            // After the last period no other begins; and what became cheaper today is so from tomorrow.
            let is_last = record.periods == Some(0) && !is_same_rhythm(tier, new_tier);
            let has_moved = record.priced_from > today.max(record.span.from);
            if is_last || (*at_once && has_moved) {
                return Err(wrong_state());
            }
            // An amount with its tax in it is none that tax comes on top of.
            let is_paid = record.status == Status::Active && record.price > 0;
            let crosses = record.credit > 0 || (*at_once && is_paid);
            if crosses && version.plan.tax_included != of_plan.tax_included {
                return Err(Stop::Reject(Code::Malformed, "plan"));
            }
            let choice = Choice {
                plan,
                version: version.number,
                tier: tier_no,
            };
            record.noticed = UtcMillis(0);
            if record.status == Status::Trialing {
                record.choice = choice;
            } else if !at_once {
                record.change = Some(choice);
            } else {
                (record.choice, record.change) = (choice, None);
                let is_longer = move_now(draft, &mut record, (tier, new_tier))?;
                let due = match is_longer {
                    true => record.price,
                    false => record.share(record.price, today),
                };
                let mut now = Said::now(draft, &record, *confirmed);
                now.limit = limit.0;
                draft.out.kind = kind;
                charge(draft, &mut record, due, &now)?;
                if is_longer {
                    paid(&mut record);
                }
                return keep(draft, subscription, record, Some(content::of(op)));
            }
        }
        (SubscriptionChange::Discount { coupon }, _) => {
            check_coupon(coupon.as_ref())?;
            record.coupon = *coupon;
            if record.status == Status::PastDue {
                // Its period is not paid yet.
                record.reduced = coupon.map(|coupon| coupon.off);
                record.price = record.price_of(tier);
            }
            // What failed is not told of again, unless it costs more.
            if record.status != Status::PastDue || record.price > found.price {
                record.noticed = UtcMillis(0);
            }
        }
        _ => return Err(wrong_state()),
    }
    draft.out.kind = kind;
    if let Some((due, said)) = said {
        charge(draft, &mut record, due, &said)?;
        paid(&mut record);
    }
    keep(draft, subscription, record, Some(content::of(op)))
}

/// Goes on with a period that is paid: it is over as many whole days of 24 hours later as it was paused, so
/// a pause over midnight gives no day.
fn resume<V: View>(draft: &Draft<'_, V>, record: &mut Subscription) {
    let paused_ms = draft.now.0.saturating_sub(record.paused_at.0);
    let days = u32::try_from(paused_ms / DAY_MS).unwrap_or(u32::MAX);
    (record.status, record.paused_at) = (Status::Active, UtcMillis(0));
    record.left_days = 0;
    if days == 0 {
        return;
    }
    let later = |day: u32| day.saturating_add(days);
    record.span = Span {
        from: later(record.span.from),
        until: later(record.span.until),
    };
    record.priced_from = later(record.priced_from);
    (record.anchor, record.next) = (record.span.until, 0);
    record.from = draft.now;
    record.until = instant(draft, record, record.span.until).max(draft.now.plus(1));
    record.noticed = UtcMillis(0);
}

/// Credits the days that are left of the period at its old price. In the same rhythm the period stays and
/// has the new price; in another the next begins now, and this says so. A day that was begun at a dearer
/// price stays paid at it: what is cheaper begins tomorrow.
fn move_now<V: View>(
    draft: &Draft<'_, V>,
    record: &mut Subscription,
    (before, after): (&PlanTier, &PlanTier),
) -> Rule<bool> {
    let mut moved = record.clone();
    let is_longer = !is_same_rhythm(before, after);
    if is_longer {
        anchor_now(draft, &mut moved);
        begin(draft, &mut moved, after);
    } else {
        moved.price = moved.price_of(after);
    }
    let a_day = |price: u64, of: &Subscription| u128::from(price) * u128::from(of.span.days());
    let is_cheaper = a_day(moved.price, record) < a_day(record.price, &moved);
    let first = draft.civil.day.0.saturating_add(u32::from(is_cheaper));
    let credit = record.credit.checked_add(record.share(record.price, first));
    moved.credit = credit.ok_or(Stop::Reject(Code::Malformed, "plan"))?;
    if !is_longer {
        moved.priced_from = first;
    }
    *record = moved;
    Ok(is_longer)
}
