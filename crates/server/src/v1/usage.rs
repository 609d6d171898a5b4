//! Usage: events that are charged by a price as they come in, one or thousands at a time.
//!
//! - An event is charged once for its `source` and `id`: both are the payment's id, so that the charge and
//!   the memory of it are one event of the journal.
//! - What many take up in memory is bounded: so many requests at a time, and none comes in for ever.
//! - Each stands alone: a broken line, or a payer without money, stops no other.

mod charge;
mod read;

use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Handled};
use crate::guard::Routes;
use crate::prices::Quantity;
use crate::problem::{Outcome, Problem, Refuse};
use crate::types::ids::{PaymentId, PriceId, WalletId};
use crate::types::{Amount, Text, Time};
use crate::v1::payments::NDJSON;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::Code;
use identity::Scope;
use read::{Given, Kind};
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// At most so many events in one request.
pub const EVENTS_MAX: usize = 8_000;
/// At most so many bytes of them: about 500 each.
pub const BYTES_MAX: usize = 4 * 1024 * 1024;
const RETRY_AFTER_S: u64 = 1;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::PaymentsWrite, routes!(post_usage))
}

/// Something that was used, to be charged by its price.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "it is what the document says; events are read where they lie"
)]
pub struct NewUsage {
    /// Your own id of the event, 1 to 255 bytes: with its `source` it is charged once.
    pub id: Text<255>,
    /// Where it comes from, up to 1024 bytes: ids are counted for each source by themselves.
    pub source: Option<Text<1024>>,
    /// Who pays.
    pub payer: WalletId,
    /// Who is paid.
    pub payee: WalletId,
    /// By which price.
    pub price: PriceId,
    /// Of which of its units; the first, if not given.
    pub unit: Option<Text<100>>,
    /// How many.
    pub quantity: Quantity,
    /// When it was used. It is counted in the period in which it is charged.
    pub time: Option<Time>,
}

/// What came of an event.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct Charged<'a> {
    /// The line of the body, or the place in its list, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub line: Option<u64>,
    /// The event's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub id: Option<&'a str>,
    /// 201 it was charged; 200 it had been before; 202 the payer must confirm; else it was not charged.
    pub status: u16,
    /// The payment that charges it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payment: Option<PaymentId>,
    /// What was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub amount: Option<Amount>,
    /// Why it was not charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<String>,
    /// Which value of the event that is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// What was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub detail: Option<String>,
}

/// What came of all events together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Summary {
    /// How many there were.
    pub events: u64,
    /// How many were charged now.
    pub charged: u64,
    /// How many had been before.
    pub duplicates: u64,
    /// How many wait for their payer.
    pub waiting: u64,
    /// How many were refused for good: too little money, a limit. The same id is refused again.
    pub refused: u64,
    /// How many could not be considered. Nothing is kept of them: send them again, corrected.
    pub failed: u64,
    /// How many have no answer. Send them again as they are.
    pub unanswered: u64,
    /// What was charged now, by asset.
    pub amounts: Vec<Amount>,
}

/// The answer to many as one document.
#[derive(Serialize, ToSchema)]
struct UsageAnswer<'a> {
    summary: Summary,
    events: Vec<Charged<'a>>,
}

/// Charge usage: one event, or up to 8000 in 4 MiB.
///
/// One is `application/json`, or a CloudEvent 1.0: structured (`application/cloudevents+json`) or binary
/// (`ce-id`, `ce-source`, `ce-specversion`, `ce-type`, `ce-subject` in headers). Many are
/// `application/x-ndjson`, a line each in either form, or `application/cloudevents-batch+json`. Of a
/// CloudEvent the `subject` is the payer, and `data` has `payee`, `price`, `unit` and `quantity`.
///
/// The answer to many has a result a line, in their order, and then a line with the `summary`; with
/// `Accept: application/json` it is one document. Each event stands alone. An event is charged once for
/// its `source` and `id`, however often it is sent; the same with other content is `id_reused` and names
/// the field.
#[utoipa::path(
    post,
    path = "/v1/usage",
    request_body(content(
        (NewUsage = "application/json"),
        (String = "application/x-ndjson"),
        (String = "application/cloudevents+json"),
        (String = "application/cloudevents-batch+json"),
    ), description = "An event, or many."),
    responses(
        (status = 201, description = "One event was charged.", body = Charged),
        (status = 200, description = "Many: a result a line, and the summary.", content(
            (String = "application/x-ndjson"), (UsageAnswer = "application/json")
        )),
        (status = 202, description = "The payer of one event must confirm.", body = Charged),
    )
)]
async fn post_usage(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refuse> {
    let kind = Kind::of(&headers)?;
    let is_many = matches!(kind, Kind::Lines | Kind::List);
    // Until it is answered.
    let _room = is_many.then(|| room(&app)).transpose()?;
    let body = match is_many {
        true => read_body(&app, body, BYTES_MAX).await?,
        false => read_body(&app, body, app.config.body_bytes_max).await?,
    };
    let many = match kind {
        Kind::Lines => read::lines(&body)?,
        Kind::List => read::list(&body)?,
        Kind::Json | Kind::Cloud => return Ok(one(&app, &caller, read::one(&body, kind)?).await?),
        Kind::Binary => return Ok(one(&app, &caller, read::binary(&headers, &body)?).await?),
    };
    let (results, summary) = charge::many(&app, &caller, &many).await?;
    Ok(match wants_json(&headers) {
        true => {
            let events = results;
            axum::Json(UsageAnswer { summary, events }).into_response()
        }
        false => as_lines(&results, &summary),
    })
}

async fn one(app: &App, caller: &Caller, given: Given<'_>) -> Outcome<Response> {
    let answered: Handled<Charged<'_>> = charge::one(app, caller, given).await;
    Ok(answered.map(Answer::into_response).into_response())
}

fn room(app: &App) -> Outcome<SemaphorePermit<'_>> {
    app.usage.try_acquire().map_err(|_| {
        let words = "as much usage comes in as may at a time; nothing was charged";
        let mut problem = Problem::new(codes::BUSY, words);
        problem.retry_after_s = Some(RETRY_AFTER_S);
        problem
    })
}

async fn read_body(app: &App, body: Body, bytes_max: usize) -> Outcome<Bytes> {
    let wait = app.config.usage_wait;
    let read = timeout(wait, to_bytes(body, bytes_max)).await;
    let read = read.map_err(|_| {
        let words = format!(
            "the body did not come whole within {} s; nothing was charged",
            wait.as_secs()
        );
        Problem::new(codes::BAD_BODY, words)
    })?;
    read.map_err(|_| {
        let words = format!(
            "it is at most {bytes_max} bytes together, and the body is read to its end; nothing was charged"
        );
        Problem::new(codes::TOO_LARGE, words)
    })
}

/// Refuses more than [`EVENTS_MAX`].
fn check_count(count: usize) -> Outcome<()> {
    if count <= EVENTS_MAX {
        return Ok(());
    }
    let words =
        format!("at most {EVENTS_MAX} events at once, and these are {count}; nothing was charged");
    Err(Problem::of(Code::TooMany, words))
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    let mut kinds = accepted.unwrap_or("").split(',');
    kinds.any(|kind| {
        let kind = kind.split(';').next().unwrap_or("").trim();
        kind.eq_ignore_ascii_case("application/json")
    })
}

fn as_lines(results: &[Charged<'_>], summary: &Summary) -> Response {
    #[derive(Serialize)]
    struct Last<'a> {
        summary: &'a Summary,
    }
    let mut out = Vec::with_capacity(results.len() * 140 + 300);
    let put = |line: Result<(), serde_json::Error>, out: &mut Vec<u8>| {
        if let Err(error) = line {
            tracing::error!(%error, "usage_line");
        }
        out.push(b'\n');
    };
    for result in results {
        let line = serde_json::to_writer(&mut out, result);
        put(line, &mut out);
    }
    let line = serde_json::to_writer(&mut out, &Last { summary });
    put(line, &mut out);
    let mut response = Response::new(Body::from(out));
    let kind = HeaderValue::from_static(NDJSON);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
