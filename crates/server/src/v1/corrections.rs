//! Corrections: a new entry with a reason and two keys. Nothing is ever edited.

use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::lookup;
use crate::problem::Problem;
use crate::submit::{self, Happened};
use crate::texts::{self, Of, Text as TextOf};
use crate::types::ids::{CommandId, CorrectionId, KeyId};
use crate::types::{AccountNumber, Page, Signed, Text, Time};
use crate::v1::parties::{from_word, word};
use crate::v1::payments::{Entry, entries};
use crate::v1::stands::{Thing, or_state};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::event::Effect;
use engine::{Code, Id, UtcMillis};
use identity::Scope;
use ledger::{AccountNo, Posting};
use serde::{Deserialize, Serialize};
use store::Kind;
use store::read::{CorrectionLine, ThingFilter};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    // Who is to approve must see what.
    let reads = [Scope::LedgerRead, Scope::CorrectionsApprove];
    routes
        .needs(Scope::CorrectionsPropose, routes!(propose_correction))
        .needs_either_or_regulator(reads, routes!(list_corrections))
        .needs_either_or_regulator(reads, routes!(get_correction))
        .needs(Scope::CorrectionsApprove, routes!(approve_correction))
        .needs(Scope::CorrectionsApprove, routes!(reject_correction))
}

/// A correction to propose.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCorrection {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<CorrectionId>,
    /// What it would post; sums to zero in each asset.
    #[schema(min_items = 2, max_items = 100)]
    postings: Vec<NewPosting>,
    /// Why. Kept beside the journal, which has its keyed hash.
    reason: Text<1000>,
}

/// One leg of a correction.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPosting {
    /// The account's number, as `/v1/ledger/accounts` lists it.
    account: AccountNumber,
    /// By how much it changes, in units of its asset.
    amount: Signed,
}

/// A correction.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Correction {
    /// Its id.
    id: CorrectionId,
    /// Where it stands.
    status: CorrectionStatus,
    /// Why, if it can still be read; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// When it was proposed.
    at: Time,
    /// What it posts, or would; not in lists. It never changes under its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    postings: Option<Vec<Entry>>,
    /// The head of the line of keys that proposed it: a key of another line approves it; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proposer: Option<KeyId>,
}

/// Where a correction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CorrectionStatus {
    /// Waits for its second key.
    Proposed,
    /// Made.
    Made,
    /// Rejected.
    Rejected,
    /// The second key did not come in seven days.
    Expired,
}

list_query! {
    /// Which corrections.
    CorrectionQuery {
        /// That stand so.
        status: CorrectionStatus,
    }
}

fn shown(line: &CorrectionLine, reason: Option<String>) -> Option<Correction> {
    Some(Correction {
        id: CorrectionId(Id(line.id)),
        status: from_word(&line.state)?,
        reason,
        at: Time(UtcMillis(line.at_ms)),
        postings: None,
        proposer: None,
    })
}

/// A reason names a case and not a person; it stands under a key of the correction's own, which is no
/// party's.
fn subject(id: CorrectionId) -> u128 {
    let hash = blake3::derive_key(
        "farthing 2026 subject of a correction",
        &id.0.0.to_be_bytes(),
    );
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    u128::from_be_bytes(half)
}

/// The head of a caller's line of keys.
fn line_of(caller: &Caller) -> KeyId {
    KeyId(Id(caller.key.head().0))
}

/// Propose a correction: the first of two keys. It lapses if it is not approved in seven days.
#[utoipa::path(
    post,
    path = "/v1/corrections",
    request_body = NewCorrection,
    responses((status = 201, description = "Proposed.", body = Correction))
)]
async fn propose_correction(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewCorrection>,
) -> Handled<Correction> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let accounts: Vec<u32> = new
        .postings
        .iter()
        .map(|posting| posting.account.0)
        .collect();
    let tenant = caller.tenant;
    let assets = app
        .query(move |state| {
            let asset = |no: &u32| {
                let account = state.book.get(AccountNo(*no));
                // Another tenant's is not there, whatever the amount looks like.
                let account = account.filter(|account| state.tenant_of(account) == Some(tenant));
                account.map(|a| state.assets[usize::from(a.asset.0)])
            };
            accounts.iter().map(asset).collect::<Vec<_>>()
        })
        .await?;
    let mut postings = Vec::with_capacity(new.postings.len());
    for ((at, new), asset) in new.postings.iter().enumerate().zip(assets) {
        let field = |name: &str| format!("postings[{at}].{name}");
        let asset = asset.ok_or_else(|| {
            Problem::not_found(&field("account"), "no such account in this tenant")
        })?;
        let amount = asset.parse_signed(&new.amount.0);
        let amount = amount.map_err(|error| {
            Problem::new(codes::AMOUNT_INVALID, error.to_string()).at(field("amount"))
        })?;
        postings.push(Posting {
            account: AccountNo(new.account.0),
            amount,
        });
    }
    let shown = postings.clone();
    let entries = app.query(move |state| entries(state, &shown)).await?;
    let reason = new.reason.0;
    let text = TextOf {
        kind: Kind::Correction,
        thing: id.0,
        command: id.0,
        of: Of::Subject(subject(id)),
        details: store::Details {
            description: Some(reason.clone()),
            ..store::Details::default()
        },
    };
    // The event has the keyed hash of its text: a hash without a key could be guessed.
    let op = Op::ProposeCorrection {
        postings,
        reason: [0; 32],
    };
    let done = submit::submit_with(&app, &caller, id, op, &text).await;
    let done = done.map_err(|mut problem| {
        let is_reason = problem.field.as_deref() == Some("description");
        problem.field = is_reason.then(|| "reason".to_owned()).or(problem.field);
        problem
    })?;
    let (status, at) = (CorrectionStatus::Proposed, Time(done.event.at));
    let (postings, proposer) = (Some(entries), Some(line_of(&caller)));
    Ok(Answer::created(
        Correction {
            id,
            status,
            reason: Some(reason),
            at,
            postings,
            proposer,
        },
        done.replayed,
    ))
}

/// The corrections of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/corrections",
    params(CorrectionQuery),
    responses((status = 200, description = "A page of them.", body = Page<Correction>))
)]
async fn list_corrections(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<CorrectionQuery>,
) -> Handled<Page<Correction>> {
    let filter = ThingFilter {
        wallet: None,
        state: query.status.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.corrections(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    Ok(Answer::ok(
        Page::of(CorrectionQuery::LIST, page, as_of, |line| {
            shown(&line, None)
        })
        .whole(),
    ))
}

/// One correction.
#[utoipa::path(
    get,
    path = "/v1/corrections/{id}",
    params(("id" = CorrectionId, Path, description = "Which correction.")),
    responses((status = 200, description = "The correction.", body = Correction))
)]
async fn get_correction(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<CorrectionId>,
) -> Handled<Correction> {
    let tenant = caller.tenant.0;
    let line = history::ask_now(&app, move |m| m.correction(tenant, id.0.0)).await?;
    let text = texts::read_of(&app, &caller, Kind::Correction, id.0).await?;
    let found = line.and_then(|line| shown(&line, text.description.map(|t| t.0)));
    let mut found = found
        .ok_or_else(|| Problem::of(Code::NotFound, "no such correction in this tenant").at("id"))?;
    let event = lookup::event_of(&app, caller.tenant, id.0).await?;
    let proposed = event.and_then(|(_, event)| {
        event.effects.into_iter().find_map(|effect| match effect {
            Effect::CorrectionProposed(correction) => Some(correction),
            _ => None,
        })
    });
    if let Some(proposed) = proposed {
        found.proposer = Some(KeyId(proposed.proposer.0));
        let postings = proposed.postings;
        found.postings = Some(app.query(move |state| entries(state, &postings)).await?);
    }
    Ok(Answer::ok(found))
}

/// Approve a correction: the second of two keys, and another person's. A key that was made with the
/// first one, or that made it, is the same person's. Look at its `postings` first.
#[utoipa::path(
    post,
    path = "/v1/corrections/{id}/approve",
    params(("id" = CorrectionId, Path, description = "Which correction.")),
    responses((status = 200, description = "Made.", body = Happened))
)]
async fn approve_correction(
    State(app): State<App>,
    caller: Caller,
    PathId(correction): PathId<CorrectionId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ApproveCorrection {
        correction: correction.0,
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = or_state(&app, &caller, Thing::Correction, correction.0, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}

/// Reject a correction that waits: with any key, the proposer's too.
#[utoipa::path(
    post,
    path = "/v1/corrections/{id}/reject",
    params(("id" = CorrectionId, Path, description = "Which correction.")),
    responses((status = 200, description = "Rejected.", body = Happened))
)]
async fn reject_correction(
    State(app): State<App>,
    caller: Caller,
    PathId(correction): PathId<CorrectionId>,
    headers: HeaderMap,
) -> Handled<Happened> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::RejectCorrection {
        correction: correction.0,
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await;
    let done = or_state(&app, &caller, Thing::Correction, correction.0, done).await?;
    Ok(Answer::done(Happened::new(id, &done), done.replayed))
}
