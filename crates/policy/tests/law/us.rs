//! United States: prepaid access before identification.

use crate::world::*;
use policy::{Funds, Payment, Side, Status, Tier};

fn who(amount: &str) -> Ask {
    pay("US", Tier::Phone, amount, "USD")
}

#[test]
fn a_closed_loop_takes_2000_a_day() {
    let packs = policy::builtin_packs().unwrap();
    let mut world = World::of(packs, &settings("US", &[Status::LimitedNetwork]));
    let load = |amount: &str| who(amount).payment(Payment::Load);
    let refused = "verify identified us/prepaid.closed-loop";
    world.at("2026-11-23T23:59:59", "America/New_York");
    rows(
        &mut world,
        &[
            (load("1999.99"), "allow"),
            (load("0.02"), refused),
            (load("0.01"), "allow"),
            (load("0.000000001"), refused),
            (who("1").payment(Payment::Transfer), "allow"), // rules of the open loop are silent
        ],
    );
    world.at("2026-11-24T00:00:00", "America/New_York");
    assert_eq!(world.pay(&load("2000")), "allow");
    let mut known = load("9000");
    known.payer.tier = Tier::Identified;
    known.payee.tier = Tier::Identified;
    assert_eq!(world.pay(&known), "allow");
}

#[test]
fn an_open_loop_takes_1000_before_identification() {
    let mut world = World::new("US");
    let load = |amount: &str| who(amount).payment(Payment::Load);
    let withdraw = |amount: &str| who(amount).payment(Payment::Withdrawal);
    rows(
        &mut world,
        &[
            (load("1000"), "allow"),
            (load("0.01"), "verify identified us/prepaid.open-loop.load"),
            (withdraw("999.99"), "allow"),
            (withdraw("0.01"), "allow"),
            (
                withdraw("0.01"),
                "verify identified us/prepaid.open-loop.withdrawal",
            ),
            (
                who("1").payment(Payment::Transfer),
                "verify identified us/prepaid.open-loop.no-transfer",
            ),
            (
                who("1").to("CA"),
                "verify identified us/prepaid.open-loop.no-foreign",
            ),
            (who("99999"), "allow"),
        ],
    );
    let mut full = World::new("US");
    full.holds(Side::Payee, "500", "USD");
    assert_eq!(full.pay(&load("500")), "allow");
    assert_eq!(
        full.pay(&load("500.01")),
        "verify identified us/prepaid.open-loop.stored"
    );
}

#[test]
fn crypto_needs_a_licence() {
    let ask = who("1").funds(Funds::Crypto);
    let packs = || policy::builtin_packs().unwrap();
    assert_eq!(World::new("US").pay(&ask), "deny us/crypto.licence");
    let msb = settings("US", &[Status::Msb]);
    assert_eq!(World::of(packs(), &msb).pay(&ask), "allow");
}
