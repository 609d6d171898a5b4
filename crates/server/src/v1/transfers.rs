//! Transfers: value passed on between wallets, its source kept, without tax or fee.

use crate::app::{App, Assets};
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::submit::{self, Done};
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{MandateId, TransferId, WalletId};
use crate::types::{Amount, Details, Metadata, Text, Time};
use crate::v1::common::amount_of;
use crate::v1::payments::{Circumstances, StepUp};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use engine::code::Audience;
use engine::command::{Op, Spend};
use engine::event::{Effect, Event, Part};
use engine::records::{Pending, PendingKind};
use engine::{EventKind, Id, Position};
use identity::Scope;
use serde::{Deserialize, Serialize};
use store::Kind;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::PaymentsWrite, routes!(create_transfer))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_transfer))
}

/// A transfer to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTransfer {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<TransferId>,
    /// From where.
    from: WalletId,
    /// To where.
    to: WalletId,
    /// How much.
    amount: Amount,
    /// What the owner of `from` allowed the agent who asks.
    mandate: Option<MandateId>,
    /// Whether it is given to another party for its use.
    #[serde(default)]
    gift: bool,
    /// What the law asks about besides.
    #[serde(default)]
    circumstances: Circumstances,
    /// Your own number for it.
    reference: Option<Text<200>>,
    /// For people.
    description: Option<Text<1000>>,
    /// Your own names and values.
    metadata: Option<Metadata>,
}

/// What the law asks about a transfer.
///
/// # Errors
/// An agent's key says what it may not.
pub fn law(
    given: &Circumstances,
    gift: bool,
    caller: &Caller,
    field: &str,
) -> Outcome<engine::law::Circumstances> {
    let circumstances = given.read(caller, field)?;
    Ok(engine::law::Circumstances {
        is_gift: gift,
        ..circumstances
    })
}

/// A transfer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Transfer {
    /// Its id.
    id: TransferId,
    /// What became of it.
    status: TransferStatus,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    from: Option<WalletId>,
    /// To where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    to: Option<WalletId>,
    /// How much.
    amount: Amount,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<String>,
    /// What the payer must do, if it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    step_up: Option<StepUp>,
    /// When.
    at: Time,
    /// The row of the journal.
    seq: u64,
    /// The place in that row.
    index: u32,
    /// Your own number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reference: Option<Text<200>>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<Text<1000>>,
    /// Your own names and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
    /// Whether it had text that was erased with the person it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text_erased: Option<bool>,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferStatus {
    /// Made.
    Made,
    /// Waits for a confirmation.
    StepUp,
    /// Refused for good.
    Denied,
    /// Its payer did not confirm it in time.
    Expired,
}

fn shown(
    id: TransferId,
    event: &Event,
    at: Position,
    (assets, audience): (&Assets, Audience),
    (from, to): (Option<WalletId>, Option<WalletId>),
    details: Details,
) -> Outcome<Transfer> {
    let part = event
        .part(id.0)
        .ok_or_else(|| Problem::internal(&"not this transfer's event"))?;
    use TransferStatus as S;
    let (mut step_up, mut code) = (None, None);
    let found = part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some((S::Made, paid.asset, paid.gross)),
        Effect::PendingOpened(pending) => {
            step_up = Some(StepUp::of(pending, id));
            Some((S::StepUp, pending.asset, pending.to_pay()))
        }
        Effect::Refused(refused) => {
            code = Some(refused.code.shown_to(audience).as_str().to_owned());
            let status = match part.kind.is_step_up_expired() {
                true => S::Expired,
                false => S::Denied,
            };
            Some((status, refused.asset, refused.asked))
        }
        _ => None,
    });
    let (status, asset, atoms) =
        found.ok_or_else(|| Problem::internal(&"a transfer without its amount"))?;
    let asset = assets
        .get(asset)
        .ok_or_else(|| Problem::internal(&"an unknown asset"))?;
    Ok(Transfer {
        id,
        status,
        from,
        to,
        amount: Amount::of(asset, atoms),
        code,
        step_up,
        at: Time(event.at),
        seq: at.seq,
        index: at.index,
        reference: details.reference,
        description: details.description,
        metadata: details.metadata,
        text_erased: details.text_erased,
    })
}

/// Whether it was made, waits for its payer, or was refused.
fn is_transfer(part: &Part<'_>) -> bool {
    let waits = |pending: &Pending| pending.kind == PendingKind::Transfer;
    let is_over = matches!(
        part.kind,
        EventKind::Transferred | EventKind::TransferRefused | EventKind::TransferStepUpExpired
    );
    is_over || part.pending().is_some_and(waits)
}

/// Pass value on to another wallet.
#[utoipa::path(
    post,
    path = "/v1/transfers",
    request_body = NewTransfer,
    responses(
        (status = 201, description = "Made.", body = Transfer),
        (status = 202, description = "The payer must confirm.", body = Transfer),
    )
)]
async fn create_transfer(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewTransfer>,
) -> Handled<Transfer> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let (asset, amount) = amount_of(&app, &new.amount, "amount").await?;
    let details = Details::given(new.reference, new.description, new.metadata);
    let text = TextOf::new(Kind::Transfer, id.0, new.from, &details);
    let spend = Spend {
        payer: engine::ids::WalletId(new.from.0),
        mandate: engine::ids::MandateId(new.mandate.map_or(Id::NONE, |m| m.0)),
        amount,
        asset,
        risk: risk::Score(0),
        confirmed: false.into(),
        circumstances: law(&new.circumstances, new.gift, &caller, "circumstances")?,
        tax: Default::default(),
        item: Default::default(),
    };
    let op = Op::Transfer {
        spend,
        payee: engine::ids::WalletId(new.to.0),
    };
    let done = submit::submit_with(&app, &caller, id, op, &text)
        .await
        .map_err(|mut problem| {
            // The engine's words for the two wallets are a payment's.
            problem.field = problem.field.map(|field| match field.as_str() {
                "payer" => "from".to_owned(),
                "payee" => "to".to_owned(),
                _ => field,
            });
            problem
        })?;
    // The wallets are those of the request, and their asset was looked up for its amount.
    Ok(answer(&app, id, &done, (new.from, new.to), details)?)
}

/// The answer to what makes a transfer.
///
/// # Errors
/// Its event is none.
pub fn answer(
    app: &App,
    id: TransferId,
    done: &Done,
    (from, to): (WalletId, WalletId),
    details: Details,
) -> Outcome<Answer<Transfer>> {
    let (event, at) = (&done.event, done.position);
    let wallets = (Some(from), Some(to));
    // What was refused is a problem, and shown to its caller as that.
    let known = (&*app.assets(), Audience::Payer);
    let body = shown(id, event, at, known, wallets, details)?;
    let status = if body.status == TransferStatus::StepUp {
        StatusCode::ACCEPTED
    } else {
        StatusCode::CREATED
    };
    Ok(Answer {
        body,
        status,
        replayed: done.replayed,
    })
}

/// One transfer: made, waiting for its payer, or refused.
#[utoipa::path(
    get,
    path = "/v1/transfers/{id}",
    params(("id" = TransferId, Path, description = "Which transfer.")),
    responses((status = 200, description = "The transfer.", body = Transfer))
)]
async fn get_transfer(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<TransferId>,
) -> Handled<Transfer> {
    let found = lookup::event_of(&app, caller.tenant, id.0).await?;
    let found = found.filter(|(_, event)| event.part(id.0).is_some_and(|part| is_transfer(&part)));
    let (position, event) =
        found.ok_or_else(|| Problem::not_found("id", "no such transfer in this tenant"))?;
    let details = texts::read_of(&app, &caller, Kind::Transfer, id.0).await?;
    let wallets = event
        .part(id.0)
        .map(|part| lookup::wallets_of(part.effects));
    let wallets = wallets.unwrap_or_default();
    let waits = event.part(id.0).and_then(|part| part.pending().cloned());
    let ids = app.query(move |state| {
        let id = |at: usize| wallets.get(at).map(|no| WalletId(state.wallet(*no).id.0));
        match waits {
            Some(pending) => (
                Some(WalletId(pending.payer.0)),
                Some(WalletId(pending.payee.0)),
            ),
            None => (id(0), id(1)),
        }
    });
    let (ids, assets) = (ids.await?, app.assets_now().await?);
    let known = (&*assets, caller.audience());
    let body = shown(id, &event, position, known, ids, details)?;
    Ok(Answer::ok(body))
}
