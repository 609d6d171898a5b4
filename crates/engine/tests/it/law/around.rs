//! Ways around a limit that lead nowhere.

use super::again::in_words;
use super::codes::land_of;
use super::land::*;
use crate::town::*;
use engine::command::Share;
use engine::law::{LawSettings, Pilot};
use engine::records::Channel;
use engine::terms::Country;
use engine::{Code, Event, EventKind, Handles, Id, Op, decide, resolve};
use ledger::Source;
use policy::{Audience, Flag, Product, Tier};

fn balance(per: &str) -> Land {
    let rule = format!(
        "kind = \"balance\"\nmost = \"100 EUR\"\nper = \"{per}\"\nthen = \"deny\"\napplies = {{ party = [\"person\"] }}"
    );
    let mut land = land_of(&rule);
    land.settle("friend", b"DE", Tier::Strong);
    let (wallet, party) = (wal("friend2"), par("friend"));
    land.run(Op::OpenWallet { wallet, party });
    land
}

fn shared(land: &Land, text: &str, payees: &[&str]) -> Op {
    let share = |name: &&str| Share {
        payee: wal(name),
        weight: 1,
    };
    Op::Split {
        spend: land.spend("payer", text),
        payees: payees.iter().map(share).collect(),
    }
}

#[test]
fn a_payment_in_shares_brings_no_more_than_a_payment_in_one() {
    // Payees, per what the balance is limited, and whether 60 to each of two is too much.
    let rows: [(&[&str], &str, bool); 5] = [
        (&["friend", "friend"], "instrument", true),
        (&["friend", "friend"], "party", true),
        (&["friend", "friend2"], "instrument", false),
        (&["friend", "friend2"], "party", true),
        (&["friend", "seller"], "party", false),
    ];
    for (payees, per, is_too_much) in rows {
        let mut land = balance(per);
        let op = shared(&land, "120 EUR", payees);
        let id = match is_too_much {
            true => land.check(op, Code::LimitBalance),
            false => land.check(op, EventKind::Split),
        };
        let exact = shared(&land, "100 EUR", payees);
        if is_too_much {
            assert_eq!(land.rule(id), "one/rule", "{payees:?} {per}");
            let refused = land.events[&id].refusal().unwrap().asked;
            assert_eq!(refused, land.money("120 EUR").1.0, "the whole is refused");
            land.check(exact, EventKind::Split);
        }
    }
}

#[track_caller]
fn loads(
    land: &mut Land,
    wallet: &str,
    text: &str,
    spendable: bool,
    what: impl Into<Expect>,
) -> Id {
    let (asset, amount) = land.money(text);
    let op = Op::TopUp {
        wallet: wal(wallet),
        asset,
        amount,
        source: Source::Bank,
        channel: Channel::MANUAL,
        spendable,
    };
    land.check(op, what)
}

#[test]
fn top_ups_that_settle_later_are_held_against_the_balance_when_they_begin() {
    let too_much = Code::LimitBalance;
    for (per, second_wallet) in [
        ("party", Expect::Code(too_much)),
        ("instrument", Expect::Kind(Loaded)),
    ] {
        let mut land = balance(per);
        let topup = loads(&mut land, "friend", "60 EUR", false, Loaded);
        loads(&mut land, "friend", "41 EUR", false, too_much);
        loads(&mut land, "friend", "41 EUR", true, too_much);
        loads(&mut land, "friend2", "41 EUR", true, second_wallet);
        // One that comes to nothing stands in nobody's way.
        let amount = land.money("60 EUR").1;
        land.run(Op::ReverseTopUp {
            topup,
            amount,
            carried: None,
        });
        loads(&mut land, "friend", "100 EUR", false, Loaded);
    }
}

/// Authorizes to the friend.
fn holds(land: &mut Land, text: &str) -> Id {
    let spend = land.spend("payer", text);
    let op = Op::Authorize {
        spend,
        payee: wal("friend"),
        expires: Some(land.now.plus(HOUR)),
    };
    land.id_of(op)
}

#[track_caller]
fn captures(land: &mut Land, hold: Id, text: &str, what: impl Into<Expect>) -> Id {
    let amount = land.money(text).1.0;
    land.check(capture(hold, amount), what)
}

#[test]
fn captures_bring_no_more_than_their_payee_may_hold() {
    for per in ["party", "instrument"] {
        let mut land = balance(per);
        // Each would fit by itself.
        let (first, second, third) = (
            holds(&mut land, "60 EUR"),
            holds(&mut land, "60 EUR"),
            holds(&mut land, "60 EUR"),
        );
        captures(&mut land, first, "60 EUR", EventKind::Captured);
        let refused = captures(&mut land, second, "41 EUR", Code::LimitBalance);
        // As a payment is refused.
        let paid = land.pays("payer", "friend", "41 EUR", Code::LimitBalance);
        let of = |id: Id| {
            let mut refused = *land.events[&id].refusal().unwrap();
            refused.content = Default::default();
            refused
        };
        assert_eq!(of(refused), of(paid), "{per}");
        assert_eq!(land.rule(refused), "one/rule");
        let words = |id| in_words(&land, id, Audience::Operator);
        assert_eq!(words(refused), words(paid));
        // What fits comes, and what does not ends as ever.
        let fits = captures(&mut land, second, "40 EUR", EventKind::Captured);
        assert_eq!(in_words(&land, fits, Audience::Operator).trace.len(), 1);
        captures(&mut land, second, "0.01 EUR", Code::LimitBalance);
        land.check(void(second), EventKind::Voided);
        land.later(2 * HOUR);
        assert_eq!(land.run_timers(), 1, "the third expires");
        assert!(!land.state.holds.contains_key(&(TENANT, third)));
    }
}

#[test]
fn captures_of_a_group_see_the_ones_before_them() {
    let mut land = balance("party");
    let held = [holds(&mut land, "60 EUR"), holds(&mut land, "60 EUR")];
    let group = |land: &mut Land, texts: [&str; 2]| {
        let item = |(hold, text): (&Id, &str)| {
            let amount = land.money(text).1.0;
            (land.new_id(), capture(*hold, amount))
        };
        let items = held.iter().zip(texts).map(item).collect();
        Op::Group { items }
    };
    let op = group(&mut land, ["60 EUR", "41 EUR"]);
    let refused = land.check(op, Code::LimitBalance);
    assert_eq!(land.events[&refused].refusal().unwrap().item, 1);
    let op = group(&mut land, ["60 EUR", "40 EUR"]);
    land.check(op, EventKind::Grouped);
}

/// Everything but the payee's balance was asked when it was authorized.
#[test]
fn a_capture_is_asked_about_nothing_but_the_balance() {
    let rules = "kind = \"limit\"\nmost = \"60 EUR\"\nwindow = \"day\"\nthen = \"deny\"\n\
                 starts = \"empty\"\ngives_back = [\"void\"]\n\
                 source = { act = \"An act\", article = \"1\" }\ncertainty = \"official\"\n\n\
                 [[rule]]\nid = \"second\"\ntitle = { en = \"A rule\", ko = \"규칙\" }\n\
                 kind = \"balance\"\nmost = \"60 EUR\"\nper = \"party\"\nthen = \"deny\"\n\
                 applies = { party = [\"person\"] }";
    let mut land = land_of(rules);
    land.settle("friend", b"DE", Tier::Strong);
    let hold = holds(&mut land, "60 EUR");
    land.pays("payer", "friend", "0.01 EUR", Code::LimitPerDay);
    let part = captures(&mut land, hold, "30 EUR", EventKind::Captured);
    let moved = land.events[&part].effects.iter();
    assert_eq!(moved.flat_map(engine::Effect::measured).count(), 0);
    captures(&mut land, hold, "30 EUR", EventKind::Captured);
}

/// A number for what is bought offline only, say, is for what is captured of that as well.
#[test]
fn a_capture_is_asked_in_the_circumstances_of_its_authorization() {
    let rule = "kind = \"balance\"\nmost = \"100 EUR\"\nper = \"party\"\nthen = \"deny\"\n\
                applies = { party = [\"person\"], product = [\"game\"], flag = [\"new_device\"] }";
    let mut land = land_of(rule);
    land.settle("friend", b"DE", Tier::Strong);
    let hold = |land: &mut Land, product, flags: &[Flag]| {
        let mut spend = land.spend("payer", "90 EUR");
        spend.circumstances.product = product;
        spend.circumstances.flags = flags.iter().copied().collect();
        let expires = Some(land.now.plus(HOUR));
        let payee = wal("friend");
        land.id_of(Op::Authorize {
            spend,
            payee,
            expires,
        })
    };
    let ordinary = hold(&mut land, Product::Other, &[]);
    let other = hold(&mut land, Product::Game, &[]);
    let its = hold(&mut land, Product::Game, &[Flag::NewDevice]);
    captures(&mut land, ordinary, "50 EUR", EventKind::Captured);
    let refused = captures(&mut land, its, "51 EUR", Code::LimitBalance);
    assert_eq!(land.rule(refused), "one/rule");
    let fits = captures(&mut land, its, "50 EUR", EventKind::Captured);
    let trace = in_words(&land, fits, Audience::Operator).trace;
    assert_eq!(trace.len(), 1, "shown again as it was asked");
    captures(&mut land, other, "60 EUR", EventKind::Captured);
}

#[test]
fn a_pilot_serves_every_payee_of_a_payment_or_none() {
    let mut land = Land::lawless();
    let pilot = Pilot {
        countries: vec![Country(*b"DE")],
        ..Pilot::default()
    };
    let settings = LawSettings {
        pilot: Some(pilot),
        ..operator(b"DE")
    };
    land.enact(new_law(vec![builtin("zz")], Some(settings)));
    land.settle("payer", b"DE", Tier::Strong);
    land.settle("here", b"DE", Tier::Business);
    land.settle("abroad", b"FR", Tier::Business);
    land.give("payer", Source::Card, "100 EUR");
    let to = |land: &Land, payees: &[&str]| shared(land, "2 EUR", payees);
    for payees in [["here", "abroad"], ["abroad", "here"]] {
        let op = to(&land, &payees);
        let id: Id = land.check(op, Code::OutsideCountries);
        let event: &Event = &land.events[&id];
        assert!(
            event.part(id).unwrap().asked().is_some(),
            "what was asked stands there"
        );
    }
}

/// Payments of a kind are asked by what is known of others like them. Where that does not do, they
/// are asked anew, and what they move counts once.
#[test]
fn a_question_that_is_asked_in_two_ways_counts_once() {
    let mut land = Land::lawless();
    let pack = crate::confirmations::strict("strong", "100 EUR", "1");
    land.enact(new_law(vec![pack], Some(operator(b"DE"))));
    land.settle("payer", b"DE", Tier::Strong);
    land.settle("seller", b"DE", Tier::Business);
    land.give("payer", Source::Card, "1000 EUR");
    let mut handles = Handles::default();
    let mut event = Event::empty();
    let rows = [
        ("10 EUR", Paid, 10),
        ("30 EUR", Paid, 40),
        // Within the day, and over what is confirmed: of both, the day is looked at first or last.
        ("51 EUR", Asks, 40),
        ("60 EUR", Asks, 40),
        ("61 EUR", EventKind::Refused, 40),
        ("50 EUR", Paid, 90),
        ("10.01 EUR", EventKind::Refused, 90),
        ("10 EUR", Paid, 100),
    ];
    for (text, kind, used) in rows {
        let op = pay_with(land.spend("payer", text), "seller");
        let id = land.new_id();
        let command = land.command(id, op);
        let commands = std::slice::from_ref(&command);
        resolve(&land.state, commands, land.now, &mut handles);
        decide(&land.state, &handles, 0, &command, land.now, &mut event);
        assert_eq!(event.kind, kind, "{text}: {event:?}");
        land.put(&event);
        let party = land.state.party_no(TENANT, par("payer")).unwrap();
        let counted: u128 = land.state.counts_of(party).iter().map(|c| c.used()).sum();
        assert_eq!(
            counted,
            u128::from(land.money(&format!("{used} EUR")).1.0),
            "{text}"
        );
    }
}
