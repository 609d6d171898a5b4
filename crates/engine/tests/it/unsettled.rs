//! Value whose source has not settled: where it may go, and that nobody cashes it out.

use crate::codes::correction;
use crate::dice::{Dice, lively_town, next};
use crate::town::*;
use engine::command::DisputeVerdict::{self, ChannelTook, PayeeWins, PayerWins};
use engine::terms::Terms;
use engine::{Code, EventKind, Id, Op, UtcMillis};
use ledger::{AccountClass, AssetNo, Posting, Source};
use proptest::prelude::*;

use Source::{Bank, Card, Carrier, Credit, Earned};

fn pending(t: &mut Town, wallet: &str, source: Source, amount: u64) -> Id {
    t.id_of(top_up(wallet, source, amount))
}

#[test]
fn ones_own_unsettled_top_up_is_not_cashed_out_with_what_others_have_settled() {
    let mut t = Town::new();
    t.fund("alice", Card, 100);
    let topup = pending(&mut t, "bob", Card, 100);
    t.check(withdraw("bob", 1), Code::SourceNotSettled);
    t.check(settle_earned("bob", Card, 1), Code::SourceNotSettled);
    t.run(t.reverse(topup, None, 100));
    t.run(withdraw("alice", 100));
}

#[test]
fn what_is_still_there_becomes_free_when_it_settles() {
    // Before the top-up of 100 settles: what is paid, held, reversed; and what is free then.
    for (paid, held, reversed, free) in [
        (0, 0, 0, 100),
        (30, 0, 0, 70),
        (0, 30, 0, 70),
        (20, 30, 40, 10),
        (100, 0, 0, 0),
        (0, 0, 99, 1),
    ] {
        let mut t = Town::new();
        let topup = pending(&mut t, "alice", Card, 100);
        if paid > 0 {
            t.run(pay("alice", "shop", paid));
        }
        let expires = UtcMillis(T0 + HOUR);
        let hold = (held > 0).then(|| t.id_of(authorize("alice", "stall", held, expires)));
        if reversed > 0 {
            t.run(t.reverse(topup, None, reversed));
        }
        t.settle_top_up(topup);
        assert_eq!(t.balance("alice", Card), free, "{paid} {held} {reversed}");
        // The rest has settled too, wherever it is.
        let passed_on = 100 - reversed - u64::try_from(free).unwrap();
        assert_eq!(t.pool(Card), i128::from(passed_on));
        if let Some(hold) = hold {
            t.run(capture(hold, held));
            t.run(settle_earned("stall", Card, held));
        }
        if paid > 0 {
            t.run(settle_earned("shop", Card, paid));
        }
        assert_eq!(t.pool(Card), 0);
    }
}

#[test]
fn income_from_settled_value_is_free_at_once() {
    let mut t = Town::new();
    t.fund("alice", Carrier, 100);
    t.run(pay("alice", "shop", 60));
    t.run(pay("shop", "stall", 20));
    t.run(withdraw("shop", 40));
    t.run(withdraw("stall", 20));
    assert_eq!(t.pool(Carrier), 0);
    assert!(t.state.tenants[0].settled.is_empty(), "it costs nothing");
}

#[test]
fn carrier_value_keeps_source_and_origin_wherever_it_goes() {
    let mut t = Town::new();
    let topup = pending(&mut t, "alice", Carrier, 100);
    let unsettled = |t: &Town, wallet| t.balance_of(wallet, Carrier, Some(Carrier));
    // To a friend, and back.
    let gift = t.id_of(transfer("alice", "bob", 60));
    assert_eq!(unsettled(&t, "bob"), 60);
    t.run(t.refund(gift, 20));
    assert_eq!((unsettled(&t, "alice"), unsettled(&t, "bob")), (60, 40));
    // Nobody cashes it out directly.
    t.check(withdraw("bob", 1), Code::SourceNotAllowed);
    // Through a shop it is earned, but not settled.
    let payment = t.id_of(pay("bob", "shop", 40));
    t.run(pay("alice", "shop", 60));
    assert_eq!(t.earned("shop", Carrier), 100);
    t.check(withdraw("shop", 1), Code::SourceNotSettled);
    t.check(settle_earned("shop", Carrier, 1), Code::SourceNotSettled);
    // Passing earned value on does not settle it either.
    t.run(pay("shop", "stall", 10));
    assert_eq!(t.earned("stall", Carrier), 10);
    t.run(transfer("shop", "carol", 10));
    assert_eq!(t.earned("carol", Carrier), 10);
    // A refund returns it to where it came from.
    t.run(t.refund(payment, 40));
    assert_eq!(unsettled(&t, "bob"), 40);
    assert_eq!(t.earned("shop", Carrier), 40);
    // The carrier pays 90 of the 100: what alice owes of it is there for nobody.
    t.run(t.reverse(topup, None, 10));
    assert_eq!(t.owes("alice"), 10);
    t.settle_top_up(topup);
    assert_eq!(t.pool(Carrier), 90);
    t.check(settle_earned("shop", Carrier, 41), Code::InsufficientFunds);
    t.run(settle_earned("shop", Carrier, 40));
    assert_eq!(t.balance("shop", Earned), 40);
    t.run(withdraw("shop", 40));
    // The pool has 50 left, shared by all.
    t.run(pay("bob", "stall", 40));
    t.run(settle_earned("stall", Carrier, 50));
    t.check(settle_earned("carol", Carrier, 1), Code::SourceNotSettled);
    t.check(withdraw("carol", 1), Code::SourceNotSettled);
    // Until it is paid.
    t.fund("alice", Bank, 10);
    assert_eq!(t.owes("alice"), 0);
    t.run(settle_earned("carol", Carrier, 10));
    assert_eq!(t.pool(Carrier), 0);
}

#[test]
fn a_friends_transfer_is_released_like_income() {
    let mut t = Town::new();
    let topup = pending(&mut t, "alice", Card, 100);
    t.run(transfer("alice", "bob", 60));
    t.run(pay("alice", "bob", 40));
    t.settle_top_up(topup);
    t.check(withdraw("bob", 1), Code::SourceNotSettled);
    t.check(settle_earned("bob", Card, 101), Code::InsufficientFunds);
    t.run(settle_earned("bob", Card, 100));
    assert_eq!((t.balance("bob", Card), t.balance("bob", Earned)), (60, 40));
    t.run(withdraw("bob", 100));
}

#[test]
fn a_refund_after_the_release_does_not_lock_the_payer() {
    let mut t = Town::new();
    let topup = pending(&mut t, "alice", Card, 100);
    let payment = t.id_of(pay("alice", "shop", 100));
    t.settle_top_up(topup);
    t.run(settle_earned("shop", Card, 100));
    t.run(t.refund(payment, 100));
    assert_eq!(t.balance_of("alice", Card, Some(Card)), 100);
    t.run(settle_earned("alice", Card, 100));
    t.run(withdraw("alice", 100));
}

#[test]
fn a_chargeback_does_not_free_what_it_had_paid() {
    let mut t = Town::new();
    t.fund("bob", Card, 500);
    let topup = pending(&mut t, "alice", Card, 100);
    t.run(pay("alice", "shop", 100));
    t.run(t.reverse(topup, None, 100));
    assert_eq!(t.owes("alice"), 100);
    t.check(settle_earned("shop", Card, 1), Code::SourceNotSettled);
    t.check(withdraw("shop", 1), Code::SourceNotSettled);
    // Nor does another top-up that has not settled.
    let next = pending(&mut t, "alice", Carrier, 100);
    t.check(settle_earned("shop", Card, 1), Code::SourceNotSettled);
    assert_eq!(t.owes("alice"), 100);
    // When it has, it pays the debt, and the income may be released.
    t.settle_top_up(next);
    assert_eq!((t.has("alice"), t.owes("alice")), (0, 0));
    t.run(settle_earned("shop", Card, 100));
    t.run(withdraw("shop", 100));
}

#[test]
fn a_chargeback_takes_the_top_ups_own_value_first() {
    let mut t = Town::new();
    t.fund("alice", Card, 50);
    t.fund("alice", Bank, 50);
    let carrier = pending(&mut t, "alice", Carrier, 50);
    let topup = pending(&mut t, "alice", Card, 100);
    t.run(t.reverse(topup, None, 60));
    assert_eq!(t.balance("alice", Card), 50);
    t.run(transfer("alice", "bob", 50)); // the carrier's
    t.run(transfer("alice", "bob", 40)); // the rest of the card's
    t.run(t.reverse(topup, None, 40));
    assert_eq!((t.balance("alice", Card), t.owes("alice")), (10, 0));
    t.run(t.reverse(carrier, None, 50));
    assert_eq!((t.has("alice"), t.owes("alice")), (10, 0));
}

#[test]
fn what_is_not_settled_meets_no_claim_to_settled_value() {
    // The shop has cashed out what the payment was, and has unsettled income from another.
    let mut t = Town::new();
    t.fund("alice", Card, 100);
    let payment = t.id_of(pay("alice", "shop", 100));
    t.run(withdraw("shop", 100));
    let topup = pending(&mut t, "carol", Carrier, 100);
    t.run(pay("carol", "shop", 100));
    t.run(t.refund(payment, 100));
    assert_eq!((t.earned("shop", Carrier), t.owes("shop")), (100, 100));
    // When it has settled, its release pays the debt.
    t.settle_top_up(topup);
    t.run(settle_earned("shop", Carrier, 100));
    assert_eq!((t.has("shop"), t.owes("shop")), (0, 0));
}

#[test]
fn passing_value_on_and_being_refunded_makes_no_more_of_it() {
    // Alice pays bob, bob passes it on to carol, and is to pay alice back.
    let mut t = Town::new();
    let topup = pending(&mut t, "alice", Card, 100);
    let payment = t.id_of(pay("alice", "bob", 100));
    t.run(transfer("bob", "carol", 100));
    t.run(t.refund(payment, 100));
    assert_eq!(
        (t.has("alice"), t.has("carol"), t.owes("bob")),
        (100, 100, 100)
    );
    for wallet in ["alice", "carol"] {
        t.check(settle_earned(wallet, Card, 1), Code::SourceNotSettled);
    }
    t.settle_top_up(topup);
    t.run(withdraw("alice", 100));
    t.check(settle_earned("carol", Card, 1), Code::SourceNotSettled);
}

#[test]
fn fees_and_taxes_lock_nobody_else() {
    let mut t = Town::with(Terms {
        fee_share: ppm(100_000),
        tax: tax_of(&[(b"DE", 190_000)]),
        ..Terms::default()
    });
    let good = pending(&mut t, "bob", Card, 100);
    t.run(pay("bob", "stall", 100));
    t.settle_top_up(good);
    let bad = pending(&mut t, "alice", Card, 100);
    t.run(pay("alice", "shop", 100));
    t.run(t.reverse(bad, None, 100));
    assert_eq!(t.owes("alice"), 100);
    let income = u64::try_from(t.earned("stall", Card)).unwrap();
    t.run(settle_earned("stall", Card, income));
}

#[test]
fn income_from_a_credit_line_is_free_when_the_line_is_paid() {
    let mut t = Town::new();
    t.run(credit_line("bob", 100));
    let payment = t.id_of(pay("bob", "shop", 100));
    t.run(transfer("shop", "stall", 30));
    assert_eq!((t.earned("shop", Credit), t.pool(Credit)), (70, 0));
    t.check(settle_earned("shop", Credit, 1), Code::SourceNotSettled);
    t.run(t.refund(payment, 20));
    assert_eq!((t.balance("bob", Credit), t.pool(Credit)), (-80, 0));
    // 60 of it are paid, over the bank.
    let line = t
        .state
        .wallet(t.state.wallet_no(TENANT, wal("bob")).unwrap());
    let (line, bank) = (line.first, {
        t.fund("carol", Bank, 1);
        t.state.tenants[0].accounts.iter()
    });
    let bank = bank
        .clone()
        .find(|(key, _)| key.class() == AccountClass::Safeguarding);
    let leg = |account, amount| Posting { account, amount };
    let postings = vec![leg(bank.unwrap().1, -60), leg(line, 60)];
    let reason = [1; 32];
    let correction = t.id_of(Op::ProposeCorrection { postings, reason });
    t.actor = key("second");
    t.run(Op::ApproveCorrection { correction });
    assert_eq!(t.pool(Credit), 60);
    t.check(settle_earned("shop", Credit, 61), Code::InsufficientFunds);
    t.run(settle_earned("shop", Credit, 50));
    t.check(settle_earned("stall", Credit, 11), Code::SourceNotSettled);
    t.run(settle_earned("stall", Credit, 10));
    t.run(withdraw("shop", 50));
}

#[test]
fn a_correction_moves_the_pool_too() {
    let mut t = Town::new();
    let topup = pending(&mut t, "alice", Card, 100);
    t.fund("bob", Bank, 1);
    let op = correction(&mut t, "alice", "bob", 40);
    let correction = t.id_of(op);
    t.actor = key("second");
    t.run(Op::ApproveCorrection { correction });
    assert_eq!(t.pool(Card), -40);
    t.settle_top_up(topup);
    assert_eq!((t.pool(Card), t.balance("alice", Card)), (0, 60));
}

#[test]
fn a_dispute_gives_back_what_it_held_and_what_that_rested_on() {
    let resolve = |dispute: Id, verdict: DisputeVerdict| Op::ResolveDispute { dispute, verdict };
    let mut t = Town::new();
    let topup = pending(&mut t, "alice", Card, 100);
    let payment = t.id_of(pay("alice", "shop", 100));
    t.run(transfer("shop", "stall", 30));
    let before = t.picture();
    for verdict in [PayeeWins, PayerWins, ChannelTook] {
        let mut t = t.clone();
        let dispute = t.id_of(t.dispute(payment, 100));
        assert_eq!((t.has("shop"), t.owes("shop")), (0, 30));
        t.run(resolve(dispute, verdict));
        match verdict {
            PayeeWins => assert_eq!(t.picture(), before),
            PayerWins => assert_eq!(t.balance_of("alice", Card, Some(Card)), 100),
            ChannelTook => assert_eq!(t.operator(AccountClass::Clearing), 0),
        }
        for wallet in ["alice", "shop", "stall"] {
            t.check(
                withdraw(wallet, 1),
                match t.has(wallet) {
                    0 if t.owes(wallet) > 0 => Code::DebtOutstanding,
                    0 => Code::InsufficientFunds,
                    _ => Code::SourceNotSettled,
                },
            );
        }
        if verdict != ChannelTook {
            t.settle_top_up(topup);
            assert_eq!(
                t.pool(Card),
                t.earned("shop", Card) + t.earned("stall", Card) - t.owes("shop")
            );
        }
    }
}

#[test]
fn a_won_dispute_pays_a_debt_whatever_it_rests_on() {
    // The fee had taken of what the payment rested on, so that the debt rests on less.
    let mut t = Town::with(Terms {
        fee_share: ppm(100_000),
        ..Terms::default()
    });
    pending(&mut t, "alice", Card, 100);
    let payment = t.id_of(pay("alice", "shop", 100));
    t.run(transfer("shop", "stall", 90));
    let before = t.picture();
    let dispute = t.id_of(t.dispute(payment, 100));
    assert_eq!(t.owes("shop"), 90);
    let verdict = PayeeWins;
    t.run(Op::ResolveDispute { dispute, verdict });
    assert_eq!(t.picture(), before);
}

#[test]
fn items_of_a_group_move_the_pools_one_after_the_other() {
    let mut t = Town::with(Terms {
        fee_share: ppm(100_000),
        ..Terms::default()
    });
    let topup = pending(&mut t, "alice", Card, 100);
    let payment = t.id_of(pay("alice", "shop", 40));
    t.run(transfer("shop", "stall", 36));
    let refunds = [1, 19, 20].map(|amount| (t.new_id(), t.refund(payment, amount)));
    let pay = (t.new_id(), pay("alice", "bob", 60));
    let items = refunds.into_iter().chain([pay]).collect();
    t.check(Op::Group { items }, EventKind::Grouped);
    assert_eq!((t.owes("shop"), t.pool(Card)), (36, 0));
    t.settle_top_up(topup);
    // Alice's 40 are free; what stall, bob and the platform have is not, less what the shop owes.
    assert_eq!(t.pool(Card), 36 + 54 + 6 - 36);
}

#[test]
fn ones_own_unsettled_top_up_is_not_released_with_what_anothers_has_settled() {
    let mut t = Town::new();
    let good = pending(&mut t, "bob", Card, 100);
    t.run(pay("bob", "shop", 100));
    t.settle_top_up(good);
    assert_eq!(t.pool(Card), 100);
    let bad = pending(&mut t, "alice", Card, 100);
    let refused = t.check(settle_earned("alice", Card, 1), Code::SourceNotSettled);
    assert_eq!(t.refusal(refused).limit, 0);
    // Nor in another wallet of hers.
    t.run(transfer("alice", "alice2", 60));
    for wallet in ["alice", "alice2"] {
        t.check(settle_earned(wallet, Card, 1), Code::SourceNotSettled);
    }
    t.run(transfer("alice2", "alice", 60));
    // What others gave or paid her is.
    let other = pending(&mut t, "carol", Card, 30);
    t.run(transfer("carol", "alice", 20));
    t.run(pay("carol", "alice", 10));
    t.settle_top_up(other);
    t.check(settle_earned("alice", Card, 31), Code::SourceNotSettled);
    t.run(settle_earned("alice", Card, 30));
    assert_eq!(
        (t.balance("alice", Earned), t.balance("alice", Card)),
        (10, 20)
    );
    // So that the shop's is there when hers bounces.
    t.run(t.reverse(bad, None, 100));
    t.run(settle_earned("shop", Card, 100));
    t.run(withdraw("shop", 100));
}

#[test]
fn who_owes_pays_that_before_anything_leaves() {
    // The value is in another wallet of the party when its top-up is charged back.
    let mut t = Town::new();
    let topup = t.id_of(top_up_in("alice", USD, Bank, 100, false));
    let settled = t.settle_top_up(topup);
    t.run(transfer("alice", "alice2", 100));
    t.run(t.reverse(topup, Some(settled), 100));
    assert_eq!((t.owes("alice"), t.has("alice2")), (100, 100));
    let refused = t.check(withdraw("alice2", 100), Code::DebtOutstanding);
    let refused = t.refusal(refused);
    assert_eq!((refused.limit, refused.used), (0, 100));
    assert_eq!(
        (t.owes("alice"), t.has("alice2")),
        (100, 100),
        "a refusal moves nothing"
    );
    // Nor does a friend withdraw it.
    t.check(transfer("alice2", "bob", 1), Code::DebtOutstanding);
    // What is beyond the debt may go, and the debt is paid with it.
    t.fund("alice2", Card, 30);
    assert_eq!((t.owes("alice"), t.has("alice2")), (70, 100));
    t.check(withdraw("alice2", 31), Code::DebtOutstanding);
    t.run(withdraw("alice2", 10));
    assert_eq!((t.owes("alice"), t.has("alice2")), (0, 20));
    t.run(transfer("alice2", "bob", 20));
}

#[test]
fn what_was_held_from_a_reversal_pays_the_debt_before_it_leaves() {
    let mut t = Town::new();
    let topup = t.id_of(top_up_in("alice", USD, Bank, 100, false));
    let settled = t.settle_top_up(topup);
    let hold = t.id_of(authorize("alice", "shop", 100, UtcMillis(T0 + HOUR)));
    t.run(t.reverse(topup, Some(settled), 100));
    t.run(void(hold));
    t.check(withdraw("alice", 100), Code::DebtOutstanding);
    // Passed on within the party it pays the debt.
    t.run(transfer("alice", "alice2", 60));
    assert_eq!(
        (t.owes("alice"), t.has("alice"), t.has("alice2")),
        (40, 40, 0)
    );
    t.fund("bob", Card, 5);
    t.run(pay("bob", "alice2", 5));
    assert_eq!(t.owes("alice"), 35);
    t.run(withdraw("alice", 5));
    assert_eq!((t.owes("alice"), t.has("alice")), (0, 0));
}

/// What is free is backed by what has really come and by what somebody owes of free value.
fn free_value_is_backed(t: &Town) {
    for asset in [USD, EUR, KRW] {
        let in_asset = || t.state.book.iter().filter(|(_, a)| a.asset == asset);
        let sum = |of: &dyn Fn(&ledger::Account) -> bool| -> i128 {
            in_asset()
                .filter(|(_, a)| of(a))
                .map(|(_, a)| a.balance)
                .sum()
        };
        let free = sum(&|a| {
            a.class == AccountClass::Wallet && a.origin.is_none() && a.source != Some(Credit)
        });
        let outside =
            -sum(&|a| matches!(a.class, AccountClass::Clearing | AccountClass::Safeguarding));
        let owed = -sum(&|a| a.class == AccountClass::Receivable && a.origin.is_none());
        let come = outside - to_come(t, asset);
        assert!(
            free <= come + owed,
            "{free} of {asset:?} are free, {come} have come, {owed} are owed"
        );
    }
}

/// Credited at once and not settled.
fn to_come(t: &Town, asset: AssetNo) -> i128 {
    let open = t
        .state
        .topups
        .iter()
        .filter(|(_, topup)| topup.spendable && topup.asset == asset);
    let left = open.map(|(key, topup)| {
        i128::from(topup.amount) - i128::from(t.state.reversed.get(key).copied().unwrap_or(0))
    });
    left.sum()
}

#[test]
fn whatever_is_asked_only_what_has_settled_is_free() {
    let released = core::cell::Cell::new(0);
    let throws = proptest::collection::vec(any::<u64>(), 1..250);
    proptest!(cases(60), |(seed: u64, throws in throws)| {
        let mut town = lively_town(seed);
        for throw in throws {
            let mut dice = Dice(throw);
            town.run_timers();
            let (id, op) = next(&mut town, &mut dice);
            // What a channel took is settled outside; a correction may do anything.
            if matches!(op, Op::ResolveDispute { verdict: ChannelTook, .. } | Op::ApproveCorrection { .. }) {
                continue;
            }
            let command = town.command(id, op);
            if let Answer::Done(event) = town.ask(&command) {
                released.set(released.get() + u32::from(event.kind == EventKind::EarnedSettled));
                if event.kind == EventKind::WithdrawalRequested {
                    let debits = event.postings.iter().filter(|p| p.amount < 0);
                    for debit in debits {
                        assert_eq!(town.state.book.account(debit.account).origin, None);
                    }
                }
            }
            town.audit();
            free_value_is_backed(&town);
        }
    });
    assert!(released.get() > 20, "{} releases", released.get());
}
