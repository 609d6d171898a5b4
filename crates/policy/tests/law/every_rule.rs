//! Walks every rule of every shipped pack, alone: below, at and above its number; the second before
//! and the first of its days, in its zone; that every number has a source.

use crate::world::*;
use policy::{
    Amount, Authority, Bites, Choice, Consequence, Date, Dimension, Flag, Kind, Measure, Pack,
    PartyFacts, Payment, Rule, Set, Side, Window,
};

fn first<T: Dimension>(set: Set<T>) -> T {
    set.iter().next().expect("a rule that accepts something")
}

/// A payment that a rule looks at.
fn witness(pack: &Pack, rule: &Rule) -> Ask {
    let a = &rule.applies;
    let home = pack.territories[0].country;
    let abroad = country(if pack.id == "us" { "CA" } else { "US" });
    let place = |c: &policy::Countries| if c.has(home, true) { home } else { abroad };
    let other = |country| PartyFacts {
        country,
        ..party("ZZ", policy::Tier::Strong)
    };
    let subject = |country| PartyFacts {
        country,
        tier: first(a.tier),
        kind: first(a.party),
        age: first(a.age),
        segment: 0,
    };
    let (mut payer, mut payee) = (place(&a.payer_country), place(&a.payee_country));
    if a.flag.has(Flag::CrossBorder) {
        (payer, payee) = (home, abroad);
    } else if a.side == Side::Payee && !a.payer_country.has(home, true) {
        payer = abroad;
    }
    let (payer, payee) = match a.side {
        Side::Payer => (subject(payer), other(payee)),
        Side::Payee => (other(payer), subject(payee)),
    };
    Ask {
        payment: first(a.payment),
        asset: "USD",
        legs: vec![(first(a.funds), "0".into())],
        payer,
        payee,
        channel: first(a.channel),
        product: first(a.product),
        presence: first(a.presence),
        technology: first(a.technology),
        screening: first(a.screening),
        flags: a.flag,
        confirmed: Set::EMPTY,
        elapsed: policy::Elapsed::LONG_AGO,
    }
}

/// A world with this rule alone, and the duty that an exemption is from.
fn alone(pack: &Pack, rule: &Rule) -> World {
    let mut only = pack.clone();
    only.rules.retain(|r| r == rule);
    if matches!(rule.kind, Kind::Exemption(_)) {
        let duty = pack
            .rules
            .iter()
            .find(|r| matches!(r.kind, Kind::Authentication { .. }));
        let mut duty = duty.expect("an exemption from something").clone();
        duty.from = None;
        only.rules.push(duty);
    }
    let home = pack.territories[0].country.to_string();
    let status = rule.applies.operator.minus(rule.applies.operator_not);
    World::of(vec![only], &settings(&home, &[first(status)]))
}

/// A decimal number one atom away.
fn near(amount: Amount, by: i64) -> String {
    let atoms = amount.atoms.0.checked_add_signed(by).unwrap();
    amount.asset.format(money::Atoms(atoms))
}

fn ask_of(ask: &Ask, asset: &str, number: &str) -> Ask {
    let mut ask = ask.clone();
    ask.asset = ASSETS.iter().find(|a| **a == asset).unwrap();
    ask.legs[0].1 = number.to_owned();
    ask
}

fn each_rule(mut test: impl FnMut(&Pack, &Rule, &mut World, &Ask)) {
    let mut count = 0;
    for pack in policy::builtin_packs().unwrap() {
        for rule in &pack.rules {
            if matches!(rule.kind, Kind::Duty(_)) {
                continue;
            }
            let mut world = alone(&pack, rule);
            let day = rule.from.unwrap_or("2026-01-15".parse().unwrap());
            let noon = match &rule.kind {
                // Any time within the rule's hours.
                Kind::Limit(cap) => format!("{:02}:30:00", cap.hours.from_minute / 60),
                _ => "12:00:00".into(),
            };
            world.at(&format!("{day}T{noon}"), &pack.territories[0].zone);
            test(&pack, rule, &mut world, &witness(&pack, rule));
            count += 1;
        }
    }
    assert!(count > 100, "only {count} rules were walked");
}

fn refusal(pack: &Pack, rule: &Rule) -> String {
    let name = format!("{}/{}", pack.id, rule.id);
    let consequence = match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => cap.then,
        Kind::Balance { then, .. } => *then,
        Kind::Forbid { needs } | Kind::Funds { needs } => {
            needs.map_or(Consequence::Deny, Consequence::Verify)
        }
        Kind::Authentication { step_up } => Consequence::StepUp(*step_up),
        _ => Consequence::Deny,
    };
    match consequence {
        Consequence::Deny => format!("deny {name}"),
        Consequence::StepUp(_) => format!("step_up {name}"),
        Consequence::Verify(tier) => format!("verify {} {name}", tier.word()),
        Consequence::Report => "allow".into(),
    }
}

#[test]
fn below_and_at_its_number_a_rule_lets_pass_and_above_it_does_not() {
    each_rule(|pack, rule, world, ask| {
        let name = format!("{}/{}", pack.id, rule.id);
        let refused = refusal(pack, rule);
        match &rule.kind {
            Kind::Limit(cap) | Kind::Diligence(cap) => match cap.most {
                Measure::Amount(most) => {
                    let code = most.asset.code;
                    let of = |number: String| ask_of(ask, code.as_str(), &number);
                    let at = if cap.bites == Bites::At {
                        refused.clone()
                    } else {
                        "allow".into()
                    };
                    assert_eq!(world.ask(&of(near(most, -1))), "allow", "{name} below");
                    assert_eq!(world.ask(&of(near(most, 0))), at, "{name} at");
                    assert_eq!(world.ask(&of(near(most, 1))), refused, "{name} above");
                    if cap.window != Window::Payment {
                        assert_eq!(world.pay(&of(near(most, -1))), "allow", "{name}");
                        let one = Amount {
                            atoms: money::Atoms(1),
                            ..most
                        };
                        assert_eq!(world.pay(&of(near(one, 0))), at, "{name} the last atom");
                        assert_eq!(world.pay(&of(near(one, 0))), refused, "{name} one more");
                    }
                }
                Measure::Count(count) => {
                    let of = ask_of(ask, "USD", "1");
                    for _ in 0..count {
                        assert_eq!(world.pay(&of), "allow", "{name}");
                    }
                    assert_eq!(world.pay(&of), refused, "{name}");
                }
            },
            Kind::Balance { most, .. } => {
                let of = |by| ask_of(ask, most.asset.code.as_str(), &near(*most, by));
                assert_eq!(world.ask(&of(-1)), "allow", "{name} below");
                assert_eq!(world.ask(&of(0)), "allow", "{name} at");
                assert_eq!(world.ask(&of(1)), refused, "{name} above");
            }
            Kind::Exemption(e) => {
                let zero = ask_of(ask, pack.asset.code.as_str(), "0");
                assert_eq!(world.ask(&zero), "allow", "{name}");
                if let Some(most) = e.per_payment {
                    let of = |by| ask_of(ask, most.asset.code.as_str(), &near(most, by));
                    assert_eq!(world.ask(&of(0)), "allow", "{name} at");
                    assert!(world.ask(&of(1)).starts_with("step_up"), "{name} above");
                    if let (Some(in_all), true) = (e.in_all, e.choice == Choice::AmountOrCount) {
                        let mut left = in_all.atoms.0;
                        while left > 0 {
                            let next = left.min(most.atoms.0);
                            let part = Amount {
                                atoms: money::Atoms(next),
                                ..most
                            };
                            let part = ask_of(ask, most.asset.code.as_str(), &near(part, 0));
                            assert_eq!(world.pay(&part), "allow", "{name} {left} left");
                            left -= next;
                        }
                        let one = Amount {
                            atoms: money::Atoms(1),
                            ..most
                        };
                        let one = ask_of(ask, most.asset.code.as_str(), &near(one, 0));
                        assert!(
                            world.pay(&one).starts_with("step_up"),
                            "{name} one atom more"
                        );
                    }
                }
            }
            Kind::CoolingOff { hours, .. } => {
                let after = |n: u32| {
                    ask_of(ask, "USD", "1").elapsed(|e| {
                        (e.registration, e.device, e.payee) = (n, n, n);
                    })
                };
                assert_eq!(world.ask(&after(*hours)), "allow", "{name}");
                assert_eq!(world.ask(&after(hours - 1)), refused, "{name}");
            }
            Kind::Mandate { notice_hours } => {
                let after = |n| ask_of(ask, "USD", "1").elapsed(|e| e.notice = n);
                assert_eq!(world.ask(&after(*notice_hours)), "allow", "{name}");
                assert_eq!(world.ask(&after(notice_hours - 1)), refused, "{name}");
            }
            Kind::Authentication { .. } => {
                let of = ask_of(ask, "USD", "1");
                assert_eq!(world.ask(&of), refused, "{name}");
                assert_eq!(world.ask(&of.confirmed()), "allow", "{name}");
            }
            Kind::Forbid { .. } | Kind::Funds { .. } => {
                assert_eq!(world.ask(&ask_of(ask, "USD", "1")), refused, "{name}");
            }
            Kind::Redemption(answer) => {
                assert_eq!(world.redeems(ask), Some(*answer), "{name}");
            }
            Kind::Duty(_) => panic!("{name} is no verdict"),
        }
    });
}

/// Every rule of every pack, by what it says; whoever adds one that no test walks hears of it here.
#[test]
fn no_rule_of_any_jurisdiction_is_left_out() {
    let mut walked = std::collections::BTreeSet::new();
    each_rule(|pack, rule, _, _| {
        walked.insert((pack.id.clone(), rule.id.clone(), rule.from, rule.until));
    });
    for pack in policy::builtin_packs().unwrap() {
        let mut of_pack = 0;
        for rule in &pack.rules {
            let key = (pack.id.clone(), rule.id.clone(), rule.from, rule.until);
            let is_duty = matches!(rule.kind, Kind::Duty(_));
            assert_eq!(walked.contains(&key), !is_duty, "{key:?}");
            of_pack += u32::from(!is_duty);
            // A duty is data of its days.
            for (day, binds) in [(rule.from, true), (rule.until, false)] {
                if let Some(day) = day {
                    assert_eq!(rule.is_in_force(day), binds, "{key:?}");
                    assert_eq!(rule.is_in_force(day.before()), !binds, "{key:?}");
                }
            }
        }
        assert!(of_pack > 0, "{} has no rule that is walked", pack.id);
    }
}

/// The certainty of the facts comes through to whoever reads a number.
#[test]
fn each_number_says_how_certain_it_is() {
    let mut of_its_own = 0;
    for pack in policy::builtin_packs().unwrap() {
        let text = policy::BUILTIN
            .iter()
            .find(|b| b.id == pack.id)
            .unwrap()
            .text;
        let raw: toml::Table = text.parse().unwrap();
        let raw = raw["rule"].as_array().unwrap();
        assert_eq!(raw.len(), pack.rules.len());
        for (rule, raw) in pack.rules.iter().zip(raw) {
            let name = format!("{}/{}", pack.id, rule.id);
            assert_eq!(
                raw["certainty"].as_str().unwrap(),
                rule.certainty.word(),
                "{name}"
            );
            let own = raw.get("certainty_of").and_then(toml::Value::as_table);
            for (key, said) in own.into_iter().flatten() {
                assert_eq!(
                    rule.certainty_of(key).word(),
                    said.as_str().unwrap(),
                    "{name} {key}"
                );
                of_its_own += 1;
            }
        }
    }
    assert!(of_its_own > 3, "{of_its_own}");
}

/// What breaks a rule, whatever its kind.
fn breach(rule: &Rule, ask: &Ask) -> Option<Ask> {
    Some(match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => match cap.most {
            Measure::Amount(most) => ask_of(ask, most.asset.code.as_str(), &near(most, 1)),
            Measure::Count(_) => return None,
        },
        Kind::Balance { most, .. } => ask_of(ask, most.asset.code.as_str(), &near(*most, 1)),
        Kind::CoolingOff { .. } | Kind::Mandate { .. } => ask_of(ask, "USD", "1").elapsed(|e| {
            (e.registration, e.device, e.payee, e.notice) = (0, 0, 0, 0);
        }),
        Kind::Authentication { .. } | Kind::Forbid { .. } | Kind::Funds { .. } => {
            ask_of(ask, "USD", "1")
        }
        Kind::Exemption(_) | Kind::Redemption(_) | Kind::Duty(_) => return None,
    })
}

/// The days of an answer about redemption.
fn redemption_days(rule: &Rule, world: &mut World, ask: &Ask, zone: &str) -> u32 {
    let days = [(rule.from, true), (rule.until, false)];
    let days = days
        .into_iter()
        .filter_map(|(day, then)| Some((day?, then)));
    let mut walked = 0;
    for (day, then) in days {
        for (day, second, binds) in [(day.before(), "23:59:59", !then), (day, "00:00:00", then)] {
            world.at(&format!("{day}T{second}"), zone);
            assert_eq!(
                world.redeems(ask).is_some(),
                binds,
                "{} {day} {second}",
                rule.id
            );
        }
        walked += 1;
    }
    walked
}

fn is_count(rule: &Rule) -> bool {
    matches!(&rule.kind, Kind::Limit(cap) | Kind::Diligence(cap) if matches!(cap.most, Measure::Count(_)))
}

#[test]
fn a_rule_binds_from_the_first_second_of_its_first_day_to_the_last_of_its_last() {
    let mut dated = 0;
    each_rule(|pack, rule, world, ask| {
        let name = format!("{}/{}", pack.id, rule.id);
        let zone = &pack.territories[0].zone;
        let refused = refusal(pack, rule);
        let exempt = matches!(rule.kind, Kind::Exemption(_));
        let Some(ask) = breach(rule, ask)
            .or_else(|| exempt.then(|| ask_of(ask, pack.asset.code.as_str(), "0.01")))
        else {
            match rule.kind {
                Kind::Redemption(_) => dated += redemption_days(rule, world, ask, zone),
                _ => assert!(is_count(rule), "{name} is not walked"),
            }
            if !is_count(rule) {
                return;
            }
            // One payment more than it counts.
            let (Kind::Limit(cap) | Kind::Diligence(cap)) = &rule.kind else {
                return;
            };
            let Measure::Count(count) = cap.most else {
                return;
            };
            let one = ask_of(ask, "USD", "1");
            for (day, second, binds) in [
                (rule.from.map(|d| d.before()), "23:59:59", false),
                (rule.from, "00:00:00", true),
            ] {
                let Some(day) = day else { continue };
                world.at(&format!("{day}T{second}"), zone);
                for _ in 0..count {
                    world.pay(&one);
                }
                let said = world.ask(&one);
                assert_eq!(
                    said == refused,
                    binds,
                    "{name} on {day} at {second}: {said}"
                );
                dated += 1;
            }
            return;
        };
        let mut expect = |date: Date, second: &str, binds: bool| {
            world.at(&format!("{date}T{second}"), zone);
            let said = world.ask(&ask);
            if exempt {
                assert_eq!(
                    said == "allow",
                    binds,
                    "{name} on {date} at {second}: {said}"
                );
            } else {
                let expected = if binds { refused.as_str() } else { "allow" };
                assert_eq!(said, expected, "{name} on {date} at {second}");
            }
        };
        if let Some(from) = rule.from {
            expect(from.before(), "23:59:59", false);
            expect(from, "00:00:00", true);
            dated += 1;
        }
        if let Some(until) = rule.until {
            expect(until.before(), "23:59:59", true);
            expect(until, "00:00:00", false);
            dated += 1;
        }
    });
    assert!(dated > 50, "only {dated} days were walked");
}

#[test]
fn a_calendar_window_turns_at_midnight_and_not_a_second_before() {
    let mut turned = 0;
    each_rule(|pack, rule, world, ask| {
        let (Kind::Limit(cap) | Kind::Diligence(cap)) = &rule.kind else {
            return;
        };
        let rolling;
        let (before, after) = match cap.window {
            Window::Day => ("2027-12-30T23:59:59", "2027-12-31T00:00:00"),
            Window::Week => ("2027-12-26T23:59:59", "2027-12-27T00:00:00"),
            Window::Month => ("2027-11-30T23:59:59", "2027-12-01T00:00:00"),
            Window::Year => ("2027-12-31T23:59:59", "2028-01-01T00:00:00"),
            Window::Quarter => ("2027-09-30T23:59:59", "2027-10-01T00:00:00"),
            // From the last second of a bucket to the first that no longer touches it.
            Window::RollingDays(n) => {
                let (last, next) = (Date(21_181), Date(21_182 + u32::from(n)));
                rolling = (format!("{last}T23:59:59"), format!("{next}T00:00:00"));
                (rolling.0.as_str(), rolling.1.as_str())
            }
            Window::RollingMonths(n) => {
                let months = 2027 * 12 + u32::from(n);
                let (year, month) = (months / 12, months % 12 + 1);
                rolling = (
                    "2026-12-31T23:59:59".into(),
                    format!("{year}-{month:02}-01T00:00:00"),
                );
                (rolling.0.as_str(), rolling.1.as_str())
            }
            Window::Night => {
                let minutes = cap.hours.from_minute;
                let from = format!("{:02}:{:02}", minutes / 60, minutes % 60);
                rolling = (
                    format!("2027-12-30T{from}:00"),
                    format!("2027-12-31T{from}:00"),
                );
                (rolling.0.as_str(), rolling.1.as_str())
            }
            // These never turn.
            Window::Payment | Window::Total | Window::SinceAuthentication => return,
        };
        let zone = &pack.territories[0].zone;
        let name = format!("{}/{}", pack.id, rule.id);
        let full = match cap.most {
            Measure::Amount(most) => {
                let by = if cap.bites == Bites::At { -1 } else { 0 };
                ask_of(ask, most.asset.code.as_str(), &near(most, by))
            }
            Measure::Count(_) => ask_of(ask, "USD", "1"),
        };
        if rule
            .until
            .is_some_and(|until| *format!("{until}T") < *after)
        {
            // It is over before its window turns.
            return;
        }
        world.at(before, zone);
        if let Measure::Count(count) = cap.most {
            for _ in 1..count {
                assert_eq!(world.pay(&full), "allow", "{name}");
            }
        }
        assert_eq!(world.pay(&full), "allow", "{name}");
        assert_ne!(world.pay(&full), "allow", "{name} in the same window");
        world.at(after, zone);
        assert_eq!(world.pay(&full), "allow", "{name} in the next");
        turned += 1;
    });
    assert!(turned > 10, "only {turned} windows turned");
}

#[test]
fn every_number_has_a_source() {
    let mut numbers = 0;
    for pack in policy::builtin_packs().unwrap() {
        for rule in &pack.rules {
            let name = format!("{}/{}", pack.id, rule.id);
            let (who, where_) = match rule.authority.as_ref().unwrap_or_else(|| panic!("{name}")) {
                Authority::Law { act, article, .. } => (act.as_str(), article.as_str()),
                Authority::Terms { whose, .. } => (whose.en.as_str(), "terms"),
            };
            assert!(
                !who.is_empty() && !where_.is_empty(),
                "{name} has no source"
            );
            assert!(
                !rule.title.en.is_empty() && !rule.title.ko.is_empty(),
                "{name}"
            );
            numbers += rule.numbers().len();
        }
    }
    assert!(numbers > 100, "only {numbers} numbers");
}

#[test]
fn only_payments_of_the_rules_kind_are_looked_at() {
    each_rule(|pack, rule, world, ask| {
        let Some(mut ask) = breach(rule, ask) else {
            return;
        };
        for payment in Payment::ALL {
            if !rule.applies.payment.has(*payment) {
                ask.payment = *payment;
                assert_eq!(
                    world.ask(&ask),
                    "allow",
                    "{}/{} {payment:?}",
                    pack.id,
                    rule.id
                );
            }
        }
    });
}
