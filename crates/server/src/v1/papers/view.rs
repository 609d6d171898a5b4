//! An invoice or credit note as the API shows it.

use crate::papers::refused;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{CreditNoteId, InvoiceId, PartyId};
use crate::types::{AssetText, Signed, Time};
use ::papers::facts::{Kind, Treatment};
use ::papers::{Language, Minor, Paper, percent};
use engine::Id;
use money::{Asset, Ppm};
use serde::{Deserialize, Serialize};
use store::IssuedPaper;
use utoipa::ToSchema;

/// Which kind of paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaperKind {
    /// With all that a business needs to deduct the tax.
    #[default]
    Invoice,
    /// Names no buyer; up to the amount the seller's country allows.
    SimplifiedInvoice,
    /// Corrects an invoice.
    CreditNote,
}

/// A language of papers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaperLanguage {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
    /// Japanese.
    Ja,
    /// German.
    De,
    /// French.
    Fr,
}

impl From<PaperLanguage> for Language {
    fn from(language: PaperLanguage) -> Language {
        match language {
            PaperLanguage::En => Language::En,
            PaperLanguage::Ko => Language::Ko,
            PaperLanguage::Ja => Language::Ja,
            PaperLanguage::De => Language::De,
            PaperLanguage::Fr => Language::Fr,
        }
    }
}

impl From<Language> for PaperLanguage {
    fn from(language: Language) -> PaperLanguage {
        match language {
            Language::En => PaperLanguage::En,
            Language::Ko => PaperLanguage::Ko,
            Language::Ja => PaperLanguage::Ja,
            Language::De => PaperLanguage::De,
            Language::Fr => PaperLanguage::Fr,
        }
    }
}

/// What the law does with a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TreatmentWord {
    /// Taxed at the rate.
    Taxed,
    /// Taxed, at zero.
    ZeroRated,
    /// Exempt by an article of the law.
    Exempt,
    /// The buyer accounts for the tax.
    ReverseCharge,
    /// Supplied abroad, free of tax.
    Export,
    /// No supply that the tax knows.
    OutOfScope,
}

impl From<Treatment> for TreatmentWord {
    fn from(treatment: Treatment) -> TreatmentWord {
        match treatment {
            Treatment::Taxed => TreatmentWord::Taxed,
            Treatment::ZeroRated => TreatmentWord::ZeroRated,
            Treatment::Exempt => TreatmentWord::Exempt,
            Treatment::ReverseCharge => TreatmentWord::ReverseCharge,
            Treatment::Export => TreatmentWord::Export,
            Treatment::OutOfScope => TreatmentWord::OutOfScope,
        }
    }
}

/// An invoice or credit note. It never changes. Amounts are in `asset`, with as many decimals as it is
/// paid in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaperView {
    /// Its id, to ask for it by.
    #[schema(examples("inv_01936b2f130070008000000000000013"))]
    id: String,
    /// Which kind.
    kind: PaperKind,
    /// Its number in the series of its seller, kind and year, which has no gaps.
    #[schema(examples("INV-2026-000001"))]
    number: String,
    /// When it was issued.
    issued_at: Time,
    /// Who sold.
    seller: PartyId,
    /// What a credit note corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    corrects: Option<InvoiceId>,
    /// Everything else; not in lists.
    #[serde(flatten)]
    content: Option<Content>,
}

/// What stands on a paper.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Content {
    /// The language of its labels.
    language: PaperLanguage,
    /// In what its amounts are.
    asset: AssetText,
    /// The first day of what is on it.
    #[schema(format = Date)]
    from: String,
    /// The last day.
    #[schema(format = Date)]
    to: String,
    /// The seller's name.
    seller_name: String,
    /// The buyer's name; empty on a simplified invoice.
    buyer_name: String,
    /// What was supplied.
    lines: Vec<PaperLine>,
    /// The tax of each treatment and rate.
    taxes: Vec<PaperTax>,
    /// Without tax.
    net: Signed,
    /// The tax.
    tax: Signed,
    /// With tax.
    gross: Signed,
    /// Paid before; of a credit note, returned.
    paid: Signed,
    /// What brings the gross sum to what was paid, where rounding each rate parted them.
    rounding: Signed,
    /// Still to pay.
    due: Signed,
    /// What the paper differs from what the payments sum to.
    remainder: RoundingRemainder,
}

/// Payments of one product and rate.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PaperLine {
    /// What was supplied.
    product: String,
    /// How many.
    quantity: u64,
    /// How many payments it sums.
    payments: u64,
    /// What the law does with it.
    treatment: TreatmentWord,
    /// The rate in percent.
    #[schema(examples("5.5"))]
    rate_percent: String,
    /// Without tax.
    net: Signed,
}

/// The tax of one treatment and rate.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PaperTax {
    /// What the law does with it.
    treatment: TreatmentWord,
    /// The rate in percent.
    #[schema(examples("19"))]
    rate_percent: String,
    /// Why nothing is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// What the tax is reckoned from.
    net: Signed,
    /// The tax.
    tax: Signed,
}

/// What the paper differs from what the payments sum to, exactly.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct RoundingRemainder {
    /// Of the tax of each rate: what the paper states less what the payments posted.
    taxes: Vec<TaxRemainder>,
    /// Of the whole: what the paper states less what was paid.
    gross: Signed,
    /// Whether the ledger has the taxes' part: the tax accounts then say what the paper states.
    is_posted: bool,
}

/// The remainder of one rate.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaxRemainder {
    /// What the law does with it.
    treatment: TreatmentWord,
    /// The rate in percent.
    #[schema(examples("19"))]
    rate_percent: String,
    /// What the payments posted.
    posted: Signed,
    /// What the paper states less that.
    adjustment: Signed,
}

fn minor(minor: Minor) -> Signed {
    Signed(minor.to_string())
}

fn exact(asset: &Asset, atoms: i128) -> Signed {
    Signed(asset.format_signed(atoms))
}

fn rate(rate: Ppm) -> String {
    percent(rate)
}

impl PaperView {
    /// Without what stands on it: for lists.
    pub fn of(issued: &IssuedPaper) -> PaperView {
        let (kind, id) = match issued.kind.as_str() {
            "credit_note" => (
                PaperKind::CreditNote,
                CreditNoteId(Id(issued.id)).to_string(),
            ),
            "simplified_invoice" => {
                let id = InvoiceId(Id(issued.id)).to_string();
                (PaperKind::SimplifiedInvoice, id)
            }
            _ => (PaperKind::Invoice, InvoiceId(Id(issued.id)).to_string()),
        };
        PaperView {
            id,
            kind,
            number: issued.label.clone(),
            issued_at: Time::from_ms(issued.issued_at_ms),
            seller: PartyId(Id(issued.seller)),
            corrects: issued.original.map(|id| InvoiceId(Id(id))),
            content: None,
        }
    }

    /// With all of it.
    ///
    /// # Errors
    /// A remainder is too large to be shown, which no paper's is.
    pub fn whole(issued: &IssuedPaper, paper: &Paper) -> Outcome<PaperView> {
        Ok(PaperView {
            content: Some(content(issued, paper)?),
            ..PaperView::of(issued)
        })
    }
}

fn content(issued: &IssuedPaper, paper: &Paper) -> Outcome<Content> {
    let asset = &paper.asset;
    let line = |line: &::papers::Line| PaperLine {
        product: line.product.clone(),
        quantity: line.quantity,
        payments: line.payments,
        treatment: line.treatment.into(),
        rate_percent: rate(line.rate),
        net: minor(line.net),
    };
    let group = |group: &::papers::Group| PaperTax {
        treatment: group.treatment.into(),
        rate_percent: rate(group.rate),
        reason: group.reason.clone(),
        net: minor(group.net),
        tax: minor(group.tax),
    };
    let remainder = |part: &::papers::TaxRemainder| {
        let too_large = |_| Problem::internal(&"a remainder that is no remainder");
        Ok(TaxRemainder {
            treatment: part.treatment.into(),
            rate_percent: rate(part.rate),
            posted: exact(asset, i128::try_from(part.posted).map_err(too_large)?),
            adjustment: exact(asset, part.adjustment),
        })
    };
    let taxes = paper.remainder.tax.iter().map(remainder);
    let totals = &paper.totals;
    Ok(Content {
        language: paper.language.into(),
        asset: AssetText(asset.code),
        from: paper.period.0.to_string(),
        to: paper.period.1.to_string(),
        seller_name: paper.seller.name.clone(),
        buyer_name: paper.buyer.name.clone(),
        lines: paper.lines.iter().map(line).collect(),
        taxes: paper.groups.iter().map(group).collect(),
        net: minor(totals.net),
        tax: minor(totals.tax),
        gross: minor(totals.gross),
        paid: minor(totals.paid),
        rounding: minor(totals.rounding),
        due: minor(totals.due),
        remainder: RoundingRemainder {
            taxes: taxes.collect::<Outcome<_>>()?,
            gross: exact(asset, paper.remainder.gross),
            is_posted: issued.is_posted,
        },
    })
}

/// What a paper's kind is called in the series of numbers.
pub fn prefix(kind: &Kind) -> &'static str {
    match kind {
        Kind::Invoice => "INV",
        Kind::SimplifiedInvoice => "SIM",
        Kind::CreditNote { .. } => "CRN",
    }
}

/// Reads what was kept of it.
///
/// # Errors
/// It is not what was written.
pub fn read(bytes: &[u8]) -> Outcome<Paper> {
    serde_json::from_slice(bytes)
        .map_err(|error| refused(&::papers::PaperError::NotWritten(error.to_string())))
}
