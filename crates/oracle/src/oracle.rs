//! One command after another: known, refused without a trace, refused for good, or done.

use crate::books::{CREDIT, Missing, Moves};
use crate::entries::Purpose;
use crate::prices::Priced;
use crate::{
    Account, Books, Civil, Command, Dispute, Hold, Id, Op, Seller, Spend, Standing, Supply,
    TaxRules, Terms, TopUp, Use, Withdrawal, civil,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// Where an answer stands in the journal: row and place in it.
pub type Place = (u64, u32);

/// How far ahead an id's own time may be.
const AHEAD_MS: u64 = 300_000;

/// What happened, in the API's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// The kind of event.
    pub kind: &'static str,
    /// Why it was refused, if it was.
    pub code: Option<&'static str>,
    /// All included; of a group, of all its items.
    pub gross: u64,
    /// The tax in it.
    pub tax: u64,
    /// The fee in it.
    pub fee: u64,
}

pub(crate) fn done(kind: &'static str) -> Done {
    Done {
        kind,
        code: None,
        gross: 0,
        tax: 0,
        fee: 0,
    }
}

/// What a command should come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// An answer, new and final.
    Done(Done),
    /// The answer given before, there, and whether it was to the same command.
    Known(Place, bool),
    /// It leaves no trace.
    Rejected(&'static str),
}

pub(crate) enum Stop {
    Reject(&'static str),
    /// For good; whose refusal it is, or `u32::MAX`.
    Deny(&'static str, u32),
}

pub(crate) type Rule<T> = Result<T, Stop>;

pub(crate) fn reject<T>(code: &'static str) -> Rule<T> {
    Err(Stop::Reject(code))
}

pub(crate) fn deny<T>(code: &'static str, party: u32) -> Rule<T> {
    Err(Stop::Deny(code, party))
}

/// A payment that may be taken back.
#[derive(Clone, Debug)]
pub(crate) struct Payment {
    /// The id of the event it is part of: its own or its group's.
    pub event: Id,
    pub asset: u16,
    pub gross: u64,
    pub payee: u32,
    pub moves: Rc<Moves>,
    pub taken: Taken,
    /// What was sold with it, in the order it was given.
    pub supplies: Vec<Supply>,
}

/// What a payment took that a refund may give back.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    /// Of limits: whose, when, how much.
    pub room: Option<(u32, Civil, u64)>,
    /// Of a price.
    pub used: Option<Use>,
}

/// A payment that waits for its payer.
#[derive(Clone, Debug)]
pub struct Pending {
    spend: Spend,
    /// What the payer is to pay.
    pub(crate) gross: u64,
    /// Until when.
    pub expires: u64,
}

impl Pending {
    pub(crate) fn payer(&self) -> Id {
        self.spend.payer
    }
}

/// An id that was answered.
#[derive(Clone, Debug)]
pub struct Answered {
    /// Where the answer stands.
    pub place: Place,
    /// When it arrived.
    pub arrived: u64,
    /// The command.
    pub command: Rc<Command>,
}

/// What the platform's answer says of ids whose time is past the window, where it is free to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Hint {
    /// It did not know the id, which it may if that carries no time.
    pub forgotten: bool,
    /// It refused an id as expired, which it may if the window has grown since.
    pub expired: bool,
}

pub(crate) enum Seen {
    New,
    At(Place),
    Not(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    pub id: Id,
    pub terms: Rc<Terms>,
    pub tax: Option<Rc<TaxRules>>,
    /// What its limits were first in.
    pub limits_asset: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Hold,
    StepUp,
}

/// The naive ledger.
#[derive(Debug, Default)]
pub struct Oracle {
    /// Who has what.
    pub books: Books,
    /// Payments that wait for confirmation.
    pub pending: HashMap<(u32, Id), Pending>,
    /// Top-ups not settled.
    pub topups: BTreeMap<(u32, Id), TopUp>,
    /// Withdrawals under way.
    pub withdrawals: BTreeMap<(u32, Id), Withdrawal>,
    /// Open disputes.
    pub disputes: BTreeMap<(u32, Id), Dispute>,
    /// Every id answered.
    pub answered: HashMap<(u32, Id), Answered>,
    /// Authorizations and confirmations that ended by their time, and how often: an id without a
    /// time may be used again when it is forgotten.
    pub expired: BTreeMap<(u32, Id), u32>,
    /// The time of the last answer or expiry.
    pub last: u64,
    pub(crate) opened: bool,
    pub(crate) window_ms: u64,
    pub(crate) assets: Vec<&'static str>,
    pub(crate) tenants: Vec<Tenant>,
    pub(crate) party_nos: HashMap<(u32, Id), u32>,
    pub(crate) wallet_nos: HashMap<(u32, Id), u32>,
    pub(crate) payments: HashMap<(u32, Id), Payment>,
    /// By number.
    pub(crate) prices: Vec<Priced>,
    /// Settings of sellers, by party.
    pub(crate) sellers: BTreeMap<u32, Seller>,
    /// Top-ups closed, by which event.
    pub(crate) closed_topups: HashMap<(u32, Id), (Id, TopUp)>,
    pub(crate) timers: BTreeSet<(u64, Timer, u32, Id)>,
    refusals: HashMap<(u32, u32, &'static str), u32>,
    refusals_second: u64,
    // The command under way.
    pub(crate) tenant: u32,
    pub(crate) now: u64,
    pub(crate) civil: Civil,
    pub(crate) hint: Hint,
    /// Whatever came before this may be forgotten.
    may_be_forgotten: u64,
    /// The group under way and the payments its items made.
    pub(crate) group: Option<(Id, Vec<Id>)>,
}

impl Oracle {
    /// Lets time pass: what is due ends. Time never runs back.
    pub fn pass(&mut self, clock_ms: u64) {
        self.now = self.last.max(clock_ms);
        while let Some(&(due, timer, tenant, id)) = self.timers.first() {
            if due > self.now {
                break;
            }
            self.timers.pop_first();
            self.last = self.now;
            *self.expired.entry((tenant, id)).or_default() += 1;
            self.tenant = tenant;
            match timer {
                Timer::Hold => self.release(id),
                Timer::StepUp => {
                    self.pending.remove(&(tenant, id));
                }
            }
        }
    }

    /// What a command comes to when the clock says so, and does it. The hint says which of two right
    /// answers the platform gave, where it is free to choose.
    pub fn ask(&mut self, command: &Command, clock_ms: u64, hint: Hint) -> Verdict {
        self.pass(clock_ms);
        self.hint = hint;
        self.tenant = command.tenant;
        if self.opened {
            let before = self.now.saturating_sub(self.window_ms);
            self.may_be_forgotten = self.may_be_forgotten.max(before);
        }
        let id = command.id;
        if !self.opened && !matches!(command.op, Op::SetShard { .. }) {
            return Verdict::Rejected("shard_not_open");
        }
        if id == 0 {
            return Verdict::Rejected("malformed");
        }
        let mut continued = false;
        match self.seen(id, hint) {
            Seen::New if self.is_open(id) => return Verdict::Rejected("id_reused"),
            Seen::New => {}
            Seen::Not(code) => return Verdict::Rejected(code),
            Seen::At(place) => match self.continues(command) {
                None => {
                    let same = self.answered.get(&(command.tenant, id));
                    let same = same.is_some_and(|a| is_same(&a.command, command));
                    return Verdict::Known(place, same);
                }
                Some(false) => return Verdict::Rejected("id_reused"),
                Some(true) => continued = true,
            },
        }
        let result = match &command.op {
            Op::SetShard { .. } | Op::RegisterAsset { .. } | Op::OpenTenant { .. } => {
                self.shard_wide(&command.op)
            }
            _ if command.tenant as usize >= self.tenants.len() => reject("not_found"),
            op => {
                self.civil = self.civil_now();
                self.rule(id, op)
            }
        };
        let answer = match result {
            Ok(answer) => answer,
            Err(Stop::Reject(code)) => return Verdict::Rejected(code),
            Err(Stop::Deny(code, party)) => {
                let most = self.terms().refusals_per_second;
                if self.refused_this_second(party, code) >= most && !continued {
                    return Verdict::Rejected("throttled");
                }
                let second = self.now / 1000;
                if second != self.refusals_second {
                    self.refusals_second = second;
                    self.refusals.clear();
                }
                let key = (self.tenant, party, code);
                *self.refusals.entry(key).or_default() += 1;
                let kind = match &command.op {
                    Op::Transfer { .. } => "transfer.refused",
                    Op::Capture { .. } => "capture.refused",
                    Op::Refund { .. } => "refund.refused",
                    Op::TopUp { .. } => "topup.refused",
                    Op::Withdraw { .. } => "withdrawal.refused",
                    Op::Group { .. } => "group.refused",
                    _ => "refused",
                };
                Done {
                    code: Some(code),
                    ..done(kind)
                }
            }
        };
        if continued {
            self.forget_pending(id);
        }
        self.last = self.now;
        Verdict::Done(answer)
    }

    /// Where the answer to a command that was done stands.
    pub fn placed(&mut self, command: &Rc<Command>, answer: &Done, place: Place) {
        let mut ids = vec![command.id];
        if let (Op::Group { items }, None) = (&command.op, answer.code) {
            ids.extend(items.iter().map(|(id, _)| *id));
        }
        for id in ids {
            let answered = Answered {
                place,
                arrived: self.last,
                command: command.clone(),
            };
            self.answered.insert((command.tenant, id), answered);
        }
    }

    /// The number of a wallet of any tenant.
    #[must_use]
    pub fn wallet_no(&self, tenant: u32, id: Id) -> Option<u32> {
        self.wallet_nos.get(&(tenant, id)).copied()
    }

    /// What has settled of each source and rests with somebody all the same, by tenant and asset.
    pub fn settled_sums(&self) -> impl Iterator<Item = (u32, u16, u8, i128)> {
        let pools = self.pools().into_iter();
        pools.map(|((tenant, asset, source), sum)| (tenant, asset, source, sum))
    }

    /// What has settled of each source, by tenant and asset, and rests with somebody all the same:
    /// what rests on it less what is still to come from it.
    fn pools(&self) -> BTreeMap<(u32, u16, u8), i128> {
        let mut pools = BTreeMap::new();
        for (account, balance) in &self.books.accounts {
            let (tenant, asset) = (self.books.tenant_of(account), account.asset());
            if account.origin() != 0 {
                *pools.entry((tenant, asset, account.origin())).or_default() += balance.balance;
            }
            if let Account::Wallet { source: CREDIT, .. } = account {
                *pools.entry((tenant, asset, CREDIT)).or_default() += balance.balance.min(0);
            }
        }
        for (key, topup) in self.topups.iter().filter(|(_, topup)| topup.spendable) {
            let reversed = self.books.reversed.get(key).copied().unwrap_or(0);
            let pool = pools.entry((key.0, topup.asset, topup.source));
            *pool.or_default() -= i128::from(topup.amount - reversed);
        }
        pools
    }

    /// What has settled of a source of this tenant and rests with somebody all the same.
    pub(crate) fn pool(&self, asset: u16, source: u8) -> i128 {
        let key = (self.tenant, asset, source);
        self.pools().get(&key).copied().unwrap_or(0)
    }

    /// What could not be taken back is owed. It rests on its source as far as more rests on that
    /// than is still to come; the rest is the operator's loss.
    fn book_missing(&mut self) {
        for missing in std::mem::take(&mut self.books.missing) {
            let Missing {
                party,
                asset,
                origin,
                amount,
            } = missing;
            let resting = match origin {
                _ if amount == 0 => continue,
                0 => 0,
                source => self.pool(asset, source).clamp(0, i128::from(amount)),
            };
            let mut moves = Moves::new();
            for (origin, owed) in [(origin, resting), (0, i128::from(amount) - resting)] {
                let debt = Account::Owed {
                    party,
                    asset,
                    origin,
                };
                self.books.post(&mut moves, debt, -owed);
            }
        }
    }

    pub(crate) fn rule(&mut self, id: Id, op: &Op) -> Rule<Done> {
        let done = self.rule_of(id, op)?;
        self.book_missing();
        Ok(done)
    }

    fn rule_of(&mut self, id: Id, op: &Op) -> Rule<Done> {
        match op {
            Op::Pay { spend, payee } => self.pay(id, spend, &[(*payee, 1)], Purpose::Pay, false),
            Op::Transfer { spend, payee } => {
                self.pay(id, spend, &[(*payee, 1)], Purpose::Transfer, false)
            }
            Op::Authorize {
                spend,
                payee,
                expires,
            } => self.pay(
                id,
                spend,
                &[(*payee, 1)],
                Purpose::Authorize(*expires),
                false,
            ),
            Op::Split { spend, payees } => self.pay(id, spend, payees, Purpose::Pay, true),
            Op::Capture {
                payment,
                amount,
                last,
            } => self.capture(id, *payment, *amount, *last),
            Op::Void { payment } => self.void(*payment),
            Op::Refund {
                payment,
                amount,
                carried,
            } => self.refund(*payment, *amount, *carried),
            Op::Group { items } => self.group(id, items),
            Op::TopUp { .. }
            | Op::SettleTopUp { .. }
            | Op::ReverseTopUp { .. }
            | Op::SettleEarned { .. } => self.top_up(id, op),
            Op::Withdraw { .. }
            | Op::SendWithdrawal { .. }
            | Op::SettleWithdrawal { .. }
            | Op::ReturnWithdrawal { .. } => self.withdrawal(id, op),
            Op::GrantMandate { .. } | Op::RevokeMandate { .. } => self.mandate(id, op),
            Op::OpenDispute { .. } | Op::ResolveDispute { .. } => self.dispute(id, op),
            _ => self.people(op),
        }
    }

    /// The milliseconds a version 7 id carries.
    fn time_of(id: Id) -> Option<u64> {
        (id >> 76 & 0xf == 7).then_some((id >> 80) as u64)
    }

    pub(crate) fn seen(&self, id: Id, hint: Hint) -> Seen {
        let known = self.answered.get(&(self.tenant, id));
        // An hour until the shard says otherwise.
        let window_ms = if self.opened {
            self.window_ms
        } else {
            3_600_000
        };
        match Self::time_of(id) {
            Some(time) if time > self.now + AHEAD_MS => return Seen::Not("id_in_future"),
            Some(time) if time + window_ms <= self.now => return Seen::Not("id_expired"),
            // The window was smaller once.
            Some(time) if hint.expired && time < self.may_be_forgotten => {
                return Seen::Not("id_expired");
            }
            Some(_) => {}
            None => {
                let old = known.is_some_and(|a| a.arrived < self.may_be_forgotten);
                if hint.forgotten && old {
                    return Seen::New;
                }
            }
        }
        known.map_or(Seen::New, |answered| Seen::At(answered.place))
    }

    /// Whether a command confirms a payment that waits: `None` if not, else whether it is that one.
    fn continues(&self, command: &Command) -> Option<bool> {
        let (Op::Pay { spend, .. }
        | Op::Authorize { spend, .. }
        | Op::Transfer { spend, .. }
        | Op::Split { spend, .. }) = &command.op
        else {
            return None;
        };
        let key = (command.tenant, command.id);
        let waits = spend.confirmed && self.pending.contains_key(&key);
        let first = self.answered.get(&key)?;
        waits.then(|| is_same(&first.command, command))
    }

    /// Whether a forgotten id without a time still stands for something open.
    pub(crate) fn is_open(&self, id: Id) -> bool {
        let key = (self.tenant, id);
        Self::time_of(id).is_none()
            && (self.books.holds.contains_key(&key)
                || self.pending.contains_key(&key)
                || self.topups.contains_key(&key)
                || self.withdrawals.contains_key(&key)
                || self.books.mandates.contains_key(&key)
                || self.disputes.contains_key(&key)
                || self.books.reversed.get(&key).is_some_and(|sum| *sum > 0))
    }

    /// What is to end anyway need not be confirmed any more.
    pub(crate) fn ask_to_confirm(&mut self, id: Id, spend: &Spend, gross: u64, ends: Option<u64>) {
        let expires = self.now.saturating_add(self.terms().step_up_ms);
        let expires = expires.min(ends.unwrap_or(u64::MAX));
        let spend = *spend;
        self.timers
            .insert((expires, Timer::StepUp, self.tenant, id));
        let pending = Pending {
            spend,
            gross,
            expires,
        };
        self.pending.insert((self.tenant, id), pending);
    }

    pub(crate) fn forget_pending(&mut self, id: Id) {
        if let Some(pending) = self.pending.remove(&(self.tenant, id)) {
            self.timers
                .remove(&(pending.expires, Timer::StepUp, self.tenant, id));
        }
    }

    pub(crate) fn open_hold(&mut self, id: Id, hold: Hold) {
        self.timers
            .insert((hold.expires, Timer::Hold, self.tenant, id));
        self.books.holds.insert((self.tenant, id), hold);
    }

    pub(crate) fn close_hold(&mut self, id: Id) -> Option<Hold> {
        let hold = self.books.holds.remove(&(self.tenant, id))?;
        self.timers
            .remove(&(hold.expires, Timer::Hold, self.tenant, id));
        Some(hold)
    }

    pub(crate) fn remember(
        &mut self,
        id: Id,
        (asset, gross): (u16, u64),
        payee: u32,
        moves: Moves,
        taken: Taken,
        supplies: Vec<Supply>,
    ) {
        let event = match &mut self.group {
            Some((group, payments)) => {
                payments.push(id);
                *group
            }
            None => id,
        };
        let moves = Rc::new(moves);
        let payment = Payment {
            event,
            asset,
            gross,
            payee,
            moves,
            taken,
            supplies,
        };
        self.payments.insert((self.tenant, id), payment);
    }

    pub(crate) fn refused_this_second(&self, party: u32, code: &'static str) -> u32 {
        if self.refusals_second != self.now / 1000 {
            return 0;
        }
        let key = (self.tenant, party, code);
        self.refusals.get(&key).copied().unwrap_or(0)
    }

    pub(crate) fn terms(&self) -> Rc<Terms> {
        self.tenants[self.tenant as usize].terms.clone()
    }

    pub(crate) fn civil_now(&self) -> Civil {
        let terms = &self.tenants[self.tenant as usize].terms;
        let offset = match terms.offset_then {
            Some((from, then)) if from <= self.now => then,
            _ => terms.offset_s,
        };
        civil(self.now, i64::from(offset))
    }

    pub(crate) fn wallet(&self, id: Id) -> Rule<u32> {
        let found = self.wallet_nos.get(&(self.tenant, id)).copied();
        found.ok_or(Stop::Reject("not_found"))
    }

    pub(crate) fn party(&self, id: Id) -> Rule<u32> {
        let found = self.party_nos.get(&(self.tenant, id)).copied();
        found.ok_or(Stop::Reject("not_found"))
    }

    /// The asset exists and the amount is not zero.
    pub(crate) fn amount(&self, asset: u16, amount: u64) -> Rule<()> {
        if usize::from(asset) >= self.assets.len() {
            return reject("not_found");
        }
        if amount == 0 {
            return reject("amount_zero");
        }
        Ok(())
    }

    /// The wallet and its party may act.
    pub(crate) fn active(&self, wallet: u32) -> Rule<()> {
        let record = &self.books.wallets[wallet as usize];
        let party = &self.books.parties[record.party as usize];
        match (record.standing, party.standing) {
            (Standing::Frozen, _) => deny("wallet_frozen", record.party),
            (Standing::Closed, _) => deny("wallet_closed", record.party),
            (_, Standing::Active) => Ok(()),
            _ => deny("party_suspended", record.party),
        }
    }

    /// Per asset, the sum of all balances: zero.
    #[must_use]
    pub fn trial_balance(&self) -> BTreeMap<u16, i128> {
        let mut sums = BTreeMap::new();
        for (account, balance) in &self.books.accounts {
            *sums.entry(account.asset()).or_default() += balance.balance;
        }
        sums
    }

    /// What authorizations set aside, by account.
    #[must_use]
    pub fn held_sums(&self) -> BTreeMap<Account, i128> {
        let mut sums = BTreeMap::new();
        for (account, amount) in self.books.holds.values().flat_map(|hold| &hold.legs) {
            *sums.entry(*account).or_default() += i128::from(*amount);
        }
        sums
    }
}

/// Whether two commands under one id ask for the same, evidence and score aside.
fn is_same(first: &Command, again: &Command) -> bool {
    let plain = |op: &Op| {
        let mut op = op.clone();
        leave_out(&mut op);
        op
    };
    first.id == again.id && plain(&first.op) == plain(&again.op)
}

/// Takes away what is no part of what is asked, of a group's items too.
fn leave_out(op: &mut Op) {
    match op {
        Op::Pay { spend, .. }
        | Op::Authorize { spend, .. }
        | Op::Transfer { spend, .. }
        | Op::Split { spend, .. } => (spend.risk, spend.confirmed) = (0, false),
        Op::Refund { carried, .. } | Op::OpenDispute { carried, .. } => *carried = 0,
        Op::ReverseTopUp { carried, .. } => *carried = None,
        // Where nothing was decided, a tax is the operator's, whoever sold.
        Op::RoundTax(rounding) if rounding.payment == 0 => {
            (rounding.seller, rounding.is_fee, rounding.share) = (0, false, 0);
        }
        Op::Group { items } => items.iter_mut().for_each(|(_, item)| leave_out(item)),
        _ => {}
    }
}
