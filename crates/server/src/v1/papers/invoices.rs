//! Invoices: one over all payments of a buyer to a seller in a period.

use super::gather::{self, Found, Wanted};
use super::issue::{self, ToIssue};
use super::rounding::Share;
use super::view::{PaperKind, PaperLanguage, PaperView};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::papers::{PartyFacts, Who, day, parties, refused};
use crate::problem::{Outcome, Problem, Refuse};
use crate::types::ids::{InvoiceId, PartyId, WalletId};
use crate::types::{AssetText, Cursor, Limit, Page, Text, Time};
use ::papers::facts::{Draft, Kind, National, Paid, TaxRule, Treatment};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use engine::Code;
use identity::Scope;
use serde::{Deserialize, Serialize};
use store::PaperSupply;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::SettingsWrite, routes!(create_invoice))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_invoices))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_invoice))
}

/// What an invoice is for, and who issues it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Supplied {
    /// What the payee sold in its own name: the payee to the payer.
    #[default]
    Sale,
    /// What the platform sold in its own name: the platform to the payer.
    Platform,
    /// The platform's fee: the platform to the payee.
    Fee,
}

/// An invoice to issue: over all payments in the period, in one asset, that stand on no other. Refunds
/// are credited by credit notes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvoice {
    /// Makes it happen once; see `Idempotency-Key`.
    #[serde(skip_serializing)]
    id: Option<InvoiceId>,
    /// What it is for; `sale` if not given.
    supply: Option<Supplied>,
    /// Who issues what the platform supplies: the operator's own party. Of `platform` and `fee` only.
    issuer: Option<PartyId>,
    /// Who paid. Not of `fee`.
    payer: Option<WalletId>,
    /// Who was paid. Of `platform` it may be left out: then all are.
    payee: Option<WalletId>,
    /// In what.
    asset: AssetText,
    /// Payments not before.
    from: Time,
    /// Payments before.
    until: Time,
    /// Only what is outside the scope of tax (`true`), or only what is not (`false`): both never stand
    /// on one paper. Without it, all of it, which must be one or the other.
    out_of_scope: Option<bool>,
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
    let asked_for = new.supply.unwrap_or_default();
    let sides = sides(asked_for, &new)?;
    if let Who::Issuer(issuer) = sides.seller {
        is_operators(&app, &caller, issuer).await?;
    }
    let wanted = Wanted {
        wallet: sides.wallet,
        payer: new.payer,
        payee: new.payee,
        asset: asset_no.0,
        from_ms: new.from.0.0,
        until_ms: new.until.0.0,
        supply: sides.supply,
    };
    let seller = (sides.seller, new.seller.unwrap_or_default());
    let buyer = (sides.buyer, new.buyer.unwrap_or_default());
    let parties = parties(&app, &caller, seller, buyer).await?;
    let mut found = gather::gather(&app, &caller, wanted).await?;
    let are_all = found.len();
    match asked_for {
        Supplied::Sale => found.retain(|payment| !payment.tax.is_platforms),
        Supplied::Platform => found.retain(|payment| payment.tax.is_platforms),
        Supplied::Fee => {}
    }
    let is_outside = |payment: &Found| payment.tax.treatment == Treatment::OutOfScope;
    if found.is_empty() && are_all > 0 {
        let words = match asked_for {
            Supplied::Platform => {
                "the payees supply what these payments paid for: `sale` invoices it"
            }
            _ => "the platform supplies what these payments paid for: `platform` invoices it",
        };
        return Err(Problem::of(Code::WrongState, words).at("supply").into());
    }
    if let Some(wanted) = new.out_of_scope {
        found.retain(|payment| is_outside(payment) == wanted);
    }
    if found.is_empty() {
        return Err(refused(&::papers::PaperError::Empty).into());
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
        credited: Vec::new(),
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
        supply: sides.supply,
        covers: found.iter().map(Found::covered).collect(),
        shares: found.iter().map(Share::of).collect(),
        draft,
    };
    issue::issue(&app, &caller, new).await
}

/// Whose papers are searched, and who stands on them.
struct Sides {
    supply: PaperSupply,
    wallet: WalletId,
    seller: Who,
    buyer: Who,
}

fn sides(supplied: Supplied, new: &NewInvoice) -> Outcome<Sides> {
    let missing = |field: &'static str, words: &str| Problem::of(Code::Malformed, words).at(field);
    let payer = || new.payer.ok_or_else(|| missing("payer", "say who paid"));
    let payee = || {
        new.payee
            .ok_or_else(|| missing("payee", "say who was paid"))
    };
    let issuer = || {
        let words = "say which party is the operator's own: it issues what the platform supplies";
        new.issuer
            .map(Who::Issuer)
            .ok_or_else(|| missing("issuer", words))
    };
    match (supplied, new.issuer, new.payer) {
        (Supplied::Sale, Some(_), _) => {
            let words = "a sale's invoice is issued by who was paid";
            return Err(missing("issuer", words));
        }
        (Supplied::Fee, _, Some(_)) => {
            let words = "a fee is invoiced over all payers";
            return Err(missing("payer", words));
        }
        _ => {}
    }
    Ok(match supplied {
        Supplied::Sale => Sides {
            supply: PaperSupply::Sale,
            wallet: payer()?,
            seller: Who::Wallet(payee()?, "payee"),
            buyer: Who::Wallet(payer()?, "payer"),
        },
        Supplied::Platform => Sides {
            supply: PaperSupply::Sale,
            wallet: payer()?,
            seller: issuer()?,
            buyer: Who::Wallet(payer()?, "payer"),
        },
        Supplied::Fee => Sides {
            supply: PaperSupply::Fee,
            wallet: payee()?,
            seller: issuer()?,
            buyer: Who::Wallet(payee()?, "payee"),
        },
    })
}

/// Where tax rules are in force, who issues as the platform is of the operator's country, as they
/// have it.
async fn is_operators(app: &App, caller: &Caller, issuer: PartyId) -> Outcome<()> {
    let tenant = caller.tenant;
    let is_other = app.query(move |state| {
        let party = state.party_no(tenant, engine::ids::PartyId(issuer.0));
        let tax = state
            .tenant(tenant)
            .and_then(|tenant| tenant.tax.as_deref());
        party.zip(tax).is_some_and(|(party, tax)| {
            state.party(party).country.0 != tax.settings.operator.country.code()
        })
    });
    match is_other.await? {
        false => Ok(()),
        true => {
            let words = "it is of another country than the operator is for tax";
            Err(Problem::of(Code::WrongState, words).at("issuer"))
        }
    }
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
) -> Outcome<Page<PaperView>> {
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
