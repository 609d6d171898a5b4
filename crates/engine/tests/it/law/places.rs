//! Each jurisdiction through the step.

use super::land::*;
use crate::town::*;
use engine::code::Audience;
use engine::explain::explain;
use engine::law::Circumstances;
use engine::records::{PartyKind, TenantNo};
use engine::terms::{Country, Terms};
use engine::{Code, Command, Effect, Op, UtcMillis};
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
    assert_eq!(land.rule(id), "eu/sca");
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
    let op = Op::TopUp {
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

#[test]
fn eu_reading_previous_without_the_current_payment_one_more_passes() {
    for (counter, passes) in [(Counter::Amount, 11), (Counter::Count, 6)] {
        let mut land = eu(counter);
        let eu: std::sync::Arc<str> = builtin("eu")
            .replace("current_counts = true", "current_counts = false")
            .into();
        land.enact(new_law(vec![eu], None));
        for _ in 0..passes {
            land.pays("payer", "seller", "10 EUR", Paid);
        }
        land.pays("payer", "seller", "0.01 EUR", Asks);
    }
}

#[test]
fn the_united_kingdom_has_numbers_of_its_own() {
    let mut land = Land::of(b"GB");
    land.settle("payer", b"GB", Tier::Strong);
    land.settle("seller", b"GB", Tier::Business);
    land.give("payer", Source::Card, "1000 GBP");
    land.pays("payer", "seller", "25.01 GBP", Asks);
    for _ in 0..3 {
        land.pays("payer", "seller", "25 GBP", Paid);
    }
    land.pays("payer", "seller", "10 GBP", Paid);
    land.pays("payer", "seller", "0.01 GBP", Asks);
    land.confirms("payer", "seller", "0.01 GBP", Paid);
    land.pays("payer", "seller", "25 GBP", Paid);
}

#[test]
fn nigeria_limits_the_day_by_tier_and_what_was_used_before_verifying_counts() {
    let rows = [
        (Tier::Phone, "50000 NGN"),
        (Tier::Identified, "200000 NGN"),
        (Tier::Strong, "5000000 NGN"),
    ];
    let mut land = Land::of(b"NG");
    land.settle("seller", b"NG", Tier::Business);
    land.now = local("2026-11-23T12:00:00", "Africa/Lagos");
    for (tier, daily) in rows {
        let name = format!("{tier:?}");
        land.settle(&name, b"NG", tier);
        land.give(&name, Source::Bank, "10000000 NGN");
        land.now = local("2026-11-23T23:59:59", "Africa/Lagos");
        land.confirms(&name, "seller", daily, Paid);
        land.confirms(&name, "seller", "0.01 NGN", Code::LimitPerDay);
    }
    land.now = local("2026-11-24T00:00:00", "Africa/Lagos");
    land.confirms("Phone", "seller", "50000 NGN", Paid);
    land.run(Op::ChangeParty {
        party: par("Phone"),
        country: None,
        tier: Some(engine::terms::Tier(Tier::Identified as u8)),
        standing: None,
        particulars: None,
    });
    land.confirms("Phone", "seller", "150000 NGN", Paid);
    land.confirms("Phone", "seller", "0.01 NGN", Code::LimitPerDay);
}

#[test]
fn india_small_values_pass_to_five_thousand_in_all() {
    let mut land = Land::of(b"IN");
    land.settle("payer", b"IN", Tier::Strong);
    land.settle("seller", b"IN", Tier::Business);
    land.give("payer", Source::Bank, "100000 INR");
    let lite = |land: &Land, text: &str, confirmed: bool| {
        let mut spend = land.spend("payer", text);
        spend.circumstances.technology = policy::Technology::Lite;
        spend.confirmed = confirmed.into();
        pay_with(spend, "seller")
    };
    for _ in 0..5 {
        let (small, more) = (
            lite(&land, "1000 INR", false),
            lite(&land, "1000.01 INR", false),
        );
        land.check(more, Asks);
        land.check(small, Paid);
    }
    let (last, replenish) = (lite(&land, "0.01 INR", false), lite(&land, "100 INR", true));
    land.check(last.clone(), Asks);
    land.check(replenish, Paid);
    land.check(last, Paid);
}

#[test]
fn the_items_of_a_group_see_what_the_ones_before_used() {
    let mut land = Land::of(b"KR");
    land.settle("payer", b"KR", Tier::Identified);
    land.settle("seller", b"KR", Tier::Business);
    for _ in 0..2 {
        land.load("payer", Source::Carrier, "600000 KRW", Loaded);
        land.later(31 * DAY);
    }
    let group = |land: &mut Land, parts: [&str; 2]| {
        let items = parts.map(|text| {
            let op = pay_with(land.spend("payer", text), "seller");
            (land.new_id(), op)
        });
        Op::Group {
            items: items.into(),
        }
    };
    let op = group(&mut land, ["600000 KRW", "400000.01 KRW"]);
    land.check(op, Code::LimitPerMonth);
    let op = group(&mut land, ["600000 KRW", "400000 KRW"]);
    land.run(op);
    land.pays("payer", "seller", "0.01 KRW", Code::LimitPerMonth);
}

#[test]
fn a_split_asks_its_payer_once_and_each_payee_for_its_share() {
    let mut land = Land::of(b"KR");
    land.settle("payer", b"KR", Tier::Identified);
    for name in ["one", "two"] {
        land.settle(name, b"KR", Tier::Phone);
    }
    land.give("payer", Source::Card, "2000000 KRW");
    let (asset, _) = land.money("1 KRW");
    let split = |land: &Land, text: &str| {
        let spend = land.spend("payer", text);
        assert_eq!(spend.asset, asset);
        let share = |name: &str| engine::command::Share {
            payee: wal(name),
            weight: 1,
        };
        Op::Split {
            spend,
            payees: vec![share("one"), share("two")],
        }
    };
    // Each may hold half a million.
    let op = split(&land, "1000000.02 KRW");
    land.check(op, Code::VerificationNeeded);
    let op = split(&land, "1000000 KRW");
    land.run(op);
    let op = split(&land, "0.02 KRW");
    land.check(op, Code::VerificationNeeded);
}

#[test]
fn what_a_law_counts_is_no_other_tenants() {
    let mut land = eu(Counter::Amount);
    let elsewhere = |land: &mut Land, op| {
        let id = land.new_id();
        let command = Command {
            tenant: TenantNo(1),
            ..land.command(id, op)
        };
        assert!(matches!(land.ask(&command), Answer::Done(_)), "{command:?}");
        id
    };
    for name in ["payer", "seller"] {
        let (party, wallet) = (par(name), wal(name));
        let register = Op::RegisterParty {
            party,
            kind: PartyKind::Person,
            country: Country(*b"DE"),
            tier: engine::terms::Tier(1),
            particulars: Default::default(),
        };
        elsewhere(&mut land, register);
        elsewhere(&mut land, Op::OpenWallet { wallet, party });
    }
    let topup = elsewhere(&mut land, top_up("payer", Source::Card, 100));
    elsewhere(&mut land, Op::SettleTopUp { topup });
    // Asked one after the other with the same memory.
    land.pays("payer", "seller", "1 EUR", Paid);
    let until = UtcMillis(land.now.0 + HOUR);
    let hold = elsewhere(&mut land, authorize("payer", "seller", 10, until));
    assert!(land.state.holds[&(TenantNo(1), hold)].counted.is_empty());
}

#[test]
fn a_laws_measures_are_not_explained_as_the_houses() {
    let mut land = eu(Counter::Amount);
    let (asset, _) = land.asset("EUR");
    let most = Some(1_000_000_000_000);
    let terms = Terms {
        limits: limits(asset, [None, most, most]),
        ..land.state.tenants[0].terms.clone()
    };
    land.set_terms(terms);
    let id = land.pays("payer", "seller", "1 EUR", Paid);
    let (event, tenant) = (&land.events[&id], &land.state.tenants[0]);
    let measures = event.effects.iter().flat_map(Effect::measured);
    assert!(measures.count() > 2);
    let part = event.part(id).unwrap();
    let terms = (&tenant.terms, tenant.terms_version);
    let explained = explain(&part, terms, None, &land.state.assets, Audience::Payer);
    let rules = explained.trace.iter().filter(|line| line.stage == "policy");
    let rules: Vec<_> = rules.map(|line| line.rule).collect();
    assert_eq!(rules, ["per_day", "per_month"]);
}
