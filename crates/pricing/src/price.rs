//! A price as data: its models, free quota and variants.

use crate::when::When;
use money::{AssetCode, Atoms, Ppm};
use serde::{Deserialize, Serialize};

/// What something costs. What is charged for a quantity is, of all that is used in a period, what it
/// costs less what was charged for before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The public id of what is sold; zero if that is not said.
    pub product: u128,
    /// In what it is paid.
    pub asset: AssetCode,
    /// Whether the price contains its tax; not said, as the tenant's settings have it.
    pub tax_included: Option<bool>,
    /// What use is added up in: free quota, base, packages and bands begin anew with each.
    pub period: Period,
    /// The first units of a period that cost nothing.
    pub free: u64,
    /// What the units cost.
    pub rate: Rate,
    /// Other rates for some; the first that fits stands.
    pub variants: Vec<Variant>,
    /// Whether a refund gives back the use it was for, in its period.
    pub refund_restores_use: bool,
}

/// A base and a model: of both it is a two-part price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// What the first use in a period costs besides, free or not, atoms.
    pub base: Atoms,
    /// What is used.
    pub model: Model,
}

/// What use is added up in. The numbers are frozen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// Each payment by itself.
    #[default]
    Payment,
    /// A civil day.
    Day,
    /// A civil month.
    Month,
    /// A civil year.
    Year,
    /// All of time.
    Ever,
}

impl Period {
    /// All, by their numbers.
    pub const ALL: [Period; 5] = [
        Period::Payment,
        Period::Day,
        Period::Month,
        Period::Year,
        Period::Ever,
    ];

    /// The number of the period a moment is in: `day` since 1970-01-01, `month` is year × 12 + (month −
    /// 1). Zero if it has no end or no beginning.
    #[must_use]
    pub fn number(self, day: u32, month: u32) -> u32 {
        match self {
            Period::Day => day,
            Period::Month => month,
            Period::Year => month / 12,
            Period::Payment | Period::Ever => 0,
        }
    }
}

/// How a quantity comes to an amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// An amount, once a period, whatever the quantity.
    Flat {
        /// Atoms.
        amount: Atoms,
    },
    /// So much for so many, each unit of its own: input and output tokens.
    PerUnit {
        /// By number; at least one.
        units: Vec<Unit>,
    },
    /// So much for each package begun.
    Package {
        /// How many are in one.
        size: u64,
        /// Atoms.
        amount: Atoms,
    },
    /// Each part of the use costs what its own band says.
    Graduated {
        /// Ascending; the last has no end.
        bands: Vec<Band>,
    },
    /// All of the use costs what the band says that it reaches. As nothing is given back within a
    /// period longer than a payment, more never costs less there: of all quantities up to what is
    /// used, it is what the dearest comes to.
    Volume {
        /// Ascending; the last has no end.
        bands: Vec<Band>,
    },
    /// A share of the quantity, which is in atoms.
    Percentage {
        /// Of the quantity.
        share: Ppm,
        /// At least this a period, atoms.
        minimum: Atoms,
        /// At most this a period, atoms.
        maximum: Option<Atoms>,
    },
}

/// A unit and its price: `amount` for every `per` of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// What it is called.
    pub name: String,
    /// Atoms.
    pub amount: Atoms,
    /// Of how many.
    pub per: u64,
}

/// A range of use and its price: `amount` for every `per` of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// The last quantity that is in it; none is all above the one before.
    pub up_to: Option<u64>,
    /// Atoms.
    pub amount: Atoms,
    /// Of how many.
    pub per: u64,
    /// What reaching it costs besides, atoms.
    pub base: Atoms,
}

/// Another rate for some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// What it is called.
    pub name: String,
    /// For whom and when.
    pub when: When,
    /// What it costs then.
    pub rate: Rate,
}

/// A checked price, with what it was made under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Counts the versions of a price, from 1.
    pub number: u32,
    /// From when it holds, milliseconds since 1970.
    pub from: u64,
    /// What it costs.
    pub price: Price,
    /// What the fractions of an atom are counted in: a multiple of all that anything is "per".
    pub(crate) denominator: u64,
}

impl Version {
    /// A version of a price.
    ///
    /// # Errors
    /// All that [`check()`](crate::check()) finds wrong with it.
    pub fn new(number: u32, from: u64, price: Price) -> Result<Version, Vec<crate::Wrong>> {
        crate::check(&price)?;
        let denominator = price.denominator().unwrap_or(1);
        Ok(Version {
            number,
            from,
            price,
            denominator,
        })
    }

    /// What the fractions of an atom are counted in.
    #[must_use]
    pub fn denominator(&self) -> u64 {
        self.denominator
    }

    /// Whether what was used before matters to what something costs: without, nothing is kept.
    #[must_use]
    #[inline]
    pub fn is_metered(&self) -> bool {
        self.denominator > 1 || self.price.period != Period::Payment
    }
}

impl Price {
    /// The most that the fractions of an atom may be counted in.
    pub const DENOMINATOR_MAX: u64 = 1_000_000_000_000;

    /// All its rates: its own, then those of its variants.
    pub fn rates(&self) -> impl Iterator<Item = &Rate> {
        let of_variants = self.variants.iter().map(|variant| &variant.rate);
        core::iter::once(&self.rate).chain(of_variants)
    }

    /// The names of its units, by number.
    #[must_use]
    pub fn unit_names(&self) -> Vec<&str> {
        self.rate.model.unit_names()
    }

    /// The least common multiple of what anything is "per"; none if it is zero or too large.
    pub(crate) fn denominator(&self) -> Option<u64> {
        let mut all = 1u64;
        for per in self.rates().flat_map(|rate| rate.model.pers()) {
            let factor = per.checked_div(greatest_divisor(all, per))?;
            let next = all.checked_mul(factor)?;
            all = (1..=Price::DENOMINATOR_MAX)
                .contains(&next)
                .then_some(next)?;
        }
        Some(all)
    }
}

impl Model {
    /// What it is "per".
    fn pers(&self) -> Vec<u64> {
        match self {
            Model::Flat { .. } | Model::Package { .. } => Vec::new(),
            Model::PerUnit { units } => units.iter().map(|unit| unit.per).collect(),
            Model::Graduated { bands } | Model::Volume { bands } => {
                bands.iter().map(|band| band.per).collect()
            }
            Model::Percentage { .. } => vec![u64::from(Ppm::WHOLE.get())],
        }
    }

    /// Of a price per unit its names, by number; any other has one unit without a name.
    pub(crate) fn unit_names(&self) -> Vec<&str> {
        match self {
            Model::PerUnit { units } => units.iter().map(|unit| unit.name.as_str()).collect(),
            _ => vec![""],
        }
    }

    /// How many units it tells apart.
    #[must_use]
    pub fn units(&self) -> usize {
        match self {
            Model::PerUnit { units } => units.len(),
            _ => 1,
        }
    }
}

fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
