//! A short run of the simulation (`examples/simulate`): the node against the oracle, with faults.
#![allow(clippy::unwrap_used)]

#[path = "../examples/simulate/convert.rs"]
mod convert;
#[path = "../examples/simulate/dice.rs"]
mod dice;
#[path = "../examples/simulate/judge.rs"]
mod judge;
#[path = "../examples/simulate/life.rs"]
mod life;
#[path = "../examples/simulate/shelf.rs"]
mod shelf;
#[path = "../examples/simulate/town.rs"]
mod town;

use journal::fault::{Fault, MemDisk};
use life::{Manner, run};
use node::{Brief, Clock, Fatal, Node, NodeOptions};
use oracle::{Command, Op, Spend};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

#[track_caller]
fn agree(seed: u64, commands: u64, serial: bool) -> u64 {
    let manner = Manner {
        serial,
        commands: 5_000,
    };
    let result = run(seed, commands, manner, &AtomicU64::new(0), |_, _| {});
    let tally = result.unwrap_or_else(|(life, why)| {
        panic!("{why}\nnode and oracle differ: seed {seed}, life {life} of 5000 commands")
    });
    tally.restarts
}

#[test]
fn node_and_oracle_agree_whatever_fails() {
    let restarts: u64 = [1, 2, 3, 4]
        .map(|seed| agree(seed, 14_000, false))
        .iter()
        .sum();
    assert!(restarts > 0);
}

#[test]
fn one_command_a_batch_agrees_too() {
    agree(5, 4_000, true);
}

const T0: u64 = 1_790_000_000_000;

/// A clock moved by hand that counts how often it was asked.
#[derive(Default)]
struct Counted(AtomicU64, AtomicU64);

impl Clock for Counted {
    fn wall_ms(&self) -> u64 {
        self.0.load(SeqCst)
    }
    fn monotonic_ms(&self) -> u64 {
        self.1.fetch_add(1, SeqCst);
        self.0.load(SeqCst)
    }
}

/// A node on a disk in memory with two wallets, the first with 1,000 atoms.
fn small(clock: &Arc<Counted>) -> (Node, shelf::Shelf, MemDisk, tempfile::TempDir) {
    clock.0.store(T0, SeqCst);
    let options = NodeOptions {
        projection: false,
        snapshot_every: 0,
        clock: clock.clone(),
        fatal: Fatal::Call(Arc::new(|_| {})),
        ..NodeOptions::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let disk = MemDisk::new(0);
    let shelf = shelf::Shelf::Memory(disk.clone(), dir.path().to_owned());
    let node = shelf.start(options).unwrap();
    let (window_ms, entries_max) = (3_600_000, 1_000_000);
    let mut ops = vec![
        Op::SetShard {
            window_ms,
            entries_max,
        },
        Op::RegisterAsset { code: "USD" },
        Op::OpenTenant { tenant: 9 },
    ];
    for (party, wallet) in [(1, 11), (2, 12)] {
        let (country, tier) = (*b"ZZ", 0);
        ops.push(Op::RegisterParty {
            party,
            country,
            tier,
        });
        ops.push(Op::OpenWallet { wallet, party });
    }
    ops.push(Op::TopUp {
        wallet: 11,
        asset: 0,
        amount: 1_000,
        source: 1,
        channel: 1,
        spendable: true,
    });
    let commands = (1..).zip(ops).map(|(id, op)| asked(id, op)).collect();
    for brief in node.submit_brief(commands).unwrap() {
        assert!(matches!(brief, Brief::Done { code: None, .. }), "{brief:?}");
    }
    (node, shelf, disk, dir)
}

fn asked(id: u128, op: Op) -> engine::Command {
    let id = engine::Id::timed(T0, id).0;
    let command = Command { id, tenant: 0, op };
    convert::command(&command, &mut |_| engine::Event::empty())
}

fn spend(amount: u64) -> Spend {
    Spend {
        payer: 11,
        mandate: 0,
        amount,
        asset: 0,
        risk: 0,
        confirmed: false,
        seen: None,
        item: None,
    }
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn an_idle_node_keeps_time() {
    let clock = Arc::<Counted>::default();
    let (node, ..) = small(&clock);
    let expires = T0 + 30;
    let op = Op::Authorize {
        spend: spend(10),
        payee: 12,
        expires: Some(expires),
    };
    node.submit_brief(vec![asked(100, op)]).unwrap();
    let (events, asked_then) = (node.stats().events, clock.1.load(SeqCst));
    // It wakes for the timer, by the machine's time, and finds that it is not due yet.
    wait_until("the node wakes", || clock.1.load(SeqCst) > asked_then + 1);
    clock.0.store(expires, SeqCst);
    wait_until("the authorization expires", || node.stats().events > events);
    clock.0.store(T0 + 200_000, SeqCst);
    let op = Op::Pay {
        spend: spend(1),
        payee: 12,
    };
    let answer = node.submit_blocking(asked(101, op)).unwrap();
    let node::Answer::Done { event, .. } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(event.at.0, T0 + 200_000);
    node.shutdown();
}

#[test]
fn confirming_a_clock_that_is_right_loses_nothing() {
    let clock = Arc::<Counted>::default();
    let (node, shelf, _disk, _dir) = small(&clock);
    for round in 0..200u128 {
        let client = node.client();
        let mut waiting = 0;
        for n in 0..5u128 {
            let op = Op::Pay {
                spend: spend(1),
                payee: 12,
            };
            let id = 1_000 + round * 10 + n;
            client.submit([(0, asked(id, op))].into_iter()).unwrap();
            node.confirm_clock().unwrap();
            waiting += 1;
        }
        let mut done = Vec::new();
        while done.len() < waiting {
            client.wait(&mut done);
        }
    }
    let digest = node.query_blocking(engine::snapshot::digest).unwrap();
    node.shutdown();
    let (mut state, mut head) = (engine::State::new(7), journal::Head::EMPTY);
    let mut reader = shelf.reader().unwrap();
    node::replay(&mut *reader, &mut state, &mut head, |_, _, _| {}).unwrap();
    assert_eq!(engine::snapshot::digest(&state), digest);
}

#[test]
fn a_client_hears_of_every_command_when_a_commit_fails() {
    for round in 0..100u128 {
        let clock = Arc::<Counted>::default();
        let (node, _shelf, disk, _dir) = small(&clock);
        disk.inject(disk.appends() + 2 + (round % 4) as u64, Fault::FailBefore);
        let client = node.client();
        let (mut waiting, mut done) = (0, Vec::new());
        for id in 1_000..1_400u128 {
            let op = Op::Pay {
                spend: spend(1),
                payee: 12,
            };
            if client.submit([(0, asked(id, op))].into_iter()).is_err() {
                break;
            }
            waiting += 1;
        }
        // Hangs here if one is forgotten.
        while done.len() < waiting {
            client.wait(&mut done);
        }
        node.shutdown();
    }
}
