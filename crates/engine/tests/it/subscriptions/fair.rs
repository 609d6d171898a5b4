//! What neither payer nor payee can gain by the hour, the coupon or the id they choose.

use super::*;

#[test]
fn the_id_of_a_renewal_is_nobody_elses() {
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    let renewal = renewal_id(id, 2);
    t.check_as(renewal, pay("alice", "bob", 400), Code::Malformed);
    let items = vec![(renewal, pay("alice", "bob", 400))];
    t.check(Op::Group { items }, Code::Malformed);
    assert_eq!(days(&mut t, 28), [K::Paid]);
    let text = renewal.with_prefix("pay");
    assert_eq!(text.parse(), Ok(engine::ids::PaymentId(renewal)));
    t.check_as(renewal, pay("alice", "bob", 400), Code::Malformed);
    let op = t.refund(renewal, 1_000);
    t.check(op, K::Refunded);
    let op = t.refund(renewal, 1);
    t.check(op, Code::RefundExceedsPayment);
}

#[test]
fn no_part_of_a_day_is_had_twice() {
    // Paused over each midnight: no day is given.
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    let until = of(&t, id).until;
    t.later(13 * HOUR + 59 * 60_000);
    for _ in 0..10 {
        t.check(change(id, SubscriptionChange::Pause), K::SubscriptionPaused);
        t.later(2 * 60_000);
        t.check(change(id, resume()), K::SubscriptionResumed);
        t.later(DAY - 2 * 60_000);
    }
    assert_eq!(of(&t, id).until, until);
    // Nor for what is left of the last day.
    t.later(until.0 - t.now.0 - HOUR);
    t.check(change(id, SubscriptionChange::Pause), K::SubscriptionPaused);
    t.later(DAY);
    t.check(change(id, resume()), K::SubscriptionResumed);
    assert_eq!(of(&t, id).until.0, until.0 + DAY);

    // Up each morning and down each night: what is had is paid.
    let mut t = town(plan());
    let id = t.check(subscribe(to(0)), K::Paid);
    for _ in 0..20 {
        t.run(change(id, move_to(1, true)));
        t.later(13 * HOUR);
        t.check(change(id, move_to(0, true)), K::SubscriptionChanged);
        t.check(change(id, move_to(1, true)), Code::WrongState);
        t.later(11 * HOUR);
    }
    let record = of(&t, id);
    let worth = 3_001 * 20 / 28 + (1_000 - 1_000 * 20 / 28);
    let paid = t.has("shop") - i128::from(record.credit);
    // Each part is rounded for itself.
    assert!((paid - worth).abs() <= 20, "{paid} for {worth}");

    // To a year and back.
    let mut definition = plan();
    definition.tiers[2].amount = Atoms(100_000 * 365 / 28);
    let mut t = town(definition);
    t.fund("alice", Source::Card, 2_000_000);
    let id = t.check(subscribe(to(0)), K::Paid);
    t.check(change(id, move_to(2, true)), K::Paid);
    t.later(12 * HOUR);
    let before = t.has("shop") - i128::from(of(&t, id).credit);
    t.check(change(id, move_to(0, true)), K::SubscriptionChanged);
    let after = t.has("shop") - i128::from(of(&t, id).credit);
    let year = 100_000 * 365 / 28;
    assert_eq!(before - after, year - year / 365 - 1_000);
}

#[test]
fn credit_stays_with_amounts_of_its_kind() {
    let with_tax = |included| Plan {
        tax_included: included,
        ..plan()
    };
    let elsewhere = |at_once| SubscriptionChange::Move {
        plan: pln("other"),
        tier: tier(1),
        at_once,
        limit: Atoms(0),
        confirmed: Default::default(),
    };
    for (from, credited, at_once, expected) in [
        (0, false, true, Expect::from(Code::Malformed)),
        (0, false, false, K::SubscriptionChanged.into()),
        (1, true, false, Code::Malformed.into()),
        (3, false, true, K::Paid.into()),
    ] {
        let mut t = town(with_tax(Some(true)));
        t.run(set_plan("other", with_tax(Some(false))));
        let id = t.id_of(subscribe(to(from)));
        if credited {
            t.run(change(id, move_to(0, true)));
            t.later(DAY);
        }
        t.check(change(id, elsewhere(at_once)), expected);
    }
}

#[test]
fn a_coupon_counts_for_the_periods_it_lowered() {
    let off = |amount, periods| {
        let off = Off::Amount(Atoms(amount));
        Some(Coupon { off, periods })
    };
    let discount = |coupon| SubscriptionChange::Discount { coupon };
    let reduced = NewSubscription {
        coupon: off(400, Some(1)),
        ..to(0)
    };
    // Moved, the period keeps what it was reduced by, and a new coupon waits for the next.
    for coupon in [None, off(1_000, Some(1))] {
        let mut t = town(plan());
        let id = t.id_of(subscribe(reduced.clone()));
        if coupon.is_some() {
            t.run(change(id, discount(coupon)));
        }
        t.check(change(id, move_to(1, true)), K::Paid);
        assert_eq!(t.has("shop"), 3_001 - 400);
        assert_eq!(of(&t, id).coupon, coupon);
    }
    // Past due, the period is not paid yet: it costs what the coupon leaves, and that counts it down.
    let mut t = town(plan());
    let id = t.id_of(subscribe(to(0)));
    t.run(pay("alice", "bob", 99_000));
    days(&mut t, 28);
    t.run(change(id, discount(off(400, Some(1)))));
    assert_eq!(of(&t, id).price, 600);
    t.fund("alice", Source::Card, 600);
    t.check(change(id, pay_now()), K::Paid);
    assert_eq!((of(&t, id).coupon, t.has("shop")), (None, 1_600));
}

#[test]
fn after_the_last_period_no_other_begins() {
    let mut t = town(plan());
    let last = NewSubscription {
        periods: Some(1),
        ..to(0)
    };
    let id = t.id_of(subscribe(last));
    for at_once in [false, true] {
        t.check(change(id, move_to(2, at_once)), Code::WrongState);
    }
    t.check(change(id, move_to(1, true)), K::Paid);
    t.run(change(id, SubscriptionChange::Pause));
    t.run(change(id, resume()));
    assert_eq!(days(&mut t, 28), [K::SubscriptionEnded]);
}

#[test]
fn what_costs_another_price_is_told_of_again() {
    let mut t = town(Plan {
        notice_days: 7,
        ..plan()
    });
    let id = t.id_of(subscribe(to(0)));
    assert_eq!(days(&mut t, 22), [K::SubscriptionRenewalUpcoming]);
    let told = [K::SubscriptionRenewalUpcoming];
    t.run(change(id, move_to(1, false)));
    assert_eq!(days(&mut t, 1), told);
    t.run(change(id, SubscriptionChange::Discount { coupon: None }));
    assert_eq!(days(&mut t, 1), told);
    assert_eq!(days(&mut t, 4), [K::Paid]);
}

#[test]
fn what_ended_at_once_says_what_was_left() {
    let today = u32::try_from(JANUARY / DAY).unwrap() + 10;
    let left = 1_000 - 1_000 * 10 / 28;
    for before in [None, Some(cancel(false)), Some(SubscriptionChange::Pause)] {
        let mut t = town(plan());
        let id = t.id_of(subscribe(to(0)));
        days(&mut t, 10);
        assert_eq!(of(&t, id).unused(today), left);
        if let Some(before) = before {
            t.run(change(id, before));
            assert_eq!(of(&t, id).unused(today), left);
        }
        let event = t.run(change(id, cancel(true)));
        let record = event
            .parts()
            .find_map(|part| Some(part.subscription()?.record.clone()));
        assert_eq!(record.unwrap().unused(today + 100), left);
    }
}

#[test]
fn a_repeat_is_answered_whatever_became_of_the_plan() {
    let mut t = town(plan());
    let own = |no| SubscriptionChange::Move {
        plan: PlanId(Id::NONE),
        tier: tier(no),
        at_once: true,
        limit: Atoms(0),
        confirmed: Default::default(),
    };
    let (id, moved) = (t.new_id(), t.new_id());
    let first = NewSubscription {
        tier: None,
        ..to(0)
    };
    let asked = [
        (t.command(id, subscribe(first)), K::Paid),
        (t.command(moved, change(id, own(1))), K::Paid),
    ];
    for (command, kind) in &asked {
        t.check_command(command, *kind);
    }
    assert_eq!((of(&t, id).choice.tier, of(&t, id).price), (1, 3_001));
    // Its tiers are others now, and it has ended.
    let mut other = plan();
    other.tiers.reverse();
    other.tiers.retain(|other| other.name != tier(1));
    t.run(set_plan("it", other));
    t.run(change(id, cancel(true)));
    for (command, _) in &asked {
        t.check_command(command, Expect::Known);
        let answer = &t.events[&command.id];
        assert_eq!(difference(&t.state, command, answer), None);
    }
    t.check(subscribe(to(1)), Code::NotFound);
    t.check(subscribe(to(0)), K::Paid);
}
