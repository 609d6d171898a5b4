//! Terms in words: decimals, codes and names, compiled to what the step reads, and back.

use crate::app::{App, Assets};
use crate::codes;
use crate::problem::{Outcome, Problem};
use crate::types::words::Source;
use crate::types::{Amount, AssetText, CountryText, Decimal, Text};
use crate::v1::common::amount_of;
use engine::terms as e;
use engine::time::Zone;
use engine::{Code, UtcMillis};
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use ledger::SourceSet;
use money::{Asset, Atoms, Ppm, Rate};
use policy::TierLimits;
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use tax::{CountryRate, RateTable};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Limits follow civil days of these years; before and after, the offset at their ends.
const ZONE_YEARS: (i64, i64) = (0, 2_524_608_000);

macro_rules! decimals {
    ($($(#[$doc:meta])* $name:ident $whole:literal $decimals:literal $pattern:literal $example:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                if crate::types::amount::is_decimal(&text, $whole, $decimals) {
                    Ok($name(text))
                } else {
                    Err(serde::de::Error::custom(concat!("a decimal number in a string, such as \"", $example, "\"")))
                }
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let object = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .pattern(Some($pattern))
                    .examples([$example]);
                RefOr::T(Schema::Object(object.build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> { Cow::Borrowed(stringify!($name)) }
        }
    )*};
}

decimals! {
    /// A part of the whole, 0 to 1.
    Part 1 6 "^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$" "0.025";
    /// What one unit of an asset is worth in units of another.
    RateText 9 12 "^(0|[1-9][0-9]{0,8})(\\.[0-9]{1,12})?$" "1.0842";
}

impl Part {
    /// In parts per million.
    ///
    /// # Errors
    /// It is more than the whole.
    pub fn ppm(&self, field: &str) -> Outcome<Ppm> {
        let (whole, part) = self.0.split_once('.').unwrap_or((&self.0, "0"));
        let digits = format!("{whole}{part:0<6}");
        let ppm = digits.parse().ok().and_then(|ppm: u32| Ppm::new(ppm).ok());
        ppm.ok_or_else(|| Problem::of(engine::Code::Malformed, "a part is from 0 to 1").at(field))
    }

    /// Parts per million, as they are shown.
    pub fn of(ppm: Ppm) -> Part {
        let (whole, part) = (ppm.get() / 1_000_000, ppm.get() % 1_000_000);
        let text = format!("{whole}.{part:06}");
        Part(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

bounded! {
    /// A fraud score: 0 to 1000.
    Score(u16) 0..=1000;
    /// Milliseconds, up to ten years.
    Millis(u64) 1..=315_576_000_000;
    /// 1 to a million.
    PerSecond(u32) 1..=1_000_000;
}

/// Every setting of a tenant.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// The platform's fee.
    pub fee: Fee,
    /// Inclusive tax by the payer's country.
    #[schema(max_items = 300)]
    pub tax: Vec<CountryTax>,
    /// What a party may spend; none, if not given.
    pub limits: Option<Limits>,
    /// Rates for limits in another asset.
    #[schema(max_items = 1000)]
    pub reference_rates: Vec<ReferenceRate>,
    /// What a fraud score means.
    pub risk: Risk,
    /// The order in which sources are spent; one not listed cannot be.
    #[schema(max_items = 9)]
    pub funding_order: Vec<Source>,
    /// The sources that may be withdrawn.
    #[schema(max_items = 9)]
    pub withdrawable: Vec<Source>,
    /// The longest an authorization may last.
    #[schema(minimum = 1, maximum = 315_576_000_000_u64)]
    pub hold_ms_max: Millis,
    /// How long an authorization lasts that does not say it; seven days if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 315_576_000_000_u64)]
    pub hold_ms_default: Option<Millis>,
    /// How long a payer has to confirm.
    #[schema(minimum = 1, maximum = 315_576_000_000_u64)]
    pub step_up_ms: Millis,
    /// How many refusals a second for a payer and reason are kept one by one.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub refusals_per_second: PerSecond,
    /// Whose civil days and months the limits follow: an IANA name.
    #[schema(examples("Europe/Paris"))]
    pub time_zone: Text<100>,
}

/// The platform's fee.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fee {
    /// Its part of a payment.
    pub share: Part,
    /// The least a payment is charged, an asset each.
    #[schema(max_items = 1000)]
    pub minimums: Vec<Amount>,
    /// Whether a refund returns it.
    pub refundable: bool,
}

/// A country's tax.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CountryTax {
    /// Where the payer is.
    pub country: CountryText,
    /// The rate, on the price without it.
    pub rate: Part,
}

/// Limits by tier, in one asset.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The asset the numbers are in.
    pub asset: AssetText,
    /// One row a tier, from 0.
    #[schema(min_items = 5, max_items = 5)]
    pub tiers: [Tier; e::TIERS],
    /// Whether a refund gives back the room it had taken.
    #[serde(default)]
    pub refund_restores_room: bool,
}

/// What a party of a tier may spend; not given is no limit.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tier {
    /// In one payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_payment: Option<Decimal>,
    /// In a civil day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Decimal>,
    /// In a civil month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_month: Option<Decimal>,
}

/// What one asset is worth in another, for limits.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceRate {
    /// One unit of this …
    pub base: AssetText,
    /// … in units of this …
    pub quote: AssetText,
    /// … is so many.
    pub rate: RateText,
}

/// What a fraud score means.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Risk {
    /// From this score on the payer must confirm.
    #[schema(minimum = 0, maximum = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up_at: Option<Score>,
    /// From this score on the payment is refused.
    #[schema(minimum = 0, maximum = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_at: Option<Score>,
    /// The least score of what an agent's key asks: the `risk_score` it gives itself can only raise it.
    #[schema(minimum = 0, maximum = 1000)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_floor: Option<Score>,
}

impl Serialize for Score {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.0)
    }
}

impl Serialize for Millis {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl Serialize for PerSecond {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl Default for Fee {
    fn default() -> Self {
        Fee {
            share: Part("0".to_owned()),
            minimums: Vec::new(),
            refundable: true,
        }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Terms::of(&e::Terms::default(), &Assets::default())
    }
}

impl Terms {
    /// In words.
    pub fn of(terms: &e::Terms, assets: &Assets) -> Terms {
        let asset = |no| assets.get(no);
        let amount =
            |asset: &Asset, atoms: Option<u64>| atoms.map(|n| Decimal(asset.format(Atoms(n))));
        Terms {
            fee: Fee {
                share: Part::of(terms.fee_share),
                minimums: terms
                    .fee_minimums
                    .iter()
                    .filter_map(|fee| Some(Amount::of(asset(fee.asset)?, fee.minimum.0)))
                    .collect(),
                refundable: terms.fee_refundable,
            },
            tax: terms
                .tax
                .rates()
                .iter()
                .map(|row| CountryTax {
                    country: CountryText(e::Country(row.country)),
                    rate: Part::of(row.rate),
                })
                .collect(),
            limits: terms.limits.as_ref().and_then(|limits| {
                let asset = asset(limits.asset)?;
                let tier = |row: &TierLimits| Tier {
                    per_payment: amount(asset, row.per_payment),
                    per_day: amount(asset, row.per_day),
                    per_month: amount(asset, row.per_month),
                };
                let refund_restores_room = terms.refund_restores_room;
                Some(Limits {
                    asset: AssetText(asset.code),
                    tiers: limits.tiers.each_ref().map(tier),
                    refund_restores_room,
                })
            }),
            reference_rates: terms
                .reference_rates
                .iter()
                .filter_map(|row| {
                    let (base, quote) = (asset(row.base)?, asset(row.quote)?);
                    let rate = RateText(quoted(&row.rate, base, quote));
                    Some(ReferenceRate {
                        base: AssetText(base.code),
                        quote: AssetText(quote.code),
                        rate,
                    })
                })
                .collect(),
            risk: Risk {
                step_up_at: terms.risk.step_up_at.map(|score| Score(score.0)),
                deny_at: terms.risk.deny_at.map(|score| Score(score.0)),
                agent_floor: (terms.agent_risk.0 > 0).then_some(Score(terms.agent_risk.0)),
            },
            funding_order: terms
                .funding_order
                .iter()
                .map(|source| (*source).into())
                .collect(),
            withdrawable: terms.withdrawable.iter().map(Into::into).collect(),
            hold_ms_max: Millis(terms.hold_ms_max),
            hold_ms_default: terms.hold_ms_default.map(Millis),
            step_up_ms: Millis(terms.step_up_ms),
            refusals_per_second: PerSecond(terms.refusals_per_second),
            time_zone: Text(terms.zone.name.clone()),
        }
    }

    /// As the step reads them.
    ///
    /// # Errors
    /// An asset or time zone that is not known; a number that cannot be held exactly.
    pub async fn compile(&self, app: &App) -> Outcome<e::Terms> {
        let mut fee_minimums = Vec::with_capacity(self.fee.minimums.len());
        for (at, minimum) in self.fee.minimums.iter().enumerate() {
            let (asset, minimum) = amount_of(app, minimum, &format!("fee.minimums[{at}]")).await?;
            fee_minimums.push(e::AssetFee { asset, minimum });
        }
        let mut rates = Vec::with_capacity(self.tax.len());
        for (at, row) in self.tax.iter().enumerate() {
            let before = &self.tax[..at];
            if before
                .iter()
                .any(|earlier| earlier.country.0 == row.country.0)
            {
                let words = format!("{} has a rate already", row.country.0.as_str());
                return Err(Problem::of(Code::Malformed, words).at(format!("tax[{at}].country")));
            }
            rates.push(CountryRate {
                country: row.country.0.0,
                rate: row.rate.ppm(&format!("tax[{at}].rate"))?,
            });
        }
        let limits = match &self.limits {
            None => None,
            Some(limits) => {
                let (no, asset) = app.asset(limits.asset.0, "limits.asset").await?;
                let mut tiers = [TierLimits::default(); e::TIERS];
                for (at, (tier, out)) in limits.tiers.iter().zip(&mut tiers).enumerate() {
                    let atoms = |text: &Option<Decimal>, name: &str| {
                        let Some(text) = text else { return Ok(None) };
                        let field = format!("limits.tiers[{at}].{name}");
                        let bad = |error: money::MoneyError| {
                            Problem::new(codes::AMOUNT_INVALID, error.to_string()).at(field)
                        };
                        Ok::<_, Box<Problem>>(Some(text.atoms(&asset).map_err(bad)?.0))
                    };
                    *out = TierLimits {
                        per_payment: atoms(&tier.per_payment, "per_payment")?,
                        per_day: atoms(&tier.per_day, "per_day")?,
                        per_month: atoms(&tier.per_month, "per_month")?,
                    };
                }
                Some(e::Limits { asset: no, tiers })
            }
        };
        let mut reference_rates = Vec::with_capacity(self.reference_rates.len());
        for (at, row) in self.reference_rates.iter().enumerate() {
            let field = |name: &str| format!("reference_rates[{at}].{name}");
            let (base_no, base) = app.asset(row.base.0, &field("base")).await?;
            let (quote_no, quote) = app.asset(row.quote.0, &field("quote")).await?;
            let rate = Rate::from_decimal(&row.rate.0, &base, &quote);
            let rate = rate.map_err(|error| {
                Problem::new(codes::RATE_INVALID, error.to_string()).at(field("rate"))
            })?;
            reference_rates.push(e::ReferenceRate {
                base: base_no,
                quote: quote_no,
                rate,
            });
        }
        let sources: Vec<ledger::Source> = self
            .withdrawable
            .iter()
            .map(|source| (*source).into())
            .collect();
        Ok(e::Terms {
            fee_share: self.fee.share.ppm("fee.share")?,
            fee_minimums,
            fee_refundable: self.fee.refundable,
            tax: RateTable::new(rates),
            limits,
            refund_restores_room: self
                .limits
                .as_ref()
                .is_some_and(|limits| limits.refund_restores_room),
            reference_rates,
            risk: risk::Thresholds {
                step_up_at: self.risk.step_up_at.map(|score| risk::Score(score.0)),
                deny_at: self.risk.deny_at.map(|score| risk::Score(score.0)),
            },
            funding_order: self
                .funding_order
                .iter()
                .map(|source| (*source).into())
                .collect(),
            withdrawable: SourceSet::of(&sources),
            hold_ms_max: self.hold_ms_max.0,
            hold_ms_default: self.hold_ms_default.map(|ms| ms.0),
            step_up_ms: self.step_up_ms.0,
            refusals_per_second: self.refusals_per_second.0,
            zone: zone(&self.time_zone.0)?,
            agent_risk: risk::Score(self.risk.agent_floor.map_or(0, |score| score.0)),
        })
    }
}

/// A rate as the world quotes it; exact for what was read from at most 18 decimals.
fn quoted(rate: &Rate, base: &Asset, quote: &Asset) -> String {
    let num = u128::from(rate.num) * u128::from(base.scale.atoms_per_unit());
    let den = u128::from(rate.den.get()) * u128::from(quote.scale.atoms_per_unit());
    let (mut text, mut rest) = (format!("{}", num / den), num % den);
    if rest > 0 {
        text.push('.');
        for _ in 0..18 {
            rest *= 10;
            text.push_str(&(rest / den).to_string());
            rest %= den;
            if rest == 0 {
                break;
            }
        }
    }
    text
}

/// A zone's transitions, from the database that comes with the program: what limits follow must not
/// depend on what the machine has installed.
/// A time zone as a table.
///
/// # Errors
/// [`codes::TIME_ZONE_UNKNOWN`].
pub fn zone(name: &str) -> Outcome<Zone> {
    if name == "UTC" {
        return Ok(Zone::utc());
    }
    let unknown = || Problem::new(codes::TIME_ZONE_UNKNOWN, "no such time zone").at("time_zone");
    let zone = TimeZoneDatabase::bundled()
        .get(name)
        .map_err(|_| unknown())?;
    let (from, until) = (
        Timestamp::from_second(ZONE_YEARS.0),
        Timestamp::from_second(ZONE_YEARS.1),
    );
    let (Ok(from), Ok(until)) = (from, until) else {
        return Err(unknown());
    };
    let transitions = zone
        .following(from)
        .take_while(|transition| transition.timestamp() < until);
    let transitions = transitions.filter_map(|transition| {
        let at = u64::try_from(transition.timestamp().as_millisecond()).ok()?;
        Some((UtcMillis(at), transition.offset().seconds()))
    });
    Ok(Zone {
        name: zone.iana_name().unwrap_or(name).to_owned(),
        first_offset_s: zone.to_offset(from).seconds(),
        transitions: transitions.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_compiled_to_its_transitions() {
        let paris = zone("Europe/Paris").unwrap();
        // 25 October 2026, 01:00 UTC: the hour is set back.
        let at = 1_792_890_000_000;
        assert_eq!(paris.offset_s(UtcMillis(at - 1)), 7_200);
        assert_eq!(paris.offset_s(UtcMillis(at)), 3_600);
        assert!(paris.transitions.len() < 200 && paris.transitions.is_sorted());
        assert_eq!(
            zone("Asia/Kolkata").unwrap().offset_s(UtcMillis(at)),
            19_800
        );
        assert_eq!(
            zone("Mars/Olympus").unwrap_err().field.as_deref(),
            Some("time_zone")
        );
    }

    #[test]
    fn parts_and_rates_read_as_they_were_written() {
        for (text, ppm) in [
            ("0", 0),
            ("0.025", 25_000),
            ("1", 1_000_000),
            ("0.000001", 1),
            ("0.190000", 190_000),
        ] {
            assert_eq!(Part(text.to_owned()).ppm("x").unwrap().get(), ppm, "{text}");
        }
        assert!(Part("1.5".to_owned()).ppm("x").is_err());
        assert_eq!(Part::of(Ppm::new(25_000).unwrap()).0, "0.025");
        assert_eq!(Part::of(Ppm::new(0).unwrap()).0, "0");
        let (eur, jpy) = (Asset::known("EUR").unwrap(), Asset::known("JPY").unwrap());
        for text in ["162.5", "0.0061", "1", "1234.000000000001"] {
            let rate = Rate::from_decimal(text, &eur, &jpy).unwrap();
            assert_eq!(quoted(&rate, &eur, &jpy), text);
        }
    }
}
