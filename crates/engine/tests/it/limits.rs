//! Limits: when their windows turn, over whom they count, and in which asset.

use crate::town::*;
use core::num::NonZeroU64;
use engine::code::Audience;
use engine::explain::{Explanation, explain};
use engine::terms::Tier;
use engine::terms::{ReferenceRate, Terms};
use engine::time::Zone;
use engine::{Code, Id, Op, UtcMillis};
use ledger::Source;
use money::Rate;

/// Europe/Paris from April 2026: two hours east, one hour from 25 October on.
fn paris() -> Zone {
    Zone {
        name: "Europe/Paris".into(),
        first_offset_s: 7_200,
        transitions: vec![(UtcMillis(1_792_890_000_000), 3_600)],
    }
}

fn limited(numbers: [Option<u64>; 3]) -> Town {
    let mut t = Town::with(Terms {
        limits: limits(USD, numbers),
        zone: paris(),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 10_000);
    t
}

#[test]
fn a_day_turns_between_23_59_59_and_midnight_local() {
    let mut t = limited([None, Some(100), None]);
    let midnight = (T0 / DAY + 1) * DAY - 2 * HOUR;
    t.now = UtcMillis(midnight - 1_000);
    t.run(pay("alice", "shop", 100));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    t.now = UtcMillis(midnight - 1);
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    t.now = UtcMillis(midnight);
    t.run(pay("alice", "shop", 100));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    // The day of 25 hours is one day.
    let long = 1_792_879_200_000;
    t.now = UtcMillis(long);
    t.run(pay("alice", "shop", 100));
    t.now = UtcMillis(long + 25 * HOUR - 1);
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    t.later(1);
    t.run(pay("alice", "shop", 100));
}

#[test]
fn a_month_turns_at_local_midnight_and_days_do_not_turn_it() {
    let mut t = limited([None, Some(100), Some(150)]);
    t.run(pay("alice", "shop", 100));
    t.later(DAY);
    t.run(pay("alice", "shop", 50));
    let october = 1_790_812_800_000 - 2 * HOUR; // 2026-10-01T00:00 in Paris
    t.now = UtcMillis(october - 1);
    t.check(pay("alice", "shop", 1), Code::LimitPerMonth);
    t.later(1);
    t.run(pay("alice", "shop", 100));
    t.check(pay("alice", "shop", 51), Code::LimitPerDay);
}

#[test]
fn limits_count_per_party_over_all_its_wallets_and_kinds_of_payment() {
    let mut t = limited([None, Some(100), None]);
    t.fund("alice2", Source::Bank, 1_000);
    t.run(pay("alice", "shop", 20));
    t.run(transfer("alice2", "bob", 20));
    t.run(split("alice", &[("shop", 1), ("stall", 1)], 20));
    t.run(authorize("alice2", "shop", 20, UtcMillis(T0 + HOUR)));
    t.check(pay("alice", "shop", 21), Code::LimitPerDay);
    t.run(pay("alice2", "shop", 20));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    // A refusal or a receipt of money uses no room.
    t.run(pay("bob", "shop", 1));
    let refused = t.check(pay("alice", "shop", 5), Code::LimitPerDay);
    let refusal = t.refusal(refused);
    assert_eq!((refusal.limit, refusal.used, refusal.asked), (100, 100, 5));
}

#[test]
fn a_payment_in_another_asset_counts_at_the_reference_rate_rounded_up() {
    let rate = |num, den| ReferenceRate {
        base: EUR,
        quote: USD,
        rate: Rate::new(num, NonZeroU64::new(den).unwrap()).unwrap(),
    };
    let mut t = Town::with(Terms {
        limits: limits(USD, [Some(10), Some(12), None]),
        reference_rates: vec![rate(10, 9)],
        ..Terms::default()
    });
    t.run(top_up_in("alice", EUR, Source::Card, 1_000, true));
    t.run(top_up_in("alice", KRW, Source::Card, 1_000, true));
    let euros = |amount| {
        let mut spend = spend("alice", amount);
        spend.asset = EUR;
        pay_with(spend, "shop")
    };
    t.check(euros(10), Code::LimitPerPayment); // 11.1 is 12
    t.run(euros(8)); // 8.9 is 9
    t.check(euros(3), Code::LimitPerDay); // 3.3 is 4
    t.run(euros(2)); // 2.2 is 3
    t.check(euros(1), Code::LimitPerDay);
    let mut won = spend("alice", 1);
    won.asset = KRW;
    t.check(pay_with(won, "shop"), Code::NoReferenceRate);
    // What does not fit 64 bits in the limits' asset is above every limit.
    t.set_terms(Terms {
        limits: limits(USD, [None; 3]),
        reference_rates: vec![rate(u64::MAX, 1)],
        ..Terms::default()
    });
    t.check(euros(2), Code::NoReferenceRate);
}

#[test]
fn a_partly_captured_authorization_in_another_asset_gives_back_the_strict_part() {
    let mut t = Town::with(Terms {
        limits: limits(USD, [None, Some(10), None]),
        reference_rates: vec![ReferenceRate {
            base: EUR,
            quote: USD,
            rate: Rate::new(10, NonZeroU64::new(9).unwrap()).unwrap(),
        }],
        ..Terms::default()
    });
    t.run(top_up_in("alice", EUR, Source::Card, 1_000, true));
    t.fund("alice", Source::Card, 100);
    let mut op = authorize("alice", "shop", 9, UtcMillis(T0 + HOUR));
    if let Op::Authorize { spend, .. } = &mut op {
        spend.asset = EUR;
    }
    let hold = t.id_of(op); // 10 of 10
    t.run(capture(hold, 5)); // 5.6 is 6
    t.run(void(hold)); // gives 4 back
    t.check(pay("alice", "shop", 5), Code::LimitPerDay);
    t.run(pay("alice", "shop", 4));
}

#[test]
fn a_trace_and_its_remedy_show_the_tier_that_was_decided_under() {
    let numbers = |most| policy::TierLimits {
        per_payment: Some(most),
        per_day: Some(most),
        per_month: None,
    };
    let mut limits = limits(USD, [None; 3]);
    if let Some(limits) = &mut limits {
        limits.tiers = [50, 100, 200, 1_000, 1_000].map(numbers);
    }
    let mut t = Town::with(Terms {
        limits,
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 10_000);
    let explained = |t: &Town, id: Id| -> Explanation {
        let (event, tenant) = (&t.events[&id], &t.state.tenants[0]);
        let (terms, version) = (&tenant.terms, tenant.terms_version);
        let part = event.part(id).unwrap();
        explain(
            &part,
            (terms, version),
            None,
            &t.state.assets,
            Audience::Payer,
        )
    };
    let hold = authorize("alice", "shop", 10, UtcMillis(T0 + HOUR));
    let made = [
        t.id_of(pay("alice", "shop", 20)),
        t.id_of(transfer("alice", "bob", 20)),
        t.id_of(hold),
        t.check(pay("alice", "shop", 101), Code::LimitPerPayment),
    ];
    let then: Vec<_> = made.iter().map(|id| explained(&t, *id)).collect();
    for explanation in &then[..3] {
        let limits = explanation.trace.iter().map(|line| line.limit.as_deref());
        let limits: Vec<_> = limits.flatten().collect();
        assert_eq!(limits, ["0.0000001 USD"], "{explanation:?}");
    }
    assert_eq!(then[3].remedy.as_ref().and_then(|r| r.tier), Some(2));
    t.run(Op::ChangeParty {
        party: par("alice"),
        country: None,
        tier: Some(Tier(3)),
        standing: None,
        particulars: None,
    });
    let now: Vec<_> = made.iter().map(|id| explained(&t, *id)).collect();
    assert_eq!(now, then);
    // A capture is decided under what its authorization was; giving room back, under no limit.
    let captured = t.id_of(capture(made[2], 4));
    assert_eq!(t.paid(captured).tier, Tier(1));
    let voided = t.id_of(void(made[2]));
    let lines = explained(&t, voided).trace;
    assert!(lines.iter().all(|line| line.limit.is_none()), "{lines:?}");
}

#[test]
fn what_was_counted_in_one_asset_is_never_read_in_another() {
    let terms = |limits| {
        let terms = Box::new(Terms {
            limits,
            ..Terms::default()
        });
        Op::SetTerms { terms }
    };
    let mut t = Town::new();
    t.run(terms(limits(USD, [None, Some(100), None])));
    t.fund("alice", Source::Card, 1_000);
    t.run(pay("alice", "shop", 90));
    let (_, answer) = t.try_run(terms(limits(KRW, [None, Some(100), None])));
    let Answer::Rejected(rejection) = answer else {
        panic!("{answer:?}");
    };
    let what = (rejection.code, rejection.field);
    assert_eq!(what, (Code::LimitsAssetFixed, "limits.asset"));
    // Nor after a time without limits.
    t.run(terms(None));
    t.check(
        terms(limits(KRW, [None, Some(100), None])),
        Code::LimitsAssetFixed,
    );
    t.run(terms(limits(USD, [None, Some(100), None])));
    t.check(pay("alice", "shop", 11), Code::LimitPerDay);
}

#[test]
fn what_is_spent_while_the_limits_are_off_counts_when_they_are_on_again() {
    let on = || Terms {
        limits: limits(USD, [None, Some(100), Some(1_000)]),
        ..Terms::default()
    };
    let mut t = Town::with(on());
    t.fund("alice", Source::Card, 1_000);
    let euros = t.id_of(top_up_in("alice", EUR, Source::Card, 1_000, false));
    t.settle_top_up(euros);
    t.run(pay("alice", "shop", 40));
    t.set_terms(Terms::default());
    t.run(pay("alice", "shop", 500));
    let hold = t.id_of(authorize("alice", "shop", 60, UtcMillis(T0 + HOUR)));
    t.run(void(hold));
    // Without limits nothing is refused for the lack of a rate.
    let mut spend = spend("alice", 10);
    spend.asset = EUR;
    t.run(pay_with(spend, "shop"));
    t.set_terms(on());
    let refused = t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    assert_eq!(t.refusal(refused).used, 540);
    // Where there never were limits nothing is counted.
    let mut t = Town::new();
    t.fund("alice", Source::Card, 1_000);
    let paid = t.run(pay("alice", "shop", 40));
    let counts = |e: &engine::Effect| matches!(e, engine::Effect::Measured { .. });
    assert!(!paid.effects.iter().any(counts));
}
