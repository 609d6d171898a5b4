//! Japan, Singapore, India, Indonesia.

use crate::world::*;
use policy::{Flag, Payment, Presence, Side, Status, Technology, Tier};

#[test]
fn japan_identifies_above_100_000_at_once_and_300_000_a_month() {
    let who = |amount: &str| pay("JP", Tier::Phone, amount, "JPY");
    let (once, month) = (
        "verify identified jp/prepaid.high-value.payment",
        "verify identified jp/prepaid.high-value.month",
    );
    let mut world = World::new("JP");
    world.at("2026-11-30T23:59:59", "Asia/Tokyo");
    rows(
        &mut world,
        &[
            (who("100000"), "allow"),
            (who("100000.0000001"), once),
            (who("100000"), "allow"),
            (who("100000"), "allow"),
            (who("0.0000001"), month),
            (pay("JP", Tier::Identified, "900000", "JPY"), "allow"),
        ],
    );
    world.at("2026-12-01T00:00:00", "Asia/Tokyo");
    assert_eq!(world.pay(&who("1")), "allow");
    world.at("2023-05-31T23:59:59", "Asia/Tokyo");
    assert_eq!(world.ask(&who("100001")), "allow");
    world.at("2023-06-01T00:00:00", "Asia/Tokyo");
    assert_eq!(world.ask(&who("100001")), once);
}

#[test]
fn japan_caps_a_transfer_by_the_operators_type() {
    let send = |amount: &str| pay("JP", Tier::Strong, amount, "JPY").payment(Payment::Transfer);
    let of =
        |status: &[Status]| World::of(policy::builtin_packs().unwrap(), &settings("JP", status));
    let mut three = of(&[Status::Transfer3]);
    assert_eq!(three.pay(&send("50000")), "allow");
    assert_eq!(three.pay(&send("50000.0000001")), "deny jp/transfer.type-3");
    let mut two = of(&[Status::Transfer2, Status::Transfer3]);
    assert_eq!(two.pay(&send("1000000")), "allow");
    assert_eq!(two.pay(&send("1000000.0000001")), "deny jp/transfer.type-2");
    assert_eq!(of(&[Status::Bank]).pay(&send("9000000")), "allow");
}

#[test]
fn singapore_caps_stock_and_flow() {
    let who = |amount: &str| pay("SG", Tier::Strong, amount, "SGD");
    let mut world = World::new("SG");
    world.holds(Side::Payee, "10000", "SGD");
    let load = |amount: &str| who(amount).payment(Payment::Load);
    assert_eq!(world.pay(&load("10000")), "allow");
    assert_eq!(world.pay(&load("10000.01")), "deny sg/e-wallet.stock");
    world.at("2025-12-01T00:00:00", "Asia/Singapore");
    rows(
        &mut world,
        &[
            (who("99999"), "allow"),
            (who("1"), "allow"),
            (who("0.000000001"), "deny sg/e-wallet.flow"),
        ],
    );
    // Within twelve months of any of it, and to the end of the thirteenth.
    world.at("2026-12-31T23:59:59", "Asia/Singapore");
    assert_eq!(world.pay(&who("0.01")), "deny sg/e-wallet.flow");
    world.at("2027-01-01T00:00:00", "Asia/Singapore");
    assert_eq!(world.pay(&who("100000")), "allow");
}

#[test]
fn india_small_ppi() {
    let load = |tier, amount: &str| pay("IN", tier, amount, "INR").payment(Payment::Load);
    let mut world = World::new("IN");
    let month = "verify strong in/ppi.small.load-month";
    world.at("2026-11-30T23:59:59", "Asia/Kolkata");
    rows(
        &mut world,
        &[
            (load(Tier::Phone, "10000"), "allow"),
            (load(Tier::Phone, "0.01"), month),
        ],
    );
    world.at("2026-12-01T00:00:00", "Asia/Kolkata");
    assert_eq!(world.pay(&load(Tier::Phone, "10000")), "allow");
    // Eleven months more come to ₹1,20,000 in the thirteen that count.
    for month in 1..=10 {
        world.at(&format!("2027-{month:02}-15T12:00:00"), "Asia/Kolkata");
        assert_eq!(world.pay(&load(Tier::Phone, "10000")), "allow", "{month}");
    }
    world.at("2027-11-15T12:00:00", "Asia/Kolkata");
    assert_eq!(
        world.pay(&load(Tier::Phone, "0.01")),
        "verify strong in/ppi.small.load-year"
    );

    let mut full = World::new("IN");
    full.holds(Side::Payee, "9000", "INR");
    rows(
        &mut full,
        &[
            (load(Tier::Phone, "1000"), "allow"),
            (
                load(Tier::Phone, "1000.01"),
                "verify strong in/ppi.small.balance",
            ),
            (load(Tier::Strong, "191000"), "allow"),
            (load(Tier::Strong, "191000.01"), "deny in/ppi.full.balance"),
            (
                pay("IN", Tier::Phone, "1", "INR")
                    .payment(Payment::Transfer)
                    .confirmed(),
                "verify strong in/ppi.small.goods-only",
            ),
        ],
    );
}

#[test]
fn india_small_value_1000_a_payment_5000_in_total() {
    let lite = |amount: &str| pay("IN", Tier::Strong, amount, "INR").technology(Technology::Lite);
    let asks = "step_up in/afa";
    let mut world = World::new("IN");
    for _ in 0..5 {
        assert_eq!(world.pay(&lite("1000.01")), asks);
        assert_eq!(world.pay(&lite("1000")), "allow");
    }
    rows(
        &mut world,
        &[
            (lite("0.01"), asks),
            (lite("100").confirmed(), "allow"), // replenished
            (lite("1000"), "allow"),
            (pay("IN", Tier::Strong, "1", "INR"), asks), // not by the small-value wallet
        ],
    );
}

#[test]
fn india_offline_contactless_and_mandates() {
    let who = |amount: &str| pay("IN", Tier::Strong, amount, "INR");
    let offline = |amount: &str| who(amount).technology(Technology::Offline);
    let tap = |amount: &str| who(amount).presence(Presence::Contactless);
    let mandate = |amount: &str| who(amount).flag(Flag::PayeeInitiated);
    let asks = "step_up in/afa";
    let mut world = World::new("IN");
    for _ in 0..4 {
        assert_eq!(world.pay(&offline("500.01")), asks);
        assert_eq!(world.pay(&offline("500")), "allow");
    }
    rows(
        &mut world,
        &[
            (offline("0.01"), asks),
            (tap("5000"), "allow"),
            (tap("5000.01"), asks),
            (mandate("15000"), "allow"),
            (mandate("15000.01"), asks),
            (mandate("1").elapsed(|e| e.notice = 24), "allow"),
            (
                mandate("1").elapsed(|e| e.notice = 23),
                "deny in/e-mandate.notice",
            ),
        ],
    );
    world.at("2026-04-20T23:59:59", "Asia/Kolkata");
    assert_eq!(world.ask(&mandate("1")), asks);
    world.at("2026-04-21T00:00:00", "Asia/Kolkata");
    assert_eq!(world.ask(&mandate("1")), "allow");
    world.at("2026-03-31T23:59:59", "Asia/Kolkata");
    assert_eq!(world.ask(&who("9999")), "allow");
    world.at("2026-04-01T00:00:00", "Asia/Kolkata");
    assert_eq!(world.ask(&who("9999")), asks);
}

#[test]
fn indonesia_caps_what_is_stored_and_what_comes_in() {
    let load = |tier, amount: &str| pay("ID", tier, amount, "IDR").payment(Payment::Load);
    let mut world = World::new("ID");
    world.at("2026-11-30T23:59:59", "Asia/Jakarta");
    rows(
        &mut world,
        &[
            (load(Tier::Phone, "2000000"), "allow"),
            (
                load(Tier::Phone, "2000000.01"),
                "verify identified id/e-money.unregistered",
            ),
            (load(Tier::Identified, "20000000"), "allow"),
            (
                load(Tier::Identified, "20000000.01"),
                "deny id/e-money.registered",
            ),
            (load(Tier::Identified, "18000000"), "allow"), // 40 m this month
            (load(Tier::Identified, "0.01"), "deny id/e-money.month"),
        ],
    );
    world.at("2026-12-01T00:00:00", "Asia/Jakarta");
    assert_eq!(world.pay(&load(Tier::Identified, "0.01")), "allow");
}
