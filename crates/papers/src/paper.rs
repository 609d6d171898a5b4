//! A paper: an invoice, simplified invoice or credit note with all its sums.
//!
//! It is what is kept, and everything shown (XML, PDF, HTML) is made from it alone. Amounts are in
//! minor units; what they differ from the atoms that were posted is in [`Paper::remainder`].

use money::{Asset, Ppm};
use serde::{Deserialize, Serialize};

use crate::facts::{Kind, National, Party, Treatment};
use crate::{Date, Language, Minor};

/// A paper, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// Which kind.
    #[serde(flatten)]
    pub kind: Kind,
    /// Its number in its series.
    pub number: String,
    /// The day of issue.
    pub issued: Date,
    /// By when what is due is to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Date>,
    /// The first and the last day of what is on it.
    pub period: (Date, Date),
    /// Language of the labels.
    pub language: Language,
    /// What the amounts count.
    pub asset: Asset,
    /// Who owes the tax.
    pub seller: Party,
    /// Who paid.
    pub buyer: Party,
    /// What was supplied.
    pub lines: Vec<Line>,
    /// Discounts and charges on the whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjustments: Vec<Adjusted>,
    /// The tax of each treatment and rate.
    pub groups: Vec<Group>,
    /// The sums.
    pub totals: Totals,
    /// The tax in the currency of the tax office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_in: Option<TaxIn>,
    /// What the paper differs from what was posted.
    pub remainder: Remainder,
    /// What the buyer wants to find on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_reference: Option<String>,
    /// The buyer's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// Words for the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What some countries want besides.
    #[serde(default)]
    pub national: National,
}

impl Paper {
    /// Whether it is a credit note.
    #[must_use]
    pub fn is_credit_note(&self) -> bool {
        matches!(self.kind, Kind::CreditNote { .. })
    }

    /// Whether all of it was supplied on one day.
    #[must_use]
    pub fn is_one_day(&self) -> bool {
        self.period.0 == self.period.1
    }

    /// How many payments are on it.
    #[must_use]
    pub fn payments(&self) -> u64 {
        self.lines.iter().map(|line| line.payments).sum()
    }
}

/// Payments of one product, treatment and rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What was supplied.
    pub product: String,
    /// Its category in the tax.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub category: String,
    /// How many, over all payments.
    pub quantity: u64,
    /// How many payments it sums.
    pub payments: u64,
    /// What the law does with it.
    pub treatment: Treatment,
    /// The rate.
    pub rate: Ppm,
    /// Without tax. Lines of a group sum to its net amount before allowances and charges.
    pub net: Minor,
    /// What one of it cost without tax, in units with as many decimals as it takes, if all cost the
    /// same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<String>,
}

/// A discount on the whole, or a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjusted {
    /// Whether it adds.
    pub is_charge: bool,
    /// What for.
    pub reason: String,
    /// Without tax.
    pub net: Minor,
    /// The treatment of what it changes.
    pub treatment: Treatment,
    /// The rate of what it changes.
    pub rate: Ppm,
}

/// The tax of one treatment and rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What the law does with it.
    pub treatment: Treatment,
    /// The rate.
    pub rate: Ppm,
    /// Why nothing is charged, with the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the tax is reckoned from.
    pub net: Minor,
    /// The tax.
    pub tax: Minor,
}

/// The sums of a paper, each of the ones before: BR-CO-10 to BR-CO-16 of EN 16931.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The lines, without tax.
    pub lines: Minor,
    /// Allowances on the whole.
    pub allowances: Minor,
    /// Charges on the whole.
    pub charges: Minor,
    /// Without tax: lines less allowances, and charges.
    pub net: Minor,
    /// The tax.
    pub tax: Minor,
    /// With tax.
    pub gross: Minor,
    /// Paid before.
    pub paid: Minor,
    /// Brings the gross sum to what was paid, where rounding each rate parted them.
    pub rounding: Minor,
    /// Still to pay: gross less paid, and the rounding.
    pub due: Minor,
}

/// The tax in another currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxIn {
    /// The currency.
    pub asset: Asset,
    /// The tax in it.
    pub tax: Minor,
    /// The rate, its day and source.
    pub shown: String,
}

/// What the paper differs from what the payments posted: the rounding remainder, to be posted with
/// the paper so that the tax account agrees with it to the atom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remainder {
    /// Of the tax of each group.
    pub tax: Vec<TaxRemainder>,
    /// Atoms: what the paper comes to with tax and rounding, less what was paid by payment. Below
    /// zero: the payments sum to more than the paper says.
    pub gross: i128,
}

/// The rounding remainder of one group's tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRemainder {
    /// What the law does with it.
    pub treatment: Treatment,
    /// The rate.
    pub rate: Ppm,
    /// Atoms that the payments posted.
    pub posted: u128,
    /// Atoms that the paper says.
    pub stated: u128,
    /// `stated - posted`: to be moved to the tax account, or back from it.
    pub adjustment: i128,
}
