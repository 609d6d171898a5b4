//! The journal's events to take away: every one of the tenant's, a line each, whole.

use crate::app::App;
use crate::extract::{Caller, Query};
use crate::guard::Routes;
use crate::problem::Refuse;
use crate::types::{Seq, Time};
use crate::v1::payments::{NDJSON, lines};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use engine::codec::RowReader;
use engine::event::Event;
use identity::Scope;
use node::NodeError;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_axum::routes;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs_or_regulator(Scope::LedgerRead, routes!(export_events))
}

/// From where on.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// The first row of the journal; the first of all, if not given.
    from_seq: Option<Seq>,
}

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    index: u32,
    time: Time,
    what: &'static str,
    event: &'a Event,
}

/// Every event of the tenant from a row of the journal on, up to what is durable now: newline-delimited
/// JSON with `seq`, `index`, `time`, `what`, and the whole `event` with its postings and effects, in
/// atoms and shard-local numbers, as `farthing verify` replays it.
#[utoipa::path(
    get,
    path = "/v1/ledger/export",
    params(ExportQuery),
    responses((status = 200, description = "An event a line.", body = String, content_type = "application/x-ndjson"))
)]
async fn export_events(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Refuse> {
    let (sender, receiver) = mpsc::channel(4);
    let from = query.from_seq.map_or(1, |seq| seq.0.max(1));
    let last = app.node.stats().durable_seq;
    tokio::task::spawn_blocking(move || {
        for seq in from..=last {
            match row(&app, &caller, seq) {
                Ok(bytes) if bytes.is_empty() => {}
                // A caller that went away reads no more.
                Ok(bytes) => {
                    if sender.blocking_send(Bytes::from(bytes)).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(code = error.code(), seq, "export");
                    return;
                }
            }
        }
    });
    debug_assert_eq!(NDJSON, "application/x-ndjson");
    Ok(lines(receiver))
}

fn row(app: &App, caller: &Caller, seq: u64) -> Result<Vec<u8>, NodeError> {
    let row = app.node.with_reader(|reader| Ok(reader.row(seq)?))?;
    let Some(row) = row else {
        return Ok(Vec::new());
    };
    let bad = |error| NodeError::Row { seq, error };
    let mut events = RowReader::new(row.format, &row.events).map_err(bad)?;
    let (mut event, mut out, mut index) = (Event::empty(), Vec::new(), 0);
    while events.next_event(&mut event).map_err(bad)? {
        if event.tenant == caller.tenant {
            let line = Line {
                seq,
                index,
                time: Time(event.at),
                what: event.kind.as_str(),
                event: &event,
            };
            if let Err(error) = serde_json::to_writer(&mut out, &line) {
                tracing::error!(%error, seq, index, "export_line");
            }
            out.push(b'\n');
        }
        index += 1;
    }
    Ok(out)
}
