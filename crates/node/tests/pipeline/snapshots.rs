//! Snapshots: a start from one is a start from the journal, only faster.

use crate::town::{fresh, options, pay, populate};
use engine::Command;
use journal::SnapshotStore;
use node::{Brief, Node, NodeError, NodeOptions, Unanchored};
use std::sync::mpsc::channel;

#[test]
fn a_snapshot_and_the_rows_after_it_are_the_same_state() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    populate(&node, 50);
    let pays: Vec<Command> = (1..50).map(|n| pay(fresh(), n, 0, n)).collect();
    node.submit_brief(pays).unwrap();
    let seq = node.snapshot().unwrap();
    assert!(seq > 0);
    let pays: Vec<Command> = (1..50).map(|n| pay(fresh(), n, 0, n)).collect();
    node.submit_brief(pays).unwrap();
    let digest = node.query_blocking(engine::snapshot::digest).unwrap();
    node.shutdown();
    drop(node);

    let node = Node::open(dir.path(), options()).unwrap();
    assert_eq!(
        node.stats().snapshot_seq,
        seq,
        "recovered from the snapshot"
    );
    assert_eq!(
        node.query_blocking(engine::snapshot::digest).unwrap(),
        digest
    );
    node.shutdown();
    drop(node);

    // Damage the snapshot: the journal alone gives the same state.
    for entry in std::fs::read_dir(dir.path().join("snapshots")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let node = Node::open(dir.path(), options()).unwrap();
    assert_eq!(node.stats().snapshot_seq, 0);
    assert_eq!(
        node.query_blocking(engine::snapshot::digest).unwrap(),
        digest
    );
    node.shutdown();
}

#[test]
fn what_was_never_anchored_pushes_out_nothing_that_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(&dir.path().join("snapshots")).unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    populate(&node, 3);
    let mut anchored = Vec::new();
    for _ in 0..4 {
        let one = || node.submit_brief(vec![pay(fresh(), 1, 0, 1)]).unwrap();
        one();
        // As a crash before the anchor leaves them.
        for _ in 0..3 {
            let left = node.stats().durable_seq;
            store.write(left, b"half a life").unwrap();
            one();
        }
        anchored.push(node.snapshot().unwrap());
        let from = anchored.len().saturating_sub(2);
        assert_eq!(store.list().unwrap(), anchored[from..]);
    }
    node.shutdown();
    drop(node);
    std::fs::remove_file(store.path(anchored[3])).unwrap();
    let node = Node::open(dir.path(), options()).unwrap();
    assert_eq!(node.stats().snapshot_seq, anchored[2], "the one before");
    node.shutdown();
}

#[test]
fn a_snapshot_is_anchored_however_full_the_queue_and_not_when_the_node_stops() {
    let dir = tempfile::tempdir().unwrap();
    let small = NodeOptions {
        queue_max: 4,
        ..options()
    };
    let node = Node::open(dir.path(), small).unwrap();
    populate(&node, 3);
    let ((go, held), (begin, begun)) = (channel::<()>(), channel());
    let asked = node.clone();
    let holder = std::thread::spawn(move || {
        let wait = move |_: &engine::State| {
            begin.send(()).unwrap();
            held.recv().unwrap();
        };
        asked.query_blocking(wait).unwrap();
    });
    begun.recv().unwrap();
    let client = node.client();
    let full = (0..4u32).map(|token| (token.into(), pay(fresh(), 1, 0, 1)));
    client.submit(full).unwrap();
    let building = node.clone();
    let builder = std::thread::spawn(move || building.snapshot());
    let store = SnapshotStore::open(&dir.path().join("snapshots")).unwrap();
    while store.list().unwrap().is_empty() {
        std::thread::yield_now();
    }
    go.send(()).unwrap();
    let seq = builder.join().unwrap().unwrap();
    holder.join().unwrap();
    assert_eq!(node.stats().snapshot_seq, seq);
    let mut done = Vec::new();
    while done.len() < 4 {
        client.wait(&mut done);
    }
    assert!(done.iter().all(|(_, b)| matches!(b, Brief::Done { .. })));
    node.shutdown();
    let late = node.snapshot();
    assert!(
        matches!(
            late,
            Err(NodeError::SnapshotNotAnchored {
                why: Unanchored::Stopping,
                ..
            })
        ),
        "{late:?}"
    );
    assert_eq!(store.list().unwrap(), [seq]);
}
