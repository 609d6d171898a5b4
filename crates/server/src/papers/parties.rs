//! Seller and buyer of a paper: from the party and what is kept about it, and from the request.
//!
//! The tax number that was checked of a party goes before one in its metadata. Of that these names
//! are read: `street`, `city`, `postcode`, `tax_number`, `registration`, `peppol` (scheme and address,
//! `9930:DE123456789`), `qualified_issuer`. Of a payment's: `cash_receipt_usage`, `cash_receipt_kind`,
//! `cash_receipt_number` and `cash_receipt_approval`.

use crate::app::App;
use crate::extract::Caller;
use crate::problem::{Outcome, Problem};
use crate::texts;
use crate::types::country::CountryText;
use crate::types::ids::{PartyId, WalletId};
use crate::types::{Metadata, Text};
use ::papers::facts::{CashNumber, CashReceipt, CashUsage, Contact, Endpoint, Party};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a paper shows of a party; what is not given is taken from the party itself and its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PartyFacts {
    /// The name in law.
    name: Option<Text<200>>,
    /// Street and number.
    street: Option<Text<200>>,
    /// The town.
    city: Option<Text<100>>,
    /// The postal code.
    postcode: Option<Text<20>>,
    /// Where it is.
    country: Option<CountryText>,
    /// The number under which it is registered for tax.
    tax_number: Option<Text<40>>,
    /// The number in the register of companies.
    registration: Option<Text<60>>,
    /// Where electronic papers are sent: the scheme of the EAS list, a colon, the address.
    #[schema(examples("9930:DE123456789"))]
    peppol: Option<Text<100>>,
}

/// Who a party of a paper is.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Whose wallet it is, and the field that names it.
    Wallet(WalletId, &'static str),
    /// This one: the platform's own.
    Issuer(PartyId),
}

/// Both parties of a payment, as their papers show them.
pub struct Parties {
    pub seller: (u128, Party),
    pub buyer: (u128, Party),
    /// Japan's registration number of the seller.
    pub qualified_issuer: Option<String>,
}

/// One party, as papers show it.
pub struct Known {
    pub id: u128,
    pub party: Party,
    /// Japan's registration number of it.
    pub qualified_issuer: Option<String>,
}

/// What is known of two parties, with what the request says over it.
///
/// # Errors
/// There is no such wallet or party in the tenant; the node, the journal or the store does not
/// answer.
pub async fn parties(
    app: &App,
    caller: &Caller,
    (seller, of_seller): (Who, PartyFacts),
    (buyer, of_buyer): (Who, PartyFacts),
) -> Outcome<Parties> {
    let seller = party(app, caller, seller, of_seller).await?;
    let buyer = party(app, caller, buyer, of_buyer).await?;
    Ok(Parties {
        seller: (seller.id, seller.party),
        buyer: (buyer.id, buyer.party),
        qualified_issuer: seller.qualified_issuer,
    })
}

/// What is known of a party, with what the request says over it.
///
/// # Errors
/// As [`parties`].
pub async fn party(app: &App, caller: &Caller, who: Who, given: PartyFacts) -> Outcome<Known> {
    let tenant = caller.tenant;
    let found = app.query(move |state| {
        let party = match who {
            Who::Wallet(wallet, _) => {
                let no = state.wallet_no(tenant, engine::ids::WalletId(wallet.0))?;
                state.wallet(no).party
            }
            Who::Issuer(party) => state.party_no(tenant, engine::ids::PartyId(party.0))?,
        };
        let buyer = state
            .taxpayer_of(tenant, party)
            .and_then(|known| known.buyer);
        Some((
            state.party_id(party).0,
            state.party(party).country,
            buyer.is_some(),
        ))
    });
    let not_there = || match who {
        Who::Wallet(_, field) => Problem::not_found(field, "no such wallet in this tenant"),
        Who::Issuer(_) => Problem::not_found("issuer", "no such party in this tenant"),
    };
    let (id, country, has_number) = found.await?.ok_or_else(not_there)?;
    let (text, _) = texts::of_party(app, caller, id).await?;
    let metadata = text.metadata.unwrap_or_default();
    let kept = |name: &str| {
        metadata
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let party = Party {
        id: PartyId(id).to_string(),
        name: given
            .name
            .map(|text| text.0)
            .or(text.name)
            .unwrap_or_default(),
        street: given.street.map(|text| text.0).or_else(|| kept("street")),
        city: given.city.map(|text| text.0).or_else(|| kept("city")),
        postcode: given
            .postcode
            .map(|text| text.0)
            .or_else(|| kept("postcode")),
        country: given
            .country
            .map_or(country, |given| given.0)
            .as_str()
            .to_owned(),
        tax_number: given
            .tax_number
            .map(|text| text.0)
            .or(text.tax_number.filter(|_| has_number))
            .or_else(|| kept("tax_number")),
        registration: given
            .registration
            .map(|text| text.0)
            .or_else(|| kept("registration")),
        endpoint: given
            .peppol
            .map(|text| text.0)
            .or_else(|| kept("peppol"))
            .and_then(|text| endpoint(&text)),
        contact: text.email.map(|email| Contact {
            email: Some(email),
            ..Contact::default()
        }),
    };
    Ok(Known {
        id: id.0,
        party,
        qualified_issuer: metadata.get("qualified_issuer").cloned(),
    })
}

fn endpoint(text: &str) -> Option<Endpoint> {
    let (scheme, id) = text.split_once(':')?;
    let is_whole = !scheme.trim().is_empty() && !id.trim().is_empty();
    is_whole.then(|| Endpoint {
        scheme: scheme.trim().to_owned(),
        id: id.trim().to_owned(),
    })
}

/// South Korea's cash receipt, from a payment's metadata.
pub fn cash_receipt(metadata: &Metadata) -> Option<CashReceipt> {
    let kept = |name: &str| metadata.0.get(name).cloned();
    let usage = match kept("cash_receipt_usage").as_deref() {
        Some("income_deduction") => Some(CashUsage::IncomeDeduction),
        Some("expense_proof") => Some(CashUsage::ExpenseProof),
        _ => None,
    };
    let number_kind = match kept("cash_receipt_kind").as_deref() {
        Some("mobile") => Some(CashNumber::Mobile),
        Some("business") => Some(CashNumber::Business),
        Some("card") => Some(CashNumber::Card),
        Some("self_issued") => Some(CashNumber::SelfIssued),
        _ => None,
    };
    usage
        .zip(number_kind)
        .map(|(usage, number_kind)| CashReceipt {
            usage,
            number_kind,
            number: kept("cash_receipt_number").unwrap_or_default(),
            approval: kept("cash_receipt_approval").filter(|number| !number.is_empty()),
        })
}
