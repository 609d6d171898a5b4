//! Kenya and Nigeria.

use crate::world::*;
use policy::{Payment, Presence, Side, Tier};

#[test]
fn kenya_caps_payment_day_and_wallet() {
    let who = |amount: &str| pay("KE", Tier::Identified, amount, "KES");
    let mut world = World::new("KE");
    world.at("2026-11-23T23:59:59", "Africa/Nairobi");
    rows(
        &mut world,
        &[
            (who("250000.01"), "deny ke/mobile-money.payment"),
            (who("250000"), "allow"),
            (who("0.01"), "deny ke/mobile-money.day"),
        ],
    );
    world
        .at("2026-11-24T00:00:00", "Africa/Nairobi")
        .holds(Side::Payee, "499999", "KES");
    rows(
        &mut world,
        &[
            (who("1").payment(Payment::Load), "allow"),
            (
                who("1.01").payment(Payment::Load),
                "deny ke/mobile-money.balance",
            ),
            (who("250000"), "allow"), // a business may hold what it earns
        ],
    );
}

#[test]
fn nigeria_has_three_tiers() {
    let pays = |tier, amount: &str| pay("NG", tier, amount, "NGN");
    let rows_of = [
        (
            Tier::Phone,
            "50000",
            "wallet.daily.tier-1",
            Some(("300000", "wallet.balance.tier-1")),
        ),
        (
            Tier::Identified,
            "200000",
            "wallet.daily.tier-2",
            Some(("500000", "wallet.balance.tier-2")),
        ),
        (Tier::Strong, "5000000", "wallet.daily.tier-3", None),
    ];
    for (tier, daily, rule, balance) in rows_of {
        let refused = format!("deny ng/{rule}");
        let mut world = World::new("NG");
        world.at("2026-11-23T23:59:59", "Africa/Lagos");
        assert_eq!(world.pay(&pays(tier, "1")), "allow");
        assert_eq!(world.pay(&pays(tier, daily)), refused);
        let less_one = (daily.parse::<u64>().unwrap() - 1).to_string();
        assert_eq!(world.pay(&pays(tier, &less_one)), "allow");
        assert_eq!(world.pay(&pays(tier, "0.0000001")), refused);
        world.at("2026-11-24T00:00:00", "Africa/Lagos");
        assert_eq!(world.pay(&pays(tier, daily)), "allow");
        let load = |amount: &str| pays(tier, amount).payment(Payment::Load);
        match balance {
            Some((most, rule)) => {
                assert_eq!(world.pay(&load(most)), "allow");
                world.holds(Side::Payee, "1", "NGN");
                assert_eq!(world.pay(&load(most)), format!("deny ng/{rule}"));
            }
            None => assert_eq!(world.pay(&load("99999999")), "allow"),
        }
    }
}

#[test]
fn what_was_used_before_a_change_of_tier_still_counts() {
    let pays = |tier, amount: &str| pay("NG", tier, amount, "NGN");
    let mut world = World::new("NG");
    assert_eq!(world.pay(&pays(Tier::Phone, "50000")), "allow");
    assert_eq!(world.pay(&pays(Tier::Identified, "150000")), "allow");
    assert_eq!(
        world.pay(&pays(Tier::Identified, "1")),
        "deny ng/wallet.daily.tier-2"
    );
    assert_eq!(
        world.pay(&pays(Tier::Phone, "1")),
        "deny ng/wallet.daily.tier-1"
    );
}

#[test]
fn nigeria_contactless_15_000_a_payment_50_000_a_day_without_pin() {
    let tap = |amount: &str| pay("NG", Tier::Strong, amount, "NGN").presence(Presence::Contactless);
    let asks = "step_up ng/contactless.pin";
    let mut world = World::new("NG");
    world.at("2026-11-23T23:59:59", "Africa/Lagos");
    rows(
        &mut world,
        &[
            (tap("15000"), "allow"),
            (tap("15000.01"), asks),
            (tap("15000"), "allow"),
            (tap("15000"), "allow"),
            (tap("5000"), "allow"),
            (tap("0.01"), asks),
            (tap("1").confirmed(), "allow"),
            (tap("0.01"), asks), // the day's sum is not reset by a PIN
        ],
    );
    world.at("2026-11-24T00:00:00", "Africa/Lagos");
    assert_eq!(world.pay(&tap("15000")), "allow");
}
