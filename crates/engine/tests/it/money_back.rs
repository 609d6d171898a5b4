//! Money that goes back: chargebacks, refunds, disputes, withdrawals, corrections.

use crate::codes::correction;
use crate::town::*;
use engine::command::DisputeVerdict::{self, ChannelTook, PayeeWins, PayerWins};
use engine::records::{Channel, Standing};
use engine::terms::Terms;
use engine::{Code, EventKind, Id, Op, UtcMillis};
use ledger::{AccountClass, Source};
use money::Atoms;
use std::sync::Arc;

fn taxed() -> Terms {
    Terms {
        fee_share: ppm(23_000),
        tax: tax_of(&[(b"DE", 190_000)]),
        ..Terms::default()
    }
}

fn resolve(dispute: Id, verdict: DisputeVerdict) -> Op {
    Op::ResolveDispute { dispute, verdict }
}

#[test]
fn a_chargeback_of_spent_value_is_owed_and_recovered_from_the_partys_next_income() {
    let mut t = Town::new();
    let topup = t.id_of(top_up("alice", Source::Card, 100));
    t.run(pay("alice", "shop", 70));
    t.check(t.reverse(topup, None, 100), EventKind::TopUpReversed);
    assert_eq!((t.has("alice"), t.owes("alice")), (0, 70));
    assert_eq!(t.operator(AccountClass::Clearing), 0);
    // Income of another wallet of the same party pays it first.
    t.fund("bob", Source::Bank, 100);
    t.run(pay("bob", "alice2", 30));
    assert_eq!((t.has("alice2"), t.owes("alice")), (0, 40));
    t.run(transfer("bob", "alice2", 50));
    assert_eq!(t.owes("alice"), 0);
    assert_eq!(t.balance("alice2", Source::Bank), 10);
    t.run(pay("bob", "alice2", 20));
    assert_eq!(t.balance("alice2", Source::Earned), 20);
}

#[test]
fn a_settled_top_up_can_still_be_charged_back_with_its_event() {
    let mut t = Town::new();
    let topup = t.id_of(top_up("alice", Source::Card, 100));
    t.check(t.reverse(topup, None, 10), EventKind::TopUpReversed);
    let settled = t.settle_top_up(topup);
    assert_eq!(t.operator(AccountClass::Safeguarding), -90);
    assert_eq!(t.operator(AccountClass::Clearing), 0);
    t.check(t.reverse(topup, None, 10), Code::NotFound);
    t.check(
        t.reverse(topup, Some(settled), 91),
        Code::ReversalExceedsTopUp,
    );
    t.check(
        t.reverse(topup, Some(settled), 90),
        EventKind::TopUpReversed,
    );
    t.check(
        t.reverse(topup, Some(settled), 1),
        Code::ReversalExceedsTopUp,
    );
    assert!(t.picture().is_empty(), "{:?}", t.picture());
    // Another tenant's event, or another top-up's, is not it.
    let other = t.fund("bob", Source::Card, 10);
    t.check(t.reverse(other, Some(settled), 1), Code::NotFound);
    let mut op = t.reverse(topup, Some(settled), 1);
    if let Op::ReverseTopUp {
        carried: Some(carried),
        ..
    } = &mut op
    {
        Arc::make_mut(&mut carried.0).tenant = OTHER_TENANT;
    }
    t.check(op, Code::NotFound);
}

#[test]
fn a_top_up_not_spendable_credits_at_settlement_what_was_not_reversed_before() {
    let mut t = Town::new();
    let topup = t.id_of(top_up_in("alice", USD, Source::Bank, 100, false));
    assert_eq!(t.has("alice"), 0);
    t.run(t.reverse(topup, None, 30));
    assert_eq!((t.has("alice"), t.owes("alice")), (0, 0));
    t.settle_top_up(topup);
    assert_eq!(t.balance("alice", Source::Bank), 70);
    assert_eq!(t.operator(AccountClass::Safeguarding), -70);
    let whole = t.id_of(top_up_in("alice", USD, Source::Bank, 100, false));
    t.run(t.reverse(whole, None, 100));
    t.check(Op::SettleTopUp { topup: whole }, Code::NotFound);
    assert_eq!(t.balance("alice", Source::Bank), 70);
}

#[test]
fn what_is_held_is_not_reclaimed() {
    let mut t = Town::new();
    let topup = t.id_of(top_up("alice", Source::Card, 100));
    let hold = t.id_of(authorize("alice", "shop", 80, UtcMillis(T0 + HOUR)));
    t.run(t.reverse(topup, None, 100));
    assert_eq!(
        (t.has("alice"), t.held("alice"), t.owes("alice")),
        (80, 80, 80)
    );
    t.run(capture(hold, 80));
    assert_eq!(
        (t.has("alice"), t.has("shop"), t.owes("alice")),
        (0, 80, 80)
    );
}

#[test]
fn a_refund_after_the_merchant_has_withdrawn_is_never_refused() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let payment = t.id_of(pay("alice", "shop", 100));
    t.run(withdraw("shop", 100));
    t.run(t.refund(payment, 60));
    assert_eq!(t.balance("alice", Source::Card), 60);
    assert_eq!((t.has("shop"), t.owes("shop")), (0, 60));
    t.run(pay("alice", "shop", 60));
    assert_eq!((t.has("shop"), t.owes("shop")), (0, 0));
}

#[test]
fn a_payment_that_paid_a_debt_can_be_refunded() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let first = t.id_of(pay("alice", "shop", 50));
    t.run(withdraw("shop", 50));
    t.run(t.refund(first, 50));
    assert_eq!(t.owes("shop"), 50);
    let before = t.picture();
    let second = t.id_of(pay("alice", "shop", 80));
    assert_eq!((t.owes("shop"), t.has("shop")), (0, 30));
    for part in [1, 13, 40, 26] {
        t.run(t.refund(second, part));
    }
    assert_eq!(t.picture(), before);
}

#[test]
fn refunds_in_parts_return_the_ledger_to_where_it_was() {
    for (fee_refundable, minimum) in [(true, 0), (true, 77), (false, 0), (false, 77)] {
        let mut t = Town::with(Terms {
            fee_refundable,
            fee_minimums: vec![engine::terms::AssetFee {
                asset: USD,
                minimum: Atoms(minimum),
            }],
            ..taxed()
        });
        t.fund("alice", Source::Card, 700);
        t.fund("alice", Source::Bank, 700);
        t.fund("shop", Source::Bank, 1_000);
        let before = t.picture();
        let payment = t.id_of(pay("alice", "shop", 1_001));
        let fee = i128::from(t.paid(payment).fee);
        let (mut tax_back, mut fee_back) = (0, 0);
        for part in [1, 333, 1, 500, 166] {
            let refund = t.id_of(t.refund(payment, part));
            tax_back += t.paid(refund).tax;
            fee_back += t.paid(refund).fee;
        }
        t.check(t.refund(payment, 1), Code::RefundExceedsPayment);
        assert_eq!(tax_back, t.paid(payment).tax);
        if fee_refundable {
            assert_eq!(t.picture(), before);
            assert_eq!(fee_back, t.paid(payment).fee);
        } else {
            assert_eq!(fee_back, 0);
            assert_eq!(t.operator(AccountClass::Fees), fee);
            assert_eq!(t.has("shop"), 1_000 - fee, "the payee gives the fee back");
            assert_eq!(t.has("alice"), 1_400);
        }
    }
}

#[test]
fn a_fee_that_is_kept_is_given_back_by_the_payee_even_if_it_was_the_whole_payment() {
    let mut t = Town::with(Terms {
        fee_refundable: false,
        fee_minimums: vec![engine::terms::AssetFee {
            asset: USD,
            minimum: Atoms(50),
        }],
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 40);
    let payment = t.id_of(pay("alice", "shop", 40));
    assert_eq!((t.has("shop"), t.operator(AccountClass::Fees)), (0, 40));
    t.run(t.refund(payment, 40));
    assert_eq!(t.operator(AccountClass::Fees), 40, "the fee is kept");
    assert_eq!((t.has("alice"), t.owes("shop")), (40, 40));
}

#[test]
fn splits_and_payments_from_several_sources_are_refunded_leg_by_leg() {
    let mut t = Town::with(taxed());
    t.fund("alice", Source::Card, 500);
    t.fund("alice", Source::Carrier, 301);
    t.fund("alice", Source::Bank, 500);
    let before = t.picture();
    let op = split(
        "alice",
        &[("shop", 5), ("stall", 2), ("bob", 0), ("carol", 1)],
        1_001,
    );
    let payment = t.id_of(op);
    let paid = t.paid(payment);
    let net = i128::from(1_001 - paid.tax - paid.fee);
    assert_eq!(t.has("shop") + t.has("stall") + t.has("carol"), net);
    assert_eq!(t.has("bob"), 0, "no weight, no part");
    for part in [17, 500, 483, 1] {
        t.run(t.refund(payment, part));
    }
    assert_eq!(t.picture(), before);
}

#[test]
fn withdrawals_are_sent_settled_or_returned_once() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 50);
    t.fund("alice", Source::Bank, 50);
    let before = t.picture();
    let withdrawal = t.id_of(withdraw("alice", 80));
    assert_eq!(t.has("alice"), 20);
    t.check(Op::SettleWithdrawal { withdrawal }, Code::WrongState);
    t.run(Op::SendWithdrawal { withdrawal });
    t.check(Op::SendWithdrawal { withdrawal }, Code::WrongState);
    t.run(Op::ReturnWithdrawal { withdrawal });
    assert_eq!(t.picture(), before, "it returns to its sources");
    t.check(Op::ReturnWithdrawal { withdrawal }, Code::NotFound);
    t.check(Op::SettleWithdrawal { withdrawal }, Code::NotFound);
    let withdrawal = t.id_of(withdraw("alice", 80));
    t.run(Op::SendWithdrawal { withdrawal });
    t.run(Op::SettleWithdrawal { withdrawal });
    assert_eq!(t.operator(AccountClass::Safeguarding), -20);
    assert_eq!(t.operator(AccountClass::Clearing), 0);
}

#[test]
fn what_returns_to_a_closed_wallet_goes_to_suspense() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let payment = t.id_of(pay("alice", "shop", 50));
    let withdrawal = t.id_of(withdraw("alice", 50));
    t.run(stand("alice", Standing::Closed));
    t.run(t.refund(payment, 50));
    assert_eq!(t.operator(AccountClass::Suspense), 50);
    t.run(Op::ReturnWithdrawal { withdrawal });
    assert_eq!(t.operator(AccountClass::Suspense), 100);
    assert_eq!(t.has("alice"), 0);
}

#[test]
fn a_dispute_holds_value_back_until_it_is_decided() {
    let mut t = Town::with(taxed());
    t.fund("alice", Source::Card, 1_000);
    t.run(pay("alice", "stall", 1));
    let before_payment = t.picture();
    let payment = t.id_of(pay("alice", "shop", 500));
    let paid = t.picture();
    t.run(t.refund(payment, 100));
    let refunded = t.picture();
    for (verdict, kind) in [
        (PayeeWins, EventKind::DisputeWon),
        (PayerWins, EventKind::DisputeLost),
        (ChannelTook, EventKind::DisputeLost),
    ] {
        let mut t = t.clone();
        t.check(t.dispute(payment, 401), Code::RefundExceedsPayment);
        let dispute = t.id_of(t.dispute(payment, 400));
        assert_eq!(t.operator(AccountClass::Dispute), 400);
        assert_eq!((t.has("shop"), t.has("alice")), (0, 599));
        t.check(t.refund(payment, 1), Code::RefundExceedsPayment);
        t.check(resolve(dispute, verdict), kind);
        t.check(resolve(dispute, verdict), Code::NotFound);
        match verdict {
            PayeeWins => {
                assert_eq!(t.picture(), refunded);
                t.run(t.refund(payment, 400));
                assert_eq!(t.picture(), before_payment);
            }
            PayerWins => assert_eq!(t.picture(), before_payment),
            ChannelTook => {
                assert_eq!((t.has("shop"), t.has("alice")), (0, 599));
                assert_eq!(t.operator(AccountClass::Clearing), 400);
            }
        }
    }
    assert_ne!(paid, refunded);
}

#[test]
fn a_won_dispute_gives_back_what_it_took_and_does_not_change_its_source() {
    // The shop had spent the income, so its own carrier value was taken instead.
    let mut t = Town::new();
    t.fund("alice", Source::Bank, 100);
    let payment = t.id_of(pay("alice", "shop", 100));
    t.run(withdraw("shop", 100));
    t.fund("shop", Source::Carrier, 70);
    let before = t.picture();
    let dispute = t.id_of(t.dispute(payment, 100));
    assert_eq!((t.has("shop"), t.owes("shop")), (0, 30));
    t.run(resolve(dispute, PayeeWins));
    assert_eq!(t.picture(), before);
}

#[test]
fn a_won_dispute_never_leaves_a_debt_in_credit() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 200);
    let first = t.id_of(pay("alice", "shop", 50));
    t.run(withdraw("shop", 50));
    t.run(t.refund(first, 50));
    let second = t.id_of(pay("alice", "shop", 50)); // all of it pays the debt
    assert_eq!((t.has("shop"), t.owes("shop")), (0, 0));
    let dispute = t.id_of(t.dispute(second, 50));
    assert_eq!((t.has("shop"), t.owes("shop")), (0, 50));
    t.run(pay("alice", "shop", 50)); // pays the debt again
    t.run(resolve(dispute, PayeeWins));
    assert_eq!((t.has("shop"), t.owes("shop")), (50, 0));
}

#[test]
fn a_refund_between_two_wallets_of_one_party_leaves_no_debt_beside_money() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let payment = t.id_of(transfer("alice", "alice2", 100));
    t.run(pay("alice2", "shop", 100));
    t.run(t.refund(payment, 100));
    assert_eq!((t.has("alice"), t.owes("alice")), (0, 0));
}

#[test]
fn a_refund_may_give_back_the_room_in_the_limits_exactly() {
    let mut t = Town::with(Terms {
        limits: limits(USD, [None, Some(100), None]),
        refund_restores_room: true,
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 300);
    let payment = t.id_of(pay("alice", "shop", 100));
    for part in [33, 33, 34] {
        t.run(t.refund(payment, part));
    }
    t.run(pay("alice", "shop", 100));
    t.check(pay("alice", "shop", 1), Code::LimitPerDay);
}

#[test]
fn a_correction_needs_two_keys_and_respects_floors() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    t.fund("bob", Source::Card, 1);
    let op = correction(&mut t, "alice", "bob", 30);
    let id = t.id_of(op);
    assert_eq!(t.has("alice"), 100, "nothing moves by a proposal");
    t.check(Op::ApproveCorrection { correction: id }, Code::SameKey);
    t.actor = key("second");
    t.check(
        Op::ApproveCorrection { correction: id },
        EventKind::CorrectionMade,
    );
    assert_eq!((t.has("alice"), t.has("bob")), (70, 31));
    t.check(Op::ApproveCorrection { correction: id }, Code::NotFound);
    // What became impossible between proposal and approval is refused, and may be tried again.
    let op = correction(&mut t, "alice", "bob", 70);
    let id = t.id_of(op);
    t.actor = key("third");
    t.run(authorize("alice", "shop", 1, UtcMillis(T0 + HOUR)));
    t.check(Op::ApproveCorrection { correction: id }, Code::BelowFloor);
    t.actor = engine::ids::ActorId(Id::NONE);
    t.check(Op::ApproveCorrection { correction: id }, Code::SameKey);
    let op = correction(&mut t, "alice", "bob", 1);
    t.check(op, Code::Malformed);
}

#[test]
fn a_correction_is_approved_in_time_or_rejected_or_lapses() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let propose = |t: &mut Town| {
        t.actor = key("clerk");
        let op = correction(t, "alice", "bob", 10);
        t.id_of(op)
    };
    let approve = |correction| Op::ApproveCorrection { correction };
    let reject = |correction| Op::RejectCorrection { correction };
    // The proposer may think better of it, and so may another.
    for by in ["clerk", "second"] {
        let id = propose(&mut t);
        t.actor = key(by);
        t.check(reject(id), EventKind::CorrectionRejected);
        t.actor = key("second");
        t.check(approve(id), Code::NotFound);
        t.check(reject(id), Code::NotFound);
    }
    assert!(t.state.timers.is_empty());
    // In time, at the last moment, too late before its timer, and after it.
    let made = propose(&mut t);
    let late = propose(&mut t);
    let lapsed = propose(&mut t);
    let expire = |thing| Op::Expire {
        kind: engine::records::TimerKind::Correction,
        thing,
    };
    t.later(7 * DAY - 1);
    t.actor = key("second");
    t.check(expire(made), Code::NotFound);
    t.check(approve(made), EventKind::CorrectionMade);
    t.later(1);
    t.check(approve(late), Code::CorrectionExpired);
    assert_eq!(t.run_timers(), 2);
    t.check(approve(lapsed), Code::NotFound);
    assert_eq!(t.has("alice"), 90);
    assert!(t.state.corrections.is_empty() && t.state.timers.is_empty());
}

#[test]
fn nobody_refunds_what_is_not_a_payment() {
    let mut t = Town::new();
    t.fund("alice", Source::Card, 100);
    let hold = t.id_of(authorize("alice", "shop", 50, UtcMillis(T0 + HOUR)));
    let captured = t.id_of(capture(hold, 20));
    let payment = t.id_of(pay("alice", "shop", 10));
    let refund = t.id_of(t.refund(captured, 20));
    let dispute = t.id_of(t.dispute(payment, 10));
    let topup = t.id_of(top_up("bob", Source::Card, 1));
    let refused = t.check(pay("alice", "shop", 1_000), Code::InsufficientFunds);
    for thing in [hold, refund, dispute, topup, refused] {
        t.check(t.refund(thing, 1), Code::NotThatPayment);
        t.check(t.dispute(thing, 1), Code::NotThatPayment);
    }
    // The event of one payment does not stand for another.
    let other = t.id_of(pay("alice", "shop", 10));
    let op = Op::Refund {
        payment,
        amount: Atoms(1),
        carried: t.carried(other),
    };
    t.check(op, Code::NotThatPayment);
    let mut foreign = t.carried(other);
    Arc::make_mut(&mut foreign.0).tenant = OTHER_TENANT;
    let op = Op::Refund {
        payment: other,
        amount: Atoms(1),
        carried: foreign,
    };
    t.check(op, Code::NotThatPayment);
}

#[test]
fn absurd_amounts_are_exact() {
    let mut t = Town::with(taxed());
    let most = u64::MAX;
    t.fund("alice", Source::Card, most);
    t.fund("alice", Source::Bank, most);
    let before = t.picture();
    let payment = t.id_of(pay("alice", "shop", most));
    t.run(pay("alice", "stall", most));
    t.check(pay("alice", "shop", 1), Code::InsufficientFunds);
    t.run(t.refund(payment, most));
    t.check(t.refund(payment, most), Code::RefundExceedsPayment);
    let hold = t.id_of(authorize("alice", "shop", most, UtcMillis(T0 + HOUR)));
    t.run(capture(hold, most - 1));
    t.check(capture(hold, most), Code::CaptureExceedsHold);
    t.run(capture(hold, 1));
    assert_eq!(before.len(), 3);
    let topup = t.id_of(Op::TopUp {
        wallet: wal("bob"),
        asset: USD,
        amount: Atoms(most),
        source: Source::Cash,
        channel: Channel(7),
        spendable: true,
    });
    t.run(t.reverse(topup, None, most));
    assert_eq!(t.has("bob"), 0);
}
