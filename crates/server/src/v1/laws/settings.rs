//! What an operator says of itself to the packs, in words, and back.

use crate::app::{App, Assets};
use crate::problem::{Outcome, Problem};
use crate::types::law as w;
use crate::types::{Amount, AssetText, CountryText, Decimal};
use crate::v1::common::atoms;
use crate::v1::policy::question::CounterWord;
use crate::v1::terms::Part;
use engine::law::{LawSettings, OwnNumber, Pilot, Rewards};
use engine::terms::TIERS;
use ledger::AssetNo;
use money::{Asset, AssetCode, Atoms, Ppm};
use policy::{Counter, Dimension, Lang, Status, Tier};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

bounded! {
    /// How many payers.
    Payers(u32) 0..=4_294_967_295;
}

impl Serialize for Payers {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// What an operator says of itself. What is left out is as if never said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = LawSettings)]
pub struct Settings {
    /// Where it is licensed or established; `ZZ` if nowhere known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<CountryText>,
    /// As what; `none`, if not given.
    #[schema(max_items = 11)]
    pub status: Vec<w::Status>,
    /// Its segments of parties, by name.
    #[schema(max_items = 15)]
    pub segments: Vec<String>,
    /// Which counter exemptions "amount or count" have, by pack and rule such as `eu/sca.low-value`;
    /// the amount, if not given.
    pub counters: BTreeMap<String, CounterWord>,
    /// Numbers that packs leave to the operator, by pack and rule.
    pub numbers: BTreeMap<String, Amount>,
    /// How far a start is limited; not at all, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pilot: Option<PilotText>,
    /// What is taken off the fee of payers who verify and authenticate.
    pub rewards: RewardsText,
}

/// Start small: outside of it, payments are refused and told so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Pilot)]
pub struct PilotText {
    /// The countries served; all, if none is given.
    pub countries: Vec<CountryText>,
    /// The rails served; all, if none is given.
    pub channels: Vec<w::Channel>,
    /// The payers' tiers served; all, if none is given.
    pub tiers: Vec<w::Tier>,
    /// At most so many different payers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub payers_max: Option<Payers>,
    /// At most so much paid in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_max: Option<Amount>,
}

/// What is taken off the fee, as a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Rewards)]
pub struct RewardsText {
    /// By the payer's tier.
    pub tiers: BTreeMap<String, Part>,
    /// Of a payment confirmed with two factors, if that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strong: Option<Part>,
}

impl Settings {
    /// As the engine has them. `field` is where they stand.
    ///
    /// # Errors
    /// An asset or tier that is not known; a number that cannot be held exactly.
    pub async fn compile(&self, app: &App, field: &str) -> Outcome<LawSettings> {
        let mut assets = BTreeMap::new();
        for (at, amount) in self.amounts(field) {
            let code = amount.asset.0;
            assets.insert(code, app.asset(code, &format!("{at}.asset")).await?);
        }
        self.compile_with(field, |code| assets.get(&code).copied())
    }

    /// The amounts in them, and where they stand.
    fn amounts(&self, field: &str) -> impl Iterator<Item = (String, &Amount)> {
        let numbers = self.numbers.iter();
        let numbers = numbers.map(move |(rule, n)| (format!("{field}.numbers.{rule}"), n));
        let volume = self.pilot.as_ref().and_then(|p| p.volume_max.as_ref());
        let volume = volume.map(|most| (format!("{field}.pilot.volume_max"), most));
        numbers.chain(volume)
    }

    /// The same, by what is known of assets.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn compile_with(
        &self,
        field: &str,
        asset_of: impl Fn(AssetCode) -> Option<(AssetNo, Asset)>,
    ) -> Outcome<LawSettings> {
        type Known = ((AssetNo, Asset), Atoms);
        let mut amounts = self.amounts(field).map(|(at, amount)| -> Outcome<Known> {
            let code = amount.asset.0;
            let known = asset_of(code).ok_or_else(|| {
                Problem::not_found(&format!("{at}.asset"), format!("no asset {code} is known"))
            })?;
            Ok((known, atoms(amount, &known.1, &at)?))
        });
        let mut numbers = Vec::with_capacity(self.numbers.len());
        for (rule, found) in self.numbers.keys().zip(&mut amounts) {
            let ((_, asset), atoms) = found?;
            numbers.push(OwnNumber {
                rule: rule.clone(),
                asset,
                atoms,
            });
        }
        let volume_max = amounts.next().transpose()?;
        let pilot = self.pilot.as_ref().map(|pilot| Pilot {
            countries: pilot.countries.iter().map(|country| country.0).collect(),
            channels: w::Word::set(&pilot.channels),
            tiers: w::Word::set(&pilot.tiers),
            payers_max: pilot.payers_max.map(|most| most.0),
            volume_max: volume_max.map(|((asset, _), most)| (asset, u128::from(most.0))),
        });
        let counter = |(rule, word): (&String, &CounterWord)| (rule.clone(), (*word).into());
        let status = if self.status.is_empty() {
            [Status::None].into_iter().collect()
        } else {
            w::Word::set(&self.status)
        };
        Ok(LawSettings {
            country: self
                .country
                .map_or(engine::terms::Country::UNKNOWN, |country| country.0),
            status,
            segments: self.segments.clone(),
            counters: self.counters.iter().map(counter).collect(),
            numbers,
            pilot,
            rewards: self.rewards.compile(&format!("{field}.rewards"))?,
        })
    }

    /// In words.
    pub fn of(settings: &LawSettings, assets: &Assets) -> Settings {
        let pilot = |pilot: &Pilot| PilotText {
            countries: pilot.countries.iter().map(|c| CountryText(*c)).collect(),
            channels: w::Word::list(pilot.channels),
            tiers: w::Word::list(pilot.tiers),
            payers_max: pilot.payers_max.map(Payers),
            volume_max: pilot.volume_max.and_then(|(asset, most)| {
                let most = u64::try_from(most).unwrap_or(u64::MAX);
                Some(Amount::of(assets.get(asset)?, most))
            }),
        };
        let number = |own: &OwnNumber| {
            let amount = Amount {
                amount: Decimal(own.asset.format(own.atoms)),
                asset: AssetText(own.asset.code),
            };
            (own.rule.clone(), amount)
        };
        let counter = |(rule, counter): &(String, Counter)| (rule.clone(), (*counter).into());
        Settings {
            country: Some(CountryText(settings.country)),
            status: w::Word::list(settings.status),
            segments: settings.segments.clone(),
            counters: settings.counters.iter().map(counter).collect(),
            numbers: settings.numbers.iter().map(number).collect(),
            pilot: settings.pilot.as_ref().map(pilot),
            rewards: RewardsText::of(&settings.rewards),
        }
    }

    /// What changes from one to another, in words, by the name of what changes.
    pub fn changes(old: &Settings, new: &Settings, lang: Lang) -> Vec<(String, String)> {
        let fields = |settings: &Settings| match serde_json::to_value(settings) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (old, new) = (fields(old), fields(new));
        let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let nothing = match lang {
            Lang::En => "not set",
            Lang::Ko => "없음",
        };
        let show = |value: Option<&serde_json::Value>| {
            value.map_or_else(|| nothing.to_owned(), ToString::to_string)
        };
        let differing = names
            .into_iter()
            .filter(|name| old.get(*name) != new.get(*name));
        differing
            .map(|name| {
                let (old, new) = (show(old.get(name)), show(new.get(name)));
                let words = match lang {
                    Lang::En => format!("Operator's settings, {name}: {old} → {new}"),
                    Lang::Ko => format!("운영자 설정, {name}: {old} → {new}"),
                };
                (name.clone(), words)
            })
            .collect()
    }
}

impl RewardsText {
    fn compile(&self, field: &str) -> Outcome<Rewards> {
        let mut tiers = [0; TIERS];
        for (word, part) in &self.tiers {
            let at = format!("{field}.tiers.{word}");
            let tier = Tier::of_word(word).ok_or_else(|| {
                let words = format!("a tier is one of {}", Tier::WORDS.join(", "));
                Problem::of(engine::Code::Malformed, words).at(at.clone())
            })?;
            tiers[tier.index()] = part.ppm(&at)?.get();
        }
        let strong = match &self.strong {
            Some(part) => part.ppm(&format!("{field}.strong"))?.get(),
            None => 0,
        };
        Ok(Rewards { tiers, strong })
    }

    fn of(rewards: &Rewards) -> RewardsText {
        let part = |ppm: u32| Ppm::new(ppm).ok().filter(|_| ppm > 0).map(Part::of);
        let tiers = Tier::ALL.iter().zip(rewards.tiers);
        RewardsText {
            tiers: tiers
                .filter_map(|(tier, ppm)| Some((tier.word().to_owned(), part(ppm)?)))
                .collect(),
            strong: part(rewards.strong),
        }
    }
}

impl From<CounterWord> for Counter {
    fn from(word: CounterWord) -> Counter {
        match word {
            CounterWord::Amount => Counter::Amount,
            CounterWord::Count => Counter::Count,
        }
    }
}

impl From<Counter> for CounterWord {
    fn from(counter: Counter) -> CounterWord {
        match counter {
            Counter::Amount => CounterWord::Amount,
            Counter::Count => CounterWord::Count,
        }
    }
}

/// Settings as packs are compiled with.
pub fn for_packs(
    settings: &LawSettings,
    assets: &Assets,
    first_day: policy::Date,
) -> policy::Settings {
    let number = |own: &OwnNumber| {
        let amount = policy::Amount {
            atoms: Atoms(own.atoms.0),
            asset: own.asset,
        };
        (own.rule.clone(), amount)
    };
    policy::Settings {
        country: policy::Country::from_letters(settings.country.0),
        status: settings.status,
        assets: assets.0.clone(),
        segments: settings.segments.clone(),
        counters: settings.counters.clone(),
        numbers: settings.numbers.iter().map(number).collect(),
        first_day,
    }
}
