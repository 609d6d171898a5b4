//! One question to the ruleset: its facts, the counters it reads, and its conversions.

use super::{Draft, Scratch, country, kind, tier};
use crate::law::{Asked, Circumstances, Confirmed, Count, Law, MEASURE_FIRST, Measured, since};
use crate::records::{Leg, Party, PartyNo, WalletNo};
use crate::terms::Terms;
use crate::time::UtcMillis;
use crate::view::View;
use ledger::{Account, AssetNo, Source};
use money::Rate;
use policy::{
    Alike, Channel, Civil, Counters, Dimension, Facts, Flag, Funds, Moves, Outcome, PartyFacts,
    Payment, Per, Redeemable, RuleAsset, RuleNo, Screening, Side, Traced, Verdict,
};

const FUNDS: usize = 9;
const _: () = assert!(Funds::ALL.len() == FUNDS && Source::ALL.len() == FUNDS);

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub payment: Payment,
    pub asset: AssetNo,
    pub payer: WalletNo,
    pub payee: WalletNo,
    pub channel: Channel,
    pub circumstances: Circumstances,
    pub confirmed: Confirmed,
    pub legs: Legs,
    pub asks_payer: bool,
    pub asks_payee: bool,
    pub coming: Coming,
    /// What was authorized comes: the payee's balance alone is asked about.
    pub is_capture: bool,
}

/// What is on its way to the payee and in no balance yet, in the case's asset: the shares of a split
/// that were asked about before, and top-ups that are credited when they settle.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coming {
    /// To this very wallet.
    pub wallet: u64,
    /// To any wallet of its party.
    pub party: u64,
}

impl Case {
    /// The same, to be journaled.
    pub fn asked(&self) -> Asked {
        Asked {
            payment: self.payment,
            confirmed: self.confirmed,
            circumstances: self.circumstances,
            channel: self.channel,
            asks_payer: self.asks_payer,
            asks_payee: self.asks_payee,
            payee: self.payee,
            legs: self.legs.iter().map(|leg| (leg.funds, leg.atoms)).collect(),
            shares: Vec::new(),
            is_capture: self.is_capture,
        }
    }
}

/// The parts of an amount by source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Legs {
    list: [policy::Leg; FUNDS],
    len: usize,
}

impl Legs {
    pub const NONE: Legs = Legs {
        list: [policy::Leg {
            funds: Funds::Card,
            atoms: 0,
        }; FUNDS],
        len: 0,
    };

    pub fn one(funds: Funds, atoms: u64) -> Legs {
        let mut legs = Legs::NONE;
        legs.add(funds, atoms);
        legs
    }

    /// Of what is taken from some accounts.
    #[inline]
    pub fn of<V: View>(view: &V, plan: &[Leg]) -> Legs {
        let mut legs = Legs::NONE;
        legs.add_all(view, plan);
        legs
    }

    /// Adds what is taken from some accounts.
    #[inline]
    pub fn add_all<V: View>(&mut self, view: &V, plan: &[Leg]) {
        for leg in plan {
            self.add(funds(view.account(leg.account)), leg.amount);
        }
    }

    #[inline]
    pub fn add(&mut self, funds: Funds, atoms: u64) {
        let known = self.list[..self.len].iter_mut().find(|l| l.funds == funds);
        match known {
            Some(leg) => leg.atoms = leg.atoms.saturating_add(atoms),
            None => {
                self.list[self.len] = policy::Leg { funds, atoms };
                self.len += 1;
            }
        }
    }

    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = &policy::Leg> {
        self.list[..self.len].iter()
    }

    pub fn sum(&self) -> u64 {
        self.iter()
            .fold(0, |sum, leg| sum.saturating_add(leg.atoms))
    }

    /// Takes so much out, in order.
    pub fn take(&mut self, amount: u64) -> Legs {
        let (mut taken, mut rest) = (Legs::NONE, amount);
        for leg in &mut self.list[..self.len] {
            let part = leg.atoms.min(rest);
            if part > 0 {
                leg.atoms -= part;
                rest -= part;
                taken.add(leg.funds, part);
            }
        }
        taken
    }
}

/// The source of an account's value: of income that has not settled, what it rests on.
#[inline]
pub(crate) fn funds(account: &Account) -> Funds {
    let source = match (account.source, account.origin) {
        (Some(Source::Earned), Some(origin)) => origin,
        (Some(source), _) => source,
        (None, _) => Source::Earned,
    };
    funds_of(source)
}

/// A source as the rules know it.
#[inline]
pub(crate) fn funds_of(source: Source) -> Funds {
    // The same words in the same order; the test below holds them together.
    Funds::ALL[source as usize - 1]
}

/// What a question is, apart from amounts and from how long ago things were.
pub(crate) struct Asking<'a> {
    pub payment: Payment,
    pub asset: AssetNo,
    /// Payer and payee.
    pub parties: [PartyNo; 2],
    pub channel: Channel,
    pub circumstances: &'a Circumstances,
    pub confirmed: Confirmed,
    /// The sources, as bits.
    pub funds: u16,
    /// Of payer and payee.
    pub asks: [bool; 2],
}

/// A source as a bit.
#[inline]
pub(crate) fn bit(funds: Funds) -> u16 {
    1 << funds as u16
}

const _: () = assert!(Funds::ALL.len() <= 16 && Flag::ALL.len() <= 16);

impl Asking<'_> {
    /// In words: questions of the same words have the same [`Court::facts`].
    #[inline(always)]
    pub fn alike<V: View>(&self, view: &V) -> Alike {
        let [payer, payee] = self.parties.map(|party| view.party(party).about());
        let [asks_payer, asks_payee] = self.asks.map(u8::from);
        let is_same = u8::from(self.parties[0] == self.parties[1]);
        let c = self.circumstances;
        // In the order of the record, so that they are read at once.
        let circumstances = u32::from_le_bytes([
            c.product as u8,
            c.presence as u8,
            c.technology as u8,
            self.channel as u8,
        ]);
        let how = u32::from_le_bytes([
            c.screening as u8,
            self.payment as u8,
            self.confirmed.0,
            asks_payer | asks_payee << 1 | is_same << 2,
        ]);
        let how = u64::from(circumstances) << 32 | u64::from(how);
        // Fewer than sixteen flags and sources: none runs into the next.
        let flags = u64::from(c.flags.bits());
        let funds = u64::from(self.funds) << 16;
        Alike([
            payer,
            payee,
            how,
            flags | funds | u64::from(self.asset.0) << 32,
        ])
    }
}

/// Who answers: the ruleset with what it may read.
pub(crate) struct Court<'a, V: View> {
    pub view: &'a V,
    pub law: &'a Law,
    pub terms: &'a Terms,
    pub moments: &'a [Civil],
    pub now: UtcMillis,
    /// What the event has moved so far.
    pub counting: &'a [Measured],
}

impl<'a, V: View> Court<'a, V> {
    #[inline]
    pub fn new(draft: &'a Draft<'_, V>, law: &'a Law) -> Court<'a, V> {
        Court {
            view: draft.view,
            law,
            terms: draft.terms,
            moments: draft.moments,
            now: draft.now,
            counting: &draft.scratch.counting,
        }
    }

    /// The same, and the memory for what it answers.
    #[inline]
    pub fn with_moves(draft: &'a mut Draft<'_, V>, law: &'a Law) -> (Court<'a, V>, &'a mut Moves) {
        let Scratch {
            moves, counting, ..
        } = &mut *draft.scratch;
        let court = Court {
            view: draft.view,
            law,
            terms: draft.terms,
            moments: draft.moments,
            now: draft.now,
            counting,
        };
        (court, moves)
    }

    pub fn check(&self, case: &Case, moves: &mut Moves) -> Verdict {
        let parties = self.parties(case);
        let facts = self.facts(case, parties);
        let funds = case.legs.iter().fold(0, |all, leg| all | bit(leg.funds));
        let asking = Asking {
            payment: case.payment,
            asset: case.asset,
            parties,
            channel: case.channel,
            circumstances: &case.circumstances,
            confirmed: case.confirmed,
            funds,
            asks: [case.asks_payer, case.asks_payee],
        };
        let books = self.books(case, parties);
        let rate = |to: &RuleAsset| self.rate(case.asset, to);
        let (set, alike) = (&self.law.ruleset, asking.alike(self.view));
        set.check_alike(&alike, &facts, self.moments, &books, rate, moves)
    }

    /// Whether what was authorized may come to its payee.
    pub fn receive(&self, case: &Case, moves: &mut Moves) -> Verdict {
        let parties = self.parties(case);
        let (facts, books) = (self.facts(case, parties), self.books(case, parties));
        let convert = |to: &RuleAsset, amount| self.convert(case.asset, to, amount);
        let set = &self.law.ruleset;
        set.receive(&facts, self.moments, &books, convert, moves)
    }

    #[inline]
    fn books(&self, case: &Case, parties: [PartyNo; 2]) -> Books<'_, 'a, V> {
        Books {
            court: self,
            wallets: [case.payer, case.payee],
            parties,
            counts: parties.map(|party| self.view.counts(party)),
            asset: case.asset,
            coming: case.coming,
        }
    }

    /// What is said of anything: a refund is allowed or it is not, and moves nothing by being one.
    pub fn answer(&self, case: &Case, moves: &mut Moves) -> Verdict {
        if case.is_capture {
            return self.receive(case, moves);
        }
        if case.payment != Payment::Refund {
            return self.check(case, moves);
        }
        moves.moves.clear();
        moves.trace.clear();
        let Some(traced) = self.forbids(case) else {
            return Verdict::Allow;
        };
        moves.trace.push(traced);
        Verdict::Deny {
            rule: traced.rule,
            verify: None,
        }
    }

    /// What something that was made moves, whatever the rules say of it.
    pub fn count(&self, case: &Case, moves: &mut Moves) {
        let facts = self.facts(case, self.parties(case));
        let convert = |to: &RuleAsset, amount| self.convert(case.asset, to, amount);
        let set = &self.law.ruleset;
        set.count(&facts, self.moments, convert, moves);
    }

    /// The first rule that stands against what is done with these sources, whatever the amount.
    pub fn forbids(&self, case: &Case) -> Option<Traced> {
        let facts = self.facts(case, self.parties(case));
        let rule = self.law.ruleset.forbids(&facts, self.moments)?;
        Some(Traced {
            rule,
            outcome: Outcome::Denied,
            used: 0,
            asked: 0,
        })
    }

    /// Whether what is left may be had back as money.
    pub fn redemption(&self, case: &Case) -> Option<(Redeemable, RuleNo)> {
        let facts = self.facts(case, self.parties(case));
        self.law.ruleset.redemption(&facts, self.moments)
    }

    #[inline]
    pub fn parties(&self, case: &Case) -> [PartyNo; 2] {
        [case.payer, case.payee].map(|wallet| self.view.wallet(wallet).party)
    }

    fn facts<'c>(&self, case: &'c Case, [payer_no, payee_no]: [PartyNo; 2]) -> Facts<'c> {
        let (payer, payee) = (self.view.party(payer_no), self.view.party(payee_no));
        let mut flags = case.circumstances.flags;
        let passes_on = matches!(
            case.payment,
            Payment::Spend | Payment::Transfer | Payment::Gift
        );
        if payer_no == payee_no && passes_on {
            flags.insert(Flag::SameParty);
        }
        let or = |found, other| match found {
            Screening::Clear => other,
            found => found,
        };
        let of_parties = or(payer.particulars.screening, payee.particulars.screening);
        let screening = or(case.circumstances.screening, of_parties);
        let registered = if case.asks_payer { payer } else { payee }.registered;
        // Hours begun are not hours gone by.
        let hour = u32::try_from(self.now.0 / 3_600_000).unwrap_or(u32::MAX);
        let since = hour.saturating_sub(registered).saturating_sub(1);
        Facts {
            payment: case.payment,
            asset: case.asset.0,
            legs: &case.legs.list[..case.legs.len],
            payer: party_facts(payer),
            payee: party_facts(payee),
            channel: case.channel,
            product: case.circumstances.product,
            presence: case.circumstances.presence,
            technology: case.circumstances.technology,
            screening,
            flags,
            confirmed: case.confirmed.set(),
            elapsed: case.circumstances.elapsed(since),
            asks_payer: case.asks_payer,
            asks_payee: case.asks_payee,
        }
    }

    fn convert(&self, from: AssetNo, to: &RuleAsset, amount: u64) -> Option<u64> {
        self.terms.convert(from, self.number(to)?, amount)
    }

    fn rate(&self, from: AssetNo, to: &RuleAsset) -> Option<Rate> {
        self.terms.rate(from, self.number(to)?)
    }

    /// An asset that came to the shard after the activation is known by its name.
    fn number(&self, asset: &RuleAsset) -> Option<AssetNo> {
        if asset.number != u16::MAX {
            return Some(AssetNo(asset.number));
        }
        let (no, known) = self.view.base().asset(asset.asset.code)?;
        (known == asset.asset).then_some(no)
    }
}

#[inline]
fn party_facts(party: &Party) -> PartyFacts {
    PartyFacts {
        country: country(party.country),
        tier: tier(party.tier),
        kind: kind(party.kind),
        age: party.particulars.age,
        segment: party.particulars.segment,
    }
}

/// What was counted and is held before.
struct Books<'a, 'c, V: View> {
    court: &'a Court<'c, V>,
    wallets: [WalletNo; 2],
    parties: [PartyNo; 2],
    counts: [&'a [Count]; 2],
    asset: AssetNo,
    coming: Coming,
}

impl<V: View> Counters for Books<'_, '_, V> {
    #[inline]
    fn used(&self, side: Side, measure: u16, from: u32, to: u32) -> u128 {
        self.used_and_period(side, measure, from, to).0
    }

    /// Never an earlier period than one already counted in, even where a zone moved west.
    #[inline]
    fn used_and_period(&self, side: Side, measure: u16, from: u32, to: u32) -> (u128, u32) {
        let measure = MEASURE_FIRST + measure;
        let (mut used, latest) = since(self.counts[side as usize], measure, from);
        let party = self.parties[side as usize];
        for moved in self.court.counting {
            if (moved.party, moved.measure) == (party, measure) && moved.period >= from {
                used = used.saturating_add_signed(moved.delta);
            }
        }
        (used, latest.max(to))
    }

    /// What is held in an asset that has no rate counts as more than any number: the strict side.
    fn balance(&self, side: Side, per: Per, asset: &RuleAsset) -> u128 {
        let of = |wallet| self.holds(wallet, asset);
        let (held, coming) = match per {
            Per::Instrument => (of(self.wallets[side as usize]), self.coming.wallet),
            Per::Party => {
                let state = self.court.view.base();
                let wallets = state.wallets_of(self.parties[side as usize]);
                let held = wallets.fold(0, |sum: u128, wallet| sum.saturating_add(of(wallet)));
                (held, self.coming.party)
            }
        };
        if coming == 0 || side == Side::Payer {
            return held;
        }
        let more = self.court.convert(self.asset, asset, coming);
        held.saturating_add(more.map_or(u128::MAX, u128::from))
    }
}

impl<V: View> Books<'_, '_, V> {
    fn holds(&self, wallet: WalletNo, asset: &RuleAsset) -> u128 {
        let view = self.court.view;
        let mut sum = 0u128;
        let mut no = view.wallet(wallet).first;
        while no.is_some() {
            let account = view.account(no);
            let held = u128::try_from(account.balance).unwrap_or(0);
            if held > 0 && account.source != Some(Source::Credit) {
                let more = if account.asset.0 == asset.number {
                    held
                } else {
                    let atoms = u64::try_from(held).unwrap_or(u64::MAX);
                    let converted = self.court.convert(account.asset, asset, atoms);
                    converted.map_or(u128::MAX, u128::from)
                };
                sum = sum.saturating_add(more);
            }
            no = account.next;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_the_same_words_to_the_ledger_and_to_the_rules() {
        for source in Source::ALL {
            assert_eq!(funds_of(source).word(), source.as_str());
        }
    }
}
