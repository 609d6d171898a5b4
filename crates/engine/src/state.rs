//! State: everything `decide` reads besides the command, put there by events.
//!
//! Only what is open is here. Dense vectors for what is many, ordered maps for what is few;
//! nothing depends on the order of a hash table.

use crate::code::Code;
use crate::hash::HashKey;
use crate::ids::{Id, PartyId, TenantId, WalletId};
use crate::index::Index;
use crate::law::{Counts, Proposal};
use crate::plans::{PlanRecord, Subscription};
use crate::prices::{Meter, PriceRecord};
use crate::recents::{Recents, Window};
use crate::records::{
    Correction, Dispute, Hold, Key, Mandate, Party, PartyNo, Pending, PlanNo, PriceNo, Tenant,
    TenantNo, TimerKind, TopUp, Wallet, WalletNo, Withdrawal,
};
use crate::sums::Sums;
use crate::taxes::{Case, Gist, Taxpayer, Together};
use crate::time::UtcMillis;
use ledger::{AssetNo, Book};
use money::{Asset, AssetCode};
use std::collections::{BTreeMap, BTreeSet};

/// A timer: when, what kind, whose, which.
pub type Timer = (UtcMillis, TimerKind, TenantNo, Id);

/// The state of a shard after some event.
#[derive(Clone, Debug)]
pub struct State {
    /// The time of the last event.
    pub now: UtcMillis,
    /// Whether the shard's settings were journaled.
    pub opened: bool,
    /// The shard's assets, by number.
    pub assets: Vec<Asset>,
    /// Its tenants, by number.
    pub tenants: Vec<Tenant>,
    /// Its parties, by number.
    pub parties: Vec<Party>,
    /// Their public ids, by number.
    pub party_ids: Vec<PartyId>,
    /// Its wallets, by number.
    pub wallets: Vec<Wallet>,
    /// All accounts.
    pub book: Book,
    /// What they sum to.
    pub sums: Sums,
    /// The ids of recent commands.
    pub recents: Recents,
    /// Authorizations.
    pub holds: BTreeMap<Key, Hold>,
    /// Mandates, revoked and expired ones too.
    pub mandates: BTreeMap<Key, Mandate>,
    /// Top-ups not settled.
    pub topups: BTreeMap<Key, TopUp>,
    /// Withdrawals under way.
    pub withdrawals: BTreeMap<Key, Withdrawal>,
    /// Payments that wait for confirmation.
    pub pending: BTreeMap<Key, Pending>,
    /// Open disputes.
    pub disputes: BTreeMap<Key, Dispute>,
    /// Corrections with one key.
    pub corrections: BTreeMap<Key, Correction>,
    /// Laws proposed, and approved but not yet in force.
    pub proposals: BTreeMap<Key, Proposal>,
    /// What parties have used of the law's measures: see [`State::counts_of`].
    pub counts: Vec<Counts>,
    /// What wallets held right after they were last loaded, where the law asks what share is left.
    pub loaded: BTreeMap<(WalletNo, AssetNo), u64>,
    /// Who has paid in pilots.
    pub piloted: BTreeSet<PartyNo>,
    /// How much of a payment, capture or top-up has been taken back, atoms.
    pub reversed: BTreeMap<Key, u64>,
    /// What happens by itself, in order.
    pub timers: BTreeSet<Timer>,
    /// Refusals of this second, by tenant, party and code.
    pub refusals: BTreeMap<(TenantNo, PartyNo, Code), u32>,
    /// The second those belong to.
    pub refusals_second: u64,
    /// What was decided of tax, by number from 1: see [`State::tax_case`].
    pub cases: Vec<Case>,
    /// Who sells, and operators, as far as tax knows them: see [`State::taxpayer_of`].
    pub taxpayers: Vec<Taxpayer>,
    /// The different settings of sellers.
    pub suppliers: Vec<tax::Supplier>,
    /// The catalogue, by number: see [`State::price`].
    pub prices: Vec<PriceRecord>,
    /// What payers have used of prices where that matters.
    pub meters: BTreeMap<(PartyNo, PriceNo), Meter>,
    /// The plans, by number: see [`State::plan`].
    pub plans: Vec<PlanRecord>,
    /// Subscriptions that have not ended.
    pub subscriptions: BTreeMap<Key, Subscription>,
    /// Who has had a trial of which plan.
    pub trials: BTreeSet<(PartyNo, PlanNo)>,
    pub(crate) plan_nos: BTreeMap<Key, PlanNo>,
    pub(crate) price_nos: BTreeMap<Key, PriceNo>,
    /// What payments need of each case.
    pub(crate) gists: Vec<Gist>,
    pub(crate) case_index: Index,
    pub(crate) together: Together,
    /// Each party's taxpayer, from 1; 0 is none.
    pub(crate) taxpayer_nos: Vec<u32>,
    pub(crate) key: HashKey,
    pub(crate) wallet_index: Index,
    pub(crate) party_index: Index,
    /// Each party's last wallet, and for each wallet the one before it of the same party.
    pub(crate) last_wallets: Vec<WalletNo>,
    pub(crate) wallets_before: Vec<WalletNo>,
}

impl State {
    /// The state before the first event. `random` keys this process's tables and nothing else.
    #[must_use]
    pub fn new(random: u128) -> State {
        let key = HashKey::new(random);
        State {
            now: UtcMillis(0),
            opened: false,
            assets: Vec::new(),
            tenants: Vec::new(),
            parties: Vec::new(),
            party_ids: Vec::new(),
            wallets: Vec::new(),
            book: Book::default(),
            sums: Sums::default(),
            recents: Recents::new(Window::default(), key),
            holds: BTreeMap::new(),
            mandates: BTreeMap::new(),
            topups: BTreeMap::new(),
            withdrawals: BTreeMap::new(),
            pending: BTreeMap::new(),
            disputes: BTreeMap::new(),
            corrections: BTreeMap::new(),
            proposals: BTreeMap::new(),
            counts: Vec::new(),
            loaded: BTreeMap::new(),
            piloted: BTreeSet::new(),
            reversed: BTreeMap::new(),
            timers: BTreeSet::new(),
            refusals: BTreeMap::new(),
            refusals_second: 0,
            cases: Vec::new(),
            taxpayers: Vec::new(),
            suppliers: Vec::new(),
            prices: Vec::new(),
            meters: BTreeMap::new(),
            plans: Vec::new(),
            subscriptions: BTreeMap::new(),
            trials: BTreeSet::new(),
            plan_nos: BTreeMap::new(),
            price_nos: BTreeMap::new(),
            gists: Vec::new(),
            case_index: Index::default(),
            together: Together::default(),
            taxpayer_nos: Vec::new(),
            key,
            wallet_index: Index::default(),
            party_index: Index::default(),
            last_wallets: Vec::new(),
            wallets_before: Vec::new(),
        }
    }

    /// The number and record of an asset.
    #[must_use]
    pub fn asset(&self, code: AssetCode) -> Option<(AssetNo, Asset)> {
        let no = self.assets.iter().position(|a| a.code == code)?;
        Some((AssetNo(u16::try_from(no).ok()?), self.assets[no]))
    }

    /// The tenant of a public id.
    #[must_use]
    pub fn tenant_no(&self, id: TenantId) -> Option<TenantNo> {
        let no = self.tenants.iter().position(|t| t.id == id)?;
        Some(TenantNo(u32::try_from(no).ok()?))
    }

    /// The tenant's record.
    #[must_use]
    pub fn tenant(&self, no: TenantNo) -> Option<&Tenant> {
        self.tenants.get(no.0 as usize)
    }

    /// The party's record; numbers come from events, so it exists.
    #[must_use]
    #[inline]
    pub fn party(&self, no: PartyNo) -> &Party {
        &self.parties[no.0 as usize]
    }

    /// The wallet's record; numbers come from events, so it exists.
    #[must_use]
    #[inline]
    pub fn wallet(&self, no: WalletNo) -> &Wallet {
        &self.wallets[no.0 as usize]
    }

    #[inline]
    pub(crate) fn id_hash(&self, tenant: TenantNo, id: Id) -> u64 {
        self.key.hash(tenant.0, id.0)
    }

    /// The wallet of a public id.
    #[must_use]
    #[inline]
    pub fn wallet_no(&self, tenant: TenantNo, id: WalletId) -> Option<WalletNo> {
        self.wallet_no_hashed(tenant, id, self.id_hash(tenant, id.0))
    }

    #[inline]
    pub(crate) fn wallet_no_hashed(
        &self,
        tenant: TenantNo,
        id: WalletId,
        hash: u64,
    ) -> Option<WalletNo> {
        let is_it = |no: u32| {
            let wallet = &self.wallets[no as usize];
            wallet.id == id && wallet.tenant == tenant
        };
        self.wallet_index.find(hash, is_it).map(WalletNo)
    }

    /// The party of a public id.
    #[must_use]
    pub fn party_no(&self, tenant: TenantNo, id: PartyId) -> Option<PartyNo> {
        let is_it = |no: u32| {
            self.party_ids[no as usize] == id && self.parties[no as usize].tenant == tenant
        };
        self.party_index
            .find(self.id_hash(tenant, id.0), is_it)
            .map(PartyNo)
    }

    /// The party's public id; numbers come from events, so it exists.
    #[must_use]
    pub fn party_id(&self, no: PartyNo) -> PartyId {
        self.party_ids[no.0 as usize]
    }

    /// Makes room for so many records.
    pub(crate) fn reserve(&mut self, parties: usize, wallets: usize, accounts: usize) {
        self.parties.reserve(parties);
        self.party_ids.reserve(parties);
        self.party_index.reserve(parties);
        self.wallets.reserve(wallets);
        self.wallet_index.reserve(wallets);
        self.book.reserve(accounts);
    }

    pub(crate) fn add_party(&mut self, id: PartyId, party: Party) {
        let no = u32::try_from(self.parties.len()).expect("fewer than 2^32 parties a shard");
        self.party_index
            .insert(self.id_hash(party.tenant, id.0), no);
        self.parties.push(party);
        self.last_wallets.push(WalletNo::NONE);
        self.party_ids.push(id);
    }

    pub(crate) fn add_wallet(&mut self, wallet: Wallet) {
        let no = u32::try_from(self.wallets.len()).expect("fewer than 2^32 wallets a shard");
        self.wallet_index
            .insert(self.id_hash(wallet.tenant, wallet.id.0), no);
        let last = &mut self.last_wallets[wallet.party.0 as usize];
        self.wallets_before.push(*last);
        *last = WalletNo(no);
        self.wallets.push(wallet);
    }

    /// The wallets of a party, the last opened first.
    pub fn wallets_of(&self, party: PartyNo) -> impl Iterator<Item = WalletNo> {
        let some = |no: WalletNo| (no != WalletNo::NONE).then_some(no);
        let last = some(self.last_wallets[party.0 as usize]);
        std::iter::successors(last, move |no| some(self.wallets_before[no.0 as usize]))
    }

    /// The timers due at an instant, in order, at most `limit`; not those that wait for a law.
    pub fn due(&self, now: UtcMillis, limit: usize) -> impl Iterator<Item = &Timer> {
        self.timers
            .iter()
            .take_while(move |timer| timer.0 <= now)
            .filter(|timer| !self.waits(timer))
            .take(limit)
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<UtcMillis> {
        let next = self.timers.iter().find(|timer| !self.waits(timer));
        next.map(|timer| timer.0)
    }

    /// Whether what is to happen asks a law that cannot be asked before the past is counted for it.
    fn waits(&self, &(_, kind, tenant, _): &Timer) -> bool {
        let law = || self.law(tenant);
        kind == TimerKind::Subscription && law().is_some_and(|law| law.backfilling.is_some())
    }

    /// The accounts of a wallet, in the order they were opened.
    pub fn accounts_of(
        &self,
        wallet: WalletNo,
    ) -> impl Iterator<Item = (ledger::AccountNo, &ledger::Account)> {
        self.chain(self.wallet(wallet).first)
    }

    /// An account and those after it in its owner's chain.
    pub fn chain(
        &self,
        first: ledger::AccountNo,
    ) -> impl Iterator<Item = (ledger::AccountNo, &ledger::Account)> {
        std::iter::successors(first.is_some().then_some(first), |no| {
            let next = self.book.account(*no).next;
            next.is_some().then_some(next)
        })
        .map(|no| (no, self.book.account(no)))
    }

    /// Every account recomputed to what must hold: per asset, balances sum to zero.
    #[must_use]
    pub fn trial_balance(&self) -> Vec<(AssetNo, i128)> {
        self.book.trial_balance()
    }
}
