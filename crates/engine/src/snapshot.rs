//! State as bytes, in one canonical order: a snapshot, and the digest that two nodes compare.
//!
//! What is few comes first, as one piece; then, record by record, what is many: parties, wallets,
//! accounts, counters, meters, recent ids. So neither writing nor reading holds a second copy of the state.
//! Identity of the bytes is identity of the state: nothing here depends on this process's hash key.

use crate::code::Code;
use crate::event::Hash;
use crate::hash::HashKey;
use crate::ids::{Id, PartyId};
use crate::law::{Counts, Proposal};
use crate::plans::{PlanRecord, Subscription};
use crate::prices::PriceRecord;
use crate::recents::{Position, Recents, SliceHead, Window};
use crate::records::{
    Correction, Dispute, Hold, Key, Mandate, Party, PartyNo, Pending, PlanNo, PriceNo, Tenant,
    TenantNo, TopUp, Wallet, WalletNo, Withdrawal,
};
use crate::state::{State, Timer};
use crate::taxes::{Case, Taxpayer};
use crate::time::UtcMillis;
use ledger::{Account, AssetNo};
use money::Asset;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The snapshot format this code writes and reads. Any change of a record of State counts it up: an
/// older snapshot is then skipped and the journal replayed, and digests of another version are not
/// compared.
pub const VERSION: u16 = 11;

/// About how many bytes are handed over at a time.
const CHUNK: usize = 1 << 16;

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

/// What is few, and how many there are of what is many.
#[derive(Serialize, Deserialize)]
struct Head<'s> {
    now: UtcMillis,
    opened: bool,
    assets: Cow<'s, [Asset]>,
    tenants: Cow<'s, [Tenant]>,
    window: Window,
    holds: Cow<'s, BTreeMap<Key, Hold>>,
    mandates: Cow<'s, BTreeMap<Key, Mandate>>,
    topups: Cow<'s, BTreeMap<Key, TopUp>>,
    withdrawals: Cow<'s, BTreeMap<Key, Withdrawal>>,
    pending: Cow<'s, BTreeMap<Key, Pending>>,
    disputes: Cow<'s, BTreeMap<Key, Dispute>>,
    corrections: Cow<'s, BTreeMap<Key, Correction>>,
    proposals: Cow<'s, BTreeMap<Key, Proposal>>,
    loaded: Cow<'s, BTreeMap<(WalletNo, AssetNo), u64>>,
    piloted: Cow<'s, BTreeSet<PartyNo>>,
    reversed: Cow<'s, BTreeMap<Key, u64>>,
    timers: Cow<'s, BTreeSet<Timer>>,
    refusals: Cow<'s, BTreeMap<(TenantNo, PartyNo, Code), u32>>,
    refusals_second: u64,
    cases: Cow<'s, [Case]>,
    taxpayers: Cow<'s, [Taxpayer]>,
    suppliers: Cow<'s, [tax::Supplier]>,
    prices: Cow<'s, [PriceRecord]>,
    plans: Cow<'s, [PlanRecord]>,
    subscriptions: Cow<'s, BTreeMap<Key, Subscription>>,
    trials: Cow<'s, BTreeSet<(PartyNo, PlanNo)>>,
    parties: usize,
    wallets: usize,
    accounts: usize,
    counts: usize,
    meters: usize,
    /// Of each slice of recent ids: by the ids' own time, its number, its length.
    slices: Vec<(bool, u64, u32)>,
    /// Ids of an earlier time, or an earlier arrival, may be forgotten.
    forgotten_before: (u64, u64),
}

/// Hands the state's bytes over in order, some tens of kilobytes at a time.
pub fn encode_to(state: &State, sink: impl FnMut(&[u8])) {
    let head = Head {
        now: state.now,
        opened: state.opened,
        assets: Cow::Borrowed(&state.assets),
        tenants: Cow::Borrowed(&state.tenants),
        window: state.recents.window(),
        holds: Cow::Borrowed(&state.holds),
        mandates: Cow::Borrowed(&state.mandates),
        topups: Cow::Borrowed(&state.topups),
        withdrawals: Cow::Borrowed(&state.withdrawals),
        pending: Cow::Borrowed(&state.pending),
        disputes: Cow::Borrowed(&state.disputes),
        corrections: Cow::Borrowed(&state.corrections),
        proposals: Cow::Borrowed(&state.proposals),
        loaded: Cow::Borrowed(&state.loaded),
        piloted: Cow::Borrowed(&state.piloted),
        reversed: Cow::Borrowed(&state.reversed),
        timers: Cow::Borrowed(&state.timers),
        refusals: Cow::Borrowed(&state.refusals),
        refusals_second: state.refusals_second,
        cases: Cow::Borrowed(&state.cases),
        taxpayers: Cow::Borrowed(&state.taxpayers),
        suppliers: Cow::Borrowed(&state.suppliers),
        prices: Cow::Borrowed(&state.prices),
        plans: Cow::Borrowed(&state.plans),
        subscriptions: Cow::Borrowed(&state.subscriptions),
        trials: Cow::Borrowed(&state.trials),
        parties: state.parties.len(),
        wallets: state.wallets.len(),
        accounts: state.book.len(),
        counts: state.counts.len(),
        meters: state.meters.len(),
        slices: state
            .recents
            .slices()
            .map(|s| (s.timed, s.number, s.entries))
            .collect(),
        forgotten_before: state.recents.forgotten_before(),
    };
    let mut writer = Writer {
        chunk: postcard::to_allocvec(&(VERSION, head)).expect("memory takes any record"),
        sink,
    };
    for party in state.party_ids.iter().zip(&state.parties) {
        writer.record(&party);
    }
    for wallet in &state.wallets {
        writer.record(wallet);
    }
    for (_, account) in state.book.iter() {
        writer.record(account);
    }
    for counts in &state.counts {
        let bytes = postcard::to_allocvec(counts).expect("memory takes any record");
        writer.bytes(&bytes);
    }
    for meter in &state.meters {
        writer.record(&meter);
    }
    for (tenant, id, _, position) in state.recents.entries() {
        writer.bytes(&recent_to_bytes(tenant, id, position));
    }
    writer.flush();
}

/// The state's bytes.
#[must_use]
pub fn encode(state: &State) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_to(state, |chunk| bytes.extend_from_slice(chunk));
    bytes
}

/// The state's digest: two nodes that applied the same events have the same one.
#[must_use]
pub fn digest(state: &State) -> Hash {
    encode_with_digest(state, |_| {})
}

/// [`encode_to`], returning the digest of what was handed over.
pub fn encode_with_digest(state: &State, mut sink: impl FnMut(&[u8])) -> Hash {
    let mut hasher = blake3::Hasher::new();
    encode_to(state, |chunk| {
        hasher.update(chunk);
        sink(chunk);
    });
    *hasher.finalize().as_bytes()
}

/// The state of these bytes. `random` keys this process's tables and nothing else.
///
/// # Errors
/// [`SnapshotError`]: then the journal is replayed from an older snapshot or its start.
pub fn decode(bytes: &[u8], random: u128) -> Result<State, SnapshotError> {
    let mut reader = Reader(bytes);
    let version = reader.record::<u16>()?;
    if version != VERSION {
        return Err(SnapshotError::Version(version));
    }
    let head: Head<'_> = reader.record()?;
    // Every record has at least a byte: what claims more is damaged, before room is made for it.
    if [
        head.parties,
        head.wallets,
        head.accounts,
        head.counts,
        head.meters,
    ]
    .iter()
    .any(|count| *count > bytes.len())
    {
        return Err(SnapshotError::Damaged);
    }
    let mut state = State::new(random);
    state.reserve(head.parties, head.wallets, head.accounts);
    for _ in 0..head.parties {
        let (id, party): (PartyId, Party) = reader.record()?;
        state.add_party(id, party);
    }
    for _ in 0..head.wallets {
        let wallet = reader.record::<Wallet>()?;
        if wallet.party.0 as usize >= head.parties {
            return Err(SnapshotError::Damaged);
        }
        state.add_wallet(wallet);
    }
    for _ in 0..head.accounts {
        state.book.open(reader.record::<Account>()?);
    }
    state.counts.reserve(head.counts);
    for _ in 0..head.counts {
        state.counts.push(reader.record::<Counts>()?);
    }
    for _ in 0..head.meters {
        let (key, meter) = reader.record()?;
        state.meters.insert(key, meter);
    }
    state.recents = Recents::new(head.window, HashKey::new(random));
    state.recents.set_forgotten_before(head.forgotten_before);
    for (timed, number, entries) in head.slices {
        let rows = reader.bytes(entries as usize * RECENT)?;
        let slice = SliceHead {
            timed,
            number,
            entries,
        };
        let (rows, _) = rows.as_chunks();
        state
            .recents
            .restore(slice, rows.iter().map(recent_from_bytes));
    }
    if !reader.0.is_empty() {
        return Err(SnapshotError::Damaged);
    }
    state.now = head.now;
    state.opened = head.opened;
    state.assets = head.assets.into_owned();
    state.tenants = head.tenants.into_owned();
    state.sums = state.scan().ok_or(SnapshotError::Damaged)?;
    state.holds = head.holds.into_owned();
    state.mandates = head.mandates.into_owned();
    state.topups = head.topups.into_owned();
    state.withdrawals = head.withdrawals.into_owned();
    state.pending = head.pending.into_owned();
    state.disputes = head.disputes.into_owned();
    state.corrections = head.corrections.into_owned();
    state.proposals = head.proposals.into_owned();
    state.loaded = head.loaded.into_owned();
    state.piloted = head.piloted.into_owned();
    state.reversed = head.reversed.into_owned();
    state.timers = head.timers.into_owned();
    state.refusals = head.refusals.into_owned();
    state.refusals_second = head.refusals_second;
    state.suppliers = head.suppliers.into_owned();
    state.prices = head.prices.into_owned();
    state.plans = head.plans.into_owned();
    state.subscriptions = head.subscriptions.into_owned();
    state.trials = head.trials.into_owned();
    let named = (0..).zip(&state.plans);
    let numbers = named.map(|(no, plan)| ((plan.tenant, plan.id.0), PlanNo(no)));
    state.plan_nos = numbers.collect();
    let named = (0..).zip(&state.prices);
    let numbers = named.map(|(no, price)| ((price.tenant, price.id.0), PriceNo(no)));
    state.price_nos = numbers.collect();
    for case in head.cases.into_owned() {
        state.add_case(case);
    }
    for (no, taxpayer) in (1..).zip(head.taxpayers.iter()) {
        if taxpayer.party != PartyNo::NONE {
            let at = taxpayer.party.0 as usize;
            if at >= head.parties {
                return Err(SnapshotError::Damaged);
            }
            state
                .taxpayer_nos
                .resize(state.taxpayer_nos.len().max(at + 1), 0);
            state.taxpayer_nos[at] = no;
        }
    }
    state.taxpayers = head.taxpayers.into_owned();
    for tenant in 0..state.tenants.len() {
        state.turn_tax(TenantNo(u32::try_from(tenant).unwrap_or(u32::MAX)));
    }
    Ok(state)
}

/// Bytes of a recent id. Of fixed size, because there are more of them than of anything else.
const RECENT: usize = 32;

fn recent_to_bytes(tenant: u32, id: Id, position: Position) -> [u8; RECENT] {
    let mut bytes = [0; RECENT];
    bytes[..16].copy_from_slice(&id.0.to_le_bytes());
    bytes[16..24].copy_from_slice(&position.seq.to_le_bytes());
    bytes[24..28].copy_from_slice(&position.index.to_le_bytes());
    bytes[28..].copy_from_slice(&tenant.to_le_bytes());
    bytes
}

fn recent_from_bytes(bytes: &[u8; RECENT]) -> (u32, Id, Position) {
    let words = bytes.as_chunks::<4>().0;
    let word = |at: usize| u32::from_le_bytes(words[at]);
    let double = |at| u64::from(word(at)) | u64::from(word(at + 1)) << 32;
    let id = Id(u128::from(double(0)) | u128::from(double(2)) << 64);
    let (seq, index) = (double(4), word(6));
    (word(7), id, Position { seq, index })
}

struct Writer<F> {
    chunk: Vec<u8>,
    sink: F,
}

impl<F: FnMut(&[u8])> Writer<F> {
    fn record(&mut self, record: &impl Serialize) {
        let mut bytes = [0; 160];
        let used = postcard::to_slice(record, &mut bytes)
            .expect("a party, wallet, account or meter is far below 160 bytes");
        self.chunk.extend_from_slice(used);
        self.flush_from(CHUNK);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.chunk.extend_from_slice(bytes);
        self.flush_from(CHUNK);
    }

    fn flush(&mut self) {
        self.flush_from(1);
    }

    fn flush_from(&mut self, len: usize) {
        if self.chunk.len() >= len {
            (self.sink)(&self.chunk);
            self.chunk.clear();
        }
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn record<T: Deserialize<'b>>(&mut self) -> Result<T, SnapshotError> {
        let (record, rest) =
            postcard::take_from_bytes(self.0).map_err(|_| SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(record)
    }

    fn bytes(&mut self, len: usize) -> Result<&'b [u8], SnapshotError> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(SnapshotError::Damaged)?;
        self.0 = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named_and_not_read() {
        let mut bytes = encode(&State::new(1));
        assert_eq!(bytes[0], u8::try_from(VERSION).unwrap());
        bytes[0] += 1;
        let error = decode(&bytes, 2).map(|_| ());
        assert_eq!(error, Err(SnapshotError::Version(VERSION + 1)));
    }

    #[test]
    fn bytes_cut_short_or_too_long_are_damaged() {
        let mut state = State::new(1);
        for n in 1..100 {
            let at = Position { seq: n, index: 0 };
            state
                .recents
                .put(0, Id::timed(5, u128::from(n)), UtcMillis(5), at);
        }
        let mut bytes = encode(&state);
        assert_eq!(decode(&bytes, 2).map(|s| digest(&s)), Ok(digest(&state)));
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len], 2).is_err(), "{len}");
        }
        bytes.push(0);
        assert_eq!(decode(&bytes, 2).map(|_| ()), Err(SnapshotError::Damaged));
    }
}
