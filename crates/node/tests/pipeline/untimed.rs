//! Ids that carry no time: never twice, however long ago.

use crate::town::{T0, balance, command, fresh, options, pay, populate};
use engine::{Code, Command, Id, Op, UtcMillis};
use node::projection::{Projection, ProjectionOptions};
use node::{Answer, Brief, Node, NodeOptions, OpaqueIds, Unavailable};
use std::path::Path;
use std::time::Duration;

const DAY: u64 = 86_400_000;
const LONG: Duration = Duration::from_secs(20);

fn followed(paused: bool) -> NodeOptions {
    NodeOptions {
        projection: true,
        projection_options: ProjectionOptions {
            paused,
            ..ProjectionOptions::default()
        },
        ..options()
    }
}

fn open(dir: &Path, paused: bool, now: u64) -> Node {
    let node = Node::open(dir, followed(paused)).unwrap();
    node.set_time(UtcMillis(now)).unwrap();
    node
}

fn caught_up(node: &Node) {
    let head = node.stats().durable_seq;
    assert!(node.projection().unwrap().wait_for(head, LONG));
}

#[test]
fn an_old_one_is_not_paid_again_because_the_read_model_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let id = Id::opaque(77);
    let node = open(dir.path(), false, T0);
    populate(&node, 2);
    let first = node.submit_blocking(pay(id, 1, 0, 400)).unwrap();
    let Answer::Done { position, event } = first else {
        panic!("{first:?}")
    };
    node.shutdown();
    drop(node);
    Projection::reset(dir.path()).unwrap();

    let node = open(dir.path(), true, T0 + DAY);
    assert_eq!(
        node.submit_blocking(pay(id, 1, 0, 400)),
        Err(Unavailable::ReadModelBehind)
    );
    node.projection().unwrap().resume();
    caught_up(&node);
    let again = node.submit_blocking(pay(id, 1, 0, 400)).unwrap();
    assert_eq!(again, Answer::Known { position, event });
    assert_eq!(balance(&node, 1), 600);
    node.shutdown();
}

fn group(id: Id, items: &[Id]) -> Command {
    let items = items.iter().map(|id| (*id, pay(*id, 1, 0, 10).op));
    let items = items.collect();
    command(id, Op::Group { items })
}

#[test]
fn an_old_one_is_not_paid_again_as_an_item_of_a_group() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path(), false, T0);
    populate(&node, 2);
    let [alone, inside, new] = [1, 2, 3].map(Id::opaque);
    let whole = Id::opaque(4);
    let grouped = group(whole, &[fresh(), inside]);
    node.submit_blocking(pay(alone, 1, 0, 10)).unwrap();
    let first = node.submit_blocking(grouped.clone()).unwrap();
    let Answer::Done { position, event } = first else {
        panic!("{first:?}")
    };
    caught_up(&node);
    node.set_time(UtcMillis(T0 + DAY)).unwrap();
    let timed = |n| Id::timed(T0 + DAY, n);
    for (items, at) in [([new, alone], 1), ([inside, new], 0)] {
        let answer = node.submit_blocking(group(timed(1), &items)).unwrap();
        let Answer::Rejected(rejection) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(rejection.code, Code::IdReused);
        assert_eq!((rejection.field, rejection.item), ("id", Some(at)));
        let brief = node.submit_brief(vec![group(timed(2), &items)]).unwrap();
        assert_eq!(brief, [Brief::Rejected(rejection)]);
    }
    let again = node.submit_blocking(grouped).unwrap();
    assert_eq!(again, Answer::Known { position, event }, "the same group");
    assert_eq!(balance(&node, 1), 970);
    let answer = node.submit_blocking(group(timed(3), &[new])).unwrap();
    assert!(matches!(answer, Answer::Done { .. }), "{answer:?}");
    assert_eq!(balance(&node, 1), 960);
    node.shutdown();
}

#[test]
fn a_group_of_old_items_under_an_id_with_a_time_is_known_within_its_window() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path(), false, T0);
    populate(&node, 2);
    let grouped = group(fresh(), &[Id::opaque(1), Id::opaque(2)]);
    let first = node.submit_blocking(grouped.clone()).unwrap();
    let Answer::Done { position, event } = first else {
        panic!("{first:?}")
    };
    caught_up(&node);
    let again = node.submit_blocking(grouped).unwrap();
    assert_eq!(again, Answer::Known { position, event });
    node.shutdown();
}

/// From now on what is risky waits for its payer.
fn be_wary(node: &Node) {
    let mut terms = engine::terms::Terms::default();
    terms.risk.step_up_at = Some(risk::Score(500));
    let terms = Box::new(terms);
    node.submit_blocking(command(fresh(), Op::SetTerms { terms }))
        .unwrap();
}

fn risky(id: Id, confirmed: bool) -> Command {
    let mut asked = pay(id, 1, 0, 10);
    if let Op::Pay { spend, .. } = &mut asked.op {
        (spend.risk, spend.confirmed) = (risk::Score(600), confirmed.into());
    }
    asked
}

#[test]
fn a_confirmed_payment_is_known_as_paid_before_the_read_model_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path(), false, T0);
    populate(&node, 2);
    be_wary(&node);
    let ask = |sure| risky(Id::opaque(9), sure);
    node.submit_blocking(ask(false)).unwrap();
    caught_up(&node);
    node.projection().unwrap().pause();
    let paid = node.submit_blocking(ask(true)).unwrap();
    let Answer::Done { position, event } = paid else {
        panic!("{paid:?}")
    };
    for sure in [true, false] {
        let (position, event) = (position, event.clone());
        let again = node.submit_blocking(ask(sure)).unwrap();
        assert_eq!(again, Answer::Known { position, event });
    }
    assert_eq!(balance(&node, 1), 990);
    node.projection().unwrap().resume();
    node.shutdown();
}

#[test]
fn a_confirmed_payment_is_not_paid_again_when_its_confirmation_was_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let node = open(dir.path(), false, T0);
    populate(&node, 2);
    be_wary(&node);
    let ask = |sure| risky(Id::opaque(9), sure);
    node.submit_blocking(ask(false)).unwrap();
    caught_up(&node);
    let paid = node.submit_blocking(ask(true)).unwrap();
    let Answer::Done { position, event } = paid else {
        panic!("{paid:?}")
    };
    caught_up(&node);
    node.set_time(UtcMillis(T0 + DAY)).unwrap();
    for sure in [true, false] {
        let (position, event) = (position, event.clone());
        let again = node.submit_blocking(ask(sure)).unwrap();
        assert_eq!(again, Answer::Known { position, event });
    }
    assert_eq!(balance(&node, 1), 990);
    node.shutdown();
}

#[test]
fn without_a_read_model_one_is_refused_unless_the_window_is_said_to_be_enough() {
    let dir = tempfile::tempdir().unwrap();
    let durable = NodeOptions {
        opaque_ids: OpaqueIds::Durable,
        ..options()
    };
    let node = Node::open(dir.path(), durable).unwrap();
    populate(&node, 2);
    let asked = pay(Id::opaque(1), 1, 0, 10);
    let off = Unavailable::ReadModelOff;
    assert_eq!(node.submit_blocking(asked.clone()), Err(off));
    assert_eq!(node.submit_brief(vec![asked.clone()]), Err(off));
    let client = node.client();
    assert_eq!(client.submit([(1, asked.clone())].into_iter()), Err(off));
    let in_group = group(fresh(), &[Id::opaque(1)]);
    assert_eq!(node.submit_blocking(in_group), Err(off));
    node.submit_blocking(pay(fresh(), 1, 0, 10)).unwrap();
    assert_eq!(balance(&node, 1), 990);
    node.shutdown();
    drop((client, node));

    let window = NodeOptions {
        opaque_ids: OpaqueIds::Window,
        ..options()
    };
    let node = Node::open(dir.path(), window).unwrap();
    node.set_time(UtcMillis(T0)).unwrap();
    let paid = node.submit_blocking(asked).unwrap();
    assert!(matches!(paid, Answer::Done { .. }), "{paid:?}");
    node.shutdown();
}
