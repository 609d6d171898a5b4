//! How long a check takes, with every shipped pack on.
//!
//! ```sh
//! cargo run --release -p policy --example policy_speed
//! ```
#![allow(clippy::unwrap_used)]

use money::Asset;
use policy::{
    Age, Channel, Civil, Counters, Date, Elapsed, Facts, Flag, Funds, Leg, Moves, PartyFacts,
    PartyKind, Payment, Per, Presence, Product, RuleAsset, Ruleset, Screening, Set, Settings, Side,
    Status, Technology, Tier, Verdict, builtin_packs, compile,
};
use std::hint::black_box;
use std::time::Instant;

/// Nanoseconds this thread had a core, so that a busy machine does not blur the number; where the
/// system does not say, nanoseconds gone by.
fn on_core_ns(start: Instant) -> u64 {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ns = said.and_then(|text| text.split(' ').next()?.parse().ok());
    ns.unwrap_or_else(|| start.elapsed().as_nanos() as u64)
}

/// Few enough to stay in the cache: the step looks a batch's parties up ahead, so that their cache
/// misses are not this crate's.
const PARTIES: usize = 1_000;
const CHECKS: usize = 4_000_000;
const SLOTS: usize = 6;

/// A few slots a party, as a state would keep them.
#[derive(Clone, Copy, Default)]
struct Slot {
    measure: u16,
    period: u32,
    used: u64,
}

struct Slots<'a>(&'a [Slot; SLOTS]);

impl Counters for Slots<'_> {
    #[inline]
    fn used(&self, side: Side, measure: u16, from: u32, to: u32) -> u128 {
        if side == Side::Payee {
            return 0;
        }
        let key = measure + 1;
        let mut sum = 0;
        for slot in self.0 {
            if slot.measure == key && slot.period >= from && slot.period <= to {
                sum += u128::from(slot.used);
            }
        }
        sum
    }

    #[inline]
    fn balance(&self, _: Side, _: Per, _: &RuleAsset) -> u128 {
        0
    }
}

fn party(country: &str, tier: Tier) -> PartyFacts {
    PartyFacts {
        country: country.parse().unwrap(),
        tier,
        kind: if tier == Tier::Business {
            PartyKind::Business
        } else {
            PartyKind::Person
        },
        age: Age::Adult,
        segment: 0,
    }
}

fn run(
    name: &str,
    set: &Ruleset,
    payers: &[&str],
    payee: &str,
    tier: Tier,
    asset: u16,
    atoms: u64,
) {
    let parties: Vec<PartyFacts> = payers.iter().map(|country| party(country, tier)).collect();
    let payee = party(payee, Tier::Business);
    let day = "2026-11-23".parse::<Date>().unwrap().0;
    let now = vec![Civil::new(day, 40_000); set.zones().len()];
    let mut slots = vec![[Slot::default(); SLOTS]; PARTIES];
    let mut moves = Moves::new();
    let (mut allowed, mut moved, mut traced) = (0u64, 0u64, 0u64);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let clock = Instant::now();
    let before = on_core_ns(clock);
    for _ in 0..CHECKS {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let who = (seed >> 32) as usize % PARTIES;
        let legs = [Leg {
            funds: Funds::Card,
            atoms,
        }];
        let facts = Facts {
            payment: Payment::Spend,
            asset,
            legs: &legs,
            payer: parties[who % parties.len()],
            payee,
            channel: Channel::Wallet,
            product: Product::Digital,
            presence: Presence::Remote,
            technology: Technology::Online,
            screening: Screening::Clear,
            flags: Set::<Flag>::EMPTY,
            confirmed: Set::EMPTY,
            elapsed: Elapsed::LONG_AGO,
            asks_payer: true,
            asks_payee: true,
        };
        let convert = |_: &RuleAsset, atoms: u64| Some(atoms);
        let verdict = set.check(
            black_box(&facts),
            &now,
            &Slots(&slots[who]),
            convert,
            &mut moves,
        );
        allowed += u64::from(verdict == Verdict::Allow);
        moved += moves.moves.len() as u64;
        traced += moves.trace.len() as u64;
        // Fold the moves as a state would, starting over before a limit is reached.
        for step in &moves.moves {
            let slots = &mut slots[who];
            let key = step.measure + 1;
            let at = slots
                .iter()
                .position(|s| s.measure == key)
                .unwrap_or_else(|| slots.iter().position(|s| s.measure == 0).unwrap_or(0));
            slots[at].measure = key;
            slots[at].period = step.period;
            slots[at].used = slots[at].used.wrapping_add_signed(step.delta as i64) % (atoms * 3);
        }
    }
    let ns = (on_core_ns(clock) - before) / CHECKS as u64;
    let per = |n: u64| n as f64 / CHECKS as f64;
    println!(
        "{name:<44} {ns:>5} ns   {:>5.1} % allowed   {:.1} moves   {:.1} rules traced",
        100.0 * per(allowed),
        per(moved),
        per(traced)
    );
}

fn main() {
    let assets = ["EUR", "KRW", "USD", "NGN"];
    let settings = |country: &str| Settings {
        country: country.parse().unwrap(),
        status: [Status::EMoney].into_iter().collect(),
        assets: assets
            .iter()
            .map(|code| Asset::known(code).unwrap())
            .collect(),
        segments: Vec::new(),
        counters: Vec::new(),
        numbers: Vec::new(),
        first_day: "2026-11-22".parse().unwrap(),
    };
    let packs = builtin_packs().unwrap();
    let start = Instant::now();
    let set = compile(&packs, &settings("FR"), None).unwrap();
    println!(
        "{} packs, {} measures, compiled in {} µs",
        packs.len(),
        set.measures().len(),
        start.elapsed().as_micros()
    );
    // No pack looks at anything: what is left is the loop that makes the facts.
    let nothing = compile(&[], &settings("FR"), None).unwrap();
    let states = ["FR", "DE", "PT", "FI"];
    run(
        "the measuring alone",
        &nothing,
        &states,
        "FR",
        Tier::Identified,
        0,
        2_500_000,
    );
    run(
        "EU, one pack, exempt",
        &set,
        &states,
        "FR",
        Tier::Identified,
        0,
        2_500_000,
    );
    run(
        "EU, phone tier, two limits and an exemption",
        &set,
        &states,
        "FR",
        Tier::Phone,
        0,
        2_500_000,
    );
    let korea = compile(&packs, &settings("KR"), None).unwrap();
    run(
        "KR, one pack",
        &korea,
        &["KR"],
        "KR",
        Tier::Identified,
        1,
        35_000_000,
    );
    let rest = compile(&packs, &settings("CH"), None).unwrap();
    run(
        "rest of the world, every kind of rule",
        &rest,
        &["CH"],
        "CH",
        Tier::Identified,
        2,
        2_500_000,
    );
    let three = compile(&packs, &settings("NG"), None).unwrap();
    run(
        "payer FR, payee KR, operator NG: three packs",
        &three,
        &["FR"],
        "KR",
        Tier::Identified,
        0,
        2_500_000,
    );
}
