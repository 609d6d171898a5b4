//! A small world to ask the rules in: zones from the zone database, counters in a map.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use money::{Asset, Rate};
use policy::{
    Age, Alike, Amount, Channel, Civil, Counter, Counters, Country, Date, Elapsed, Facts, Flag,
    Funds, Leg, Move, Moves, Pack, PartyFacts, PartyKind, Payment, Per, Presence, Product,
    RuleAsset, RuleNo, Ruleset, Screening, Set, Settings, Side, Status, StepUp, Technology, Tier,
    Verdict, compile,
};
use std::collections::BTreeMap;

pub const ASSETS: [&str; 12] = [
    "EUR", "GBP", "KRW", "USD", "JPY", "SGD", "INR", "BRL", "KES", "NGN", "IDR", "CHF",
];

/// Counters as naive as can be.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pub sums: BTreeMap<(Side, u16, u32), i128>,
    pub balances: BTreeMap<Side, u128>,
}

impl Counters for Book {
    fn used(&self, side: Side, measure: u16, from: u32, to: u32) -> u128 {
        let range = (side, measure, from)..=(side, measure, to);
        let sum: i128 = self.sums.range(range).map(|(_, sum)| sum).sum();
        u128::try_from(sum).expect("a counter below zero")
    }

    fn balance(&self, side: Side, _per: Per, _asset: &RuleAsset) -> u128 {
        self.balances.get(&side).copied().unwrap_or(0)
    }
}

/// What is asked, with everything ordinary unless said.
#[derive(Clone, Debug)]
pub struct Ask {
    pub payment: Payment,
    pub asset: &'static str,
    pub legs: Vec<(Funds, String)>,
    pub payer: PartyFacts,
    pub payee: PartyFacts,
    pub channel: Channel,
    pub product: Product,
    pub presence: Presence,
    pub technology: Technology,
    pub screening: Screening,
    pub flags: Set<Flag>,
    pub confirmed: Set<StepUp>,
    pub elapsed: Elapsed,
}

pub fn party(country: &str, tier: Tier) -> PartyFacts {
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

/// A remote payment from a card, by a person of a tier to a business of the same country.
pub fn pay(country: &str, tier: Tier, amount: &str, asset: &'static str) -> Ask {
    Ask {
        payment: Payment::Spend,
        asset,
        legs: vec![(Funds::Card, amount.to_owned())],
        payer: party(country, tier),
        payee: party(country, Tier::Business),
        channel: Channel::Wallet,
        product: Product::Other,
        presence: Presence::Remote,
        technology: Technology::Online,
        screening: Screening::Clear,
        flags: Set::EMPTY,
        confirmed: Set::EMPTY,
        elapsed: Elapsed::LONG_AGO,
    }
}

#[allow(dead_code)]
impl Ask {
    fn known(&self) -> Asset {
        Asset::known(self.asset).unwrap()
    }
    fn number(&self) -> u16 {
        let at = ASSETS.iter().position(|code| *code == self.asset).unwrap();
        u16::try_from(at).unwrap()
    }
    fn legs(&self) -> Vec<Leg> {
        let leg = |(funds, text): &(Funds, String)| Leg {
            funds: *funds,
            atoms: self.known().parse(text).unwrap().0,
        };
        self.legs.iter().map(leg).collect()
    }
    pub fn payment(mut self, payment: Payment) -> Ask {
        self.payment = payment;
        if matches!(
            payment,
            Payment::Load | Payment::Withdrawal | Payment::Redemption
        ) {
            self.payee = self.payer;
        } else if matches!(payment, Payment::Transfer | Payment::Gift) {
            self.payee.tier = Tier::Strong;
            self.payee.kind = PartyKind::Person;
        }
        self
    }
    pub fn funds(mut self, funds: Funds) -> Ask {
        self.legs[0].0 = funds;
        self
    }
    pub fn leg(mut self, funds: Funds, amount: &str) -> Ask {
        self.legs.push((funds, amount.to_owned()));
        self
    }
    pub fn to(mut self, country: &str) -> Ask {
        self.payee.country = country.parse().unwrap();
        self
    }
    pub fn payee_tier(mut self, tier: Tier) -> Ask {
        self.payee.tier = tier;
        self
    }
    pub fn age(mut self, age: Age) -> Ask {
        self.payer.age = age;
        self
    }
    pub fn channel(mut self, channel: Channel) -> Ask {
        self.channel = channel;
        self
    }
    pub fn product(mut self, product: Product) -> Ask {
        self.product = product;
        self
    }
    pub fn presence(mut self, presence: Presence) -> Ask {
        self.presence = presence;
        self
    }
    pub fn technology(mut self, technology: Technology) -> Ask {
        self.technology = technology;
        self
    }
    pub fn screening(mut self, screening: Screening) -> Ask {
        self.screening = screening;
        self
    }
    pub fn flag(mut self, flag: Flag) -> Ask {
        self.flags.insert(flag);
        self
    }
    pub fn confirmed(mut self) -> Ask {
        self.confirmed.insert(StepUp::Strong);
        self
    }
    pub fn elapsed(mut self, set: impl FnOnce(&mut Elapsed)) -> Ask {
        set(&mut self.elapsed);
        self
    }
}

/// Everything there is to ask.
pub struct World {
    pub packs: Vec<Pack>,
    pub set: Ruleset,
    pub book: Book,
    pub moves: Moves,
    pub now: Vec<Civil>,
    zones: Vec<TimeZone>,
    /// Units of the rule's asset for a unit of any other: one for one.
    pub has_rates: bool,
}

pub fn settings(operator: &str, status: &[Status]) -> Settings {
    Settings {
        country: operator.parse().unwrap(),
        status: status.iter().copied().collect(),
        assets: ASSETS
            .iter()
            .map(|code| Asset::known(code).unwrap())
            .collect(),
        segments: Vec::new(),
        counters: Vec::new(),
        numbers: Vec::new(),
        first_day: Date(0),
    }
}

pub fn amount(number: &str, code: &str) -> Amount {
    let asset = Asset::known(code).unwrap();
    Amount {
        atoms: asset.parse(number).unwrap(),
        asset,
    }
}

#[allow(dead_code)]
impl World {
    pub fn of(packs: Vec<Pack>, settings: &Settings) -> World {
        let set = compile(&packs, settings, None).unwrap();
        let zones: Vec<TimeZone> = set
            .zones()
            .iter()
            .map(|name| TimeZone::get(name).unwrap())
            .collect();
        let mut world = World {
            now: vec![Civil::default(); zones.len()],
            packs,
            set,
            book: Book::default(),
            moves: Moves::new(),
            zones,
            has_rates: true,
        };
        world.at("2026-11-23T12:00:00", "UTC");
        world
    }

    /// All packs, an operator of a country licensed to issue electronic money.
    pub fn new(operator: &str) -> World {
        World::of(
            policy::builtin_packs().unwrap(),
            &settings(operator, &[Status::EMoney]),
        )
    }

    pub fn with_counter(operator: &str, rule: &str, counter: Counter) -> World {
        let mut settings = settings(operator, &[Status::EMoney]);
        settings.counters.push((rule.to_owned(), counter));
        World::of(policy::builtin_packs().unwrap(), &settings)
    }

    /// Sets the clock to a local time.
    pub fn at(&mut self, local: &str, zone: &str) -> &mut World {
        let local: DateTime = local.parse().unwrap();
        let instant = local
            .to_zoned(TimeZone::get(zone).unwrap())
            .unwrap()
            .timestamp();
        for (zone, civil) in self.zones.iter().zip(&mut self.now) {
            let there = instant.to_zoned(zone.clone()).datetime();
            let date = there.date();
            let part = |n: i8| u32::try_from(n).unwrap();
            let day = Date::of(
                u32::try_from(date.year()).unwrap(),
                part(date.month()),
                part(date.day()),
            );
            let second =
                part(there.hour()) * 3600 + part(there.minute()) * 60 + part(there.second());
            *civil = Civil::new(day.unwrap().0, second);
        }
        self
    }

    /// What the rules say, with nothing counted.
    pub fn ask(&mut self, ask: &Ask) -> String {
        let (known, legs) = (ask.known(), ask.legs());
        let facts = facts(ask, &legs, ask.number());
        let has_rates = self.has_rates;
        // One unit of any asset is one of any other.
        let convert = |to: &RuleAsset, atoms: u64| {
            let (from, to) = (
                known.scale.atoms_per_unit(),
                to.asset.scale.atoms_per_unit(),
            );
            let exact = u128::from(atoms) * u128::from(to);
            has_rates.then(|| u64::try_from(exact.div_ceil(u128::from(from))).unwrap())
        };
        let verdict = self
            .set
            .check(&facts, &self.now, &self.book, convert, &mut self.moves);
        self.say(verdict)
    }

    /// The same, of a payment like others that `moves` may remember; and whether it was found to be
    /// within its numbers by what was remembered.
    pub fn ask_alike(&self, ask: &Ask, alike: &Alike, moves: &mut Moves) -> (String, bool) {
        let (known, legs) = (ask.known(), ask.legs());
        let used = |side, measure, from, to| self.book.used_and_period(side, measure, from, to);
        let mut moved = Vec::new();
        if let [leg] = legs[..]
            && moves.is_within(
                alike,
                leg.atoms,
                used,
                |side, measure, period, delta, before| {
                    moved.push(Move {
                        side,
                        measure,
                        period,
                        delta: delta.into(),
                        before: before.into(),
                    });
                },
            )
        {
            moves.moves = moved;
            moves.trace.clear();
            return (self.say(Verdict::Allow), true);
        }
        let facts = facts(ask, &legs, ask.number());
        let rate = |to: &RuleAsset| {
            let rate = Rate::from_decimal("1", &known, &to.asset).unwrap();
            self.has_rates.then_some(rate)
        };
        let (set, now) = (&self.set, &self.now);
        let verdict = set.check_alike(alike, &facts, now, &self.book, rate, moves);
        (self.say(verdict), false)
    }

    fn say(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Allow => "allow".to_owned(),
            Verdict::StepUp { rule, .. } => format!("step_up {}", self.name(rule)),
            Verdict::Deny { rule, verify: None } => format!("deny {}", self.name(rule)),
            Verdict::Deny {
                rule,
                verify: Some(tier),
            } => {
                use policy::Dimension;
                format!("verify {} {}", tier.word(), self.name(rule))
            }
        }
    }

    /// The same, and if it is allowed it is done.
    pub fn pay(&mut self, ask: &Ask) -> String {
        let said = self.ask(ask);
        if said == "allow" {
            for step in &self.moves.moves {
                let key = (step.side, step.measure, step.period);
                *self.book.sums.entry(key).or_default() += step.delta;
            }
        }
        said
    }

    /// Whether what is left may be had back.
    pub fn redeems(&self, ask: &Ask) -> Option<policy::Redeemable> {
        let legs = [Leg {
            funds: ask.legs[0].0,
            atoms: 1,
        }];
        let answer = self.set.redemption(&facts(ask, &legs, 0), &self.now);
        answer.map(|(answer, _)| answer)
    }

    pub fn name(&self, rule: RuleNo) -> String {
        let (pack, rule) = self.set.rule_in_pack(rule).unwrap();
        format!(
            "{}/{}",
            self.packs[pack].id, self.packs[pack].rules[rule].id
        )
    }

    pub fn holds(&mut self, side: Side, number: &str, code: &str) -> &mut World {
        let atoms = u128::from(amount(number, code).atoms.0);
        self.book.balances.insert(side, atoms);
        self
    }
}

pub fn facts<'a>(ask: &Ask, legs: &'a [Leg], asset: u16) -> Facts<'a> {
    Facts {
        payment: ask.payment,
        asset,
        legs,
        payer: ask.payer,
        payee: ask.payee,
        channel: ask.channel,
        product: ask.product,
        presence: ask.presence,
        technology: ask.technology,
        screening: ask.screening,
        flags: ask.flags,
        confirmed: ask.confirmed,
        elapsed: ask.elapsed,
        asks_payer: true,
        asks_payee: true,
    }
}

/// Asks row after row of one world, counting what is allowed.
pub fn rows(world: &mut World, rows: &[(Ask, &str)]) {
    for (number, (ask, expected)) in rows.iter().enumerate() {
        assert_eq!(world.pay(ask), *expected, "row {number}: {ask:?}");
    }
}

pub fn country(code: &str) -> Country {
    code.parse().unwrap()
}
