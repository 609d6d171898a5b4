//! The parties (BG-4 to BG-9).

use crate::PaperError;
use crate::facts::{Party, Treatment};
use crate::paper::Paper;

use super::xml::Xml;

/// Outside the scope of tax no VAT number may stand on the paper (BR-O-02).
fn may_have_vat(paper: &Paper) -> bool {
    let mut groups = paper.groups.iter();
    groups.all(|group| group.treatment != Treatment::OutOfScope)
}

pub fn seller(xml: &mut Xml, paper: &Paper) -> Result<(), PaperError> {
    let party = &paper.seller;
    let vat = party.vat_number().filter(|_| may_have_vat(paper));
    // Another registration for tax (BT-32).
    let other = party.tax_number.as_deref();
    let other = other.filter(|_| party.vat_number().is_none());
    write(xml, party, vat, other, party.registration.as_deref())
}

pub fn buyer(xml: &mut Xml, paper: &Paper) -> Result<(), PaperError> {
    let party = &paper.buyer;
    let vat = party.vat_number().filter(|_| may_have_vat(paper));
    // A buyer has no element for another tax number: it is a registration (BT-47, BR-AE-02).
    let other = party.tax_number.as_deref();
    let other = other.filter(|_| party.vat_number().is_none());
    write(
        xml,
        party,
        vat,
        None,
        party.registration.as_deref().or(other),
    )
}

fn write(
    xml: &mut Xml,
    party: &Party,
    vat: Option<&str>,
    tax: Option<&str>,
    registration: Option<&str>,
) -> Result<(), PaperError> {
    xml.within("cac:Party", |xml| {
        if let Some(endpoint) = &party.endpoint {
            let scheme = [("schemeID", endpoint.scheme.as_str())];
            xml.with("cbc:EndpointID", &scheme, &endpoint.id)?;
        }
        // Somehow a seller must be identified (BR-CO-26): by its id in the books where by nothing else.
        let is_bare = vat.is_none() && registration.is_none();
        if is_bare && !party.id.is_empty() {
            xml.within("cac:PartyIdentification", |xml| {
                xml.text("cbc:ID", &party.id)
            })?;
        }
        xml.within("cac:PartyName", |xml| xml.text("cbc:Name", &party.name))?;
        xml.within("cac:PostalAddress", |xml| address(xml, party))?;
        for (number, scheme) in [(vat, "VAT"), (tax, "TAX")] {
            let Some(number) = number else { continue };
            xml.within("cac:PartyTaxScheme", |xml| {
                xml.text("cbc:CompanyID", number)?;
                xml.within("cac:TaxScheme", |xml| xml.text("cbc:ID", scheme))
            })?;
        }
        xml.within("cac:PartyLegalEntity", |xml| {
            xml.text("cbc:RegistrationName", &party.name)?;
            match registration {
                Some(number) => xml.text("cbc:CompanyID", number),
                None => Ok(()),
            }
        })?;
        contact(xml, party)
    })
}

fn address(xml: &mut Xml, party: &Party) -> Result<(), PaperError> {
    for (name, text) in [
        ("cbc:StreetName", &party.street),
        ("cbc:CityName", &party.city),
        ("cbc:PostalZone", &party.postcode),
    ] {
        if let Some(text) = text.as_deref().filter(|text| !text.trim().is_empty()) {
            xml.text(name, text)?;
        }
    }
    xml.within("cac:Country", |xml| {
        xml.text("cbc:IdentificationCode", &party.country)
    })
}

fn contact(xml: &mut Xml, party: &Party) -> Result<(), PaperError> {
    let Some(contact) = &party.contact else {
        return Ok(());
    };
    let parts = [
        ("cbc:Name", &contact.name),
        ("cbc:Telephone", &contact.phone),
        ("cbc:ElectronicMail", &contact.email),
    ];
    // An empty element is an error of its own (PEPPOL-EN16931-R008).
    if parts.iter().all(|(_, text)| text.is_none()) {
        return Ok(());
    }
    xml.within("cac:Contact", |xml| {
        for (name, text) in parts {
            if let Some(text) = text {
                xml.text(name, text)?;
            }
        }
        Ok(())
    })
}
