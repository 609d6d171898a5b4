//! Korea: prepaid caps, carrier billing and what may not be done with it, redemption.

use crate::world::*;
use policy::{Authority, Flag, Funds, Payment, Product, Redeemable, Side, Tier};

fn named(amount: &str) -> Ask {
    pay("KR", Tier::Identified, amount, "KRW")
}

fn carrier(amount: &str) -> Ask {
    named(amount).funds(Funds::Carrier)
}

#[test]
fn carrier_billing_is_a_million_a_month_by_terms() {
    let mut world = World::new("KR");
    world.at("2026-11-30T23:59:59", "Asia/Seoul");
    let refused = "deny kr/carrier.monthly-spend";
    rows(
        &mut world,
        &[
            (carrier("999999"), "allow"),
            (carrier("1.0000001"), refused),
            (carrier("1"), "allow"),
            (carrier("0.0000001"), refused),
            (named("5000000"), "allow"), // another source
            (named("1").leg(Funds::Carrier, "1"), refused), // a part of it suffices
            (carrier("1000000").payment(Payment::Load), "allow"), // billing has its own count
            (
                carrier("1").payment(Payment::Load),
                "deny kr/carrier.monthly",
            ),
        ],
    );
    let rule = world.packs.iter().find(|p| p.id == "kr").unwrap();
    let rule = rule
        .rules
        .iter()
        .find(|r| r.id == "carrier.monthly-spend")
        .unwrap();
    assert!(matches!(&rule.authority, Some(Authority::Terms { .. })));
    world.at("2026-12-01T00:00:00", "Asia/Seoul");
    assert_eq!(world.pay(&carrier("1000000")), "allow");
}

#[test]
fn only_the_carriers_part_of_a_payment_counts() {
    let mut world = World::new("KR");
    let both = named("900000").leg(Funds::Carrier, "600000");
    assert_eq!(world.pay(&both), "allow");
    assert_eq!(world.pay(&carrier("400000")), "allow");
    assert_eq!(
        world.pay(&carrier("0.0000001")),
        "deny kr/carrier.monthly-spend"
    );
}

#[test]
fn an_anonymous_instrument_holds_500_000_and_a_named_one_2_000_000() {
    let load = |tier, amount: &str| pay("KR", tier, amount, "KRW").payment(Payment::Load);
    let mut world = World::new("KR");
    rows(
        &mut world,
        &[
            (load(Tier::Anonymous, "500000"), "allow"),
            (
                load(Tier::Anonymous, "500000.0000001"),
                "verify identified kr/prepaid.anonymous",
            ),
            (
                load(Tier::Phone, "500001"),
                "verify identified kr/prepaid.anonymous",
            ),
            (load(Tier::Identified, "2000000"), "allow"),
            (
                load(Tier::Identified, "2000000.0000001"),
                "deny kr/prepaid.named",
            ),
            (load(Tier::Strong, "2000001"), "deny kr/prepaid.named"),
            (load(Tier::Business, "2000001"), "allow"),
        ],
    );
    world.holds(Side::Payee, "1999999", "KRW");
    let gift = |amount: &str| named(amount).payment(Payment::Transfer);
    assert_eq!(world.pay(&gift("1")), "allow");
    assert_eq!(world.pay(&gift("1.0000001")), "deny kr/prepaid.named");
}

#[test]
fn carrier_value_never_becomes_cash() {
    let mut world = World::new("KR");
    let no_cash = "deny kr/carrier.no-cash";
    rows(
        &mut world,
        &[
            (carrier("1000").payment(Payment::Transfer), no_cash), // to a friend
            (carrier("1000").payment(Payment::Gift), no_cash),
            (carrier("1000").payment(Payment::Withdrawal), no_cash),
            (carrier("1000").payment(Payment::Redemption), no_cash),
            (
                carrier("1000").flag(Flag::SameParty),
                "deny kr/carrier.no-sham-sale",
            ),
            (
                carrier("1000").product(Product::CashLike),
                "deny kr/carrier.no-resale",
            ),
            (
                carrier("1000").payment(Payment::Refund).flag(Flag::InCash),
                "deny kr/carrier.no-cash-refund",
            ),
            (carrier("1000").payment(Payment::Refund), "allow"), // to the bill
            (carrier("1000"), "allow"),
            (named("1000").payment(Payment::Withdrawal), "allow"),
        ],
    );
}

#[test]
fn what_may_be_done_with_a_source_is_answered_without_an_amount() {
    let world = World::new("KR");
    let may = |funds, payment| {
        let ask = named("1").funds(funds).payment(payment);
        let legs = [policy::Leg { funds, atoms: 0 }];
        let facts = facts(&ask, &legs, 2);
        world
            .set
            .forbids(&facts, &world.now)
            .map(|rule| world.name(rule))
    };
    assert_eq!(may(Funds::Carrier, Payment::Spend), None);
    assert_eq!(may(Funds::Bank, Payment::Withdrawal), None);
    for payment in [Payment::Withdrawal, Payment::Transfer, Payment::Redemption] {
        assert_eq!(
            may(Funds::Carrier, payment),
            Some("kr/carrier.no-cash".into())
        );
    }
}

#[test]
fn one_wallet_three_countries_three_answers_to_redemption() {
    let rows = [
        ("FR", Redeemable::Right, "eu/redemption", "art. 11"),
        ("JP", Redeemable::Forbidden, "jp/redemption", "art. 20(5)"),
        ("KR", Redeemable::Below(200_000), "kr/redemption", "art. 19"),
    ];
    for (home, expected, name, article) in rows {
        let world = World::new(home);
        let ask = pay(home, Tier::Identified, "1", "EUR").payment(Payment::Redemption);
        let legs = [policy::Leg {
            funds: Funds::Card,
            atoms: 1,
        }];
        let answer = world.set.redemption(&facts(&ask, &legs, 0), &world.now);
        let (answer, rule) = answer.unwrap();
        assert_eq!((answer, world.name(rule).as_str()), (expected, name));
        let (pack, rule) = world.set.rule_in_pack(rule).unwrap();
        let Some(Authority::Law { article: found, .. }) = &world.packs[pack].rules[rule].authority
        else {
            panic!("{name} is no law");
        };
        assert_eq!(found, article);
    }
    // A Korean's wallet with a Japanese issuer: the strictest wins.
    let world = World::new("JP");
    let ask = named("1").payment(Payment::Redemption);
    let legs = [policy::Leg {
        funds: Funds::Card,
        atoms: 1,
    }];
    let answer = world.set.redemption(&facts(&ask, &legs, 0), &world.now);
    assert_eq!(answer.unwrap().0, Redeemable::Forbidden);
}

#[test]
fn the_carrier_limit_begins_in_june_2020_in_seoul() {
    let mut world = World::new("KR");
    world.at("2020-05-31T23:59:59", "Asia/Seoul");
    assert_eq!(world.pay(&carrier("1000001")), "allow");
    world.at("2020-06-01T00:00:00", "Asia/Seoul");
    assert_eq!(
        world.pay(&carrier("1000001")),
        "deny kr/carrier.monthly-spend"
    );
}
