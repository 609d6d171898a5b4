//! Many payments in one request: a payment a line in, a result a line out, in their order.
//!
//! Memory is bounded by one chunk of lines, whatever the length of the batch; a chunk is submitted
//! when it is full or when nothing more has come yet.

use super::{NewPayment, names_of, payment};
use crate::app::App;
use crate::extract::{Caller, parse, require_media_type};
use crate::guard::Routes;
use crate::problem::{Outcome, Problem, Refuse};
use crate::types::ids::PaymentId;
use crate::{codes, idempotency, submit, texts};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use engine::command::Op;
use engine::law::Confirmed;
use http_body::Frame;
use http_body_util::BodyExt;
use identity::Scope;
use node::{Answer, Unavailable};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;
use utoipa_axum::routes;

/// The media type, in and out.
pub const NDJSON: &str = "application/x-ndjson";
const CHUNK: usize = 1_000;
const LINE_MAX: usize = 64 * 1024;

/// Registers the path.
pub fn routes(routes: Routes) -> Routes {
    routes.needs(Scope::PaymentsWrite, routes!(batch_payments))
}

/// Lines on their way out.
pub struct Lines(pub mpsc::Receiver<Bytes>);

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// An answer of lines.
pub fn lines(receiver: mpsc::Receiver<Bytes>) -> Response {
    let mut response = Response::new(Body::new(Lines(receiver)));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    response
}

/// One line of the answer.
#[derive(Serialize)]
struct Line<T> {
    line: u64,
    status: u16,
    #[serde(flatten)]
    what: What<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum What<T> {
    Payment(T),
    Problem(Box<Problem>),
}

/// Make many payments: newline-delimited JSON, each line a payment as `POST /v1/payments` takes it.
/// Each line of the answer has the `line` it answers, its `status`, and the `payment` or the
/// `problem`. Each payment stands alone; none is undone when another is refused. An
/// `Idempotency-Key` makes each line's id from the key and the line's number, where a line has none.
#[utoipa::path(
    post,
    path = "/v1/payments/batch",
    request_body(content = String, content_type = "application/x-ndjson", description = "A payment a line."),
    responses((status = 200, description = "A result a line, in the order of the lines.", body = String, content_type = "application/x-ndjson"))
)]
async fn batch_payments(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refuse> {
    require_media_type(&headers, NDJSON)?;
    let key = idempotency::key(&headers)?.map(str::to_owned);
    let (sender, receiver) = mpsc::channel(8);
    let batch = Batch {
        app,
        caller,
        key,
        sender,
        line: 0,
        chunk: Vec::new(),
    };
    tokio::spawn(batch.run(body));
    Ok(lines(receiver))
}

struct Batch {
    app: App,
    caller: Caller,
    key: Option<String>,
    sender: mpsc::Sender<Bytes>,
    line: u64,
    chunk: Vec<(u64, Read)>,
}

/// A line as it was read.
type Read = Outcome<(PaymentId, NewPayment)>;

/// A line on its way, until its command is made.
type Slot = Outcome<(PaymentId, NewPayment, Option<Op>)>;

/// Every line, and an answer for each that could be asked.
type Asked = (Vec<(u64, Read)>, Vec<Result<Answer, Unavailable>>);

impl Batch {
    async fn run(mut self, mut body: Body) {
        let mut rest: Vec<u8> = Vec::new();
        while let Some(frame) = body.frame().await {
            let Some(data) = frame.ok().and_then(|frame| frame.into_data().ok()) else {
                break;
            };
            rest.extend_from_slice(&data);
            let mut from = 0;
            while let Some(length) = rest[from..].iter().position(|byte| *byte == b'\n') {
                self.take(&rest[from..from + length]);
                from += length + 1;
                if self.chunk.len() >= CHUNK && !self.flush().await {
                    return;
                }
            }
            rest.drain(..from);
            if rest.len() > LINE_MAX {
                self.line += 1;
                let words =
                    format!("a line is longer than {LINE_MAX} bytes; nothing after it was read");
                self.chunk
                    .push((self.line, Err(Problem::new(codes::TOO_LARGE, words))));
                self.flush().await;
                return;
            }
            if !self.flush().await {
                return;
            }
        }
        if !rest.is_empty() {
            self.take(&rest);
        }
        self.flush().await;
    }

    /// Reads one line; an empty one is counted and skipped.
    fn take(&mut self, text: &[u8]) {
        self.line += 1;
        let text = text.trim_ascii();
        if text.is_empty() {
            return;
        }
        let line = self.line;
        let read = parse::<NewPayment>(text).and_then(|new| Ok((self.id(line, &new)?, new)));
        let read = read.map_err(|mut problem| {
            problem.line = Some(line);
            problem
        });
        self.chunk.push((line, read));
    }

    fn id(&self, line: u64, new: &NewPayment) -> Outcome<PaymentId> {
        if let Some(id) = new.id {
            return Ok(id);
        }
        match &self.key {
            Some(key) => {
                let of_line = format!("{key} line {line}");
                Ok(PaymentId(idempotency::id_of::<PaymentId>(
                    &of_line,
                    self.caller.tenant_id(),
                )))
            }
            None => Ok(PaymentId(idempotency::fresh(self.app.node.now())?)),
        }
    }

    /// Submits what was gathered and answers it; `false` when the caller has gone.
    async fn flush(&mut self) -> bool {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return true;
        }
        let (slots, answers) = match self.ask(chunk).await {
            Ok(asked) => asked,
            Err((lines, problem)) => {
                let slots = lines.into_iter().map(|line| (line, Err(problem.clone())));
                (slots.collect(), Vec::new())
            }
        };
        let mut answers = answers.into_iter();
        let mut out = Vec::with_capacity(slots.len() * 400);
        for (line, slot) in slots {
            let told = match slot {
                Err(problem) => Err(problem),
                Ok((id, new)) => match answers.next() {
                    Some(Ok(answer)) => self.told(id, &new, answer).await,
                    Some(Err(why)) => Err(submit::unanswered(why, id)),
                    None => Err(Problem::internal(&"fewer answers than commands")),
                },
            };
            let result = match told {
                Ok((status, payment)) => serde_json::to_writer(
                    &mut out,
                    &Line {
                        line,
                        status,
                        what: What::Payment(payment),
                    },
                ),
                Err(mut problem) => {
                    problem.line = Some(line);
                    let status = problem.status;
                    let line: Line<super::Payment> = Line {
                        line,
                        status,
                        what: What::Problem(problem),
                    };
                    serde_json::to_writer(&mut out, &line)
                }
            };
            if let Err(error) = result {
                tracing::error!(%error, "batch_line");
            }
            out.push(b'\n');
        }
        self.sender.send(Bytes::from(out)).await.is_ok()
    }

    /// Keeps the texts of all lines at once and submits them; what cannot be is a problem in its slot.
    async fn ask(&self, chunk: Vec<(u64, Read)>) -> Result<Asked, (Vec<u64>, Box<Problem>)> {
        let mut slots: Vec<(u64, Slot)> = Vec::with_capacity(chunk.len());
        let mut texts = Vec::with_capacity(chunk.len());
        for (line, read) in chunk {
            let slot = match read {
                Ok((id, new)) => match new
                    .op(&self.app, &self.caller, Some(id.0), Confirmed::NOTHING)
                    .await
                {
                    Ok(op) => {
                        texts.push(new.text(id));
                        Ok((id, new, Some(op)))
                    }
                    Err(problem) => Err(problem),
                },
                Err(problem) => Err(problem),
            };
            slots.push((line, slot));
        }
        let lines = || slots.iter().map(|(line, _)| *line).collect();
        let kept = texts::keep(&self.app, &self.caller, &texts).await;
        let mut kept = kept.map_err(|problem| (lines(), problem))?.into_iter();
        let (mut commands, mut flights) = (Vec::new(), Vec::new());
        for (_, slot) in &mut slots {
            let Ok((id, _, op)) = slot else { continue };
            match (kept.next(), op.take()) {
                (Some(Ok(kept)), Some(op)) => {
                    let hashes = kept.iter().map(|kept| (id.0, kept.hash)).collect();
                    commands.push(submit::command(&self.caller, id.0, op, hashes));
                    flights.push((id.0, kept));
                }
                (Some(Err(problem)), _) => *slot = Err(problem),
                (None, _) | (_, None) => {
                    *slot = Err(Problem::internal(&"fewer texts than lines"));
                }
            }
        }
        let answers: Vec<_> = match self.app.node.submit_many(commands).await {
            Ok(answers) => answers,
            Err(why) => flights.iter().map(|_| Err(why)).collect(),
        };
        for ((id, kept), answer) in flights.into_iter().zip(&answers) {
            if let Some(kept) = kept {
                texts::settle(kept, id, answer);
            }
        }
        let slots = slots
            .into_iter()
            .map(|(line, slot)| (line, slot.map(|(id, new, _)| (id, new))));
        Ok((slots.collect(), answers))
    }

    async fn told(
        &self,
        id: PaymentId,
        new: &NewPayment,
        answer: Answer,
    ) -> Outcome<(u16, super::Payment)> {
        let done = match submit::told(&self.app, &self.caller, id, answer).await {
            Ok(done) => done,
            Err(problem) => {
                let text = new.text(id);
                return Err(texts::name_field(&self.app, &self.caller, &text, problem).await);
            }
        };
        let part = done
            .event
            .part(id.0)
            .ok_or_else(|| Problem::internal(&"not this payment's answer"))?;
        let names = names_of(&done, new);
        let shown = payment(
            &part,
            done.event.at,
            done.position,
            &self.app.assets(),
            &names,
            new.details(),
        )?;
        let status = if shown.status == super::PaymentStatus::StepUp {
            202
        } else {
            201
        };
        Ok((status, shown))
    }
}
