//! Payments in one go and in several: authorizations, step-ups, mandates, tabs, standing, ids.

use crate::codes::{suspend, thresholds};
use crate::town::*;
use engine::ids::MandateId;
use engine::recents::Window;
use engine::records::{Standing, TimerKind};
use engine::terms::{Country, Terms, Tier};
use engine::time::Zone;
use engine::{Code, Event, EventKind, Id, Op, Spend, UtcMillis};
use ledger::{AccountClass, Source};
use money::Atoms;
use risk::Score;

fn soon() -> UtcMillis {
    UtcMillis(T0 + HOUR)
}

fn taxed() -> Terms {
    Terms {
        fee_share: ppm(23_000),
        fee_minimums: vec![engine::terms::AssetFee {
            asset: USD,
            minimum: Atoms(40),
        }],
        tax: tax_of(&[(b"DE", 190_000)]),
        ..Terms::default()
    }
}

#[test]
fn several_captures_pay_what_one_large_one_would() {
    for parts in [
        vec![5_000],
        vec![1_000, 1_500, 2_500],
        vec![7, 993, 1, 3_999],
        vec![1_249; 4],
        vec![50; 100],
    ] {
        let mut t = Town::with(taxed());
        t.audits = parts.len() < 50;
        t.fund("alice", Source::Card, 3_000);
        t.fund("alice", Source::Bank, 3_000);
        let hold = t.id_of(authorize("alice", "shop", 5_000, soon()));
        // Terms that change meanwhile do not reach it.
        t.set_terms(Terms {
            fee_share: ppm(500_000),
            ..Terms::default()
        });
        let whole: u64 = parts.iter().sum();
        for part in &parts {
            t.run(capture(hold, *part));
        }
        let mut one = Town::with(taxed());
        one.fund("alice", Source::Card, 6_000);
        one.run(pay("alice", "shop", whole));
        for class in [AccountClass::Tax, AccountClass::Fees] {
            assert_eq!(
                t.operator(class),
                one.operator(class),
                "{class:?} {parts:?}"
            );
        }
        assert_eq!(t.has("shop"), one.has("shop"), "{parts:?}");
        assert_eq!(t.held("alice"), u128::from(5_000 - whole));
    }
}

#[test]
fn an_authorization_ends_by_its_last_capture_by_void_or_by_time() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 60);
    t.fund("alice", Source::Bank, 60);
    let hold = || authorize("alice", "shop", 100, soon());
    let id = t.id_of(hold());
    assert_eq!((t.has("alice"), t.held("alice")), (120, 100));
    t.check(pay("alice", "shop", 21), Code::InsufficientFunds);
    t.run(capture(id, 30));
    t.run(capture_last(id, 50));
    assert_eq!((t.has("shop"), t.held("alice")), (80, 0));
    t.check(capture(id, 1), Code::NotFound);
    t.check(void(id), Code::NotFound);
    t.fund("alice", Source::Card, 80);
    let id = t.id_of(hold());
    t.run(capture(id, 10));
    t.check(void(id), EventKind::Voided);
    assert_eq!((t.has("shop"), t.held("alice")), (90, 0));
    let id = t.id_of(hold());
    t.run(capture(id, 10));
    t.check(
        Op::Expire {
            kind: TimerKind::Hold,
            thing: id,
        },
        Code::NotFound,
    );
    t.now = soon();
    t.check(capture(id, 10), Code::HoldExpired);
    assert_eq!(t.run_timers(), 1);
    assert_eq!((t.has("shop"), t.held("alice")), (100, 0));
    t.check(capture(id, 10), Code::NotFound);
    assert_eq!(t.run_timers(), 0);
}

#[test]
fn what_was_set_aside_is_captured_even_when_the_payer_is_frozen_meanwhile() {
    // The payee was promised it; only what the payer could still do freely is stopped.
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let hold = t.id_of(authorize("alice", "shop", 50, soon()));
    t.run(stand("alice", Standing::Frozen));
    t.run(capture(hold, 20));
    t.run(suspend("alice"));
    t.run(capture(hold, 10));
    t.run(suspend("shop"));
    t.check(capture(hold, 10), Code::PayeeUnavailable);
    t.run(stand("shop", Standing::Frozen));
    t.check(capture(hold, 10), Code::PayeeUnavailable);
    assert_eq!(t.has("shop"), 30);
}

#[test]
fn void_and_expiry_give_room_back_and_captures_use_it() {
    let mut t = Town::with(Terms {
        limits: limits(USD, [None, Some(100), None]),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 1_000);
    let hold = t.id_of(authorize("alice", "shop", 100, soon()));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    t.run(capture(hold, 30));
    t.run(void(hold));
    t.run(pay("alice", "shop", 70));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    // Yesterday's room is not given to today.
    let mut t = Town::with(Terms {
        limits: limits(USD, [None, Some(100), None]),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 1_000);
    let hold = t.id_of(authorize("alice", "shop", 100, UtcMillis(T0 + 2 * DAY)));
    t.later(DAY);
    t.run(pay("alice", "shop", 60));
    t.run(void(hold));
    t.run(pay("alice", "shop", 40));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
}

fn risky(amount: u64, confirmed: bool) -> Spend {
    let mut spend = spend("alice", amount);
    (spend.risk, spend.confirmed) = (Score(600), confirmed.into());
    spend
}

fn wary() -> Town {
    let mut t = Town::with(Terms {
        risk: thresholds(),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 1_000);
    t
}

#[test]
fn a_step_up_waits_for_its_payer_and_then_continues_exactly_once() {
    let mut t = wary();
    let id = t.check(pay_with(risky(10, false), "shop"), EventKind::StepUpAsked);
    assert_eq!((t.has("alice"), t.held("alice")), (1_000, 0));
    t.check_as(id, pay_with(risky(10, false), "shop"), Expect::Known);
    for (op, field) in [
        (pay_with(risky(11, true), "shop"), "amount"),
        (pay_with(risky(10, true), "stall"), "payee"),
    ] {
        let command = t.command(id, op);
        match t.ask(&command) {
            Answer::Rejected(r) => assert_eq!((r.code, r.field), (Code::IdReused, field)),
            other => panic!("{other:?}"),
        }
    }
    t.check_as(id, pay_with(risky(10, true), "shop"), EventKind::Paid);
    t.check_as(id, pay_with(risky(10, true), "shop"), Expect::Known);
    t.check_as(id, pay_with(risky(10, false), "shop"), Expect::Known);
    assert_eq!(t.has("shop"), 10);
    assert!(t.state.pending.is_empty() && t.state.timers.is_empty());
    // A payment that comes confirmed needs no second round.
    t.check(pay_with(risky(10, true), "shop"), EventKind::Paid);
    // What has become impossible meanwhile is refused, finally.
    let id = t.check(pay_with(risky(980, false), "shop"), EventKind::StepUpAsked);
    t.run(pay("alice", "shop", 100));
    t.check_as(
        id,
        pay_with(risky(980, true), "shop"),
        Code::InsufficientFunds,
    );
    t.check_as(id, pay_with(risky(980, true), "shop"), Expect::Known);
    assert!(t.state.pending.is_empty());
}

#[test]
fn a_confirmation_is_bound_to_what_was_asked() {
    let mut t = wary();
    let in_parts = |second: &str, weight| {
        let mut op = split("alice", &[("shop", 1), (second, weight)], 10);
        if let Op::Split { spend, .. } = &mut op {
            *spend = risky(10, true);
        }
        op
    };
    let unconfirmed = |mut op: Op| {
        if let Op::Split { spend, .. } | Op::Pay { spend, .. } = &mut op {
            spend.confirmed = false.into();
        }
        op
    };
    let id = t.check(unconfirmed(in_parts("bob", 1)), EventKind::StepUpAsked);
    t.check_as(id, in_parts("carol", 1), Code::IdReused);
    t.check_as(id, in_parts("bob", 9), Code::IdReused);
    t.check_as(id, in_parts("bob", 1), EventKind::Split);
    // Neither what it is, nor whose mandate, nor how long it is set aside may change.
    let id = t.check(pay_with(risky(10, false), "shop"), EventKind::StepUpAsked);
    let (spend, payee) = (risky(10, true), wal("shop"));
    t.check_as(id, Op::Transfer { spend, payee }, Code::IdReused);
    let expires = Some(soon());
    let held = |spend, expires| Op::Authorize {
        spend,
        payee,
        expires,
    };
    t.check_as(id, held(spend, expires), Code::IdReused);
    t.check_as(id, pay_with(spend, "shop"), EventKind::Paid);
    let id = t.check(held(risky(10, false), expires), EventKind::StepUpAsked);
    t.check_as(id, held(spend, Some(soon().plus(1))), Code::IdReused);
    t.check_as(id, held(spend, None), Code::IdReused);
    t.check_as(id, held(spend, expires), EventKind::Authorized);
    // Without an end it lasts as long as the terms say, from when it is confirmed.
    let id = t.check(held(risky(10, false), None), EventKind::StepUpAsked);
    t.later(MINUTE);
    t.check_as(id, held(spend, expires), Code::IdReused);
    t.check_as(id, held(spend, None), EventKind::Authorized);
    let hold = &t.state.holds[&(TENANT, id)];
    assert_eq!(hold.expires, t.now.plus(7 * DAY));
}

#[test]
fn an_authorization_without_an_end_lasts_as_long_as_the_terms_say() {
    for (set, longest, lasts) in [
        (None, 30 * DAY, 7 * DAY),
        (None, DAY, DAY),
        (Some(2 * HOUR), DAY, 2 * HOUR),
    ] {
        let mut t = Town::with(Terms {
            hold_ms_default: set,
            hold_ms_max: longest,
            ..Terms::default()
        });
        t.fund("alice", Source::Card, 10);
        let id = t.id_of(Op::Authorize {
            spend: spend("alice", 10),
            payee: wal("shop"),
            expires: None,
        });
        assert_eq!(t.state.holds[&(TENANT, id)].expires, t.now.plus(lasts));
        t.later(lasts);
        assert_eq!(t.run_timers(), 1);
    }
}

#[test]
fn a_step_up_ends_by_time_even_before_its_timer_and_for_good() {
    let mut t = wary();
    let by_time = t.check(pay_with(risky(10, false), "shop"), EventKind::StepUpAsked);
    let by_timer = t.check(pay_with(risky(10, false), "shop"), EventKind::StepUpAsked);
    t.later(10 * MINUTE - 1);
    assert_eq!(t.run_timers(), 0);
    t.check(
        Op::Expire {
            kind: TimerKind::StepUp,
            thing: by_timer,
        },
        Code::NotFound,
    );
    t.later(1);
    t.check_as(
        by_time,
        pay_with(risky(10, true), "shop"),
        Code::StepUpExpired,
    );
    t.check_as(by_time, pay_with(risky(10, true), "shop"), Expect::Known);
    assert_eq!(t.run_timers(), 1);
    assert_eq!(t.events[&by_timer].kind, EventKind::StepUpExpired);
    // Its id now answers with the end of it.
    let command = t.command(by_timer, pay_with(risky(10, true), "shop"));
    match t.ask(&command) {
        Answer::Known(position) => {
            assert_eq!(position.seq, t.rows.len() as u64);
        }
        other => panic!("{other:?}"),
    }
    assert!(t.state.pending.is_empty() && t.state.timers.is_empty());
    assert_eq!(t.has("alice"), 1_000);
}

fn granted(t: &mut Town, per_day: Option<u64>, expires: UtcMillis) -> Id {
    t.id_of(Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: None,
        per_day: per_day.map(Atoms),
        payees: vec![],
        expires,
    })
}

fn through(mandate: Id, amount: u64) -> Spend {
    let mut spend = spend("alice", amount);
    spend.mandate = MandateId(mandate);
    spend
}

/// Nine hours east of Greenwich.
fn seoul() -> Zone {
    Zone {
        name: "Asia/Seoul".into(),
        first_offset_s: 9 * 3_600,
        transitions: vec![],
    }
}

/// The next midnight nine hours east of Greenwich.
const MIDNIGHT_IN_SEOUL: u64 = (T0 / DAY) * DAY + DAY - 9 * HOUR;

#[test]
fn a_mandates_day_turns_at_midnight_of_the_tenants_zone() {
    let mut t = Town::with(Terms {
        zone: seoul(),
        ..Terms::default()
    });
    const { assert!(MIDNIGHT_IN_SEOUL > T0) };
    t.fund("alice", Source::Card, 1_000);
    let id = granted(&mut t, Some(100), UtcMillis(T0 + 9 * DAY));
    t.now = UtcMillis(MIDNIGHT_IN_SEOUL - 1);
    t.run(pay_with(through(id, 100), "shop"));
    t.check(pay_with(through(id, 1), "shop"), Code::MandatePerDay);
    t.later(1);
    t.run(pay_with(through(id, 60), "shop"));
    t.check(pay_with(through(id, 41), "shop"), Code::MandatePerDay);
}

#[test]
fn a_void_gives_a_mandate_back_only_the_room_of_its_own_day() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 1_000);
    let id = granted(&mut t, Some(100), UtcMillis(T0 + 9 * DAY));
    let held = |expires| Op::Authorize {
        spend: through(id, 60),
        payee: wal("shop"),
        expires: Some(expires),
    };
    let hold = t.id_of(held(UtcMillis(T0 + 3 * DAY)));
    t.check(pay_with(through(id, 41), "shop"), Code::MandatePerDay);
    t.run(void(hold));
    t.run(pay_with(through(id, 30), "shop"));
    let hold = t.id_of(held(UtcMillis(T0 + 3 * DAY)));
    t.run(capture(hold, 20));
    t.later(DAY);
    t.run(pay_with(through(id, 100), "shop"));
    t.run(void(hold));
    t.check(pay_with(through(id, 1), "shop"), Code::MandatePerDay);
}

#[test]
fn a_suspended_agent_does_not_spend() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let id = granted(&mut t, None, soon());
    t.run(suspend("robot"));
    t.check(pay_with(through(id, 1), "shop"), Code::PartySuspended);
    t.run(pay("alice", "shop", 1));
}

#[test]
fn a_zone_that_moves_west_does_not_open_the_day_again() {
    let mut t = Town::with(Terms {
        zone: seoul(),
        limits: limits(USD, [None, Some(100), None]),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 1_000);
    let id = granted(&mut t, Some(50), UtcMillis(T0 + 9 * DAY));
    t.now = UtcMillis(MIDNIGHT_IN_SEOUL);
    t.run(pay_with(through(id, 50), "shop"));
    t.run(pay("alice", "shop", 50));
    t.set_terms(Terms {
        limits: limits(USD, [None, Some(100), None]),
        ..Terms::default()
    });
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    t.check(pay_with(through(id, 1), "shop"), Code::MandatePerDay);
    // The day counted in was tomorrow's in the west.
    t.later(DAY);
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
    t.later(9 * HOUR);
    t.run(pay_with(through(id, 50), "shop"));
}

#[test]
fn a_tab_goes_down_to_its_floor_and_never_further() {
    let mut t = Town::new();
    t.check(pay("bob", "shop", 1), Code::InsufficientFunds);
    t.run(credit_line("bob", 100));
    t.fund("bob", Source::Card, 30);
    t.run(pay("bob", "shop", 100));
    assert_eq!(t.balance("bob", Source::Credit), -70);
    // The line is not cut below what is drawn on it, or held.
    let refused = t.check(credit_line("bob", 69), Code::CreditInUse);
    let refused = t.refusal(refused);
    assert_eq!((refused.asked, refused.limit, refused.used), (69, 69, 70));
    t.run(credit_line("bob", 70));
    t.run(credit_line("bob", 100));
    let hold = t.id_of(authorize("bob", "shop", 10, soon()));
    t.check(credit_line("bob", 79), Code::CreditInUse);
    t.run(void(hold));
    t.check(pay("bob", "shop", 31), Code::InsufficientFunds);
    t.check(transfer("bob", "carol", 1), Code::SourceNotAllowed);
    t.check(withdraw("bob", 1), Code::InsufficientFunds);
    let hold = t.id_of(authorize("bob", "shop", 30, soon()));
    t.check(pay("bob", "shop", 1), Code::InsufficientFunds);
    t.run(capture(hold, 30));
    assert_eq!(t.balance("bob", Source::Credit), -100);
    // What a tab paid is earned, and settled when the tab is.
    assert_eq!(t.earned("shop", Source::Credit), 100);
    t.check(
        settle_earned("shop", Source::Credit, 1),
        Code::SourceNotSettled,
    );
    // A refund pays the tab back.
    let payment = t.run(pay("shop", "bob", 5)).id;
    t.run(t.refund(payment, 5));
    t.check(stand("bob", Standing::Closed), Code::NotEmpty);
}

#[test]
fn frozen_wallets_do_nothing_and_closed_ones_stay_closed() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    t.fund("bob", Source::Card, 100);
    let payment = t.id_of(pay("alice", "bob", 10));
    t.run(stand("alice", Standing::Frozen));
    for op in [
        pay("alice", "shop", 1),
        transfer("alice", "shop", 1),
        authorize("alice", "shop", 1, soon()),
        withdraw("alice", 1),
        split("alice", &[("shop", 1)], 1),
    ] {
        t.check(op, Code::WalletFrozen);
    }
    t.check(pay("bob", "alice", 1), Code::PayeeUnavailable);
    t.fund("alice2", Source::Card, 1);
    t.run(pay("alice2", "shop", 1));
    t.run(t.refund(payment, 10));
    assert_eq!(
        t.balance("alice", Source::Card),
        100,
        "a refund still comes"
    );
    t.run(stand("alice", Standing::Active));
    t.check(stand("alice", Standing::Closed), Code::NotEmpty);
    t.run(pay("alice", "shop", 100));
    t.check(stand("alice", Standing::Closed), EventKind::WalletChanged);
    t.check(pay("bob", "alice", 1), Code::PayeeUnavailable);
    t.check(stand("alice", Standing::Active), Code::WalletClosed);
}

#[test]
fn ids_are_remembered_for_the_window_and_refused_outside_it() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let id = t.id_of(pay("alice", "shop", 1));
    let opaque = Id::opaque(77);
    t.check_as(opaque, pay("alice", "shop", 1), EventKind::Paid);
    for _ in 0..23 {
        t.later(HOUR);
        t.run(pay("alice", "shop", 1));
        t.check_as(id, pay("alice", "shop", 1), Expect::Known);
        t.check_as(opaque, pay("alice", "shop", 1), Expect::Known);
    }
    t.later(HOUR);
    t.check_as(id, pay("alice", "shop", 1), Code::IdExpired);
    let ahead = Id::timed(t.now.0 + 5 * MINUTE, 3);
    t.check_as(ahead, pay("alice", "shop", 1), EventKind::Paid);
    t.check_as(ahead, pay("alice", "shop", 1), Expect::Known);
    let last = Id::timed((1 << 48) - 1, 3);
    t.check_as(last, pay("alice", "shop", 1), Code::IdInFuture);
    t.check_as(Id::timed(0, 3), pay("alice", "shop", 1), Code::IdExpired);
}

#[test]
fn a_longer_window_does_not_make_forgotten_ids_new() {
    let mut t = Town::new();
    let hour = Window {
        window_ms: HOUR,
        entries_max: 100_000,
    };
    t.fund("alice", Source::Card, 100);
    t.run(Op::SetShard { window: hour });
    let id = t.id_of(pay("alice", "shop", 1));
    t.later(2 * HOUR);
    t.run(pay("alice", "shop", 1)); // the slice of `id` is dropped
    t.run(Op::SetShard { window: WINDOW });
    t.check_as(id, pay("alice", "shop", 1), Code::IdExpired);
    let kept = Id::timed(t.now.0 - HOUR + 1, 9);
    t.check_as(kept, pay("alice", "shop", 1), EventKind::Paid);
    t.later(12 * HOUR);
    t.check_as(kept, pay("alice", "shop", 1), Expect::Known);
    t.check_as(id, pay("alice", "shop", 1), Code::IdExpired);
    assert_eq!(t.has("shop"), 3);
}

#[test]
fn another_window_does_not_forget_a_key_without_time_too_early() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let opaque = Id::opaque(77);
    // Arrived at the very end of a slice of an hour and a half.
    let slice = DAY / 16;
    t.now = UtcMillis((t.now.0 / slice + 1) * slice - 1);
    t.check_as(opaque, pay("alice", "shop", 1), EventKind::Paid);
    let short = Window {
        window_ms: HOUR,
        entries_max: 100_000,
    };
    t.run(Op::SetShard { window: short });
    t.later(HOUR - 1);
    t.run(pay("alice", "shop", 1));
    t.check_as(opaque, pay("alice", "shop", 1), Expect::Known);
}

#[test]
fn an_open_thing_is_not_opened_again_under_its_key_after_the_window() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    t.run(Op::SetShard {
        window: Window {
            window_ms: HOUR,
            entries_max: 100_000,
        },
    });
    let opaque = Id::opaque(77);
    let held = |amount, expires| authorize("alice", "shop", amount, expires);
    t.check_as(opaque, held(10, UtcMillis(T0 + DAY)), EventKind::Authorized);
    t.later(3 * HOUR);
    t.run(pay("alice", "shop", 1));
    t.check_as(opaque, held(20, UtcMillis(T0 + DAY)), Code::IdReused);
    t.check_as(opaque, top_up("alice", Source::Card, 5), Code::IdReused);
    assert_eq!(t.held("alice"), 10);
}

#[test]
fn a_payment_is_remembered_for_as_long_as_it_may_be_confirmed() {
    let mut t = wary();
    let hour = |ms| Op::SetShard {
        window: Window {
            window_ms: HOUR + ms,
            entries_max: 100_000,
        },
    };
    let terms = t.state.tenants[0].terms.clone();
    let waits = |step_up_ms| {
        let terms = terms.clone();
        let terms = Box::new(Terms {
            step_up_ms,
            ..terms
        });
        Op::SetTerms { terms }
    };
    t.run(hour(0));
    t.check(waits(HOUR + 1), Code::Malformed);
    t.run(hour(1));
    t.run(waits(HOUR + 1));
    t.check(hour(0), Code::Malformed);
    // Also under an id without a time.
    let opaque = Id::opaque(7);
    t.check_as(
        opaque,
        pay_with(risky(10, false), "shop"),
        EventKind::StepUpAsked,
    );
    t.later(HOUR);
    t.run(pay("alice", "shop", 1));
    t.check_as(opaque, pay_with(risky(10, true), "shop"), EventKind::Paid);
}

#[test]
fn a_window_too_large_to_add_to_a_time_is_refused() {
    let mut t = Town::new();
    let window = Window {
        window_ms: u64::MAX,
        entries_max: 1_000,
    };
    t.check(Op::SetShard { window }, Code::Malformed);
    t.run(top_up("alice", Source::Card, 1));
}

#[test]
fn a_flood_of_refusals_is_throttled_and_counted() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    for _ in 0..10 {
        t.check(pay("bob", "shop", 10), Code::InsufficientFunds);
    }
    let rows = t.rows.len();
    let (id, answer) = t.try_run(pay("bob", "shop", 10));
    let Answer::Rejected(rejection) = answer else {
        panic!("{answer:?}");
    };
    let bob = t.state.party_no(TENANT, par("bob")).unwrap();
    assert_eq!(rejection.code, Code::Throttled);
    assert_eq!(rejection.throttled, Some((bob, Code::InsufficientFunds)));
    assert_eq!(t.rows.len(), rows, "a throttled refusal leaves no trace");
    // Other codes and other parties are not throttled by it.
    t.check(pay("bob", "alice2", 1), Code::Throttled);
    t.check(pay("carol", "shop", 10), Code::InsufficientFunds);
    t.run(pay("alice", "shop", 1));
    t.check_command(
        &t.command(
            Id::NONE,
            Op::CountRefusals {
                party: bob,
                code: Code::InsufficientFunds,
                count: 2,
            },
        ),
        EventKind::RefusalsCounted,
    );
    // A second later the same id is considered again.
    t.later(1_000);
    t.check_as(id, pay("bob", "shop", 10), Code::InsufficientFunds);
    t.check_as(id, pay("bob", "shop", 10), Expect::Known);
}

#[test]
fn changing_country_or_tier_counts_from_the_next_payment_on() {
    let mut t = Town::with(taxed());
    t.fund("alice", Source::Card, 10_000);
    t.run(pay("alice", "shop", 1_190));
    assert_eq!(t.operator(AccountClass::Tax), 190);
    t.run(Op::ChangeParty {
        party: par("alice"),
        country: Some(Country(*b"FR")),
        tier: Some(Tier(2)),
        standing: None,
        particulars: None,
    });
    let event: Event = t.run(pay("alice", "shop", 1_190));
    assert_eq!(t.paid(event.id).tax, 0);
}

#[test]
fn what_is_not_given_of_a_party_stays_and_a_closed_one_stays_closed() {
    let mut t = Town::new();
    let country = Country(*b"FR");
    let mut change = |country, tier: Option<u8>, standing| {
        let party = par("alice");
        let (_, answer) = t.try_run(Op::ChangeParty {
            party,
            country,
            tier: tier.map(Tier),
            standing,
            particulars: None,
        });
        let no = t.state.party_no(TENANT, party).unwrap();
        let record = t.state.party(no);
        let now = (
            record.country.as_str().to_owned(),
            record.tier.0,
            record.standing,
        );
        (outcome(&answer), now)
    };
    let done = Expect::Kind(EventKind::PartyChanged);
    let closed = Expect::Code(Code::PartyClosed);
    use Standing::{Active, Closed, Frozen};
    for (asked, answer, now) in [
        ((None, None, Some(Frozen)), done, ("DE", 1, Frozen)),
        ((None, Some(2), None), done, ("DE", 2, Frozen)),
        ((Some(country), None, None), done, ("FR", 2, Frozen)),
        ((None, None, Some(Closed)), done, ("FR", 2, Closed)),
        ((None, Some(3), None), done, ("FR", 3, Closed)),
        ((None, None, Some(Active)), closed, ("FR", 3, Closed)),
        ((None, None, Some(Frozen)), closed, ("FR", 3, Closed)),
        ((None, None, Some(Closed)), done, ("FR", 3, Closed)),
    ] {
        let (country, tier, standing) = asked;
        let expected = (answer, (now.0.to_owned(), now.1, now.2));
        assert_eq!(change(country, tier, standing), expected, "{asked:?}");
    }
}
