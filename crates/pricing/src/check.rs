//! What can be wrong with the definition of a price: all of it at once.

use crate::price::{Band, Model, Price, Rate};
use crate::when::{DAY_MINUTES, When};
use money::Atoms;
use thiserror::Error;

/// Something wrong with a price, and in which variant: from 0; none is the price's own rate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Wrong {
    /// A quantity that something is per, or the size of a package, is zero.
    #[error("{}: a quantity of zero", place(.0))]
    ZeroQuantity(Option<usize>),
    /// There is nothing to price.
    #[error("{}: no unit and no band", place(.0))]
    Nothing(Option<usize>),
    /// Bands end in the wrong order.
    #[error("{}: bands do not ascend", place(.0))]
    NotAscending(Option<usize>),
    /// The last band has an end, or another has none.
    #[error("{}: only the last band is without an end, and must be", place(.0))]
    OpenEnd(Option<usize>),
    /// Two units have one name, or one of several has none.
    #[error("{}: units without a name of their own", place(.0))]
    UnitName(Option<usize>),
    /// The rate has other units than the price's own.
    #[error("{}: units other than those of the price", place(.0))]
    OtherUnits(Option<usize>),
    /// More at least than at most.
    #[error("{}: a minimum above the maximum", place(.0))]
    MinimumAboveMaximum(Option<usize>),
    /// A flat amount with a base: they are one amount.
    #[error("{}: a flat price with a base", place(.0))]
    BaseOfFlat(Option<usize>),
    /// A minute, day of the week, tier range or country that does not exist.
    #[error("{}: a condition that nothing meets", place(.0))]
    Never(Option<usize>),
    /// An earlier variant fits wherever this one does.
    #[error("{}: the variant at {earlier} fits wherever it does", place(.variant))]
    Unreachable {
        /// Which.
        variant: Option<usize>,
        /// By which, from 0.
        earlier: usize,
    },
    /// Fractions of an atom would be too fine: the least common multiple of all that anything is per.
    #[error(
        "what amounts are per has no common multiple up to {}",
        Price::DENOMINATOR_MAX
    )]
    TooFine,
    /// More than [`Price::VARIANTS_MAX`] variants, [`Price::ROWS_MAX`] units or bands, or in a variant's
    /// lists more than there can be: nothing else is looked at then.
    #[error("too many variants, units, bands, or rows in a variant's lists")]
    TooMany,
}

fn place(variant: &Option<usize>) -> String {
    match variant {
        Some(variant) => format!("variants[{variant}]"),
        None => "rate".to_owned(),
    }
}

impl Price {
    /// At most so many variants.
    pub const VARIANTS_MAX: usize = 32;
    /// At most so many units or bands of a rate.
    pub const ROWS_MAX: usize = 64;
    /// At most so many countries of a variant.
    pub const COUNTRIES_MAX: usize = 300;
}

/// All that is wrong with a price.
///
/// # Errors
/// Each thing that is wrong, in the order of the definition.
pub fn check(price: &Price) -> Result<(), Vec<Wrong>> {
    // What is too much to look at is not looked at.
    if is_too_large(price) {
        return Err(vec![Wrong::TooMany]);
    }
    let mut wrong = Vec::new();
    for (at, rate) in price.rates().enumerate() {
        let place = at.checked_sub(1);
        check_rate(rate, place, &mut wrong);
        if rate.model.unit_names() != price.unit_names() {
            wrong.push(Wrong::OtherUnits(place));
        }
    }
    for (at, variant) in price.variants.iter().enumerate() {
        if !can_be_met(&variant.when) {
            wrong.push(Wrong::Never(Some(at)));
        }
        let before = &price.variants[..at];
        if let Some(earlier) = before.iter().position(|v| v.when.covers(&variant.when)) {
            let variant = Some(at);
            wrong.push(Wrong::Unreachable { variant, earlier });
        }
    }
    // A zero is told by itself.
    let is_zero = |wrong: &Wrong| matches!(wrong, Wrong::ZeroQuantity(_));
    if price.denominator().is_none() && !wrong.iter().any(is_zero) {
        wrong.push(Wrong::TooFine);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn is_too_large(price: &Price) -> bool {
    let rows = |rate: &Rate| match &rate.model {
        Model::PerUnit { units } => units.len(),
        Model::Graduated { bands } | Model::Volume { bands } => bands.len(),
        Model::Flat { .. } | Model::Package { .. } | Model::Percentage { .. } => 0,
    };
    price.variants.len() > Price::VARIANTS_MAX
        || price.rates().any(|rate| rows(rate) > Price::ROWS_MAX)
        || price.variants.iter().any(|variant| {
            let when = &variant.when;
            when.weekdays.len() > 7
                || when.countries.len() > Price::COUNTRIES_MAX
                || when.kinds.len() > 3
                || when.tags.len() > usize::from(u8::MAX)
        })
}

fn check_rate(rate: &Rate, place: Option<usize>, wrong: &mut Vec<Wrong>) {
    let mut say = |is_wrong: bool, what: Wrong| {
        if is_wrong {
            wrong.push(what);
        }
    };
    match &rate.model {
        Model::Flat { .. } => say(rate.base > Atoms::ZERO, Wrong::BaseOfFlat(place)),
        Model::PerUnit { units } => {
            say(units.is_empty(), Wrong::Nothing(place));
            let zero = units.iter().any(|unit| unit.per == 0);
            say(zero, Wrong::ZeroQuantity(place));
            let names = units.iter().map(|unit| &unit.name);
            let same = |(at, name): (usize, &String)| {
                (name.is_empty() && units.len() > 1) || names.clone().take(at).any(|n| n == name)
            };
            say(names.clone().enumerate().any(same), Wrong::UnitName(place));
        }
        Model::Package { size, .. } => say(*size == 0, Wrong::ZeroQuantity(place)),
        Model::Graduated { bands } | Model::Volume { bands } => {
            say(bands.is_empty(), Wrong::Nothing(place));
            let zero = |band: &Band| band.per == 0 || band.up_to == Some(0);
            say(bands.iter().any(zero), Wrong::ZeroQuantity(place));
            let ends: Vec<u64> = bands.iter().filter_map(|band| band.up_to).collect();
            let ascend = ends.windows(2).all(|pair| pair[0] < pair[1]);
            say(!ascend, Wrong::NotAscending(place));
            let open = bands.iter().position(|band| band.up_to.is_none());
            let only_last = open.map(|at| at + 1) == Some(bands.len());
            say(!bands.is_empty() && !only_last, Wrong::OpenEnd(place));
        }
        Model::Percentage {
            minimum, maximum, ..
        } => {
            let above = maximum.is_some_and(|maximum| *minimum > maximum);
            say(above, Wrong::MinimumAboveMaximum(place));
        }
    }
}

fn can_be_met(when: &When) -> bool {
    let minutes =
        |(from, until): (u16, u16)| from < DAY_MINUTES && until <= DAY_MINUTES && from != until;
    when.minutes.is_none_or(minutes)
        && when.weekdays.iter().all(|day| *day < 7)
        && when
            .countries
            .iter()
            .all(|country| country.iter().all(u8::is_ascii_uppercase))
        && when.tier_min.unwrap_or(0) <= when.tier_max.unwrap_or(u8::MAX)
        && when.tags.iter().all(|tag| *tag > 0)
}
