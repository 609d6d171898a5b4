//! Ids that carry no time: never twice, however long ago.

use crate::town::{T0, balance, options, pay, populate};
use engine::{Id, UtcMillis};
use node::projection::{Projection, ProjectionOptions};
use node::{Answer, Node, NodeOptions, Unavailable};
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
