//! Subscriptions: what is charged when, what follows what fails, and what is kept.

mod fair;

use crate::town::*;
use engine::ids::{MandateId, PlanId};
use engine::plans::{
    Coupon, NewSubscription, Status, Subscription, SubscriptionChange, renewal_id,
};
use engine::repeat::difference;
use engine::terms::Terms;
use engine::time::Zone;
use engine::{Code, EventKind as K, Id, Op, UtcMillis};
use ledger::Source;
use money::{AssetCode, Atoms};
use pricing::{Dunning, Every, Off, Plan, PlanTier, Then, Trial};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// 2027-01-31T10:00:00Z.
const JANUARY: u64 = 1_801_389_600_000;

fn pln(name: &str) -> PlanId {
    PlanId(named(&format!("plan {name}")))
}

pub fn plan() -> Plan {
    let tier = |name: &str, amount, every| PlanTier {
        name: name.to_owned(),
        amount: Atoms(amount),
        every,
        count: 1,
    };
    Plan {
        product: 0,
        asset: AssetCode::new("USD").unwrap(),
        tax_included: None,
        tiers: vec![
            tier("basic", 1_000, Every::Month),
            tier("pro", 3_001, Every::Month),
            tier("year", 10_000, Every::Year),
            tier("free", 0, Every::Month),
        ],
        trial: None,
        dunning: Dunning {
            retry_days: vec![1, 3],
            then: Then::End,
        },
        grace_days: 2,
        notice_days: 0,
    }
}

fn trial(converts: bool) -> Plan {
    Plan {
        trial: Some(Trial {
            days: 14,
            converts,
            reminder_days: 3,
        }),
        ..plan()
    }
}

pub fn set_plan(name: &str, definition: Plan) -> Op {
    Op::SetPlan {
        plan: pln(name),
        from: None,
        definition: Box::new(definition),
    }
}

/// The name of a tier of [`plan`], by its number; of any other, none's.
fn tier(no: u16) -> String {
    let tiers = plan().tiers;
    let tier = tiers.get(usize::from(no));
    tier.map_or("none".to_owned(), |tier| tier.name.clone())
}

pub fn to(no: u16) -> NewSubscription {
    NewSubscription {
        wallet: wal("alice"),
        payer: wal("alice"),
        payee: wal("shop"),
        plan: pln("it"),
        tier: Some(tier(no)),
        skip_trial: false,
        limit: Atoms(0),
        coupon: None,
        periods: None,
        mandate: MandateId(Id::NONE),
        facts: Default::default(),
        circumstances: Default::default(),
        risk: risk::Score(0),
        confirmed: Default::default(),
    }
}

pub fn subscribe(new: NewSubscription) -> Op {
    Op::Subscribe { new: Box::new(new) }
}

pub fn change(subscription: Id, change: SubscriptionChange) -> Op {
    Op::ChangeSubscription {
        subscription,
        change,
    }
}

fn cancel(at_once: bool) -> SubscriptionChange {
    SubscriptionChange::Cancel { at_once }
}

fn resume() -> SubscriptionChange {
    let confirmed = Default::default();
    SubscriptionChange::Resume { confirmed }
}

fn pay_now() -> SubscriptionChange {
    let confirmed = Default::default();
    SubscriptionChange::Pay { confirmed }
}

fn move_to(no: u16, at_once: bool) -> SubscriptionChange {
    SubscriptionChange::Move {
        plan: pln("it"),
        tier: tier(no),
        at_once,
        limit: Atoms(0),
        confirmed: Default::default(),
    }
}

/// Makes a code of a plan, its last command expecting it.
pub fn make(t: &mut Town, code: Code) {
    match code {
        Code::PlanInvalid => {
            let mut wrong = plan();
            wrong.tiers.clear();
            t.check(set_plan("it", wrong), code);
        }
        Code::PlanArchived => {
            t.run(set_plan("it", plan()));
            t.run(Op::ArchivePlan { plan: pln("it") });
            t.check(subscribe(to(0)), code);
        }
        _ => {
            t.run(set_plan("it", trial(true)));
            t.run(subscribe(to(0)));
            t.check(subscribe(to(0)), code);
        }
    }
}

/// Every kind of event of a plan and its subscriptions, of those who live in the golden journal.
pub fn live(t: &mut Town) {
    let mut definition = trial(true);
    (definition.asset, definition.notice_days) = (AssetCode::new("EUR").unwrap(), 3);
    definition.tiers[0].amount = Atoms(10);
    definition.dunning.then = Then::Pause;
    t.run(set_plan("it", definition));
    let new = NewSubscription {
        wallet: wal("last"),
        payer: wal("last"),
        payee: wal("till"),
        ..to(0)
    };
    let id = t.id_of(subscribe(new.clone()));
    days(t, 75);
    t.run(change(id, move_to(3, false)));
    days(t, 40);
    for asked in [
        cancel(false),
        resume(),
        SubscriptionChange::Pause,
        resume(),
        cancel(true),
    ] {
        t.run(change(id, asked));
    }
    let dear = NewSubscription {
        coupon: Some(Coupon {
            off: Off::Share(ppm(999_000)),
            periods: Some(1),
        }),
        skip_trial: true,
        ..new
    };
    let dear = NewSubscription {
        tier: Some(tier(2)),
        ..dear
    };
    t.run(subscribe(dear));
    t.run(Op::ArchivePlan { plan: pln("it") });
    days(t, 372);
}

fn town(plan: Plan) -> Town {
    let mut town = Town::at(UtcMillis(JANUARY), Terms::default());
    town.fund("alice", Source::Card, 100_000);
    town.run(set_plan("it", plan));
    town
}

fn of(t: &Town, id: Id) -> &Subscription {
    &t.state.subscriptions[&(TENANT, id)]
}

fn has_ended(t: &Town, id: Id) -> bool {
    !t.state.subscriptions.contains_key(&(TENANT, id))
}

/// Lets days go by, and what is due happen at its time; says what did.
fn days(t: &mut Town, days: u64) -> Vec<K> {
    let until = UtcMillis(t.now.0 + days * DAY);
    let mut kinds = Vec::new();
    while let Some(&(at, ..)) = t.state.timers.first().filter(|timer| timer.0 <= until) {
        t.now = t.now.max(at);
        let before = t.rows.len();
        t.run_timers();
        kinds.extend(t.rows[before..].iter().map(|row| kind_of(row)));
    }
    t.now = until;
    kinds
}

fn kind_of(row: &[u8]) -> K {
    let mut event = engine::Event::empty();
    let mut reader = engine::codec::RowReader::new(engine::codec::FORMAT, row).unwrap();
    assert!(reader.next_event(&mut event).unwrap());
    event.kind
}

/// A date and time of UTC in words.
fn utc(at: UtcMillis) -> (u64, u64) {
    (at.0 / DAY - JANUARY / DAY, at.0 % DAY / HOUR)
}

#[test]
fn periods_begin_on_the_day_and_at_the_time_of_the_first() {
    // Central Europe: one hour east, two from 28 March 2027 on.
    let zone = Zone {
        name: "Europe/Paris".into(),
        first_offset_s: 3_600,
        transitions: vec![(UtcMillis(1_806_195_600_000), 7_200)],
    };
    let mut t = town(plan());
    t.set_terms(Terms {
        zone,
        ..Terms::default()
    });
    let id = t.check(subscribe(to(0)), K::Paid);
    assert_eq!(of(&t, id).from, t.now);
    let mut ends = Vec::new();
    for _ in 0..4 {
        let until = of(&t, id).until;
        ends.push(utc(until));
        t.now = until;
        assert_eq!(t.run_timers(), 1);
        assert_eq!(of(&t, id).from, until);
    }
    // 28 February, 31 March and 30 April, 31 May.
    assert_eq!(ends, [(28, 10), (59, 9), (89, 9), (120, 9)]);
    assert_eq!((of(&t, id).number, t.has("shop")), (5, 5_000));
}

#[test]
fn each_period_is_an_ordinary_payment_with_an_id_of_its_own() {
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    assert_eq!(t.paid(id).gross, 1_000);
    assert_eq!(days(&mut t, 60), [K::Paid, K::Paid]);
    for number in [2, 3] {
        let payment = renewal_id(id, number);
        assert_eq!(t.paid(payment).gross, 1_000);
        assert_eq!(
            t.events[&payment]
                .part(payment)
                .unwrap()
                .subscription()
                .unwrap()
                .subscription,
            id
        );
    }
    let op = t.refund(renewal_id(id, 2), 400);
    t.check(op, K::Refunded);
    assert_eq!(t.has("shop"), 2_600);
    // What was missed is made up for, period by period.
    t.later(150 * DAY);
    while t.run_timers() > 0 {}
    assert_eq!((of(&t, id).number, t.has("shop")), (7, 6_600));
}

#[test]
fn a_free_tier_renews_without_a_payment() {
    let mut t = town(plan());
    let id = t.check(subscribe(to(3)), K::SubscriptionStarted);
    assert_eq!(days(&mut t, 30), [K::SubscriptionRenewed]);
    assert_eq!((of(&t, id).number, t.has("shop")), (2, 0));
}

#[test]
fn a_trial_reminds_and_converts_or_ends() {
    let mut t = town(trial(true));
    let id = t.check(subscribe(to(0)), K::SubscriptionStarted);
    assert_eq!(
        (of(&t, id).status, of(&t, id).number),
        (Status::Trialing, 0)
    );
    assert_eq!(days(&mut t, 11), [K::SubscriptionTrialEnding]);
    assert_eq!(days(&mut t, 3), [K::Paid]);
    assert_eq!((of(&t, id).status, of(&t, id).number), (Status::Active, 1));
    t.check(subscribe(to(0)), Code::TrialUsed);
    let again = NewSubscription {
        skip_trial: true,
        ..to(0)
    };
    t.check(subscribe(again), K::Paid);

    for converts in [false, true] {
        let mut t = town(trial(false));
        let id = t.check(subscribe(to(0)), K::SubscriptionStarted);
        if converts {
            t.check(
                change(id, SubscriptionChange::Convert),
                K::SubscriptionChanged,
            );
            t.check(change(id, SubscriptionChange::Convert), Code::WrongState);
        }
        let last = match converts {
            true => K::Paid,
            false => K::SubscriptionEnded,
        };
        assert_eq!(days(&mut t, 14), [K::SubscriptionTrialEnding, last]);
        assert_eq!(has_ended(&t, id), !converts);
    }
}

#[test]
fn a_payer_is_told_before_each_renewal() {
    let mut t = town(Plan {
        notice_days: 7,
        ..plan()
    });
    t.check(subscribe(to(0)), K::Paid);
    let told = [K::SubscriptionRenewalUpcoming, K::Paid].repeat(2);
    assert_eq!(days(&mut t, 60), told);
}

#[test]
fn what_fails_is_tried_again_and_then_ends_or_pauses() {
    let poor = |then| {
        let mut p = plan();
        p.dunning.then = then;
        let mut t = town(p);
        let id = t.check(subscribe(to(0)), K::Paid);
        t.run(pay("alice", "bob", 99_000));
        (t, id)
    };
    let (mut t, id) = poor(Then::End);
    assert_eq!(days(&mut t, 28), [K::SubscriptionPastDue]);
    let record = of(&t, id);
    assert_eq!((record.status, record.failed), (Status::PastDue, 1));
    assert_eq!(record.refused, Some(Code::InsufficientFunds));
    let grace = record.serves_until(&plan(), &Zone::utc()).unwrap();
    assert_eq!(grace.0, record.from.0 + 2 * DAY);
    assert_eq!(days(&mut t, 1), [K::SubscriptionPastDue]);
    assert_eq!(days(&mut t, 2), [K::SubscriptionEnded]);
    assert!(has_ended(&t, id));
    assert_eq!((t.has("shop"), t.state.timers.len()), (1_000, 0));

    // Money in time: the same period, charged once, and the next as if nothing had been.
    let (mut t, id) = poor(Then::End);
    days(&mut t, 28);
    t.fund("alice", Source::Card, 5_000);
    assert_eq!(days(&mut t, 2), [K::Paid]);
    assert_eq!((of(&t, id).status, of(&t, id).number), (Status::Active, 2));
    assert_eq!(t.paid(renewal_id(id, 2)).gross, 1_000);
    assert_eq!(days(&mut t, 29), [K::Paid]);

    // By hand, without waiting for the retry.
    let (mut t, id) = poor(Then::End);
    t.check(change(id, pay_now()), Code::WrongState);
    days(&mut t, 28);
    t.check(change(id, pay_now()), Code::InsufficientFunds);
    t.fund("alice", Source::Card, 5_000);
    t.check(change(id, pay_now()), K::Paid);
    assert_eq!(days(&mut t, 10), []);

    let (mut t, id) = poor(Then::Pause);
    let paused = [
        K::SubscriptionPastDue,
        K::SubscriptionPastDue,
        K::SubscriptionPaused,
    ];
    assert_eq!(days(&mut t, 60), paused);
    t.check(change(id, resume()), Code::InsufficientFunds);
    t.fund("alice", Source::Card, 5_000);
    t.check(change(id, resume()), K::Paid);
    assert_eq!(
        (of(&t, id).status, of(&t, id).from),
        (Status::Active, t.now)
    );
    assert_eq!(days(&mut t, 31), [K::Paid]);
}

#[test]
fn it_is_cancelled_with_its_period_or_at_once() {
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    t.check(change(id, cancel(false)), K::SubscriptionCanceled);
    t.check(change(id, cancel(false)), Code::WrongState);
    t.check(change(id, resume()), K::SubscriptionResumed);
    t.check(change(id, resume()), Code::WrongState);
    t.check(change(id, cancel(false)), K::SubscriptionCanceled);
    assert_eq!(days(&mut t, 28), [K::SubscriptionEnded]);
    t.check(change(id, resume()), Code::NotFound);
    let id = t.check(subscribe(to(0)), K::Paid);
    t.check(change(id, cancel(true)), K::SubscriptionEnded);
    assert!(has_ended(&t, id) && t.state.timers.is_empty());

    let mut t = town(trial(true));
    let id = t.check(subscribe(to(0)), K::SubscriptionStarted);
    t.check(change(id, cancel(false)), K::SubscriptionCanceled);
    t.check(change(id, resume()), K::SubscriptionResumed);
    assert_eq!(of(&t, id).status, Status::Trialing);
    t.check(change(id, cancel(false)), K::SubscriptionCanceled);
    assert_eq!(days(&mut t, 14), [K::SubscriptionEnded]);
    assert_eq!(t.has("shop"), 0);
}

#[test]
fn a_pause_keeps_the_days_that_are_left() {
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    assert_eq!(days(&mut t, 10), []);
    t.check(change(id, SubscriptionChange::Pause), K::SubscriptionPaused);
    assert_eq!(
        (of(&t, id).left_days, of(&t, id).share(1_000, 20_859)),
        (18, 643)
    );
    assert_eq!(days(&mut t, 100), []);
    t.check(change(id, SubscriptionChange::Pause), Code::WrongState);
    t.check(change(id, resume()), K::SubscriptionResumed);
    assert_eq!(days(&mut t, 17), []);
    assert_eq!(days(&mut t, 1), [K::Paid]);
    assert_eq!((of(&t, id).number, t.has("shop")), (2, 2_000));
}

#[test]
fn a_move_pays_the_difference_to_the_atom() {
    // 28 days from 31 January on; after 10 of them 18 are left.
    for (from, tier, paid, credit) in [
        (
            0,
            1,
            3_001 * 28 / 28 - 3_001 * 10 / 28 - (1_000 - 1_000 * 10 / 28),
            0,
        ),
        // Today stays paid at the dearer price.
        (1, 0, 0, 3_001 - 3_001 * 11 / 28 - (1_000 - 1_000 * 11 / 28)),
        (0, 2, 10_000 - (1_000 - 1_000 * 11 / 28), 0),
        (1, 3, 0, 3_001 - 3_001 * 11 / 28),
        (0, 0, 0, 0),
    ] {
        let mut t = town(plan());
        let id = t.check(subscribe(to(from)), K::Paid);
        let before = t.has("shop");
        days(&mut t, 10);
        let kind = match paid {
            0 => K::SubscriptionChanged,
            _ => K::Paid,
        };
        t.check(change(id, move_to(tier, true)), kind);
        assert_eq!(t.has("shop") - before, i128::from(paid), "{from} to {tier}");
        assert_eq!(of(&t, id).credit, credit, "{from} to {tier}");
        let number = if tier == 2 { 2 } else { 1 };
        assert_eq!(of(&t, id).number, number);
    }
    // What is credited is used before money.
    let mut t = town(plan());
    let id = t.check(subscribe(to(1)), K::Paid);
    t.check(change(id, move_to(0, true)), K::SubscriptionChanged);
    let credit = 3_001 - 3_001 / 28 - (1_000 - 1_000 / 28);
    assert_eq!(of(&t, id).credit, credit);
    assert_eq!(days(&mut t, 28), [K::SubscriptionRenewed]);
    assert_eq!(days(&mut t, 31), [K::Paid]);
    assert_eq!(days(&mut t, 30), [K::Paid]);
    assert_eq!(t.has("shop"), i128::from(3_001 + 3_000 - credit));
}

#[test]
fn a_move_with_the_period_pays_nothing_now_and_old_versions_stay() {
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    let mut dearer = plan();
    dearer.tiers[0].amount = Atoms(2_000);
    t.run(set_plan("it", dearer));
    assert_eq!(days(&mut t, 28), [K::Paid]);
    assert_eq!(t.has("shop"), 2_000);
    t.check(change(id, move_to(0, false)), K::SubscriptionChanged);
    assert_eq!(days(&mut t, 31), [K::Paid]);
    assert_eq!((t.has("shop"), of(&t, id).choice.version), (4_000, 2));
    let limited = SubscriptionChange::Move {
        plan: pln("it"),
        tier: tier(1),
        at_once: true,
        limit: Atoms(1_000),
        confirmed: Default::default(),
    };
    t.check(change(id, limited), Code::PriceAboveLimit);
}

#[test]
fn coupons_gifts_and_terms_count_periods() {
    let off = |off, periods| Some(Coupon { off, periods });
    let mut t = town(plan());
    let half = off(Off::Share(ppm(500_000)), Some(2));
    let id = t.check(
        subscribe(NewSubscription {
            coupon: half,
            ..to(1)
        }),
        K::Paid,
    );
    assert_eq!(t.paid(id).gross, 1_501);
    days(&mut t, 59);
    assert_eq!(t.has("shop"), 1_501 * 2 + 3_001);
    let all = off(Off::Amount(Atoms(5_000)), None);
    t.check(
        change(id, SubscriptionChange::Discount { coupon: all }),
        K::SubscriptionChanged,
    );
    assert_eq!(days(&mut t, 61), [K::SubscriptionRenewed; 2]);
    let none = SubscriptionChange::Discount { coupon: None };
    t.check(change(id, none), K::SubscriptionChanged);
    assert_eq!(days(&mut t, 31), [K::Paid]);
    let never = off(Off::Amount(Atoms(1)), Some(0));
    t.check(
        subscribe(NewSubscription {
            coupon: never,
            ..to(0)
        }),
        Code::Malformed,
    );

    // Bob gives Alice two months.
    let mut t = town(plan());
    t.fund("bob", Source::Card, 10_000);
    let gift = NewSubscription {
        payer: wal("bob"),
        periods: Some(2),
        ..to(0)
    };
    let id = t.check(subscribe(gift), K::Paid);
    assert_eq!(days(&mut t, 59), [K::Paid, K::SubscriptionEnded]);
    assert!(has_ended(&t, id));
    assert_eq!((t.has("bob"), t.has("alice")), (8_000, 100_000));
}

#[test]
fn what_cannot_be_subscribed_to_is_named() {
    let mut t = town(plan());
    let with = |change: fn(&mut NewSubscription)| {
        let mut new = to(0);
        change(&mut new);
        subscribe(new)
    };
    let rows: [(Op, Code); 9] = [
        (with(|n| n.plan = pln("none")), Code::NotFound),
        (with(|n| n.tier = Some(tier(9))), Code::NotFound),
        (with(|n| n.payer = wal("nobody")), Code::NotFound),
        (
            with(|n| n.mandate = MandateId(named("none"))),
            Code::NotFound,
        ),
        (with(|n| n.periods = Some(0)), Code::Malformed),
        (with(|n| n.payee = wal("alice")), Code::SameWallet),
        (with(|n| n.payee = wal("alice2")), Code::SameParty),
        (with(|n| n.limit = Atoms(999)), Code::PriceAboveLimit),
        (with(|n| n.payer = wal("bob")), Code::InsufficientFunds),
    ];
    for (op, code) in rows {
        t.check(op, code);
    }
    let nobodys = change(named("none"), resume());
    t.check(nobodys, Code::NotFound);
    t.check(
        set_plan(
            "it",
            Plan {
                grace_days: 28,
                ..plan()
            },
        ),
        Code::PlanInvalid,
    );
    let euros = Plan {
        asset: AssetCode::new("EUR").unwrap(),
        ..plan()
    };
    t.check(set_plan("it", euros.clone()), Code::PlanInvalid);
    t.run(set_plan("euros", euros));
    let id = t.id_of(subscribe(to(0)));
    let elsewhere = SubscriptionChange::Move {
        plan: pln("euros"),
        tier: tier(0),
        at_once: true,
        limit: Atoms(0),
        confirmed: Default::default(),
    };
    t.check(change(id, elsewhere), Code::Malformed);
}

#[test]
fn the_same_command_is_answered_once() {
    let mut t = town(plan());
    let id = t.new_id();
    let command = t.command(id, subscribe(to(0)));
    t.check_command(&command, K::Paid);
    t.check_command(&command, Expect::Known);
    assert_eq!(difference(&t.state, &command, &t.events[&id]), None);
    let other = t.command(id, subscribe(to(1)));
    assert_eq!(difference(&t.state, &other, &t.events[&id]), Some("id"));
    let stop = t.new_id();
    let command = t.command(stop, change(id, cancel(false)));
    t.check_command(&command, K::SubscriptionCanceled);
    t.check_command(&command, Expect::Known);
    assert_eq!(difference(&t.state, &command, &t.events[&stop]), None);
    let other = t.command(stop, change(id, cancel(true)));
    assert_eq!(difference(&t.state, &other, &t.events[&stop]), Some("id"));
}

/// One thing that happens to some of the subscriptions.
#[derive(Clone, Debug)]
enum Step {
    Subscribe(u16, bool),
    Change(usize, u8),
    Fund(u64),
    Days(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0u16..4, any::<bool>()).prop_map(|(tier, skip)| Step::Subscribe(tier, skip)),
        4 => (0usize..8, 0u8..12).prop_map(|(which, what)| Step::Change(which, what)),
        2 => (1u64..6_000).prop_map(Step::Fund),
        5 => (1u64..40).prop_map(Step::Days),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(cases(48))]

    /// Whatever happens: every atom that left payers arrived, no period is charged twice, what was paid
    /// and what is credited are what the periods and their parts cost. That the books balance, that
    /// nothing is overdrawn and that a snapshot holds it all is audited after each event.
    #[test]
    fn periods_are_charged_at_most_once(steps in steps(), then_pauses in any::<bool>()) {
        let mut definition = trial(true);
        definition.notice_days = 3;
        if then_pauses {
            definition.dunning.then = Then::Pause;
        }
        let mut t = Town::at(UtcMillis(JANUARY), Terms::default());
        t.fund("alice", Source::Card, 3_000);
        t.run(set_plan("it", definition));
        let (mut ids, mut funded) = (Vec::new(), 3_000);
        for step in steps {
            match step {
                Step::Subscribe(tier, skip_trial) => {
                    let (id, _) = t.try_run(subscribe(NewSubscription { skip_trial, ..to(tier) }));
                    ids.push(id);
                }
                Step::Change(which, what) => {
                    let Some(&id) = ids.get(which) else { continue };
                    let asked = match what {
                        0 => cancel(false),
                        1 => cancel(true),
                        2 | 3 => SubscriptionChange::Pause,
                        4 | 5 => resume(),
                        6 => pay_now(),
                        7 => SubscriptionChange::Convert,
                        8 => move_to(0, false),
                        at => move_to(u16::from(at - 9), true),
                    };
                    t.try_run(change(id, asked));
                }
                Step::Fund(amount) => {
                    t.fund("alice", Source::Card, amount);
                    funded += i128::from(amount);
                }
                Step::Days(n) => drop(days(&mut t, n)),
            }
        }
        prop_assert_eq!(t.has("alice") + t.has("shop"), funded);
        // Of each row the payment and the period it was for.
        let mut charged = BTreeSet::new();
        let (mut paid, mut seen) = (0, std::collections::BTreeMap::<Id, Subscription>::new());
        for row in &t.rows {
            let mut event = engine::Event::empty();
            let mut reader = engine::codec::RowReader::new(engine::codec::FORMAT, row).unwrap();
            prop_assert!(reader.next_event(&mut event).unwrap());
            let parts: Vec<_> = event.parts().collect();
            let part = &parts[0];
            let Some(set) = part.subscription() else { continue };
            let gross = part.paid().map_or(0, |paid| paid.gross);
            paid += i128::from(gross);
            let now = &set.record;
            let before = seen.insert(set.subscription, now.clone());
            let is_charge = now.status == Status::Active
                && before.as_ref().is_none_or(|b| b.number < now.number || b.status == Status::PastDue);
            if is_charge {
                prop_assert!(charged.insert((set.subscription, now.number)), "{now:?}");
                let had = before.as_ref().map_or(0, |b| b.credit);
                let given_up = match &before {
                    Some(b) if b.status == Status::Active && now.from < b.until => {
                        let a_day = |price: u64, span: pricing::Span| price * u64::from(span.days());
                        let cheaper = a_day(now.price, b.span) < a_day(b.price, now.span);
                        b.share(b.price, now.span.from + u32::from(cheaper))
                    }
                    _ => 0,
                };
                prop_assert_eq!(now.price + now.credit, gross + had + given_up, "{:?}", now);
            }
        }
        prop_assert_eq!(t.has("shop"), paid);
    }

    /// Moved back and forth between tiers of one price, all days of a period sum to the price of each
    /// for its days.
    #[test]
    fn parts_of_a_period_sum_to_the_whole(cuts in prop::collection::btree_set(1u64..28, 0..6)) {
        let mut definition = plan();
        definition.tiers[1].amount = Atoms(1_000);
        let mut t = town(definition);
        let id = t.id_of(subscribe(to(0)));
        let mut today = 0;
        for (at, cut) in cuts.into_iter().enumerate() {
            days(&mut t, cut - today);
            today = cut;
            t.check(change(id, move_to(u16::from(at % 2 == 0), true)), K::SubscriptionChanged);
        }
        prop_assert_eq!((t.has("shop"), of(&t, id).credit), (1_000, 0));
    }
}
