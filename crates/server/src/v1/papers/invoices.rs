//! Invoices: one over all payments of a buyer to a seller in a period.

use super::gather::{self, Wanted};
use super::issue::{self, ToIssue};
use super::view::{PaperKind, PaperLanguage, PaperView};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::papers::{National, PartyFacts, day, parties, refused};
use crate::problem::{Problem, Refuse};
use crate::types::ids::{InvoiceId, PartyId, WalletId};
use crate::types::{AssetText, Cursor, Limit, Page, Text, Time};
use ::papers::facts::{Draft, Kind, Paid, TaxRule};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use engine::{Code, EventKind};
use identity::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::SettingsWrite, routes!(create_invoice))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_invoices))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_invoice))
}

/// An invoice to issue: over all payments of the payer to the payee in the period, in one asset, that
/// stand on no other. Refunds are credited by credit notes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvoice {
    /// Makes it happen once; see `Idempotency-Key`.
    #[serde(skip_serializing)]
    id: Option<InvoiceId>,
    /// Who paid.
    payer: WalletId,
    /// Who was paid.
    payee: WalletId,
    /// In what.
    asset: AssetText,
    /// Payments not before.
    from: Time,
    /// Payments before.
    until: Time,
    /// What was supplied, in words for the buyer.
    product: Text<200>,
    /// `invoice` if not given, or `simplified_invoice`.
    kind: Option<PaperKind>,
    /// The language of its labels; English if not given.
    language: Option<PaperLanguage>,
    /// What it says of the seller, over what is kept of it.
    seller: Option<PartyFacts>,
    /// What it says of the buyer, over what is kept of it.
    buyer: Option<PartyFacts>,
    /// What the buyer wants to find on it.
    buyer_reference: Option<Text<200>>,
    /// The buyer's order.
    order: Option<Text<200>>,
    /// Words for the buyer.
    note: Option<Text<1000>>,
}

/// Issue an invoice. Its number is the next in the series of its seller, kind and year; it never changes.
#[utoipa::path(
    post,
    path = "/v1/invoices",
    request_body = NewInvoice,
    responses((status = 201, description = "Issued.", body = PaperView))
)]
async fn create_invoice(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewInvoice>,
) -> Handled<PaperView> {
    let now = app.node.now();
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), now)?;
    let asked = issue::asked(&new)?;
    if let Some(known) = issue::known(&app, &caller, id.0, asked).await? {
        return Ok(Answer::created(known, true));
    }
    let kind = match new.kind.unwrap_or_default() {
        PaperKind::Invoice => Kind::Invoice,
        PaperKind::SimplifiedInvoice => Kind::SimplifiedInvoice,
        PaperKind::CreditNote => {
            let words = "a credit note is issued at /v1/credit-notes";
            return Err(Problem::of(Code::Malformed, words).at("kind").into());
        }
    };
    let (asset_no, asset) = app.asset(new.asset.0, "asset").await?;
    let wanted = Wanted {
        kinds: &[EventKind::Paid, EventKind::Captured],
        payer: new.payer,
        payee: Some(new.payee),
        asset: Some(asset_no.0),
        from_ms: Some(new.from.0.0),
        until_ms: Some(new.until.0.0),
        of: None,
    };
    let seller = (new.payee, new.seller.unwrap_or_default());
    let buyer = (new.payer, new.buyer.unwrap_or_default());
    let parties = parties(&app, &caller, seller, buyer).await?;
    let found = gather::unpapered(&app, &caller, wanted).await?;
    if found.is_empty() {
        return Err(refused(&::papers::PaperError::Empty).into());
    }
    if found.iter().any(|payment| payment.tax.is_platforms) {
        let words = "the platform supplies what some of these payments paid for: the payee issues \
                     no invoice for it";
        return Err(Problem::of(Code::WrongState, words).into());
    }
    let mut supplies = Vec::with_capacity(found.len());
    for payment in &found {
        supplies.push(payment.supply(&new.product.0)?);
    }
    let tax_rule = TaxRule::of(&parties.seller.1.country);
    let text = |text: Option<Text<200>>| text.map(|text| text.0);
    let draft = Draft {
        kind,
        number: String::new(),
        issued: day(now)?,
        due: None,
        language: new.language.unwrap_or_default().into(),
        asset,
        seller: parties.seller.1,
        buyer: parties.buyer.1,
        supplies,
        adjustments: Vec::new(),
        paid: Paid::InFull,
        tax_rule,
        tax_currency: None,
        buyer_reference: text(new.buyer_reference),
        order: text(new.order),
        note: new.note.map(|note| note.0),
        national: National {
            qualified_issuer: parties.qualified_issuer,
            cash_receipt: None,
        },
    };
    let new = ToIssue {
        id: id.0,
        asked,
        seller: parties.seller.0,
        original: None,
        covers: found.iter().map(|payment| payment.id.0).collect(),
        draft,
    };
    issue::issue(&app, &caller, new).await
}

/// Which papers.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PaperQuery {
    /// Only those of this seller.
    pub seller: Option<PartyId>,
    /// The `next` of the page before; without it, the first page.
    pub cursor: Option<Cursor>,
    /// At most so many items; 100 if not given.
    pub limit: Option<Limit>,
}

/// Invoices, the last issued first.
#[utoipa::path(
    get,
    path = "/v1/invoices",
    params(PaperQuery),
    responses((status = 200, description = "A page of them.", body = Page<PaperView>))
)]
async fn list_invoices(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PaperQuery>,
) -> Handled<Page<PaperView>> {
    Ok(Answer::ok(list(&app, &caller, query, false).await?))
}

/// A page of invoices or of credit notes.
///
/// # Errors
/// The store does not answer.
pub async fn list(
    app: &App,
    caller: &Caller,
    query: PaperQuery,
    is_credit_note: bool,
) -> crate::problem::Outcome<Page<PaperView>> {
    let tenant = caller.tenant_id();
    let before = query.cursor.as_ref().map(Cursor::number);
    let before = before.map(|before| i64::try_from(before).unwrap_or(i64::MAX));
    let limit = query.limit.unwrap_or_default().0;
    let seller = query.seller.map(|seller| seller.0.0);
    let page = app.blocking(move |app| {
        app.store
            .papers(tenant, is_credit_note, seller, before, limit)
    });
    let page = page.await?.map_err(|error| Problem::store(&error))?;
    Ok(Page {
        items: page.items.iter().map(PaperView::of).collect(),
        next: page
            .next
            .map(|seq| Cursor::of_number(seq.unsigned_abs().into())),
        as_of: None,
    })
}

/// One invoice: as JSON, HTML to be printed, XML (UBL 2.1 by EN 16931) or PDF, by the ending of the
/// address (`.xml`, `.pdf`, `.html`, `.json`) or by `Accept`. The same bytes whenever it is asked for.
#[utoipa::path(
    get,
    path = "/v1/invoices/{id}",
    params((
        "id" = String, Path,
        description = "Which invoice; with an ending, in which form.",
        pattern = "^inv_(?!0{32})[0-9a-f]{32}(\\.(json|html|xml|pdf))?$",
        example = "inv_01936b2f130070008000000000000013.pdf"
    )),
    responses(
        (status = 200, description = "The invoice.", content(
            (PaperView = "application/json"),
            (String = "text/html"),
            (String = "application/xml"),
            (Vec<u8> = "application/pdf"),
        )),
        (status = 409, description = "It has no such form, or no font here has its characters.", body = crate::problem::Problem, content_type = "application/problem+json")
    )
)]
async fn get_invoice(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refuse> {
    issue::give::<InvoiceId>(&app, &caller, &id, &headers).await
}
