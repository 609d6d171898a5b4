//! Brazil: Pix from a device nobody has registered, and at night.

use crate::world::*;
use policy::{Channel, Flag, Tier};

fn pix(amount: &str) -> Ask {
    pay("BR", Tier::Strong, amount, "BRL").channel(Channel::InstantTransfer)
}

#[test]
fn an_unregistered_device_sends_200_and_1000_a_day() {
    let new = |amount: &str| pix(amount).flag(Flag::NewDevice);
    let mut world = World::new("BR");
    world.at("2026-11-23T12:00:00", "America/Sao_Paulo");
    assert_eq!(world.pay(&new("200.01")), "deny br/pix.new-device.payment");
    for _ in 0..5 {
        assert_eq!(world.pay(&new("200")), "allow");
    }
    rows(
        &mut world,
        &[
            (new("0.01"), "deny br/pix.new-device.day"),
            (pix("5000"), "allow"),
        ],
    );
    world.at("2024-10-31T23:59:59", "America/Sao_Paulo");
    assert_eq!(world.ask(&new("201")), "allow");
    world.at("2024-11-01T00:00:00", "America/Sao_Paulo");
    assert_eq!(world.ask(&new("201")), "deny br/pix.new-device.payment");
}

#[test]
fn a_night_takes_1000_from_20h_to_6h_over_midnight() {
    let refused = "deny br/pix.night";
    let mut world = World::new("BR");
    world.at("2026-11-23T19:59:59", "America/Sao_Paulo");
    assert_eq!(world.pay(&pix("5000")), "allow");
    world.at("2026-11-23T20:00:00", "America/Sao_Paulo");
    rows(&mut world, &[(pix("999"), "allow"), (pix("1.01"), refused)]);
    world.at("2026-11-23T23:59:59", "America/Sao_Paulo");
    assert_eq!(world.pay(&pix("1.01")), refused);
    world.at("2026-11-24T00:00:00", "America/Sao_Paulo");
    rows(&mut world, &[(pix("1.01"), refused), (pix("1"), "allow")]);
    world.at("2026-11-24T05:59:59", "America/Sao_Paulo");
    assert_eq!(world.pay(&pix("0.01")), refused);
    world.at("2026-11-24T06:00:00", "America/Sao_Paulo");
    assert_eq!(world.pay(&pix("5000")), "allow");
    world.at("2026-11-24T20:00:00", "America/Sao_Paulo");
    assert_eq!(world.pay(&pix("1000")), "allow", "another night");
    let mut business = pix("5000");
    business.payer.kind = policy::PartyKind::Business;
    assert_eq!(world.pay(&business), "allow");
}
