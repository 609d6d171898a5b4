//! One rule: what it applies to, what it says, from when, and who says so.

use money::{Asset, Atoms};
use serde::{Deserialize, Serialize};

use crate::civil::Date;
use crate::country::Country;
use crate::dimension::{Dimension, Set};
use crate::lang::Words;
use crate::vocabulary::{
    Age, Audience, Certainty, Channel, Flag, Funds, GiveBack, PartyKind, Payment, Presence,
    Product, Role, Screening, Side, Status, StepUp, Technology, Tier, Topic,
};
use crate::window::{Hours, Window};

/// An amount with its asset, written `"30 EUR"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount {
    /// How much.
    pub atoms: Atoms,
    /// Of what.
    pub asset: Asset,
}

impl core::fmt::Display for Amount {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.asset.format(self.atoms), self.asset.code)
    }
}

impl Serialize for Amount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number a rule turns on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Measure {
    /// So much money.
    Amount(Amount),
    /// So many payments.
    Count(u64),
}

/// Countries on one side of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Countries {
    /// Those of the pack.
    pub domestic: bool,
    /// All others.
    pub foreign: bool,
    /// These besides.
    pub named: Vec<Country>,
    /// But never these.
    pub except: Vec<Country>,
}

impl Countries {
    /// Any country.
    pub const ANY: Countries = Countries {
        domestic: true,
        foreign: true,
        named: Vec::new(),
        except: Vec::new(),
    };

    /// Whether every country is meant.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Countries::ANY
    }

    /// Whether a country is meant.
    #[must_use]
    pub fn has(&self, country: Country, is_domestic: bool) -> bool {
        let general = if is_domestic {
            self.domestic
        } else {
            self.foreign
        };
        (general || self.named.contains(&country)) && !self.except.contains(&country)
    }
}

/// What a rule applies to: every dimension must accept the payment. Written out, what accepts
/// everything is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // Each is named as its dimension.
pub struct Applies {
    /// Which party tier, kind, age and segment are about, and whose use is counted.
    pub side: Side,
    #[serde(skip_serializing_if = "accepts_all")]
    pub tier: Set<Tier>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub party: Set<PartyKind>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub age: Set<Age>,
    /// The operator's segments by name; none is any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub segment: Vec<String>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub channel: Set<Channel>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub funds: Set<Funds>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub payment: Set<Payment>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub product: Set<Product>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub presence: Set<Presence>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub technology: Set<Technology>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub operator: Set<Status>,
    /// An operator that is any of these is left out, whatever else it is.
    #[serde(skip_serializing_if = "accepts_none")]
    pub operator_not: Set<Status>,
    #[serde(skip_serializing_if = "accepts_all")]
    pub screening: Set<Screening>,
    #[serde(skip_serializing_if = "Countries::is_any")]
    pub payer_country: Countries,
    #[serde(skip_serializing_if = "Countries::is_any")]
    pub payee_country: Countries,
    /// All of these must be true.
    #[serde(skip_serializing_if = "accepts_none")]
    pub flag: Set<Flag>,
    /// None of these may be true.
    #[serde(skip_serializing_if = "accepts_none")]
    pub flag_not: Set<Flag>,
    /// Whose being in the pack's territory brings the rule in.
    pub reach: Set<Role>,
}

fn accepts_all<T: Dimension>(set: &Set<T>) -> bool {
    set.is_all()
}

fn accepts_none<T: Dimension>(set: &Set<T>) -> bool {
    set.is_empty()
}

/// What happens when a number is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// Refused.
    Deny,
    /// The payer does something and goes on.
    StepUp(StepUp),
    /// Refused until the party has this tier.
    Verify(Tier),
    /// Goes on, and is noted for those who may see the rule.
    Report,
}

/// Whether reaching the number is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bites {
    /// The number itself still passes.
    Above,
    /// The number itself no longer passes.
    At,
}

/// Where a counter that is new starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Starts {
    /// At zero, when the rule begins.
    Empty,
    /// At what history says, and it counts before the rule begins.
    Backfilled,
}

/// A number with what it counts and what follows when it is passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cap {
    /// The most.
    pub most: Measure,
    /// Over what time.
    pub window: Window,
    /// Within which hours the rule holds.
    pub hours: Hours,
    /// Whether the number itself passes.
    pub bites: Bites,
    /// What gives room back.
    pub gives_back: Set<GiveBack>,
    /// Where a new counter starts.
    pub starts: Starts,
    /// What follows.
    pub then: Consequence,
    /// Whether the operator may set the number; then `most` is the default.
    pub operator_sets: bool,
}

/// Whose balance is capped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// All wallets of a party.
    Party,
    /// One wallet.
    Instrument,
}

/// Which of an exemption's counters holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// One of them, by the operator's choice.
    AmountOrCount,
    /// Both.
    Both,
}

/// When strong authentication may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exemption {
    /// The most a payment may be.
    pub per_payment: Option<Amount>,
    /// The most all of them together may be.
    pub in_all: Option<Amount>,
    /// The most of them.
    pub count: Option<u64>,
    /// Over what time `in_all` and `count` add up.
    pub window: Window,
    /// Which of the two holds.
    pub choice: Choice,
    /// Whether the current payment counts among the previous ones.
    pub current_counts: bool,
    /// Whether the operator may set `per_payment`; then the sums fall away.
    pub operator_sets: bool,
}

/// Whether what is left may be had back as money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Redeemable {
    /// At any time.
    Right,
    /// When no more than this share of what was issued is left, in parts per million.
    Below(u32),
    /// Not at all.
    Forbidden,
}

/// After what one has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// The party was registered.
    Registration,
    /// The device was registered.
    NewDevice,
    /// The payee was first paid or added.
    NewPayee,
}

/// What a duty turns on; for reports, not for the step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duty {
    /// What it is about.
    pub topic: Topic,
    /// An amount it turns on.
    pub most: Option<Amount>,
    /// A number of payments it turns on.
    pub count: Option<u64>,
    /// Over what time.
    pub window: Window,
    /// Whether reaching the number is enough.
    pub bites: Bites,
    /// A share, parts per million.
    pub share: Option<u32>,
    /// For how many years.
    pub years: Option<u32>,
    /// For how many days.
    pub days: Option<u32>,
    /// For how many hours.
    pub hours: Option<u32>,
    /// In which countries.
    pub countries: Vec<Country>,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// No more than so much.
    Limit(Cap),
    /// From so much on, know who it is.
    Diligence(Cap),
    /// No more than so much in a wallet.
    Balance {
        /// The most.
        most: Amount,
        /// Whose.
        per: Per,
        /// What follows.
        then: Consequence,
    },
    /// The payer must authenticate, unless an exemption holds.
    Authentication {
        /// How.
        step_up: StepUp,
    },
    /// When that may be left out.
    Exemption(Exemption),
    /// Not at all: a channel, a technology, a product, a finding of screening.
    Forbid {
        /// The tier from which on it is allowed.
        needs: Option<Tier>,
    },
    /// Not with this source of funds.
    Funds {
        /// The tier from which on it is allowed.
        needs: Option<Tier>,
    },
    /// Whether what is left may be had back.
    Redemption(Redeemable),
    /// Not so soon.
    CoolingOff {
        /// After what.
        after: After,
        /// How long.
        hours: u32,
    },
    /// A payment under a mandate needs notice.
    Mandate {
        /// How long before.
        notice_hours: u32,
    },
    /// Something to do besides.
    Duty(Duty),
}

/// Who says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// A law.
    Law {
        /// Its name and number.
        act: String,
        /// Article, section or paragraph.
        article: String,
        /// Where it can be read.
        link: Option<String>,
    },
    /// Terms of an industry, a scheme or the operator: not law.
    Terms {
        /// Whose.
        whose: Words,
        /// Where they can be read.
        link: Option<String>,
    },
}

/// One rule, in force over one span of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name within the pack; stable, dotted. A change by date has the same id.
    pub id: String,
    /// For people.
    pub title: Words,
    /// More for people.
    pub note: Option<Words>,
    /// What it says.
    pub kind: Kind,
    /// What it applies to.
    pub applies: Applies,
    /// The first day.
    pub from: Option<Date>,
    /// The first day it no longer holds.
    pub until: Option<Date>,
    /// Who says so; a rule without is found by [`crate::review`].
    pub authority: Option<Authority>,
    /// How the numbers were found.
    pub certainty: Certainty,
    /// Numbers and days that were found otherwise, by the name of their field.
    pub certainty_of: Vec<(String, Certainty)>,
    /// When somebody last looked.
    pub checked: Date,
    /// After how many days somebody should look again.
    pub review_days: u32,
    /// Who may see it.
    pub visible_to: Set<Audience>,
    /// The line of the pack it begins at.
    #[serde(skip)]
    pub line: usize,
}

impl Rule {
    /// Every number of the rule, by the name of its field, as it is written in a pack.
    #[must_use]
    pub fn numbers(&self) -> Vec<(&'static str, String)> {
        let mut numbers = Vec::new();
        let mut add = |field, value: Option<String>| {
            if let Some(value) = value {
                numbers.push((field, value));
            }
        };
        let amount = |a: &Option<Amount>| a.map(|a| a.to_string());
        let share = |ppm: u32| share_text(ppm);
        match &self.kind {
            Kind::Limit(cap) | Kind::Diligence(cap) => match cap.most {
                Measure::Amount(most) => add("most", Some(most.to_string())),
                Measure::Count(count) => add("count", Some(count.to_string())),
            },
            Kind::Balance { most, .. } => add("most", Some(most.to_string())),
            Kind::Exemption(e) => {
                add("per_payment", amount(&e.per_payment));
                add("in_all", amount(&e.in_all));
                add("count", e.count.map(|n| n.to_string()));
            }
            Kind::Redemption(Redeemable::Below(ppm)) => add("share", Some(share(*ppm))),
            Kind::CoolingOff { hours, .. } => add("wait_hours", Some(hours.to_string())),
            Kind::Mandate { notice_hours } => add("notice_hours", Some(notice_hours.to_string())),
            Kind::Duty(d) => {
                add("most", amount(&d.most));
                add("count", d.count.map(|n| n.to_string()));
                add("share", d.share.map(share));
                add("years", d.years.map(|n| n.to_string()));
                add("days", d.days.map(|n| n.to_string()));
                add("wait_hours", d.hours.map(|n| n.to_string()));
            }
            Kind::Authentication { .. }
            | Kind::Forbid { .. }
            | Kind::Funds { .. }
            | Kind::Redemption(_) => {}
        }
        numbers
    }

    /// How a number was found.
    #[must_use]
    pub fn certainty_of(&self, field: &str) -> Certainty {
        let own = self.certainty_of.iter().find(|(name, _)| name == field);
        own.map_or(self.certainty, |(_, certainty)| *certainty)
    }

    /// Whether it holds on a day.
    #[must_use]
    pub fn is_in_force(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day < until)
    }

    /// The day somebody should look again.
    #[must_use]
    pub fn review_due(&self) -> Date {
        Date(self.checked.0.saturating_add(self.review_days))
    }
}

/// Parts per million as a percentage: `20%`, `0.5%`.
pub(crate) fn share_text(ppm: u32) -> String {
    let (whole, part) = (ppm / 10_000, ppm % 10_000);
    if part == 0 {
        return format!("{whole}%");
    }
    let digits = format!("{part:04}");
    format!("{whole}.{}%", digits.trim_end_matches('0'))
}
