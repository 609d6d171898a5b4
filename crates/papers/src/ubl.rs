//! A paper as UBL 2.1, by EN 16931 and, where both parties have an electronic address, by Peppol
//! BIS Billing 3.0.
//!
//! Elements stand in the order of the schema. `BT-…` and `BG-…` are the business terms of
//! EN 16931-1, `BR-…` its rules.

mod party;
mod xml;

use money::Ppm;

use crate::facts::{Kind, Treatment};
use crate::paper::{Adjusted, Group, Line, Paper};
use crate::{Minor, PaperError, percent, words};
use xml::Xml;

const INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
const CREDIT_NOTE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2";
const CAC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
const CBC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";
const EN_16931: &str = "urn:cen.eu:en16931:2017";
const PEPPOL: &str = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
const PEPPOL_PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";

/// UN/ECE recommendation 20: one, of anything.
const UNIT_ONE: &str = "C62";
/// UNCL 4461: an online payment service.
const MEANS_ONLINE: &str = "68";

/// Whether the paper goes by Peppol: both parties have an address there, and the buyer has said
/// under which reference it wants it (PEPPOL-EN16931-R003, R010, R020).
#[must_use]
pub fn is_peppol(paper: &Paper) -> bool {
    let has_reference = paper.buyer_reference.is_some() || paper.order.is_some();
    paper.seller.endpoint.is_some() && paper.buyer.endpoint.is_some() && has_reference
}

/// Writes the paper as XML, in UTF-8.
///
/// # Errors
/// [`PaperError::NoElectronicForm`] for a simplified invoice, which has no buyer.
pub fn write(paper: &Paper) -> Result<Vec<u8>, PaperError> {
    if paper.kind == Kind::SimplifiedInvoice {
        return Err(PaperError::NoElectronicForm(paper.kind.as_str()));
    }
    let (root, namespace) = match paper.is_credit_note() {
        true => ("CreditNote", CREDIT_NOTE),
        false => ("Invoice", INVOICE),
    };
    let mut xml = Xml::new(paper.asset.code.as_str())?;
    xml.open(
        root,
        &[("xmlns", namespace), ("xmlns:cac", CAC), ("xmlns:cbc", CBC)],
    )?;
    head(&mut xml, paper)?;
    xml.within("cac:AccountingSupplierParty", |xml| {
        party::seller(xml, paper)
    })?;
    xml.within("cac:AccountingCustomerParty", |xml| {
        party::buyer(xml, paper)
    })?;
    if paper.is_one_day() {
        xml.within("cac:Delivery", |xml| {
            xml.text("cbc:ActualDeliveryDate", paper.period.0)
        })?;
    }
    xml.within("cac:PaymentMeans", |xml| {
        xml.text("cbc:PaymentMeansCode", MEANS_ONLINE)?;
        // An element of the invoice itself, but of a credit note's means.
        if let Some(due) = paper.due_date.filter(|_| paper.is_credit_note()) {
            xml.text("cbc:PaymentDueDate", due)?;
        }
        xml.text("cbc:PaymentID", &paper.number)
    })?;
    for adjusted in &paper.adjustments {
        xml.within("cac:AllowanceCharge", |xml| adjustment(xml, adjusted))?;
    }
    taxes(&mut xml, paper)?;
    totals(&mut xml, paper)?;
    for (index, line) in paper.lines.iter().enumerate() {
        write_line(&mut xml, paper, index + 1, line)?;
    }
    xml.close(root)?;
    Ok(xml.finish())
}

fn head(xml: &mut Xml, paper: &Paper) -> Result<(), PaperError> {
    if is_peppol(paper) {
        xml.text("cbc:CustomizationID", PEPPOL)?;
        xml.text("cbc:ProfileID", PEPPOL_PROCESS)?;
    } else {
        xml.text("cbc:CustomizationID", EN_16931)?;
    }
    xml.text("cbc:ID", &paper.number)?;
    xml.text("cbc:IssueDate", paper.issued)?;
    match &paper.kind {
        Kind::CreditNote { .. } => xml.text("cbc:CreditNoteTypeCode", "381")?,
        Kind::Invoice | Kind::SimplifiedInvoice => {
            if let Some(due) = paper.due_date {
                xml.text("cbc:DueDate", due)?;
            }
            xml.text("cbc:InvoiceTypeCode", "380")?;
        }
    }
    if let Some(note) = note(paper) {
        xml.text("cbc:Note", note)?;
    }
    xml.text("cbc:DocumentCurrencyCode", paper.asset.code)?;
    if let Some(tax_in) = &paper.tax_in {
        xml.text("cbc:TaxCurrencyCode", tax_in.asset.code)?;
    }
    if let Some(reference) = &paper.buyer_reference {
        xml.text("cbc:BuyerReference", reference)?;
    }
    if !paper.is_one_day() {
        xml.within("cac:InvoicePeriod", |xml| {
            xml.text("cbc:StartDate", paper.period.0)?;
            xml.text("cbc:EndDate", paper.period.1)
        })?;
    }
    if let Some(order) = &paper.order {
        xml.within("cac:OrderReference", |xml| xml.text("cbc:ID", order))?;
    }
    if let Kind::CreditNote { original, .. } = &paper.kind {
        xml.within("cac:BillingReference", |xml| {
            xml.within("cac:InvoiceDocumentReference", |xml| {
                xml.text("cbc:ID", &original.number)?;
                xml.text("cbc:IssueDate", original.issued)
            })
        })?;
    }
    Ok(())
}

/// One note at most (PEPPOL-EN16931-R002): what the paper says, why it corrects, at which rate its
/// tax was converted.
fn note(paper: &Paper) -> Option<String> {
    let mut notes = Vec::new();
    if let Kind::CreditNote { reason, .. } = &paper.kind
        && !reason.is_empty()
    {
        notes.push(reason.clone());
    }
    notes.extend(paper.note.clone());
    notes.extend(paper.tax_in.as_ref().map(|tax_in| tax_in.shown.clone()));
    (!notes.is_empty()).then(|| notes.join(" / "))
}

fn adjustment(xml: &mut Xml, adjusted: &Adjusted) -> Result<(), PaperError> {
    xml.text("cbc:ChargeIndicator", adjusted.is_charge)?;
    xml.text("cbc:AllowanceChargeReason", &adjusted.reason)?;
    xml.amount("cbc:Amount", adjusted.net)?;
    xml.within("cac:TaxCategory", |xml| {
        category(xml, adjusted.treatment, adjusted.rate, None)
    })
}

/// A tax category: outside the scope of tax there is no rate, not even zero (BR-O-05 to BR-O-07).
fn category(
    xml: &mut Xml,
    treatment: Treatment,
    rate: Ppm,
    reason: Option<&str>,
) -> Result<(), PaperError> {
    xml.text("cbc:ID", treatment.code())?;
    if treatment != Treatment::OutOfScope {
        xml.text("cbc:Percent", percent(rate))?;
    }
    if let Some(reason) = reason {
        if let Some(code) = treatment.reason_code() {
            xml.text("cbc:TaxExemptionReasonCode", code)?;
        }
        xml.text("cbc:TaxExemptionReason", reason)?;
    }
    xml.within("cac:TaxScheme", |xml| xml.text("cbc:ID", "VAT"))
}

/// What the paper says of a group on which nothing is charged: the words that the law prescribes
/// (Directive 2006/112/EC art. 226(11), (11a)) and the reason.
pub(crate) fn reason(paper: &Paper, group: &Group) -> Option<String> {
    if !group.treatment.needs_reason() {
        return None;
    }
    let name = words::treatment(group.treatment).say(paper.language);
    Some(match &group.reason {
        Some(reason) => format!("{name}: {reason}"),
        None => name.to_owned(),
    })
}

fn taxes(xml: &mut Xml, paper: &Paper) -> Result<(), PaperError> {
    xml.within("cac:TaxTotal", |xml| {
        xml.amount("cbc:TaxAmount", paper.totals.tax)?;
        for group in &paper.groups {
            xml.within("cac:TaxSubtotal", |xml| {
                xml.amount("cbc:TaxableAmount", group.net)?;
                xml.amount("cbc:TaxAmount", group.tax)?;
                let reason = reason(paper, group);
                xml.within("cac:TaxCategory", |xml| {
                    category(xml, group.treatment, group.rate, reason.as_deref())
                })
            })?;
        }
        Ok(())
    })?;
    if let Some(tax_in) = &paper.tax_in {
        xml.within("cac:TaxTotal", |xml| {
            let currency = tax_in.asset.code;
            xml.amount_in("cbc:TaxAmount", tax_in.tax, currency.as_str())
        })?;
    }
    Ok(())
}

fn totals(xml: &mut Xml, paper: &Paper) -> Result<(), PaperError> {
    let totals = &paper.totals;
    let unless_zero = |xml: &mut Xml, name, amount: Minor| match amount.is_zero() {
        true => Ok(()),
        false => xml.amount(name, amount),
    };
    xml.within("cac:LegalMonetaryTotal", |xml| {
        xml.amount("cbc:LineExtensionAmount", totals.lines)?;
        xml.amount("cbc:TaxExclusiveAmount", totals.net)?;
        xml.amount("cbc:TaxInclusiveAmount", totals.gross)?;
        unless_zero(xml, "cbc:AllowanceTotalAmount", totals.allowances)?;
        unless_zero(xml, "cbc:ChargeTotalAmount", totals.charges)?;
        unless_zero(xml, "cbc:PrepaidAmount", totals.paid)?;
        unless_zero(xml, "cbc:PayableRoundingAmount", totals.rounding)?;
        xml.amount("cbc:PayableAmount", totals.due)
    })
}

fn write_line(xml: &mut Xml, paper: &Paper, id: usize, line: &Line) -> Result<(), PaperError> {
    let (name, quantity) = match paper.is_credit_note() {
        true => ("cac:CreditNoteLine", "cbc:CreditedQuantity"),
        false => ("cac:InvoiceLine", "cbc:InvoicedQuantity"),
    };
    let unit = [("unitCode", UNIT_ONE)];
    xml.within(name, |xml| {
        xml.text("cbc:ID", id)?;
        xml.with(quantity, &unit, line.quantity)?;
        xml.amount("cbc:LineExtensionAmount", line.net)?;
        xml.within("cac:Item", |xml| {
            xml.text("cbc:Name", &line.product)?;
            xml.within("cac:ClassifiedTaxCategory", |xml| {
                category(xml, line.treatment, line.rate, None)
            })?;
            xml.property("payments", line.payments)?;
            match line.category.is_empty() {
                true => Ok(()),
                false => xml.property("category", &line.category),
            }
        })?;
        // The price of all of them together: of one it may have more decimals than can be written,
        // and quantity times price must come to the line (PEPPOL-EN16931-R120).
        xml.within("cac:Price", |xml| {
            xml.amount("cbc:PriceAmount", line.net)?;
            xml.with("cbc:BaseQuantity", &unit, line.quantity)
        })
    })
}
