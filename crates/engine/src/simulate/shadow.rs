//! What parties would have used of the draft's measures, had it been the law.

use crate::ids::Id;
use crate::law::{Count, MEASURE_FIRST, latest};
use crate::records::{Hold, Key, Mandate, OperatorKey, Party, PartyNo, TenantNo, Wallet, WalletNo};
use crate::state::State;
use crate::taxes::{Case, Question, Taxpayer};
use crate::view::View;
use ledger::{Account, AccountNo, AssetNo, Source};
use policy::{GiveBack, Move, Ruleset};
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
    /// What a party has used, in the order of measure and period.
    pub fn counts(&self, party: PartyNo) -> &[Count] {
        let counts = self.counts.get(party.0 as usize);
        counts.map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, set: &Ruleset, party: PartyNo, moved: &Move) {
        let at = party.0 as usize;
        if self.counts.len() <= at {
            self.counts.resize_with(at + 1, Vec::new);
        }
        let counts = &mut self.counts[at];
        let measure = MEASURE_FIRST + moved.measure;
        let kept = set.measure(moved.measure).map_or(0, |m| m.periods_kept());
        let last = latest(counts, measure).unwrap_or(0).max(moved.period);
        let oldest = last.saturating_sub(kept);
        counts.retain(|count| count.measure != measure || count.period >= oldest);
        let at = counts.partition_point(|c| (c.measure, c.period) < (measure, moved.period));
        match counts.get_mut(at) {
            // What an authentication has set to zero meanwhile is not given back twice.
            Some(count) if (count.measure, count.period) == (measure, moved.period) => {
                count.used = count.used.saturating_add_signed(moved.delta);
            }
            _ if moved.delta > 0 && moved.period >= oldest => counts.insert(
                at,
                Count {
                    measure,
                    period: moved.period,
                    used: moved.delta.unsigned_abs(),
                },
            ),
            _ => {}
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

/// State as the draft sees it: with the draft's own counters.
pub(super) struct Shadowed<'s, V> {
    pub view: &'s V,
    pub shadow: &'s Shadow,
}

impl<V: View> View for Shadowed<'_, V> {
    fn base(&self) -> &State {
        self.view.base()
    }
    fn account(&self, no: AccountNo) -> &Account {
        self.view.account(no)
    }
    fn accounts_len(&self) -> usize {
        self.view.accounts_len()
    }
    fn wallet(&self, no: WalletNo) -> &Wallet {
        self.view.wallet(no)
    }
    fn party(&self, no: PartyNo) -> &Party {
        self.view.party(no)
    }
    fn hold(&self, key: Key) -> Option<&Hold> {
        self.view.hold(key)
    }
    fn mandate(&self, key: Key) -> Option<&Mandate> {
        self.view.mandate(key)
    }
    fn reversed(&self, key: Key) -> u64 {
        self.view.reversed(key)
    }
    fn operator_account(&self, tenant: TenantNo, key: OperatorKey) -> Option<AccountNo> {
        self.view.operator_account(tenant, key)
    }
    fn pool(&self, tenant: TenantNo, asset: AssetNo, source: Source) -> i128 {
        self.view.pool(tenant, asset, source)
    }
    fn used_in_group(&self, id: Id) -> bool {
        self.view.used_in_group(id)
    }
    fn counts(&self, party: PartyNo) -> &[Count] {
        self.shadow.counts(party)
    }
    fn loaded(&self, wallet: WalletNo, asset: AssetNo) -> Option<u64> {
        self.view.loaded(wallet, asset)
    }
    fn piloted(&self, tenant: TenantNo) -> (u32, u128) {
        self.view.piloted(tenant)
    }
    fn has_piloted(&self, payer: PartyNo) -> bool {
        self.view.has_piloted(payer)
    }
    fn taxpayer(&self, tenant: TenantNo, party: PartyNo) -> Option<&Taxpayer> {
        self.view.taxpayer(tenant, party)
    }
    fn case(&self, no: u32) -> Option<&Case> {
        self.view.case(no)
    }
    fn cases_len(&self) -> usize {
        self.view.cases_len()
    }
    fn find_case(&self, question: &Question, is_it: impl Fn(&Case) -> bool) -> Option<u32> {
        self.view.find_case(question, is_it)
    }
}
