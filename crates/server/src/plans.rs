//! Plans on the wire: decimals and words, compiled to what the step reads, and back.

use crate::prices::{NotCompiled, TaxIn};
use crate::types::ids::{ProductId, PublicId};
use crate::types::{AssetText, Decimal, Text};
use crate::v1::terms::Part;
use engine::Id;
use engine::plans::Coupon;
use money::{Asset, Atoms};
use pricing::{Dunning, Every, Off, Plan, PlanTier, Then, Trial};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

bounded! {
    /// Of how many a period is made: 1 to 300.
    PeriodCount(u16) 1..=300;
    /// Civil days: up to 3,650.
    Days(u16) 0..=3_650;
    /// How many periods: 1 to a million.
    Periods(u32) 1..=1_000_000;
}

macro_rules! plain {
    ($($name:ident)*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

plain! { PeriodCount Days Periods }

/// What a period is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PlanEvery)]
pub enum EveryGiven {
    /// Days.
    Day,
    /// Weeks.
    Week,
    /// Months: what begins on the 31st goes on with the last day of a shorter one.
    Month,
    /// Three months each.
    Quarter,
    /// Years.
    Year,
}

/// What follows the last retry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PlanThen)]
pub enum ThenGiven {
    /// The subscription ends.
    #[default]
    End,
    /// It is paused until it is resumed.
    Pause,
}

/// What is paid again and again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanDefinition)]
pub struct PlanGiven {
    /// What is sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// In what it is paid.
    pub asset: AssetText,
    /// Whether the amounts contain their tax; as the tenant's settings have it, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax: Option<TaxIn>,
    /// What there is to choose from.
    #[schema(min_items = 1, max_items = 64)]
    pub tiers: Vec<TierGiven>,
    /// What comes before the first payment, once for a party.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialGiven>,
    /// What follows a renewal that fails; if not given, its end.
    #[serde(default)]
    pub dunning: DunningGiven,
    /// So many days after a renewal that failed the service goes on.
    #[serde(default = "no_days")]
    #[schema(minimum = 0)]
    pub grace_days: Days,
    /// So many days before each renewal an event tells of it; 0 is never.
    #[serde(default = "no_days")]
    #[schema(minimum = 0)]
    pub notice_days: Days,
}

/// One of the things to choose from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanTier)]
pub struct TierGiven {
    /// What it is called.
    pub name: Text<100>,
    /// What a period costs; `0` is nothing.
    pub amount: Decimal,
    /// What a period is made of.
    pub every: EveryGiven,
    /// Of how many; 1 if not given.
    #[serde(default = "one")]
    pub count: PeriodCount,
}

/// Some time for nothing.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanTrial)]
pub struct TrialGiven {
    /// How many days.
    pub days: Days,
    /// Whether it is paid for after the trial without being asked for once more (`convert`).
    #[serde(default = "yes")]
    pub converts: bool,
    /// So many days before its end an event tells of it; 0 is never.
    #[serde(default = "no_days")]
    #[schema(minimum = 0)]
    pub reminder_days: Days,
}

/// What follows a renewal that fails.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PlanDunning)]
pub struct DunningGiven {
    /// It is tried again so many days after it was due, ascending.
    #[schema(max_items = 16)]
    pub retry_days: Vec<Days>,
    /// What follows the last.
    pub then: ThenGiven,
}

/// What is taken off.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Coupon)]
pub struct CouponGiven {
    /// What.
    pub off: OffGiven,
    /// For so many periods; for all, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periods: Option<Periods>,
}

/// An amount or a share.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = CouponOff)]
pub enum OffGiven {
    /// An amount, at most what there is.
    Amount(Decimal),
    /// A share, rounded down.
    Share(Part),
}

fn no_days() -> Days {
    Days(0)
}

fn one() -> PeriodCount {
    PeriodCount(1)
}

fn yes() -> bool {
    true
}

fn atoms(amount: &Decimal, asset: &Asset, field: &str) -> Result<Atoms, NotCompiled> {
    let atoms = amount.atoms(asset);
    atoms.map_err(|error| (field.to_owned(), error.to_string()))
}

impl PlanGiven {
    /// As the step reads it, and all that the step would find wrong with it.
    ///
    /// # Errors
    /// The field, and why.
    pub fn checked(&self, asset: &Asset) -> Result<Plan, NotCompiled> {
        let tier = |(at, tier): (usize, &TierGiven)| {
            let (every, count) = match tier.every {
                EveryGiven::Day => (Every::Day, tier.count.0),
                EveryGiven::Week => (Every::Week, tier.count.0),
                EveryGiven::Month => (Every::Month, tier.count.0),
                EveryGiven::Quarter => (Every::Month, 3 * tier.count.0),
                EveryGiven::Year => (Every::Year, tier.count.0),
            };
            Ok(PlanTier {
                name: tier.name.0.clone(),
                amount: atoms(&tier.amount, asset, &format!("tiers[{at}].amount"))?,
                every,
                count,
            })
        };
        let tiers = self.tiers.iter().enumerate().map(tier);
        let plan = Plan {
            product: self.product.map_or(0, |product| product.id().0),
            asset: asset.code,
            tax_included: self.tax.map(|tax| tax == TaxIn::Inclusive),
            tiers: tiers.collect::<Result<_, NotCompiled>>()?,
            trial: self.trial.as_ref().map(|trial| Trial {
                days: trial.days.0,
                converts: trial.converts,
                reminder_days: trial.reminder_days.0,
            }),
            dunning: Dunning {
                retry_days: self.dunning.retry_days.iter().map(|days| days.0).collect(),
                then: match self.dunning.then {
                    ThenGiven::End => Then::End,
                    ThenGiven::Pause => Then::Pause,
                },
            },
            grace_days: self.grace_days.0,
            notice_days: self.notice_days.0,
        };
        plan.check().map_err(|wrong| {
            let words: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            (String::new(), words.join("; "))
        })?;
        Ok(plan)
    }

    /// The other way. Quarters are shown as the months that they are.
    #[must_use]
    pub fn of(plan: &Plan, asset: &Asset) -> PlanGiven {
        let tier = |tier: &PlanTier| TierGiven {
            name: Text(tier.name.clone()),
            amount: Decimal(asset.format(tier.amount)),
            every: match tier.every {
                Every::Day => EveryGiven::Day,
                Every::Week => EveryGiven::Week,
                Every::Month => EveryGiven::Month,
                Every::Year => EveryGiven::Year,
            },
            count: PeriodCount(tier.count),
        };
        PlanGiven {
            product: (plan.product > 0).then_some(ProductId(Id(plan.product))),
            asset: AssetText(plan.asset),
            tax: plan.tax_included.map(|included| match included {
                true => TaxIn::Inclusive,
                false => TaxIn::Exclusive,
            }),
            tiers: plan.tiers.iter().map(tier).collect(),
            trial: plan.trial.map(|trial| TrialGiven {
                days: Days(trial.days),
                converts: trial.converts,
                reminder_days: Days(trial.reminder_days),
            }),
            dunning: DunningGiven {
                retry_days: plan.dunning.retry_days.iter().copied().map(Days).collect(),
                then: match plan.dunning.then {
                    Then::End => ThenGiven::End,
                    Then::Pause => ThenGiven::Pause,
                },
            },
            grace_days: Days(plan.grace_days),
            notice_days: Days(plan.notice_days),
        }
    }
}

impl CouponGiven {
    /// As the step reads it.
    ///
    /// # Errors
    /// The field, and why.
    pub fn read(&self, asset: &Asset) -> Result<Coupon, NotCompiled> {
        let off = match &self.off {
            OffGiven::Amount(amount) => Off::Amount(atoms(amount, asset, "coupon.off.amount")?),
            OffGiven::Share(share) => {
                let field = "coupon.off.share";
                let share = share.ppm(field);
                Off::Share(share.map_err(|problem| (field.to_owned(), problem.detail.clone()))?)
            }
        };
        Ok(Coupon {
            off,
            periods: self.periods.map(|periods| periods.0),
        })
    }

    /// The other way.
    #[must_use]
    pub fn of(coupon: &Coupon, asset: &Asset) -> CouponGiven {
        CouponGiven {
            off: match coupon.off {
                Off::Amount(amount) => OffGiven::Amount(Decimal(asset.format(amount))),
                Off::Share(share) => OffGiven::Share(Part::of(share)),
            },
            periods: coupon.periods.map(Periods),
        }
    }
}
