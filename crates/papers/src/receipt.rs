//! A receipt: what one payment was, to the atom.

use money::{Asset, Atoms, Ppm};

use crate::Language;
use crate::facts::{CashReceipt, Party, Treatment};

/// One payment, as its receipt shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The payment.
    pub payment: String,
    /// When it was made, as the reader's clock shows it.
    pub paid_at: String,
    /// Language of the labels.
    pub language: Language,
    /// What the amounts count.
    pub asset: Asset,
    /// What for, in words.
    pub product: String,
    /// How many.
    pub quantity: u64,
    /// What each seller supplied: one of a payment to one, else one for each share.
    pub supplies: Vec<Supplied>,
    /// What was given back since.
    pub refunded: Atoms,
    /// South Korea: the cash receipt.
    pub cash_receipt: Option<CashReceipt>,
}

/// What one seller supplied in a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supplied {
    /// Who was paid.
    pub seller: Party,
    /// Japan: the seller's registration number as an issuer of qualified invoices.
    pub qualified_issuer: Option<String>,
    /// Without tax.
    pub net: Atoms,
    /// The tax within the price.
    pub tax: Atoms,
    /// The rate.
    pub rate: Ppm,
    /// What the law does with it.
    pub treatment: Treatment,
    /// Where it is taxed, ISO 3166 alpha-2.
    pub country: Option<String>,
    /// Why nothing is charged, with the act.
    pub reason: Option<String>,
}

impl Supplied {
    /// Net and tax.
    #[must_use]
    pub fn gross(&self) -> u128 {
        u128::from(self.net.get()) + u128::from(self.tax.get())
    }
}

impl Receipt {
    /// What was paid: net and tax of all of it.
    #[must_use]
    pub fn gross(&self) -> u128 {
        self.supplies.iter().map(Supplied::gross).sum()
    }
}
