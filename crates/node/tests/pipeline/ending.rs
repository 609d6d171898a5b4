//! A node of which a thread has panicked ends, and everybody is told.

use crate::town::{balance, fresh, mem_node, node_on, options, pay, populate};
use engine::UtcMillis;
use journal::fault::{MemDisk, MemJournal};
use journal::{Hash, Head, Journal, JournalError, Reader};
use node::{Brief, Clock, Fatal, Node, NodeOptions, Unavailable};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

fn told() -> (Fatal, Receiver<String>) {
    let (to, told) = channel();
    let call = move |why: &str| to.send(why.to_owned()).unwrap();
    (Fatal::Call(Arc::new(call)), told)
}

/// Nothing is answered any more, and nothing that asks waits for ever.
fn is_over(node: &Node, told: &Receiver<String>) {
    let why = told.recv().unwrap();
    assert!(why.contains("panicked"), "{why}");
    assert!(node.has_failed());
    let unknown = Unavailable::OutcomeUnknown;
    let asked = || pay(fresh(), 1, 0, 1);
    assert_eq!(node.submit_blocking(asked()), Err(unknown));
    assert_eq!(node.submit_brief(vec![asked(); 3]), Err(unknown));
    assert_eq!(
        node.client().submit([(1, asked())].into_iter()),
        Err(unknown)
    );
    assert_eq!(node.query_blocking(|_| ()), Err(unknown));
    node.shutdown();
    assert!(told.try_recv().is_err(), "told once");
}

/// Holds the writer in a query, which then panics.
fn hold(node: &Node) -> Sender<()> {
    let (go, held) = channel();
    let (begin, begun) = channel();
    let asked = node.clone();
    std::thread::spawn(move || {
        let answer = asked.query_blocking(move |_| {
            begin.send(()).unwrap();
            held.recv().unwrap();
            panic!("on purpose");
        });
        assert_eq!(answer, Err::<(), _>(Unavailable::Stopped));
    });
    begun.recv().unwrap();
    go
}

#[test]
fn a_panicking_query_ends_the_node_and_everybody_who_waits_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (fatal, told) = told();
    let disk = MemDisk::new(0);
    let node = mem_node(&disk, dir.path(), NodeOptions { fatal, ..options() });
    populate(&node, 2);
    let go = hold(&node);
    let client = node.client();
    let asked = (0..600).map(|token| (token, pay(fresh(), 1, 0, 1)));
    client
        .submit(asked.collect::<Vec<_>>().into_iter())
        .unwrap();
    let others = (0..3).map(|how| {
        let node = node.clone();
        std::thread::spawn(move || match how {
            0 => node.submit_blocking(pay(fresh(), 1, 0, 1)).unwrap_err(),
            1 => node
                .submit_brief(vec![pay(fresh(), 1, 0, 1); 5])
                .unwrap_err(),
            _ => node.set_time(UtcMillis(1)).err().unwrap_or_else(|| {
                node.query_blocking(|_| ()).unwrap_err();
                Unavailable::OutcomeUnknown
            }),
        })
    });
    let others: Vec<_> = others.collect();
    go.send(()).unwrap();
    let (mut heard, mut done) = (0, Vec::new());
    while heard < 600 {
        client.wait(&mut done);
        heard += done.len();
        for (token, brief) in done.drain(..) {
            assert_eq!(brief, Brief::OutcomeUnknown, "{token}");
        }
    }
    for other in others {
        assert_eq!(other.join().unwrap(), Unavailable::OutcomeUnknown);
    }
    is_over(&node, &told);
    drop(node);
    // What was acknowledged before is there.
    let node = mem_node(&disk, dir.path(), options());
    assert_eq!(balance(&node, 1), 1000);
    node.shutdown();
}

struct Broken(AtomicBool);

impl Clock for Broken {
    fn wall_ms(&self) -> u64 {
        assert!(!self.0.load(Ordering::SeqCst), "on purpose");
        crate::town::T0
    }
    fn monotonic_ms(&self) -> u64 {
        0
    }
}

#[test]
fn a_panicking_clock_ends_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let (fatal, told) = told();
    let clock = Arc::new(Broken(AtomicBool::new(false)));
    let broken = NodeOptions {
        fatal,
        clock: clock.clone(),
        ..options()
    };
    let node = mem_node(&MemDisk::new(0), dir.path(), broken);
    node.query_blocking(|_| ()).unwrap();
    clock.0.store(true, Ordering::SeqCst);
    let asked = node.submit_blocking(pay(fresh(), 1, 0, 1));
    assert_eq!(asked, Err(Unavailable::OutcomeUnknown));
    is_over(&node, &told);
}

struct Cracked(MemJournal, Arc<AtomicBool>);

impl Journal for Cracked {
    fn shard(&self) -> u32 {
        self.0.shard()
    }
    fn epoch(&self) -> u64 {
        self.0.epoch()
    }
    fn head(&self) -> Head {
        self.0.head()
    }
    fn append(&mut self, format: u16, events: &[u8], root: Hash) -> Result<Head, JournalError> {
        assert!(!self.1.load(Ordering::SeqCst), "on purpose");
        self.0.append(format, events, root)
    }
    fn is_poisoned(&self) -> bool {
        self.0.is_poisoned()
    }
    fn reader(&self) -> Result<Box<dyn Reader + Send>, JournalError> {
        self.0.reader()
    }
}

#[test]
fn a_panic_while_committing_ends_the_node_whatever_the_batch() {
    // A small batch is committed by the writer, a large one by the committer.
    for commands in [1, 2_000] {
        let dir = tempfile::tempdir().unwrap();
        let (fatal, told) = told();
        let disk = MemDisk::new(0);
        let crack = Arc::new(AtomicBool::new(false));
        let journal = Cracked(MemJournal::open_unlocked(&disk).unwrap(), crack.clone());
        let options = NodeOptions { fatal, ..options() };
        let node = node_on(Box::new(journal), &disk, dir.path(), options);
        populate(&node, 2);
        crack.store(true, Ordering::SeqCst);
        let asked = (0..commands).map(|_| pay(fresh(), 1, 0, 1)).collect();
        assert_eq!(node.submit_brief(asked), Err(Unavailable::OutcomeUnknown));
        is_over(&node, &told);
    }
}
