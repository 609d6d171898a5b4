//! Going on with a payment whose payer has proved who they are.

use super::{NewPayment, Payment, make};
use crate::app::App;
use crate::extract::{Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup::recent;
use crate::problem::{Outcome, Problem};
use crate::texts;
use crate::types::Details;
use crate::types::ids::PaymentId;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::Code;
use identity::Scope;
use store::Kind;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::StepUpsConfirm, routes!(confirm_payment))
}

/// Confirm a payment that answered `step_up`: the same payment again, by a key that may say that its
/// payer was asked and agreed.
#[utoipa::path(
    post,
    path = "/v1/payments/{id}/confirm",
    params(("id" = PaymentId, Path, description = "Which payment.")),
    request_body = NewPayment,
    responses(
        (status = 201, description = "Paid, or set aside.", body = Payment),
        (status = 202, description = "Still waits.", body = Payment),
    )
)]
async fn confirm_payment(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    headers: HeaderMap,
    Json(new): Json<NewPayment>,
) -> Handled<Payment> {
    // The path is the id. A key may repeat it, and says nothing else here.
    idempotency::key(&headers)?;
    if new.id.is_some_and(|body| body != id) {
        let words = format!(
            "the body says {}, the path {id}",
            new.id.map(|id| id.to_string()).unwrap_or_default()
        );
        return Err(Problem::new(crate::codes::ID_MISMATCH, words)
            .at("id")
            .into());
    }
    let key = (caller.tenant, id.0);
    let (pending, known) = app
        .query(move |state| {
            (
                state.pending.contains_key(&key),
                recent(state, key.0, key.1).is_some(),
            )
        })
        .await?;
    if !pending && !known {
        let words = "no payment of this id waits for a confirmation";
        return Err(Problem::of(Code::NotFound, words).at("id").into());
    }
    let new = with_first_text(&app, &caller, id, new).await?;
    // One that does not wait was confirmed, refused or never asked to: the first answer.
    Ok(make(&app, &caller, id, &new, pending.into()).await?)
}

/// The payment with the text it was first asked with, which the one who confirms need not repeat.
///
/// # Errors
/// It names another text.
pub async fn with_first_text(
    app: &App,
    caller: &Caller,
    id: PaymentId,
    mut new: NewPayment,
) -> Outcome<NewPayment> {
    let first = texts::read_of(app, caller, Kind::Payment, id.0).await?;
    let given = new.details();
    if given == Details::default() {
        new.reference = first.reference;
        new.description = first.description;
        new.metadata = first.metadata;
        return Ok(new);
    }
    match given.stored().first_difference(&first.stored()) {
        Some(field) if first.text_erased.is_none() => {
            let words = format!("the payment was asked with another {field}");
            Err(Problem::of(Code::IdReused, words).at(field))
        }
        _ => Ok(new),
    }
}
