//! The receipt of a payment.

use crate::app::App;
use crate::extract::{Answer, Caller, PathId, Query};
use crate::guard::Routes;
use crate::lookup::{self, Names};
use crate::papers::{
    Form, PartyFacts, Taxed, Who, answer, language, national, parties, tax_of, wanted,
};
use crate::problem::{Problem, Refuse};
use crate::texts;
use crate::types::ids::{PartyId, PaymentId};
use crate::types::{Amount, Time};
use crate::v1::papers::view::{PaperLanguage, TreatmentWord};
use crate::v1::payments::lived;
use ::papers::words::Word;
use ::papers::{Receipt, html, percent};
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
    /// Who sold.
    seller: PartyId,
    /// The seller's name; empty if it is not known.
    seller_name: String,
    /// The number under which the seller is registered for tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seller_tax_number: Option<String>,
    /// What for.
    product: String,
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
    /// What was given back since.
    refunded: Amount,
    /// Japan: the seller's registration number as an issuer of qualified invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    qualified_issuer: Option<String>,
    /// South Korea: the approval of the cash receipt; none while it is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cash_receipt_approval: Option<String>,
}

/// The receipt of a payment: as JSON, or as HTML to be printed, by `Accept`. Of an authorization, of
/// what was captured; of a payment to several, under the first one's name.
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
    let captured: Vec<Taxed> = life
        .captures
        .iter()
        .map(|step| Taxed {
            paid: step.paid,
            postings: step.postings.clone(),
            fee_tax: 0,
            shares: Vec::new(),
        })
        .collect();
    let taxed = match (part.kind, part.paid()) {
        (EventKind::Paid | EventKind::Split, Some(_)) => Taxed::of(&part).into_iter().collect(),
        _ => captured,
    };
    let Some(first) = taxed.first() else {
        return Err(Problem::of(Code::WrongState, "nothing was paid").into());
    };
    let paid = first.paid;
    let facts = tax_of(&app, caller.tenant, &taxed[..1], PaperSupply::Sale).await?;
    let facts = facts.into_iter().next().ok_or_else(not_there)?;
    let asset = app.asset_of(paid.asset).await?;
    let names = app
        .query(move |state| Names::of(state, [paid.payer, paid.payee]))
        .await?;
    let named = |no| {
        names
            .get(no)
            .ok_or_else(|| Problem::internal(&"a payment without wallets"))
    };
    let (payee, payer) = (named(paid.payee)?, named(paid.payer)?);
    let none = PartyFacts::default;
    let seller = (Who::Wallet(payee, "payee"), none());
    let buyer = (Who::Wallet(payer, "payer"), none());
    let parties = parties(&app, &caller, seller, buyer).await?;
    let sum = |of: fn(&Taxed) -> u64| taxed.iter().map(of).fold(0_u64, u64::saturating_add);
    let (gross, tax) = (sum(|one| one.paid.gross), sum(|one| one.paid.tax));
    let refunds = life.refunds.iter().map(|step| step.paid.gross);
    let product = details.description.as_ref().map(|text| text.0.clone());
    let receipt = Receipt {
        payment: id.to_string(),
        paid_at: Time(event.at).to_string(),
        language,
        asset,
        product: product.unwrap_or_else(|| Word::Payment.say(language).to_owned()),
        quantity: 1,
        net: Atoms(gross.saturating_sub(tax)),
        tax: Atoms(tax),
        rate: facts.rate,
        treatment: facts.treatment,
        country: facts.country,
        reason: facts.reason,
        refunded: Atoms(refunds.fold(0, u64::saturating_add)),
        national: national(parties.qualified_issuer, details.metadata.as_ref()),
        seller: parties.seller.1,
    };
    if wanted(&headers, &[Form::Json, Form::Html]) == Form::Html {
        return Ok(answer(Form::Html, html::receipt(&receipt).into_bytes()));
    }
    let amount = |atoms: u64| Amount::of(&receipt.asset, atoms);
    let cash = receipt.national.cash_receipt.as_ref();
    let seller = PartyId(Id(parties.seller.0));
    let view = ReceiptView {
        payment: id,
        paid_at: Time(event.at),
        seller,
        seller_name: receipt.seller.name.clone(),
        seller_tax_number: receipt.seller.tax_number.clone(),
        product: receipt.product.clone(),
        amount: amount(gross),
        net: amount(receipt.net.0),
        tax: amount(tax),
        rate_percent: percent(receipt.rate),
        treatment: receipt.treatment.into(),
        country: receipt.country.clone(),
        reason: receipt.reason.clone(),
        refunded: amount(receipt.refunded.0),
        qualified_issuer: receipt.national.qualified_issuer.clone(),
        cash_receipt_approval: cash.and_then(|cash| cash.approval.clone()),
    };
    Ok(Answer::ok(view).into_response())
}
