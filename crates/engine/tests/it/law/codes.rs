//! Every code of the law, each made by one command.

use super::land::*;
use crate::town::*;
use engine::law::{Circumstances, LawSettings, Pilot};
use engine::records::Particulars;
use engine::terms::Country;
use engine::{Code, Op};
use ledger::Source;
use policy::{Channel, Flag, Presence, Product, Screening, StepUp, Tier};

/// A pack of one rule, for Germany alone.
pub fn pack_of(rule: &str) -> String {
    format!(
        r#"
[pack]
id = "one"
title = {{ en = "One rule", ko = "규칙 하나" }}
version = "2026-11-23"
asset = "EUR"
checked = 2026-11-20
review_days = 120

[territories]
DE = "Europe/Berlin"

[[rule]]
id = "rule"
title = {{ en = "A rule", ko = "규칙" }}
{rule}
source = {{ act = "An act", article = "1" }}
certainty = "official"
"#
    )
}

/// A land whose only law is a rule.
pub fn land_of(rule: &str) -> Land {
    let mut land = Land::lawless();
    let law = new_law(vec![pack_of(rule).into()], Some(operator(b"DE")));
    land.enact(law);
    people(&mut land);
    land
}

pub fn people(land: &mut Land) {
    land.settle("payer", b"DE", Tier::Strong);
    land.settle("low", b"DE", Tier::Phone);
    land.settle("seller", b"DE", Tier::Business);
    for wallet in ["payer", "low"] {
        land.give(wallet, Source::Card, "1000 EUR");
    }
}

fn limit(window: &str) -> Land {
    let rule = format!(
        "kind = \"limit\"\nmost = \"10 EUR\"\nwindow = \"{window}\"\nthen = \"deny\"\nstarts = \"empty\"\ngives_back = [\"void\"]"
    );
    let mut land = land_of(&rule);
    land.pays("payer", "seller", "10 EUR", Paid);
    land
}

fn pilot(pilot: Pilot) -> Land {
    let settings = LawSettings {
        pilot: Some(pilot),
        ..operator(b"DE")
    };
    let mut land = Land::lawless();
    let rule = "kind = \"redemption\"\nanswer = \"right\"";
    land.enact(new_law(vec![pack_of(rule).into()], Some(settings)));
    people(&mut land);
    land
}

/// Makes the code, its last command expecting it.
pub fn make(code: Code) {
    match code {
        Code::PackInvalid => {
            let law = Box::new(new_law(vec!["nothing".into()], None));
            Land::lawless().check(Op::ProposeLaw { law }, code);
        }
        Code::LawConflict => {
            let mut settings = operator(b"DE");
            settings
                .counters
                .push(("one/none".into(), policy::Counter::Count));
            let law = Box::new(new_law(vec![builtin("kr")], Some(settings)));
            Land::lawless().check(Op::ProposeLaw { law }, code);
        }
        Code::LawNotReady => {
            let rule = "kind = \"limit\"\nmost = \"10 EUR\"\nwindow = \"day\"\nthen = \"deny\"\nstarts = \"backfilled\"\ngives_back = [\"void\"]\napplies = { payment = [\"spend\"] }";
            let mut land = Land::lawless();
            people(&mut land);
            let law = new_law(vec![pack_of(rule).into()], Some(operator(b"DE")));
            let proposal = land.propose(law);
            let now = land.now;
            land.approve(proposal, now);
            land.run_timers();
            land.pays("payer", "seller", "1 EUR", code);
            land.load("payer", Source::Card, "1 EUR", code);
            land.backfill();
            land.pays("payer", "seller", "1 EUR", Paid);
        }
        Code::LimitPerWeek => drop(limit("week").pays("payer", "seller", "0.01 EUR", code)),
        Code::LimitPerQuarter => drop(limit("quarter").pays("payer", "seller", "0.01 EUR", code)),
        Code::LimitPerYear => drop(limit("year").pays("payer", "seller", "0.01 EUR", code)),
        Code::LimitRolling => {
            let mut land = limit("rolling 30 days");
            land.later(29 * DAY);
            land.pays("payer", "seller", "0.01 EUR", code);
            land.later(2 * DAY);
            land.pays("payer", "seller", "0.01 EUR", Paid);
        }
        Code::LimitPerNight => {
            let rule = "kind = \"limit\"\nmost = \"10 EUR\"\nwindow = \"night\"\nhours = \"00:00-23:59\"\nthen = \"deny\"\nstarts = \"empty\"\ngives_back = [\"void\"]";
            let mut land = land_of(rule);
            land.pays("payer", "seller", "10 EUR", Paid);
            land.pays("payer", "seller", "0.01 EUR", code);
        }
        Code::LimitTotal => drop(limit("total").pays("payer", "seller", "0.01 EUR", code)),
        Code::LimitBalance => {
            let mut land = land_of(
                "kind = \"balance\"\nmost = \"1001 EUR\"\nper = \"party\"\nthen = \"deny\"",
            );
            land.load("payer", Source::Card, "1 EUR", Loaded);
            land.load("payer", Source::Card, "0.01 EUR", code);
        }
        Code::LawDeclined => {
            let mut land = Land::of(b"DE");
            people(&mut land);
            let particulars = Some(Particulars {
                screening: Screening::Sanctions,
                ..Default::default()
            });
            land.run(Op::ChangeParty {
                party: par("seller"),
                country: None,
                tier: None,
                standing: None,
                particulars,
            });
            let id = land.pays("payer", "seller", "1 EUR", code);
            assert_eq!(land.rule(id), "eu/screening");
        }
        Code::NotAllowed => {
            let mut land = land_of("kind = \"forbid\"\napplies = { product = [\"gambling\"] }");
            let mut spend = land.spend("payer", "1 EUR");
            spend.circumstances.product = Product::Gambling;
            land.check(pay_with(spend, "seller"), code);
        }
        Code::TooSoon => {
            let rule = "kind = \"cooling_off\"\nafter = \"new_payee\"\nwait_hours = 24";
            let mut land = land_of(rule);
            let mut spend = land.spend("payer", "1 EUR");
            spend.circumstances.payee_hours = 23;
            land.check(pay_with(spend, "seller"), code);
            spend.circumstances.payee_hours = 24;
            land.check(pay_with(spend, "seller"), Paid);
        }
        Code::NoticeMissing => {
            let rule =
                "kind = \"mandate\"\nnotice_hours = 24\napplies = { flag = [\"payee_initiated\"] }";
            let mut land = land_of(rule);
            let mut spend = land.spend("payer", "1 EUR");
            spend.circumstances = Circumstances {
                flags: [Flag::PayeeInitiated].into_iter().collect(),
                ..Circumstances::default()
            };
            land.check(pay_with(spend, "seller"), code);
        }
        Code::VerificationNeeded => {
            let rule = "kind = \"forbid\"\napplies = { tier = [\"anonymous\", \"phone\"] }\nneeds = \"identified\"";
            let mut land = land_of(rule);
            let id = land.pays("low", "seller", "1 EUR", code);
            let refused = *land.events[&id].refusal().unwrap();
            assert_eq!(refused.verify, Some(Tier::Identified));
        }
        Code::RedemptionForbidden => {
            let mut land = land_of("kind = \"redemption\"\nanswer = \"forbidden\"");
            land.cashes("payer", "1 EUR", code);
        }
        Code::RedemptionNotYet => {
            let mut land = land_of("kind = \"redemption\"\nanswer = \"below\"\nshare = \"20%\"");
            land.load("payer", Source::Card, "1000 EUR", Loaded);
            land.pays("payer", "seller", "1599 EUR", Paid);
            land.cashes("payer", "401 EUR", code);
            land.pays("payer", "seller", "1 EUR", Paid);
            land.cashes("payer", "400 EUR", engine::EventKind::WithdrawalRequested);
        }
        Code::StepUpNeeded => {
            let rule = "kind = \"authentication\"\nstep_up = \"strong\"\napplies = { payment = [\"withdrawal\", \"redemption\"] }";
            let mut land = land_of(rule);
            let mut op = withdraw("payer", 1);
            if let Op::Withdraw { asset, .. } = &mut op {
                *asset = EUR;
            }
            land.check(op, code);
            land.cashes("payer", "1 EUR", engine::EventKind::WithdrawalRequested);
            let _ = StepUp::Strong;
        }
        Code::OutsideCountries => {
            let mut land = pilot(Pilot {
                countries: vec![Country(*b"FR")],
                ..Pilot::default()
            });
            land.pays("payer", "seller", "1 EUR", code);
        }
        Code::OutsideChannels => {
            let mut land = pilot(Pilot {
                channels: [Channel::Card].into_iter().collect(),
                ..Pilot::default()
            });
            land.pays("payer", "seller", "1 EUR", code);
        }
        Code::OutsideTiers => {
            let mut land = pilot(Pilot {
                tiers: [Tier::Strong].into_iter().collect(),
                ..Pilot::default()
            });
            land.pays("payer", "seller", "1 EUR", Paid);
            land.pays("low", "seller", "1 EUR", code);
        }
        Code::OutsidePayers => {
            let mut land = pilot(Pilot {
                payers_max: Some(1),
                ..Pilot::default()
            });
            land.pays("payer", "seller", "1 EUR", Paid);
            land.pays("payer", "seller", "1 EUR", Paid);
            land.pays("low", "seller", "1 EUR", code);
        }
        Code::OutsideVolume => {
            let mut land = pilot(Pilot {
                volume_max: Some((EUR, u128::from(Land::lawless().money("3 EUR").1.0))),
                ..Pilot::default()
            });
            land.pays("payer", "seller", "2 EUR", Paid);
            land.pays("low", "seller", "1.01 EUR", code);
            land.pays("low", "seller", "1 EUR", Paid);
            land.pays("low", "seller", "0.01 EUR", code);
        }
        other => panic!("{other:?} is made elsewhere"),
    }
    let _ = Presence::Remote;
}
