//! Counters against history read again, naively: every payment, refund, void and return with its own
//! arithmetic and the calendar's, knowing nothing of rulesets, measures or the effects that move them.

use super::commerce::{Life, WINDOWS, counts, packs};
use super::land::*;
use crate::town::*;
use engine::codec::{FORMAT, RowReader};
use engine::law::MEASURE_FIRST;
use engine::records::{PartyNo, WalletNo};
use engine::{Effect, Event, EventKind, Id, Position, State, UtcMillis, apply};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::Source;
use policy::{Side, Window};
use std::collections::BTreeMap;

/// A rule of both packs, as a clerk would read it.
struct Rule {
    pack: &'static str,
    side: Side,
    window: &'static str,
    gives: &'static str,
    payments: &'static str,
}

fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    for pack in ["one", "two"] {
        for (window, gives, payments) in WINDOWS {
            for side in [Side::Payer, Side::Payee] {
                rules.push(Rule {
                    pack,
                    side,
                    window,
                    gives,
                    payments,
                });
            }
        }
    }
    rules
}

fn country(state: &State, party: PartyNo) -> [u8; 2] {
    state.parties[party.0 as usize].country.0
}

/// The zone that a pack counts a party's days in: its own, that of the operator, the other's.
fn zone(pack: &str, of: [u8; 2], other: [u8; 2]) -> Option<&'static str> {
    let zone = |country: [u8; 2]| match (pack, &country) {
        ("one", b"DE") => Some("Europe/Berlin"),
        ("one", b"PT") => Some("Atlantic/Azores"),
        ("two", b"KR") => Some("Asia/Seoul"),
        _ => None,
    };
    zone(of).or(zone(*b"DE")).or(zone(other))
}

/// Whether a pack's rule of a side is there: its operator is German.
fn reaches(pack: &str, of: [u8; 2]) -> bool {
    pack == "one" || of == *b"KR"
}

/// The number of a period, by the calendar.
fn period(window: &str, at: UtcMillis, zone: &str) -> u32 {
    let at = Timestamp::from_millisecond(i64::try_from(at.0).unwrap()).unwrap();
    let there = at.to_zoned(TimeZone::get(zone).unwrap()).date();
    let first = jiff::civil::date(1970, 1, 1);
    let days = (there - first).get_days();
    let months = i32::from(there.year()) * 12 + i32::from(there.month()) - 1;
    let number = match window {
        "day" | "rolling 2 days" => days,
        "week" => (days + 3) / 7,
        "month" | "rolling 2 months" => months,
        "year" => months / 12,
        _ => 0,
    };
    u32::try_from(number).unwrap()
}

/// What something took, to be given back in part.
#[derive(Clone)]
struct Took {
    whole: u64,
    shares: Vec<(usize, PartyNo, u32, u128)>,
}

#[derive(Default)]
struct Clerk {
    /// By rule, party and period.
    sums: BTreeMap<(usize, PartyNo, u32), u128>,
    took: BTreeMap<Id, Took>,
    given: u32,
}

impl Clerk {
    /// Something done by one party to others; the amount of the first is the whole.
    fn took(
        &mut self,
        state: &State,
        event: &Event,
        id: Id,
        word: &str,
        (payer, asset, gross): (PartyNo, &str, u64),
        payees: &[(PartyNo, u64)],
    ) {
        let mut shares = Vec::new();
        for (number, rule) in rules().iter().enumerate() {
            if !rule.payments.split("\", \"").any(|known| known == word) {
                continue;
            }
            // Of several payees, the payer's side sees one abroad.
            let home = country(state, payer);
            let abroad = payees.iter().find(|(p, _)| country(state, *p) != home);
            let seen = abroad.or(payees.first()).map_or(payer, |(p, _)| *p);
            let of_side = match rule.side {
                Side::Payer => vec![(payer, seen, gross)],
                Side::Payee => payees.iter().map(|(p, part)| (*p, payer, *part)).collect(),
            };
            for (party, other, amount) in of_side {
                let (of, other) = (country(state, party), country(state, other));
                if !reaches(rule.pack, of) || amount == 0 {
                    continue;
                }
                let zone = zone(rule.pack, of, other).unwrap();
                let period = period(rule.window, event.at, zone);
                let in_rule = match (rule.side, asset, rule.pack) {
                    // Payees' rules count payments.
                    (Side::Payee, ..) => 1,
                    (_, "EUR", "two") => u128::from(amount.div_ceil(100)),
                    (_, "KRW", "one") => u128::from(amount) * 100,
                    _ => u128::from(amount),
                };
                *self.sums.entry((number, party, period)).or_default() += in_rule;
                shares.push((number, party, period, in_rule));
            }
        }
        let whole = gross;
        self.took.insert(id, Took { whole, shares });
    }

    /// From so much to so much of something is undone.
    fn gives(&mut self, id: Id, how: &str, from: u64, to: u64) {
        let Some(took) = self.took.get(&id).cloned() else {
            return;
        };
        let whole = u128::from(took.whole.max(1));
        for (number, party, period, taken) in took.shares {
            if !rules()[number].gives.contains(how) {
                continue;
            }
            let share = |part: u64| taken * u128::from(part.min(took.whole)) / whole;
            let sum = self.sums.entry((number, party, period)).or_default();
            let back = (share(to) - share(from)).min(*sum);
            *sum -= back;
            self.given += u32::from(back > 0);
        }
    }

    fn read(&mut self, state: &State, event: &Event) {
        let of = |wallet: WalletNo| state.wallets[wallet.0 as usize].party;
        let code = |asset: ledger::AssetNo| state.assets[usize::from(asset.0)].code.to_string();
        let mut captured = 0;
        for effect in &event.effects {
            match (effect, event.kind) {
                (Effect::Paid(paid), Paid | Transferred | EventKind::Split) => {
                    let word = match event.kind {
                        Transferred => "transfer",
                        _ => "spend",
                    };
                    let mut payees = vec![(of(paid.payee), paid.gross)];
                    if event.kind == EventKind::Split {
                        let asked = event.part(event.id).unwrap();
                        let shares = &asked.asked().unwrap().shares;
                        assert_eq!(shares.iter().map(|s| s.1).sum::<u64>(), paid.gross);
                        payees = shares.iter().map(|(w, part)| (of(*w), *part)).collect();
                    }
                    let asset = code(paid.asset);
                    let spent = (of(paid.payer), asset.as_str(), paid.gross);
                    self.took(state, event, event.id, word, spent, &payees);
                }
                (Effect::HoldOpened(hold), _) => {
                    let asset = code(hold.asset);
                    let spent = (of(hold.payer), asset.as_str(), hold.authorized);
                    let payees = [(of(hold.payee), hold.authorized)];
                    self.took(state, event, event.id, "spend", spent, &payees);
                }
                (Effect::TopUpOpened(topup), _) => {
                    let (party, asset) = (of(topup.wallet), code(topup.asset));
                    let loaded = (party, asset.as_str(), topup.amount);
                    let payees = [(party, topup.amount)];
                    self.took(state, event, event.id, "load", loaded, &payees);
                }
                (Effect::WithdrawalOpened(out), _) => {
                    let (party, asset) = (of(out.wallet), code(out.asset));
                    let sum = out.legs.iter().map(|leg| leg.amount).sum();
                    let is_income = |leg: &engine::records::Leg| {
                        state.book.account(leg.account).source == Some(Source::Earned)
                    };
                    let word = match out.legs.iter().all(is_income) {
                        true => "withdrawal",
                        false => "redemption",
                    };
                    let paid = (party, asset.as_str(), sum);
                    self.took(state, event, event.id, word, paid, &[(party, sum)]);
                }
                (
                    &Effect::HoldCaptured {
                        payment, amount, ..
                    },
                    _,
                ) => {
                    captured = amount;
                    let hold = &state.holds[&(TENANT, payment)];
                    let held = self.took[&payment].clone();
                    let share = |taken: u128, part: u64| {
                        taken * u128::from(part) / u128::from(hold.authorized)
                    };
                    let after = hold.captured + amount;
                    let shares = held.shares.iter().map(|(rule, party, period, taken)| {
                        let used = share(*taken, after) - share(*taken, hold.captured);
                        (*rule, *party, *period, used)
                    });
                    let shares = shares.collect();
                    self.took.insert(
                        event.id,
                        Took {
                            whole: amount,
                            shares,
                        },
                    );
                }
                (&Effect::HoldClosed { payment }, _) => {
                    let hold = &state.holds[&(TENANT, payment)];
                    let rest = hold.authorized - hold.captured - captured;
                    self.gives(payment, "void", 0, rest);
                }
                (&Effect::Reversed { thing, amount }, EventKind::Refunded) => {
                    let before = state.reversed.get(&(TENANT, thing)).copied().unwrap_or(0);
                    self.gives(thing, "refund", before, before + amount);
                }
                (&Effect::Reversed { thing, amount }, EventKind::TopUpReversed) => {
                    let before = state.reversed.get(&(TENANT, thing)).copied().unwrap_or(0);
                    self.gives(thing, "void", before, before + amount);
                }
                (&Effect::DisputeClosed { dispute }, EventKind::DisputeLost) => {
                    let record = &state.disputes[&(TENANT, dispute)];
                    let to = record.before + record.amount;
                    self.gives(record.payment, "refund", record.before, to);
                }
                (&Effect::WithdrawalClosed { withdrawal }, EventKind::WithdrawalReturned) => {
                    self.gives(withdrawal, "void", 0, u64::MAX);
                }
                _ => {}
            }
        }
    }
}

/// Each event, with the State before it.
fn each_event(land: &Land, mut look: impl FnMut(&State, &Event)) {
    let mut state = State::new(7);
    let mut event = Event::empty();
    for (seq, row) in (1u64..).zip(&land.rows) {
        let mut reader = RowReader::new(FORMAT, row).unwrap();
        while reader.next_event(&mut event).unwrap() {
            look(&state, &event);
            apply(&mut state, &event, Position { seq, index: 0 });
        }
    }
}

#[test]
fn counters_are_what_a_clerk_reads_out_of_history_with_several_packs_versions_and_zones() {
    let mut given = 0;
    for seed in 20..=25 {
        // Counted from the second version on, with what was before; a third changes only numbers.
        let mut life = Life::new(seed, seed % 2 == 0);
        (0..300).for_each(|_| life.step());
        life.land.enact(new_law(packs("2026-02-02", true), None));
        if seed % 2 != 0 {
            life.paid.clear();
        }
        (0..150).for_each(|_| life.step());
        let third = packs("2026-03-03", true);
        let third = third
            .iter()
            .map(|text| text.replace("1000000 ", "2000000 ").into());
        life.land.enact(new_law(third.collect(), None));
        (0..150).for_each(|_| life.step());

        let mut clerk = Clerk::default();
        each_event(&life.land, |state, event| clerk.read(state, event));
        given += clerk.given;
        let rules = rules();
        let law = life.land.law();
        assert_eq!(law.version, 3);
        let mut agreed = 0;
        for (no, measure) in law.ruleset.measures().iter().enumerate() {
            assert_eq!(usize::from(measure.number), no);
            if !measure.is_used {
                continue;
            }
            let pack = measure.name();
            let number = rules.iter().position(|rule| {
                let window = rule.window.parse::<Window>().unwrap();
                pack.starts_with(&format!("{}.", rule.pack))
                    && measure.window() == window
                    && measure.side() == rule.side
            });
            let number = number.unwrap();
            for party in 0..u32::try_from(life.land.state.parties.len()).unwrap() {
                let party = PartyNo(party);
                let list = life.land.state.counts_of(party).iter();
                let kept: BTreeMap<u32, u128> = list
                    .filter(|count| count.measure == MEASURE_FIRST + measure.number)
                    .map(|count| (count.period, count.used()))
                    .collect();
                let read = clerk
                    .sums
                    .range((number, party, 0)..=(number, party, u32::MAX));
                let read = read.map(|((.., period), sum)| (*period, *sum));
                let read: BTreeMap<u32, u128> = read.filter(|(_, sum)| *sum > 0).collect();
                // What was given back again has made older ones go too.
                let all = clerk
                    .sums
                    .range((number, party, 0)..=(number, party, u32::MAX));
                let last = all.last().map_or(0, |((.., period), _)| *period);
                for (period, sum) in &read {
                    // Older ones may have been dropped.
                    if period + measure.periods_kept() >= last {
                        assert_eq!(kept.get(period), Some(sum), "{seed} {pack} {party:?}");
                        agreed += 1;
                    }
                }
                for (period, used) in &kept {
                    assert_eq!(read.get(period), Some(used), "{seed} {pack} {party:?}");
                }
            }
        }
        assert!(agreed > 60, "{agreed}");
        assert!(counts(&life.land).len() >= agreed);
    }
    assert!(given > 200, "{given}");
}
