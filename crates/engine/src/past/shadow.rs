//! What parties would have used of measures, had another law been in force: counted as the step does.
//!
//! Each sum moves as [`crate::step::law::room`] and [`crate::apply`] move it, so that counters made
//! here are the ones that would be there.

use crate::event::{Effect, EventKind, Part};
use crate::ids::Id;
use crate::law::{Count, Counted, Counts, MEASURE_FIRST, add_or_begin, since};
use crate::prices::Meter;
use crate::records::{
    Hold, Key, Mandate, OperatorKey, Party, PartyNo, PriceNo, TenantNo, Wallet, WalletNo,
};
use crate::state::State;
use crate::step::law::room::used_by_capture;
use crate::taxes::{Case, Gist, Taxpayer, Together, Words};
use crate::view::View;
use ledger::{Account, AccountNo, AssetNo, Source};
use policy::{GiveBack, Move, Ruleset, Side};
use std::collections::{BTreeMap, BTreeSet};

/// So many things are remembered before those are dropped that can give nothing back any more.
const SWEEP_AT: usize = 1 << 16;

/// Counters of one's own.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    /// By party.
    counts: Vec<Counts>,
    /// What may be given back yet.
    made: BTreeMap<Id, Made>,
    /// How many of these there were after the last sweep.
    swept: usize,
    /// Who has paid in a pilot, and how much in all, in its asset.
    pilot: (BTreeSet<PartyNo>, u128),
}

#[derive(Debug)]
struct Made {
    whole: u64,
    counted: Vec<Counted>,
}

fn kept(set: &Ruleset, measure: u16) -> u32 {
    let measure = set.measure(measure - MEASURE_FIRST);
    measure.map_or(0, policy::Measured::periods_kept)
}

impl Shadow {
    /// What a party has used, in the order of measure and period.
    pub fn counts(&self, party: PartyNo) -> &[Count] {
        let counts = self.counts.get(party.0 as usize);
        counts.map_or(&[], |counts| counts)
    }

    /// Every party's counters.
    pub fn into_sums(self) -> impl Iterator<Item = Counted> {
        let parties = (0u32..).map(PartyNo).zip(self.counts);
        parties.flat_map(|(party, counts)| {
            Vec::from(counts).into_iter().map(move |count| Counted {
                party,
                measure: count.measure,
                period: count.period,
                delta: i128::try_from(count.used()).unwrap_or(i128::MAX),
            })
        })
    }

    /// What was taken by something that may still give it back.
    pub fn taken(&self, id: Id) -> impl Iterator<Item = Counted> {
        self.made
            .get(&id)
            .into_iter()
            .flat_map(|made| made.counted.iter().copied())
    }

    /// Where a move goes: never an earlier period than one already counted in, even where a zone
    /// moved west.
    pub fn placed(&self, party: PartyNo, moved: &Move) -> Counted {
        let measure = MEASURE_FIRST + moved.measure;
        let (_, latest) = since(self.counts(party), measure, 0);
        Counted {
            party,
            measure,
            period: moved.period.max(latest),
            delta: moved.delta,
        }
    }

    fn add(&mut self, set: &Ruleset, counted: &Counted) {
        let at = counted.party.0 as usize;
        if self.counts.len() <= at {
            self.counts.resize_with(at + 1, Counts::default);
        }
        let counts = &mut self.counts[at];
        let (measure, period) = (counted.measure, counted.period);
        let mut there_is = counts.iter();
        let there_is = there_is.find(|c| (c.measure, c.period) == (measure, period));
        // An authentication may have reset it, or its window may be long over.
        let least = there_is.map_or(0, |count| i128::try_from(count.used()).unwrap_or(i128::MAX));
        let delta = counted.delta.max(-least);
        if delta != 0 {
            add_or_begin(counts, measure, period, delta, kept(set, measure));
        }
    }

    /// Counts something that is made, and remembers what it may give back.
    pub fn take(&mut self, set: &Ruleset, id: Id, whole: u64, counted: Vec<Counted>) {
        for counted in &counted {
            self.add(set, counted);
        }
        self.remember(set, id, whole, counted);
    }

    /// Counts a payment in a pilot.
    pub fn pilot(&mut self, payer: PartyNo, amount: u64) {
        self.pilot.0.insert(payer);
        self.pilot.1 = self.pilot.1.saturating_add(u128::from(amount));
    }

    fn remember(&mut self, set: &Ruleset, id: Id, whole: u64, mut counted: Vec<Counted>) {
        counted.retain(|counted| {
            let measure = set.measure(counted.measure - MEASURE_FIRST);
            let gives = measure.is_some_and(|m| m.refund_gives_back() || m.void_gives_back());
            counted.delta > 0 && gives
        });
        if !counted.is_empty() {
            self.made.insert(id, Made { whole, counted });
        }
        if self.made.len() > 2 * self.swept.max(SWEEP_AT) {
            self.sweep();
        }
    }

    /// Forgets what has nothing to give back: its windows are over, or what it took is gone.
    fn sweep(&mut self) {
        let mut made = std::mem::take(&mut self.made);
        let is_there = |counted: &Counted| {
            let counts = self.counts(counted.party).iter();
            let mut same = counts.map(|c| (c.measure, c.period));
            same.any(|key| key == (counted.measure, counted.period))
        };
        made.retain(|_, made| made.counted.iter().any(is_there));
        (self.swept, self.made) = (made.len(), made);
    }

    fn give_back(
        &mut self,
        set: &Ruleset,
        counted: &[Counted],
        how: GiveBack,
        (before, after, whole): (u64, u64, u64),
    ) {
        for counted in counted {
            let moved = Move {
                side: Side::Payer,
                measure: counted.measure - MEASURE_FIRST,
                period: counted.period,
                delta: counted.delta,
                before: 0,
            };
            if let Some(back) = set.give_back(&moved, how, before, after, whole) {
                let delta = back.delta;
                self.add(set, &Counted { delta, ..*counted });
            }
        }
    }

    /// A part of something, from so much to so much of it, is given back.
    fn back(&mut self, set: &Ruleset, id: Id, how: GiveBack, from: u64, to: u64) {
        // What gives back nothing is not there; what is there stays, for more of it may come.
        let Some(made) = self.made.remove(&id) else {
            return;
        };
        self.give_back(set, &made.counted, how, (from, to, made.whole));
        self.made.insert(id, made);
    }

    /// Part of an authorization is captured under an id of its own, which is what is refunded.
    fn capture(&mut self, set: &Ruleset, hold: &Hold, id: Id, capture: Id, amount: u64) {
        let Some(made) = self.made.get(&id) else {
            return;
        };
        let part = (hold.captured, amount, hold.authorized);
        let used = used_by_capture(&made.counted, part);
        self.remember(set, capture, amount, used);
    }

    /// So much of it, from the first on, will never be made.
    fn void(&mut self, set: &Ruleset, id: Id, amount: u64) {
        self.back(set, id, GiveBack::Void, 0, amount);
        self.made.remove(&id);
    }

    /// Gives back what an item of an event undoes; `view` is State right before it.
    pub fn undo<V: View>(&mut self, view: &V, set: &Ruleset, tenant: TenantNo, part: &Part<'_>) {
        let key = |id: Id| (tenant, id);
        let about = part.effects.iter().find_map(|effect| match effect {
            Effect::About { thing } => Some(*thing),
            _ => None,
        });
        let mut captured = 0;
        for effect in part.effects {
            match (effect, part.kind) {
                (&Effect::Reversed { thing, amount }, EventKind::Refunded) => {
                    let so_far = view.reversed(key(thing));
                    self.back(set, thing, GiveBack::Refund, so_far, so_far + amount);
                }
                // What never came was never loaded.
                (&Effect::Reversed { thing, amount }, EventKind::TopUpReversed) => {
                    let is_open = view.base().topups.contains_key(&key(thing));
                    let how = if is_open {
                        GiveBack::Void
                    } else {
                        GiveBack::Refund
                    };
                    let so_far = view.reversed(key(thing));
                    self.back(set, thing, how, so_far, so_far + amount);
                }
                (Effect::DisputeClosed { .. }, EventKind::DisputeLost) => {
                    let record = about.and_then(|id| view.base().disputes.get(&key(id)));
                    if let Some(record) = record {
                        let to = record.before + record.amount;
                        self.back(set, record.payment, GiveBack::Refund, record.before, to);
                    }
                }
                (
                    &Effect::HoldCaptured {
                        payment, amount, ..
                    },
                    _,
                ) => {
                    captured = amount;
                    if let Some(hold) = view.hold(key(payment)) {
                        self.capture(set, hold, payment, part.id, amount);
                    }
                }
                (&Effect::HoldClosed { payment }, _) => {
                    if let Some(hold) = view.hold(key(payment)) {
                        let rest = hold.authorized - hold.captured;
                        self.void(set, payment, rest.saturating_sub(captured));
                    }
                }
                (&Effect::WithdrawalClosed { withdrawal }, EventKind::WithdrawalReturned) => {
                    self.void(set, withdrawal, u64::MAX);
                }
                _ => {}
            }
        }
    }
}

/// State as another law sees it: with the counters of its own.
pub(crate) struct Shadowed<'s, V> {
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
    fn meter(&self, payer: PartyNo, price: PriceNo) -> Option<Meter> {
        self.view.meter(payer, price)
    }
    fn counts(&self, party: PartyNo) -> &[Count] {
        self.shadow.counts(party)
    }
    fn loaded(&self, wallet: WalletNo, asset: AssetNo) -> Option<u64> {
        self.view.loaded(wallet, asset)
    }
    fn piloted(&self, _: TenantNo) -> (u32, u128) {
        let (payers, volume) = &self.shadow.pilot;
        (u32::try_from(payers.len()).unwrap_or(u32::MAX), *volume)
    }
    fn has_piloted(&self, payer: PartyNo) -> bool {
        self.shadow.pilot.0.contains(&payer)
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
    fn gist(&self, no: u32) -> Option<&Gist> {
        self.view.gist(no)
    }
    fn find_case(&self, words: &Words, is_it: impl Fn(&Gist, &Case) -> bool) -> Option<u32> {
        self.view.find_case(words, is_it)
    }
    fn together(&self) -> &Together {
        self.view.together()
    }
}
