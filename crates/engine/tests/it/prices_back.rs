//! What comes back of a payment by price: its use, and what the use that stands still owes.

use crate::prices::{buys, flat, in_asset, pays, priced, set, units, used};
use crate::taxes::Europe;
use crate::town::*;
use engine::repeat::difference;
use engine::{EventKind, Op, UtcMillis, snapshot};
use money::Atoms;
use pricing::{Model, Period, Price, Variant, When};

#[test]
fn use_is_given_back_by_voids_and_by_refunds_of_prices_that_say_so() {
    for restores in [false, true] {
        let mut price = in_asset("USD", units(&[("", 10, 1)]));
        (price.period, price.refund_restores_use) = (Period::Ever, restores);
        let mut t = priced(price);
        let held = Op::Authorize {
            spend: buys(&t, 0, 8, 0),
            payee: wal("shop"),
            expires: None,
        };
        let hold = t.id_of(held.clone());
        assert_eq!((used(&t), t.held("alice")), (8, 80));
        t.run(void(hold));
        assert_eq!((used(&t), t.held("alice")), (0, 0));
        let hold = t.id_of(held.clone());
        t.run(capture_last(hold, 35));
        assert_eq!(used(&t), 4); // Of 45 not captured, four and a half are given back.
        let again = t.command(hold, held);
        assert_eq!(difference(&t.state, &again, &t.events[&hold]), None);
        // The half that counts and was not captured is paid with the next.
        let paid = t.id_of(pay_with(buys(&t, 0, 6, 0), "shop"));
        assert_eq!(t.paid(paid).gross, 65);
        for (amount, left) in [(15, 9), (15, 8), (35, 4)] {
            t.run(t.refund(paid, amount));
            assert_eq!(used(&t), if restores { left } else { 10 });
        }
    }
}

/// An authorization of one.
fn held(t: &Town, quantity: u64) -> Op {
    Op::Authorize {
        spend: buys(t, 0, quantity, 0),
        payee: wal("shop"),
        expires: None,
    }
}

#[test]
fn what_stands_is_paid_for_whoever_is_paid_back() {
    let pass = in_asset("USD", flat(5).rate.model);
    let mut two_part = in_asset("USD", units(&[("", 2, 1)]));
    two_part.rate.base = Atoms(5);
    let share = in_asset(
        "USD",
        Model::Percentage {
            share: ppm(100_000),
            minimum: Atoms(5),
            maximum: None,
        },
    );
    // What one costs first, and what the second and any further.
    for (price, first, more) in [(pass, 5, 0), (two_part, 7, 2), (share, 5, 0)] {
        let price = Price {
            period: Period::Day,
            refund_restores_use: true,
            ..price
        };
        // Alone, its use comes back with what it cost.
        let mut t = priced(price.clone());
        let hold = t.id_of(held(&t, 1));
        t.run(void(hold));
        assert_eq!((used(&t), pays(&mut t, 0, 1)), (0, first));

        // Another's use has begun the period meanwhile: the next pays for that too.
        let mut t = priced(price.clone());
        let hold = t.id_of(held(&t, 1));
        assert_eq!(t.held("alice"), u128::from(first));
        assert_eq!(pays(&mut t, 0, 1), more);
        t.run(void(hold));
        assert_eq!((used(&t), pays(&mut t, 0, 1)), (1, first));
        assert_eq!(pays(&mut t, 0, 1), more);

        let mut t = priced(price.clone());
        let paid = t.id_of(pay_with(buys(&t, 0, 1, 0), "shop"));
        assert_eq!(pays(&mut t, 0, 1), more);
        t.run(t.refund(paid, first));
        assert_eq!(pays(&mut t, 0, 1), first);
        // In another period it is no longer asked for.
        let paid = t.id_of(pay_with(buys(&t, 0, 1, 0), "shop"));
        if more > 0 {
            t.run(t.refund(paid, more));
        }
        t.later(DAY);
        assert_eq!(pays(&mut t, 0, 1), first);

        // In parts as at once.
        let mut t = priced(price);
        let paid = t.id_of(pay_with(buys(&t, 0, 1, 0), "shop"));
        assert_eq!(pays(&mut t, 0, 1), more);
        for part in [2, 1, first - 3] {
            t.run(t.refund(paid, part));
        }
        assert_eq!(pays(&mut t, 0, 1), first);
    }
}

#[test]
fn what_was_paid_for_use_that_is_free_since_pays_for_the_next() {
    let mut price = in_asset("USD", units(&[("", 10, 1)]));
    (price.period, price.free) = (Period::Ever, 5);
    let mut t = priced(price);
    let hold = t.id_of(held(&t, 9));
    assert_eq!((t.held("alice"), pays(&mut t, 0, 1)), (40, 10));
    t.run(void(hold));
    // The one that was paid for is free now, and so are four more.
    assert_eq!((used(&t), pays(&mut t, 0, 5)), (1, 0));
    assert_eq!(pays(&mut t, 0, 1), 10);
    let back = snapshot::decode(&snapshot::encode(&t.state), 7).unwrap();
    assert_eq!(back.meters, t.state.meters);
}

#[test]
fn tax_on_top_is_no_part_of_what_a_meter_was_paid() {
    let mut price = in_asset("USD", flat(100).rate.model);
    (price.period, price.tax_included) = (Period::Day, Some(false));
    let mut t = priced(price);
    Europe::of("DE").put(&mut t);
    let mut spend = buys(&t, 0, 1, 0);
    spend.tax = crate::taxes::facts("ip=DE bank=DE");
    let payee = wal("shop");
    let hold = t.id_of(Op::Authorize {
        spend,
        payee,
        expires: None,
    });
    assert_eq!(t.held("alice"), 119);
    t.run(pay_with(spend, "shop"));
    t.run(void(hold));
    for gross in [119, 0] {
        let id = t.check(pay_with(spend, "shop"), EventKind::Paid);
        assert_eq!(t.paid(id).gross, gross);
    }
}

#[test]
fn what_was_free_is_given_back_with_the_whole_only() {
    let mut price = in_asset("USD", units(&[("", 10, 1)]));
    (price.period, price.free, price.refund_restores_use) = (Period::Ever, 5, true);
    // Of nine, five are free: half of what was paid is two of the other four.
    let mut t = priced(price.clone());
    let paid = t.id_of(pay_with(buys(&t, 0, 9, 0), "shop"));
    t.run(t.refund(paid, 20));
    assert_eq!((used(&t), pays(&mut t, 0, 1)), (7, 10));
    t.run(t.refund(paid, 20));
    assert_eq!(used(&t), 1);

    let mut t = priced(price);
    let held = |t: &Town| Op::Authorize {
        spend: buys(t, 0, 9, 0),
        payee: wal("shop"),
        expires: None,
    };
    let hold = t.id_of(held(&t));
    t.run(void(hold));
    assert_eq!(used(&t), 0);
    let hold = t.id_of(held(&t));
    t.run(capture_last(hold, 20));
    assert_eq!((used(&t), pays(&mut t, 0, 1)), (7, 10));
}

#[test]
fn of_use_by_several_rates_use_alone_comes_back() {
    let mut several = in_asset("USD", units(&[("in", 10, 1), ("out", 1, 1)]));
    (several.period, several.free) = (Period::Ever, 5);
    let mut alone = several.clone();
    alone.rate.model = units(&[("in", 10, 1)]);
    let mut cheaper = alone.clone();
    cheaper.rate.model = units(&[("in", 1, 1)]);
    let mut by_night = alone.clone();
    by_night.variants.push(Variant {
        name: String::new(),
        when: When {
            minutes: Some((0, 6 * 60)),
            ..When::default()
        },
        rate: cheaper.rate.clone(),
    });
    // What is paid for by one rate is given back when what stands was paid for by another.
    for (price, next, unit) in [
        (several, None, 1),
        (alone, Some(cheaper), 0),
        (by_night, None, 0),
    ] {
        let mut t = priced(price);
        t.now = UtcMillis(T0 / DAY * DAY + DAY + 7 * HOUR);
        let hold = t.id_of(held(&t, 9));
        assert_eq!(t.held("alice"), 40);
        if let Some(next) = next {
            t.run(set("it", next));
        }
        t.later(20 * HOUR);
        assert_eq!(pays(&mut t, unit, 5), 5);
        t.run(void(hold));
        assert_eq!(used(&t), 5);
        let (_, meter) = t.state.meters.iter().next().unwrap();
        assert_eq!((meter.so_far.due, meter.so_far.remainder), (0, 0));
        assert_eq!(pays(&mut t, unit, 3), 3);
    }
}
