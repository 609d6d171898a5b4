//! Every code of the step, each made by one command; and which of two comes first.

use crate::town::*;
use engine::command::{DisputeVerdict, GROUP_ITEMS_MAX, Share};
use engine::ids::MandateId;
use engine::recents::Window;
use engine::records::Standing;
use engine::terms::{Country, Terms, Tier};
use engine::{Code, Id, Op, UtcMillis};
use ledger::{AccountNo, Posting, Source};
use money::{Asset, Atoms};
use risk::{Score, Thresholds};
use std::collections::BTreeSet;

/// Codes that other parts make: the node's clock, and what a hidden code is shown as.
const NOT_OF_THE_STEP: [Code; 2] = [Code::ClockUnconfirmed, Code::Declined];

fn rich() -> Town {
    rich_with(Terms::default())
}

fn rich_with(terms: Terms) -> Town {
    let mut town = Town::with(terms);
    town.fund("alice", Source::Card, 1_000);
    town
}

fn mandate(payees: &[&str], per_payment: Option<u64>, per_day: Option<u64>) -> Op {
    Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: per_payment.map(Atoms),
        per_day: per_day.map(Atoms),
        payees: payees.iter().map(|p| wal(p)).collect(),
        expires: UtcMillis(T0 + HOUR),
    }
}

fn by(mandate: Id, payee: &str, amount: u64) -> Op {
    let mut spend = spend("alice", amount);
    spend.mandate = MandateId(mandate);
    pay_with(spend, payee)
}

fn scored(score: u16) -> Op {
    let mut spend = spend("alice", 10);
    spend.risk = Score(score);
    pay_with(spend, "shop")
}

fn with_limits(numbers: [Option<u64>; 3]) -> Town {
    rich_with(Terms {
        limits: limits(USD, numbers),
        ..Terms::default()
    })
}

/// Makes the code, its last command expecting it.
fn make(code: Code) {
    let mut town = rich();
    let t = &mut town;
    match code {
        Code::Malformed => {
            t.check(authorize("alice", "shop", 10, UtcMillis(T0)), code);
            t.check_as(Id::NONE, pay("alice", "shop", 1), code);
        }
        Code::NotFound => {
            t.check(pay("alice", "nobody", 10), code);
            let mut command = t.command(named("x"), pay("alice", "shop", 1));
            command.tenant = OTHER_TENANT;
            t.check_command(&command, code);
            command.tenant = engine::records::TenantNo(9);
            t.check_command(&command, code);
        }
        Code::IdExpired => {
            let id = Id::timed(T0 - WINDOW.window_ms, 5);
            t.check_as(id, pay("alice", "shop", 1), code);
        }
        Code::IdInFuture => {
            let id = Id::timed(T0 + 5 * MINUTE + 1, 5);
            t.check_as(id, pay("alice", "shop", 1), code);
        }
        Code::IdWindowFull => {
            let window = Window {
                window_ms: DAY,
                entries_max: 1_000,
            };
            t.audits = false;
            t.run(Op::SetShard { window });
            while t.state.recents.len() < 1_000 {
                t.run(pay("alice", "shop", 1));
            }
            t.check(pay("alice", "shop", 1), code);
        }
        Code::Throttled => {
            for _ in 0..10 {
                t.check(pay("bob", "shop", 10), Code::InsufficientFunds);
            }
            t.check(pay("bob", "shop", 10), code);
        }
        Code::AmountZero => drop(t.check(pay("alice", "shop", 0), code)),
        Code::SameParty => {
            t.run(Op::OpenWallet {
                wallet: wal("purse"),
                party: par("alice"),
            });
            t.check(pay("alice", "purse", 1), code);
            t.check(authorize("alice", "purse", 1, UtcMillis(T0 + HOUR)), code);
            t.check(split("alice", &[("bob", 1), ("purse", 1)], 2), code);
            t.run(transfer("alice", "purse", 1));
        }
        Code::SameWallet => drop(t.check(pay("alice", "alice", 1), code)),
        Code::Unbalanced => {
            let leg = |no, amount| Posting {
                account: AccountNo(no),
                amount,
            };
            let (postings, reason) = (vec![leg(0, -1), leg(1, 2)], [0; 32]);
            t.check(Op::ProposeCorrection { postings, reason }, code);
        }
        Code::NotThatPayment => {
            let payment = t.id_of(pay("alice", "shop", 10));
            let refund = t.id_of(t.refund(payment, 10));
            let op = t.refund(refund, 10);
            t.check(op, code);
        }
        Code::AlreadyExists => {
            let asset = Asset::known("USD").unwrap();
            t.check(Op::RegisterAsset { asset }, code);
        }
        Code::TooMany => {
            let items = (0..=GROUP_ITEMS_MAX)
                .map(|n| (Id::timed(T0, n as u128), pay("alice", "shop", 1)))
                .collect();
            t.check(Op::Group { items }, code);
        }
        Code::IdReused => {
            let id = named("twice");
            let items = vec![(id, pay("alice", "shop", 1)), (id, pay("alice", "shop", 1))];
            t.check(Op::Group { items }, code);
        }
        Code::ShardNotOpen => {
            let mut town = Town::wilderness();
            let asset = Asset::known("USD").unwrap();
            town.check(Op::RegisterAsset { asset }, code);
        }
        Code::NotEmpty => drop(t.check(stand("alice", Standing::Closed), code)),
        Code::LimitsAssetFixed => {
            let mut town = with_limits([Some(10), None, None]);
            let terms = Box::new(Terms {
                limits: limits(EUR, [None; 3]),
                ..Terms::default()
            });
            town.check(Op::SetTerms { terms }, code);
        }
        Code::InsufficientFunds => drop(t.check(pay("alice", "shop", 1_001), code)),
        Code::WalletFrozen => {
            t.run(stand("alice", Standing::Frozen));
            t.check(pay("alice", "shop", 1), code);
        }
        Code::WalletClosed => {
            t.run(stand("bob", Standing::Closed));
            t.check(pay("bob", "shop", 1), code);
        }
        Code::PayeeUnavailable => {
            t.run(stand("shop", Standing::Frozen));
            t.check(pay("alice", "shop", 1), code);
        }
        Code::PartySuspended => {
            t.run(suspend("alice"));
            t.check(pay("alice", "shop", 1), code);
        }
        Code::PartyClosed => {
            t.run(change_standing("bob", Standing::Closed));
            t.check(change_standing("bob", Standing::Active), code);
        }
        Code::LimitPerPayment => {
            let mut town = with_limits([Some(10), Some(15), Some(20)]);
            town.check(pay("alice", "shop", 11), code);
        }
        Code::LimitPerDay => {
            let mut town = with_limits([Some(10), Some(15), Some(20)]);
            town.run(pay("alice", "shop", 10));
            town.check(pay("alice", "shop", 6), code);
        }
        Code::LimitPerMonth => {
            let mut town = with_limits([Some(10), Some(15), Some(20)]);
            town.run(pay("alice", "shop", 10));
            town.later(DAY);
            town.run(pay("alice", "shop", 10));
            town.later(DAY);
            town.check(pay("alice", "shop", 1), code);
        }
        Code::NoReferenceRate => {
            let mut town = with_limits([Some(10), None, None]);
            town.run(top_up_in("alice", EUR, Source::Card, 100, true));
            let mut spend = spend("alice", 1);
            spend.asset = EUR;
            town.check(pay_with(spend, "shop"), code);
        }
        Code::MandateRevoked => {
            let id = t.id_of(mandate(&[], None, None));
            t.run(Op::RevokeMandate {
                mandate: MandateId(id),
            });
            t.check(by(id, "shop", 1), code);
        }
        Code::MandateExpired => {
            let id = t.id_of(mandate(&[], None, None));
            t.later(HOUR);
            t.check(by(id, "shop", 1), code);
        }
        Code::MandatePerPayment => {
            let id = t.id_of(mandate(&[], Some(10), None));
            t.check(by(id, "shop", 11), code);
        }
        Code::MandatePerDay => {
            let id = t.id_of(mandate(&[], None, Some(10)));
            t.run(by(id, "shop", 6));
            t.check(by(id, "shop", 5), code);
        }
        Code::MandatePayee => {
            let id = t.id_of(mandate(&["stall"], None, None));
            t.check(by(id, "shop", 1), code);
        }
        Code::MandateAsset => {
            let id = t.id_of(mandate(&[], None, None));
            let mut spend = spend("alice", 1);
            (spend.mandate, spend.asset) = (MandateId(id), EUR);
            t.check(pay_with(spend, "shop"), code);
        }
        Code::AgentMayNot => {
            let hold = t.id_of(authorize("alice", "shop", 10, UtcMillis(T0 + HOUR)));
            let id = t.new_id();
            t.check_command(&agents(t.command(id, void(hold)), "robot"), code);
        }
        Code::MandateRequired => {
            let id = t.new_id();
            t.check_command(
                &agents(t.command(id, pay("alice", "shop", 1)), "robot"),
                code,
            );
        }
        Code::MandateAgent => {
            let granted = t.id_of(mandate(&[], None, None));
            let id = t.new_id();
            t.check_command(&agents(t.command(id, by(granted, "shop", 1)), "bob"), code);
        }
        Code::RiskDeclined => {
            let mut town = rich_with(Terms {
                risk: thresholds(),
                ..Terms::default()
            });
            town.check(scored(900), code);
        }
        Code::SourceNotAllowed => {
            let mut town = rich_with(Terms {
                funding_order: vec![Source::Bank],
                ..Terms::default()
            });
            town.check(pay("alice", "shop", 10), code);
        }
        Code::SourceNotSettled => {
            let topup = t.id_of(top_up("bob", Source::Carrier, 100));
            assert!(topup.is_some());
            t.run(pay("bob", "shop", 100));
            t.check(withdraw("shop", 50), code);
            t.check(settle_earned("shop", Source::Carrier, 50), code);
        }
        Code::CaptureExceedsHold => {
            let hold = t.id_of(authorize("alice", "shop", 10, UtcMillis(T0 + HOUR)));
            t.check(capture(hold, 11), code);
        }
        Code::RefundExceedsPayment => {
            let payment = t.id_of(pay("alice", "shop", 10));
            let op = t.refund(payment, 11);
            t.check(op, code);
        }
        Code::HoldExpired => {
            let hold = t.id_of(authorize("alice", "shop", 10, UtcMillis(T0 + HOUR)));
            t.later(HOUR);
            t.check(capture(hold, 10), code);
        }
        Code::ReversalExceedsTopUp => {
            let topup = t.id_of(top_up("alice", Source::Card, 10));
            let op = t.reverse(topup, None, 11);
            t.check(op, code);
        }
        Code::StepUpExpired => {
            let mut town = rich_with(Terms {
                risk: thresholds(),
                ..Terms::default()
            });
            let id = town.id_of(scored(500));
            town.later(10 * MINUTE);
            let mut spend = spend("alice", 10);
            (spend.risk, spend.confirmed) = (Score(500), true.into());
            town.check_as(id, pay_with(spend, "shop"), code);
        }
        Code::StepUpInGroup => {
            let mut town = rich_with(Terms {
                risk: thresholds(),
                ..Terms::default()
            });
            let items = vec![(named("item"), scored(500))];
            town.check(Op::Group { items }, code);
        }
        Code::GroupItemRefused => {
            for _ in 0..10 {
                t.check(pay("bob", "shop", 10), Code::InsufficientFunds);
            }
            let items = vec![(named("item"), pay("bob", "shop", 10))];
            t.check(Op::Group { items }, code);
        }
        Code::WrongState => {
            let withdrawal = t.id_of(withdraw("alice", 10));
            t.check(Op::SettleWithdrawal { withdrawal }, code);
        }
        Code::SameKey => {
            let op = correction(t, "alice", "shop", 1);
            let correction = t.id_of(op);
            t.check(Op::ApproveCorrection { correction }, code);
        }
        Code::BelowFloor => {
            let op = correction(t, "alice", "shop", 1_001);
            let correction = t.id_of(op);
            t.actor = key("second");
            t.check(Op::ApproveCorrection { correction }, code);
        }
        Code::CreditInUse => {
            t.run(credit_line("bob", 100));
            t.run(pay("bob", "shop", 60));
            t.check(credit_line("bob", 59), code);
        }
        Code::DebtOutstanding => {
            let topup = t.id_of(top_up("bob", Source::Card, 10));
            t.run(transfer("bob", "alice", 10));
            t.run(t.reverse(topup, None, 10));
            t.check(withdraw("bob", 1), code);
        }
        Code::PlanInvalid | Code::PlanArchived | Code::TrialUsed => {
            crate::subscriptions::make(t, code);
        }
        Code::PriceInvalid | Code::PriceArchived | Code::PriceZero | Code::PriceAboveLimit => {
            crate::prices::make(t, code);
        }
        Code::CorrectionExpired => {
            let op = correction(t, "alice", "shop", 1);
            let correction = t.id_of(op);
            t.later(7 * DAY);
            t.actor = key("second");
            t.check(Op::ApproveCorrection { correction }, code);
        }
        Code::Declined | Code::ClockUnconfirmed => unreachable!("not of the step"),
        of_the_law => crate::law::codes::make(of_the_law),
    }
}

pub fn thresholds() -> Thresholds {
    Thresholds {
        step_up_at: Some(Score(500)),
        deny_at: Some(Score(900)),
    }
}

pub fn suspend(party: &str) -> Op {
    change_standing(party, Standing::Frozen)
}

pub fn change_standing(party: &str, standing: Standing) -> Op {
    Op::ChangeParty {
        party: par(party),
        country: None,
        tier: None,
        standing: Some(standing),
        particulars: None,
    }
}

/// Moves value from one's card account to another's first account.
pub fn correction(town: &mut Town, from: &str, to: &str, amount: i128) -> Op {
    let wallet = |name| town.state.wallet_no(TENANT, wal(name)).unwrap();
    let from = town.state.wallet(wallet(from)).first;
    if !town.state.wallet(wallet(to)).first.is_some() {
        town.fund(to, Source::Bank, 1);
    }
    let to = town
        .state
        .wallet(town.state.wallet_no(TENANT, wal(to)).unwrap())
        .first;
    let leg = |account, amount| Posting { account, amount };
    Op::ProposeCorrection {
        postings: vec![leg(from, -amount), leg(to, amount)],
        reason: [7; 32],
    }
}

#[test]
fn every_code_is_made_by_some_command() {
    let mut made = BTreeSet::from(NOT_OF_THE_STEP);
    for &code in Code::ALL {
        if made.insert(code) {
            make(code);
        }
    }
}

#[test]
fn what_is_malformed_or_unknown_leaves_no_trace_even_where_it_would_be_denied() {
    let mut town = rich();
    let mandate = town.id_of(mandate(&[], None, None));
    town.run(stand("alice", Standing::Frozen));
    town.run(stand("stall", Standing::Frozen));
    let zero = spend("alice", 0);
    let mut unknown = spend("alice", 1);
    unknown.asset = ledger::AssetNo(77);
    let mut no_mandate = spend("alice", 1);
    no_mandate.mandate = MandateId(named("no such mandate"));
    let mut others = spend("bob", 1);
    others.mandate = MandateId(mandate);
    let share = |payee, weight| Share {
        payee: wal(payee),
        weight,
    };
    for (op, code) in [
        (pay_with(zero, "shop"), Code::AmountZero),
        (pay_with(unknown, "shop"), Code::NotFound),
        (pay_with(no_mandate, "shop"), Code::NotFound),
        (pay_with(others, "stall"), Code::NotFound),
        (pay("alice", "alice", 1), Code::SameWallet),
        (
            split("bob", &[("stall", 1), ("bob", 1)], 1),
            Code::SameWallet,
        ),
        (split("bob", &[], 1), Code::Malformed),
        (
            split("bob", &[("shop", 0), ("stall", 0)], 1),
            Code::Malformed,
        ),
        (
            Op::Split {
                spend: spend("bob", 1),
                payees: vec![share("shop", 1); 101],
            },
            Code::TooMany,
        ),
        (
            authorize("alice", "shop", 0, UtcMillis(T0 + HOUR)),
            Code::AmountZero,
        ),
        (
            authorize("alice", "shop", 1, UtcMillis(T0 + 31 * DAY)),
            Code::Malformed,
        ),
        (transfer("alice", "alice", 1), Code::SameWallet),
        (withdraw("alice", 0), Code::AmountZero),
        (top_up("alice", Source::Earned, 5), Code::Malformed),
        (top_up("alice", Source::Credit, 5), Code::Malformed),
        (void(named("no hold")), Code::NotFound),
        (capture(named("no hold"), 0), Code::NotFound),
    ] {
        let before = town.rows.len();
        town.check(op, code);
        assert_eq!(town.rows.len(), before, "{code:?} leaves no trace");
    }
}

#[test]
fn denials_come_in_the_order_of_the_stages() {
    // Each step lifts the refusal that comes first and meets the next.
    let mut town = Town::with(Terms {
        risk: thresholds(),
        limits: limits(USD, [Some(10), Some(15), Some(20)]),
        ..Terms::default()
    });
    let id = town.id_of(mandate(&["stall"], Some(9), Some(9)));
    town.run(stand("alice", Standing::Frozen));
    town.run(suspend("alice"));
    town.run(stand("shop", Standing::Frozen));
    let op = |payee: &str, amount, risk| {
        let mut spend = spend("alice", amount);
        (spend.mandate, spend.risk) = (MandateId(id), Score(risk));
        pay_with(spend, payee)
    };
    town.check(op("shop", 30, 900), Code::WalletFrozen);
    town.run(stand("alice", Standing::Active));
    town.check(op("shop", 30, 900), Code::PartySuspended);
    town.run(change_standing("alice", Standing::Active));
    town.check(op("shop", 30, 900), Code::PayeeUnavailable);
    town.run(stand("shop", Standing::Active));
    town.check(op("shop", 30, 900), Code::MandatePayee);
    town.check(op("stall", 30, 900), Code::MandatePerPayment);
    town.check(op("stall", 9, 900), Code::RiskDeclined);
    town.check(op("stall", 9, 0), Code::InsufficientFunds);
    town.fund("alice", Source::Card, 1_000);
    town.check(pay("alice", "stall", 11), Code::LimitPerPayment);
    town.run(op("stall", 9, 0));
    town.check(op("stall", 1, 900), Code::MandatePerDay);
    town.check(pay("alice", "stall", 7), Code::LimitPerDay);
}

#[test]
fn the_other_rows_of_each_code() {
    let mut t = rich();
    let past = UtcMillis(T0);
    let grant = |expires, payees: &[&str]| Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: None,
        per_day: None,
        payees: payees.iter().map(|p| wal(p)).collect(),
        expires,
    };
    let many = ["shop"; 101];
    t.check(grant(past, &[]), Code::Malformed);
    t.check(grant(UtcMillis(T0 + 1), &many), Code::TooMany);
    t.check(grant(UtcMillis(T0 + 1), &["nobody"]), Code::NotFound);
    let (dispute, verdict) = (named("none"), DisputeVerdict::PayeeWins);
    t.check(Op::ResolveDispute { dispute, verdict }, Code::NotFound);
    t.check(
        Op::ApproveCorrection {
            correction: named("none"),
        },
        Code::NotFound,
    );
    t.check(
        Op::SettleTopUp {
            topup: named("none"),
        },
        Code::NotFound,
    );
    t.check(t.reverse(named("none"), None, 1), Code::NotFound);
    for op in [
        Op::SendWithdrawal {
            withdrawal: named("none"),
        },
        Op::SettleWithdrawal {
            withdrawal: named("none"),
        },
        Op::ReturnWithdrawal {
            withdrawal: named("none"),
        },
        Op::RevokeMandate {
            mandate: MandateId(named("none")),
        },
        stand("nobody", Standing::Active),
        credit_line("nobody", 5),
        suspend("nobody"),
    ] {
        t.check(op, Code::NotFound);
    }
    let register = |party, tier| Op::RegisterParty {
        party,
        kind: engine::records::PartyKind::Person,
        country: Country(*b"DE"),
        tier,
        particulars: Default::default(),
    };
    t.check(register(par("new"), Tier(5)), Code::Malformed);
    t.check(
        register(engine::ids::PartyId(Id::NONE), Tier(1)),
        Code::Malformed,
    );
    t.check(register(par("alice"), Tier(1)), Code::AlreadyExists);
    let (wallet, party) = (wal("alice"), par("alice"));
    t.check(Op::OpenWallet { wallet, party }, Code::AlreadyExists);
    let wallet = engine::ids::WalletId(Id::NONE);
    t.check(Op::OpenWallet { wallet, party }, Code::Malformed);
    let (wallet, party) = (wal("new"), par("nobody"));
    t.check(Op::OpenWallet { wallet, party }, Code::NotFound);
    for window in [
        Window {
            window_ms: 10 * MINUTE - 1,
            entries_max: 1_000,
        },
        Window {
            window_ms: 10 * MINUTE,
            entries_max: 999,
        },
        Window {
            window_ms: u64::MAX,
            entries_max: 1_000,
        },
    ] {
        t.check(Op::SetShard { window }, Code::Malformed);
    }
    let tenant = engine::ids::TenantId(Id::NONE);
    let mode = engine::records::Mode::Test;
    t.check(Op::OpenTenant { tenant, mode }, Code::Malformed);
    t.check(Op::Group { items: vec![] }, Code::Malformed);
    let items = vec![(named("i"), top_up("alice", Source::Card, 1))];
    t.check(Op::Group { items }, Code::Malformed);
    t.check(pay("bob", "shop", 1), Code::InsufficientFunds);
    t.run(stand("bob", Standing::Closed));
    t.check(top_up("bob", Source::Card, 1), Code::WalletClosed);
    t.check(credit_line("bob", 1), Code::WalletClosed);
    t.check(stand("bob", Standing::Active), Code::WalletClosed);
    t.check(withdraw("bob", 1), Code::WalletClosed);
    t.check(withdraw("alice", 1_001), Code::InsufficientFunds);
    t.run(stand("alice", Standing::Frozen));
    t.check(withdraw("alice", 1), Code::WalletFrozen);
    t.check(grant(UtcMillis(T0 + 1), &[]), Code::WalletFrozen);
}

#[test]
fn terms_that_cannot_be_right_are_refused() {
    let mut t = rich();
    let nowhere = ledger::AssetNo(9);
    type Spoil = Box<dyn Fn(&mut Terms)>;
    let rows: Vec<(Code, Spoil)> = vec![
        (Code::Malformed, Box::new(|t| t.hold_ms_max = 0)),
        (Code::Malformed, Box::new(|t| t.hold_ms_default = Some(0))),
        (
            Code::Malformed,
            Box::new(|t| t.hold_ms_default = Some(t.hold_ms_max + 1)),
        ),
        (Code::Malformed, Box::new(|t| t.step_up_ms = 0)),
        (
            Code::Malformed,
            Box::new(|t| t.step_up_ms = WINDOW.window_ms + 1),
        ),
        (Code::Malformed, Box::new(|t| t.refusals_per_second = 0)),
        (
            Code::Malformed,
            Box::new(|t| t.funding_order = vec![Source::Card, Source::Card]),
        ),
        (
            Code::Malformed,
            Box::new(|t| t.zone.transitions = vec![(UtcMillis(5), 0), (UtcMillis(4), 0)]),
        ),
        (
            Code::NotFound,
            Box::new(move |t| t.limits = limits(nowhere, [None; 3])),
        ),
        (
            Code::NotFound,
            Box::new(move |t| {
                t.fee_minimums = vec![engine::terms::AssetFee {
                    asset: nowhere,
                    minimum: Atoms(1),
                }];
            }),
        ),
        (
            Code::NotFound,
            Box::new(move |t| {
                t.reference_rates = vec![engine::terms::ReferenceRate {
                    base: nowhere,
                    quote: USD,
                    rate: money::Rate::ONE,
                }];
            }),
        ),
        (
            Code::TooMany,
            Box::new(move |t| {
                let fee = engine::terms::AssetFee {
                    asset: USD,
                    minimum: Atoms(1),
                };
                t.fee_minimums = vec![fee; 2_001];
            }),
        ),
    ];
    for (code, spoil) in rows {
        let mut terms = Terms::default();
        spoil(&mut terms);
        let terms = Box::new(terms);
        t.check(Op::SetTerms { terms }, code);
    }
}

#[test]
fn one_tenants_refusals_throttle_no_other() {
    // A correction that its own proposer approves is refused to nobody in particular.
    let mut t = rich();
    let elsewhere = |t: &mut Town, op: Op| {
        let id = t.new_id();
        let mut command = t.command(id, op);
        command.tenant = OTHER_TENANT;
        (id, outcome(&t.ask(&command)))
    };
    for name in ["zoe", "yan"] {
        let party = par(name);
        let (kind, tier) = (engine::records::PartyKind::Person, Tier(0));
        let country = Country(*b"DE");
        let register = Op::RegisterParty {
            party,
            kind,
            country,
            tier,
            particulars: Default::default(),
        };
        let wallet = wal(name);
        for op in [
            register,
            Op::OpenWallet { wallet, party },
            top_up(name, Source::Card, 5),
        ] {
            elsewhere(&mut t, op);
        }
    }
    let accounts: Vec<AccountNo> = ["zoe", "yan"]
        .map(|name| t.state.wallet_no(OTHER_TENANT, wal(name)).unwrap())
        .map(|no| t.state.wallet(no).first)
        .to_vec();
    let leg = |account, amount| Posting { account, amount };
    let postings = vec![leg(accounts[0], -1), leg(accounts[1], 1)];
    let reason = [7; 32];
    let (theirs, _) = elsewhere(&mut t, Op::ProposeCorrection { postings, reason });
    let op = correction(&mut t, "alice", "shop", 1);
    let ours = t.id_of(op);
    for _ in 0..10 {
        t.check(Op::ApproveCorrection { correction: ours }, Code::SameKey);
    }
    t.check(Op::ApproveCorrection { correction: ours }, Code::Throttled);
    let approve = Op::ApproveCorrection { correction: theirs };
    assert_eq!(elsewhere(&mut t, approve).1, Expect::Code(Code::SameKey));
}
