//! Money out: redemption in three places, and the ways to turn a telephone bill into cash.

use super::land::*;
use crate::town::*;
use engine::law::Circumstances;
use engine::{Code, EventKind, Op};
use ledger::Source;
use policy::{Flag, Tier};

/// The same wallet, loaded by card, in a country.
fn loaded(country: &[u8; 2]) -> Land {
    let mut land = Land::of(country);
    land.settle("payer", country, Tier::Strong);
    land.settle("seller", country, Tier::Business);
    land.load("payer", Source::Card, "100 EUR", Loaded);
    land
}

fn article(land: &Land, id: engine::Id) -> String {
    let traced = land.events[&id].refusal().unwrap().rule.unwrap();
    let packs = land.law().packs_parsed();
    let (_, rule) = policy::rule_of(&land.law().ruleset, &packs, traced.rule).unwrap();
    match rule.authority.clone().unwrap() {
        policy::Authority::Law { article, .. } => article,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_same_wallet_is_redeemed_in_three_countries_with_three_answers() {
    let mut land = loaded(b"DE");
    land.cashes("payer", "40 EUR", EventKind::WithdrawalRequested);

    let mut land = loaded(b"JP");
    let id = land.cashes("payer", "40 EUR", Code::RedemptionForbidden);
    assert_eq!(land.rule(id), "jp/redemption");
    assert_eq!(article(&land, id), "art. 20(5)");

    let mut land = loaded(b"KR");
    let id = land.cashes("payer", "40 EUR", Code::RedemptionNotYet);
    assert_eq!(land.rule(id), "kr/redemption");
    assert_eq!(article(&land, id), "art. 19");
    land.pays("payer", "seller", "79.99 EUR", Paid);
    land.cashes("payer", "20.01 EUR", Code::RedemptionNotYet);
    land.pays("payer", "seller", "0.01 EUR", Paid);
    land.cashes("payer", "20 EUR", EventKind::WithdrawalRequested);
}

#[test]
fn income_is_paid_out_where_loaded_value_is_not() {
    let mut land = loaded(b"JP");
    land.settle("buyer", b"JP", Tier::Strong);
    land.give("buyer", Source::Bank, "50 EUR");
    // The payer of before sells something now.
    land.confirms("buyer", "payer", "50 EUR", Paid);
    land.cashes("payer", "50 EUR", EventKind::WithdrawalRequested);
    land.cashes("payer", "0.01 EUR", Code::RedemptionForbidden);
}

/// Someone with a telephone bill's value, a friend and a seller.
fn carrier() -> Land {
    let mut land = Land::of(b"KR");
    for name in ["payer", "friend"] {
        land.settle(name, b"KR", Tier::Strong);
    }
    land.settle("seller", b"KR", Tier::Business);
    land.load("payer", Source::Carrier, "100000 KRW", Loaded);
    land
}

#[test]
fn a_telephone_bill_becomes_no_cash_at_once_nor_by_a_friend_nor_as_a_gift() {
    let mut land = carrier();
    let id = land.cashes("payer", "1000 KRW", NO_SOURCE);
    // The operator's own terms withdraw no carrier's value at all; the law is not even asked.
    assert!(land.events[&id].refusal().is_some());
    let withdrawable = ledger::SourceSet::of(&Source::ALL);
    let terms = engine::terms::Terms {
        withdrawable,
        ..land.state.tenants[0].terms.clone()
    };
    land.set_terms(terms);
    let id = land.cashes("payer", "1000 KRW", NO_SOURCE);
    assert_eq!(land.rule(id), "kr/carrier.no-cash");
    let mut spend = land.spend("payer", "1000 KRW");
    for is_gift in [false, true] {
        spend.circumstances.is_gift = is_gift;
        let payee = wal("friend");
        let id = land.check(Op::Transfer { spend, payee }, NO_SOURCE);
        assert_eq!(land.rule(id), "kr/carrier.no-cash");
    }
}

#[test]
fn a_refund_goes_back_to_the_telephone_bill_and_never_in_cash() {
    let mut land = carrier();
    let paid = land.pays("payer", "seller", "1000 KRW", Paid);
    let op = land.refund(paid, 100);
    let id = land.new_id();
    let in_cash = besides(land.command(id, op.clone()), |besides| {
        besides.circumstances = Circumstances {
            flags: [Flag::InCash].into_iter().collect(),
            ..Circumstances::default()
        };
    });
    land.check_command(&in_cash, NO_SOURCE);
    assert_eq!(land.rule(id), "kr/carrier.no-cash-refund");
    land.check(op, EventKind::Refunded);
    // What came back is the telephone bill's as before.
    let back = land
        .state
        .accounts_of(land.state.wallet_no(TENANT, wal("payer")).unwrap());
    assert!(
        back.into_iter()
            .all(|(_, account)| account.source == Some(Source::Carrier))
    );
}

#[test]
fn nobody_buys_from_oneself_with_a_telephone_bill() {
    let mut land = carrier();
    land.run(Op::OpenWallet {
        wallet: wal("purse"),
        party: par("payer"),
    });
    // The platform lets nobody earn from oneself, whatever the source.
    land.pays("payer", "purse", "1000 KRW", Code::SameParty);
    // A shop that the payer controls is told by the flag.
    let mut spend = land.spend("payer", "1000 KRW");
    spend.circumstances.flags = [Flag::SameParty].into_iter().collect();
    let id = land.check(pay_with(spend, "seller"), NO_SOURCE);
    assert_eq!(land.rule(id), "kr/carrier.no-sham-sale");
}

#[test]
fn other_sources_pay_what_one_may_not() {
    let mut land = carrier();
    land.load("payer", Source::Bank, "5000 KRW", Loaded);
    let transfer = |land: &Land, text: &str| Op::Transfer {
        spend: land.spend("payer", text),
        payee: wal("friend"),
    };
    let op = transfer(&land, "5000 KRW");
    land.check(op, Transferred);
    let op = transfer(&land, "0.01 KRW");
    land.check(op, NO_SOURCE);
}
