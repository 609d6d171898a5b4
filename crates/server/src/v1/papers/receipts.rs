//! The receipt of a payment.

use crate::app::App;
use crate::extract::{Answer, Caller, PathId, Query};
use crate::guard::Routes;
use crate::lookup;
use crate::papers::{Form, PartyFacts, Who, answer, cash_receipt, language, party, wanted};
use crate::problem::{Outcome, Problem, Refuse};
use crate::texts;
use crate::types::ids::{PartyId, PaymentId};
use crate::types::{Amount, Time};
use crate::v1::papers::gather::{self, Found};
use crate::v1::papers::view::{PaperLanguage, TreatmentWord};
use crate::v1::payments::lived;
use ::papers::words::Word;
use ::papers::{Receipt, Supplied, html, percent};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use engine::{Code, EventKind, Id};
use identity::Scope;
use money::Atoms;
use serde::{Deserialize, Serialize};
use store::{Kind, PaperSupply};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::PaymentsRead, routes!(get_receipt))
}

/// In which language.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReceiptQuery {
    /// The language of the labels; else what `Accept-Language` likes best, else English.
    #[param(inline)]
    lang: Option<PaperLanguage>,
}

/// What a payment was, to the atom.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ReceiptView {
    /// The payment.
    payment: PaymentId,
    /// When it was made.
    paid_at: Time,
    /// What for.
    product: String,
    /// How much, all included.
    amount: Amount,
    /// Without tax.
    net: Amount,
    /// The tax within.
    tax: Amount,
    /// What each seller supplied: one of a payment to one, else one for each share.
    supplies: Vec<SuppliedView>,
    /// What was given back since.
    refunded: Amount,
    /// South Korea: the approval of the cash receipt; none while it is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cash_receipt_approval: Option<String>,
}

/// What one seller supplied in a payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct SuppliedView {
    /// Who sold.
    seller: PartyId,
    /// The seller's name; empty if it is not known.
    seller_name: String,
    /// The number under which the seller is registered for tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seller_tax_number: Option<String>,
    /// Japan: the seller's registration number as an issuer of qualified invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    qualified_issuer: Option<String>,
    /// How much, all included.
    amount: Amount,
    /// Without tax.
    net: Amount,
    /// The tax within.
    tax: Amount,
    /// The rate in percent.
    #[schema(examples("19"))]
    rate_percent: String,
    /// What the law does with it.
    treatment: TreatmentWord,
    /// Where it is taxed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("DE"))]
    country: Option<String>,
    /// Why nothing is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// The receipt of a payment: as JSON, or as HTML to be printed, by `Accept`. Of an authorization, of
/// what was captured; of a payment to several, each one's share.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}/receipt",
    params(("id" = PaymentId, Path, description = "Which payment."), ReceiptQuery),
    responses(
        (status = 200, description = "The receipt.", content(
            (ReceiptView = "application/json"),
            (String = "text/html"),
        )),
        (status = 409, description = "Nothing was paid.", body = crate::problem::Problem, content_type = "application/problem+json")
    )
)]
async fn get_receipt(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    headers: HeaderMap,
    Query(query): Query<ReceiptQuery>,
) -> Result<Response, Refuse> {
    let not_there = || Problem::not_found("id", "no such payment in this tenant");
    let language = match query.lang {
        Some(asked) => asked.into(),
        None => language(None, &headers)?,
    };
    let event = lookup::event_of(&app, caller.tenant, id.0).await?;
    let (_, event) = event.ok_or_else(not_there)?;
    let part = event.part(id.0).ok_or_else(not_there)?;
    if !crate::v1::payments::is_payment(part.kind) {
        return Err(not_there().into());
    }
    let details = texts::read(&app, &caller, Kind::Payment, id.0, part.text()).await?;
    let life = lived(&app, caller.tenant, id.0).await?;
    let things: Vec<Id> = match part.kind {
        EventKind::Paid | EventKind::Split => vec![id.0],
        _ => life.captures.iter().map(|step| step.id).collect(),
    };
    let places = lookup::positions_of(&app, caller.tenant, things).await?;
    let there = |(id, at): (Id, Option<_>)| Ok((id, at.ok_or_else(not_there)?));
    let places = places.into_iter().map(there).collect::<Outcome<Vec<_>>>()?;
    let supplies = supplies(gather::read(&app, &caller, places, PaperSupply::Sale).await?);
    let Some(first) = supplies.first() else {
        return Err(Problem::of(Code::WrongState, "nothing was paid").into());
    };
    let asset = app.asset_of(first.taxed.paid.asset).await?;
    let mut supplied = Vec::with_capacity(supplies.len());
    let mut ids = Vec::with_capacity(supplies.len());
    for supply in supplies {
        let seller = Who::Issuer(PartyId(supply.payee.0));
        let known = party(&app, &caller, seller, PartyFacts::default()).await?;
        ids.push(PartyId(supply.payee.0));
        let (net, tax) = supply.taxed.split(PaperSupply::Sale);
        supplied.push(Supplied {
            seller: known.party,
            qualified_issuer: known.qualified_issuer,
            net: Atoms(net),
            tax: Atoms(tax),
            rate: supply.tax.rate,
            treatment: supply.tax.treatment,
            country: supply.tax.country,
            reason: supply.tax.reason,
        });
    }
    let product = details.description.as_ref().map(|text| text.0.clone());
    let receipt = Receipt {
        payment: id.to_string(),
        paid_at: Time(event.at).to_string(),
        language,
        asset,
        product: product.unwrap_or_else(|| Word::Payment.say(language).to_owned()),
        quantity: 1,
        supplies: supplied,
        refunded: Atoms(life.given_back()),
        cash_receipt: details.metadata.as_ref().and_then(cash_receipt),
    };
    if wanted(&headers, &[Form::Json, Form::Html]) == Form::Html {
        return Ok(answer(Form::Html, html::receipt(&receipt).into_bytes()));
    }
    Ok(Answer::ok(view(id, Time(event.at), &receipt, &ids)).into_response())
}

/// One of each seller and decision: an authorization may have been captured in parts.
fn supplies(found: Vec<Found>) -> Vec<Found> {
    let mut supplies: Vec<Found> = Vec::new();
    for one in found {
        let of = |other: &Found| (other.payee, other.taxed.case);
        match supplies.iter_mut().find(|known| of(known) == of(&one)) {
            Some(known) => known.taxed.add(&one.taxed),
            None => supplies.push(one),
        }
    }
    supplies
}

fn view(payment: PaymentId, paid_at: Time, receipt: &Receipt, sellers: &[PartyId]) -> ReceiptView {
    let amount = |atoms: Atoms| Amount::of(&receipt.asset, atoms.0);
    let whole = |net: Atoms, tax: Atoms| amount(Atoms(net.0.saturating_add(tax.0)));
    let supply = |(supply, seller): (&Supplied, &PartyId)| SuppliedView {
        seller: *seller,
        seller_name: supply.seller.name.clone(),
        seller_tax_number: supply.seller.tax_number.clone(),
        qualified_issuer: supply.qualified_issuer.clone(),
        amount: whole(supply.net, supply.tax),
        net: amount(supply.net),
        tax: amount(supply.tax),
        rate_percent: percent(supply.rate),
        treatment: supply.treatment.into(),
        country: supply.country.clone(),
        reason: supply.reason.clone(),
    };
    let sum = |of: fn(&Supplied) -> u64| {
        let all = receipt.supplies.iter().map(of);
        Atoms(all.fold(0_u64, u64::saturating_add))
    };
    let (net, tax) = (sum(|one| one.net.0), sum(|one| one.tax.0));
    let cash = receipt.cash_receipt.as_ref();
    ReceiptView {
        payment,
        paid_at,
        product: receipt.product.clone(),
        amount: whole(net, tax),
        net: amount(net),
        tax: amount(tax),
        supplies: receipt.supplies.iter().zip(sellers).map(supply).collect(),
        refunded: amount(receipt.refunded),
        cash_receipt_approval: cash.and_then(|cash| cash.approval.clone()),
    }
}
