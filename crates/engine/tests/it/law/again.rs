//! Decisions shown again, and counters that come to the same.

use super::land::*;
use crate::town::*;
use engine::codec::{FORMAT, RowReader};
use engine::law::{Count, MEASURE_FIRST, Rewards, used};
use engine::records::PartyNo;
use engine::{Effect, Event, EventKind, Id, Op, Position, State, apply, explain, snapshot};
use ledger::Source;
use policy::{Age, Audience, Context, Lang, Tier, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The state right before an event, from the journal alone.
fn before(town: &Town, id: Id) -> (State, Event) {
    let mut state = State::new(7);
    for (seq, row) in (1..).zip(&town.rows) {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        let mut event = Event::empty();
        assert!(reader.next_event(&mut event).unwrap());
        if event.part(id).is_some() {
            return (state, event);
        }
        apply(&mut state, &event, Position { seq, index: 0 });
    }
    panic!("{id:?} is in the journal");
}

pub fn in_words(town: &Town, id: Id, audience: Audience) -> policy::Explanation {
    let (state, event) = before(town, id);
    let said = explain::law(&state, &event, id).unwrap();
    let law = state.law(TENANT).unwrap();
    let packs = law.packs_parsed();
    let context = Context {
        set: &law.ruleset,
        packs: &packs,
        day: said.day,
        payer: said.payer,
        payee: said.payee,
        audience,
        lang: Lang::En,
    };
    policy::explain(&context, said.verdict, &said.trace)
}

fn seoul() -> Land {
    let mut land = Land::of(b"KR");
    land.settle("payer", b"KR", Tier::Identified);
    land.settle("seller", b"KR", Tier::Business);
    land
}

/// Korea with another monthly number.
fn kr(number: &str, version: &str) -> Arc<str> {
    builtin("kr")
        .replace("1000000 KRW", number)
        .replace(
            "version = \"2026-11-23\"",
            &format!("version = \"{version}\""),
        )
        .into()
}

#[test]
fn a_payment_of_version_one_is_explained_by_it_after_two_and_three() {
    let mut land = seoul();
    land.load("payer", Source::Carrier, "900000 KRW", Loaded);
    let paid = land.pays("payer", "seller", "700000 KRW", Paid);
    let refused = {
        let (asset, amount) = land.money("100000.01 KRW");
        let op = Op::TopUp {
            wallet: wal("payer"),
            asset,
            amount,
            source: Source::Carrier,
            channel: engine::records::Channel::MANUAL,
            spendable: true,
        };
        land.check(op, engine::Code::LimitPerMonth)
    };
    land.enact(new_law(vec![kr("600000 KRW", "2026-12-01")], None));
    land.pays("payer", "seller", "1 KRW", engine::Code::LimitPerMonth);
    land.enact(new_law(vec![kr("300000 KRW", "2027-01-01")], None));
    let words = in_words(&land, paid, Audience::Operator);
    assert_eq!(words.verdict, "allow");
    let line = words
        .trace
        .iter()
        .find(|line| line.rule == "kr/carrier.monthly-spend");
    let line = line.unwrap();
    assert!(line.text.contains("1,000,000"), "{}", line.text);
    assert!(line.is_terms);
    let words = in_words(&land, refused, Audience::Payer);
    assert_eq!(
        (words.verdict, words.reason),
        ("deny", Some("limit_per_month"))
    );
    assert_eq!(words.rule.as_deref(), Some("kr/carrier.monthly"));
}

#[test]
fn what_screening_stopped_is_neutral_to_payer_and_seller_and_whole_to_compliance() {
    let mut land = seoul();
    land.give("payer", Source::Card, "1000 KRW");
    let mut spend = land.spend("payer", "1 KRW");
    spend.circumstances.screening = policy::Screening::Laundering;
    let id = land.check(pay_with(spend, "seller"), engine::Code::LawDeclined);
    for audience in [Audience::Payer, Audience::Seller] {
        let words = in_words(&land, id, audience);
        assert_eq!((words.reason, words.rule), (Some(policy::DECLINED), None));
        assert!(
            words
                .trace
                .iter()
                .all(|line| !line.rule.contains("screening"))
        );
    }
    let words = in_words(&land, id, Audience::Compliance);
    assert_eq!(words.rule.as_deref(), Some("kr/screening"));
    let code = engine::Code::LawDeclined;
    let shown = code.shown_to(engine::code::Audience::Seller);
    assert_eq!(shown, engine::Code::Declined);
    assert_eq!(code.shown_to(engine::code::Audience::Compliance), code);
}

/// The same verdict and trace for everything asked, from the journal alone.
fn all_is_shown_again(town: &Town) {
    let mut state = State::new(7);
    for (seq, row) in (1..).zip(&town.rows) {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        let mut event = Event::empty();
        assert!(reader.next_event(&mut event).unwrap());
        for part in event.parts() {
            let Some(said) = explain::law(&state, &event, part.id) else {
                continue;
            };
            let refused = part.effects.iter().any(|e| matches!(e, Effect::Refused(_)));
            match part.kind {
                kind if kind.is_refusal() => assert!(refused),
                kind if kind.asks_step_up() => {
                    assert!(matches!(said.verdict, Verdict::StepUp { .. }), "{event:?}");
                }
                _ => assert_eq!(said.verdict, Verdict::Allow, "{event:?}\n{said:?}"),
            }
        }
        apply(&mut state, &event, Position { seq, index: 0 });
    }
}

/// What every party has used, added up naively from the journal, none of it dropped.
fn naive(town: &Town) -> BTreeMap<(PartyNo, u16, u32), i128> {
    let mut sums = BTreeMap::new();
    for row in &town.rows {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        let mut event = Event::empty();
        while reader.next_event(&mut event).unwrap() {
            for effect in &event.effects {
                if let Effect::Backfilled(counted) = effect {
                    for sum in &counted.sums {
                        sums.insert((sum.party, sum.measure, sum.period), sum.delta);
                    }
                }
                for moved in effect.measured().filter(|m| m.measure >= MEASURE_FIRST) {
                    let key = (moved.party, moved.measure, moved.period);
                    let sum: &mut i128 = sums.entry(key).or_default();
                    *sum += moved.delta;
                    assert!(*sum >= 0, "{event:?}");
                }
            }
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// Counters are those of the journal, as far as they are still needed; and a replay and a restored
/// snapshot have the same.
fn counters_agree(town: &Town) {
    let sums = naive(town);
    for no in 0..town.state.parties.len() {
        let party = PartyNo(u32::try_from(no).unwrap());
        let counts = town.state.counts_of(party);
        for count in counts {
            let (measure, period, used) = (count.measure, count.period, count.used());
            let sum = sums.get(&(party, measure, period));
            assert_eq!(sum.copied(), i128::try_from(used).ok());
        }
        // What was dropped is older than what is there.
        for ((_, measure, period), _) in sums.iter().filter(|(key, _)| key.0 == party) {
            let kept = counts
                .iter()
                .any(|c| (c.measure, c.period) == (*measure, *period));
            let later = |c: &&Count| c.measure == *measure && c.period > *period;
            let reset_later = town.state.law(TENANT).is_some();
            assert!(kept || counts.iter().any(|c| later(&c)) || reset_later);
        }
    }
    let mut replayed = State::new(3);
    for (seq, row) in (1..).zip(&town.rows) {
        let mut replay = engine::Replay::default();
        replay
            .row(&mut replayed, seq, FORMAT, row, |_, _, _| {})
            .unwrap();
    }
    assert_eq!(snapshot::digest(&replayed), snapshot::digest(&town.state));
    let restored = snapshot::decode(&snapshot::encode(&town.state), 5).unwrap();
    assert_eq!(snapshot::digest(&restored), snapshot::digest(&town.state));
    assert_eq!(restored.counts, town.state.counts);
    for no in 0..town.state.parties.len() {
        let party = PartyNo(u32::try_from(no).unwrap());
        assert!(restored.wallets_of(party).eq(town.state.wallets_of(party)));
    }
}

#[test]
fn an_authorization_reserves_and_its_ends_give_back_what_the_pack_says() {
    let mut land = seoul();
    let (krw, _) = land.asset("KRW");
    land.load("payer", Source::Carrier, "1000000 KRW", Loaded);
    let hold = |land: &mut Land, text: &str| {
        let spend = land.spend("payer", text);
        let (payee, expires) = (wal("seller"), Some(land.now.plus(HOUR)));
        let op = Op::Authorize {
            spend,
            payee,
            expires,
        };
        land.id_of(op)
    };
    let room = |land: &Land| {
        let law = land.law();
        let party = land.state.party_no(TENANT, par("payer")).unwrap();
        let spent =
            law.ruleset.measures().iter().filter(|m| {
                m.window() == policy::Window::Month && m.is_used && !m.refund_gives_back()
            });
        spent
            .map(|m| used(&land.state, party, m.number, 0))
            .collect::<Vec<_>>()
    };
    let start = room(&land);
    let first = hold(&mut land, "600000 KRW");
    assert_ne!(room(&land), start);
    land.pays(
        "payer",
        "seller",
        "400000.01 KRW",
        engine::Code::InsufficientFunds,
    );
    land.run(Op::Void { payment: first });
    assert_eq!(room(&land), start);
    // Captured in part, and the rest expires: the part stays used.
    let second = hold(&mut land, "600000 KRW");
    let part = land.money("150000 KRW").1.0;
    let captured = land.id_of(capture(second, part));
    land.later(2 * HOUR);
    land.run_timers();
    let after = room(&land);
    let third = land.pays("payer", "seller", "850000 KRW", Paid);
    // The carriers' terms give nothing back for a refund.
    let whole = land.money("850000 KRW").1.0;
    let op = land.refund(third, whole);
    let full = room(&land);
    land.run(op);
    assert_eq!(room(&land), full);
    assert_ne!(after, full);
    let op = land.refund(captured, part);
    land.run(op);
    assert_eq!(land.asset("KRW").0, krw);
    counters_agree(&land);
    all_is_shown_again(&land);
}

#[test]
fn rewards_take_off_the_fee_by_tier_and_after_two_factors() {
    let mut rewards = Rewards::default();
    rewards.tiers[Tier::Strong as usize] = 250_000;
    rewards.strong = 500_000;
    let mut land = Land::with(engine::law::LawSettings {
        rewards,
        ..operator(b"DE")
    });
    let terms = engine::terms::Terms {
        fee_share: ppm(100_000),
        ..land.state.tenants[0].terms.clone()
    };
    land.set_terms(terms);
    land.settle("low", b"DE", Tier::Identified);
    land.settle("high", b"DE", Tier::Strong);
    land.settle("seller", b"DE", Tier::Business);
    for wallet in ["low", "high"] {
        land.give(wallet, Source::Card, "100 EUR");
    }
    let fee = |land: &Land, id: Id| land.events[&id].part(id).unwrap().paid().unwrap().fee;
    let cent = land.money("0.01 EUR").1.0;
    let low = land.pays("low", "seller", "1 EUR", Paid);
    let high = land.pays("high", "seller", "1 EUR", Paid);
    assert_eq!(
        (fee(&land, low), fee(&land, high)),
        (10 * cent, 15 * cent / 2)
    );
    land.confirms("high", "seller", "1 EUR", Paid);
    let last = land.events.values().max_by_key(|e| (e.at, e.id)).unwrap();
    let fees = land
        .events
        .values()
        .filter_map(|e| e.part(e.id)?.paid().copied());
    assert!(
        fees.into_iter().any(|paid| paid.fee == 5 * cent),
        "{last:?}"
    );
}

/// A random life under all packs.
fn a_life(seed: u64, steps: u32) -> Land {
    let mut dice = crate::dice::Dice(seed);
    let mut land = Land::lawless();
    let who = [
        ("de", b"DE", Tier::Identified),
        ("kr", b"KR", Tier::Phone),
        ("ng", b"NG", Tier::Anonymous),
        ("in", b"IN", Tier::Strong),
        ("gb", b"GB", Tier::Identified),
        ("us", b"US", Tier::Business),
        ("ch", b"CH", Tier::Business),
    ];
    for (name, country, tier) in who {
        land.settle(name, country, tier);
        land.give(name, Source::Card, "5000 EUR");
        land.give(name, Source::Carrier, "500000 KRW");
    }
    let at = [b"DE", b"KR", b"NG", b"IN"][dice.pick(4) as usize];
    land.enact(new_law(all_packs(), Some(operator(at))));
    let mut done: Vec<(Id, u64)> = Vec::new();
    let mut holds: Vec<(Id, u64)> = Vec::new();
    for _ in 0..steps {
        land.later(dice.pick(5) * HOUR);
        land.run_timers();
        let name = |dice: &mut crate::dice::Dice| who[dice.pick(7) as usize].0;
        let (payer, payee) = (name(&mut dice), name(&mut dice));
        let text = ["1 EUR", "9.99 EUR", "100 EUR", "1000 KRW", "150000 KRW"];
        let mut spend = land.spend(payer, text[dice.pick(5) as usize]);
        spend.confirmed = (dice.pick(3) == 0).into();
        if dice.pick(4) == 0 {
            spend.circumstances.presence = policy::Presence::Contactless;
        }
        let amount = spend.amount.0;
        let op = match dice.pick(9) {
            0 => {
                let payee = wal(payee);
                Op::Transfer { spend, payee }
            }
            1 => Op::Split {
                spend,
                payees: [payee, "us", "ch"]
                    .into_iter()
                    .map(|name| engine::command::Share {
                        payee: wal(name),
                        weight: 1 + dice.pick(3),
                    })
                    .collect(),
            },
            2 | 3 => Op::Authorize {
                spend,
                payee: wal(payee),
                expires: Some(land.now.plus(20 * HOUR)),
            },
            4 if !holds.is_empty() => {
                let (id, whole) = holds[dice.pick(holds.len() as u64) as usize];
                if dice.pick(3) == 0 {
                    Op::Void { payment: id }
                } else {
                    capture(id, 1 + dice.pick(whole))
                }
            }
            5 | 6 if !done.is_empty() => {
                let (id, whole) = done[dice.pick(done.len() as u64) as usize];
                land.refund(id, 1 + dice.pick(whole))
            }
            _ => pay_with(spend, payee),
        };
        let what = match &op {
            Op::Authorize { .. } => 1,
            Op::Pay { .. } | Op::Split { .. } | Op::Transfer { .. } | Op::Capture { .. } => 2,
            _ => 0,
        };
        let captured = match &op {
            Op::Capture { amount, .. } => amount.0,
            _ => amount,
        };
        if let (id, Answer::Done(event)) = land.try_run(op) {
            match (what, event.kind) {
                (1, EventKind::Authorized) => holds.push((id, amount)),
                (2, kind) if kind.is_refusal() || kind.asks_step_up() => {}
                (2, _) => done.push((id, captured)),
                _ => {}
            }
        }
    }
    land
}

#[test]
fn counters_are_what_the_journal_adds_up_to_whatever_happens() {
    for seed in 1..=6 {
        let land = a_life(seed, 400);
        let counted = land.state.counts.iter().filter(|list| !list.is_empty());
        assert!(counted.count() > 3, "something is counted");
        counters_agree(&land);
        all_is_shown_again(&land);
    }
    assert_eq!(Age::Unknown as u8, 0);
}
