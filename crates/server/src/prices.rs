//! Prices on the wire: decimals and words, compiled to what the step reads, and back. The command and the
//! API share all of it.

use crate::types::ids::{ProductId, PublicId};
use crate::types::{AssetText, CountryText, Decimal, Text};
use crate::v1::terms::Part;
use engine::Id;
use engine::terms::Country;
use money::{Asset, Atoms};
use pricing::{Kind, Rate, When};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

bounded! {
    /// How many: 1 to a thousand billions.
    Quantity(u64) 1..=1_000_000_000_000_000;
    /// How many may be free: up to a thousand billions.
    FreeQuantity(u64) 0..=1_000_000_000_000_000;
    /// Of how many an amount is the price: 1 to a million millions.
    Per(u64) 1..=1_000_000_000_000;
    /// How far a party has been verified: 0 to 4.
    TierBound(u8) 0..=4;
}

macro_rules! counts {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

counts! { Quantity FreeQuantity Per TierBound }

/// A time of the civil day: `22:00`; `24:00` is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTime(u16);

impl Serialize for ClockTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}:{:02}", self.0 / 60, self.0 % 60))
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let number = |digits: &str| {
            let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            digits.parse::<u16>().ok().filter(|_| plain)
        };
        let parts = text.split_once(':');
        let parts = parts.and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)));
        let minutes = parts.filter(|(hour, minute)| *minute < 60 && hour * 60 + minute <= 1440);
        let minutes = minutes.map(|(hour, minute)| ClockTime(hour * 60 + minute));
        minutes.ok_or_else(|| serde::de::Error::custom("a time of day such as \"22:00\""))
    }
}

impl PartialSchema for ClockTime {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"))
            .examples(["22:00"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for ClockTime {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ClockTime")
    }
}

macro_rules! same_words {
    ($($(#[$doc:meta])* $name:ident = $of:path { $($(#[$word_doc:meta])* $word:ident),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { #[default] $($(#[$word_doc])* $word),* }

        impl From<$name> for $of {
            fn from(word: $name) -> $of {
                match word { $($name::$word => <$of>::$word),* }
            }
        }

        impl From<$of> for $name {
            fn from(word: $of) -> $name {
                match word { $(<$of>::$word => $name::$word),* }
            }
        }
    )*};
}

same_words! {
    /// What use is added up in.
    PricePeriod = pricing::Period {
        /// Each payment by itself.
        Payment,
        /// A civil day of the tenant's zone.
        Day,
        /// A civil month.
        Month,
        /// A civil year.
        Year,
        /// All of time.
        Ever,
    }
    /// What a payer is.
    PayerKind = Kind {
        /// A human.
        Person,
        /// A company or other body.
        Business,
        /// A software agent.
        Agent,
    }
}

/// Whether a price contains its tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaxIn {
    /// It does.
    Inclusive,
    /// It comes on top.
    Exclusive,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// What something costs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceDefinition)]
pub struct Definition {
    /// What is sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// In what it is paid.
    pub asset: AssetText,
    /// Whether the price contains its tax; as the tenant's settings have it, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxIn>,
    /// What use is added up in: the free quota, the base, packages and bands begin anew with each.
    #[serde(default)]
    pub period: PricePeriod,
    /// The first units of a period that cost nothing.
    #[serde(default = "none_free")]
    #[schema(minimum = 0)]
    pub free: FreeQuantity,
    /// What the first use in a period costs besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Decimal>,
    /// How a quantity comes to an amount.
    pub model: ModelGiven,
    /// Other models for some; the first that fits stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 32)]
    pub variants: Vec<VariantGiven>,
    /// Whether a refund gives back the use it was for.
    #[serde(default)]
    pub refund_restores_use: bool,
}

fn none_free() -> FreeQuantity {
    FreeQuantity(0)
}

/// How a quantity comes to an amount.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PriceModel)]
pub enum ModelGiven {
    /// An amount, once a period, whatever the quantity.
    Flat(FlatGiven),
    /// So much for so many, each unit of its own.
    PerUnit(PerUnitGiven),
    /// So much for each package begun.
    Package(PackageGiven),
    /// Each part of the use costs what its own band says.
    Graduated(BandsGiven),
    /// All of the use costs what the band says that it reaches; in a period longer than a payment, more
    /// never costs less.
    Volume(BandsGiven),
    /// A share of the quantity, which is in the asset's smallest units.
    Percentage(PercentageGiven),
}

/// An amount, once a period.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceFlat)]
pub struct FlatGiven {
    /// How much.
    pub amount: Decimal,
}

/// So much for so many.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PricePerUnit)]
pub struct PerUnitGiven {
    /// The units.
    #[schema(min_items = 1, max_items = 64)]
    pub units: Vec<UnitGiven>,
}

/// A unit and its price.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceUnit)]
pub struct UnitGiven {
    /// What it is called; needed of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<100>>,
    /// How much.
    pub amount: Decimal,
    /// For how many; 1 if not given.
    #[serde(default = "each")]
    pub per: Per,
}

fn each() -> Per {
    Per(1)
}

/// So much for each package begun.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PricePackage)]
pub struct PackageGiven {
    /// How many are in one.
    pub size: Quantity,
    /// How much.
    pub amount: Decimal,
}

/// Bands of use, ascending; the last is without an end.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceBands)]
pub struct BandsGiven {
    /// The bands.
    #[schema(min_items = 1, max_items = 64)]
    pub bands: Vec<BandGiven>,
}

/// A band of use and its price.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceBand)]
pub struct BandGiven {
    /// The last quantity that is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Quantity>,
    /// How much.
    pub amount: Decimal,
    /// For how many; 1 if not given.
    #[serde(default = "each")]
    pub per: Per,
    /// What reaching it costs besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Decimal>,
}

/// A share of the quantity.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PricePercentage)]
pub struct PercentageGiven {
    /// Which part of it.
    pub share: Part,
    /// At least this a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Decimal>,
    /// At most this a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<Decimal>,
}

/// Another model for some.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PriceVariant)]
pub struct VariantGiven {
    /// What it is called.
    pub name: Text<100>,
    /// For whom and when: all that is given must hold.
    pub when: WhenGiven,
    /// What the first use in a period costs besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Decimal>,
    /// How a quantity comes to an amount then.
    pub model: ModelGiven,
}

/// For whom and when.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PriceWhen)]
pub struct WhenGiven {
    /// From this time of the tenant's civil day; with `until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<ClockTime>,
    /// Until before this time; past midnight if it is the earlier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<ClockTime>,
    /// On these days; the hours after midnight are the next day's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 7)]
    pub weekdays: Vec<Weekday>,
    /// Of payers registered in one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 300)]
    pub countries: Vec<CountryText>,
    /// Of payers verified at least so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_min: Option<TierBound>,
    /// Of payers verified at most so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier_max: Option<TierBound>,
    /// Of payers of these kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub kinds: Vec<PayerKind>,
    /// Of payers in one of these of the operator's segments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 255)]
    pub segments: Vec<Text<100>>,
}

/// What does not compile: the field and why.
pub type NotCompiled = (String, String);

/// What the words of a price mean.
struct Compile<'c> {
    asset: &'c Asset,
    segments: &'c [String],
}

impl Definition {
    /// As the step reads it, and all that the step would find wrong with it.
    ///
    /// # Errors
    /// As [`Definition::compile`]; what contradicts itself, in a line.
    pub fn checked(
        &self,
        asset: &Asset,
        segments: &[String],
    ) -> Result<pricing::Price, NotCompiled> {
        let price = self.compile(asset, segments)?;
        pricing::check(&price).map_err(|wrong| {
            let words: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            (String::new(), words.join("; "))
        })?;
        Ok(price)
    }

    /// As the step reads it; `segments` are the operator's, in their order.
    ///
    /// # Errors
    /// The field, and why: an amount with more decimals than its asset, a segment that is none.
    fn compile(&self, asset: &Asset, segments: &[String]) -> Result<pricing::Price, NotCompiled> {
        let words = Compile { asset, segments };
        let variants = self.variants.iter().enumerate().map(|(at, variant)| {
            let field = |rest| format!("variants[{at}].{rest}");
            Ok(pricing::Variant {
                name: variant.name.0.clone(),
                when: words.when(&variant.when, &field("when"))?,
                rate: Rate {
                    base: words.atoms_or_none(variant.base.as_ref(), &field("base"))?,
                    model: words.model(&variant.model, &field("model"))?,
                },
            })
        });
        Ok(pricing::Price {
            product: self.product.map_or(0, |product| product.id().0),
            asset: asset.code,
            tax_included: self.tax.map(|tax| tax == TaxIn::Inclusive),
            period: self.period.into(),
            free: self.free.0,
            rate: Rate {
                base: words.atoms_or_none(self.base.as_ref(), "base")?,
                model: words.model(&self.model, "model")?,
            },
            variants: variants.collect::<Result<_, NotCompiled>>()?,
            refund_restores_use: self.refund_restores_use,
        })
    }

    /// The other way.
    #[must_use]
    pub fn of(price: &pricing::Price, asset: &Asset, segments: &[String]) -> Definition {
        let amount = |atoms: Atoms| Decimal(asset.format(atoms));
        let some = |atoms: Atoms| (atoms > Atoms::ZERO).then(|| amount(atoms));
        let variant = |variant: &pricing::Variant| VariantGiven {
            name: Text(variant.name.clone()),
            when: WhenGiven::of(&variant.when, segments),
            base: some(variant.rate.base),
            model: ModelGiven::of(&variant.rate.model, asset),
        };
        Definition {
            product: (price.product > 0).then_some(ProductId(Id(price.product))),
            asset: AssetText(price.asset),
            tax: price.tax_included.map(|included| match included {
                true => TaxIn::Inclusive,
                false => TaxIn::Exclusive,
            }),
            period: price.period.into(),
            free: FreeQuantity(price.free),
            base: some(price.rate.base),
            model: ModelGiven::of(&price.rate.model, asset),
            variants: price.variants.iter().map(variant).collect(),
            refund_restores_use: price.refund_restores_use,
        }
    }

    /// The segments that it names, each once.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.variants.iter().flat_map(|v| &v.when.segments) {
            if !names.contains(&name.0) {
                names.push(name.0.clone());
            }
        }
        names
    }
}

impl Compile<'_> {
    fn atoms(&self, amount: &Decimal, field: &str) -> Result<Atoms, NotCompiled> {
        let atoms = amount.atoms(self.asset);
        atoms.map_err(|error| (field.to_owned(), error.to_string()))
    }

    fn atoms_or_none(&self, amount: Option<&Decimal>, field: &str) -> Result<Atoms, NotCompiled> {
        amount.map_or(Ok(Atoms::ZERO), |amount| self.atoms(amount, field))
    }

    fn model(&self, model: &ModelGiven, field: &str) -> Result<pricing::Model, NotCompiled> {
        Ok(match model {
            ModelGiven::Flat(flat) => pricing::Model::Flat {
                amount: self.atoms(&flat.amount, &format!("{field}.flat.amount"))?,
            },
            ModelGiven::PerUnit(given) => {
                let unit = |(at, unit): (usize, &UnitGiven)| {
                    let field = format!("{field}.per_unit.units[{at}].amount");
                    Ok(pricing::Unit {
                        name: unit.name.as_ref().map_or(String::new(), |n| n.0.clone()),
                        amount: self.atoms(&unit.amount, &field)?,
                        per: unit.per.0,
                    })
                };
                let units = given.units.iter().enumerate().map(unit);
                pricing::Model::PerUnit {
                    units: units.collect::<Result<_, NotCompiled>>()?,
                }
            }
            ModelGiven::Package(package) => pricing::Model::Package {
                size: package.size.0,
                amount: self.atoms(&package.amount, &format!("{field}.package.amount"))?,
            },
            ModelGiven::Graduated(given) => pricing::Model::Graduated {
                bands: self.bands(given, &format!("{field}.graduated"))?,
            },
            ModelGiven::Volume(given) => pricing::Model::Volume {
                bands: self.bands(given, &format!("{field}.volume"))?,
            },
            ModelGiven::Percentage(given) => {
                let field = |rest| format!("{field}.percentage.{rest}");
                let share = given.share.ppm(&field("share"));
                let share = share.map_err(|problem| (field("share"), problem.detail.clone()))?;
                let maximum = given.maximum.as_ref();
                pricing::Model::Percentage {
                    share,
                    minimum: self.atoms_or_none(given.minimum.as_ref(), &field("minimum"))?,
                    maximum: maximum
                        .map(|most| self.atoms(most, &field("maximum")))
                        .transpose()?,
                }
            }
        })
    }

    fn bands(&self, given: &BandsGiven, field: &str) -> Result<Vec<pricing::Band>, NotCompiled> {
        let band = |(at, band): (usize, &BandGiven)| {
            let field = |rest| format!("{field}.bands[{at}].{rest}");
            Ok(pricing::Band {
                up_to: band.up_to.map(|count| count.0),
                amount: self.atoms(&band.amount, &field("amount"))?,
                per: band.per.0,
                base: self.atoms_or_none(band.base.as_ref(), &field("base"))?,
            })
        };
        given.bands.iter().enumerate().map(band).collect()
    }

    fn when(&self, when: &WhenGiven, field: &str) -> Result<When, NotCompiled> {
        let minutes = match (when.from, when.until) {
            (Some(from), Some(until)) => Some((from.0, until.0)),
            (None, None) => None,
            _ => {
                let words = "`from` and `until` go together".to_owned();
                return Err((format!("{field}.from"), words));
            }
        };
        let tag = |name: &Text<100>| {
            let at = self.segments.iter().position(|segment| *segment == name.0);
            let number = at.and_then(|at| u8::try_from(at + 1).ok());
            let words = "the settings of the law in force have no such segment";
            number.ok_or_else(|| (format!("{field}.segments"), words.to_owned()))
        };
        let day = |day: &Weekday| WEEK.iter().zip(0..).find(|(of, _)| *of == day);
        Ok(When {
            minutes,
            weekdays: when
                .weekdays
                .iter()
                .filter_map(day)
                .map(|(_, at)| at)
                .collect(),
            countries: when.countries.iter().map(|country| country.0.0).collect(),
            tier_min: when.tier_min.map(|tier| tier.0),
            tier_max: when.tier_max.map(|tier| tier.0),
            kinds: when.kinds.iter().map(|kind| Kind::from(*kind)).collect(),
            tags: when.segments.iter().map(tag).collect::<Result<_, _>>()?,
        })
    }
}

impl WhenGiven {
    fn of(when: &When, segments: &[String]) -> WhenGiven {
        let tag = |tag: &u8| segments.get(usize::from(*tag).checked_sub(1)?).cloned();
        let day = |day: &u8| WEEK.get(usize::from(*day)).copied();
        WhenGiven {
            from: when.minutes.map(|(from, _)| ClockTime(from)),
            until: when.minutes.map(|(_, until)| ClockTime(until)),
            weekdays: when.weekdays.iter().filter_map(day).collect(),
            countries: when
                .countries
                .iter()
                .map(|c| CountryText(Country(*c)))
                .collect(),
            tier_min: when.tier_min.map(TierBound),
            tier_max: when.tier_max.map(TierBound),
            kinds: when
                .kinds
                .iter()
                .map(|kind| PayerKind::from(*kind))
                .collect(),
            segments: when.tags.iter().filter_map(tag).map(Text).collect(),
        }
    }
}

impl ModelGiven {
    fn of(model: &pricing::Model, asset: &Asset) -> ModelGiven {
        let amount = |atoms: Atoms| Decimal(asset.format(atoms));
        let some = |atoms: Atoms| (atoms > Atoms::ZERO).then(|| amount(atoms));
        let unit = |unit: &pricing::Unit| UnitGiven {
            name: (!unit.name.is_empty()).then(|| Text(unit.name.clone())),
            amount: amount(unit.amount),
            per: Per(unit.per),
        };
        let bands = |bands: &[pricing::Band]| BandsGiven {
            bands: bands
                .iter()
                .map(|band| BandGiven {
                    up_to: band.up_to.map(Quantity),
                    amount: amount(band.amount),
                    per: Per(band.per),
                    base: some(band.base),
                })
                .collect(),
        };
        match model {
            pricing::Model::Flat { amount: atoms } => ModelGiven::Flat(FlatGiven {
                amount: amount(*atoms),
            }),
            pricing::Model::PerUnit { units } => ModelGiven::PerUnit(PerUnitGiven {
                units: units.iter().map(unit).collect(),
            }),
            pricing::Model::Package {
                size,
                amount: atoms,
            } => ModelGiven::Package(PackageGiven {
                size: Quantity(*size),
                amount: amount(*atoms),
            }),
            pricing::Model::Graduated { bands: all } => ModelGiven::Graduated(bands(all)),
            pricing::Model::Volume { bands: all } => ModelGiven::Volume(bands(all)),
            pricing::Model::Percentage {
                share,
                minimum,
                maximum,
            } => ModelGiven::Percentage(PercentageGiven {
                share: Part::of(*share),
                minimum: some(*minimum),
                maximum: maximum.map(amount),
            }),
        }
    }
}
