//! The same command again is the same; a changed field is named.

use crate::codes::{correction, thresholds};
use crate::town::*;
use engine::command::DisputeVerdict;
use engine::ids::MandateId;
use engine::recents::Window;
use engine::records::{Channel, Mode, PartyKind, Standing};
use engine::repeat::difference;
use engine::terms::{Country, Terms, Tier};
use engine::{Id, Op, UtcMillis};
use ledger::Source;
use money::{Asset, Atoms};

/// Runs `$op`, asks it again, and changes one field after another.
macro_rules! repeats {
    ($town:ident, $op:expr, $($field:literal: |$name:ident| $change:expr;)*) => {{
        let changes: &[Change] = &[$(($field, |$name| { $change; })),*];
        let op = $op;
        check_repeats(&mut $town, op, changes)
    }};
}

/// The field that a change must be found in, and the change.
type Change = (&'static str, fn(&mut Op));

fn check_repeats(town: &mut Town, op: Op, changes: &[Change]) -> Id {
    let (id, answer) = town.try_run(op.clone());
    let Answer::Done(event) = answer else {
        panic!("{op:?}\ncame to {answer:?}");
    };
    let differs = |op: &Op| difference(&town.state, &town.command(id, op.clone()), &event);
    assert_eq!(differs(&op), None, "{op:?}");
    for (field, change) in changes {
        let mut changed = op.clone();
        change(&mut changed);
        assert_ne!(changed, op, "{field}");
        assert_eq!(differs(&changed), Some(*field), "{op:?}\n{changed:?}");
    }
    // No command is another kind of command.
    let (wallet, party, payment) = (wal("none"), par("none"), named("other"));
    for other in [
        Op::Void { payment },
        Op::OpenWallet { wallet, party },
        pay("carol", "stall", 77),
        Op::Group { items: vec![] },
    ] {
        assert!(differs(&other).is_some(), "{op:?} is no {other:?}");
    }
    id
}

fn rich() -> Town {
    let mut town = Town::new();
    for wallet in ["alice", "bob", "shop"] {
        town.fund(wallet, Source::Card, 1_000);
    }
    town
}

fn spend_of(op: &mut Op) -> &mut engine::Spend {
    match op {
        Op::Pay { spend, .. }
        | Op::Transfer { spend, .. }
        | Op::Authorize { spend, .. }
        | Op::Split { spend, .. } => spend,
        other => panic!("{other:?}"),
    }
}

/// Sets a field of whichever variant has it.
macro_rules! set {
    ($op:ident, $variant:ident . $field:ident = $value:expr) => {{
        if let Op::$variant { $field, .. } = $op {
            *$field = $value;
        }
    }};
}

#[test]
fn payments() {
    let mut t = rich();
    let mandate = t.id_of(Op::GrantMandate {
        payer: wal("alice"),
        agent: par("robot"),
        asset: USD,
        per_payment: None,
        per_day: None,
        payees: vec![],
        expires: UtcMillis(T0 + DAY),
    });
    let mut by_agent = pay("alice", "shop", 5);
    spend_of(&mut by_agent).mandate = MandateId(mandate);
    for op in [
        pay("alice", "shop", 5),
        transfer("alice", "shop", 5),
        by_agent,
    ] {
        repeats!(t, op,
            "payer": |op| spend_of(op).payer = wal("bob");
            "asset": |op| spend_of(op).asset = EUR;
            "amount": |op| spend_of(op).amount = Atoms(6);
            "mandate": |op| spend_of(op).mandate = MandateId(named("another"));
            "payee": |op| match op {
                Op::Pay { payee, .. } | Op::Transfer { payee, .. } => *payee = wal("stall"),
                _ => {}
            };
        );
    }
    // A refusal too, whose hash says the rest.
    let refused = repeats!(t, pay("alice", "shop", 5_000),
        "id": |op| spend_of(op).mandate = MandateId(named("another"));
        "payer": |op| spend_of(op).payer = wal("bob");
        "asset": |op| spend_of(op).asset = EUR;
        "amount": |op| spend_of(op).amount = Atoms(6);
        "payee": |op| set!(op, Pay.payee = wal("stall"));
    );
    for other in [
        transfer("alice", "shop", 5_000),
        authorize("alice", "shop", 5_000, UtcMillis(T0 + HOUR)),
        split("alice", &[("shop", 1)], 5_000),
    ] {
        let (command, event) = (t.command(refused, other), &t.events[&refused]);
        assert_eq!(difference(&t.state, &command, event), Some("id"));
    }
    repeats!(t, split("alice", &[("shop", 1), ("bob", 1)], 5_000),
        "id": |op| if let Op::Split { payees, .. } = op { payees[1].weight = 4 };
        "id": |op| if let Op::Split { payees, .. } = op { payees[1].payee = wal("carol") };
    );
    // The score and the confirmation are not the payment.
    let (id, answer) = t.try_run(pay("alice", "shop", 5));
    let Answer::Done(event) = answer else {
        panic!("{answer:?}")
    };
    let mut again = pay("alice", "shop", 5);
    spend_of(&mut again).confirmed = true.into();
    spend_of(&mut again).risk = risk::Score(7);
    assert_eq!(difference(&t.state, &t.command(id, again), &event), None);
}

#[test]
fn a_payment_that_waits_or_came_too_late() {
    let mut t = Town::with(Terms {
        risk: thresholds(),
        ..Terms::default()
    });
    t.fund("alice", Source::Card, 100);
    let mut op = pay("alice", "shop", 5);
    spend_of(&mut op).risk = risk::Score(600);
    let id = repeats!(t, op.clone(),
        "payer": |op| spend_of(op).payer = wal("bob");
        "asset": |op| spend_of(op).asset = EUR;
        "amount": |op| spend_of(op).amount = Atoms(6);
        "payee": |op| set!(op, Pay.payee = wal("stall"));
        "id": |op| spend_of(op).mandate = MandateId(named("another"));
    );
    t.later(HOUR);
    t.run_timers();
    let late = t.events[&id].clone();
    assert_eq!(late.kind, engine::EventKind::StepUpExpired);
    assert_eq!(
        difference(&t.state, &t.command(id, op.clone()), &late),
        None
    );
    let other = t.command(id, void(id));
    assert_eq!(difference(&t.state, &other, &late), Some("payment"));
    let mut other = op.clone();
    spend_of(&mut other).amount = Atoms(6);
    let other = t.command(id, other);
    assert_eq!(difference(&t.state, &other, &late), Some("amount"));
    let mut other = op;
    let payee_of = &mut other;
    set!(payee_of, Pay.payee = wal("stall"));
    let other = t.command(id, other);
    assert_eq!(difference(&t.state, &other, &late), Some("payee"));
}

#[test]
fn splits() {
    let mut t = rich();
    // The shop owes, so its part pays a debt.
    let debt = t.id_of(top_up("shop", Source::Carrier, 2_000));
    t.run(pay("shop", "carol", 3_000));
    t.run(t.reverse(debt, None, 2_000));
    for amount in [100, 2_500] {
        t.fund("alice", Source::Bank, amount);
        repeats!(t, split("alice", &[("shop", 3), ("stall", 1), ("bob", 0)], amount),
            "payer": |op| spend_of(op).payer = wal("bob");
            "amount": |op| spend_of(op).amount = Atoms(6);
            "payee": |op| if let Op::Split { payees, .. } = op { payees[0].payee = wal("bob") };
            "payees": |op| if let Op::Split { payees, .. } = op { payees[0].weight = 4 };
            "payees": |op| if let Op::Split { payees, .. } = op { payees[1].payee = wal("carol") };
            "payees": |op| if let Op::Split { payees, .. } = op { payees[2].weight = 1 };
        );
    }
}

fn set_expires(op: &mut Op, at: Option<UtcMillis>) {
    set!(op, Authorize.expires = at);
}

#[test]
fn an_authorization_without_an_end() {
    let mut t = rich();
    let mut by_default = authorize("alice", "shop", 5, UtcMillis(T0 + HOUR));
    set_expires(&mut by_default, None);
    let id = repeats!(t, by_default.clone(),
        "expires_at": |op| set!(op, Authorize.expires = Some(UtcMillis(T0 + HOUR)));
    );
    t.later(HOUR);
    assert_eq!(
        difference(&t.state, &t.command(id, by_default), &t.events[&id]),
        None
    );
}

#[test]
fn authorizations() {
    let mut t = rich();
    let hold = repeats!(t, authorize("alice", "shop", 50, UtcMillis(T0 + HOUR)),
        "payer": |op| spend_of(op).payer = wal("bob");
        "payee": |op| set!(op, Authorize.payee = wal("stall"));
        "amount": |op| spend_of(op).amount = Atoms(6);
        "mandate": |op| spend_of(op).mandate = MandateId(named("another"));
        "expires_at": |op| set!(op, Authorize.expires = Some(UtcMillis(T0 + HOUR + 1)));
    );
    repeats!(t, capture(hold, 10),
        "payment": |op| set!(op, Capture.payment = named("other"));
        "amount": |op| set!(op, Capture.amount = Atoms(6));
        "last": |op| set!(op, Capture.last = true);
    );
    repeats!(t, capture(hold, 100),
        "payment": |op| set!(op, Capture.payment = named("other"));
        "amount": |op| set!(op, Capture.amount = Atoms(6));
    );
    repeats!(t, capture_last(hold, 10),
        "last": |op| set!(op, Capture.last = false);
    );
    let hold = t.id_of(authorize("alice", "shop", 50, UtcMillis(T0 + HOUR)));
    repeats!(t, void(hold),
        "payment": |op| set!(op, Void.payment = named("other"));
    );
}

#[test]
fn refunds_and_disputes() {
    let mut t = rich();
    let payment = t.id_of(pay("alice", "shop", 50));
    repeats!(t, t.refund(payment, 10),
        "payment": |op| set!(op, Refund.payment = named("other"));
        "amount": |op| set!(op, Refund.amount = Atoms(6));
    );
    repeats!(t, t.refund(payment, 100),
        "payment": |op| set!(op, Refund.payment = named("other"));
        "amount": |op| set!(op, Refund.amount = Atoms(6));
    );
    for verdict in [
        DisputeVerdict::PayeeWins,
        DisputeVerdict::PayerWins,
        DisputeVerdict::ChannelTook,
    ] {
        let dispute = repeats!(t, t.dispute(payment, 10),
            "payment": |op| set!(op, OpenDispute.payment = named("other"));
            "amount": |op| set!(op, OpenDispute.amount = Atoms(6));
        );
        let (id, answer) = t.try_run(Op::ResolveDispute { dispute, verdict });
        let Answer::Done(event) = answer else {
            panic!("{answer:?}")
        };
        for other in [
            DisputeVerdict::PayeeWins,
            DisputeVerdict::PayerWins,
            DisputeVerdict::ChannelTook,
        ] {
            let command = t.command(
                id,
                Op::ResolveDispute {
                    dispute,
                    verdict: other,
                },
            );
            let expected = (other != verdict).then_some("verdict");
            assert_eq!(difference(&t.state, &command, &event), expected);
        }
        let dispute = named("other");
        let command = t.command(id, Op::ResolveDispute { dispute, verdict });
        assert_eq!(difference(&t.state, &command, &event), Some("dispute"));
    }
}

#[test]
fn groups() {
    let mut t = rich();
    let items = vec![
        (named("a"), pay("alice", "shop", 5)),
        (named("b"), transfer("alice", "bob", 5)),
    ];
    repeats!(t, Op::Group { items },
        "items": |op| if let Op::Group { items } = op { items.pop(); };
        "items": |op| if let Op::Group { items } = op { items.swap(0, 1) };
        "items": |op| if let Op::Group { items } = op { items[1].1 = transfer("alice", "bob", 6) };
        "items": |op| if let Op::Group { items } = op { items[0].1 = pay("alice", "stall", 5) };
    );
    let items = vec![
        (named("c"), pay("alice", "shop", 5)),
        (named("d"), transfer("alice", "bob", 5_000)),
    ];
    repeats!(t, Op::Group { items },
        "items": |op| if let Op::Group { items } = op { items.pop(); };
        "items": |op| if let Op::Group { items } = op { items.swap(0, 1) };
        "items": |op| if let Op::Group { items } = op { items[0].0 = named("e") };
        "items": |op| if let Op::Group { items } = op { items[1].1 = transfer("alice", "bob", 6_000) };
        "items": |op| if let Op::Group { items } = op { items[1].1 = pay("alice", "bob", 5_000) };
    );
}

#[test]
fn money_in_and_out() {
    let mut t = rich();
    let topup = repeats!(t, top_up("alice", Source::Card, 50),
        "wallet": |op| set!(op, TopUp.wallet = wal("bob"));
        "asset": |op| set!(op, TopUp.asset = EUR);
        "amount": |op| set!(op, TopUp.amount = Atoms(6));
        "source": |op| set!(op, TopUp.source = Source::Bank);
        "channel": |op| set!(op, TopUp.channel = Channel(9));
        "spendable": |op| set!(op, TopUp.spendable = false);
    );
    repeats!(t, t.reverse(topup, None, 20),
        "topup": |op| set!(op, ReverseTopUp.topup = named("other"));
        "amount": |op| set!(op, ReverseTopUp.amount = Atoms(6));
    );
    repeats!(t, t.reverse(topup, None, 200),
        "topup": |op| set!(op, ReverseTopUp.topup = named("other"));
        "amount": |op| set!(op, ReverseTopUp.amount = Atoms(6));
    );
    repeats!(t, Op::SettleTopUp { topup },
        "topup": |op| set!(op, SettleTopUp.topup = named("other"));
    );
    let unsettled = t.id_of(top_up("carol", Source::Card, 50));
    t.run(pay("carol", "shop", 50));
    t.settle_top_up(unsettled);
    repeats!(t, settle_earned("shop", Source::Card, 20),
        "wallet": |op| set!(op, SettleEarned.wallet = wal("bob"));
        "asset": |op| set!(op, SettleEarned.asset = EUR);
        "origin": |op| set!(op, SettleEarned.origin = Source::Bank);
        "amount": |op| set!(op, SettleEarned.amount = Atoms(6));
    );
    for amount in [50, 50_000] {
        repeats!(t, withdraw("bob", amount),
            "wallet": |op| set!(op, Withdraw.wallet = wal("alice"));
            "asset": |op| set!(op, Withdraw.asset = EUR);
            "amount": |op| set!(op, Withdraw.amount = Atoms(6));
        );
    }
    let withdrawal = repeats!(t, withdraw("bob", 50),
        "channel": |op| set!(op, Withdraw.channel = Channel(9));
    );
    repeats!(t, Op::SettleWithdrawal { withdrawal },
        "withdrawal": |op| set!(op, SettleWithdrawal.withdrawal = named("other"));
    );
    repeats!(t, Op::SendWithdrawal { withdrawal },
        "withdrawal": |op| set!(op, SendWithdrawal.withdrawal = named("other"));
    );
    repeats!(t, Op::ReturnWithdrawal { withdrawal },
        "withdrawal": |op| set!(op, ReturnWithdrawal.withdrawal = named("other"));
    );
}

#[test]
fn people_and_mandates() {
    let mut t = rich();
    let party = par("dora");
    repeats!(t, Op::RegisterParty {
            party,
            kind: PartyKind::Person,
            country: Country(*b"DE"),
            tier: Tier(1), particulars: Default::default(), },
        "party": |op| set!(op, RegisterParty.party = par("else"));
        "party": |op| set!(op, RegisterParty.kind = PartyKind::Agent);
        "party": |op| set!(op, RegisterParty.country = Country(*b"FR"));
        "party": |op| set!(op, RegisterParty.tier = Tier(2));
    );
    repeats!(t, Op::OpenWallet { wallet: wal("dora"), party },
        "wallet": |op| set!(op, OpenWallet.wallet = wal("else"));
        "party": |op| set!(op, OpenWallet.party = par("alice"));
    );
    repeats!(t, Op::ChangeParty {
            party,
            country: Some(Country(*b"FR")),
            tier: Some(Tier(2)),
            standing: Some(Standing::Frozen), particulars: None, },
        "party": |op| set!(op, ChangeParty.party = par("alice"));
        "country": |op| set!(op, ChangeParty.country = Some(Country(*b"DE")));
        "tier": |op| set!(op, ChangeParty.tier = Some(Tier(1)));
        "standing": |op| set!(op, ChangeParty.standing = Some(Standing::Active));
    );
    repeats!(t, stand("dora", Standing::Frozen),
        "wallet": |op| set!(op, ChangeWallet.wallet = wal("bob"));
        "standing": |op| set!(op, ChangeWallet.standing = Standing::Closed);
    );
    repeats!(t, credit_line("bob", 50),
        "wallet": |op| set!(op, SetCredit.wallet = wal("alice"));
        "asset": |op| set!(op, SetCredit.asset = EUR);
        "limit": |op| set!(op, SetCredit.limit = Atoms(51));
    );
    let mandate = repeats!(t, Op::GrantMandate {
            payer: wal("alice"),
            agent: par("robot"),
            asset: USD,
            per_payment: Some(Atoms(5)),
            per_day: None,
            payees: vec![wal("shop")],
            expires: UtcMillis(T0 + HOUR),
        },
        "payer": |op| set!(op, GrantMandate.payer = wal("bob"));
        "agent": |op| set!(op, GrantMandate.agent = par("bob"));
        "asset": |op| set!(op, GrantMandate.asset = EUR);
        "per_payment": |op| set!(op, GrantMandate.per_payment = None);
        "per_day": |op| set!(op, GrantMandate.per_day = Some(Atoms(5)));
        "payees": |op| set!(op, GrantMandate.payees = vec![]);
        "expires_at": |op| set!(op, GrantMandate.expires = UtcMillis(T0 + HOUR + 1));
    );
    repeats!(t, Op::RevokeMandate { mandate: MandateId(mandate) },
        "mandate": |op| set!(op, RevokeMandate.mandate = MandateId(named("other")));
    );
}

#[test]
fn corrections_and_settings() {
    let mut t = rich();
    let proposal = correction(&mut t, "alice", "bob", 5);
    let id = repeats!(t, proposal,
        "postings": |op| if let Op::ProposeCorrection { postings, .. } = op { postings.swap(0, 1) };
        "reason": |op| set!(op, ProposeCorrection.reason = [8; 32]);
    );
    t.actor = key("second");
    repeats!(t, Op::ApproveCorrection { correction: id },
        "correction": |op| set!(op, ApproveCorrection.correction = named("other"));
    );
    let proposal = correction(&mut t, "alice", "bob", 5);
    let id = t.id_of(proposal);
    repeats!(t, Op::RejectCorrection { correction: id },
        "correction": |op| set!(op, RejectCorrection.correction = named("other"));
    );
    repeats!(t, Op::SetShard { window: WINDOW },
        "window": |op| set!(op, SetShard.window = Window { entries_max: 5_000, ..WINDOW });
    );
    repeats!(t, Op::RegisterAsset { asset: Asset::known("JPY").unwrap() },
        "asset": |op| set!(op, RegisterAsset.asset = Asset::known("GBP").unwrap());
    );
    let tenant = engine::ids::TenantId(named("third"));
    repeats!(t, Op::OpenTenant { tenant, mode: Mode::Test },
        "tenant": |op| set!(op, OpenTenant.mode = Mode::Live);
        "tenant": |op| set!(op, OpenTenant.tenant = engine::ids::TenantId(Id(5)));
    );
    repeats!(t, Op::SetTerms { terms: Box::default() },
        "terms": |op| if let Op::SetTerms { terms } = op { terms.step_up_ms = 5 };
    );
}
