//! Ways around a limit that lead nowhere.

use super::codes::land_of;
use super::land::*;
use crate::town::*;
use engine::command::Share;
use engine::law::{LawSettings, Pilot};
use engine::records::Channel;
use engine::terms::Country;
use engine::{Code, Event, EventKind, Id, Op};
use ledger::Source;
use policy::Tier;

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
