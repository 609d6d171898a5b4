//! The payments, and what was given back of them, that a paper is about: from the read model and the
//! journal. Of a payment to several each seller's share is found by itself.

use crate::app::App;
use crate::codes;
use crate::extract::Caller;
use crate::history;
use crate::lookup;
use crate::papers::{Given, TaxFacts, Taxed, day, tax_of};
use crate::problem::{Outcome, Problem};
use crate::types::ids::{WalletId, written};
use crate::v1::events::number;
use ::papers::facts::Supply;
use engine::event::Event;
use engine::ids::PartyId;
use engine::{EventKind, Id, Position, State, UtcMillis};
use money::{Asset, Atoms};
use std::collections::{BTreeMap, BTreeSet};
use store::read::{EventFilter, EventLine};
use store::{Covered, PaperSupply};

/// The most payments on one paper.
const PAYMENTS_MAX: usize = 10_000;
const PAGE: usize = 1_000;
/// Payments that the writer's thread is asked about at a time.
const ASKED_AT_ONCE: usize = 500;

/// Which payments are searched for, in the history of a wallet.
pub struct Wanted {
    pub wallet: WalletId,
    /// Only what this one paid.
    pub payer: Option<WalletId>,
    /// Only what this one was paid; of payments to several, its party's shares.
    pub payee: Option<WalletId>,
    pub asset: u16,
    pub from_ms: u64,
    pub until_ms: u64,
    /// What of it the paper is about.
    pub supply: PaperSupply,
}

/// What one seller supplied in a payment or capture, or what of it was given back.
pub struct Found {
    pub id: Id,
    pub kind: EventKind,
    pub supply: PaperSupply,
    pub taxed: Taxed,
    pub tax: TaxFacts,
    pub at: UtcMillis,
    /// The party that was paid.
    pub payee: PartyId,
}

/// What was given back, oldest first.
pub struct GivenBack {
    /// What stands on no paper yet.
    pub free: Vec<Found>,
    /// What stands on one: a credit note goes on from it.
    pub papered: Vec<Found>,
}

/// The payments and captures that match and stand on no paper yet, oldest first, as the read model has
/// them when it has seen everything durable.
///
/// # Errors
/// There is more than a paper takes; the read model, the store or the journal does not answer.
pub async fn gather(app: &App, caller: &Caller, wanted: Wanted) -> Outcome<Vec<Found>> {
    let tenant = caller.tenant.0;
    let supply = wanted.supply;
    let kinds = [EventKind::Paid, EventKind::Captured, EventKind::Split];
    let filter = EventFilter {
        kinds: kinds.map(number).to_vec(),
        wallet: Some(wanted.wallet.0.0),
        asset: Some(wanted.asset),
        from_ms: Some(wanted.from_ms),
        until_ms: Some(wanted.until_ms),
        ..EventFilter::default()
    };
    let is_wanted = move |line: &EventLine| {
        let is = |wanted: Option<WalletId>, found: Option<u128>| {
            wanted.is_none_or(|wanted| found == Some(wanted.0.0))
        };
        // Of several payees the line names the first.
        let to_many = line.kind == number(EventKind::Split);
        is(wanted.payer, line.payer) && (to_many || is(wanted.payee, line.payee))
    };
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
    let lines = history::ask_now(app, search).await?;
    check_size(lines.len(), "until")?;
    let place = |line: &EventLine| (Id(line.id.unwrap_or_default()), at(line.position));
    let places = lines.iter().rev().map(place).collect();
    let mut found = read(app, caller, places, supply).await?;
    if let Some(payee) = wanted.payee {
        let tenant = caller.tenant;
        let party = app.query(move |state| {
            let no = state.wallet_no(tenant, engine::ids::WalletId(payee.0))?;
            Some(state.party_id(state.wallet(no).party))
        });
        let party = party.await?;
        found.retain(|found| Some(found.payee) == party);
    }
    Ok(sort(app, caller, found).await?.free)
}

/// What was given back of what stands on a paper: by refunds, and by disputes that were lost.
///
/// # Errors
/// As [`gather`].
pub async fn given_back(
    app: &App,
    caller: &Caller,
    covers: &[Covered],
    supply: PaperSupply,
) -> Outcome<GivenBack> {
    let tenant = caller.tenant.0;
    let things: BTreeSet<u128> = covers.iter().map(|covered| covered.thing).collect();
    let search = move |model: &store::read::ReadModel| {
        let mut found = Vec::new();
        for thing in things {
            for line in model.later(tenant, thing)? {
                let since = if line.kind == number(EventKind::Refunded) {
                    Some(line.at_ms)
                } else if line.kind == number(EventKind::DisputeOpened) {
                    // What is held back was given back when it was lost.
                    let later = model.later(tenant, line.id.unwrap_or_default())?;
                    let lost = number(EventKind::DisputeLost);
                    let lost = later.into_iter().find(|line| line.kind == lost);
                    lost.map(|line| line.at_ms)
                } else {
                    None
                };
                let id = Id(line.id.unwrap_or_default());
                found.extend(since.map(|since| (since, id, at(line.position))));
            }
        }
        found.sort_by_key(|(since, _, position)| (*since, position.seq, position.index));
        Ok(found)
    };
    let lines = history::ask_now(app, search).await?;
    check_size(lines.len(), "invoice")?;
    let places = lines.iter().map(|(_, id, place)| (*id, *place)).collect();
    let mut found = read(app, caller, places, supply).await?;
    let since: BTreeMap<Id, u64> = lines.iter().map(|(since, id, _)| (*id, *since)).collect();
    for one in &mut found {
        one.at = since.get(&one.id).map_or(one.at, |since| UtcMillis(*since));
    }
    as_paid(app, caller, &mut found, supply).await?;
    let covers: BTreeSet<&Covered> = covers.iter().collect();
    found.retain(|one| {
        let thing = one.taxed.paid.of.0;
        covers.contains(&Covered::whole(thing)) || covers.contains(&one.share_of(thing))
    });
    sort(app, caller, found).await
}

/// What was given back bears the tax of its payment, whatever the terms say by now; and where no tax
/// rules shared it out, the sellers of a payment to several bear it by nested shares, so that all of
/// it comes to what each had.
async fn as_paid(
    app: &App,
    caller: &Caller,
    found: &mut [Found],
    supply: PaperSupply,
) -> Outcome<()> {
    let of: BTreeSet<Id> = found.iter().map(|one| one.taxed.paid.of).collect();
    let places = lookup::positions_of(app, caller.tenant, of.into_iter().collect()).await?;
    let gone = || Problem::internal(&"an invoice of a payment that is not in the history");
    let there = |(id, at): (Id, Option<_>)| Ok((id, at.ok_or_else(gone)?));
    let places = places.into_iter().map(there).collect::<Outcome<Vec<_>>>()?;
    let payments = read(app, caller, places, supply).await?;
    let mut paid: BTreeMap<Id, (Vec<&Taxed>, Given)> = BTreeMap::new();
    let mut taxes = BTreeMap::new();
    for one in &payments {
        paid.entry(one.id).or_default().0.push(&one.taxed);
        taxes.insert((one.id, one.taxed.seller, one.taxed.case), &one.tax);
    }
    for back in found.chunk_by_mut(|one, next| one.id == next.id) {
        for one in &mut *back {
            let key = (one.taxed.paid.of, one.taxed.seller, one.taxed.case);
            if let Some(tax) = taxes.get(&key) {
                one.tax = (*tax).clone();
            }
        }
        let of = back
            .first()
            .and_then(|one| paid.get_mut(&one.taxed.paid.of));
        if let Some((paid, given)) = of {
            let mut back: Vec<&mut Taxed> = back.iter_mut().map(|one| &mut one.taxed).collect();
            given.share(paid, &mut back);
        }
    }
    Ok(())
}

fn at(position: store::read::Position) -> Position {
    Position {
        seq: position.seq,
        index: position.index,
    }
}

fn check_size(lines: usize, field: &'static str) -> Outcome<()> {
    if lines > PAYMENTS_MAX {
        let words = format!("a paper sums {PAYMENTS_MAX} payments at most");
        return Err(Problem::new(codes::PAPER_TOO_LARGE, words).at(field));
    }
    Ok(())
}

/// By whether it stands on a paper.
async fn sort(app: &App, caller: &Caller, found: Vec<Found>) -> Outcome<GivenBack> {
    let tenant = caller.tenant_id();
    let sorted = app.blocking(move |app| {
        let (mut free, mut papered) = (Vec::new(), Vec::new());
        for one in found {
            match app.store.paper_of(tenant, one.covered(), one.supply)? {
                // Without a fee in it there is nothing to invoice, nor to credit.
                None if one.taxed.split(one.supply) == (0, 0) => {}
                None => free.push(one),
                Some(_) => papered.push(one),
            }
        }
        Ok(GivenBack { free, papered })
    });
    sorted
        .await?
        .map_err(|error: store::Error| Problem::store(&error))
}

/// These, whether or not they stand on a paper: each seller's share of each.
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
        let mut read: Vec<Event> = Vec::with_capacity(places.len());
        for (id, position) in places {
            let event = app.node.event_at(position);
            let event = event.map_err(|error| Problem::internal(&error))?;
            let item = event.filter(|event| event.tenant == tenant);
            let item = item.and_then(|event| event.only(id));
            let gone = &"the history names what the journal has not";
            read.push(item.ok_or_else(|| Problem::internal(gone))?);
        }
        Ok::<_, Box<Problem>>(read)
    });
    let mut left = read.await??;
    let mut sold = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let rest = left.split_off(left.len().min(ASKED_AT_ONCE));
        let items = std::mem::replace(&mut left, rest);
        sold.extend(app.query(move |state| supplies(state, &items)).await?);
    }
    let taxed: Vec<Taxed> = sold.iter().map(|(.., taxed)| taxed.clone()).collect();
    let taxes = tax_of(app, tenant, &taxed, supply).await?;
    let found = sold.into_iter().zip(taxes);
    let found = found.map(|((id, kind, at, payee, taxed), tax)| Found {
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

/// What each item supplied, and whose.
fn supplies(state: &State, items: &[Event]) -> Vec<(Id, EventKind, UtcMillis, PartyId, Taxed)> {
    let of_item = |item: &Event| {
        let taxed: Vec<Taxed> = item
            .parts()
            .flat_map(|part| Taxed::all(state, &part))
            .collect();
        let (id, kind, at) = (item.id, item.kind, item.at);
        let known = |taxed: Taxed| (id, kind, at, state.party_id(taxed.seller), taxed);
        taxed.into_iter().map(known).collect::<Vec<_>>()
    };
    items.iter().flat_map(of_item).collect()
}

impl Found {
    /// What of it stands on a paper.
    pub fn covered(&self) -> Covered {
        match self.taxed.is_share {
            true => self.share_of(self.id.0),
            false => Covered::whole(self.id.0),
        }
    }

    fn share_of(&self, thing: u128) -> Covered {
        Covered {
            thing,
            seller: self.payee.0.0,
            case: self.taxed.case,
        }
    }

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
