//! European Union: strong authentication and its exemptions, anonymous instruments, the AMLR.

use crate::world::*;
use policy::{Counter, Flag, Pack, Payment, Presence, Product, Side, Status, Technology, Tier};

const SCA: &str = "step_up eu/sca";

fn remote(amount: &str) -> Ask {
    pay("FR", Tier::Identified, amount, "EUR")
}

fn terminal(amount: &str) -> Ask {
    remote(amount).presence(Presence::Contactless)
}

#[test]
fn count_mode_five_of_one_euro_pass_and_the_sixth_asks() {
    let mut world = World::with_counter("FR", "eu/sca.low-value", Counter::Count);
    for _ in 0..5 {
        assert_eq!(world.pay(&remote("1")), "allow");
    }
    rows(
        &mut world,
        &[
            (remote("1"), SCA),
            (remote("0.000000001"), SCA),
            (remote("1").confirmed(), "allow"), // resets
            (remote("30"), "allow"),
            (remote("30"), "allow"),
            (remote("30"), "allow"),
            (remote("30"), "allow"), // € 120: amounts do not matter in count mode
            (remote("30.01"), SCA),
            (remote("30"), "allow"),
            (remote("1"), SCA),
        ],
    );
}

#[test]
fn amount_mode_ten_of_ten_euro_pass_and_one_cent_more_asks() {
    let mut world = World::with_counter("FR", "eu/sca.low-value", Counter::Amount);
    for _ in 0..10 {
        assert_eq!(world.pay(&remote("10")), "allow");
    }
    rows(
        &mut world,
        &[
            (remote("0.01"), SCA),
            (remote("500").confirmed(), "allow"), // resets, and does not count itself
            (remote("30"), "allow"),
            (remote("30"), "allow"),
            (remote("30"), "allow"),
            (remote("10"), "allow"),
            (remote("0.000000001"), SCA),
        ],
    );
}

/// The other reading of "previous": the current payment does not count among them.
fn lenient(counter: Counter) -> World {
    let mut packs = policy::builtin_packs().unwrap();
    let eu = policy::BUILTIN.iter().find(|b| b.id == "eu").unwrap();
    let text = eu
        .text
        .replace("current_counts = true", "current_counts = false");
    assert_ne!(text, eu.text);
    *packs.iter_mut().find(|p| p.id == "eu").unwrap() = Pack::parse("eu.toml", &text).unwrap();
    let mut settings = settings("FR", &[Status::EMoney]);
    settings.counters.push(("eu/sca.low-value".into(), counter));
    World::of(packs, &settings)
}

#[test]
fn the_other_reading_lets_one_more_pass() {
    let mut count = lenient(Counter::Count);
    for _ in 0..6 {
        assert_eq!(count.pay(&remote("1")), "allow");
    }
    assert_eq!(count.pay(&remote("1")), SCA);
    let mut amount = lenient(Counter::Amount);
    for _ in 0..10 {
        assert_eq!(amount.pay(&remote("10")), "allow");
    }
    assert_eq!(
        amount.pay(&remote("0.01")),
        "allow",
        "€ 100 before do not exceed € 100"
    );
    assert_eq!(amount.pay(&remote("0.01")), SCA);
}

#[test]
fn contactless_has_its_own_numbers_and_counter() {
    let mut world = World::new("FR");
    rows(
        &mut world,
        &[
            (terminal("50"), "allow"),
            (terminal("50.01"), SCA),
            (terminal("50"), "allow"),
            (remote("30"), "allow"), // another counter
            (terminal("50"), "allow"),
            (terminal("0.01"), SCA),
            (remote("40").confirmed(), "allow"), // resets what is remote only
            (terminal("0.01"), SCA),
            (terminal("40").confirmed(), "allow"),
            (terminal("50"), "allow"),
        ],
    );
}

#[test]
fn a_transport_terminal_never_asks() {
    let mut world = World::new("FR");
    let fare = |product| {
        terminal("900")
            .presence(Presence::Unattended)
            .product(product)
    };
    for _ in 0..20 {
        assert_eq!(world.pay(&fare(Product::Transport)), "allow");
        assert_eq!(world.pay(&fare(Product::Parking)), "allow");
    }
    assert_eq!(world.pay(&fare(Product::Goods)), SCA);
    assert_eq!(
        world.pay(&terminal("900").product(Product::Transport)),
        SCA,
        "staffed"
    );
    assert_eq!(
        world.pay(&terminal("50")),
        "allow",
        "fares do not count for contactless"
    );
}

#[test]
fn trusted_recurring_low_risk_and_payee_initiated_pass() {
    let mut world = World::new("FR");
    let many = remote("900");
    for flag in [
        Flag::TrustedPayee,
        Flag::RecurringSame,
        Flag::LowRisk,
        Flag::PayeeInitiated,
    ] {
        assert_eq!(world.pay(&many.clone().flag(flag)), "allow", "{flag:?}");
    }
    rows(
        &mut world,
        &[
            (many.clone(), SCA),
            (many.clone().flag(Flag::Consented), SCA),
            (terminal("900").flag(Flag::LowRisk), SCA), // art. 18 is for remote payments
            (
                many.clone()
                    .payment(Payment::Transfer)
                    .flag(Flag::TrustedPayee),
                "allow",
            ),
            (remote("30"), "allow"), // nothing of it counted
            (many.payment(Payment::Withdrawal), SCA),
        ],
    );
}

#[test]
fn anonymous_instruments_have_their_limits() {
    let who = |amount: &str| pay("DE", Tier::Phone, amount, "EUR").confirmed();
    let at_shop = |amount: &str| who(amount).presence(Presence::Contactless);
    let one = "verify identified eu/anonymous.remote";
    let month = "verify identified eu/anonymous.monthly";
    let goods = "verify identified eu/anonymous.goods-only";
    let mut world = World::new("DE");
    rows(
        &mut world,
        &[
            (who("49.99"), "allow"),
            (who("50"), "allow"),
            (who("50.000000001"), one),
            (at_shop("50.01"), "allow"),
            (at_shop("0.01"), month),
            (at_shop("0.01").flag(Flag::NotReloadable), "allow"),
            (who("1").to("FR"), "verify identified eu/anonymous.monthly"),
            (who("1").payment(Payment::Transfer), goods),
            (who("1").payment(Payment::Gift), goods),
            (who("1").payment(Payment::Withdrawal), goods),
            (
                who("50").payment(Payment::Redemption).flag(Flag::InCash),
                "allow",
            ),
            (
                who("50.01").payment(Payment::Redemption).flag(Flag::InCash),
                "verify identified eu/anonymous.cash-redemption",
            ),
            (who("50.01").payment(Payment::Redemption), "allow"),
        ],
    );
    let mut abroad = World::new("DE");
    assert_eq!(
        abroad.pay(&who("1").to("FR")),
        "verify identified eu/anonymous.one-state"
    );
    assert_eq!(
        abroad.pay(&pay("DE", Tier::Identified, "999", "EUR").confirmed()),
        "allow"
    );
}

#[test]
fn an_anonymous_wallet_holds_150_euro() {
    let load = |amount| pay("DE", Tier::Anonymous, amount, "EUR").payment(Payment::Load);
    let mut world = World::new("DE");
    let refused = "verify identified eu/anonymous.stored";
    world.holds(Side::Payee, "100", "EUR");
    rows(
        &mut world,
        &[
            (load("49.99"), "allow"),
            (load("50"), "allow"),
            (load("50.000000001"), refused),
            (
                pay("DE", Tier::Identified, "9999", "EUR").payment(Payment::Load),
                "allow",
            ),
        ],
    );
    // A payee's balance counts as well as a top-up's.
    let paid = pay("DE", Tier::Strong, "50.01", "EUR").confirmed();
    assert_eq!(
        world.pay(&paid.payment(Payment::Transfer).payee_tier(Tier::Phone)),
        refused
    );
}

#[test]
fn the_month_turns_at_midnight_in_the_payers_zone() {
    let who = |amount: &str| {
        pay("PT", Tier::Phone, amount, "EUR")
            .presence(Presence::Contactless)
            .confirmed()
    };
    let mut world = World::new("FR");
    world.at("2026-11-30T23:59:59", "Europe/Lisbon");
    assert_eq!(world.pay(&who("150")), "allow");
    let refused = "verify identified eu/anonymous.monthly";
    assert_eq!(
        world.pay(&who("1")),
        refused,
        "already December in Paris, not in Lisbon"
    );
    world.at("2026-12-01T00:00:00", "Europe/Lisbon");
    assert_eq!(world.pay(&who("1")), "allow");
}

#[test]
fn the_amlr_is_there_and_silent_until_its_day() {
    let transfer = |tier, amount| {
        pay("FR", tier, amount, "EUR")
            .payment(Payment::Transfer)
            .confirmed()
    };
    let spend = |tier, amount| {
        pay("FR", tier, amount, "EUR")
            .flag(Flag::NotReloadable)
            .confirmed()
            .presence(Presence::Contactless)
    };
    let mut world = World::new("FR");
    let o = "verify identified eu/amlr.occasional";
    let goods = "verify identified eu/anonymous.goods-only";
    world.at("2027-07-09T23:59:59", "Europe/Paris");
    rows(
        &mut world,
        &[
            (spend(Tier::Phone, "10000"), "allow"),
            (transfer(Tier::Identified, "1000"), "allow"),
            (transfer(Tier::Phone, "1000"), goods),
        ],
    );
    world.at("2027-07-10T00:00:00", "Europe/Paris");
    rows(
        &mut world,
        &[
            (spend(Tier::Phone, "9999.99"), "allow"),
            (spend(Tier::Phone, "10000"), o), // "at least" bites at the number
            (spend(Tier::Identified, "10000"), "allow"),
            (transfer(Tier::Identified, "1000"), "allow"),
        ],
    );
    // The diligence rule says so too, beside the older one.
    assert_eq!(world.ask(&transfer(Tier::Phone, "1000")), goods);
    let said: Vec<String> = world
        .moves
        .trace
        .iter()
        .map(|t| world.name(t.rule))
        .collect();
    assert!(said.contains(&"eu/amlr.transfer".to_owned()), "{said:?}");
}

#[test]
fn crypto_needs_an_authorisation() {
    use policy::Funds;
    let ask = remote("1").funds(Funds::Crypto);
    let packs = || policy::builtin_packs().unwrap();
    let mut without = World::of(packs(), &settings("FR", &[Status::PaymentInstitution]));
    assert_eq!(without.pay(&ask), "deny eu/crypto.authorisation");
    let both = [Status::PaymentInstitution, Status::CryptoProvider];
    assert_eq!(
        World::of(packs(), &settings("FR", &both)).pay(&ask),
        "allow"
    );
}

#[test]
fn packs_of_payer_payee_and_operator_all_look() {
    let mut world = World::new("NG");
    // French payer, British payee, Nigerian operator: its wallet tiers bind the payer too.
    let ask = remote("20").to("GB").technology(Technology::Qr);
    assert_eq!(world.pay(&ask), "allow");
    let said: Vec<String> = world
        .moves
        .trace
        .iter()
        .map(|t| world.name(t.rule))
        .collect();
    assert!(said.contains(&"eu/sca.low-value".to_owned()), "{said:?}");
    assert!(
        said.contains(&"ng/wallet.daily.tier-2".to_owned()),
        "{said:?}"
    );
    // Nobody French: the Union's rules do not look.
    assert_eq!(
        world.pay(&pay("GB", Tier::Identified, "25", "GBP")),
        "allow"
    );
    assert_eq!(
        world.pay(&pay("GB", Tier::Identified, "25.01", "GBP")),
        "step_up uk/sca"
    );
}

#[test]
fn without_a_rate_it_is_refused_but_only_where_a_number_is_needed() {
    let mut world = World::new("FR");
    world.has_rates = false;
    let swiss = |tier| pay("FR", tier, "1", "CHF");
    // The exemption cannot be shown to hold, so the payer is asked.
    assert_eq!(world.pay(&swiss(Tier::Identified)), SCA);
    assert_eq!(world.pay(&swiss(Tier::Identified).confirmed()), "allow");
    assert_eq!(
        world.pay(&swiss(Tier::Phone).confirmed()),
        "deny eu/anonymous.monthly"
    );
}
