//! What would happen, and why, without paying: the step itself is asked, and nothing is written.

use super::{NewPayment, Payment, PaymentStatus, Trace, payment};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json};
use crate::guard::Routes;
use crate::idempotency;
use crate::language::LangParam;
use crate::law::why;
use crate::lookup::{self, Names};
use crate::problem::Problem;
use crate::submit;
use crate::types::Amount;
use crate::types::Time;
use crate::types::ids::{PaymentId, WalletId};
use crate::types::law as w;
use crate::v1::prices::Priced;
use crate::v1::{explanations, prices};
use axum::extract::State;
use engine::event::Event;
use engine::law::Confirmed;
use engine::{Outcome as Decided, Position, decide_one};
use identity::Scope;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::PaymentsWrite, routes!(preview_payment))
}

/// What would happen to a payment now.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Preview {
    /// `allow`, `step_up` or `deny`.
    #[schema(examples("step_up"))]
    verdict: String,
    /// What would become of it.
    status: PaymentStatus,
    /// Who would pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payer: Option<WalletId>,
    /// Who would be paid; of several, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    payee: Option<WalletId>,
    /// How much, all included.
    amount: Amount,
    /// What it would be priced by, if by a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    priced: Option<Priced>,
    /// The tax in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tax: Option<Amount>,
    /// The platform's fee in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    fee: Option<Amount>,
    /// When an authorization or the wait for a confirmation would end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<Time>,
    /// How the payer would have to confirm.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    step_up: Option<w::StepUp>,
    /// The answer it would be denied with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<Problem>,
    /// Why.
    trace: Trace,
}

/// Say what would happen to a payment now, and why, without making it: the same body, the same rules,
/// and to each key the same words. Nothing is kept of it, and its `id` stays free.
#[utoipa::path(
    post,
    path = "/v1/payments/preview",
    params(LangParam),
    request_body = NewPayment,
    responses((status = 200, description = "What would happen, whatever it is.", body = Preview))
)]
async fn preview_payment(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewPayment>,
) -> Handled<Preview> {
    let op = new.op(&app, &caller, None, Confirmed::NOTHING).await?;
    let now = app.node.now();
    let id = PaymentId(idempotency::fresh(now)?);
    let command = submit::command(&caller, id.0, op, BTreeMap::new());
    let (decided, event, names, said) = app
        .query(move |state| {
            let mut event = Event::empty();
            let decided = decide_one(state, &command, now.max(state.now), &mut event);
            let names = Names::of(state, lookup::wallets_of(&event.effects));
            let said = engine::explain::law(state, &event, id.0);
            (decided, event, names, said)
        })
        .await?;
    match decided {
        Decided::Event => {}
        Decided::Rejected(rejection) => {
            return Err(Problem::rejected(&rejection, caller.audience()).into());
        }
        Decided::Known(_) => return Err(Problem::internal(&"a fresh id was known").into()),
    }
    let problem = match event.refusal() {
        Some(refused) => Some(submit::denied(&app, &caller, event.at, refused).await),
        None => None,
    };
    let nowhere = || Problem::internal(&"the answer is not this payment's");
    let part = event.part(id.0).ok_or_else(nowhere)?;
    let position = Position { seq: 0, index: 0 };
    let assets = app.assets_now().await?;
    let shown: Payment = payment(&part, event.at, position, &assets, &names, new.details())?;
    let law = match &said {
        Some(said) => why::of_step(&app, &caller, &part, said).await?,
        None => None,
    };
    let (trace, _) = explanations::with_law(&app, &caller, &part, law).await?;
    let step_up = part.pending().map(|pending| w::Word(pending.step_up));
    Ok(Answer::ok(Preview {
        verdict: trace.verdict.clone(),
        status: shown.status,
        payer: shown.payer,
        payee: shown.payee,
        amount: shown.amount,
        priced: prices::priced(&app, &part).await?,
        tax: shown.tax,
        fee: shown.fee,
        expires_at: shown.expires_at,
        step_up,
        problem: problem.map(|problem| *problem),
        trace,
    }))
}
