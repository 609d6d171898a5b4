//! Step-ups: what a payer has to do before a payment goes on, and the word of whoever asked them.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup::{self, Names};
use crate::problem::{Outcome, Problem};
use crate::submit::{self, Attested, Done};
use crate::texts;
use crate::types::ids::{PublicId, StepUpId, WalletId};
use crate::types::law as w;
use crate::types::{Amount, Details, Time};
use crate::v1::common::amount_of;
use crate::v1::payments::{self, Circumstances, Payment};
use crate::v1::transfers::{self, Transfer};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::event::{Effect, Event, Part};
use engine::law::Confirmed;
use engine::records::{Pending, PendingKind, WalletNo};
use engine::{Code, EventKind, Id, Position};
use identity::Scope;
use ledger::AssetNo;
use policy::StepUp;
use serde::{Deserialize, Serialize};
use store::Kind;
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
    /// The payment's or transfer's id.
    id: StepUpId,
    /// Where it stands.
    status: StepUpStatus,
    /// How the payer confirms: two factors, a code, or a confirmation.
    kind: w::StepUp,
    /// What the confirmation is bound to: how much, all included.
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
    /// The amount that the payer saw and confirmed, all included.
    amount: Amount,
    /// The payee that the payer saw and confirmed; of several, the first.
    payee: WalletId,
}

/// What was confirmed and is done: as its own path shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = ConfirmedDone)]
enum Made {
    /// A payment.
    Payment(Box<Payment>),
    /// A transfer.
    Transfer(Box<Transfer>),
}

/// What waits under an id, if anything does.
async fn waiting(app: &App, caller: &Caller, id: StepUpId) -> Outcome<Option<Pending>> {
    let key = (caller.tenant, id.id());
    let pending = app.query(move |state| state.pending.get(&key).cloned());
    Ok(pending.await?.filter(|pending| is_its(id, pending)))
}

/// Whether a record is of what the id names: a payment, or a transfer.
fn is_its(id: StepUpId, pending: &Pending) -> bool {
    let is_transfer = pending.kind == PendingKind::Transfer;
    is_transfer == matches!(id, StepUpId::Transfer(_))
}

/// One step-up, by the id of its payment or transfer.
#[utoipa::path(
    get,
    path = "/v1/step-ups/{id}",
    params(("id" = StepUpId, Path, description = "Of which payment or transfer.")),
    responses((status = 200, description = "The step-up.", body = StepUpShown))
)]
async fn get_step_up(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<StepUpId>,
) -> Handled<StepUpShown> {
    let not_there = || Problem::not_found("id", "nothing of this id asked for a confirmation");
    if let Some(pending) = waiting(&app, &caller, id).await? {
        let waiting = pending.expires > app.node.now();
        let status = if waiting {
            StepUpStatus::Waiting
        } else {
            StepUpStatus::Expired
        };
        return Ok(Answer::ok(shown(&app, id, &pending, status).await?));
    }
    // It is closed: what was asked first, and what came of it last.
    let (tenant, of) = (caller.tenant, id.id());
    let life = crate::history::ask_now(&app, move |m| m.events_about(tenant.0, of.0)).await?;
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
        let Some(part) = event.part(of) else {
            continue;
        };
        match part.kind {
            kind if kind.asks_step_up() => {
                asked = part.pending().cloned();
            }
            kind if kind.is_refusal() && asked.is_some() => {
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
    let asked = asked.filter(|pending| is_its(id, pending));
    let asked = asked.ok_or_else(not_there)?;
    Ok(Answer::ok(shown(&app, id, &asked, status).await?))
}

async fn shown(
    app: &App,
    id: StepUpId,
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
        amount: Amount::of(asset, pending.to_pay()),
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

/// Attest that a payer was asked and has confirmed this amount to this payee. What was asked then goes
/// on as it was asked, whatever it is: a payment at once, an authorization, a payment to several, a
/// transfer. It does so exactly once: the same again gets the first answer.
#[utoipa::path(
    post,
    path = "/v1/step-ups/{id}/confirm",
    params(("id" = StepUpId, Path, description = "Of which payment or transfer.")),
    request_body = Attestation,
    responses((status = 201, description = "Paid, set aside, or passed on.", body = Made))
)]
async fn confirm_step_up(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<StepUpId>,
    headers: HeaderMap,
    Json(attested): Json<Attestation>,
) -> Handled<Made> {
    // The path is the id. A key may repeat it, and says nothing else here.
    idempotency::key(&headers)?;
    let (asset, amount) = amount_of(&app, &attested.amount, "amount").await?;
    let factors = confirmed(attested.factors);
    let done = match waiting(&app, &caller, id).await? {
        Some(pending) => {
            let seen = (asset, amount.0, attested.payee);
            let asked = (pending.asset, pending.to_pay(), WalletId(pending.payee.0));
            is_the_same(asked, seen)?;
            is_enough(factors, pending.step_up)?;
            let texts = pending.text.map(|hash| (id.id(), hash));
            let texts = texts.into_iter().collect();
            let op = pending.op(factors.into());
            let command = submit::command(&caller, id.id(), op, texts);
            submit::send(&app, &caller, id, command).await
        }
        None => {
            let (position, event) = closed(&app, &caller, id).await?;
            let part = event.part(id.id());
            if let Some(made) = part.and_then(|part| made(&part)) {
                let payee = app.query(move |state| state.wallet(made.2).id).await?;
                let seen = (asset, amount.0, attested.payee);
                is_the_same((made.0, made.1, WalletId(payee.0)), seen)?;
            }
            let known = node::Answer::Known { position, event };
            submit::told(&app, &caller, id, known).await
        }
    };
    Ok(match id {
        StepUpId::Payment(id) => {
            let (names, details) = match &done {
                Ok(done) => told_of(&app, &caller, done, Kind::Payment, id.0).await?,
                Err(_) => Default::default(),
            };
            let answer = payments::answer(&app, id, done, |_| names, details).await?;
            answer.map(|body| Made::Payment(Box::new(body)))
        }
        StepUpId::Transfer(id) => {
            let done = done?;
            let (names, details) = told_of(&app, &caller, &done, Kind::Transfer, id.0).await?;
            let [from, to] = [0, 1].map(|at| {
                let wallets = lookup::wallets_of(&done.event.effects);
                wallets.get(at).and_then(|no| names.get(*no))
            });
            let nobody = || Problem::internal(&"a transfer without its wallets");
            let ends = (from.ok_or_else(nobody)?, to.ok_or_else(nobody)?);
            let answer = transfers::answer(&app, id, &done, ends, details)?;
            answer.map(|body| Made::Transfer(Box::new(body)))
        }
    })
}

/// Whether the payer has seen what was asked: the asset, how much in all, and whom.
fn is_the_same(asked: (AssetNo, u64, WalletId), seen: (AssetNo, u64, WalletId)) -> Outcome<()> {
    let other = |what: &str| {
        let words = format!("the payer confirmed another {what} than was asked");
        Err(Problem::of(Code::IdReused, words).at(what))
    };
    if (asked.0, asked.1) != (seen.0, seen.1) {
        return other("amount");
    }
    if asked.2 != seen.2 {
        return other("payee");
    }
    Ok(())
}

/// Whether so much was proved as is asked.
fn is_enough(proved: StepUp, asked: StepUp) -> Outcome<()> {
    // From the strongest on.
    if proved <= asked {
        return Ok(());
    }
    let words = match asked {
        StepUp::Strong => "two different factors are asked: knowledge, possession, inherence",
        StepUp::Code | StepUp::Confirm => "a factor is asked: knowledge, possession or inherence",
    };
    Err(Problem::of(Code::Malformed, words).at("factors"))
}

/// What came of a confirmation that was given before, or came too late.
async fn closed(app: &App, caller: &Caller, id: StepUpId) -> Outcome<(Position, Box<Event>)> {
    let not_there = || {
        let words = "nothing of this id waits for a confirmation: what was paid, refused or never \
                     asked for one is shown by its own path";
        Problem::not_found("id", words)
    };
    let found = lookup::event_of(app, caller.tenant, id.id()).await?;
    let waited = |part: &Part<'_>| {
        let closes =
            |e: &Effect| matches!(e, Effect::PendingClosed { payment } if *payment == part.id);
        use EventKind::{
            Refused, StepUpExpired, TransferRefused, TransferStepUpExpired, Transferred,
        };
        let is_its = match part.kind {
            Transferred | TransferRefused | TransferStepUpExpired => {
                matches!(id, StepUpId::Transfer(_))
            }
            // Neither says of which it is: once every refusal was of one kind.
            Refused | StepUpExpired => true,
            _ => matches!(id, StepUpId::Payment(_)),
        };
        is_its && part.effects.iter().any(closes)
    };
    let found = found.filter(|(_, event)| event.part(id.id()).is_some_and(|part| waited(&part)));
    found.ok_or_else(not_there)
}

/// What was paid or set aside: the asset, how much, and whom.
fn made(part: &Part<'_>) -> Option<(AssetNo, u64, WalletNo)> {
    part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some((paid.asset, paid.gross, paid.payee)),
        Effect::HoldOpened(hold) => Some((hold.asset, hold.authorized, hold.payee)),
        _ => None,
    })
}

/// The names and the text of what was done.
async fn told_of(
    app: &App,
    caller: &Caller,
    done: &Done,
    kind: Kind,
    id: Id,
) -> Outcome<(Names, Details)> {
    let text = done.event.part(id).and_then(|part| part.text());
    let details = texts::read(app, caller, kind, id, text).await?;
    let wallets = lookup::wallets_of(&done.event.effects);
    let names = app.query(move |state| Names::of(state, wallets)).await?;
    Ok((names, details))
}
