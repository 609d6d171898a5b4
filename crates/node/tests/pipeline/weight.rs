//! Large groups: no queue, batch or row grows without bound.

use crate::town::{balance, command, fresh, mem_node, options, pay, populate, wallet};
use engine::codec::RowWriter;
use engine::command::{GROUP_ITEMS_MAX, SPLIT_PAYEES_MAX, Share};
use engine::{Command, Op};
use journal::Reader;
use journal::fault::MemDisk;
use node::{Answer, Brief, NodeOptions, Unavailable};
use std::sync::mpsc::channel;

/// A group of splits: all of them move an atom from wallet 1 to each payee.
fn group(splits: usize, payees: usize) -> Command {
    let share = Share {
        payee: wallet(0),
        weight: 1,
    };
    let item = || {
        let id = fresh();
        let Op::Pay { mut spend, .. } = pay(id, 1, 0, 1).op else {
            unreachable!()
        };
        spend.amount = money::Atoms(payees as u64);
        let payees = vec![share; payees];
        (id, Op::Split { spend, payees })
    };
    let items = (0..splits).map(|_| item()).collect();
    command(fresh(), Op::Group { items })
}

#[test]
fn a_row_is_handed_over_before_it_grows_large_and_every_group_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let disk = MemDisk::new(0);
    let row_bytes_max = 1_000;
    let options = NodeOptions {
        row_bytes_max,
        ..options()
    };
    let node = mem_node(&disk, dir.path(), options);
    populate(&node, 2);
    let before = node.stats().durable_seq;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let groups = (0..60).map(|_| group(2, 8)).collect();
    let answers = runtime.block_on(node.submit_many(groups)).unwrap();
    let largest = answers.iter().map(|answer| {
        let Ok(Answer::Done { position, event }) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(node.event_at(*position).unwrap().as_ref(), Some(&**event));
        let mut row = RowWriter::default();
        row.push(event);
        row.bytes().len()
    });
    let largest = largest.max().unwrap();
    assert_eq!(balance(&node, 0), 60 * 16);
    let rows = disk.reader().read_from(before + 1, 1_000, 1 << 30).unwrap();
    assert!(rows.len() > 3, "{} rows", rows.len());
    for row in rows {
        assert!(row.events.len() < row_bytes_max + largest, "{}", row.seq);
    }
    node.shutdown();
}

#[test]
fn a_queue_full_of_large_groups_asks_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = NodeOptions {
        queue_weight_max: 1_000,
        ..options()
    };
    let node = mem_node(&MemDisk::new(0), dir.path(), options);
    populate(&node, 2);
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut waiting = Vec::new();
        let busy = loop {
            let mut submit = Box::pin(node.submit(group(3, 99)));
            match crate::futures_poll(&mut submit) {
                Some(answer) => break answer,
                None => waiting.push(submit),
            }
        };
        assert!(matches!(busy, Err(Unavailable::Busy { .. })), "{busy:?}");
        assert_eq!(waiting.len(), 4, "each weighs 301");
        go.send(()).unwrap();
        for submit in waiting {
            assert!(matches!(submit.await, Ok(Answer::Done { .. })));
        }
    });
    holder.join().unwrap();
    node.shutdown();
}

#[test]
fn one_command_of_the_largest_kind_is_far_below_what_a_row_takes() {
    let dir = tempfile::tempdir().unwrap();
    let node = mem_node(&MemDisk::new(0), dir.path(), options());
    populate(&node, 2);
    // As many payees as all items may have would need many atoms; a tenth says as much.
    let asked = group(GROUP_ITEMS_MAX / 100, SPLIT_PAYEES_MAX);
    let briefs = node.submit_brief(vec![asked]).unwrap();
    assert!(matches!(briefs[..], [Brief::Done { code: None, .. }]));
    let bytes = node.stats().bytes;
    assert!(bytes * 100 < 64 << 20, "{bytes}");
    node.shutdown();
}
