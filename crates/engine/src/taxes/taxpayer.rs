//! Sellers, and operators, as far as tax knows them: their accounts, and what they have sold.

use crate::records::{OperatorKey, PartyNo, TenantNo};
use crate::state::State;
use crate::terms::Terms;
use crate::view::View;
use core::cell::Cell;
use ledger::{AccountNo, AssetNo};
use money::AssetCode;
use serde::{Deserialize, Serialize};
use tax::rules::Counter;
use tax::supply::{Checked, Window};
use tax::{Country, Role, Rules, Supplier};

/// A taxpayer: a party that sells, or the operator. What a sale reads and writes stands first, in one
/// cache line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C, align(64))]
pub struct Taxpayer {
    /// What it began to sell last.
    latest: Turned,
    /// Its place in [`State::suppliers`], if it has settings of its own.
    pub supplier: Option<u32>,
    /// As a buyer: the country of its tax number, and how far that was checked.
    pub buyer: Option<(Country, Checked)>,
    /// The number of the case it sold under last: very often the next one's. 0 if none, or if it has
    /// changed since.
    pub(crate) case: u32,
    /// Its first tax account, or none; and its key.
    pub(crate) account: AccountNo,
    account_key: OperatorKey,
    /// Who; [`PartyNo::NONE`] is the operator.
    pub party: PartyNo,
    /// In whose space.
    pub tenant: TenantNo,
    /// Its other tax accounts, ordered by key; the operator's stand with the tenant.
    accounts: Vec<(OperatorKey, AccountNo)>,
    /// What else it has sold, in the order it began to.
    earlier: Vec<Turned>,
}

const _: () = assert!(core::mem::offset_of!(Taxpayer, party) <= 64);

/// What a taxpayer has sold in a month, as thresholds count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// Without tax, atoms; 0 is nothing.
    pub net: i128,
    /// What it counts in: see [`Together`].
    pub together: u32,
    /// The civil month: year × 12 + (month − 1).
    pub month: u32,
    /// In what was paid.
    pub asset: AssetNo,
}

impl Turned {
    fn is_alike(&self, other: &Turned) -> bool {
        (self.together, self.month, self.asset) == (other.together, other.month, other.asset)
    }
}

/// So many months are kept besides the last: a year, and the one before.
const MONTHS_KEPT: u32 = 24;

impl Taxpayer {
    pub(crate) fn new(tenant: TenantNo, party: PartyNo) -> Taxpayer {
        Taxpayer {
            latest: Turned::default(),
            supplier: None,
            buyer: None,
            case: 0,
            account: AccountNo::NONE,
            account_key: OperatorKey::NONE,
            party,
            tenant,
            accounts: Vec::new(),
            earlier: Vec::new(),
        }
    }

    /// Its tax accounts.
    pub fn accounts(&self) -> impl Iterator<Item = (OperatorKey, AccountNo)> {
        let first = (self.account_key, self.account);
        let first = self.account.is_some().then_some(first);
        first.into_iter().chain(self.accounts.iter().copied())
    }

    #[inline]
    pub(crate) fn account(&self, key: OperatorKey) -> Option<AccountNo> {
        if key == self.account_key {
            return Some(self.account);
        }
        self.other_account(key)
    }

    fn other_account(&self, key: OperatorKey) -> Option<AccountNo> {
        let at = self
            .accounts
            .binary_search_by_key(&key, |(known, _)| *known);
        at.ok().map(|at| self.accounts[at].1)
    }

    pub(crate) fn add_account(&mut self, key: OperatorKey, no: AccountNo) {
        if !self.account.is_some() {
            (self.account, self.account_key) = (no, key);
        } else {
            let at = self.accounts.partition_point(|(known, _)| *known < key);
            self.accounts.insert(at, (key, no));
        }
    }

    /// What it has sold in the months that are kept.
    pub fn turnover(&self) -> impl Iterator<Item = &Turned> {
        let latest = Some(&self.latest).filter(|turned| turned.net != 0);
        latest.into_iter().chain(&self.earlier)
    }

    /// Counts so much more, or less. What is no more needed is dropped, and so is what has come to
    /// nothing; a move into what was dropped is no more.
    #[inline]
    pub(crate) fn count(
        &mut self,
        together: u32,
        month: u32,
        asset: AssetNo,
        net: impl Into<i128>,
    ) {
        let net = net.into();
        let latest = &mut self.latest;
        // What is nothing counts in nothing, and so does no sale that comes here.
        let is_it = (latest.together, latest.month, latest.asset) == (together, month, asset);
        if is_it && net >= 0 {
            latest.net += net;
        } else {
            self.count_another(Turned {
                net,
                together,
                month,
                asset,
            });
        }
    }

    #[inline(never)]
    fn count_another(&mut self, turned: Turned) {
        if self.latest.is_alike(&turned) {
            self.latest.net += turned.net;
            if self.latest.net == 0 {
                self.latest = self.earlier.pop().unwrap_or_default();
            }
            return;
        }
        let found = self.earlier.iter().rposition(|t| t.is_alike(&turned));
        if let Some(at) = found {
            self.earlier[at].net += turned.net;
            if self.earlier[at].net == 0 {
                self.earlier.remove(at);
            }
            return;
        }
        let last = self.turnover().map(|t| t.month).max();
        let oldest = last.unwrap_or(0).max(turned.month);
        let oldest = oldest.saturating_sub(MONTHS_KEPT);
        if turned.month >= oldest && turned.net != 0 {
            let before = core::mem::replace(&mut self.latest, turned);
            self.earlier.push(before);
            self.earlier.retain(|t| t.net != 0 && t.month >= oldest);
        }
    }
}

/// Counters that are moved together, by number from 1: a sale is counted once, however many
/// thresholds it counts in. 0 is of none.
#[derive(Clone, Debug, Default)]
pub struct Together(Vec<Vec<Counter>>);

impl Together {
    /// The number, if it is known.
    pub(crate) fn find(&self, counters: &[Counter]) -> Option<u32> {
        if counters.is_empty() {
            return Some(0);
        }
        let at = self.0.iter().position(|known| known == counters)?;
        u32::try_from(at + 1).ok()
    }

    /// The number, as it is known or the next.
    pub(crate) fn no_of(&mut self, counters: &[Counter]) -> u32 {
        self.find(counters).unwrap_or_else(|| {
            self.0.push(counters.to_vec());
            u32::try_from(self.0.len()).expect("no more than cases")
        })
    }

    /// The counters of a number.
    fn counters(&self, no: u32) -> &[Counter] {
        let at = no.checked_sub(1).and_then(|at| self.0.get(at as usize));
        at.map_or(&[], Vec::as_slice)
    }
}

/// What an earlier share of the same split has sold: it counts before the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SoldBefore<'a> {
    /// Whose turnover it is: the seller's, or none for the operator's.
    pub owner: PartyNo,
    /// What it counts in.
    pub counts: &'a [Counter],
    /// Without tax, atoms of the same asset.
    pub net: u64,
}

/// What is asked of turnover, in the asset of each threshold.
pub(crate) struct Sold<'a, V> {
    pub rules: &'a Rules,
    pub view: &'a V,
    pub terms: &'a Terms,
    /// Who sells, or none for the operator.
    pub party: PartyNo,
    /// What is known of it.
    pub seller: Option<&'a Taxpayer>,
    pub operator: Option<&'a Taxpayer>,
    pub month: u32,
    pub asset: AssetNo,
    pub amount: u64,
    /// The earlier shares of the same split.
    pub before: &'a [SoldBefore<'a>],
    /// Whether anything was asked.
    pub asked: Cell<bool>,
}

impl<V: View> tax::Turnover for Sold<'_, V> {
    fn so_far(&self, whose: Role, counter: Counter, window: Window) -> u128 {
        self.asked.set(true);
        let (party, taxpayer) = match whose {
            Role::Seller => (self.party, self.seller),
            Role::Platform => (PartyNo::NONE, self.operator),
        };
        let rules = self.rules;
        let mut thresholds = rules.thresholds.iter().chain(&rules.single_item);
        let threshold = thresholds.find(|t| t.counter == counter);
        let asset = threshold.and_then(|t| self.view.base().asset(t.asset.0));
        // What nothing can be converted into, `price_in` says.
        let Some((asset, _)) = asset else {
            return 0;
        };
        let counts = |month: u32| match window {
            Window::Year(year) => i64::from(month / 12) == i64::from(year),
            Window::TwelveMonthsTo(_) => month <= self.month && month + 12 > self.month,
        };
        let together = self.view.together();
        let mut sums: Vec<(AssetNo, i128)> = Vec::new();
        let turned = taxpayer.into_iter().flat_map(Taxpayer::turnover);
        let turned = turned.filter(|turned| {
            counts(turned.month) && together.counters(turned.together).contains(&counter)
        });
        let turned = turned.map(|turned| (turned.asset, turned.net));
        let before = self.before.iter();
        let before = before.filter(|sold| {
            counts(self.month) && sold.owner == party && sold.counts.contains(&counter)
        });
        let before = before.map(|sold| (self.asset, i128::from(sold.net)));
        for (of, net) in turned.chain(before) {
            match sums.iter_mut().find(|(asset, _)| *asset == of) {
                Some((_, sum)) => *sum += net,
                None => sums.push((of, net)),
            }
        }
        let mut all = 0u128;
        // What comes to nothing needs no rate.
        for (of, net) in sums.into_iter().filter(|(_, net)| *net > 0) {
            let net = u64::try_from(net).ok();
            let net = net.and_then(|net| self.terms.convert(of, asset, net));
            // Without a rate, or beyond any: the threshold is passed.
            let Some(net) = net else {
                return u128::MAX;
            };
            all += u128::from(net);
        }
        all
    }

    fn price_in(&self, asset: AssetCode) -> Option<u64> {
        self.asked.set(true);
        let (asset, _) = self.view.base().asset(asset)?;
        self.terms.convert(self.asset, asset, self.amount)
    }
}

impl State {
    /// What the state knows of a party as a taxpayer, or of the operator.
    #[must_use]
    #[inline]
    pub fn taxpayer_of(&self, tenant: TenantNo, party: PartyNo) -> Option<&Taxpayer> {
        let no = if party == PartyNo::NONE {
            self.tenants[tenant.0 as usize].taxpayer
        } else {
            *self.taxpayer_nos.get(party.0 as usize)?
        };
        self.taxpayers.get(no.checked_sub(1)? as usize)
    }

    /// What a turnover counts in.
    #[must_use]
    pub fn counters_of(&self, turned: &Turned) -> &[Counter] {
        self.together.counters(turned.together)
    }

    #[inline]
    pub(crate) fn taxpayer_mut(&mut self, tenant: TenantNo, party: PartyNo) -> &mut Taxpayer {
        let no = if party == PartyNo::NONE {
            self.tenants[tenant.0 as usize].taxpayer
        } else {
            let no = self.taxpayer_nos.get(party.0 as usize);
            no.copied().unwrap_or(0)
        };
        let at = match no {
            0 => self.add_taxpayer(tenant, party),
            no => no as usize - 1,
        };
        &mut self.taxpayers[at]
    }

    #[cold]
    fn add_taxpayer(&mut self, tenant: TenantNo, party: PartyNo) -> usize {
        self.taxpayers.push(Taxpayer::new(tenant, party));
        let no = self.taxpayers.len();
        let its = if party == PartyNo::NONE {
            &mut self.tenants[tenant.0 as usize].taxpayer
        } else {
            let at = party.0 as usize;
            if self.taxpayer_nos.len() <= at {
                self.taxpayer_nos.resize(at + 1, 0);
            }
            &mut self.taxpayer_nos[at]
        };
        *its = u32::try_from(no).expect("no more taxpayers than parties");
        no - 1
    }

    /// What a party sold under last may not be asked of it again.
    pub(crate) fn forget_case(&mut self, party: PartyNo) {
        let no = self.taxpayer_nos.get(party.0 as usize).copied();
        if let Some(at) = no.and_then(|no| no.checked_sub(1)) {
            self.taxpayers[at as usize].case = 0;
        }
    }

    /// The supplier's place, as it is known already or added.
    pub(crate) fn supplier_no(&mut self, supplier: &Supplier) -> u32 {
        let found = self.suppliers.iter().position(|known| known == supplier);
        let at = found.unwrap_or_else(|| {
            self.suppliers.push(supplier.clone());
            self.suppliers.len() - 1
        });
        u32::try_from(at).expect("no more suppliers than parties")
    }
}
