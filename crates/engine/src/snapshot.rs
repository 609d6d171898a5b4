//! State as bytes, in one canonical order: a snapshot, and the digest that two nodes compare.

use crate::code::Code;
use crate::event::Hash;
use crate::hash::HashKey;
use crate::ids::Id;
use crate::recents::{Position, Recents, Window};
use crate::records::{
    Correction, Dispute, Hold, Key, Mandate, Party, PartyNo, Pending, Tenant, TopUp, Wallet,
    Withdrawal,
};
use crate::state::{State, Timer};
use crate::time::UtcMillis;
use ledger::Book;
use money::Asset;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The snapshot format this code writes.
const VERSION: u16 = 1;

/// Why bytes are not a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// Another version wrote it.
    #[error(
        "the snapshot has version {0}, which this version does not read; the journal is replayed instead"
    )]
    Version(u16),
    /// The bytes do not decode.
    #[error("the snapshot does not decode")]
    Damaged,
}

#[derive(Serialize, Deserialize)]
struct Content<'s> {
    version: u16,
    now: UtcMillis,
    opened: bool,
    assets: Cow<'s, [Asset]>,
    tenants: Cow<'s, [Tenant]>,
    parties: Cow<'s, [Party]>,
    wallets: Cow<'s, [Wallet]>,
    book: Cow<'s, Book>,
    window: Window,
    recents: Vec<(u32, Id, UtcMillis, Position)>,
    holds: Cow<'s, BTreeMap<Key, Hold>>,
    mandates: Cow<'s, BTreeMap<Key, Mandate>>,
    topups: Cow<'s, BTreeMap<Key, TopUp>>,
    withdrawals: Cow<'s, BTreeMap<Key, Withdrawal>>,
    pending: Cow<'s, BTreeMap<Key, Pending>>,
    disputes: Cow<'s, BTreeMap<Key, Dispute>>,
    corrections: Cow<'s, BTreeMap<Key, Correction>>,
    reversed: Cow<'s, BTreeMap<Key, u64>>,
    timers: Cow<'s, BTreeSet<Timer>>,
    refusals: Cow<'s, BTreeMap<(PartyNo, Code), u32>>,
    refusals_second: u64,
}

/// The state's bytes.
#[must_use]
pub fn encode(state: &State) -> Vec<u8> {
    let content = Content {
        version: VERSION,
        now: state.now,
        opened: state.opened,
        assets: Cow::Borrowed(&state.assets),
        tenants: Cow::Borrowed(&state.tenants),
        parties: Cow::Borrowed(&state.parties),
        wallets: Cow::Borrowed(&state.wallets),
        book: Cow::Borrowed(&state.book),
        window: state.recents.window(),
        recents: state.recents.entries(),
        holds: Cow::Borrowed(&state.holds),
        mandates: Cow::Borrowed(&state.mandates),
        topups: Cow::Borrowed(&state.topups),
        withdrawals: Cow::Borrowed(&state.withdrawals),
        pending: Cow::Borrowed(&state.pending),
        disputes: Cow::Borrowed(&state.disputes),
        corrections: Cow::Borrowed(&state.corrections),
        reversed: Cow::Borrowed(&state.reversed),
        timers: Cow::Borrowed(&state.timers),
        refusals: Cow::Borrowed(&state.refusals),
        refusals_second: state.refusals_second,
    };
    postcard::to_allocvec(&content).expect("serializing into memory does not fail")
}

/// The state's digest: two nodes that applied the same events have the same one.
#[must_use]
pub fn digest(state: &State) -> Hash {
    *blake3::hash(&encode(state)).as_bytes()
}

/// The state of these bytes. `random` keys this process's tables and nothing else.
///
/// # Errors
/// [`SnapshotError`]: then the journal is replayed from an older snapshot or its start.
pub fn decode(bytes: &[u8], random: u128) -> Result<State, SnapshotError> {
    let version = postcard::take_from_bytes::<u16>(bytes)
        .map_err(|_| SnapshotError::Damaged)?
        .0;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let c: Content<'_> = postcard::from_bytes(bytes).map_err(|_| SnapshotError::Damaged)?;
    let mut state = State::new(random);
    let key = HashKey::new(random);
    state.now = c.now;
    state.opened = c.opened;
    state.assets = c.assets.into_owned();
    state.tenants = c.tenants.into_owned();
    state.book = c.book.into_owned();
    for party in c.parties.into_owned() {
        state.add_party(party);
    }
    for wallet in c.wallets.into_owned() {
        state.add_wallet(wallet);
    }
    state.recents = Recents::new(c.window, key);
    for (tenant, id, arrived, position) in c.recents {
        state.recents.put(tenant, id, arrived, position);
    }
    state.holds = c.holds.into_owned();
    state.mandates = c.mandates.into_owned();
    state.topups = c.topups.into_owned();
    state.withdrawals = c.withdrawals.into_owned();
    state.pending = c.pending.into_owned();
    state.disputes = c.disputes.into_owned();
    state.corrections = c.corrections.into_owned();
    state.reversed = c.reversed.into_owned();
    state.timers = c.timers.into_owned();
    state.refusals = c.refusals.into_owned();
    state.refusals_second = c.refusals_second;
    Ok(state)
}
