//! Packs and an operator's settings in, dense tables out.
//!
//! What can never look at a payment again (rules that ended before the activation, rules for other
//! kinds of operators, duties) is left out; what begins later is in.

mod words;

use money::{Asset, Atoms};
use serde::{Deserialize, Serialize};

use crate::civil::Date;
use crate::country::{Country, PAIRS};
use crate::dimension::Set;
use crate::error::PolicyError;
use crate::facts::RuleAsset;
use crate::pack::Pack;
use crate::rule::{
    Amount, Applies, Bites, Cap, Choice, Consequence, Exemption, Kind, Measure, Rule, Starts,
};
use crate::ruleset::{
    Line, MEASURES_MAX, MeasureKey, Measured, NONE, Place, RULES_MAX, Ruleset, SEGMENTS_MAX,
    Summed, Table, Test, at,
};
use crate::vocabulary::{Side, Status};
use crate::window::{Hours, Window};
use words::spans;

/// Which counter an exemption "amount or count" has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counter {
    /// The amount.
    Amount,
    /// The number of payments.
    Count,
}

/// What an operator says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where it is licensed or established.
    pub country: Country,
    /// As what.
    pub status: Set<Status>,
    /// The shard's assets, each at its number.
    pub assets: Vec<Asset>,
    /// The operator's segments, from 1.
    pub segments: Vec<String>,
    /// Which counter an exemption has, by pack and rule: `("eu/sca.low-value", Counter::Count)`.
    /// Not said: the amount.
    pub counters: Vec<(String, Counter)>,
    /// Numbers that packs leave to the operator, by pack and rule.
    pub numbers: Vec<(String, Amount)>,
    /// The first day that will be asked about: rules that ended before are left out.
    pub first_day: Date,
}

/// Compiles packs. Measures that an earlier ruleset knows keep their numbers, so that what was
/// counted goes on counting.
///
/// # Errors
/// Two packs claim a country; a setting or segment that is not there; too much of something.
pub fn compile(
    packs: &[Pack],
    settings: &Settings,
    before: Option<&Ruleset>,
) -> Result<Ruleset, PolicyError> {
    too_many("packs", packs.len(), usize::from(NONE))?;
    too_many("segments", settings.segments.len(), SEGMENTS_MAX)?;
    let mut set = Ruleset {
        tables: Vec::with_capacity(packs.len()),
        places: Vec::new(),
        operator: Place {
            table: NONE,
            zone: 0,
        },
        zones: Vec::new(),
        assets: Vec::new(),
        measures: before.map_or_else(Vec::new, |b| b.measures.clone()),
    };
    for measure in &mut set.measures {
        measure.is_used = false;
    }
    places(&mut set, packs)?;
    set.operator = set.place(settings.country);
    for (number, pack) in packs.iter().enumerate() {
        let compiler = Compiler {
            pack,
            settings,
            number,
            set: &mut set,
        };
        let table = compiler.table()?;
        set.tables.push(table);
    }
    for name in settings
        .counters
        .iter()
        .map(|(name, _)| name)
        .chain(settings.numbers.iter().map(|(name, _)| name))
    {
        if !packs.iter().any(|pack| is_the_operators(pack, name)) {
            let rule = name.clone();
            return Err(PolicyError::NotTheOperators { rule });
        }
    }
    Ok(set)
}

fn too_many(what: &str, there_are: usize, most: usize) -> Result<(), PolicyError> {
    if there_are <= most {
        return Ok(());
    }
    let what = what.to_owned();
    Err(PolicyError::TooMany { what, most })
}

fn is_the_operators(pack: &Pack, name: &str) -> bool {
    name.strip_prefix(pack.id.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|id| {
            pack.rules.iter().any(|rule| {
                rule.id == id
                    && match &rule.kind {
                        Kind::Limit(cap) | Kind::Diligence(cap) => cap.operator_sets,
                        Kind::Exemption(e) => e.operator_sets || e.choice == Choice::AmountOrCount,
                        _ => false,
                    }
            })
        })
}

/// Gives each country its table and zone.
fn places(set: &mut Ruleset, packs: &[Pack]) -> Result<(), PolicyError> {
    let nowhere = Place {
        table: NONE,
        zone: 0,
    };
    let mut places = vec![nowhere; PAIRS];
    let mut rest = nowhere;
    for (table, pack) in packs.iter().enumerate() {
        let table = narrow(table);
        for territory in &pack.territories {
            let known = set.zones.iter().position(|zone| *zone == territory.zone);
            let zone = known.unwrap_or_else(|| {
                set.zones.push(territory.zone.clone());
                set.zones.len() - 1
            });
            too_many("time zones", zone, usize::from(NONE))?;
            let place = &mut places[territory.country.pair()];
            if place.table != NONE {
                return Err(PolicyError::TerritoryTwice {
                    country: territory.country.to_string(),
                    first: packs[usize::from(place.table)].id.clone(),
                    second: pack.id.clone(),
                });
            }
            *place = Place {
                table,
                zone: narrow(zone),
            };
            if pack.rest_of_world {
                rest = *place;
            }
        }
    }
    for place in &mut places {
        if place.table == NONE {
            *place = rest;
        }
    }
    set.places = places;
    Ok(())
}

/// Where the bound was checked before.
fn narrow(n: usize) -> u8 {
    u8::try_from(n).unwrap_or(NONE)
}

struct Compiler<'a> {
    pack: &'a Pack,
    settings: &'a Settings,
    number: usize,
    set: &'a mut Ruleset,
}

impl Compiler<'_> {
    fn name(&self, rule: &Rule) -> String {
        format!("{}/{}", self.pack.id, rule.id)
    }

    fn table(mut self) -> Result<Table, PolicyError> {
        let settings = self.settings;
        let mut rules: Vec<(usize, &Rule)> = self.pack.rules.iter().enumerate().collect();
        rules.retain(|(_, rule)| {
            !matches!(rule.kind, Kind::Duty(_))
                && rule.until.is_none_or(|until| until > settings.first_day)
                && !rule.applies.operator.and(settings.status).is_empty()
                && rule.applies.operator_not.and(settings.status).is_empty()
        });
        // Exemptions that count nothing are tried first, so that no counter moves in vain.
        rules.sort_by_key(|(_, rule)| match &rule.kind {
            Kind::Exemption(e) => 1 + u8::from(e.in_all.is_some() || e.count.is_some()),
            _ => 0,
        });
        let what = format!("rules of {} that look at payments", self.pack.id);
        too_many(&what, rules.len(), RULES_MAX)?;
        let mut table = Table {
            id: self.pack.id.clone(),
            version: self.pack.version.clone(),
            words: vec![0; at::WORDS],
            named: Vec::new(),
            spans: spans(&rules),
            gates: 0,
            authentications: 0,
            exemptions: 0,
            redemptions: 0,
            forbids: 0,
            measured: 0,
            special: 0,
            flagged: 0,
            hourly: 0,
            of_payer: 0,
            of_payee: 0,
            resets: [0; 2],
            lines: Vec::with_capacity(rules.len()),
        };
        self.name_countries(&mut table, &rules)?;
        for (index, rule) in &rules {
            let bit = 1u64 << table.lines.len();
            let line = self.line(*index, rule)?;
            self.words(&mut table, bit, rule)?;
            match line.test {
                Test::Authentication(_) => table.authentications |= bit,
                Test::Redemption(_) => table.redemptions |= bit,
                Test::Exemption => {
                    table.exemptions |= bit;
                    self.resets(&mut table, bit, rule, &line);
                }
                _ => table.gates |= bit,
            }
            if line.test == Test::Forbid {
                table.forbids |= bit;
            }
            if line.test == Test::Limit && line.measure.is_some() {
                table.measured |= bit;
            }
            if line.flags != 0 || line.flags_not != 0 || line.hours != Hours::ALWAYS {
                table.special |= bit;
            }
            if line.flags != 0 {
                table.flagged |= bit;
            }
            if line.hours != Hours::ALWAYS {
                table.hourly |= bit;
            }
            match line.side {
                Side::Payer => table.of_payer |= bit,
                Side::Payee => table.of_payee |= bit,
            }
            table.lines.push(line);
        }
        Ok(table)
    }

    fn resets(&self, table: &mut Table, bit: u64, rule: &Rule, line: &Line) {
        if line.window != Window::SinceAuthentication {
            return;
        }
        use crate::vocabulary::Presence;
        for presence in rule.applies.presence.iter() {
            table.resets[usize::from(presence == Presence::Remote)] |= bit;
        }
    }

    fn line(&mut self, index: usize, rule: &Rule) -> Result<Line, PolicyError> {
        let applies = &rule.applies;
        let mut line = Line {
            rule: u16::try_from(index).unwrap_or(u16::MAX),
            test: Test::Forbid,
            then: Consequence::Deny,
            side: applies.side,
            is_count: false,
            bites_at: false,
            current_counts: true,
            is_of_funds: matches!(rule.kind, Kind::Funds { .. }),
            visible_to: u8::try_from(rule.visible_to.bits()).unwrap_or(u8::MAX),
            asset: self.asset(self.pack.asset)?,
            measure: Summed::NOTHING,
            count_measure: Summed::NOTHING,
            window: Window::Payment,
            hours: Hours::ALWAYS,
            funds: u16::try_from(applies.funds.bits()).unwrap_or(u16::MAX),
            flags: u16::try_from(applies.flag.bits()).unwrap_or(u16::MAX),
            flags_not: u16::try_from(applies.flag_not.bits()).unwrap_or(u16::MAX),
            most: u64::MAX,
            in_all: u64::MAX,
            count: u64::MAX,
        };
        match &rule.kind {
            Kind::Limit(cap) | Kind::Diligence(cap) => self.cap(&mut line, rule, cap)?,
            Kind::Balance { most, per, then } => {
                line.test = Test::Balance(*per);
                line.then = *then;
                line.most = most.atoms.0;
                line.asset = self.asset(most.asset)?;
            }
            Kind::Authentication { step_up } => line.test = Test::Authentication(*step_up),
            Kind::Exemption(exemption) => self.exemption(&mut line, rule, exemption)?,
            Kind::Redemption(answer) => line.test = Test::Redemption(*answer),
            Kind::CoolingOff { after, hours } => {
                line.test = Test::CoolingOff(*after);
                line.most = u64::from(*hours);
            }
            Kind::Mandate { notice_hours } => {
                line.test = Test::Mandate;
                line.most = u64::from(*notice_hours);
            }
            Kind::Forbid { needs } | Kind::Funds { needs } => {
                line.then = needs.map_or(Consequence::Deny, Consequence::Verify);
            }
            Kind::Duty(_) => {}
        }
        Ok(line)
    }

    fn cap(&mut self, line: &mut Line, rule: &Rule, cap: &Cap) -> Result<(), PolicyError> {
        line.test = Test::Limit;
        line.then = cap.then;
        line.bites_at = cap.bites == Bites::At;
        (line.window, line.hours) = (cap.window, cap.hours);
        match cap.most {
            Measure::Count(count) => (line.is_count, line.most) = (true, count),
            Measure::Amount(amount) => {
                let amount = match self.own_number(rule) {
                    Some(own) if cap.operator_sets => own,
                    _ => amount,
                };
                line.most = amount.atoms.0;
                line.asset = self.asset(amount.asset)?;
            }
        }
        if cap.window.is_counted() {
            let is_backfilled = cap.starts == Starts::Backfilled;
            let key = self.key(rule, None, line, cap.gives_back.bits(), line.is_count);
            line.measure = self.measure(key, is_backfilled)?;
        }
        Ok(())
    }

    fn exemption(
        &mut self,
        line: &mut Line,
        rule: &Rule,
        exemption: &Exemption,
    ) -> Result<(), PolicyError> {
        line.test = Test::Exemption;
        line.window = exemption.window;
        line.current_counts = exemption.current_counts;
        let own = self.own_number(rule).filter(|_| exemption.operator_sets);
        // With a number of its own the operator answers for the sums too.
        let (in_all, count) = match own {
            Some(_) => (None, None),
            None => (exemption.in_all, exemption.count),
        };
        let amounts = [own.or(exemption.per_payment), in_all];
        if let Some(amount) = amounts.iter().flatten().next() {
            line.asset = self.asset(amount.asset)?;
        }
        let [per_payment, in_all] = amounts.map(|amount| amount.map(|a| a.atoms));
        line.most = per_payment.unwrap_or(Atoms(u64::MAX)).0;
        let name = self.name(rule);
        let chosen = self
            .settings
            .counters
            .iter()
            .find(|(rule, _)| *rule == name);
        let chosen = chosen.map_or(Counter::Amount, |(_, counter)| *counter);
        let either = exemption.choice == Choice::AmountOrCount;
        if let Some(in_all) = in_all
            && !(either && chosen == Counter::Count)
        {
            line.in_all = in_all.0;
            let key = self.key(rule, Some(rule.id.clone()), line, 0, false);
            line.measure = self.measure(key, false)?;
        }
        if let Some(count) = count
            && !(either && chosen == Counter::Amount)
        {
            line.count = count;
            let key = self.key(rule, Some(rule.id.clone()), line, 0, true);
            line.count_measure = self.measure(key, false)?;
        }
        Ok(())
    }

    fn own_number(&self, rule: &Rule) -> Option<Amount> {
        let name = self.name(rule);
        let own = self.settings.numbers.iter().find(|(rule, _)| *rule == name);
        own.map(|(_, amount)| *amount)
    }

    fn asset(&mut self, asset: Asset) -> Result<u8, PolicyError> {
        let assets = &mut self.set.assets;
        let known = assets.iter().position(|known| known.asset == asset);
        let at = known.unwrap_or_else(|| {
            let number = self.settings.assets.iter().position(|a| *a == asset);
            let number = number
                .and_then(|n| u16::try_from(n).ok())
                .unwrap_or(u16::MAX);
            assets.push(RuleAsset { asset, number });
            assets.len() - 1
        });
        too_many("assets", at, usize::from(NONE))?;
        Ok(narrow(at))
    }

    fn key(
        &self,
        rule: &Rule,
        of: Option<String>,
        line: &Line,
        gives_back: u32,
        is_count: bool,
    ) -> MeasureKey {
        let a = &rule.applies;
        let asset = self.set.assets[usize::from(line.asset)].asset;
        MeasureKey {
            pack: self.pack.id.clone(),
            rule: of,
            side: a.side,
            asset: (!is_count).then(|| asset.code.to_string()),
            window: line.window,
            hours: line.hours,
            gives_back,
            sets: vec![
                a.channel.bits(),
                a.funds.bits(),
                a.payment.bits(),
                a.product.bits(),
                a.presence.bits(),
                a.technology.bits(),
                a.screening.bits(),
                a.flag.bits(),
                a.flag_not.bits(),
                a.reach.bits(),
            ],
            countries: countries_text(a),
        }
    }

    fn measure(&mut self, key: MeasureKey, is_backfilled: bool) -> Result<Summed, PolicyError> {
        let measures = &mut self.set.measures;
        let known = measures.iter().position(|m| m.key == key);
        let index = known.unwrap_or_else(|| {
            let number = measures.last().map_or(0, |last| last.number + 1);
            measures.push(Measured {
                number,
                key,
                is_backfilled,
                is_used: false,
            });
            measures.len() - 1
        });
        too_many("measures", index, MEASURES_MAX - 2)?;
        let measure = &mut measures[index];
        measure.is_backfilled |= is_backfilled;
        measure.is_used = true;
        Ok(Summed {
            at: narrow(index),
            number: measure.number,
        })
    }
}

fn countries_text(applies: &Applies) -> String {
    let (payer, payee) = (&applies.payer_country, &applies.payee_country);
    if payer.is_any() && payee.is_any() {
        return String::new();
    }
    format!("{payer:?} {payee:?}")
}
