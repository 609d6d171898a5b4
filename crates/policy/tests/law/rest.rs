//! Every other country: the operator's own strict default.

use crate::world::*;
use policy::{Age, Channel, Flag, Funds, Payment, Product, Screening, Side, Technology, Tier};

fn who(tier: Tier, amount: &str) -> Ask {
    pay("CH", tier, amount, "USD").confirmed()
}

#[test]
fn each_tier_has_its_numbers_and_says_which_tier_helps() {
    for (tier, payment, day, word, next) in [
        (Tier::Anonymous, "10", "30", "anonymous", "verify phone"),
        (Tier::Phone, "30", "100", "phone", "verify identified"),
        (
            Tier::Identified,
            "300",
            "1000",
            "identified",
            "verify strong",
        ),
        (Tier::Strong, "1000", "5000", "strong", "deny"),
    ] {
        let mut world = World::new("CH");
        world.at("2026-11-23T23:59:59", "UTC");
        let one = who(tier, payment);
        let above = who(tier, &format!("{payment}.01"));
        assert_eq!(world.pay(&above), format!("{next} zz/spend.payment.{word}"));
        let mut sum = 0;
        while sum + payment.parse::<u32>().unwrap() <= day.parse::<u32>().unwrap() {
            assert_eq!(world.pay(&one), "allow");
            sum += payment.parse::<u32>().unwrap();
        }
        assert_eq!(world.pay(&one), format!("{next} zz/spend.day.{word}"));
        world.at("2026-11-24T00:00:00", "UTC");
        assert_eq!(world.pay(&one), "allow");
    }
}

#[test]
fn what_is_not_allowed_at_all() {
    let ask = who(Tier::Strong, "1");
    let mut world = World::new("CH");
    rows(
        &mut world,
        &[
            (ask.clone().funds(Funds::Crypto), "deny zz/crypto"),
            (ask.clone().channel(Channel::Chain), "deny zz/chain"),
            (
                ask.clone().technology(Technology::Offline),
                "deny zz/offline",
            ),
            (ask.clone().product(Product::Gambling), "deny zz/products"),
            (ask.clone().age(Age::Child), "deny zz/children"),
            (ask.clone().age(Age::Child).flag(Flag::Consented), "allow"),
            (
                ask.clone().screening(Screening::Sanctions),
                "deny zz/screening",
            ),
            (
                ask.clone().funds(Funds::Grant).payment(Payment::Withdrawal),
                "deny zz/credit.no-cash",
            ),
            (
                ask.clone()
                    .payment(Payment::Transfer)
                    .elapsed(|e| e.device = 23),
                "deny zz/cooling.device",
            ),
            (
                ask.clone()
                    .payment(Payment::Transfer)
                    .elapsed(|e| e.device = 24),
                "allow",
            ),
            (
                ask.clone()
                    .payment(Payment::Transfer)
                    .elapsed(|e| e.payee = 0),
                "deny zz/cooling.payee",
            ),
            (
                ask.clone()
                    .payment(Payment::Withdrawal)
                    .elapsed(|e| e.registration = 71),
                "deny zz/cooling.registration",
            ),
            (
                who(Tier::Phone, "1").payment(Payment::Withdrawal),
                "verify identified zz/transfer.identified",
            ),
        ],
    );
    world.holds(Side::Payee, "100", "USD");
    assert_eq!(
        world.pay(&who(Tier::Anonymous, "0.01").payment(Payment::Load)),
        "verify phone zz/balance.anonymous"
    );
}

#[test]
fn unknown_countries_and_those_without_a_pack_are_judged_by_it() {
    for home in ["CH", "ZZ", "AQ"] {
        let mut world = World::new("FR");
        let ask = pay(home, Tier::Anonymous, "10.01", "USD").confirmed();
        assert_eq!(world.pay(&ask), "verify phone zz/spend.payment.anonymous");
        let world = World::new(home);
        assert_eq!(world.set.pack_of(country(home)), Some("zz"));
    }
}

#[test]
fn passing_on_counts_thirty_one_days() {
    let send = || who(Tier::Strong, "1000").payment(Payment::Transfer);
    let mut world = World::new("CH");
    world.at("2026-11-01T12:00:00", "UTC");
    assert_eq!(world.pay(&send()), "allow");
    assert_eq!(world.pay(&send()), "allow");
    let refused = "deny zz/transfer.30-days";
    world.at("2026-12-01T11:59:59", "UTC");
    assert_eq!(world.pay(&send()), refused);
    world.at("2026-12-01T23:59:59", "UTC");
    assert_eq!(world.pay(&send()), refused, "the strict side");
    world.at("2026-12-02T00:00:00", "UTC");
    assert_eq!(world.pay(&send()), "allow");
}
