//! Credit notes: what was given back of an invoice's payments.

use super::gather::{self, Found};
use super::invoices::{PaperQuery, list};
use super::issue::{self, ToIssue};
use super::rounding::Share;
use super::view::PaperView;
use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::papers::{day, refused};
use crate::problem::{Outcome, Problem, Refuse};
use crate::types::ids::{CreditNoteId, InvoiceId};
use crate::types::{Page, Text};
use ::papers::PaperError;
use ::papers::facts::{Draft, Kind, Paid, Reference, TaxRule};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use identity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::SettingsWrite, routes!(create_credit_note))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_credit_notes))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_credit_note))
}

/// A credit note to issue: over all refunds of the invoice's payments, and their disputes that were
/// lost, that stand on no other.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCreditNote {
    /// Makes it happen once; see `Idempotency-Key`.
    #[serde(skip_serializing)]
    id: Option<CreditNoteId>,
    /// What it corrects.
    invoice: InvoiceId,
    /// Why.
    reason: Text<500>,
}

/// Issue a credit note over what has been given back of an invoice's payments: by refunds, or because a
/// dispute was lost.
#[utoipa::path(
    post,
    path = "/v1/credit-notes",
    request_body = NewCreditNote,
    responses((status = 201, description = "Issued.", body = PaperView))
)]
async fn create_credit_note(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewCreditNote>,
) -> Handled<PaperView> {
    let (tenant, now) = (caller.tenant_id(), app.node.now());
    let id = idempotency::id(&headers, new.id, tenant, now)?;
    let asked = issue::asked(&new)?;
    if let Some(known) = issue::known(&app, &caller, id.0, asked).await? {
        return Ok(Answer::created(known, true));
    }
    let invoice = new.invoice.0;
    let found = issue::content(&app, tenant, invoice).await;
    let (issued, paper) = found.map_err(|problem| problem.at("invoice"))?;
    if paper.is_credit_note() {
        return Err(Problem::not_found("invoice", "no such invoice in this tenant").into());
    }
    let covers = app.blocking(move |app| app.store.paper_covers(tenant, invoice.0));
    let covers = covers.await?.map_err(|error| Problem::store(&error))?;
    let supply = issued.supply;
    let back = gather::given_back(&app, &caller, &covers, supply).await?;
    if back.free.is_empty() {
        return Err(refused(&PaperError::Empty).into());
    }
    let product = paper.lines.first().map(|line| line.product.clone());
    let product = product.unwrap_or_default();
    let supplies_of = |found: &[Found]| {
        let supplies = found.iter().map(|one| one.supply(&product));
        supplies.collect::<Outcome<Vec<_>>>()
    };
    let supplies = supplies_of(&back.free)?;
    let credited = supplies_of(&back.papered)?;
    let back = back.free;
    let asset = gather::asset_of(&app, &back).await?;
    let draft = Draft {
        kind: Kind::CreditNote {
            original: Reference {
                number: paper.number,
                issued: paper.issued,
            },
            reason: new.reason.0,
        },
        number: String::new(),
        issued: day(now)?,
        due: None,
        language: paper.language,
        asset,
        tax_rule: TaxRule::of(&paper.seller.country),
        // Of a simplified invoice the buyer's name may be missing on the credit note too.
        seller: paper.seller,
        buyer: paper.buyer,
        supplies,
        credited,
        adjustments: Vec::new(),
        paid: Paid::InFull,
        tax_currency: None,
        buyer_reference: paper.buyer_reference,
        order: paper.order,
        note: None,
        national: paper.national,
    };
    let new = ToIssue {
        id: id.0,
        asked,
        seller: issued.seller,
        original: Some(issued.id),
        supply,
        covers: back.iter().map(Found::covered).collect(),
        shares: back.iter().map(Share::of).collect(),
        draft,
    };
    issue::issue(&app, &caller, new).await
}

/// Credit notes, the last issued first.
#[utoipa::path(
    get,
    path = "/v1/credit-notes",
    params(PaperQuery),
    responses((status = 200, description = "A page of them.", body = Page<PaperView>))
)]
async fn list_credit_notes(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PaperQuery>,
) -> Handled<Page<PaperView>> {
    Ok(Answer::ok(list(&app, &caller, query, true).await?))
}

/// One credit note: as JSON, HTML, XML or PDF, as an invoice.
#[utoipa::path(
    get,
    path = "/v1/credit-notes/{id}",
    params((
        "id" = String, Path,
        description = "Which credit note; with an ending, in which form.",
        pattern = "^crn_(?!0{32})[0-9a-f]{32}(\\.(json|html|xml|pdf))?$",
        example = "crn_01936b2f140070008000000000000014.pdf"
    )),
    responses(
        (status = 200, description = "The credit note.", content(
            (PaperView = "application/json"),
            (String = "text/html"),
            (String = "application/xml"),
            (Vec<u8> = "application/pdf"),
        )),
        (status = 409, description = "It has no such form, or no font here has its characters.", body = crate::problem::Problem, content_type = "application/problem+json")
    )
)]
async fn get_credit_note(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refuse> {
    issue::give::<CreditNoteId>(&app, &caller, &id, &headers).await
}
