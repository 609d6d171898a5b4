//! The pipeline's promises: durable before answered, once, in order, bounded, recovered.
#![allow(clippy::unwrap_used)]

mod bulk;
mod busy;
mod ending;
mod snapshots;
mod town;
mod untimed;
mod weight;

use engine::command::Spend;
use engine::ids::MandateId;
use engine::{Code, EventKind, Id, Op, UtcMillis};
use journal::fault::{Fault, MemDisk};
use ledger::AssetNo;
use money::Atoms;
use node::{Answer, Brief, Fatal, Node, NodeOptions, Unavailable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use town::{T0, balance, command, fresh, mem_node, options, pay, populate, wallet};

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    populate(&node, 3);
    let id = fresh();
    let answer = node.submit_blocking(pay(id, 1, 0, 400)).unwrap();
    let Answer::Done { position, event } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(event.kind, EventKind::Paid);
    node.shutdown();
    drop(node);

    let node = Node::open(dir.path(), options()).unwrap();
    node.set_time(UtcMillis(T0)).unwrap();
    assert_eq!((balance(&node, 1), balance(&node, 0)), (600, 400));
    let again = node.submit_blocking(pay(id, 1, 0, 400)).unwrap();
    assert_eq!(again, Answer::Known { position, event });
    let other = node.submit_blocking(pay(id, 1, 0, 401)).unwrap();
    let Answer::Rejected(rejection) = other else {
        panic!("{other:?}")
    };
    assert_eq!(
        (rejection.code, rejection.field),
        (Code::IdReused, "amount")
    );
    assert_eq!(balance(&node, 1), 600);
    node.shutdown();
}

#[test]
fn two_nodes_cannot_have_one_journal() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    let Err(error) = Node::open(dir.path(), options()) else {
        panic!("a second node")
    };
    assert_eq!(error.code(), "journal_locked");
    node.shutdown();
}

#[test]
fn a_failed_commit_answers_outcome_unknown_and_stops_the_node() {
    for fault in [Fault::FailBefore, Fault::FailAfter, Fault::Full] {
        let dir = tempfile::tempdir().unwrap();
        let disk = MemDisk::new(0);
        let called = Arc::new(AtomicBool::new(false));
        let told = called.clone();
        let fatal = Fatal::Call(Arc::new(move |_| told.store(true, Ordering::SeqCst)));
        let node = mem_node(&disk, dir.path(), NodeOptions { fatal, ..options() });
        populate(&node, 2);
        disk.inject_next(fault);
        let id = fresh();
        assert_eq!(
            node.submit_blocking(pay(id, 1, 0, 7)),
            Err(Unavailable::OutcomeUnknown)
        );
        assert!(
            node.submit_blocking(pay(fresh(), 1, 0, 7)).is_err(),
            "nothing after it"
        );
        node.shutdown();
        assert!(called.load(Ordering::SeqCst));
        drop(node);

        let node = mem_node(&disk, dir.path(), options());
        node.set_time(UtcMillis(T0)).unwrap();
        node.submit_blocking(pay(id, 1, 0, 7)).unwrap();
        assert_eq!(balance(&node, 0), 7, "{fault:?}: the retry pays once");
        node.shutdown();
    }
}

#[test]
fn a_full_queue_asks_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(
        dir.path(),
        NodeOptions {
            queue_max: 10,
            ..options()
        },
    )
    .unwrap();
    populate_small(&node);
    // Hold the writer in a query while the queue fills.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let (begin, begun) = std::sync::mpsc::channel::<()>();
    let blocked = node.clone();
    let holder = std::thread::spawn(move || {
        let hold = move |_: &engine::State| {
            begin.send(()).unwrap();
            held.recv().is_ok()
        };
        blocked.query_blocking(hold).unwrap()
    });
    begun.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut waiting = Vec::new();
        let mut busy = 0;
        for _ in 0..40 {
            let mut submit = Box::pin(node.submit(pay(fresh(), 1, 0, 1)));
            match futures_poll(&mut submit) {
                Some(Err(Unavailable::Busy { retry_after_ms })) => {
                    assert!(retry_after_ms > 0);
                    busy += 1;
                }
                Some(other) => panic!("{other:?}"),
                None => waiting.push(submit),
            }
        }
        assert_eq!(busy, 30, "ten wait, the rest are told to come back");
        hold.send(()).unwrap();
        for submit in waiting {
            assert!(matches!(submit.await, Ok(Answer::Done { .. })));
        }
    });
    holder.join().unwrap();
    node.shutdown();
}

fn populate_small(node: &Node) {
    node.set_time(UtcMillis(T0)).unwrap();
    populate(node, 2);
}

pub fn futures_poll<F: Future>(future: &mut std::pin::Pin<Box<F>>) -> Option<F::Output> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

#[test]
fn many_in_flight_are_each_answered_once_and_the_books_balance() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    populate(&node, 101);
    let client = node.client();
    let total = 20_000u64;
    let mut next = 0u64;
    let mut answered = vec![false; usize::try_from(total).unwrap()];
    let mut in_flight = 0;
    let mut done = Vec::new();
    let mut accepted = 0;
    while next < total || in_flight > 0 {
        let room = (4096 - in_flight).min(total - next);
        client
            .submit(
                (next..next + room)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|token| (token, pay(fresh(), 1 + token % 100, 0, 5))),
            )
            .unwrap();
        next += room;
        in_flight += room;
        done.clear();
        client.wait(&mut done);
        for (token, brief) in done.drain(..) {
            let seen = &mut answered[usize::try_from(token).unwrap()];
            assert!(!std::mem::replace(seen, true));
            in_flight -= 1;
            accepted += i128::from(matches!(brief, Brief::Done { code: None, .. }));
        }
    }
    assert_eq!(accepted, 20_000, "1000 atoms each, 200 payments of 5");
    assert_eq!(balance(&node, 0), accepted * 5);
    let trial = node.query_blocking(engine::State::trial_balance).unwrap();
    assert!(trial.iter().all(|(_, sum)| *sum == 0));
    node.shutdown();
}

#[test]
fn an_authorization_expires_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    populate(&node, 2);
    let spend = Spend {
        payer: wallet(1),
        mandate: MandateId(Id::NONE),
        amount: Atoms(10),
        asset: AssetNo(0),
        risk: risk::Score(0),
        confirmed: false.into(),
        circumstances: Default::default(),
        tax: Default::default(),
        item: Default::default(),
    };
    let expires = UtcMillis(T0 + 5_000);
    let op = Op::Authorize {
        spend,
        payee: wallet(0),
        expires: Some(expires),
    };
    node.submit_blocking(command(fresh(), op)).unwrap();
    let held = |node: &Node| {
        node.query_blocking(|state| (state.holds.len(), state.timers.len()))
            .unwrap()
    };
    assert_eq!(held(&node), (1, 1));
    node.set_time(UtcMillis(T0 + 4_999)).unwrap();
    assert_eq!(held(&node), (1, 1));
    node.set_time(UtcMillis(T0 + 5_000)).unwrap();
    assert_eq!(held(&node), (0, 0));
    node.shutdown();
}
