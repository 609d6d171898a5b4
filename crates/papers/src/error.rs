//! Why a paper cannot be made.

use thiserror::Error;

/// Why a paper cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PaperError {
    /// A day that the calendar has not.
    #[error("{0:?} is no day of the calendar")]
    NoSuchDay(String),
    /// Text that is no amount.
    #[error("{0:?} is no amount")]
    NotAnAmount(String),
    /// A sum that does not fit.
    #[error("the sum is too large for a paper")]
    TooLarge,
    /// Nothing was supplied.
    #[error("there is nothing to put on the paper")]
    Empty,
    /// A language that is none of the five.
    #[error("{0:?} is none of the languages en, ko, ja, de, fr")]
    UnknownLanguage(String),
    /// Tax where the treatment allows none, or a rate.
    #[error("payment {0} is not taxed, and yet has a rate or a tax")]
    TaxWithoutReason(String),
    /// An allowance that is more than what it is allowed on.
    #[error("allowances are more than what they reduce")]
    AllowanceExceeds,
    /// What is outside the scope of tax stands on a paper of its own.
    #[error(
        "what is outside the scope of tax cannot stand beside what is not (EN 16931 BR-O-11): \
         make two papers"
    )]
    OutOfScopeMixed,
    /// The seller's tax number is missing.
    #[error("{0} is owed by a seller whose tax number is not known")]
    SellerNumberMissing(&'static str),
    /// The buyer's tax number is missing.
    #[error("the buyer accounts for the tax, and has no tax number")]
    BuyerNumberMissing,
    /// A name or country is missing.
    #[error("the {0} has no {1}")]
    PartyIncomplete(&'static str, &'static str),
    /// The tax that was posted is not what the rate makes of the net amounts.
    #[error("the tax that was posted does not fit the rate of {0} millionths")]
    TaxDoesNotFit(u32),
    /// Tax in another currency was asked for without what it takes.
    #[error("the tax currency is the paper's own")]
    SameTaxCurrency,
    /// A simplified invoice has too little for the electronic form.
    #[error("a {0} has no electronic form: ask for a full invoice")]
    NoElectronicForm(&'static str),
    /// A credit note is about something.
    #[error("a credit note names the invoice that it corrects")]
    NoOriginal,
    /// Japan's registration number.
    #[error("{0:?} is no registration number of a qualified invoice issuer: T and 13 digits")]
    NotQualified(String),
    /// A character that no font at hand has.
    #[error("no font at hand has {0:?}: name one, or take the HTML")]
    NoGlyph(char),
    /// A font that cannot be read.
    #[error("the font cannot be used: {0}")]
    BadFont(String),
    /// Writing XML or JSON failed.
    #[error("the paper cannot be written: {0}")]
    NotWritten(String),
}

impl PaperError {
    /// Its name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            PaperError::NoSuchDay(_) => "no_such_day",
            PaperError::NotAnAmount(_) => "not_an_amount",
            PaperError::TooLarge => "paper_too_large",
            PaperError::Empty => "paper_empty",
            PaperError::UnknownLanguage(_) => "unknown_language",
            PaperError::TaxWithoutReason(_) => "tax_without_reason",
            PaperError::AllowanceExceeds => "allowance_exceeds",
            PaperError::OutOfScopeMixed => "out_of_scope_mixed",
            PaperError::SellerNumberMissing(_) => "seller_number_missing",
            PaperError::BuyerNumberMissing => "buyer_number_missing",
            PaperError::PartyIncomplete(..) => "party_incomplete",
            PaperError::TaxDoesNotFit(_) => "tax_does_not_fit",
            PaperError::SameTaxCurrency => "same_tax_currency",
            PaperError::NoElectronicForm(_) => "no_electronic_form",
            PaperError::NoOriginal => "no_original",
            PaperError::NotQualified(_) => "not_qualified",
            PaperError::NoGlyph(_) => "no_glyph",
            PaperError::BadFont(_) => "bad_font",
            PaperError::NotWritten(_) => "paper_not_written",
        }
    }
}
