//! The journal's events to take away: every one of the tenant's, a line each, whole.

use crate::app::App;
use crate::codes;
use crate::extract::{Caller, Query};
use crate::guard::Routes;
use crate::problem::{Problem, Refuse};
use crate::types::{Seq, Time};
use crate::v1::payments::{NDJSON, lines};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use engine::codec::{CodecError, RowReader};
use engine::event::Event;
use engine::records::TenantNo;
use identity::Scope;
use node::NodeError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::mpsc;
use utoipa::IntoParams;
use utoipa_axum::routes;

/// A chunk is sent when it is so large, or of so many rows.
const CHUNK_BYTES: usize = 256 * 1024;
const CHUNK_ROWS: u64 = 1_000;
const RETRY_AFTER_S: u64 = 5;

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

/// The last line of an export that went well.
#[derive(Serialize)]
struct End {
    end: bool,
    from_seq: u64,
    to_seq: u64,
    events: u64,
}

/// The last line of one that did not.
#[derive(Serialize)]
struct BrokenOff {
    end: bool,
    error: &'static str,
    seq: u64,
}

/// Every event of the tenant from a row of the journal on, up to what is durable now: newline-delimited
/// JSON with `seq`, `index`, `time`, `what`, and the whole `event` with its postings and effects, in
/// atoms and shard-local numbers, as `farthing verify` replays it.
///
/// The last line is `{"end": true, "from_seq", "to_seq", "events"}`: without it the export is cut off
/// and not to be trusted as whole. `{"end": false, "error", "seq"}` says at which row it failed. A
/// reader that takes nothing for half a minute is cut off; `from_seq` goes on where it was. A few
/// exports run at a time; more are asked to come back (`exports_busy`).
#[utoipa::path(
    get,
    path = "/v1/ledger/export",
    params(ExportQuery),
    responses((status = 200, description = "An event a line, and a last line that says whether it is whole.", body = String, content_type = "application/x-ndjson"))
)]
async fn export_events(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Refuse> {
    let room = Arc::clone(&app.exports).try_acquire_owned().map_err(|_| {
        let words = "as many exports run as may at a time";
        let mut problem = Problem::new(codes::EXPORTS_BUSY, words);
        problem.retry_after_s = Some(RETRY_AFTER_S);
        problem
    })?;
    let (sender, receiver) = mpsc::channel(2);
    let export = Export {
        tenant: caller.tenant,
        from: query.from_seq.map_or(1, |seq| seq.0.max(1)),
        last: app.node.stats().durable_seq,
        sender,
        app,
    };
    tokio::spawn(async move {
        export.run().await;
        drop(room);
    });
    debug_assert_eq!(NDJSON, "application/x-ndjson");
    Ok(lines(receiver))
}

struct Export {
    app: App,
    tenant: TenantNo,
    from: u64,
    last: u64,
    sender: mpsc::Sender<Bytes>,
}

/// Some rows' events as lines.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    events: u64,
    /// The first row that is not in it.
    next: u64,
}

impl Export {
    /// No thread waits for the reader: one works only while a chunk is read.
    async fn run(self) {
        let (mut next, mut events) = (self.from, 0);
        while next <= self.last {
            let (tenant, last) = (self.tenant, self.last);
            let read = self.app.blocking(move |app| chunk(app, tenant, next, last));
            let failed = match read.await {
                Ok(Ok(chunk)) => {
                    (next, events) = (chunk.next, events + chunk.events);
                    if !self.send(chunk.bytes).await {
                        return;
                    }
                    continue;
                }
                Ok(Err((seq, code))) => (seq, code),
                Err(_) => (next, codes::INTERNAL.code),
            };
            let (seq, error) = failed;
            tracing::error!(code = error, seq, "export");
            let end = false;
            self.send(line(&BrokenOff { end, error, seq })).await;
            return;
        }
        let end = End {
            end: true,
            from_seq: self.from,
            to_seq: self.last,
            events,
        };
        self.send(line(&end)).await;
    }

    /// Whether somebody still reads.
    async fn send(&self, bytes: Vec<u8>) -> bool {
        if bytes.is_empty() {
            return !self.sender.is_closed();
        }
        let wait = self.app.config.export_wait;
        let sent = tokio::time::timeout(wait, self.sender.send(Bytes::from(bytes))).await;
        matches!(sent, Ok(Ok(())))
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    // Numbers and words: to write them to memory cannot fail.
    let mut bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Reads rows until there is enough to send; the row and the code of what is wrong, if something is.
fn chunk(app: &App, tenant: TenantNo, from: u64, last: u64) -> Result<Chunk, (u64, &'static str)> {
    let mut chunk = Chunk {
        next: from,
        ..Chunk::default()
    };
    while chunk.next <= last && chunk.bytes.len() < CHUNK_BYTES && chunk.next - from < CHUNK_ROWS {
        let seq = chunk.next;
        row(app, tenant, seq, &mut chunk).map_err(|error| (seq, error.code()))?;
        chunk.next += 1;
    }
    Ok(chunk)
}

fn row(app: &App, tenant: TenantNo, seq: u64, out: &mut Chunk) -> Result<(), NodeError> {
    let row = app.node.with_reader(|reader| Ok(reader.row(seq)?))?;
    let bad = |error| NodeError::Row { seq, error };
    // Rows are counted without a gap.
    let row = row.ok_or_else(|| bad(CodecError::Short(0)))?;
    let mut events = RowReader::new(row.format, &row.events).map_err(bad)?;
    let (mut event, mut index) = (Event::empty(), 0);
    while events.next_event(&mut event).map_err(bad)? {
        if event.tenant == tenant {
            out.bytes.extend(line(&Line {
                seq,
                index,
                time: Time(event.at),
                what: event.kind.as_str(),
                event: &event,
            }));
            out.events += 1;
        }
        index += 1;
    }
    Ok(())
}
