//! What a paper is told: who, what, when, at which tax, and why. Plain facts; whoever has the
//! payments fills them in.

use money::{Asset, Atoms, Ppm, Rate};
use serde::{Deserialize, Serialize};

use crate::{Date, Language, Rounding};

/// Seller or buyer, as the paper shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Whose it is in the books.
    #[serde(default)]
    pub id: String,
    /// The name in law.
    pub name: String,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// The town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// The postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// ISO 3166 alpha-2.
    pub country: String,
    /// The number under which the party is registered for tax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_number: Option<String>,
    /// The number in the register of companies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<String>,
    /// Where electronic papers are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Whom to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
}

impl Party {
    /// The tax number, if it is a VAT number in the sense of EN 16931: with the country's prefix
    /// (BR-CO-09). Others (Japan, South Korea, Australia, …) are tax registrations.
    #[must_use]
    pub fn vat_number(&self) -> Option<&str> {
        let number = self.tax_number.as_deref()?;
        let prefix = number.get(..2)?;
        let is_own = prefix == self.country || matches!((prefix, &*self.country), ("EL", "GR"));
        // One-stop shop numbers of non-Union suppliers, and Northern Ireland.
        (is_own || matches!(prefix, "EU" | "XI")).then_some(number)
    }
}

/// An electronic address: its scheme in the EAS code list (`0204`, `9930`, …) and the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Four digits, or `EM` for electronic mail.
    pub scheme: String,
    /// The address in that scheme.
    pub id: String,
}

/// Whom to ask about a paper.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// A person or department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// With the country's prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// An electronic address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// What the law does with a supply. The first letter of each is its place in UNCL 5305.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// Taxed at the rate (S).
    #[default]
    Taxed,
    /// Taxed, at zero (Z).
    ZeroRated,
    /// Exempt by an article of the law (E).
    Exempt,
    /// The buyer accounts for the tax (AE).
    ReverseCharge,
    /// Supplied outside the Union, free of tax (G).
    Export,
    /// No supply that the tax knows (O).
    OutOfScope,
}

impl Treatment {
    /// Its code in UNCL 5305, as EN 16931 uses it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Treatment::Taxed => "S",
            Treatment::ZeroRated => "Z",
            Treatment::Exempt => "E",
            Treatment::ReverseCharge => "AE",
            Treatment::Export => "G",
            Treatment::OutOfScope => "O",
        }
    }

    /// The code of the reason in the VATEX list, where the treatment alone settles it.
    #[must_use]
    pub fn reason_code(self) -> Option<&'static str> {
        match self {
            Treatment::ReverseCharge => Some("VATEX-EU-AE"),
            Treatment::Export => Some("VATEX-EU-G"),
            Treatment::OutOfScope => Some("VATEX-EU-O"),
            Treatment::Taxed | Treatment::ZeroRated | Treatment::Exempt => None,
        }
    }

    /// Whether a paper must say why nothing is charged.
    #[must_use]
    pub fn needs_reason(self) -> bool {
        !matches!(self, Treatment::Taxed | Treatment::ZeroRated)
    }
}

/// One payment, or what one refund took back of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// The payment.
    pub payment: String,
    /// The day of it.
    pub date: Date,
    /// What was supplied, in words for the buyer.
    pub product: String,
    /// Its category in the tax (`standard`, `e_book`, …).
    #[serde(default)]
    pub category: String,
    /// How many: at least one.
    pub quantity: u64,
    /// Without tax.
    pub net: Atoms,
    /// The tax, as it was posted.
    pub tax: Atoms,
    /// The rate, of the net amount.
    pub rate: Ppm,
    /// What the law does with it.
    #[serde(default)]
    pub treatment: Treatment,
    /// Why nothing is charged, with the act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A discount on the whole paper, or a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// Whether it adds: a charge. Otherwise it is an allowance.
    #[serde(default)]
    pub is_charge: bool,
    /// What for.
    pub reason: String,
    /// Without tax.
    pub net: Atoms,
    /// The tax in it, as it was posted.
    pub tax: Atoms,
    /// The rate of what it changes.
    pub rate: Ppm,
    /// The treatment of what it changes.
    #[serde(default)]
    pub treatment: Treatment,
}

/// Another paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its number.
    pub number: String,
    /// When it was issued.
    pub issued: Date,
}

/// What kind of paper is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Kind {
    /// With all that a business needs to deduct the tax.
    Invoice,
    /// What the law asks below a threshold: no buyer, and the tax within the price.
    SimplifiedInvoice,
    /// Corrects an invoice, in whole or in part. Its amounts are positive.
    CreditNote {
        /// What it corrects.
        original: Reference,
        /// Why.
        reason: String,
    },
}

impl Kind {
    /// Its name in data and API.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Kind::Invoice => "invoice",
            Kind::SimplifiedInvoice => "simplified_invoice",
            Kind::CreditNote { .. } => "credit_note",
        }
    }
}

/// What of it has been paid already.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paid {
    /// All of it, payment by payment: what a wallet does. (Of a credit note: returned.)
    #[default]
    InFull,
    /// So much, in atoms.
    Part(Atoms),
    /// Nothing yet: a tab.
    Nothing,
}

/// From what the tax of a rate is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// From the sum without tax: what EN 16931 asks (BR-CO-17).
    Net,
    /// From the sum with tax.
    Gross,
}

/// How the tax of a paper is rounded: always once for each rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRule {
    /// From what.
    pub basis: Basis,
    /// Which way.
    pub rounding: Rounding,
}

impl TaxRule {
    /// What is customary in a country. Japan rounds once for each rate of an invoice, whichever way
    /// the issuer chose, customarily down (Order for Enforcement of the Consumption Tax Act
    /// art. 70-10); in South Korea what is below a won is customarily dropped. Elsewhere: from the
    /// net sum, half a minor unit up.
    #[must_use]
    pub fn of(country: &str) -> TaxRule {
        match country {
            "JP" | "KR" => TaxRule {
                basis: Basis::Gross,
                rounding: Rounding::Down,
            },
            _ => TaxRule {
                basis: Basis::Net,
                rounding: Rounding::HalfUp,
            },
        }
    }
}

/// The tax once more, in the currency of the tax office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxCurrency {
    /// The currency.
    pub asset: Asset,
    /// Its atoms for each of the paper's.
    pub rate: Rate,
    /// The rate as a person reads it, with its day and source.
    pub shown: String,
}

/// What some countries want to see besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct National {
    /// Japan: the issuer's registration number, T and 13 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified_issuer: Option<String>,
    /// South Korea: the cash receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cash_receipt: Option<CashReceipt>,
}

/// What a South Korean cash receipt shows (Restriction of Special Taxation Act art. 126-3, Value
/// Added Tax Act art. 46).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashReceipt {
    /// For what the buyer wants it.
    pub usage: CashUsage,
    /// What kind of number identifies the buyer.
    pub number_kind: CashNumber,
    /// The number, masked as the buyer may see it.
    pub number: String,
    /// The tax service's approval; `None` while it is awaited, and then the paper says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

/// For what a cash receipt is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashUsage {
    /// A consumer's deduction from income (소득공제용).
    IncomeDeduction,
    /// Proof of a business's expense (지출증빙용).
    ExpenseProof,
}

/// What identifies the buyer on a cash receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashNumber {
    /// A mobile telephone number.
    Mobile,
    /// A business registration number.
    Business,
    /// A cash receipt card.
    Card,
    /// Nobody gave one: issued by the seller of its own accord.
    SelfIssued,
}

/// What a paper is asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Which kind.
    #[serde(flatten)]
    pub kind: Kind,
    /// The next of its series, without gaps.
    pub number: String,
    /// The day of issue.
    pub issued: Date,
    /// By when what is due is to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Date>,
    /// Language of the labels.
    #[serde(default)]
    pub language: Language,
    /// What the amounts count.
    pub asset: Asset,
    /// Who owes the tax.
    pub seller: Party,
    /// Who paid.
    pub buyer: Party,
    /// What was paid.
    pub supplies: Vec<Supply>,
    /// Of a credit note: what earlier ones of the same invoice credited. Each states what all come to
    /// less what the earlier state, so that together they round as the invoice did.
    #[serde(default)]
    pub credited: Vec<Supply>,
    /// Discounts and charges on the whole.
    #[serde(default)]
    pub adjustments: Vec<Adjustment>,
    /// What of it is paid.
    #[serde(default)]
    pub paid: Paid,
    /// How the tax is rounded.
    pub tax_rule: TaxRule,
    /// The tax in another currency too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_currency: Option<TaxCurrency>,
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
