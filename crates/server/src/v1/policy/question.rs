//! A question to the packs: the facts of a payment, and what was counted before.

use crate::app::App;
use crate::codes;
use crate::law::PackRef;
use crate::problem::{Outcome, Problem};
use crate::types::law::{self as w, Word};
use crate::types::{Amount, AssetText, CountryText, Signed, Time};
use crate::v1::terms::ReferenceRate;
use engine::Code;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use money::{Asset, AssetCode, Atoms, Rate, Rounding};
use policy::{
    Age, Channel, Civil, Counter, Country, Date, Elapsed, Facts, Flag, PartyFacts, PartyKind,
    Payment, Presence, Product, Ruleset, Screening, Set, Settings, Side, Status, StepUp,
    Technology, Tier,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What is asked.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyQuestion)]
pub struct Question {
    /// The packs to ask.
    #[schema(min_items = 1, max_items = 64)]
    pub packs: Vec<PackRef>,
    /// Who runs the platform; if not given, somebody without a licence in no known country.
    #[serde(default)]
    pub operator: Operator,
    /// When; now, if not given.
    pub at: Option<Time>,
    /// What is done.
    pub payment: w::Payment,
    /// How much.
    pub amount: Amount,
    /// The source of the value; or give `parts`.
    pub funds: Option<w::Funds>,
    /// The parts by source, which sum to the amount.
    #[schema(min_items = 1, max_items = 9)]
    pub parts: Option<Vec<FundsPart>>,
    /// Who pays; of a top-up or withdrawal, whose it is.
    pub payer: Party,
    /// Who is paid; the payer, if not given.
    pub payee: Option<Party>,
    /// By which rail; `wallet`, if not given.
    pub channel: Option<w::Channel>,
    /// For what; `other`, if not given.
    pub product: Option<w::Product>,
    /// From where; `remote`, if not given.
    pub presence: Option<w::Presence>,
    /// By what means; `online`, if not given.
    pub technology: Option<w::Technology>,
    /// What screening found; `clear`, if not given.
    pub screening: Option<w::Screening>,
    /// What else is true.
    #[serde(default)]
    pub flags: Vec<w::Flag>,
    /// What the payer has done for this very payment.
    #[serde(default)]
    pub confirmed: Vec<w::StepUp>,
    /// Hours since things; what is not given is long ago.
    #[serde(default)]
    pub hours_since: HoursSince,
    /// Rates into the assets of rules. What has none is refused where a rule needs it.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub rates: Vec<ReferenceRate>,
    /// What was counted before: as `count` of earlier answers said, summed by measure and period.
    #[serde(default)]
    #[schema(max_items = 10_000)]
    pub used: Vec<UsedSum>,
    /// What parties and wallets hold before it.
    #[serde(default)]
    #[schema(max_items = 1000)]
    pub held: Vec<Held>,
    /// For whom the words are: nobody who may see more than the key.
    pub audience: Option<w::Audience>,
}

/// Who runs the platform.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PolicyOperator)]
pub struct Operator {
    /// Where it is licensed or established.
    pub country: Option<CountryText>,
    /// As what; `none`, if not given.
    pub status: Vec<w::Status>,
    /// Its segments of parties, by name.
    #[schema(max_items = 15)]
    pub segments: Vec<String>,
    /// Which counter exemptions "amount or count" have, by pack and rule such as `eu/sca.low-value`.
    pub counters: BTreeMap<String, CounterWord>,
    /// Numbers that packs leave to the operator, by pack and rule.
    pub numbers: BTreeMap<String, Amount>,
}

/// Which counter an exemption has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PolicyCounter)]
pub enum CounterWord {
    /// The amount.
    Amount,
    /// The number of payments.
    Count,
}

/// A part of a payment from one source.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FundsPart {
    /// From which source.
    pub funds: w::Funds,
    /// How much, in the payment's asset.
    pub amount: Amount,
}

/// A party as rules see it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicySubject)]
pub struct Party {
    /// Where it is; `ZZ` when not known.
    pub country: CountryText,
    /// How far verified; `anonymous`, if not given.
    pub tier: Option<w::Tier>,
    /// What it is; `person`, if not given.
    pub kind: Option<w::PartyKind>,
    /// How old; `unknown`, if not given.
    pub age: Option<w::Age>,
    /// One of the operator's segments.
    pub segment: Option<String>,
}

/// Hours since things.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HoursSince {
    /// Since the party the rule is about was registered.
    pub registration: Option<u32>,
    /// Since the payer's device was registered.
    pub device: Option<u32>,
    /// Since the payer first paid or added this payee.
    pub payee: Option<u32>,
    /// Since the payer was told of this payment under a mandate.
    pub notice: Option<u32>,
}

/// What was counted in one period.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsedSum {
    /// What it sums.
    pub measure: String,
    /// The period.
    pub period: u32,
    /// The sum, in units of its asset or payments.
    pub sum: Signed,
}

/// What is held.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Who holds it.
    pub side: SideWord,
    /// In all wallets of the party, or in the one the payment comes to.
    pub per: PerWord,
    /// How much.
    pub amount: Amount,
}

/// Payer or payee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SideWord {
    /// Who pays.
    Payer,
    /// Who is paid; in a top-up too.
    Payee,
}

/// Whose balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, serde::Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PerWord {
    /// All wallets of a party.
    Party,
    /// One wallet.
    Instrument,
}

/// The question with everything found and read.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What the operator says of itself.
    pub settings: Settings,
    /// When.
    pub at: Timestamp,
    /// Who pays.
    pub payer: PartyFacts,
    /// Who is paid.
    pub payee: PartyFacts,
    /// What was counted.
    pub used: Vec<UsedSum>,
    /// What is held, each with its asset.
    pub held: Vec<(Side, policy::Per, Asset, Atoms)>,
    legs: Vec<policy::Leg>,
    rates: Vec<(AssetCode, AssetCode, Rate)>,
    given: Given,
}

/// The facts that are one word each.
#[derive(Clone, Copy, Debug)]
struct Given {
    payment: Payment,
    asset: AssetCode,
    channel: Channel,
    product: Product,
    presence: Presence,
    technology: Technology,
    screening: Screening,
    flags: Set<Flag>,
    confirmed: Set<StepUp>,
    elapsed: Elapsed,
}

/// An asset by its code: registered here, or known to everybody.
async fn asset(app: &App, code: AssetText, field: &str) -> Outcome<Asset> {
    match app.asset(code.0, field).await {
        Ok((_, asset)) => Ok(asset),
        Err(problem) if problem.status == 404 => Asset::known(code.0.as_str()).ok_or(problem),
        Err(problem) => Err(problem),
    }
}

async fn amount(app: &App, amount: &Amount, field: &str) -> Outcome<(Asset, Atoms)> {
    let asset = asset(app, amount.asset, &format!("{field}.asset")).await?;
    let atoms = amount.amount.atoms(&asset).map_err(|error| {
        Problem::new(codes::AMOUNT_INVALID, error.to_string()).at(format!("{field}.amount"))
    })?;
    Ok((asset, atoms))
}

fn malformed(field: impl Into<String>, words: impl Into<String>) -> Box<Problem> {
    Problem::of(Code::Malformed, words).at(field)
}

impl Question {
    /// Finds its assets and reads its numbers.
    ///
    /// # Errors
    /// An asset or segment that is not known; parts that do not sum; a number that cannot be held.
    pub async fn prepare(&self, app: &App) -> Outcome<Asked> {
        if self.packs.is_empty() {
            return Err(malformed("packs", "name at least one pack"));
        }
        let (asset, atoms) = amount(app, &self.amount, "amount").await?;
        let legs = self.legs(app, asset, atoms).await?;
        let at = self.at.map_or_else(|| app.node.now(), |at| at.0);
        let at = i64::try_from(at.0).ok();
        let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let at = at.ok_or_else(|| malformed("at", "the time is out of range"))?;
        let payer = self.party(&self.payer, "payer")?;
        let payee = match &self.payee {
            Some(payee) => self.party(payee, "payee")?,
            None => payer,
        };
        let mut rates = Vec::with_capacity(self.rates.len());
        for (n, row) in self.rates.iter().enumerate() {
            let field = |name: &str| format!("rates[{n}].{name}");
            let base = self::asset(app, row.base, &field("base")).await?;
            let quote = self::asset(app, row.quote, &field("quote")).await?;
            let rate = Rate::from_decimal(&row.rate.0, &base, &quote).map_err(|error| {
                Problem::new(codes::RATE_INVALID, error.to_string()).at(field("rate"))
            })?;
            rates.push((base.code, quote.code, rate));
        }
        let mut held = Vec::with_capacity(self.held.len());
        for (n, row) in self.held.iter().enumerate() {
            let (asset, atoms) = amount(app, &row.amount, &format!("held[{n}].amount")).await?;
            let side = match row.side {
                SideWord::Payer => Side::Payer,
                SideWord::Payee => Side::Payee,
            };
            let per = match row.per {
                PerWord::Party => policy::Per::Party,
                PerWord::Instrument => policy::Per::Instrument,
            };
            held.push((side, per, asset, atoms));
        }
        let hours = |hours: Option<u32>| hours.unwrap_or(u32::MAX);
        let since = self.hours_since;
        Ok(Asked {
            settings: self.settings(app, asset, at).await?,
            at,
            payer,
            payee,
            used: self.used.clone(),
            held,
            legs,
            rates,
            given: Given {
                payment: self.payment.0,
                asset: asset.code,
                channel: self.channel.map_or(Channel::Wallet, |word| word.0),
                product: self.product.map_or(Product::Other, |word| word.0),
                presence: self.presence.map_or(Presence::Remote, |word| word.0),
                technology: self.technology.map_or(Technology::Online, |word| word.0),
                screening: self.screening.map_or(Screening::Clear, |word| word.0),
                flags: Word::set(&self.flags),
                confirmed: Word::set(&self.confirmed),
                elapsed: Elapsed {
                    registration: hours(since.registration),
                    device: hours(since.device),
                    payee: hours(since.payee),
                    notice: hours(since.notice),
                },
            },
        })
    }

    async fn legs(&self, app: &App, asset: Asset, atoms: Atoms) -> Outcome<Vec<policy::Leg>> {
        match (self.funds, &self.parts) {
            (Some(funds), None) => Ok(vec![policy::Leg {
                funds: funds.0,
                atoms: atoms.0,
            }]),
            (None, Some(parts)) if (1..=9).contains(&parts.len()) => {
                let (mut legs, mut sum) = (Vec::with_capacity(parts.len()), 0_u128);
                for (n, part) in parts.iter().enumerate() {
                    let field = format!("parts[{n}].amount");
                    let (of, atoms) = amount(app, &part.amount, &field).await?;
                    if of.code != asset.code {
                        let words = "a part is in the payment's asset";
                        return Err(malformed(format!("{field}.asset"), words));
                    }
                    sum += u128::from(atoms.0);
                    legs.push(policy::Leg {
                        funds: part.funds.0,
                        atoms: atoms.0,
                    });
                }
                if sum == u128::from(atoms.0) {
                    Ok(legs)
                } else {
                    Err(malformed("parts", "the parts do not sum to the amount"))
                }
            }
            (None, Some(_)) => Err(malformed("parts", "1 to 9 parts")),
            (Some(_), Some(_)) => Err(malformed("parts", "give `funds` or `parts`, not both")),
            (None, None) => Err(malformed("funds", "give `funds` or `parts`")),
        }
    }

    fn party(&self, party: &Party, field: &str) -> Outcome<PartyFacts> {
        let segment = match &party.segment {
            None => 0,
            Some(name) => {
                let at = self.operator.segments.iter().position(|s| s == name);
                let number = at.and_then(|at| u8::try_from(at + 1).ok());
                number.ok_or_else(|| {
                    let words = "not one of `operator.segments`";
                    malformed(format!("{field}.segment"), words)
                })?
            }
        };
        Ok(PartyFacts {
            country: Country::from_letters(party.country.0.0),
            tier: party.tier.map_or(Tier::Anonymous, |word| word.0),
            kind: party.kind.map_or(PartyKind::Person, |word| word.0),
            age: party.age.map_or(Age::Unknown, |word| word.0),
            segment,
        })
    }

    async fn settings(&self, app: &App, asset: Asset, at: Timestamp) -> Outcome<Settings> {
        let operator = &self.operator;
        let status = if operator.status.is_empty() {
            [Status::None].into_iter().collect()
        } else {
            Word::set(&operator.status)
        };
        let mut numbers = Vec::with_capacity(operator.numbers.len());
        for (rule, number) in &operator.numbers {
            let (asset, atoms) = amount(app, number, &format!("operator.numbers.{rule}")).await?;
            numbers.push((rule.clone(), policy::Amount { atoms, asset }));
        }
        let counter = |(rule, word): (&String, &CounterWord)| {
            let counter = match word {
                CounterWord::Amount => Counter::Amount,
                CounterWord::Count => Counter::Count,
            };
            (rule.clone(), counter)
        };
        // No zone is further ahead of or behind UTC than a day.
        let day = at.as_second().div_euclid(86_400) - 1;
        let country = operator.country.map(|c| Country::from_letters(c.0.0));
        Ok(Settings {
            country: country.unwrap_or(Country::UNKNOWN),
            status,
            assets: vec![asset],
            segments: operator.segments.clone(),
            counters: operator.counters.iter().map(counter).collect(),
            numbers,
            first_day: Date(u32::try_from(day).unwrap_or(0)),
        })
    }
}

impl Asked {
    /// As the rules see it.
    pub fn facts(&self) -> Facts<'_> {
        let given = &self.given;
        Facts {
            payment: given.payment,
            asset: 0,
            legs: &self.legs,
            payer: self.payer,
            payee: self.payee,
            channel: given.channel,
            product: given.product,
            presence: given.presence,
            technology: given.technology,
            screening: given.screening,
            flags: given.flags,
            confirmed: given.confirmed,
            elapsed: given.elapsed,
            asks_payer: true,
            asks_payee: true,
        }
    }

    /// An amount of the payment's asset in another, rounded up.
    pub fn convert(&self, into: AssetCode, atoms: u64) -> Option<u64> {
        self.exchange(self.given.asset, into, atoms)
    }

    /// An amount of one asset in another, rounded up.
    pub fn exchange(&self, from: AssetCode, into: AssetCode, atoms: u64) -> Option<u64> {
        if from == into {
            return Some(atoms);
        }
        let is_it =
            |(base, quote, _): &&(AssetCode, AssetCode, Rate)| (*base, *quote) == (from, into);
        let (_, _, rate) = self.rates.iter().find(is_it)?;
        let converted = rate.convert(Atoms(atoms), Rounding::Up).ok()?;
        Some(converted.atoms.0)
    }
}

/// The moment in each zone of a ruleset.
///
/// # Errors
/// A zone that the zone database has not got: a reading of packs finds it before.
pub fn moments(set: &Ruleset, at: Timestamp) -> Outcome<Vec<Civil>> {
    let civil = |name: &String| {
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| {
            Problem::new(codes::TIME_ZONE_UNKNOWN, "a pack names no time zone").at("packs")
        })?;
        let local = i64::from(zone.to_offset(at).seconds()) + at.as_second();
        let local = u64::try_from(local).unwrap_or(0);
        let day = u32::try_from(local / 86_400).unwrap_or(u32::MAX);
        let second = u32::try_from(local % 86_400).unwrap_or(0);
        Ok(Civil::new(day, second))
    };
    set.zones().iter().map(civil).collect()
}
