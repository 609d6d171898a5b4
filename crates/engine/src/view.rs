//! What the rules read and what the fold writes: State itself, or State under a group's overlay.
//!
//! A group is decided item by item, each seeing what the ones before it did, without touching
//! State. [`Overlay`] keeps copies of just the records that were touched.

use crate::event::Effect;
use crate::ids::Id;
use crate::law::{Count, Counts};
use crate::prices::{Meter, Metered};
use crate::records::{
    Hold, Key, Mandate, OperatorKey, Party, PartyNo, PriceNo, TenantNo, Wallet, WalletNo,
};
use crate::state::State;
use crate::taxes::{Case, Gist, Taxpayer, Together, Words};
use ledger::{Account, AccountNo, AssetNo, Source};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the rules of a payment may read.
pub trait View {
    /// What no item of a group can change.
    fn base(&self) -> &State;
    /// An account.
    fn account(&self, no: AccountNo) -> &Account;
    /// How many accounts there are.
    fn accounts_len(&self) -> usize;
    /// A wallet.
    fn wallet(&self, no: WalletNo) -> &Wallet;
    /// A party.
    fn party(&self, no: PartyNo) -> &Party;
    /// An authorization.
    fn hold(&self, key: Key) -> Option<&Hold>;
    /// A mandate.
    fn mandate(&self, key: Key) -> Option<&Mandate>;
    /// How much of a thing has been taken back, atoms.
    fn reversed(&self, key: Key) -> u64;
    /// One of the operator's accounts, if it was opened.
    fn operator_account(&self, tenant: TenantNo, key: OperatorKey) -> Option<AccountNo>;
    /// What has settled of a source and rests with holders who are not known one by one, atoms.
    fn pool(&self, tenant: TenantNo, asset: AssetNo, source: Source) -> i128;
    /// Whether an id was used by an earlier item of the same group.
    fn used_in_group(&self, id: Id) -> bool;
    /// What a party has used of the law's measures.
    fn counts(&self, party: PartyNo) -> &[Count];
    /// What a wallet held right after it was last loaded, if that is kept.
    fn loaded(&self, wallet: WalletNo, asset: AssetNo) -> Option<u64>;
    /// How many payers have paid in pilots, and how much.
    fn piloted(&self, tenant: TenantNo) -> (u32, u128);
    /// Whether a party has paid in a pilot.
    fn has_piloted(&self, payer: PartyNo) -> bool;
    /// A party as a taxpayer, or the operator.
    fn taxpayer(&self, tenant: TenantNo, party: PartyNo) -> Option<&Taxpayer>;
    /// What was decided of tax, by its number.
    fn case(&self, no: u32) -> Option<&Case>;
    /// How many cases there are.
    fn cases_len(&self) -> usize;
    /// What payments need of a case, by its number.
    fn gist(&self, no: u32) -> Option<&Gist>;
    /// The number of the case that `is_it` accepts, among those of a question.
    fn find_case(&self, words: &Words, is_it: impl Fn(&Gist, &Case) -> bool) -> Option<u32>;
    /// Which counters are moved together.
    fn together(&self) -> &Together;
    /// What a payer has used of a price, if that is counted.
    fn meter(&self, payer: PartyNo, price: PriceNo) -> Option<Meter>;
}

/// What the fold may change.
pub trait Fold: View {
    /// An account.
    fn account_mut(&mut self, no: AccountNo) -> &mut Account;
    /// A wallet.
    fn wallet_mut(&mut self, no: WalletNo) -> &mut Wallet;
    /// A party.
    fn party_mut(&mut self, no: PartyNo) -> &mut Party;
    /// An authorization, which stands.
    fn hold_mut(&mut self, key: Key) -> &mut Hold;
    /// A new authorization.
    fn open_hold(&mut self, key: Key, hold: Hold);
    /// Ends an authorization.
    fn close_hold(&mut self, key: Key);
    /// A mandate, which stands.
    fn mandate_mut(&mut self, key: Key) -> &mut Mandate;
    /// Moves how much of a thing has been taken back.
    fn set_reversed(&mut self, key: Key, amount: u64);
    /// The next account.
    fn open_account(&mut self, tenant: TenantNo, account: Account);
    /// Makes one of the operator's accounts known.
    fn name_operator_account(&mut self, tenant: TenantNo, key: OperatorKey, no: AccountNo);
    /// Moves a pool.
    fn move_pool(&mut self, tenant: TenantNo, asset: AssetNo, source: Source, delta: i128);
    /// What a party has used of the law's measures.
    fn counts_mut(&mut self, party: PartyNo) -> &mut Counts;
    /// Notes what a wallet holds right after it was loaded.
    fn set_loaded(&mut self, wallet: WalletNo, asset: AssetNo, holds: u64);
    /// Counts a payment in the pilot.
    fn pilot(&mut self, tenant: TenantNo, payer: PartyNo, amount: u64);
    /// A party as a taxpayer, or the operator; from now on if not before.
    fn taxpayer_mut(&mut self, tenant: TenantNo, party: PartyNo) -> &mut Taxpayer;
    /// The next case.
    fn add_case(&mut self, case: Case);
    /// Moves a meter.
    fn set_meter(&mut self, metered: &Metered);
    /// An effect that no item of a group has.
    fn other(&mut self, tenant: TenantNo, id: Id, effect: &Effect);
}

impl View for State {
    #[inline]
    fn base(&self) -> &State {
        self
    }
    #[inline]
    fn account(&self, no: AccountNo) -> &Account {
        self.book.account(no)
    }
    #[inline]
    fn accounts_len(&self) -> usize {
        self.book.len()
    }
    #[inline]
    fn wallet(&self, no: WalletNo) -> &Wallet {
        State::wallet(self, no)
    }
    #[inline]
    fn party(&self, no: PartyNo) -> &Party {
        State::party(self, no)
    }
    fn hold(&self, key: Key) -> Option<&Hold> {
        self.holds.get(&key)
    }
    fn mandate(&self, key: Key) -> Option<&Mandate> {
        self.mandates.get(&key)
    }
    fn reversed(&self, key: Key) -> u64 {
        self.reversed.get(&key).copied().unwrap_or(0)
    }
    #[inline]
    fn operator_account(&self, tenant: TenantNo, key: OperatorKey) -> Option<AccountNo> {
        let accounts = &self.tenants[tenant.0 as usize].accounts;
        let at = accounts.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        Some(accounts[at].1)
    }
    fn pool(&self, tenant: TenantNo, asset: AssetNo, source: Source) -> i128 {
        let rows = &self.tenants[tenant.0 as usize].settled;
        let row = rows.iter().find(|(a, s, _)| (*a, *s) == (asset, source));
        row.map_or(0, |(_, _, sum)| *sum)
    }
    fn used_in_group(&self, _: Id) -> bool {
        false
    }
    #[inline]
    fn counts(&self, party: PartyNo) -> &[Count] {
        self.counts_of(party)
    }
    fn loaded(&self, wallet: WalletNo, asset: AssetNo) -> Option<u64> {
        self.loaded.get(&(wallet, asset)).copied()
    }
    fn piloted(&self, tenant: TenantNo) -> (u32, u128) {
        let tenant = &self.tenants[tenant.0 as usize];
        (tenant.pilot_payers, tenant.piloted)
    }
    fn has_piloted(&self, payer: PartyNo) -> bool {
        self.piloted.contains(&payer)
    }
    #[inline]
    fn taxpayer(&self, tenant: TenantNo, party: PartyNo) -> Option<&Taxpayer> {
        self.taxpayer_of(tenant, party)
    }
    #[inline]
    fn case(&self, no: u32) -> Option<&Case> {
        self.tax_case(no)
    }
    fn cases_len(&self) -> usize {
        self.cases.len()
    }
    #[inline]
    fn gist(&self, no: u32) -> Option<&Gist> {
        self.gists.get(no.checked_sub(1)? as usize)
    }
    #[inline]
    fn find_case(&self, words: &Words, is_it: impl Fn(&Gist, &Case) -> bool) -> Option<u32> {
        let found = self.case_index.find(self.key.hash_words(words), |no| {
            let gist = &self.gists[no as usize];
            gist.asks(words) && is_it(gist, &self.cases[no as usize])
        });
        found.map(|no| no + 1)
    }
    fn together(&self) -> &Together {
        &self.together
    }
    fn meter(&self, payer: PartyNo, price: PriceNo) -> Option<Meter> {
        self.meters.get(&(payer, price)).copied()
    }
}

/// State as it would be after some items of a group.
#[derive(Debug)]
pub struct Overlay<'s> {
    state: &'s State,
    accounts: BTreeMap<AccountNo, Account>,
    opened: Vec<Account>,
    operator: BTreeMap<(TenantNo, OperatorKey), AccountNo>,
    wallets: BTreeMap<WalletNo, Wallet>,
    parties: BTreeMap<PartyNo, Party>,
    holds: BTreeMap<Key, Option<Hold>>,
    mandates: BTreeMap<Key, Mandate>,
    reversed: BTreeMap<Key, u64>,
    pools: BTreeMap<(TenantNo, AssetNo, Source), i128>,
    used: Vec<Id>,
    counts: BTreeMap<PartyNo, Counts>,
    loaded: BTreeMap<(WalletNo, AssetNo), u64>,
    /// How much more was paid in the pilot, by how many more payers.
    piloted: (u32, u128),
    pilot_payers: Vec<PartyNo>,
    taxpayers: BTreeMap<(TenantNo, PartyNo), Taxpayer>,
    cases: Vec<(Case, Gist)>,
    meters: BTreeMap<(PartyNo, PriceNo), Meter>,
    together: Cow<'s, Together>,
}

impl<'s> Overlay<'s> {
    /// Nothing done yet.
    #[must_use]
    pub fn new(state: &'s State) -> Self {
        Overlay {
            state,
            accounts: BTreeMap::new(),
            opened: Vec::new(),
            operator: BTreeMap::new(),
            wallets: BTreeMap::new(),
            parties: BTreeMap::new(),
            holds: BTreeMap::new(),
            mandates: BTreeMap::new(),
            reversed: BTreeMap::new(),
            pools: BTreeMap::new(),
            used: Vec::new(),
            counts: BTreeMap::new(),
            loaded: BTreeMap::new(),
            piloted: (0, 0),
            pilot_payers: Vec::new(),
            taxpayers: BTreeMap::new(),
            cases: Vec::new(),
            meters: BTreeMap::new(),
            together: Cow::Borrowed(&state.together),
        }
    }

    /// Remembers that an item used this id.
    pub fn use_id(&mut self, id: Id) {
        self.used.push(id);
    }

    fn new_account(&self, no: AccountNo) -> Option<usize> {
        (no.0 as usize).checked_sub(self.state.book.len())
    }

    fn new_case(&self, no: u32) -> Option<&(Case, Gist)> {
        let at = (no as usize).checked_sub(self.state.cases.len() + 1)?;
        self.cases.get(at)
    }
}

impl View for Overlay<'_> {
    fn base(&self) -> &State {
        self.state
    }
    fn account(&self, no: AccountNo) -> &Account {
        match self.new_account(no) {
            Some(at) => &self.opened[at],
            None => self
                .accounts
                .get(&no)
                .unwrap_or_else(|| self.state.book.account(no)),
        }
    }
    fn accounts_len(&self) -> usize {
        self.state.book.len() + self.opened.len()
    }
    fn wallet(&self, no: WalletNo) -> &Wallet {
        self.wallets
            .get(&no)
            .unwrap_or_else(|| self.state.wallet(no))
    }
    fn party(&self, no: PartyNo) -> &Party {
        self.parties
            .get(&no)
            .unwrap_or_else(|| self.state.party(no))
    }
    fn hold(&self, key: Key) -> Option<&Hold> {
        match self.holds.get(&key) {
            Some(hold) => hold.as_ref(),
            None => self.state.holds.get(&key),
        }
    }
    fn mandate(&self, key: Key) -> Option<&Mandate> {
        self.mandates
            .get(&key)
            .or_else(|| self.state.mandates.get(&key))
    }
    fn reversed(&self, key: Key) -> u64 {
        self.reversed
            .get(&key)
            .copied()
            .unwrap_or_else(|| self.state.reversed(key))
    }
    fn operator_account(&self, tenant: TenantNo, key: OperatorKey) -> Option<AccountNo> {
        self.state
            .operator_account(tenant, key)
            .or_else(|| self.operator.get(&(tenant, key)).copied())
    }
    fn pool(&self, tenant: TenantNo, asset: AssetNo, source: Source) -> i128 {
        let moved = self.pools.get(&(tenant, asset, source)).copied();
        self.state.pool(tenant, asset, source) + moved.unwrap_or(0)
    }
    fn used_in_group(&self, id: Id) -> bool {
        self.used.contains(&id)
    }
    fn counts(&self, party: PartyNo) -> &[Count] {
        match self.counts.get(&party) {
            Some(counts) => counts,
            None => self.state.counts_of(party),
        }
    }
    fn loaded(&self, wallet: WalletNo, asset: AssetNo) -> Option<u64> {
        let here = self.loaded.get(&(wallet, asset)).copied();
        here.or_else(|| self.state.loaded(wallet, asset))
    }
    fn piloted(&self, tenant: TenantNo) -> (u32, u128) {
        let (payers, volume) = self.state.piloted(tenant);
        (payers + self.piloted.0, volume + self.piloted.1)
    }
    fn has_piloted(&self, payer: PartyNo) -> bool {
        self.pilot_payers.contains(&payer) || self.state.has_piloted(payer)
    }
    fn taxpayer(&self, tenant: TenantNo, party: PartyNo) -> Option<&Taxpayer> {
        let here = self.taxpayers.get(&(tenant, party));
        here.or_else(|| self.state.taxpayer_of(tenant, party))
    }
    fn case(&self, no: u32) -> Option<&Case> {
        let of_state = self.state.tax_case(no);
        of_state.or_else(|| self.new_case(no).map(|(case, _)| case))
    }
    fn cases_len(&self) -> usize {
        self.state.cases.len() + self.cases.len()
    }
    fn gist(&self, no: u32) -> Option<&Gist> {
        let of_state = self.state.gist(no);
        of_state.or_else(|| self.new_case(no).map(|(_, gist)| gist))
    }
    fn find_case(&self, words: &Words, is_it: impl Fn(&Gist, &Case) -> bool) -> Option<u32> {
        self.state.find_case(words, &is_it).or_else(|| {
            let here = |(case, gist): &(Case, Gist)| gist.asks(words) && is_it(gist, case);
            let at = self.cases.iter().position(here)?;
            u32::try_from(self.state.cases.len() + at + 1).ok()
        })
    }
    fn together(&self) -> &Together {
        &self.together
    }
    fn meter(&self, payer: PartyNo, price: PriceNo) -> Option<Meter> {
        let here = self.meters.get(&(payer, price)).copied();
        here.or_else(|| self.state.meter(payer, price))
    }
}

impl Fold for Overlay<'_> {
    fn account_mut(&mut self, no: AccountNo) -> &mut Account {
        match self.new_account(no) {
            Some(at) => &mut self.opened[at],
            None => self
                .accounts
                .entry(no)
                .or_insert_with(|| self.state.book.account(no).clone()),
        }
    }
    fn wallet_mut(&mut self, no: WalletNo) -> &mut Wallet {
        self.wallets
            .entry(no)
            .or_insert_with(|| self.state.wallet(no).clone())
    }
    fn party_mut(&mut self, no: PartyNo) -> &mut Party {
        self.parties
            .entry(no)
            .or_insert_with(|| self.state.party(no).clone())
    }
    fn hold_mut(&mut self, key: Key) -> &mut Hold {
        self.holds
            .entry(key)
            .or_insert_with(|| self.state.holds.get(&key).cloned())
            .as_mut()
            .expect("an effect names a hold that stands")
    }
    fn open_hold(&mut self, key: Key, hold: Hold) {
        self.holds.insert(key, Some(hold));
    }
    fn close_hold(&mut self, key: Key) {
        self.holds.insert(key, None);
    }
    fn mandate_mut(&mut self, key: Key) -> &mut Mandate {
        self.mandates
            .entry(key)
            .or_insert_with(|| self.state.mandates[&key].clone())
    }
    fn set_reversed(&mut self, key: Key, amount: u64) {
        self.reversed.insert(key, amount);
    }
    fn open_account(&mut self, _: TenantNo, account: Account) {
        self.opened.push(account);
    }
    fn name_operator_account(&mut self, tenant: TenantNo, key: OperatorKey, no: AccountNo) {
        self.operator.insert((tenant, key), no);
    }
    fn move_pool(&mut self, tenant: TenantNo, asset: AssetNo, source: Source, delta: i128) {
        *self.pools.entry((tenant, asset, source)).or_default() += delta;
    }
    fn counts_mut(&mut self, party: PartyNo) -> &mut Counts {
        let state = self.state;
        let copy = || Counts::from(state.counts_of(party));
        self.counts.entry(party).or_insert_with(copy)
    }
    fn set_loaded(&mut self, wallet: WalletNo, asset: AssetNo, holds: u64) {
        self.loaded.insert((wallet, asset), holds);
    }
    fn pilot(&mut self, _: TenantNo, payer: PartyNo, amount: u64) {
        let is_new = !self.has_piloted(payer);
        if is_new {
            self.pilot_payers.push(payer);
        }
        self.piloted.0 += u32::from(is_new);
        self.piloted.1 += u128::from(amount);
    }
    fn taxpayer_mut(&mut self, tenant: TenantNo, party: PartyNo) -> &mut Taxpayer {
        let state = self.state;
        let copy = || {
            let known = state.taxpayer_of(tenant, party);
            known.map_or_else(|| Taxpayer::new(tenant, party), Taxpayer::clone)
        };
        self.taxpayers.entry((tenant, party)).or_insert_with(copy)
    }
    fn add_case(&mut self, case: Case) {
        let gist = Gist::new(&case, |counters| {
            let known = self.together.find(counters);
            known.unwrap_or_else(|| self.together.to_mut().no_of(counters))
        });
        self.cases.push((case, gist));
    }
    fn set_meter(&mut self, metered: &Metered) {
        let key = (metered.party, metered.price);
        self.meters.insert(key, metered.meter);
    }
    fn other(&mut self, _: TenantNo, _: Id, effect: &Effect) {
        unreachable!("no item of a group has the effect {effect:?}")
    }
}
