//! Each jurisdiction through the step.

use super::land::*;
use crate::town::*;
use engine::Code;
use engine::law::Circumstances;
use ledger::Source;
use policy::{Counter, Presence, Product, Tier};

fn eu(counter: Counter) -> Land {
    let mut settings = operator(b"DE");
    let rule = "eu/sca.low-value".to_owned();
    settings.counters.push((rule, counter));
    let mut land = Land::with(settings);
    land.settle("payer", b"DE", Tier::Strong);
    land.settle("seller", b"DE", Tier::Business);
    land.give("payer", Source::Card, "1000 EUR");
    land
}

#[test]
fn eu_counting_payments_five_of_a_euro_pass_and_the_sixth_asks() {
    let mut land = eu(Counter::Count);
    for _ in 0..5 {
        land.pays("payer", "seller", "1 EUR", Paid);
    }
    land.pays("payer", "seller", "1 EUR", Asks);
    land.confirms("payer", "seller", "1 EUR", Paid);
    for _ in 0..5 {
        land.pays("payer", "seller", "1 EUR", Paid);
    }
    land.pays("payer", "seller", "1 EUR", Asks);
}

#[test]
fn eu_counting_the_amount_ten_of_ten_pass_and_a_cent_asks() {
    let mut land = eu(Counter::Amount);
    for _ in 0..10 {
        land.pays("payer", "seller", "10 EUR", Paid);
    }
    land.pays("payer", "seller", "0.01 EUR", Asks);
    land.confirms("payer", "seller", "0.01 EUR", Paid);
    land.pays("payer", "seller", "10 EUR", Paid);
    land.pays("payer", "seller", "30.01 EUR", Asks);
}

#[test]
fn a_step_up_is_the_same_payment_and_goes_through_once() {
    let mut land = eu(Counter::Amount);
    let mut spend = land.spend("payer", "31 EUR");
    let id = land.new_id();
    land.check_as(id, pay_with(spend, "seller"), Asks);
    assert_eq!(land.rule(id), "eu/sca.remote");
    land.check_as(id, pay_with(spend, "seller"), Expect::Known);
    // Less than was asked is no answer.
    spend.confirmed = policy::StepUp::Confirm.into();
    land.check_as(id, pay_with(spend, "seller"), Expect::Known);
    spend.confirmed = true.into();
    land.check_as(id, pay_with(spend, "seller"), Paid);
    land.check_as(id, pay_with(spend, "seller"), Expect::Known);
}

#[test]
fn an_unattended_transport_terminal_is_never_asked() {
    let mut land = eu(Counter::Amount);
    let mut spend = land.spend("payer", "200 EUR");
    spend.circumstances = Circumstances {
        presence: Presence::Unattended,
        product: Product::Transport,
        ..Circumstances::default()
    };
    land.check(pay_with(spend, "seller"), Paid);
    spend.circumstances.product = Product::Goods;
    land.check(pay_with(spend, "seller"), Asks);
}

#[test]
fn kr_carrier_value_ends_with_the_month_and_the_trace_says_terms() {
    let mut land = Land::of(b"KR");
    land.now = local("2026-11-30T23:59:00", "Asia/Seoul");
    land.settle("payer", b"KR", Tier::Identified);
    land.settle("seller", b"KR", Tier::Business);
    land.load("payer", Source::Carrier, "1000000 KRW", Loaded);
    land.load("payer", Source::Carrier, "0.01 KRW", Code::LimitPerMonth);
    land.pays("payer", "seller", "999999 KRW", Paid);
    land.pays("payer", "seller", "1 KRW", Paid);
    land.now = local("2026-11-30T23:59:59", "Asia/Seoul");
    let (wallet, asset) = (wal("payer"), land.asset("KRW").0);
    let op = engine::Op::TopUp {
        wallet,
        asset,
        amount: money::Atoms(1),
        source: Source::Carrier,
        channel: engine::records::Channel::MANUAL,
        spendable: true,
    };
    let id = land.check(op.clone(), Code::LimitPerMonth);
    assert_eq!(land.rule(id), "kr/carrier.monthly");
    land.now = local("2026-12-01T00:00:00", "Asia/Seoul");
    land.check(op, Loaded);
}

#[test]
fn kr_an_anonymous_wallet_holds_half_a_million_and_a_named_one_two() {
    let mut land = Land::of(b"KR");
    land.settle("anonymous", b"KR", Tier::Phone);
    land.settle("named", b"KR", Tier::Identified);
    land.load("anonymous", Source::Card, "500000 KRW", Loaded);
    land.load(
        "anonymous",
        Source::Card,
        "0.01 KRW",
        Code::VerificationNeeded,
    );
    land.load("named", Source::Card, "2000000 KRW", Loaded);
    land.load("named", Source::Card, "0.01 KRW", Code::LimitBalance);
}
