//! The payments and refunds that a paper is about, from the read model and the journal.

use crate::app::App;
use crate::codes;
use crate::extract::Caller;
use crate::history;
use crate::papers::{TaxFacts, Taxed, day, tax_of};
use crate::problem::{Outcome, Problem};
use crate::types::ids::{WalletId, written};
use crate::v1::events::number;
use ::papers::facts::Supply;
use engine::{EventKind, Id, Position};
use money::{Asset, Atoms};
use std::collections::BTreeSet;
use store::read::{EventFilter, EventLine};

/// The most payments on one paper.
const PAYMENTS_MAX: usize = 10_000;
const PAGE: usize = 1_000;

/// What is searched for.
pub struct Wanted {
    pub kinds: &'static [EventKind],
    pub payer: WalletId,
    pub payee: Option<WalletId>,
    pub asset: Option<u16>,
    pub from_ms: Option<u64>,
    pub until_ms: Option<u64>,
    /// Only what is about one of these.
    pub of: Option<BTreeSet<u128>>,
}

/// What was found: a payment, a capture or a refund, with its tax.
pub struct Found {
    pub id: Id,
    pub kind: EventKind,
    pub taxed: Taxed,
    pub tax: TaxFacts,
    pub at: engine::UtcMillis,
}

/// What matches and stands on no paper yet, oldest first, as the read model has it when it has seen
/// everything durable.
///
/// # Errors
/// There is more than a paper takes; the read model, the store or the journal does not answer.
pub async fn unpapered(app: &App, caller: &Caller, wanted: Wanted) -> Outcome<Vec<Found>> {
    let tenant = caller.tenant.0;
    let filter = EventFilter {
        kinds: wanted.kinds.iter().map(|kind| number(*kind)).collect(),
        wallet: Some(wanted.payer.0.0),
        asset: wanted.asset,
        from_ms: wanted.from_ms,
        until_ms: wanted.until_ms,
        ..EventFilter::default()
    };
    let is_wanted = move |line: &EventLine| {
        let payee = wanted
            .payee
            .is_none_or(|payee| line.payee == Some(payee.0.0));
        let is_paid = line.payer == Some(wanted.payer.0.0) || wanted.payee.is_none();
        let of = wanted.of.as_ref();
        let of = of.is_none_or(|of| line.of.is_some_and(|thing| of.contains(&thing)));
        payee && is_paid && of
    };
    let durable = app.node.stats().durable_seq;
    let search = move |model: &store::read::ReadModel| {
        let (mut lines, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = model.events(tenant, &filter, cursor.as_deref(), PAGE)?;
            lines.extend(page.items.into_iter().filter(&is_wanted));
            cursor = page.next;
            if cursor.is_none() || lines.len() > PAYMENTS_MAX {
                return Ok(lines);
            }
        }
    };
    let (mut lines, _) = history::ask(app, Some(durable), search).await?;
    if lines.len() > PAYMENTS_MAX {
        let words = format!("a paper sums {PAYMENTS_MAX} payments at most");
        return Err(Problem::new(codes::PAPER_TOO_LARGE, words).at("until"));
    }
    lines.reverse();
    let tenant = caller.tenant_id();
    let free = app.blocking(move |app| {
        let mut free = Vec::new();
        for line in lines {
            let id = line.id.unwrap_or_default();
            if app.store.paper_of(tenant, id)?.is_none() {
                free.push((
                    Id(id),
                    Position {
                        seq: line.position.seq,
                        index: line.position.index,
                    },
                ));
            }
        }
        Ok(free)
    });
    let free = free
        .await?
        .map_err(|error: store::Error| Problem::store(&error))?;
    read(app, caller, free).await
}

/// These, whether or not they stand on a paper.
///
/// # Errors
/// The journal or the read model does not answer.
pub async fn read(app: &App, caller: &Caller, places: Vec<(Id, Position)>) -> Outcome<Vec<Found>> {
    let tenant = caller.tenant;
    let read = app.blocking(move |app| {
        let mut read = Vec::with_capacity(places.len());
        for (id, position) in places {
            let event = app
                .node
                .event_at(position)
                .map_err(|e| Problem::internal(&e))?;
            let event = event.filter(|event| event.tenant == tenant);
            let Some(part) = event.as_ref().and_then(|event| event.part(id)) else {
                return Err(Problem::internal(
                    &"the history names what the journal has not",
                ));
            };
            let Some(paid) = part.paid() else { continue };
            let taxed = Taxed {
                paid: *paid,
                postings: part.postings.to_vec(),
            };
            let at = event
                .as_ref()
                .map_or(engine::UtcMillis(0), |event| event.at);
            read.push((id, part.kind, taxed, at));
        }
        Ok(read)
    });
    let read = read.await??;
    let taxed: Vec<Taxed> = read.iter().map(|(_, _, taxed, _)| taxed.clone()).collect();
    let taxes = tax_of(app, tenant, &taxed).await?;
    let found = read.into_iter().zip(taxes);
    let found = found.map(|((id, kind, taxed, at), tax)| Found {
        id,
        kind,
        taxed,
        tax,
        at,
    });
    Ok(found.collect())
}

impl Found {
    /// As a paper's supply.
    ///
    /// # Errors
    /// Its time is beyond what a paper can say.
    pub fn supply(&self, product: &str) -> Outcome<Supply> {
        let paid = &self.taxed.paid;
        Ok(Supply {
            payment: written(self.kind, self.id),
            date: day(self.at)?,
            product: product.to_owned(),
            category: self.tax.category.to_owned(),
            quantity: 1,
            net: Atoms(paid.gross.saturating_sub(paid.tax)),
            tax: Atoms(paid.tax),
            rate: self.tax.rate,
            treatment: self.tax.treatment,
            reason: self.tax.reason.clone(),
        })
    }
}

/// The asset that all of them are in.
///
/// # Errors
/// There are none; the node does not answer.
pub async fn asset_of(app: &App, found: &[Found]) -> Outcome<Asset> {
    let first = found.first().map(|found| found.taxed.paid.asset);
    let first = first.ok_or_else(|| crate::papers::refused(&::papers::PaperError::Empty))?;
    app.asset_of(first).await
}
