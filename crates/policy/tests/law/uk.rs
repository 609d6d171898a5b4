//! United Kingdom: its own numbers of authentication, by date.

use crate::world::*;
use policy::{Counter, Payment, Presence, Product, Side, Status, Tier};

const SCA: &str = "step_up uk/sca";

fn remote(amount: &str) -> Ask {
    pay("GB", Tier::Identified, amount, "GBP")
}

fn terminal(amount: &str) -> Ask {
    remote(amount).presence(Presence::Contactless)
}

#[test]
fn low_value_is_25_and_85_or_5() {
    let mut amount = World::new("GB");
    rows(
        &mut amount,
        &[
            (remote("25"), "allow"),
            (remote("25.01"), SCA),
            (remote("25"), "allow"),
            (remote("25"), "allow"),
            (remote("10"), "allow"),
            (remote("0.01"), SCA),
            (remote("10").confirmed(), "allow"),
            (remote("25"), "allow"),
        ],
    );
    let mut count = World::with_counter("GB", "uk/sca.low-value", Counter::Count);
    for _ in 0..5 {
        assert_eq!(count.pay(&remote("25")), "allow");
    }
    assert_eq!(count.pay(&remote("1")), SCA);
}

#[test]
fn contactless_has_a_number_of_the_law_until_march_2026() {
    let mut world = World::new("GB");
    world.at("2026-03-18T23:59:59", "Europe/London");
    rows(
        &mut world,
        &[
            (terminal("100"), "allow"),
            (terminal("100.01"), SCA),
            (terminal("100"), "allow"),
            (terminal("100"), "allow"),
            (terminal("0.01"), SCA),
        ],
    );
    world.at("2026-03-19T00:00:00", "Europe/London");
    assert_eq!(
        world.pay(&terminal("100.01")),
        SCA,
        "until the firm sets its number"
    );

    let mut settings = settings("GB", &[Status::EMoney]);
    settings
        .numbers
        .push(("uk/sca.contactless".into(), amount("250", "GBP")));
    let mut own = World::of(policy::builtin_packs().unwrap(), &settings);
    own.at("2026-03-18T23:59:59", "Europe/London");
    assert_eq!(own.pay(&terminal("100.01")), SCA, "the law's number then");
    own.at("2026-03-19T00:00:00", "Europe/London");
    for _ in 0..10 {
        assert_eq!(own.pay(&terminal("250")), "allow");
    }
    assert_eq!(own.pay(&terminal("250.01")), SCA);
}

#[test]
fn a_transport_terminal_never_asks() {
    let fare = terminal("500")
        .presence(Presence::Unattended)
        .product(Product::Transport);
    assert_eq!(World::new("GB").pay(&fare), "allow");
}

#[test]
fn without_due_diligence_150_stored_and_50_remote_from_june_2026() {
    let who = |amount: &str| pay("GB", Tier::Phone, amount, "GBP").confirmed();
    let load = |amount: &str| who(amount).payment(Payment::Load);
    let mut world = World::new("GB");
    world
        .at("2026-06-29T23:59:59", "Europe/London")
        .holds(Side::Payee, "150", "GBP");
    rows(
        &mut world,
        &[(who("50.01"), "allow"), (load("0.01"), "allow")],
    );
    world.at("2026-06-30T00:00:00", "Europe/London");
    rows(
        &mut world,
        &[
            (who("50"), "allow"),
            (who("50.01"), "verify identified uk/anonymous.remote"),
            (load("0.01"), "verify identified uk/anonymous.stored"),
        ],
    );
    world.holds(Side::Payee, "149.99", "GBP");
    assert_eq!(world.pay(&load("0.01")), "allow");
}
