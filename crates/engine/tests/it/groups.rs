//! Groups: all or nothing, each item on what the ones before it left.

use crate::codes::thresholds;
use crate::town::*;
use engine::command::Carried;
use engine::records::Standing;
use engine::terms::Terms;
use engine::{Code, EventKind, Id, Op, UtcMillis};
use ledger::Source;
use money::Atoms;
use risk::Score;

fn items(ops: Vec<Op>) -> Op {
    let named = |(n, op): (usize, Op)| (named(&format!("item {n}")), op);
    Op::Group {
        items: ops.into_iter().enumerate().map(named).collect(),
    }
}

#[test]
fn items_see_what_the_ones_before_them_did() {
    let mut t = Town::with(Terms {
        fee_share: ppm(10_000),
        tax: tax_of(&[(b"DE", 190_000)]),
        limits: limits(USD, [None, Some(1_000), None]),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 700);
    let hold = named("item 2");
    t.run(items(vec![
        transfer("alice", "bob", 300),
        split("bob", &[("shop", 1), ("stall", 3)], 300), // what bob only has now
        authorize("alice", "carol", 400, UtcMillis(T0 + HOUR)),
        capture(hold, 100),
        capture_last(hold, 200),
        transfer("alice", "alice2", 100), // what the capture released
    ]));
    assert_eq!((t.has("alice"), t.has("bob"), t.has("alice2")), (0, 0, 100));
    assert!(t.state.holds.is_empty());
    // Room was used by all of them: 300 + 300 + 100.
    t.fund("alice", Source::Card, 1_000);
    t.check(pay("alice", "shop", 301), Code::LimitPerDay);
    t.run(pay("alice", "shop", 300));
    // Each item answers by its own id and can be refunded by it.
    let kinds: Vec<_> = t.events[&hold].parts().map(|p| p.kind).collect();
    assert_eq!(
        kinds,
        [
            EventKind::Transferred,
            EventKind::Split,
            EventKind::Authorized,
            EventKind::Captured,
            EventKind::Captured,
            EventKind::Transferred,
        ]
    );
    t.check_as(named("item 3"), capture(hold, 100), Expect::Known);
    let shop = t.has("shop");
    t.run(t.refund(named("item 1"), 300));
    assert_eq!(t.balance("bob", Source::Card), 300);
    assert!(t.has("shop") < shop);
    t.run(t.refund(named("item 4"), 200));
}

#[test]
fn a_refused_item_refuses_all_and_leaves_only_the_groups_id() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let before = t.picture();
    let ops = || items(vec![pay("alice", "shop", 60), pay("alice", "stall", 60)]);
    let group = t.check(ops(), Code::InsufficientFunds);
    assert_eq!(t.refusal(group).item, 1);
    assert_eq!(t.refusal(group).limit, 40, "as the item before left it");
    assert_eq!(t.picture(), before);
    t.check_as(group, ops(), Expect::Known);
    t.check_as(named("item 0"), pay("alice", "shop", 60), EventKind::Paid);
    t.check(ops(), Code::IdReused); // item 0 is known now
}

#[test]
fn an_item_that_cannot_be_considered_is_named() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let ops = items(vec![pay("alice", "shop", 1), pay("alice", "nobody", 1)]);
    let (_, answer) = t.try_run(ops);
    let Answer::Rejected(rejection) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(rejection.code, Code::NotFound);
    assert_eq!((rejection.field, rejection.item), ("payee", Some(1)));
}

#[test]
fn an_id_is_used_once_in_a_group() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let used = t.id_of(pay("alice", "shop", 1));
    let group = t.new_id();
    let one = || pay("alice", "shop", 1);
    for (ids, code) in [
        ([named("a"), named("a")], Code::IdReused),
        ([named("a"), used], Code::IdReused),
        ([named("a"), group], Code::IdReused),
        ([named("a"), Id::NONE], Code::Malformed),
        ([named("a"), Id::timed(T0 - 2 * DAY, 1)], Code::IdExpired),
    ] {
        let items = ids.into_iter().map(|id| (id, one())).collect();
        t.check_as(group, Op::Group { items }, code);
    }
    assert_eq!(t.has("shop"), 1);
}

#[test]
fn a_payment_that_waits_for_its_payer_is_not_continued_in_a_group() {
    let mut t = Town::with(Terms {
        risk: thresholds(),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 100);
    let mut spend = spend("alice", 10);
    spend.risk = Score(600);
    let id = t.check(pay_with(spend, "shop"), EventKind::StepUpAsked);
    spend.confirmed = true.into();
    let continued = || (id, pay_with(spend, "shop"));
    for items in [vec![continued()], vec![continued(), continued()]] {
        t.check(Op::Group { items }, Code::IdReused);
    }
    t.check_as(id, pay_with(spend, "shop"), EventKind::Paid);
    let fresh = (named("confirmed"), pay_with(spend, "shop"));
    t.check(Op::Group { items: vec![fresh] }, EventKind::Grouped);
}

#[test]
fn a_flood_of_refused_groups_is_throttled_by_its_payer_and_not_by_all() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let mut n = 0;
    let mut group = |payer: &str| {
        n += 1;
        Op::Group {
            items: vec![(named(&format!("flood {n}")), pay(payer, "shop", 1_000))],
        }
    };
    for _ in 0..10 {
        t.check(group("bob"), Code::InsufficientFunds);
    }
    for _ in 0..10 {
        t.check(group("bob"), Code::GroupItemRefused);
    }
    let (_, answer) = t.try_run(group("bob"));
    let Answer::Rejected(rejection) = answer else {
        panic!("{answer:?}");
    };
    let bob = t.state.party_no(TENANT, par("bob")).unwrap();
    assert_eq!(rejection.throttled, Some((bob, Code::GroupItemRefused)));
    t.check(group("carol"), Code::InsufficientFunds);
}

#[test]
fn a_group_does_what_its_items_would_do_singly() {
    let ops = || {
        vec![
            pay("alice", "shop", 77),
            transfer("alice", "bob", 50),
            authorize("bob", "stall", 30, UtcMillis(T0 + HOUR)),
            split("alice", &[("shop", 2), ("carol", 1)], 101),
            pay("shop", "stall", 9),
        ]
    };
    let terms = Terms {
        fee_share: ppm(31_000),
        tax: tax_of(&[(b"DE", 70_000)]),
        limits: limits(USD, [None, Some(5_000), None]),
        ..Terms::default()
    };
    let mut t = Town::with(terms);
    t.fund("alice", Source::Card, 100);
    t.fund("alice", Source::Carrier, 200);
    let mut singly = t.clone();
    t.run(items(ops()));
    for op in ops() {
        singly.run(op);
    }
    assert_eq!(t.picture(), singly.picture());
    assert_eq!(t.state.parties, singly.state.parties);
    assert_eq!(t.state.book, singly.state.book);
}

#[test]
fn a_group_opens_each_account_once() {
    let mut t = Town::with(Terms {
        fee_share: ppm(500_000),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 1_000);
    t.fund("alice", Source::Bank, 1_000);
    t.fund("shop", Source::Bank, 1);
    t.run(pay("shop", "stall", 1));
    let ops = (0..40).map(|n| pay("alice", if n % 2 == 0 { "shop" } else { "bob" }, 50));
    t.run(items(ops.collect()));
    let mut seen = std::collections::BTreeSet::new();
    for (_, a) in t.state.book.iter() {
        let what = (a.class, a.owner, a.sub, a.asset, a.source, a.origin);
        assert!(seen.insert(what), "{what:?} twice");
    }
    t.run(stand("carol", Standing::Frozen));
    t.check(
        items(vec![pay("alice", "carol", 1)]),
        Code::IdReused, // item 0 was used
    );
}

#[test]
fn a_capture_is_in_the_asset_of_its_authorization() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 1_000);
    let expires = UtcMillis(T0 + HOUR);
    let hold = t.id_of(authorize("alice", "shop", 100, expires));
    let in_asset = |payment, asset| Op::Capture {
        payment,
        amount: Atoms(10),
        asset: Some(asset),
        last: true,
    };
    t.check(in_asset(hold, EUR), Code::NotThatPayment);
    let item = |n: u8, op| (named(&format!("item {n}")), op);
    let items = vec![item(1, in_asset(hold, EUR))];
    t.check(Op::Group { items }, Code::NotThatPayment);
    // Also of one that an item before has opened.
    let opens = item(2, authorize("alice", "shop", 100, expires));
    let items = vec![opens.clone(), item(3, in_asset(opens.0, EUR))];
    t.check(Op::Group { items }, Code::NotThatPayment);
    let items = vec![opens.clone(), item(3, in_asset(opens.0, USD))];
    t.check(Op::Group { items }, EventKind::Grouped);
    // And what was captured is another command in another asset.
    let id = t.id_of(in_asset(hold, USD));
    let event = t.events[&id].clone();
    let differs = |asset| {
        let again = t.command(id, in_asset(hold, asset));
        engine::repeat::difference(&t.state, &again, &event)
    };
    assert_eq!((differs(USD), differs(EUR)), (None, Some("asset")));
}

#[test]
fn what_is_carried_of_a_group_is_the_part_that_is_named() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 1_000);
    let (one, other) = (named("one"), named("other"));
    let paid = vec![
        (one, pay("alice", "shop", 30)),
        (other, split("alice", &[("bob", 1), ("stall", 1)], 50)),
    ];
    let group = t.id_of(Op::Group { items: paid });
    let whole = t.events[&group].clone();
    for (thing, postings) in [(one, 2), (other, 3)] {
        let carried = Carried::part(&whole, thing).unwrap();
        assert_eq!(carried.0.postings.len(), postings);
        assert_eq!(carried.0.part(thing), whole.part(thing));
        let amount = Atoms(10);
        let refund = |payment| Op::Refund {
            payment,
            amount,
            carried: carried.clone(),
        };
        t.check(refund(thing), EventKind::Refunded);
        let another = if thing == one { other } else { one };
        t.check(refund(another), Code::NotThatPayment);
    }
    assert!(Carried::part(&whole, named("none")).is_none());
}
