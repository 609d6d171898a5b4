//! Busy says that nothing happened.

use crate::futures_poll;
use crate::town::{T0, balance, fresh, options, pay, populate};
use engine::{Code, State, UtcMillis};
use node::{Answer, Node, NodeOptions, Unavailable};
use std::sync::mpsc;
use std::thread::JoinHandle;

/// Stops the writer in a query of its own, until told to go on.
struct Stopped {
    go_on: mpsc::Sender<()>,
    began: mpsc::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Stopped {
    fn ask(node: &Node) -> Stopped {
        let ((go_on, wait), (begin, began)) = (mpsc::channel(), mpsc::channel());
        let node = node.clone();
        let hold = move |_: &State| {
            begin.send(()).unwrap();
            wait.recv().unwrap();
        };
        let thread = std::thread::spawn(move || node.query_blocking(hold).unwrap());
        Stopped {
            go_on,
            began,
            thread,
        }
    }

    fn end(self) {
        self.go_on.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

#[test]
fn what_was_decided_is_answered_however_full_the_queue_is() {
    let dir = tempfile::tempdir().unwrap();
    let options = NodeOptions {
        queue_max: 4,
        // Each payment is a row of its own, so that one is durable while the writer stands.
        row_bytes_max: 1,
        ..options()
    };
    let node = Node::open(dir.path(), options).unwrap();
    node.set_time(UtcMillis(T0)).unwrap();
    populate(&node, 2);
    let [known, other] = [fresh(), fresh()];
    for id in [known, other] {
        node.submit_blocking(pay(id, 1, 0, 1)).unwrap();
    }
    let durable = node.stats().durable_seq;

    let first = Stopped::ask(&node);
    first.began.recv().unwrap();
    let lines = vec![
        pay(known, 1, 0, 1),
        pay(other, 1, 0, 2),
        pay(fresh(), 1, 0, 5),
    ];
    let mut many = Box::pin(node.submit_many(lines));
    assert!(futures_poll(&mut many).is_none());
    let second = Stopped::ask(&node);
    while node.stats().queued < 4 {
        std::thread::yield_now();
    }
    first.end();
    second.began.recv().unwrap();
    let fill = |_| Box::pin(node.submit(pay(fresh(), 1, 0, 1)));
    let mut waiting: Vec<_> = (0..4).map(fill).collect();
    for submit in &mut waiting {
        assert!(futures_poll(submit).is_none());
    }
    while node.stats().durable_seq == durable {
        std::thread::yield_now();
    }
    let mut told = None;
    while told.is_none() && node.stats().queued == 4 {
        told = futures_poll(&mut many);
    }
    second.end();
    while told.is_none() {
        told = futures_poll(&mut many);
    }
    let answers = told.unwrap().unwrap();
    assert!(
        matches!(answers[0], Ok(Answer::Known { .. })),
        "{answers:?}"
    );
    let Ok(Answer::Rejected(rejection)) = &answers[1] else {
        panic!("{answers:?}")
    };
    assert_eq!(rejection.code, Code::IdReused);
    assert!(matches!(answers[2], Ok(Answer::Done { .. })), "{answers:?}");
    for mut submit in waiting {
        while futures_poll(&mut submit).is_none() {}
    }
    assert_eq!(balance(&node, 0), 1 + 1 + 5 + 4);
    node.shutdown();
}

#[test]
fn of_a_known_id_that_cannot_be_read_now_nothing_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    populate(&node, 2);
    let id = fresh();
    node.submit_blocking(pay(id, 1, 0, 1)).unwrap();
    let stop = Stopped::ask(&node);
    stop.began.recv().unwrap();
    let mut again = Box::pin(node.submit(pay(id, 1, 0, 1)));
    assert!(futures_poll(&mut again).is_none());
    stop.end();
    // The answer is on its way, the comparison is not asked yet.
    node.shutdown();
    let told = futures_poll(&mut again);
    assert_eq!(told, Some(Err(Unavailable::OutcomeUnknown)));
}
