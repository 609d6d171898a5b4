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
use store::PaperSupply;
use store::read::{EventFilter, EventLine};

/// The most payments on one paper.
const PAYMENTS_MAX: usize = 10_000;
const PAGE: usize = 1_000;

/// What is searched for, in the history of a wallet.
pub struct Wanted {
    pub kinds: &'static [EventKind],
    pub wallet: WalletId,
    /// Only what this one paid.
    pub payer: Option<WalletId>,
    /// Only what this one was paid.
    pub payee: Option<WalletId>,
    pub asset: Option<u16>,
    pub from_ms: Option<u64>,
    pub until_ms: Option<u64>,
    /// Only what is about one of these.
    pub of: Option<BTreeSet<u128>>,
    /// What of it the paper is about.
    pub supply: PaperSupply,
}

/// What was found: a payment, a capture or a refund, with its tax.
pub struct Found {
    pub id: Id,
    pub kind: EventKind,
    pub supply: PaperSupply,
    pub taxed: Taxed,
    pub tax: TaxFacts,
    pub at: engine::UtcMillis,
    /// The party that was paid.
    pub payee: engine::ids::PartyId,
}

/// What matches, oldest first.
#[derive(Default)]
pub struct Gathered {
    /// What stands on no paper yet.
    pub free: Vec<Found>,
    /// What stands on one. Read of refunds only: a credit note goes on from it.
    pub papered: Vec<Found>,
}

/// What matches, as the read model has it when it has seen everything durable.
///
/// # Errors
/// There is more than a paper takes; the read model, the store or the journal does not answer.
pub async fn gather(app: &App, caller: &Caller, wanted: Wanted) -> Outcome<Gathered> {
    let tenant = caller.tenant.0;
    let supply = wanted.supply;
    let is_credit = wanted.of.is_some();
    let filter = EventFilter {
        kinds: wanted.kinds.iter().map(|kind| number(*kind)).collect(),
        wallet: Some(wanted.wallet.0.0),
        asset: wanted.asset,
        from_ms: wanted.from_ms,
        until_ms: wanted.until_ms,
        ..EventFilter::default()
    };
    let is_wanted = move |line: &EventLine| {
        let is = |wanted: Option<WalletId>, found: Option<u128>| {
            wanted.is_none_or(|wanted| found == Some(wanted.0.0))
        };
        let of = wanted.of.as_ref();
        let of = of.is_none_or(|of| line.of.is_some_and(|thing| of.contains(&thing)));
        is(wanted.payer, line.payer) && is(wanted.payee, line.payee) && of
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
    let sorted = app.blocking(move |app| {
        let (mut free, mut papered) = (Vec::new(), Vec::new());
        for line in lines {
            let id = line.id.unwrap_or_default();
            let position = Position {
                seq: line.position.seq,
                index: line.position.index,
            };
            match app.store.paper_of(tenant, id, supply)? {
                None => free.push((Id(id), position)),
                Some(_) if is_credit => papered.push((Id(id), position)),
                Some(_) => {}
            }
        }
        Ok((free, papered))
    });
    let (free, papered) = sorted
        .await?
        .map_err(|error: store::Error| Problem::store(&error))?;
    let mut gathered = Gathered {
        free: read(app, caller, free, supply).await?,
        papered: read(app, caller, papered, supply).await?,
    };
    // Without a fee in it there is nothing to invoice, nor to credit.
    let has_any = |found: &Found| found.taxed.split(supply) != (0, 0);
    gathered.free.retain(has_any);
    Ok(gathered)
}

/// These, whether or not they stand on a paper.
///
/// # Errors
/// The journal or the read model does not answer.
pub async fn read(
    app: &App,
    caller: &Caller,
    places: Vec<(Id, Position)>,
    supply: PaperSupply,
) -> Outcome<Vec<Found>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = caller.tenant;
    let read = app.blocking(move |app| {
        let mut read = Vec::with_capacity(places.len());
        for (id, position) in places {
            let event = app
                .node
                .event_at(position)
                .map_err(|e| Problem::internal(&e))?;
            let event = event.filter(|event| event.tenant == tenant);
            let found = event.as_ref().and_then(|event| {
                let part = event.part(id)?;
                Some((id, part.kind, Taxed::of(&part)?, event.at))
            });
            let gone = &"the history names what the journal has not";
            read.push(found.ok_or_else(|| Problem::internal(gone))?);
        }
        Ok::<_, Box<Problem>>(read)
    });
    let read = read.await??;
    // A paper is of what its payee sold alone.
    let sold = app.query(move |state| {
        let sold = read.into_iter().map(|(id, kind, taxed, at)| {
            let seller = state.wallet(taxed.paid.payee).party;
            let payee = state.party_id(seller);
            (id, kind, taxed.sold_by(seller), at, payee)
        });
        sold.collect::<Vec<_>>()
    });
    let sold = sold.await?;
    let taxed: Vec<Taxed> = sold.iter().map(|(_, _, taxed, ..)| taxed.clone()).collect();
    let taxes = tax_of(app, tenant, &taxed, supply).await?;
    let found = sold.into_iter().zip(taxes);
    let found = found.map(|((id, kind, taxed, at, payee), tax)| Found {
        id,
        kind,
        supply,
        taxed,
        tax,
        at,
        payee,
    });
    Ok(found.collect())
}

impl Found {
    /// As a paper's supply.
    ///
    /// # Errors
    /// Its time is beyond what a paper can say.
    pub fn supply(&self, product: &str) -> Outcome<Supply> {
        let (net, tax) = self.taxed.split(self.supply);
        Ok(Supply {
            payment: written(self.kind, self.id),
            date: day(self.at)?,
            product: product.to_owned(),
            category: self.tax.category.to_owned(),
            quantity: 1,
            net: Atoms(net),
            tax: Atoms(tax),
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
