//! Step-ups: what a payer has to do before a payment goes on, and the word of whoever asked them.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::submit::Attested;
use crate::types::ids::{PaymentId, WalletId};
use crate::types::law as w;
use crate::types::{Amount, Time};
use crate::v1::common::amount_of;
use crate::v1::payments::{Capture, Circumstances, NewPayment, Payment, make, with_first_text};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::event::Effect;
use engine::law::Confirmed;
use engine::records::Pending;
use engine::{Code, EventKind};
use identity::Scope;
use policy::StepUp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_any(
            &[Scope::StepUpsConfirm, Scope::PaymentsRead],
            routes!(get_step_up),
        )
        .needs(Scope::StepUpsConfirm, routes!(confirm_step_up))
}

/// What a payer has to do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PayerStepUp)]
struct StepUpShown {
    /// The payment's id.
    id: PaymentId,
    /// Where it stands.
    status: StepUpStatus,
    /// How the payer confirms: two factors, a code, or a confirmation.
    kind: w::StepUp,
    /// What the confirmation is bound to: how much.
    amount: Amount,
    /// Who pays.
    payer: WalletId,
    /// What the confirmation is bound to: whom; of several, the first.
    payee: WalletId,
    /// Until when it can be confirmed.
    expires_at: Time,
}

/// Where a step-up stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StepUpStatus {
    /// The payer has not confirmed.
    Waiting,
    /// The payer has, and the payment was made or set aside.
    Confirmed,
    /// The payer has, and the payment was refused for another reason.
    Denied,
    /// The payer has not, and cannot any more.
    Expired,
}

/// What a payer knows, has or is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// Something only the payer knows: a password, a PIN.
    Knowledge,
    /// Something only the payer has: a telephone, a key.
    Possession,
    /// Something the payer is: a finger, a face.
    Inherence,
}

/// That a payer was asked, and how.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Attestation {
    /// The factors that were proved; two different ones, if `strong` was asked.
    #[schema(max_items = 3)]
    factors: Vec<Factor>,
    /// The amount that the payer saw and confirmed.
    amount: Amount,
    /// The payee that the payer saw and confirmed; of several, the first.
    payee: WalletId,
    /// The payment as it was asked, if it had more than payer, payee and amount.
    payment: Option<NewPayment>,
}

async fn pending(app: &App, caller: &Caller, id: PaymentId) -> Outcome<Option<Pending>> {
    let key = (caller.tenant, id.0);
    app.query(move |state| state.pending.get(&key).cloned())
        .await
}

/// One step-up, by the id of its payment.
#[utoipa::path(
    get,
    path = "/v1/step-ups/{id}",
    params(("id" = PaymentId, Path, description = "Of which payment.")),
    responses((status = 200, description = "The step-up.", body = StepUpShown))
)]
async fn get_step_up(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
) -> Handled<StepUpShown> {
    let not_there = || Problem::not_found("id", "no payment of this id asked for a confirmation");
    if let Some(pending) = pending(&app, &caller, id).await? {
        let waiting = pending.expires > app.node.now();
        let status = if waiting {
            StepUpStatus::Waiting
        } else {
            StepUpStatus::Expired
        };
        return Ok(Answer::ok(shown(&app, id, &pending, status).await?));
    }
    // It is closed: what was asked first, and what came of it last.
    let tenant = caller.tenant;
    let life = crate::history::ask_now(&app, move |m| m.events_about(tenant.0, id.0.0)).await?;
    let (mut asked, mut status) = (None, StepUpStatus::Expired);
    for at in life {
        let position = engine::Position {
            seq: at.seq,
            index: at.index,
        };
        let event = app.blocking(move |app| app.node.event_at(position)).await?;
        let event = event.map_err(|error| Problem::internal(&error))?;
        let Some(event) = event.filter(|event| event.tenant == tenant) else {
            continue;
        };
        let Some(part) = event.part(id.0) else {
            continue;
        };
        match part.kind {
            EventKind::StepUpAsked => {
                asked = part.effects.iter().find_map(|effect| match effect {
                    Effect::PendingOpened(pending) => Some((**pending).clone()),
                    _ => None,
                });
            }
            EventKind::Refused if asked.is_some() => {
                let late = event
                    .refusal()
                    .is_some_and(|r| r.code == Code::StepUpExpired);
                status = if late {
                    StepUpStatus::Expired
                } else {
                    StepUpStatus::Denied
                };
            }
            EventKind::Paid | EventKind::Split | EventKind::Authorized | EventKind::Transferred => {
                status = StepUpStatus::Confirmed
            }
            _ => {}
        }
    }
    let asked = asked.ok_or_else(not_there)?;
    Ok(Answer::ok(shown(&app, id, &asked, status).await?))
}

async fn shown(
    app: &App,
    id: PaymentId,
    pending: &Pending,
    status: StepUpStatus,
) -> Outcome<StepUpShown> {
    let assets = app.assets_now().await?;
    let asset = assets
        .get(pending.asset)
        .ok_or_else(|| Problem::internal(&"an event names an unknown asset"))?;
    Ok(StepUpShown {
        id,
        status,
        kind: w::Word(pending.step_up),
        amount: Amount::of(asset, pending.amount.0),
        payer: WalletId(pending.payer.0),
        payee: WalletId(pending.payee.0),
        expires_at: Time(pending.expires),
    })
}

/// What was done, by the factors that were proved.
fn confirmed(mut factors: Vec<Factor>) -> StepUp {
    factors.sort_unstable();
    factors.dedup();
    match factors.len() {
        0 => StepUp::Confirm,
        1 => StepUp::Code,
        _ => StepUp::Strong,
    }
}

/// What a caller vouches for in a top-up or withdrawal: such a thing does not wait for its party, so
/// what it has confirmed comes along.
///
/// # Errors
/// The key may not attest; an agent's key says what it may not.
pub fn attested(
    caller: &Caller,
    circumstances: &Circumstances,
    factors: Vec<Factor>,
) -> Outcome<Attested> {
    if !factors.is_empty() && !caller.key.allows(Scope::StepUpsConfirm) {
        let words = "to attest `factors`, a key needs the scope step_ups:confirm";
        return Err(Problem::new(crate::codes::SCOPE_MISSING, words).at("factors"));
    }
    Ok(Attested {
        confirmed: if factors.is_empty() {
            Confirmed::NOTHING
        } else {
            confirmed(factors).into()
        },
        circumstances: circumstances.read(caller, "circumstances")?,
    })
}

/// Attest that a payer was asked and has confirmed this amount to this payee. The payment then goes
/// on, exactly once: the same again gets the first answer.
#[utoipa::path(
    post,
    path = "/v1/step-ups/{id}/confirm",
    params(("id" = PaymentId, Path, description = "Of which payment.")),
    request_body = Attestation,
    responses((status = 201, description = "Paid, or set aside.", body = Payment))
)]
async fn confirm_step_up(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
    headers: HeaderMap,
    Json(attested): Json<Attestation>,
) -> Handled<Payment> {
    // The path is the id. A key may repeat it, and says nothing else here.
    idempotency::key(&headers)?;
    let malformed = |field: &str, words: &str| Problem::of(Code::Malformed, words).at(field);
    let (asset, amount) = amount_of(&app, &attested.amount, "amount").await?;
    let not_there = || Problem::not_found("id", "no payment of this id waits for a confirmation");
    let done = confirmed(attested.factors);
    let waiting = pending(&app, &caller, id).await?;
    let confirms = match &waiting {
        Some(pending) => {
            if (pending.asset, pending.amount) != (asset, amount) {
                let words = "the payer confirmed another amount than was asked";
                return Err(Problem::of(Code::IdReused, words).at("amount").into());
            }
            if pending.payee.0 != attested.payee.0 {
                let words = "the payer confirmed another payee than was asked";
                return Err(Problem::of(Code::IdReused, words).at("payee").into());
            }
            if done > pending.step_up {
                let words = "this payment asks for more: two different factors, or a code";
                return Err(malformed("factors", words).into());
            }
            Confirmed::from(done)
        }
        None => {
            let before = lookup::event_of(&app, caller.tenant, id.0).await?;
            before.ok_or_else(not_there)?;
            Confirmed::NOTHING
        }
    };
    let new = match attested.payment {
        Some(new) if new.id.is_some_and(|body| body != id) => {
            let words = format!("the path says {id}");
            let problem = Problem::new(crate::codes::ID_MISMATCH, words);
            return Err(problem.at("payment.id").into());
        }
        Some(new) => new,
        None => plain(&app, &caller, id, attested.amount, attested.payee).await?,
    };
    let new = with_first_text(&app, &caller, id, new).await?;
    let paid = make(&app, &caller, id, &new, confirms).await;
    Ok(paid.map_err(|mut problem| {
        if problem.code == Code::IdReused.as_str() && problem.field.as_deref() == Some("id") {
            "it was asked with more than payer, payee and amount: give `payment`, as it was"
                .clone_into(&mut problem.detail);
            problem.field = Some("payment".to_owned());
        }
        problem
    })?)
}

/// A payment that had nothing but payer, payee and amount, and what the law asked.
async fn plain(
    app: &App,
    caller: &Caller,
    id: PaymentId,
    amount: Amount,
    payee: WalletId,
) -> Outcome<NewPayment> {
    let not_there = || Problem::not_found("id", "no payment of this id waits for a confirmation");
    let (_, event) = lookup::event_of(app, caller.tenant, id.0)
        .await?
        .ok_or_else(not_there)?;
    let part = event.part(id.0).ok_or_else(not_there)?;
    let asked = part.asked().map(|asked| asked.circumstances);
    let named = part.effects.iter().find_map(|effect| match effect {
        Effect::PendingOpened(pending) => Some(pending.payer.0),
        _ => None,
    });
    let payer = match named {
        Some(payer) => payer,
        None => {
            let no = lookup::wallets_of(part.effects)
                .first()
                .copied()
                .ok_or_else(not_there)?;
            let found = app.query(move |state| state.wallets.get(no.0 as usize).map(|w| w.id.0));
            found.await?.ok_or_else(not_there)?
        }
    };
    let is_hold = part
        .effects
        .iter()
        .any(|e| matches!(e, Effect::HoldOpened(_)));
    Ok(NewPayment {
        id: Some(id),
        payer: WalletId(payer),
        payee: Some(payee),
        payees: None,
        amount,
        mandate: None,
        capture: is_hold.then_some(Capture::Manual),
        expires_at: None,
        risk_score: None,
        circumstances: asked
            .map(|asked| Circumstances::of(&asked))
            .unwrap_or_default(),
        tax: Default::default(),
        reference: None,
        description: None,
        metadata: None,
    })
}
