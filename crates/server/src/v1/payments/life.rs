//! What has become of a payment since: captured, given back, called into question.

use crate::app::{App, Assets};
use crate::history;
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{CaptureId, DisputeId, PaidId, PaymentId, PublicId, RefundId};
use crate::types::{Amount, Time};
use engine::event::{Effect, Event, Paid};
use engine::records::TenantNo;
use engine::{Code, EventKind, Id, Position, UtcMillis};
use ledger::Posting;
use serde::Serialize;
use utoipa::ToSchema;

/// The most events of one payment that are read back for showing it.
const EVENTS_MAX: usize = 1_000;

/// One capture of a payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CapturePart {
    /// Its id: what a refund or a dispute names.
    pub id: CaptureId,
    /// How much.
    pub amount: Amount,
    /// The tax in it.
    pub tax: Amount,
    /// The platform's fee in it.
    pub fee: Amount,
    /// When.
    pub at: Time,
}

/// One refund of a payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundPart {
    /// Its id.
    pub id: RefundId,
    /// What was given back: the payment, or one capture of it.
    pub of: PaidId,
    /// How much.
    pub amount: Amount,
    /// When.
    pub at: Time,
}

/// One dispute of a payment that is not decided.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DisputePart {
    /// Its id.
    pub id: DisputeId,
    /// How much is held back.
    pub amount: Amount,
}

/// A capture or refund as its event has it.
#[derive(Clone, Debug)]
pub struct Step {
    pub id: Id,
    pub paid: Paid,
    pub at: UtcMillis,
    pub postings: Vec<Posting>,
}

/// What has happened to a payment.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// Its captures, in order.
    pub captures: Vec<Step>,
    /// Its refunds and its captures', in order.
    pub refunds: Vec<Step>,
    /// The open disputes of it and its captures: id and atoms.
    pub disputes: Vec<(Id, u64)>,
    /// How much of it and its captures was taken back, open disputes among it, atoms.
    pub reversed: u64,
}

/// Reads it. Without a read model nothing is known of it but sums.
///
/// # Errors
/// The node, the journal or the read model does not answer.
pub async fn life(app: &App, tenant: TenantNo, payment: Id) -> Outcome<Life> {
    let mut life = Life::default();
    let mut things = vec![payment];
    if app.node.projection().is_some() {
        read(app, tenant, &things, &mut life).await?;
        if !life.captures.is_empty() {
            things = life.captures.iter().map(|capture| capture.id).collect();
            read(app, tenant, &things, &mut life).await?;
            things.push(payment);
        }
    }
    let disputes = life.disputes.clone();
    let (open, reversed) = app
        .query(move |state| {
            let open = |(id, _): &(Id, u64)| state.disputes.contains_key(&(tenant, *id));
            let open: Vec<_> = disputes.into_iter().filter(open).collect();
            let taken = |thing: &Id| state.reversed.get(&(tenant, *thing)).copied().unwrap_or(0);
            (open, things.iter().map(taken).sum())
        })
        .await?;
    (life.disputes, life.reversed) = (open, reversed);
    Ok(life)
}

async fn read(app: &App, tenant: TenantNo, things: &[Id], life: &mut Life) -> Outcome<()> {
    let asked = things.to_vec();
    let positions = history::ask_now(app, move |model| {
        let mut positions = Vec::new();
        for thing in asked {
            positions.extend(model.events_about(tenant.0, thing.0)?);
        }
        Ok(positions)
    });
    let mut positions: Vec<Position> = positions
        .await?
        .into_iter()
        .map(|at| Position {
            seq: at.seq,
            index: at.index,
        })
        .collect();
    positions.sort_unstable_by_key(|at| (at.seq, at.index));
    positions.dedup();
    positions.truncate(EVENTS_MAX);
    let events = app
        .blocking(move |app| {
            let events = positions.into_iter().map(|at| app.node.event_at(at));
            events.collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let events = events.map_err(|error| Problem::internal(&error))?;
    for event in events.into_iter().flatten().filter(|e| e.tenant == tenant) {
        note(&event, things, life);
    }
    Ok(())
}

fn note(event: &Event, things: &[Id], life: &mut Life) {
    for part in event.parts() {
        let of_these = part.paid().filter(|paid| things.contains(&paid.of));
        let step = of_these.map(|paid| Step {
            id: part.id,
            paid: *paid,
            at: event.at,
            postings: part.postings.to_vec(),
        });
        match (part.kind, step) {
            (EventKind::Captured, Some(step)) => life.captures.push(step),
            (EventKind::Refunded, Some(step)) => life.refunds.push(step),
            (EventKind::DisputeOpened, _) => {
                let opened = part.effects.iter().find_map(|effect| match effect {
                    Effect::DisputeOpened(dispute) => Some(dispute),
                    _ => None,
                });
                let opened = opened.filter(|dispute| things.contains(&dispute.payment));
                life.disputes
                    .extend(opened.map(|dispute| (part.id, dispute.amount)));
            }
            _ => {}
        }
    }
}

impl Life {
    /// What is held back by open disputes, atoms.
    pub fn disputed(&self) -> u64 {
        self.disputes.iter().map(|(_, amount)| amount).sum()
    }

    /// What was given back, atoms.
    pub fn given_back(&self) -> u64 {
        self.reversed.saturating_sub(self.disputed())
    }

    /// What one capture took, as it is shown.
    pub fn capture_parts(&self, assets: &Assets) -> Vec<CapturePart> {
        let part = |step: &Step| {
            let asset = assets.get(step.paid.asset)?;
            Some(CapturePart {
                id: CaptureId(step.id),
                amount: Amount::of(asset, step.paid.gross),
                tax: Amount::of(asset, step.paid.tax),
                fee: Amount::of(asset, step.paid.fee),
                at: Time(step.at),
            })
        };
        self.captures.iter().filter_map(part).collect()
    }

    /// The refunds, as they are shown.
    pub fn refund_parts(&self, assets: &Assets) -> Vec<RefundPart> {
        let part = |step: &Step| {
            let asset = assets.get(step.paid.asset)?;
            let is_capture = self.captures.iter().any(|c| c.id == step.paid.of);
            Some(RefundPart {
                id: RefundId(step.id),
                of: paid_id(step.paid.of, is_capture),
                amount: Amount::of(asset, step.paid.gross),
                at: Time(step.at),
            })
        };
        self.refunds.iter().filter_map(part).collect()
    }
}

/// An id of what was paid, by what it is.
pub fn paid_id(id: Id, is_capture: bool) -> PaidId {
    if is_capture {
        PaidId::Capture(CaptureId(id))
    } else {
        PaidId::Payment(PaymentId(id))
    }
}

/// What money can be taken back from.
pub struct Taken {
    /// The payment's or the capture's id.
    pub thing: Id,
    /// The same, as the API writes it.
    pub of: PaidId,
    /// The payment it belongs to, or is.
    pub payment: PaymentId,
    /// The event that took it.
    pub event: Box<Event>,
}

/// What a refund or a dispute means: the capture it names, or the payment, or of a payment that was
/// captured once, that capture.
///
/// # Errors
/// It is not there; nothing was taken, or in several parts and none is named.
pub async fn taken(
    app: &App,
    tenant: TenantNo,
    named: PaidId,
    capture: Option<CaptureId>,
) -> Outcome<Taken> {
    let not_there =
        |what: &str| Problem::not_found("payment", format!("no such {what} in this tenant"));
    let not_that = |words: &str| Problem::of(Code::NotThatPayment, words).at("payment");
    if let (PaidId::Payment(payment), None) = (named, capture) {
        let found = lookup::event_of(app, tenant, payment.0).await?;
        let (_, event) = found.ok_or_else(|| not_there("payment"))?;
        let kind = event.part(payment.0).map(|part| part.kind);
        if kind != Some(EventKind::Authorized) {
            return taken_by(payment.0, event)
                .ok_or_else(|| not_that("this is no payment or capture that was made"));
        }
        let captures = life(app, tenant, payment.0).await?.captures;
        let [one] = captures.as_slice() else {
            let words = match captures.len() {
                0 => "nothing was captured of this payment".to_owned(),
                parts => format!(
                    "this payment was captured in {parts} parts: name one as `capture` (`GET` of the \
                     payment lists them)"
                ),
            };
            return Err(not_that(&words));
        };
        let found = lookup::event_of(app, tenant, one.id).await?;
        let taken = found.and_then(|(_, event)| taken_by(one.id, event));
        return taken.ok_or_else(|| Problem::internal(&"a capture that is not there"));
    }
    let id = capture.map_or_else(|| named.id(), |capture| capture.0);
    let found = lookup::event_of(app, tenant, id).await?;
    let taken = found.and_then(|(_, event)| taken_by(id, event));
    let taken = taken
        .filter(|taken| matches!(taken.of, PaidId::Capture(_)))
        .ok_or_else(|| not_there("capture"))?;
    let of_it = match named {
        PaidId::Payment(payment) => payment == taken.payment,
        PaidId::Capture(named) => named.0 == id,
    };
    if !of_it {
        let words = "the capture is of another payment";
        return Err(Problem::of(Code::NotThatPayment, words).at("capture"));
    }
    Ok(taken)
}

fn taken_by(thing: Id, event: Box<Event>) -> Option<Taken> {
    let part = event.part(thing)?;
    let (kind, of) = (part.kind, part.paid()?.of);
    let is_capture = kind == EventKind::Captured;
    Some(Taken {
        thing,
        of: paid_id(thing, is_capture),
        payment: PaymentId(if is_capture { of } else { thing }),
        event,
    })
}
