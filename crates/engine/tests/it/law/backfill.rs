//! Measures that begin with what was done before: the sums are those that would be there had they been
//! counted all along.

use super::codes::pack_of;
use super::commerce::{Life, counts, packs};
use super::land::*;
use crate::town::*;
use engine::backfill::Backfill;
use engine::codec::FORMAT;
use engine::law::{Backfilled, Counted, MEASURE_FIRST, NewLaw};
use engine::{Code, Id, Op, Replay, State, snapshot};
use ledger::Source;
use policy::Tier;
use std::collections::BTreeMap;

fn limit(window: &str, starts: &str) -> String {
    pack_of(&format!(
        "kind = \"limit\"\nmost = \"10 EUR\"\nwindow = \"{window}\"\nthen = \"deny\"\nstarts = \"{starts}\"\ngives_back = [\"void\", \"refund\"]\napplies = {{ payment = [\"spend\"] }}"
    ))
}

fn germany() -> Land {
    let mut land = Land::lawless();
    for (name, tier) in [("payer", Tier::Strong), ("seller", Tier::Business)] {
        land.settle(name, b"DE", tier);
    }
    land.load("payer", Source::Card, "1000 EUR", Loaded);
    land
}

fn enact(land: &mut Land, pack: String) {
    let law = new_law(vec![pack.into()], Some(operator(b"DE")));
    land.enact(law);
}

#[test]
fn a_new_measure_starts_empty_or_with_what_was_paid_before_as_its_pack_says() {
    for (window, then) in [
        ("day", 0),
        ("week", 7),
        ("month", 7),
        ("quarter", 7),
        ("year", 7),
        ("total", 8),
        ("rolling 2 days", 3),
        ("rolling 30 days", 7),
        ("rolling 2 months", 7),
        ("rolling 3 months", 8),
    ] {
        for (starts, before) in [("backfilled", then), ("empty", 0)] {
            let mut land = germany();
            // Thursday the 5th of March, and a payment of the year before.
            land.now = local("2025-12-31T23:59:59", "Europe/Berlin");
            land.pays("payer", "seller", "1 EUR", Paid);
            land.now = local("2026-03-03T12:00:00", "Europe/Berlin");
            land.pays("payer", "seller", "4 EUR", Paid);
            land.now = local("2026-03-04T12:00:00", "Europe/Berlin");
            let paid = land.pays("payer", "seller", "5 EUR", Paid);
            let two = land.money("2 EUR").1.0;
            let refund = land.refund(paid, two);
            land.run(refund);
            land.now = local("2026-03-05T12:00:00", "Europe/Berlin");
            if window == "rolling 2 days" {
                land.now = local("2026-03-06T12:00:00", "Europe/Berlin");
            }
            enact(&mut land, limit(window, starts));
            let left = 10 - before;
            let (fits, over) = (format!("{left} EUR"), "0.01 EUR");
            let id = land.pays("payer", "seller", &fits, Paid);
            assert!(land.events[&id].refusal().is_none(), "{window} {starts}");
            let op = pay_with(land.spend("payer", over), "seller");
            let (_, answer) = land.try_run(op);
            let Answer::Done(event) = answer else {
                panic!("{answer:?}");
            };
            assert!(event.refusal().is_some(), "{window} {starts}");
        }
    }
}

#[test]
fn a_payment_counts_in_the_civil_day_it_was_made_and_a_refused_one_never() {
    let mut land = germany();
    land.now = local("2026-03-04T23:59:59", "Europe/Berlin");
    land.pays("payer", "seller", "5 EUR", Paid);
    land.later(1_000);
    land.pays("payer", "seller", "3 EUR", Paid);
    land.pays("payer", "seller", "5000 EUR", Code::InsufficientFunds);
    enact(&mut land, limit("day", "backfilled"));
    land.pays("payer", "seller", "7.01 EUR", Code::LimitPerDay);
    land.pays("payer", "seller", "7 EUR", Paid);
}

#[test]
fn what_is_under_way_gives_its_room_back_when_it_ends() {
    let mut land = germany();
    let expires = Some(land.now.plus(48 * HOUR));
    let hold = |land: &mut Land, text: &str| {
        let (spend, payee) = (land.spend("payer", text), wal("seller"));
        land.id_of(Op::Authorize {
            spend,
            payee,
            expires,
        })
    };
    let (voided, captured) = (hold(&mut land, "4 EUR"), hold(&mut land, "6 EUR"));
    let one = land.money("1 EUR").1.0;
    let first = land.id_of(capture(captured, one));
    enact(&mut land, limit("total", "backfilled"));
    land.pays("payer", "seller", "0.01 EUR", Code::LimitTotal);
    land.run(void(voided));
    land.pays("payer", "seller", "4 EUR", Paid);
    // Of six, one was captured before, one is now, and the rest expires.
    let second = land.id_of(capture(captured, one));
    land.later(49 * HOUR);
    land.run_timers();
    land.pays("payer", "seller", "4 EUR", Paid);
    land.pays("payer", "seller", "0.01 EUR", Code::LimitTotal);
    // A capture of before says nothing of the measure: the strict side.
    let refund = land.refund(first, one);
    land.run(refund);
    land.pays("payer", "seller", "0.01 EUR", Code::LimitTotal);
    let refund = land.refund(second, one);
    land.run(refund);
    land.pays("payer", "seller", "1 EUR", Paid);
}

/// Approves and puts into force, and counts nothing yet.
fn activate(land: &mut Land, law: NewLaw) {
    let proposal = land.propose(law);
    let now = land.now;
    land.approve(proposal, now);
    assert_eq!(land.run_timers(), 1);
}

fn walked(land: &Land) -> Backfill {
    let mut walk = Backfill::new(&land.state, TENANT).unwrap();
    let (mut state, mut replay) = (State::new(7), Replay::default());
    for (seq, row) in (1u64..).zip(&land.rows) {
        let look = |before: &State, event: &engine::Event| walk.event(before, event);
        let read = replay.row_before(&mut state, seq, FORMAT, row, look);
        read.unwrap();
    }
    walk
}

#[test]
fn parts_come_in_order_once_and_from_the_first_again_after_a_restart() {
    let mut land = germany();
    let expires = Some(land.now.plus(48 * HOUR));
    let (spend, payee) = (land.spend("payer", "4 EUR"), wal("seller"));
    let hold = land.id_of(Op::Authorize {
        spend,
        payee,
        expires,
    });
    land.pays("payer", "seller", "5 EUR", Paid);
    let law = new_law(
        vec![limit("total", "backfilled").into()],
        Some(operator(b"DE")),
    );
    activate(&mut land, law);
    let parts: Vec<Op> = walked(&land).parts(&land.state).collect();
    let [Op::Backfill { counted }] = &parts[..] else {
        panic!("{parts:?}");
    };
    let whole = (**counted).clone();
    let part = |part, is_last, sums: &[Counted], open: &[(Id, Counted)]| Op::Backfill {
        counted: Box::new(Backfilled {
            version: whole.version,
            part,
            is_last,
            sums: sums.to_vec(),
            open: open.to_vec(),
        }),
    };
    let refused = |land: &mut Land, op: Op, code: Code| {
        let command = engine::Command {
            id: Id::NONE,
            ..land.command(Id::NONE, op)
        };
        match land.ask(&command) {
            Answer::Rejected(rejection) => assert_eq!(rejection.code, code),
            other => panic!("{other:?}"),
        }
    };
    let first = part(0, false, &whole.sums, &[]);
    let last = part(1, true, &[], &whole.open);
    refused(&mut land, last.clone(), Code::NotFound);
    land.by_node(first.clone());
    land.pays("payer", "seller", "1 EUR", Code::LawNotReady);
    refused(&mut land, part(2, true, &[], &[]), Code::NotFound);
    let others = Counted {
        measure: MEASURE_FIRST + 7,
        ..whole.sums[0]
    };
    refused(&mut land, part(1, true, &[others], &[]), Code::Malformed);
    // The node ends here; what it finds again is in the middle, and it begins anew.
    let restored = snapshot::decode(&snapshot::encode(&land.state), 11).unwrap();
    assert_eq!(snapshot::digest(&restored), snapshot::digest(&land.state));
    land.0.state = restored;
    land.by_node(first);
    land.by_node(last.clone());
    refused(&mut land, last, Code::NotFound);
    land.pays("payer", "seller", "1.01 EUR", Code::LimitTotal);
    land.run(void(hold));
    land.pays("payer", "seller", "5 EUR", Paid);
}

#[test]
fn subscriptions_wait_for_a_law_that_cannot_be_asked_and_nothing_else_does() {
    use crate::subscriptions::{plan, set_plan, subscribe, to};
    let mut land = germany();
    let mut definition = plan();
    definition.asset = "EUR".parse().unwrap();
    definition.tiers[0].every = pricing::Every::Day;
    (definition.grace_days, definition.dunning.retry_days) = (0, Vec::new());
    land.run(set_plan("it", definition));
    let mut new = to(0);
    (new.wallet, new.payer, new.payee) = (wal("payer"), wal("payer"), wal("seller"));
    land.check(subscribe(new), Paid);
    let law = new_law(
        vec![limit("total", "backfilled").into()],
        Some(operator(b"DE")),
    );
    let hold = Op::Authorize {
        spend: land.spend("payer", "1 EUR"),
        payee: wal("seller"),
        expires: Some(land.now.plus(3 * DAY)),
    };
    land.run(hold);
    let proposal = land.propose(law);
    let now = land.now;
    land.approve(proposal, now);
    assert_eq!(land.run_timers(), 1);
    assert!(land.law().backfilling.is_some());
    let expires = land.now.plus(3 * DAY);
    assert_eq!(land.state.next_due(), Some(expires));
    land.later(3 * DAY);
    let first: Vec<_> = land.state.due(land.now, 1).map(|timer| timer.1).collect();
    assert_eq!(first, [engine::records::TimerKind::Hold]);
    assert_eq!(land.run_timers(), 1);
    assert_eq!((land.run_timers(), land.state.next_due()), (0, None));
    land.backfill();
    for _ in 0..3 {
        assert_eq!(land.run_timers(), 1);
    }
    assert_eq!(land.state.next_due(), Some(land.now.plus(DAY)));
}

#[test]
fn what_one_law_waits_for_the_next_of_the_same_instant_waits_for_too() {
    let mut land = germany();
    land.pays("payer", "seller", "9 EUR", Paid);
    let law = new_law(
        vec![limit("total", "backfilled").into()],
        Some(operator(b"DE")),
    );
    let settings = NewLaw {
        settings: Some(operator(b"FR")),
        ..NewLaw::default()
    };
    let proposals = [law, settings].map(|law| land.propose(law));
    let now = land.now;
    for proposal in proposals {
        land.approve(proposal, now);
    }
    assert_eq!(land.run_timers(), 2);
    land.backfill();
    assert_eq!(land.law().version, 2);
    land.pays("payer", "seller", "1.01 EUR", Code::LimitTotal);
    land.pays("payer", "seller", "1 EUR", Paid);
}

#[test]
fn what_was_left_of_a_measure_from_a_law_long_gone_is_counted_anew() {
    let mut land = germany();
    enact(&mut land, limit("total", "backfilled"));
    land.pays("payer", "seller", "2 EUR", Paid);
    land.enact(NewLaw {
        removed: vec!["one".to_owned()],
        ..NewLaw::default()
    });
    land.pays("payer", "seller", "3 EUR", Paid);
    enact(&mut land, limit("total", "backfilled"));
    land.pays("payer", "seller", "5.01 EUR", Code::LimitTotal);
    land.pays("payer", "seller", "5 EUR", Paid);
}

#[test]
fn backfilled_counters_are_those_that_had_been_in_force_all_along() {
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 1..=6 {
        let mut lives = [Life::new(seed, true), Life::new(seed, false)];
        for _ in 0..500 {
            lives.iter_mut().for_each(Life::step);
        }
        let [all_along, late] = &mut lives;
        late.land.enact(new_law(packs("2026-02-02", true), None));
        assert_eq!(counts(&all_along.land), counts(&late.land), "seed {seed}");
        assert!(counts(&late.land).len() > 20);
        // What is under way goes on alike, and so does all that is new.
        for life in &mut lives {
            life.paid.clear();
            (0..200).for_each(|_| life.step());
        }
        let [all_along, late] = &mut lives;
        // Those of the past that are refunded or disputed are none of these.
        assert_eq!(counts(&all_along.land), counts(&late.land), "seed {seed}");
        for row in &late.land.rows {
            let mut event = engine::Event::empty();
            let mut reader = engine::codec::RowReader::new(FORMAT, row).unwrap();
            assert!(reader.next_event(&mut event).unwrap());
            *kinds.entry(event.kind.as_str()).or_default() += 1;
        }
        // The journal alone shows it all, and so does a snapshot.
        let mut replayed = State::new(3);
        for (seq, row) in (1..).zip(&late.land.rows) {
            let mut replay = Replay::default();
            let read = replay.row(&mut replayed, seq, FORMAT, row, |_, _, _| {});
            read.unwrap();
        }
        let digest = snapshot::digest(&late.land.state);
        assert_eq!(snapshot::digest(&replayed), digest);
        let restored = snapshot::decode(&snapshot::encode(&late.land.state), 5).unwrap();
        assert_eq!(snapshot::digest(&restored), digest);
    }
    for kind in [
        "payment.voided",
        "payment.expired",
        "payment.captured",
        "payment.refunded",
        "withdrawal.returned",
        "topup.reversed",
        "dispute.won",
        "dispute.lost",
        "payment.split",
        "refused",
    ] {
        assert!(kinds.get(kind).is_some_and(|seen| *seen > 5), "{kinds:?}");
    }
}
