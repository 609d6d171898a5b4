//! What parties would have used of the draft's measures, had it been the law.

use crate::ids::Id;
use crate::law::Count;
use crate::records::{PartyNo, TenantNo, WalletNo};
use crate::state::State;
use crate::terms::Terms;
use ledger::{AccountClass, AssetNo};
use money::{Atoms, Rounding};
use policy::{GiveBack, Move, Per, RuleAsset, Ruleset, Side};
use std::collections::BTreeMap;

/// Counters of the draft's own.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    /// By party.
    counts: Vec<Vec<Count>>,
    /// What may be given back yet.
    made: BTreeMap<Id, Made>,
}

#[derive(Debug)]
struct Made {
    whole: u64,
    moves: Vec<(PartyNo, Move)>,
}

impl Shadow {
    /// The sum of a measure since a period, later ones included.
    fn since(&self, party: PartyNo, measure: u16, from: u32) -> u128 {
        let counts = self
            .counts
            .get(party.0 as usize)
            .map_or(&[][..], Vec::as_slice);
        let of = |count: &&Count| count.measure == measure && count.period >= from;
        let found = counts.iter().filter(of);
        found.fold(0, |sum, count| sum.saturating_add(count.used))
    }

    fn add(&mut self, set: &Ruleset, party: PartyNo, moved: &Move) {
        let at = party.0 as usize;
        if self.counts.len() <= at {
            self.counts.resize_with(at + 1, Vec::new);
        }
        let counts = &mut self.counts[at];
        let kept = set.measure(moved.measure).map_or(0, |m| m.periods_kept());
        let last = counts.iter().filter(|c| c.measure == moved.measure);
        let last = last.map(|c| c.period).max().unwrap_or(0).max(moved.period);
        let oldest = last.saturating_sub(kept);
        counts.retain(|c| c.measure != moved.measure || c.period >= oldest);
        let place = |c: &Count| (c.measure, c.period) == (moved.measure, moved.period);
        match counts.iter_mut().find(|count| place(count)) {
            // What an authentication has set to zero meanwhile is not given back twice.
            Some(count) => count.used = count.used.saturating_add_signed(moved.delta),
            None if moved.delta > 0 && moved.period >= oldest => counts.push(Count {
                measure: moved.measure,
                period: moved.period,
                used: moved.delta.unsigned_abs(),
            }),
            None => {}
        }
    }

    /// Counts something that is made, and remembers what it may give back.
    pub fn take(&mut self, set: &Ruleset, id: Id, whole: u64, moves: Vec<(PartyNo, Move)>) {
        for (party, moved) in &moves {
            self.add(set, *party, moved);
        }
        self.remember(set, id, whole, moves);
    }

    fn remember(&mut self, set: &Ruleset, id: Id, whole: u64, mut moves: Vec<(PartyNo, Move)>) {
        moves.retain(|(_, moved)| {
            let measure = set.measure(moved.measure);
            moved.delta > 0 && measure.is_some_and(|m| m.refund_gives_back() || m.void_gives_back())
        });
        if !moves.is_empty() {
            self.made.insert(id, Made { whole, moves });
        }
    }

    /// So much of it has been refunded, after so much before; less than before is taken again.
    pub fn refund(&mut self, set: &Ruleset, id: Id, before: u64, after: u64) {
        let Some(made) = self.made.get(&id) else {
            return;
        };
        let (low, high) = (before.min(after), before.max(after));
        let back = |(party, moved): &(PartyNo, Move)| {
            let back = set.give_back(moved, GiveBack::Refund, low, high, made.whole)?;
            let delta = if after >= before {
                back.delta
            } else {
                -back.delta
            };
            Some((*party, Move { delta, ..back }))
        };
        let backs: Vec<_> = made.moves.iter().filter_map(back).collect();
        for (party, back) in backs {
            self.add(set, party, &back);
        }
    }

    /// Part of an authorization is captured under an id of its own, which is what is refunded.
    pub fn capture(&mut self, set: &Ruleset, hold: Id, capture: Id, amount: u64) {
        let Some(made) = self.made.get(&hold) else {
            return;
        };
        let whole = i128::from(made.whole.max(1));
        let share = |moved: &Move| Move {
            delta: moved.delta * i128::from(amount) / whole,
            ..*moved
        };
        let moves = made
            .moves
            .iter()
            .map(|(party, moved)| (*party, share(moved)));
        let moves = moves.collect();
        self.remember(set, capture, amount, moves);
    }

    /// So much of it will never be made.
    pub fn void(&mut self, set: &Ruleset, id: Id, amount: u64) {
        let Some(made) = self.made.remove(&id) else {
            return;
        };
        for (party, moved) in &made.moves {
            let amount = amount.min(made.whole);
            if let Some(back) = set.give_back(moved, GiveBack::Void, 0, amount, made.whole) {
                self.add(set, *party, &back);
            }
        }
    }
}

/// The counters as one check sees them.
pub(super) struct Counters<'c> {
    pub shadow: &'c Shadow,
    /// What earlier checks of the same payment would move.
    pub moved: &'c [(PartyNo, Move)],
    pub state: &'c State,
    pub tenant: TenantNo,
    /// Payer and payee.
    pub wallets: [WalletNo; 2],
}

impl Counters<'_> {
    fn wallet(&self, side: Side) -> WalletNo {
        match side {
            Side::Payer => self.wallets[0],
            Side::Payee => self.wallets[1],
        }
    }
}

impl policy::Counters for Counters<'_> {
    fn used(&self, side: Side, measure: u16, from: u32, _: u32) -> u128 {
        let party = self.state.wallet(self.wallet(side)).party;
        let used = self.shadow.since(party, measure, from);
        let moved = self.moved.iter().filter(|(whose, moved)| {
            *whose == party && moved.measure == measure && moved.period >= from
        });
        moved.fold(used, |sum, (_, moved)| {
            sum.saturating_add_signed(moved.delta)
        })
    }

    fn balance(&self, side: Side, per: Per, asset: &RuleAsset) -> u128 {
        let wallet = self.wallet(side);
        let terms = self.state.tenant(self.tenant).map(|tenant| &tenant.terms);
        let held = |wallet: WalletNo| {
            let accounts = self.state.accounts_of(wallet);
            let accounts = accounts.filter(|(_, a)| a.class == AccountClass::Wallet);
            accounts.fold(0u128, |sum, (_, account)| {
                let atoms = u64::try_from(account.balance.max(0)).unwrap_or(u64::MAX);
                let worth = terms.and_then(|t| convert(t, account.asset.0, asset.number, atoms));
                sum.saturating_add(u128::from(worth.unwrap_or(0)))
            })
        };
        match per {
            Per::Instrument => held(wallet),
            Per::Party => {
                let party = self.state.wallet(wallet).party;
                let wallets = self.state.wallets_of(party);
                wallets.fold(0, |sum: u128, wallet| sum.saturating_add(held(wallet)))
            }
        }
    }
}

/// An amount in another asset at the tenant's reference rate, rounded up; `None` without a rate.
pub(super) fn convert(terms: &Terms, from: u16, to: u16, atoms: u64) -> Option<u64> {
    if from == to {
        return Some(atoms);
    }
    let (from, to) = (AssetNo(from), AssetNo(to));
    let rates = &terms.reference_rates;
    let rate = rates.iter().find(|r| r.base == from && r.quote == to)?;
    Some(rate.rate.convert(Atoms(atoms), Rounding::Up).ok()?.atoms.0)
}
