//! The fold: what an event changes in State. It holds no rule and decides nothing.
//!
//! **Frozen for each released effect**: a journal of years ago must fold to the same State. The
//! golden journals assert the resulting digest.

use crate::event::{Effect, Event, EventKind};
use crate::ids::Id;
use crate::law::{self, Activated, Backfilled, Backfilling, Counted, Counts, Law, Moved, Proposal};
use crate::prices::Metered;
use crate::recents::Position;
use crate::records::{
    Hold, Key, Mandate, OperatorKey, Party, PartyNo, Tenant, TenantNo, TimerKind, Wallet, WalletNo,
};
use crate::state::State;
use crate::taxes::{self, Case, TaxInForce, TaxSet, Taxpayer};
use crate::terms::Terms;
use crate::view::Fold;
use ledger::{Account, AccountClass, AccountNo, AssetNo, Source};
use std::collections::BTreeMap;
use std::sync::Arc;
use tax::Current;

/// Folds an event that stands at `position` into the state.
pub fn apply(state: &mut State, event: &Event, position: Position) {
    if event.at > state.now {
        state.now = event.at;
        state.recents.advance(event.at);
        let second = event.at.0 / 1000;
        if second != state.refusals_second {
            state.refusals_second = second;
            state.refusals.clear();
        }
        state.turn_tax(event.tenant);
    }
    fold(state, event);
    state
        .sums
        .posted(event.tenant, &event.postings, &state.book);
    if event.id.is_some() {
        state
            .recents
            .put(event.tenant.0, event.id, event.at, position);
        if event.kind == EventKind::Grouped {
            for part in event.parts() {
                state
                    .recents
                    .put(event.tenant.0, part.id, event.at, position);
            }
        }
    }
}

/// Folds postings and effects alone: what both State and a group's overlay do.
#[inline]
pub(crate) fn fold<F: Fold>(to: &mut F, event: &Event) {
    // Accounts are opened before anything is posted to them, and cases before anything names them.
    for effect in &event.effects {
        match effect {
            Effect::AccountOpened { .. } => open_account(to, event.tenant, effect),
            Effect::TaxCase(case) => to.add_case((**case).clone()),
            _ => {}
        }
    }
    for posting in &event.postings {
        to.account_mut(posting.account).post(posting.amount);
    }
    if event.kind == EventKind::Grouped {
        fold_items(to, event);
        return;
    }
    for (at, effect) in event.effects.iter().enumerate() {
        let next = event.effects.get(at + 1);
        fold_effect(to, event.tenant, event.id, effect, next);
    }
}

/// Folds the effects of a group's items.
#[inline(never)]
fn fold_items<F: Fold>(to: &mut F, event: &Event) {
    for (at, effect) in event.effects.iter().enumerate() {
        // An effect belongs to the item it stands before; after the last it is the group's.
        let id = part_id_after(event, at).unwrap_or(event.id);
        fold_effect(to, event.tenant, id, effect, event.effects.get(at + 1));
    }
}

fn part_id_after(event: &Event, from: usize) -> Option<Id> {
    event.effects[from..]
        .iter()
        .find_map(|effect| match effect {
            Effect::Part { id, .. } => Some(*id),
            _ => None,
        })
}

#[inline(always)] // Once for payments, once for groups.
fn fold_effect<F: Fold>(
    to: &mut F,
    tenant: TenantNo,
    id: Id,
    effect: &Effect,
    next: Option<&Effect>,
) {
    match *effect {
        Effect::Paid(ref paid) => {
            // Captures and refunds say what they move, and so do the shares of a split.
            let says = paid.of.is_some() || matches!(next, Some(Effect::Taxed(_)));
            if paid.case > 0 && !says {
                let seller = to.wallet(paid.payee).party;
                // It stands right behind.
                let fee_tax = match next {
                    Some(&Effect::FeeTax { case, amount, .. }) if case > 0 => amount,
                    _ => 0,
                };
                let (net, fee) = (paid.gross - paid.tax, paid.fee - fee_tax);
                let new = true;
                count_turnover(to, tenant, (paid.case, new), seller, paid.asset, (net, fee));
            }
        }
        Effect::FeeTax { .. }
        | Effect::By(_)
        | Effect::About { .. }
        | Effect::Text { .. }
        | Effect::Released { .. }
        | Effect::Asked(_)
        | Effect::Counted(_)
        | Effect::AccountOpened { .. }
        | Effect::TaxCase(_)
        | Effect::Priced(_)
        | Effect::Part { .. } => {}
        Effect::Measured {
            party,
            measure,
            period,
            delta,
            ..
        } if measure >= law::MEASURE_FIRST => {
            count(to, tenant, party, measure, period, delta);
        }
        Effect::Measured {
            party,
            measure,
            period,
            delta,
            ..
        } => {
            let party = to.party_mut(party);
            let m = usize::from(measure);
            if period > party.period[m] {
                party.period[m] = period;
                party.used[m] = 0;
            }
            if period == party.period[m] {
                party.used[m] = party.used[m]
                    .checked_add_signed(delta)
                    .expect("room given back was used before: decide gives back no more than that");
            }
        }
        Effect::Moved(ref moved) => count_all(to, tenant, moved),
        ref rarer => fold_rarer(to, tenant, id, rarer),
    }
}

/// Moves what a payment has in the law's measures.
#[inline(never)]
fn count_all<F: Fold>(to: &mut F, tenant: TenantNo, moved: &Moved) {
    let counts = to.counts_mut(moved.party);
    for (at, (measure, period, delta, _)) in moved.rows().enumerate() {
        if !counts.raise(measure, period, delta) {
            // Where there is more to it, it and those after it are moved one by one.
            return count_from(to, tenant, moved, at);
        }
    }
}

#[cold]
fn count_from<F: Fold>(to: &mut F, tenant: TenantNo, moved: &Moved, from: usize) {
    for (measure, period, delta, _) in moved.rows().skip(from) {
        count(to, tenant, moved.party, measure, period, i128::from(delta));
    }
}

/// Moves a sum of a measure of the law, or begins it.
#[inline]
fn count<F: Fold>(
    to: &mut F,
    tenant: TenantNo,
    party: PartyNo,
    measure: u16,
    period: u32,
    delta: i128,
) {
    if !law::add(to.counts_mut(party), measure, period, delta) {
        let law = to.base().tenants[tenant.0 as usize].law.as_ref();
        let kept = law.map_or(0, |law| law.periods_kept(measure));
        law::begin(to.counts_mut(party), measure, period, delta, kept);
    }
}

/// What the commonest payment has not.
#[inline(never)]
fn fold_rarer<F: Fold>(to: &mut F, tenant: TenantNo, id: Id, effect: &Effect) {
    match *effect {
        Effect::Held { account, delta } => {
            let account = to.account_mut(account);
            account.held = account.held.checked_add_signed(delta).expect(
                "what is released was held: decide takes it from the legs of its authorization",
            );
        }
        Effect::HoldOpened(ref hold) => to.open_hold((tenant, id), (**hold).clone()),
        Effect::HoldTaken {
            payment,
            leg,
            amount,
        } => {
            to.hold_mut((tenant, payment)).legs[leg as usize].amount -= amount;
        }
        Effect::HoldCaptured {
            payment,
            amount,
            tax,
            fee,
        } => {
            let hold = to.hold_mut((tenant, payment));
            hold.captured += amount;
            hold.tax_taken += tax;
            hold.fee_taken += fee;
        }
        Effect::HoldClosed { payment } => to.close_hold((tenant, payment)),
        Effect::Reversed { thing, amount } => {
            let sum = to.reversed((tenant, thing)) + amount;
            to.set_reversed((tenant, thing), sum);
        }
        Effect::Unreversed { thing, amount } => {
            let sum = to.reversed((tenant, thing)) - amount;
            to.set_reversed((tenant, thing), sum);
        }
        Effect::MandateUsed {
            mandate,
            day,
            delta,
            ..
        } => {
            let mandate = to.mandate_mut((tenant, mandate));
            if day > mandate.day.0 {
                mandate.day.0 = day;
                mandate.used = 0;
            }
            if day == mandate.day.0 {
                mandate.used = mandate
                    .used
                    .checked_add_signed(delta)
                    .expect("room given back was used before: decide gives back no more than that");
            }
        }
        Effect::SourceSettled {
            asset,
            source,
            delta,
        } => to.move_pool(tenant, asset, source, delta),
        Effect::Taxed(ref moved) => {
            let sums = (moved.net, moved.fee);
            let new = false;
            count_turnover(
                to,
                tenant,
                (moved.case, new),
                moved.seller,
                moved.asset,
                sums,
            );
        }
        Effect::Loaded {
            wallet,
            asset,
            holds,
        } => to.set_loaded(wallet, asset, holds),
        Effect::Piloted { payer, amount } => to.pilot(tenant, payer, amount),
        Effect::Metered(ref metered) => to.set_meter(metered),
        ref other => to.other(tenant, id, other),
    }
}

/// Counts a sale for its supplier and its fee for the operator, in the thresholds that their case
/// names. Each is without its tax. The case of a new sale is remembered for the supplier's next; that of
/// what is captured or given back is older, and the supplier may have changed since.
#[inline]
fn count_turnover<F: Fold, N: Copy + Default + PartialEq + Into<i128>>(
    to: &mut F,
    tenant: TenantNo,
    (case, is_new): (u32, bool),
    seller: PartyNo,
    asset: AssetNo,
    (net, fee): (N, N),
) {
    let Some(gist) = to.gist(case) else {
        return;
    };
    let (owner, month) = (gist.owner(seller), gist.month);
    let (together, fee_together) = (gist.counts, gist.fee_counts);
    if (is_new && owner != PartyNo::NONE) || together > 0 {
        let taxpayer = to.taxpayer_mut(tenant, owner);
        if is_new {
            taxpayer.case = case;
        }
        if together > 0 {
            taxpayer.count(together, month, asset, net);
        }
    }
    if fee_together > 0 && fee != N::default() {
        let operator = to.taxpayer_mut(tenant, PartyNo::NONE);
        operator.count(fee_together, month, asset, fee);
    }
}

fn open_account<F: Fold>(to: &mut F, tenant: TenantNo, effect: &Effect) {
    let &Effect::AccountOpened {
        no,
        class,
        owner,
        sub,
        asset,
        source,
        origin,
    } = effect
    else {
        return;
    };
    assert_eq!(
        no.0 as usize,
        to.accounts_len(),
        "accounts are numbered in order"
    );
    to.open_account(
        tenant,
        Account {
            balance: 0,
            held: 0,
            credit_limit: 0,
            owner,
            next: AccountNo::NONE,
            sub,
            asset,
            class,
            source,
            origin,
        },
    );
    let first = match class {
        AccountClass::Wallet => to.wallet(WalletNo(owner)).first,
        AccountClass::Receivable => to.party(PartyNo(owner)).receivable,
        AccountClass::SellerTax | AccountClass::SellerRounding => {
            let key = OperatorKey::new(asset, class, sub, origin);
            let taxpayer = to.taxpayer_mut(tenant, PartyNo(owner));
            return taxpayer.add_account(key, no);
        }
        _ => {
            let key = OperatorKey::new(asset, class, sub, origin);
            return to.name_operator_account(tenant, key, no);
        }
    };
    if first.is_some() {
        let mut last = first;
        while to.account(last).next.is_some() {
            last = to.account(last).next;
        }
        to.account_mut(last).next = no;
    } else if class == AccountClass::Wallet {
        to.wallet_mut(WalletNo(owner)).first = no;
    } else {
        to.party_mut(PartyNo(owner)).receivable = no;
    }
}

impl State {
    /// Compiles a tenant's tax table for the day, where it has turned: derived, and no decision.
    #[inline]
    pub(crate) fn turn_tax(&mut self, tenant: TenantNo) {
        let now = self.now;
        if let Some(tenant) = self.tenants.get_mut(tenant.0 as usize)
            && let Some(tax) = &mut tenant.tax
        {
            tax.current
                .turn(taxes::date(tenant.terms.zone.civil(now).day));
        }
    }

    fn set_tax(&mut self, no: TenantNo, set: &TaxSet) {
        let since = self.now;
        let tenant = &mut self.tenants[no.0 as usize];
        tenant.tax_version = set.version;
        let before = tenant.tax.take();
        let of_before = || before.map(|before| before.current.rules);
        let rules = set.rules.clone().or_else(of_before).unwrap_or_default();
        tenant.tax = set.settings.clone().map(|settings| {
            let mut current = Current::new(rules, tax::Date::MIN);
            current.format_is_enough = settings.format_is_enough;
            Box::new(TaxInForce {
                version: set.version,
                hash: set.hash,
                since,
                settings,
                current,
            })
        });
        self.turn_tax(no);
    }

    fn close_proposal(&mut self, tenant: TenantNo, id: Id) -> Option<Proposal> {
        let proposal = self.proposals.remove(&(tenant, id))?;
        if let Some(effective) = proposal.effective {
            self.timers.remove(&(effective, TimerKind::Law, tenant, id));
        }
        Some(proposal)
    }

    /// Takes a law as it was compiled; only the packs' texts are looked up where they were proposed.
    fn put_in_force(&mut self, tenant: TenantNo, activated: &Activated) {
        let proposed = self.close_proposal(tenant, activated.proposal);
        let before = self.tenants[tenant.0 as usize].law.take();
        let texts = || {
            let of_before = before.iter().flat_map(|law| &law.packs);
            proposed.iter().flat_map(|p| &p.packs).chain(of_before)
        };
        let packs = activated.packs.iter().map(|pack| {
            let kept = texts().find(|kept| kept.id == pack.id && kept.hash == pack.hash);
            kept.expect("a law's packs were proposed with it or before it")
                .clone()
        });
        let law = Law {
            version: activated.version,
            proposal: activated.proposal,
            activated: self.now,
            settings: activated.settings.clone(),
            packs: packs.collect(),
            ruleset: activated.ruleset.clone(),
            zones: activated.zones.clone(),
            backfilling: (!activated.backfills.is_empty()).then(|| Backfilling {
                measures: activated.backfills.clone(),
                part: 0,
            }),
        };
        let counted_in = |law: &Law| law.settings.pilot.as_ref()?.volume_max.map(|(a, _)| a);
        let tenant = &mut self.tenants[tenant.0 as usize];
        // What was counted in one asset says nothing in another.
        if counted_in(&law) != before.as_deref().and_then(counted_in) {
            tenant.piloted = 0;
        }
        tenant.law = Some(Arc::new(law));
    }

    /// Takes a part of what was done before a law. With the first, what was left of the measures
    /// from an earlier law goes.
    fn backfill(&mut self, tenant: TenantNo, counted: &Backfilled) {
        let Some(law) = self.tenants[tenant.0 as usize].law.as_mut() else {
            return;
        };
        let law = Arc::make_mut(law);
        let Some(backfilling) = &mut law.backfilling else {
            return;
        };
        backfilling.part = counted.part + 1;
        let measures = std::mem::take(&mut backfilling.measures);
        if counted.is_last {
            law.backfilling = None;
        } else {
            backfilling.measures.clone_from(&measures);
        }
        if counted.part == 0 {
            self.forget_measures(tenant, &measures);
        }
        for sum in &counted.sums {
            let counts = self.counts_mut(sum.party);
            // A sum of its own for each measure and period: all of them are still needed.
            law::add_or_begin(counts, sum.measure, sum.period, sum.delta, u32::MAX);
        }
        for (id, taken) in &counted.open {
            let key = (tenant, *id);
            let list = match self.holds.get_mut(&key) {
                Some(hold) => Some(&mut hold.counted),
                None => match self.withdrawals.get_mut(&key) {
                    Some(withdrawal) => Some(&mut withdrawal.counted),
                    None => match self.topups.get_mut(&key) {
                        Some(topup) => Some(&mut topup.counted),
                        None => self.disputes.get_mut(&key).map(|d| &mut d.counted),
                    },
                },
            };
            // It may have ended meanwhile.
            if let Some(list) = list {
                list.push(*taken);
            }
        }
    }

    /// Drops what is kept of measures.
    fn forget_measures(&mut self, tenant: TenantNo, measures: &[u16]) {
        for party in self.parties.iter().filter(|party| party.tenant == tenant) {
            if let Some(counts) = self.counts.get_mut(party.counts as usize) {
                counts.retain(|count| !measures.contains(&count.measure));
            }
        }
        fn lists<'r, R: 'r>(
            records: &'r mut BTreeMap<Key, R>,
            tenant: TenantNo,
            of: impl Fn(&mut R) -> &mut Vec<Counted>,
        ) -> impl Iterator<Item = &'r mut Vec<Counted>> {
            let ours = records.iter_mut().filter(move |(key, _)| key.0 == tenant);
            ours.map(move |(_, record)| of(record))
        }
        let holds = lists(&mut self.holds, tenant, |hold| &mut hold.counted);
        let topups = lists(&mut self.topups, tenant, |topup| &mut topup.counted);
        let withdrawals = lists(&mut self.withdrawals, tenant, |w| &mut w.counted);
        let disputes = lists(&mut self.disputes, tenant, |dispute| &mut dispute.counted);
        let all = holds.chain(topups).chain(withdrawals).chain(disputes);
        all.for_each(|list| list.retain(|taken| !measures.contains(&taken.measure)));
    }
}

impl Fold for State {
    #[inline]
    fn account_mut(&mut self, no: AccountNo) -> &mut Account {
        self.book.account_mut(no)
    }
    fn wallet_mut(&mut self, no: WalletNo) -> &mut Wallet {
        &mut self.wallets[no.0 as usize]
    }
    #[inline]
    fn party_mut(&mut self, no: PartyNo) -> &mut Party {
        &mut self.parties[no.0 as usize]
    }
    fn hold_mut(&mut self, key: Key) -> &mut Hold {
        self.holds
            .get_mut(&key)
            .expect("an effect names a hold that stands")
    }
    fn open_hold(&mut self, key: Key, hold: Hold) {
        self.timers
            .insert((hold.expires, TimerKind::Hold, key.0, key.1));
        self.holds.insert(key, hold);
    }
    fn close_hold(&mut self, key: Key) {
        if let Some(hold) = self.holds.remove(&key) {
            self.timers
                .remove(&(hold.expires, TimerKind::Hold, key.0, key.1));
        }
    }
    fn mandate_mut(&mut self, key: Key) -> &mut Mandate {
        self.mandates
            .get_mut(&key)
            .expect("an effect names a mandate that stands")
    }
    fn set_reversed(&mut self, key: Key, amount: u64) {
        if amount == 0 {
            self.reversed.remove(&key);
        } else {
            self.reversed.insert(key, amount);
        }
    }
    fn open_account(&mut self, tenant: TenantNo, account: Account) {
        self.sums.opened(tenant, &account);
        self.book.open(account);
    }
    fn name_operator_account(&mut self, tenant: TenantNo, key: OperatorKey, no: AccountNo) {
        let accounts = &mut self.tenants[tenant.0 as usize].accounts;
        let at = accounts.partition_point(|(k, _)| *k < key);
        accounts.insert(at, (key, no));
    }

    fn move_pool(&mut self, tenant: TenantNo, asset: AssetNo, source: Source, delta: i128) {
        let pools = &mut self.tenants[tenant.0 as usize].settled;
        let pool = pools
            .iter_mut()
            .find(|(a, s, _)| (*a, *s) == (asset, source));
        match pool {
            Some((_, _, sum)) => *sum += delta,
            None => pools.push((asset, source, delta)),
        }
    }

    #[inline]
    fn counts_mut(&mut self, party: PartyNo) -> &mut Counts {
        let next = self.counts.len();
        let party = &mut self.parties[party.0 as usize];
        if party.counts == u32::MAX {
            party.counts = u32::try_from(next).expect("no more lists than parties");
            self.counts.push(Counts::default());
        }
        &mut self.counts[party.counts as usize]
    }
    fn set_loaded(&mut self, wallet: WalletNo, asset: AssetNo, holds: u64) {
        self.loaded.insert((wallet, asset), holds);
    }
    #[inline]
    fn taxpayer_mut(&mut self, tenant: TenantNo, party: PartyNo) -> &mut Taxpayer {
        State::taxpayer_mut(self, tenant, party)
    }
    fn add_case(&mut self, case: Case) {
        State::add_case(self, case);
    }
    fn set_meter(&mut self, metered: &Metered) {
        let key = (metered.party, metered.price);
        self.meters.insert(key, metered.meter);
    }
    fn pilot(&mut self, tenant: TenantNo, payer: PartyNo, amount: u64) {
        let tenant = &mut self.tenants[tenant.0 as usize];
        tenant.piloted += u128::from(amount);
        tenant.pilot_payers += u32::from(self.piloted.insert(payer));
    }

    fn other(&mut self, tenant: TenantNo, id: Id, effect: &Effect) {
        let key = (tenant, id);
        match *effect {
            Effect::Refused(ref refused) => {
                *self
                    .refusals
                    .entry((tenant, refused.party, refused.code))
                    .or_default() += 1;
            }
            Effect::ShardSet { window } => {
                self.opened = true;
                self.recents.set_window(window);
            }
            Effect::AssetRegistered { asset } => self.assets.push(asset),
            Effect::TenantOpened { tenant, mode } => self.tenants.push(Tenant {
                id: tenant,
                mode,
                terms: Terms::default(),
                terms_version: 0,
                accounts: Vec::new(),
                settled: Vec::new(),
                limits_asset: None,
                law: None,
                piloted: 0,
                pilot_payers: 0,
                tax: None,
                tax_version: 0,
                taxpayer: 0,
            }),
            Effect::TermsSet(ref terms) => {
                let tenant = &mut self.tenants[tenant.0 as usize];
                tenant.terms = (**terms).clone();
                tenant.terms_version += 1;
                let counted_in = terms.limits.as_ref().map(|limits| limits.asset);
                tenant.limits_asset = counted_in.or(tenant.limits_asset);
            }
            Effect::PartyRegistered {
                party,
                kind,
                country,
                tier,
                particulars,
            } => {
                let record = Party {
                    used: Default::default(),
                    period: Default::default(),
                    tenant,
                    receivable: AccountNo::NONE,
                    country,
                    tier,
                    kind,
                    standing: Default::default(),
                    particulars,
                    registered: u32::try_from(self.now.0 / 3_600_000).unwrap_or(u32::MAX),
                    counts: u32::MAX,
                };
                self.add_party(party, record);
            }
            Effect::PartyChanged {
                party,
                country,
                tier,
                standing,
                particulars,
            } => {
                let no = party;
                let party = self.party_mut(no);
                (party.country, party.tier, party.standing) = (country, tier, standing);
                party.particulars = particulars;
                self.forget_case(no);
            }
            Effect::WalletOpened { wallet, party } => self.add_wallet(Wallet {
                id: wallet,
                party,
                tenant,
                first: AccountNo::NONE,
                standing: Default::default(),
            }),
            Effect::WalletChanged { wallet, standing } => {
                self.wallet_mut(wallet).standing = standing;
            }
            Effect::CreditSet { account, limit } => {
                self.account_mut(account).credit_limit = limit;
            }
            Effect::TopUpOpened(ref topup) => {
                self.topups.insert(key, (**topup).clone());
            }
            Effect::TopUpClosed { topup, .. } => {
                self.topups.remove(&(tenant, topup));
            }
            Effect::WithdrawalOpened(ref withdrawal) => {
                self.withdrawals.insert(key, (**withdrawal).clone());
            }
            Effect::WithdrawalSent { withdrawal } => {
                if let Some(w) = self.withdrawals.get_mut(&(tenant, withdrawal)) {
                    w.sent = true;
                }
            }
            Effect::WithdrawalClosed { withdrawal } => {
                self.withdrawals.remove(&(tenant, withdrawal));
            }
            Effect::MandateGranted(ref mandate) => {
                self.mandates.insert(key, (**mandate).clone());
            }
            Effect::MandateRevoked { mandate } => {
                self.mandate_mut((tenant, mandate)).revoked = true;
            }
            Effect::PendingOpened(ref pending) => {
                self.timers
                    .insert((pending.expires, TimerKind::StepUp, tenant, id));
                self.pending.insert(key, (**pending).clone());
            }
            Effect::PendingClosed { payment } => {
                if let Some(pending) = self.pending.remove(&(tenant, payment)) {
                    self.timers
                        .remove(&(pending.expires, TimerKind::StepUp, tenant, payment));
                }
            }
            Effect::DisputeOpened(ref dispute) => {
                self.disputes.insert(key, (**dispute).clone());
            }
            Effect::DisputeClosed { dispute } => {
                self.disputes.remove(&(tenant, dispute));
            }
            Effect::CorrectionProposed(ref correction) => {
                self.timers
                    .insert((correction.expires, TimerKind::Correction, tenant, id));
                self.corrections.insert(key, (**correction).clone());
            }
            Effect::CorrectionClosed { correction } => {
                if let Some(record) = self.corrections.remove(&(tenant, correction)) {
                    let timer = (record.expires, TimerKind::Correction, tenant, correction);
                    self.timers.remove(&timer);
                }
            }
            Effect::LawProposed(ref proposal) => {
                self.proposals.insert(key, (**proposal).clone());
            }
            Effect::LawApproved {
                proposal,
                effective,
            } => {
                if let Some(record) = self.proposals.get_mut(&(tenant, proposal)) {
                    record.effective = Some(effective);
                    self.timers
                        .insert((effective, TimerKind::Law, tenant, proposal));
                }
            }
            Effect::LawClosed { proposal } => {
                self.close_proposal(tenant, proposal);
            }
            Effect::LawActivated(ref activated) => self.put_in_force(tenant, activated),
            Effect::Backfilled(ref counted) => self.backfill(tenant, counted),
            Effect::TaxSet(ref set) => self.set_tax(tenant, set),
            Effect::TaxpayerSet { party, ref profile } => {
                let supplier = profile.supplier.as_ref().map(|s| self.supplier_no(s));
                let taxpayer = State::taxpayer_mut(self, tenant, party);
                (taxpayer.supplier, taxpayer.buyer) = (supplier, profile.buyer);
                self.forget_case(party);
            }
            Effect::PriceSet(ref set) => self.set_price(tenant, set),
            Effect::PriceArchived { price } => self.prices[price.0 as usize].archived = true,
            Effect::PlanSet(ref set) => self.set_plan(tenant, set),
            Effect::PlanArchived { plan } => self.plans[plan.0 as usize].archived = true,
            Effect::SubscriptionSet(ref set) => self.set_subscription(tenant, set),
            Effect::RefusalsCounted { .. } | Effect::SnapshotTaken { .. } => {}
            ref folded => unreachable!("{folded:?} is folded for every view"),
        }
    }
}
