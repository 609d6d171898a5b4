//! Finding what happened under an id, and the names behind an event's numbers.

use crate::app::App;
use crate::history;
use crate::problem::{Outcome, Problem};
use crate::types::ids::WalletId;
use engine::event::{Effect, Event};
use engine::recents::Seen;
use engine::records::{TenantNo, WalletNo};
use engine::{Id, Position, State};
use std::collections::BTreeMap;

/// Ids that the writer's thread is asked about at a time.
const ASKED_AT_ONCE: usize = 500;

/// Where an id was answered, as far as the state remembers.
pub fn recent(state: &State, tenant: TenantNo, id: Id) -> Option<Position> {
    let hash = state.recents.hash(tenant.0, id);
    match state.recents.seen(tenant.0, id, hash, state.now) {
        Seen::At(position) => Some(position),
        _ => None,
    }
}

/// The event of an id of this tenant: of the recent ones, or of history.
///
/// # Errors
/// The node or the journal does not answer.
pub async fn event_of(
    app: &App,
    tenant: TenantNo,
    id: Id,
) -> Outcome<Option<(Position, Box<Event>)>> {
    let Some(position) = position_of(app, tenant, id).await? else {
        return Ok(None);
    };
    let event = event_at(app, tenant, position).await?;
    Ok(event.map(|event| (position, event)))
}

/// Where an id was answered.
///
/// # Errors
/// The node does not answer.
pub async fn position_of(app: &App, tenant: TenantNo, id: Id) -> Outcome<Option<Position>> {
    match app.query(move |state| recent(state, tenant, id)).await? {
        Some(position) => Ok(Some(position)),
        None => history::position_of(app, tenant, id).await,
    }
}

/// Where each of many ids was answered, in their order.
///
/// # Errors
/// The node or the read model does not answer.
pub async fn positions_of(
    app: &App,
    tenant: TenantNo,
    ids: Vec<Id>,
) -> Outcome<Vec<(Id, Option<Position>)>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(ASKED_AT_ONCE) {
        let ids = ids.to_vec();
        let asked = app.query(move |state| {
            let recent = |id: Id| (id, recent(state, tenant, id));
            ids.into_iter().map(recent).collect::<Vec<_>>()
        });
        found.extend(asked.await?);
    }
    history::positions_of(app, tenant, found).await
}

/// The event there, if it is this tenant's.
///
/// # Errors
/// The journal does not answer.
pub async fn event_at(
    app: &App,
    tenant: TenantNo,
    position: Position,
) -> Outcome<Option<Box<Event>>> {
    let event = app.blocking(move |app| app.node.event_at(position)).await?;
    let event = event.map_err(|error| Problem::internal(&error))?;
    Ok(event.filter(|event| event.tenant == tenant).map(Box::new))
}

/// The public ids of an event's wallets.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeMap<WalletNo, WalletId>);

impl Names {
    /// Those of two wallets that the caller has named.
    pub fn pair(payer: (WalletNo, WalletId), payee: (WalletNo, WalletId)) -> Names {
        Names(BTreeMap::from([payer, payee]))
    }

    /// Those of some wallets.
    pub fn of(state: &State, wallets: impl IntoIterator<Item = WalletNo>) -> Names {
        let there = |no: WalletNo| {
            state
                .wallets
                .get(no.0 as usize)
                .map(|w| (no, WalletId(w.id.0)))
        };
        Names(wallets.into_iter().filter_map(there).collect())
    }

    /// The id of a wallet.
    pub fn get(&self, no: WalletNo) -> Option<WalletId> {
        self.0.get(&no).copied()
    }
}

/// The wallets an event names.
pub fn wallets_of(effects: &[Effect]) -> Vec<WalletNo> {
    let mut found = Vec::new();
    for effect in effects {
        match effect {
            Effect::Paid(paid) => found.extend([paid.payer, paid.payee]),
            Effect::HoldOpened(hold) => found.extend([hold.payer, hold.payee]),
            Effect::Refused(refused) => found.extend([refused.wallet, refused.payee]),
            Effect::TopUpOpened(topup) => found.push(topup.wallet),
            Effect::WithdrawalOpened(withdrawal) => found.push(withdrawal.wallet),
            Effect::MandateGranted(mandate) => {
                found.push(mandate.payer);
                found.extend(&mandate.payees);
            }
            _ => {}
        }
    }
    found.retain(|no| *no != WalletNo::NONE);
    found
}
