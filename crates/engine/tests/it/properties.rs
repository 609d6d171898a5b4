//! What holds whatever is asked.

use crate::dice::{Dice, lively_town, next};
use crate::town::*;
use core::cell::RefCell;
use engine::codec::FORMAT;
use engine::{
    Command, Event, EventKind, Handles, Id, Op, Outcome, Replay, State, decide, decide_one,
    resolve, snapshot,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn throws(most: usize) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 1..most)
}

/// A life: each throw a command, time passing, timers running.
fn live(seed: u64, throws: &[u64], mut each: impl FnMut(&mut Town, &Command)) -> Town {
    let mut town = lively_town(seed);
    for &throw in throws {
        let mut dice = Dice(throw);
        if dice.pick(6) == 0 {
            town.later(dice.pick(5) * 3 * HOUR);
        }
        town.run_timers();
        let (id, op) = next(&mut town, &mut dice);
        let command = town.command(id, op);
        each(&mut town, &command);
    }
    town
}

#[test]
fn whatever_is_asked_the_books_hold() {
    let met = RefCell::new(BTreeMap::new());
    proptest!(cases(60), |(seed: u64, throws in throws(200))| {
        // Asking writes each event's row, reads it back and applies what was read.
        live(seed, &throws, |town, command| {
            let answer = town.ask(command);
            *met.borrow_mut().entry(format!("{:?}", outcome(&answer))).or_insert(0u32) += 1;
            town.audit();
        });
    });
    // The dice are worth their time only if they reach most of what can happen.
    let met = met.into_inner();
    assert!(met.len() > 45, "{met:?}");
}

#[test]
fn decide_only_reads_and_looking_up_ahead_changes_nothing() {
    proptest!(cases(24), |(seed: u64, throws in throws(80))| {
        let mut handles = Handles::default();
        let mut batch: Vec<Command> = Vec::new();
        live(seed, &throws, |town, command| {
            batch.push(command.clone());
            if batch.len() > 7 {
                batch.remove(0);
            }
            let before = snapshot::digest(&town.state);
            resolve(&town.state, &batch, town.now, &mut handles);
            for (at, command) in batch.iter().enumerate() {
                let (mut ahead, mut alone) = (Event::empty(), Event::empty());
                let outcome = decide(&town.state, &handles, at, command, town.now, &mut ahead);
                let same = decide_one(&town.state, command, town.now, &mut alone);
                assert_eq!(outcome, same, "{command:?}");
                if outcome == Outcome::Event {
                    assert_eq!(ahead, alone);
                }
            }
            assert_eq!(before, snapshot::digest(&town.state));
            town.ask(command);
        });
    });
}

#[test]
fn a_snapshot_and_a_replay_go_on_as_if_nothing_had_been() {
    proptest!(cases(24), |(seed: u64, throws in throws(100), cut: prop::sample::Index)| {
        let cut = cut.index(throws.len());
        let mut restored: Option<(State, usize)> = None;
        let mut asked = 0;
        let town = live(seed, &throws, |town, command| {
            if asked == cut {
                let bytes = snapshot::encode(&town.state);
                let state = snapshot::decode(&bytes, u128::from(seed) << 32).unwrap();
                assert_eq!(snapshot::encode(&state), bytes);
                assert_eq!(state.sums, town.state.sums);
                restored = Some((state, town.rows.len()));
            }
            asked += 1;
            let Some((state, followed)) = &mut restored else {
                town.ask(command);
                return;
            };
            follow(town, state, followed); // timers that ran
            let mut event = Event::empty();
            let outcome = decide_one(state, command, town.now, &mut event);
            match (town.ask(command), outcome) {
                (Answer::Done(done), Outcome::Event) => assert_eq!(*done, event),
                (Answer::Known(a), Outcome::Known(b)) => assert_eq!(a, b),
                (Answer::Rejected(a), Outcome::Rejected(b)) => assert_eq!(a, b),
                other => panic!("{other:?}"),
            }
            follow(town, state, followed);
        });
        let digest = snapshot::digest(&town.state);
        if let Some((state, _)) = restored {
            assert_eq!(digest, snapshot::digest(&state));
        }
        assert_eq!(digest, snapshot::digest(&replay(&town.rows, 99)));
    });
}

/// Brings another state up to the town's rows.
fn follow(town: &Town, state: &mut State, followed: &mut usize) {
    for (seq, row) in (1u64..).zip(&town.rows).skip(*followed) {
        Replay::default()
            .row(state, seq, FORMAT, row, |_, _, _| {})
            .unwrap();
    }
    *followed = town.rows.len();
}

#[test]
fn a_group_does_what_its_items_do_singly() {
    let done = core::cell::Cell::new(0);
    proptest!(cases(30), |(seed: u64, throws in throws(60), items in throws(8))| {
        let mut town = live(seed, &throws, |town, command| drop(town.ask(command)));
        let mut singly = town.clone();
        let mut group = Vec::new();
        // What succeeds singly, one after the other, is put in one group.
        for throw in items {
            let (id, op) = loop_payment(&mut singly, throw);
            let command = singly.command(id, op.clone());
            let mut trial = singly.clone();
            if matches!(trial.ask(&command), Answer::Done(event)
                if !event.kind.is_refusal() && !event.kind.asks_step_up())
            {
                singly = trial;
                group.push((id, op));
            }
        }
        if group.is_empty() {
            return Ok(());
        }
        town.check_as(Id::opaque(1), Op::Group { items: group }, EventKind::Grouped);
        done.set(done.get() + 1);
        prop_assert_eq!(&town.state.book, &singly.state.book);
        prop_assert_eq!(&town.state.parties, &singly.state.parties);
        prop_assert_eq!(&town.state.holds, &singly.state.holds);
        prop_assert_eq!(&town.state.mandates, &singly.state.mandates);
        prop_assert_eq!(&town.state.reversed, &singly.state.reversed);
        prop_assert_eq!(&town.state.timers, &singly.state.timers);
        town.audit();
    });
    assert!(done.get() > 15, "only {} groups were made", done.get());
}

/// A command that may be in a group, under an id of its own.
fn loop_payment(town: &mut Town, throw: u64) -> (Id, Op) {
    for n in 0.. {
        let (_, op) = next(town, &mut Dice(throw.wrapping_add(n)));
        if matches!(
            op,
            Op::Pay { .. }
                | Op::Transfer { .. }
                | Op::Split { .. }
                | Op::Authorize { .. }
                | Op::Capture { .. }
                | Op::Refund { .. }
                | Op::Void { .. }
        ) {
            return (town.new_id(), op);
        }
    }
    unreachable!("some throw is a payment")
}
