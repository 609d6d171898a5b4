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

use life::{Manner, run};
use std::sync::atomic::AtomicU64;

#[track_caller]
fn agree(seed: u64, commands: u64, serial: bool) {
    let manner = Manner {
        serial,
        commands: 5_000,
    };
    let result = run(seed, commands, manner, &AtomicU64::new(0), |_, _| {});
    let tally = result.unwrap_or_else(|(life, why)| {
        panic!("{why}\nnode and oracle differ: seed {seed}, life {life} of 5000 commands")
    });
    assert!(tally.events > 0 && tally.restarts > 0, "{tally:?}");
}

#[test]
fn node_and_oracle_agree_whatever_fails() {
    for seed in [1, 2, 3, 4] {
        agree(seed, 14_000, false);
    }
}

#[test]
fn one_command_a_batch_agrees_too() {
    agree(5, 4_000, true);
}
