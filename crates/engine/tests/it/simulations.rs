//! Simulation of a draft law over a town's history, against a naive recomputation of the same.

use crate::dice::Dice;
use crate::law::land::{Land, builtin, new_law, operator};
use crate::town::*;
use engine::command::Share;
use engine::law::NewLaw;
use engine::simulate::{Asked, Becomes, Simulated, Simulation, Was};
use engine::terms::Terms;
use engine::{EventKind, Id, Op, Replay, State, UtcMillis};
use ledger::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// 80 atoms a payment, 200 a day, for everybody everywhere; refunds give room back.
const STRICT: &str = r#"
[pack]
id = "zz"
title = { en = "Strict", ko = "엄격" }
version = "2026-12-01"
asset = "USD"
rest_of_world = true
checked = 2026-11-20
review_days = 180

[territories]
ZZ = "UTC"

[[rule]]
id = "each"
title = { en = "Each", ko = "건별" }
kind = "limit"
applies = { payment = ["spend"] }
most = "ATOMS80 USD"
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"

[[rule]]
id = "day"
title = { en = "A day", ko = "1일" }
kind = "limit"
applies = { payment = ["spend"] }
most = "ATOMS200 USD"
window = "day"
gives_back = ["void", "refund"]
starts = "empty"
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"
"#;

/// The draft with its numbers as this shard's asset has them.
fn strict(t: &Town) -> Arc<str> {
    let usd = &t.state.assets[usize::from(USD.0)];
    let text = |atoms: u64| usd.format_signed(i128::from(atoms));
    let draft = STRICT.replace("ATOMS80", &text(80));
    draft.replace("ATOMS200", &text(200)).into()
}

fn simulate(t: &Town, law: NewLaw, from: UtcMillis) -> Simulated {
    let asked = Asked {
        tenant: TENANT,
        law,
        from,
        until: UtcMillis(u64::MAX),
        list_max: usize::MAX,
        pilot_asset: None,
    };
    let mut simulation = Simulation::new(asked).unwrap();
    let (mut state, mut replay) = (State::new(7), Replay::default());
    for (seq, row) in (1u64..).zip(&t.rows) {
        let look = |before: &State, event: &engine::Event| simulation.event(before, event);
        replay
            .row_before(&mut state, seq, engine::codec::FORMAT, row, look)
            .unwrap();
    }
    simulation.finish().unwrap()
}

fn draft(t: &Town) -> NewLaw {
    NewLaw {
        packs: vec![strict(t)],
        ..NewLaw::default()
    }
}

fn funded() -> Town {
    let mut t = Town::with(Terms::default());
    t.audits = false;
    for name in ["alice", "alice2", "bob", "carol"] {
        t.fund(name, Source::Card, 10_000_000);
    }
    t
}

#[test]
fn a_stricter_draft_changes_exactly_what_a_naive_recomputation_says() {
    for seed in 0..8 {
        let mut t = funded();
        let mut dice = Dice(seed);
        let people = [("alice", 0), ("alice2", 0), ("bob", 1), ("carol", 2)];
        // The naive ledger: by party and day.
        let mut used: BTreeMap<(usize, u64), u64> = BTreeMap::new();
        let mut denied = BTreeSet::new();
        let mut made: Vec<(Id, u64, usize, u64, bool)> = Vec::new();
        let mut refunds = 0;
        for _ in 0..600 {
            t.later(dice.pick(3 * HOUR));
            let day = t.now.0 / DAY;
            if dice.pick(8) == 0 && !made.is_empty() {
                let at = dice.pick(made.len() as u64) as usize;
                let (id, left, party, paid_on, counted) = &mut made[at];
                if *left > 0 {
                    let back = 1 + dice.pick(*left);
                    let op = t.refund(*id, back);
                    t.run(op);
                    refunds += 1;
                    *left -= back;
                    if *counted {
                        *used.get_mut(&(*party, *paid_on)).unwrap() -= back;
                    }
                }
                continue;
            }
            let (payer, party) = people[dice.pick(4) as usize];
            let amount = 1 + dice.pick(100);
            let id = t.id_of(pay(payer, "shop", amount));
            let sum = used.entry((party, day)).or_default();
            let allowed = amount <= 80 && *sum + amount <= 200;
            if allowed {
                *sum += amount;
            } else {
                denied.insert(id);
            }
            made.push((id, amount, party, day, allowed));
        }
        let found = simulate(&t, draft(&t), UtcMillis(0));
        let changed: BTreeSet<Id> = found.changed.iter().map(|changed| changed.id).collect();
        assert_eq!(changed, denied, "seed {seed}");
        assert!(denied.len() > 50, "{}", denied.len());
        assert_eq!(found.payments, made.len() as u64 + 4 + refunds);
        let kinds: Vec<_> = found.changes.kinds.into_iter().collect();
        assert_eq!(
            kinds,
            [((Was::Allowed, Becomes::Denied), denied.len() as u64)]
        );
        assert_eq!(found.changes.payers, 3);
        let by_rule: u64 = found.rules.iter().map(|rule| rule.changes.payments()).sum();
        assert_eq!(by_rule, denied.len() as u64);
        let each = |id: &Id| made.iter().find(|one| one.0 == *id).unwrap();
        for changed in &found.changed {
            let paid = t.events[&each(&changed.id).0].parts().next().unwrap();
            let gross = paid.paid().unwrap().gross;
            assert_eq!(changed.atoms, gross);
            let rule = changed.rule.clone().unwrap();
            assert_eq!(rule.rule, if gross > 80 { "each" } else { "day" });
        }
    }
}

#[test]
fn what_happened_before_the_span_is_counted_and_not_compared() {
    let mut t = funded();
    t.now = UtcMillis((T0 / DAY + 1) * DAY);
    for _ in 0..3 {
        t.run(pay("alice", "shop", 60));
    }
    t.later(HOUR);
    let from = t.now;
    let over = t.id_of(pay("alice", "shop", 60));
    let fits = t.id_of(pay("alice", "shop", 20));
    let found = simulate(&t, draft(&t), from);
    assert_eq!(found.payments, 2);
    let changed: Vec<Id> = found.changed.iter().map(|changed| changed.id).collect();
    assert_eq!(changed, [over]);
    assert_ne!(over, fits);
}

#[test]
fn an_authorization_takes_room_until_it_is_void_and_a_capture_s_refund_gives_its_share_back() {
    let mut t = funded();
    t.now = UtcMillis((T0 / DAY + 1) * DAY);
    let expires = t.now.plus(HOUR);
    let hold = |t: &mut Town| t.id_of(authorize("alice", "shop", 80, expires));
    let (first, second) = (hold(&mut t), hold(&mut t));
    let over = t.id_of(pay("alice", "shop", 60));
    t.run(void(first));
    let fits = t.id_of(pay("alice", "shop", 60));
    let taken = t.id_of(capture_last(second, 40));
    // 60 + 40 are used: 100 are left.
    let again = t.id_of(pay("alice", "shop", 80));
    let op = t.refund(taken, 40);
    t.run(op);
    // 60 + 80 are used.
    let last = t.id_of(pay("alice", "shop", 60));
    let too_much = t.id_of(pay("alice", "shop", 1));
    let found = simulate(&t, draft(&t), UtcMillis(0));
    let changed: Vec<Id> = found.changed.iter().map(|changed| changed.id).collect();
    assert_eq!(changed, [over, too_much], "{fits:?} {again:?} {last:?}");
}

/// A draft that lets nobody hold more than 100 atoms over what each began with.
fn holding_little(t: &Town) -> NewLaw {
    let usd = &t.state.assets[usize::from(USD.0)];
    let most = usd.format_signed(10_000_100);
    let (head, _) = STRICT.split_once("[[rule]]").unwrap();
    let rule = format!(
        "[[rule]]\nid = \"held\"\ntitle = {{ en = \"Held\", ko = \"보유\" }}\n\
         kind = \"balance\"\nmost = \"{most} USD\"\nper = \"party\"\nthen = \"deny\"\n\
         applies = {{ payment = [\"spend\"] }}\n\
         terms = {{ whose = {{ en = \"the operator\", ko = \"운영자\" }} }}\ncertainty = \"official\"\n"
    );
    NewLaw {
        packs: vec![format!("{head}{rule}").into()],
        ..NewLaw::default()
    }
}

#[test]
fn captures_are_held_against_what_a_draft_lets_their_payee_hold() {
    let mut t = funded();
    let expires = t.now.plus(HOUR);
    let holds = [(); 2].map(|()| t.id_of(authorize("alice", "bob", 60, expires)));
    let fits = t.id_of(capture_last(holds[0], 60));
    let over = t.id_of(capture(holds[1], 41));
    let found = simulate(&t, holding_little(&t), UtcMillis(0));
    let changed = found.changed.iter();
    let changed: Vec<_> = changed.map(|c| (c.id, c.was, c.becomes)).collect();
    assert_eq!(
        changed,
        [(over, Was::Allowed, Becomes::Denied)],
        "{fits:?} {found:?}"
    );
}

#[test]
fn what_a_draft_does_not_let_be_authorized_is_not_captured_and_denied_again() {
    let mut t = funded();
    let expires = t.now.plus(HOUR);
    let hold = t.id_of(authorize("alice", "bob", 101, expires));
    for amount in [1, 100] {
        t.check(capture(hold, amount), EventKind::Captured);
    }
    let found = simulate(&t, holding_little(&t), UtcMillis(0));
    let changed: Vec<Id> = found.changed.iter().map(|changed| changed.id).collect();
    assert_eq!(changed, [hold]);
    assert_eq!(
        found.changes.volume.into_iter().collect::<Vec<_>>(),
        [(USD, 101)]
    );
}

#[test]
fn a_split_is_asked_once_for_its_payer_and_transfers_are_no_spending() {
    let mut t = funded();
    t.now = UtcMillis((T0 / DAY + 1) * DAY);
    t.run(split("alice", &[("shop", 1), ("stall", 2)], 80));
    t.run(split("alice", &[("shop", 1), ("stall", 2)], 80));
    t.run(transfer("alice", "bob", 5_000));
    let over = t.id_of(split("alice", &[("shop", 1), ("stall", 2)], 41));
    let fits = t.id_of(pay("alice", "shop", 40));
    let found = simulate(&t, draft(&t), UtcMillis(0));
    let changed: Vec<Id> = found.changed.iter().map(|changed| changed.id).collect();
    assert_eq!(changed, [over], "{fits:?}");
}

#[test]
fn a_draft_that_cannot_be_read_is_refused_before_anything_is_looked_at() {
    let asked = Asked {
        tenant: TENANT,
        law: NewLaw {
            packs: vec!["[pack]\nid = 5".into()],
            ..NewLaw::default()
        },
        from: UtcMillis(0),
        until: UtcMillis(u64::MAX),
        list_max: 0,
        pilot_asset: None,
    };
    assert!(Simulation::new(asked).is_err());
}

/// Five months of random commerce under a law; the same law as a draft would have said the same of all.
#[test]
fn the_law_in_force_as_a_draft_changes_nothing() {
    let mut seen = BTreeMap::<&str, u64>::new();
    for (seed, pack, country, tier, unit) in [
        (1, "kr", b"KR", policy::Tier::Phone, "KRW"),
        (2, "kr", b"KR", policy::Tier::Identified, "KRW"),
        (3, "eu", b"FR", policy::Tier::Identified, "EUR"),
        (4, "eu", b"DE", policy::Tier::Anonymous, "EUR"),
        (5, "uk", b"GB", policy::Tier::Phone, "GBP"),
    ] {
        let mut land = Land::lawless();
        let mut dice = Dice(seed);
        for payer in ["p0", "p1", "p2"] {
            land.settle(payer, country, tier);
            for source in [Source::Card, Source::Carrier, Source::Bank] {
                land.load(
                    payer,
                    source,
                    &format!("100000000 {unit}"),
                    EventKind::TopUpPending,
                );
            }
        }
        for payee in ["seller", "other"] {
            land.settle(payee, country, policy::Tier::Business);
        }
        // What was before the law counts in a simulation, and did not in the law: let it be long ago.
        land.later(400 * DAY);
        let law = new_law(vec![builtin(pack)], Some(operator(country)));
        land.enact(law.clone());
        let from = land.now;
        // An amount around what the pack's rules speak of.
        let scale: u64 = if unit == "KRW" { 60_000 } else { 40 };
        let mut paid: Vec<(Id, u64)> = Vec::new();
        let mut held: Vec<Id> = Vec::new();
        for _ in 0..400 {
            land.later(dice.pick(20 * HOUR));
            let payer = *dice.of(&["p0", "p1", "p2"]);
            let payee = *dice.of(&["seller", "other"]);
            let mut spend = land.spend(payer, &format!("{} {unit}", 1 + dice.pick(scale)));
            spend.confirmed = (dice.pick(3) == 0).into();
            if dice.pick(6) == 0 {
                spend.circumstances.presence = policy::Presence::Contactless;
            }
            let amount = spend.amount.0;
            let payees = vec![share("seller", 1), share("other", 2)];
            let op = match dice.pick(12) {
                0 => {
                    let expires = Some(land.now.plus(200 * HOUR));
                    let payee = wal(payee);
                    Op::Authorize {
                        spend,
                        payee,
                        expires,
                    }
                }
                1 => Op::Transfer {
                    spend,
                    payee: wal("p0"),
                },
                2 => Op::Split { spend, payees },
                3 if !paid.is_empty() => {
                    let at = dice.pick(paid.len() as u64) as usize;
                    let (id, left) = paid[at];
                    if left == 0 {
                        continue;
                    }
                    let part = 1 + dice.pick(left);
                    paid[at].1 -= part;
                    land.refund(id, part)
                }
                4 if !held.is_empty() => {
                    let hold = held.remove(dice.pick(held.len() as u64) as usize);
                    match land.state.holds.get(&(TENANT, hold)) {
                        Some(_) if dice.pick(2) == 0 => void(hold),
                        Some(record) => {
                            let part = 1 + dice.pick(record.authorized);
                            capture_last(hold, part)
                        }
                        None => continue,
                    }
                }
                _ => pay_with(spend, payee),
            };
            let (id, answer) = land.try_run(op);
            let Answer::Done(event) = answer else {
                continue;
            };
            *seen.entry(event.kind.as_str()).or_default() += 1;
            match event.kind {
                EventKind::Paid | EventKind::Split => paid.push((id, amount)),
                EventKind::Captured => {
                    let gross = event.parts().next().unwrap().paid().unwrap().gross;
                    paid.push((id, gross));
                }
                EventKind::Authorized => held.push(id),
                _ => {}
            }
            land.run_timers();
        }
        let found = simulate(&land, law, from);
        assert!(found.payments > 200, "{}", found.payments);
        let first: Vec<_> = found.changed.iter().take(3).collect();
        assert!(first.is_empty(), "{pack}, seed {seed}: {first:?}");
    }
    for kind in [
        "refused",
        "payment.step_up",
        "payment.captured",
        "payment.voided",
    ] {
        assert!(seen.get(kind).is_some_and(|count| *count > 5), "{seen:?}");
    }
}

fn share(payee: &str, weight: u64) -> Share {
    Share {
        payee: wal(payee),
        weight,
    }
}

/// Refunds in cash are forbidden, and so are those of what came by the telephone bill.
const NO_REFUNDS: &str = r#"
[[rule]]
id = "refund.cash"
title = { en = "No refund in cash", ko = "현금 환불 금지" }
kind = "forbid"
applies = { payment = ["refund"], flag = ["in_cash"] }
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"

[[rule]]
id = "refund.carrier"
title = { en = "No refund of carrier value", ko = "통신과금 환불 금지" }
kind = "funds"
applies = { payment = ["refund"], funds = ["carrier"] }
terms = { whose = { en = "the operator", ko = "운영자" } }
certainty = "official"
"#;

fn changes(found: &Simulated) -> BTreeMap<Id, (Was, Becomes, String)> {
    let one = |c: &engine::simulate::Changed| {
        let rule = c.rule.as_ref();
        let name = rule.map_or(String::new(), |name| format!("{}/{}", name.pack, name.rule));
        (c.id, (c.was, c.becomes, name))
    };
    found.changed.iter().map(one).collect()
}

#[test]
fn refunds_that_a_draft_forbids_or_allows_are_compared_and_give_room_back_or_do_not() {
    let mut t = funded();
    t.fund("bob", Source::Carrier, 1_000);
    let of_card = t.id_of(pay("alice", "shop", 80));
    let of_carrier = {
        // From the carrier's value alone.
        let mut terms = t.state.tenants[0].terms.clone();
        terms.funding_order = vec![Source::Carrier];
        t.set_terms(terms);
        let id = t.id_of(pay("bob", "shop", 80));
        t.set_terms(Terms::default());
        id
    };
    let plain = t.refund(of_card, 30);
    let plain = t.id_of(plain);
    let in_cash = t.new_id();
    let op = t.refund(of_card, 50);
    let command = besides(t.command(in_cash, op), |besides| {
        besides.circumstances.flags.insert(policy::Flag::InCash);
    });
    t.check_command(&command, EventKind::Refunded);
    let op = t.refund(of_carrier, 80);
    let carrier = t.id_of(op);
    // Room for it only as far as the refunds that stand gave some back: 30 of 80, and none of 80.
    let alice = t.id_of(pay("alice", "shop", 80));
    let alice_2 = t.id_of(pay("alice", "shop", 80));
    let bob = t.id_of(pay("bob", "shop", 80));
    let bob_2 = t.id_of(pay("bob", "shop", 80));
    let lax = draft(&t);
    let strict: Arc<str> = format!("{}{NO_REFUNDS}", lax.packs[0]).into();
    let strict = NewLaw {
        packs: vec![strict],
        ..NewLaw::default()
    };
    let found = changes(&simulate(&t, lax.clone(), UtcMillis(0)));
    assert!(!found.contains_key(&alice) && !found.contains_key(&alice_2));
    assert!(found.is_empty(), "{found:?}");
    let found = changes(&simulate(&t, strict, UtcMillis(0)));
    let denied = |rule: &str| (Was::Allowed, Becomes::Denied, format!("zz/{rule}"));
    let expected = BTreeMap::from([
        (in_cash, denied("refund.cash")),
        (carrier, denied("refund.carrier")),
        (alice_2, denied("day")),
        (bob_2, denied("day")),
    ]);
    assert_eq!(found, expected);
    assert!(!expected.contains_key(&plain) && !expected.contains_key(&bob));
}

#[test]
fn a_refund_that_a_law_refused_goes_through_under_a_draft_without_the_rule() {
    let mut land = Land::lawless();
    let base = strict(&land);
    let without: Arc<str> = base.replace("2026-12-01", "2026-12-02").into();
    let with: Arc<str> = format!("{base}{NO_REFUNDS}").into();
    land.enact(new_law(vec![with], Some(operator(b"DE"))));
    land.fund("alice", Source::Card, 1_000);
    let paid = land.id_of(pay("alice", "shop", 50));
    let refused = land.new_id();
    let op = land.refund(paid, 10);
    let command = besides(land.command(refused, op), |besides| {
        besides.circumstances.flags.insert(policy::Flag::InCash);
    });
    land.check_command(&command, engine::Code::NotAllowed);
    let law = NewLaw {
        packs: vec![without],
        ..NewLaw::default()
    };
    let found = changes(&simulate(&land, law, UtcMillis(0)));
    let allowed = (Was::Refused, Becomes::Allowed, "zz/refund.cash".to_owned());
    assert_eq!(found, BTreeMap::from([(refused, allowed)]));
}

#[test]
fn a_pilot_in_a_draft_is_held_against_every_payment_and_a_wider_one_lets_in() {
    use engine::law::{LawSettings, Pilot};
    use engine::terms::Country;
    let start = |pilot| LawSettings {
        pilot: Some(pilot),
        ..operator(b"DE")
    };
    let narrow = Pilot {
        countries: vec![Country(*b"DE")],
        payers_max: Some(1),
        volume_max: Some((USD, 100)),
        ..Pilot::default()
    };
    let mut t = funded();
    let first = t.id_of(pay("alice", "shop", 60));
    let other_payer = t.id_of(pay("bob", "shop", 1));
    let same_party = t.id_of(pay("alice2", "shop", 40));
    let abroad = t.id_of(transfer("alice", "carol", 1));
    let second_is_abroad = t.id_of(split("alice", &[("shop", 1), ("carol", 1)], 2));
    let too_much = t.id_of(pay("alice", "shop", 1));
    let law = |settings| NewLaw {
        settings: Some(settings),
        ..NewLaw::default()
    };
    let found = changes(&simulate(&t, law(start(narrow.clone())), UtcMillis(0)));
    let denied = |code: &str| (Was::Allowed, Becomes::Denied, format!("pilot/{code}"));
    let mut expected = BTreeMap::from([
        (other_payer, denied("outside_payers")),
        (abroad, denied("outside_countries")),
        (second_is_abroad, denied("outside_countries")),
        (too_much, denied("outside_volume")),
    ]);
    // Carol, who is in France, cannot even top up.
    let mut of_carol = found.clone();
    of_carol.retain(|id, _| !expected.contains_key(id));
    assert_eq!(of_carol.len(), 1, "{found:?}");
    expected.extend(of_carol);
    assert_eq!(found, expected);
    assert!(!found.contains_key(&first) && !found.contains_key(&same_party));

    // The same, in force: its refusals, and what a wider one makes of them.
    let mut land = Land::lawless();
    land.fund("alice", Source::Card, 10_000);
    land.fund("bob", Source::Card, 10_000);
    let pack = strict(&land);
    land.enact(new_law(vec![pack], Some(start(narrow.clone()))));
    use engine::Code;
    land.run(pay("alice", "shop", 60));
    let payers = land.check(pay("bob", "shop", 1), Code::OutsidePayers);
    let volume = land.check(pay("alice", "shop", 41), Code::OutsideVolume);
    let abroad = land.check(
        split("alice", &[("shop", 1), ("carol", 1)], 2),
        Code::OutsideCountries,
    );
    let poor = land.check(pay("carol", "shop", 1), Code::InsufficientFunds);
    let found = changes(&simulate(&land, law(start(narrow.clone())), UtcMillis(0)));
    assert!(
        found.is_empty(),
        "what is in force changes nothing: {found:?}"
    );
    let wider = Pilot {
        payers_max: Some(2),
        volume_max: Some((USD, 101)),
        ..narrow
    };
    let found = changes(&simulate(&land, law(start(wider)), UtcMillis(0)));
    let allowed = |code: &str| (Was::Refused, Becomes::Allowed, format!("pilot/{code}"));
    let expected = BTreeMap::from([(payers, allowed("outside_payers"))]);
    assert_eq!(
        found, expected,
        "one more payer, and the volume is full then"
    );
    let found = changes(&simulate(&land, law(operator(b"DE")), UtcMillis(0)));
    let expected = BTreeMap::from([
        (payers, allowed("outside_payers")),
        (volume, allowed("outside_volume")),
        (abroad, allowed("outside_countries")),
    ]);
    assert_eq!(found, expected);
    assert!(!found.contains_key(&poor));
}
