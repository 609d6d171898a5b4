//! The event under construction, and the moves every rule is made of: open an account, post,
//! credit a wallet (what its party owes is recovered first), take value back.

use super::law::Scratch;
use crate::code::Code;
use crate::command::Besides;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, Event, Refused};
use crate::ids::{ActorId, Id, WalletId};
use crate::law::{Asked, Law};
use crate::records::{Channel, Key, OperatorKey, PartyNo, Standing, TenantNo, WalletNo};
use crate::state::State;
use crate::terms::{Terms, Tier};
use crate::time::{Civil, UtcMillis};
use crate::view::View;
use ledger::{AccountClass, AccountNo, AssetNo, Posting, Source};

/// What a rule reads and writes.
pub(crate) struct Draft<'d, V: View> {
    pub view: &'d V,
    pub out: &'d mut Event,
    pub tenant: TenantNo,
    pub terms: &'d Terms,
    pub terms_version: u32,
    pub now: UtcMillis,
    pub civil: Civil,
    /// The law in force.
    pub law: Option<&'d Law>,
    /// The moment in each of its zones.
    pub moments: &'d [policy::Civil],
    /// What the law's stage works with, and what moves by the event.
    pub scratch: &'d mut Scratch,
    /// A payment that waited is confirmed by this.
    pub continued: bool,
    /// What was asked of the law, if it refuses or asks.
    pub asked: Option<Box<Asked>>,
    pub actor: ActorId,
    pub besides: Option<&'d Besides>,
    /// Whether a posting moves what is not settled.
    pub unsettled: bool,
    /// What parties owe by this event and is not booked yet.
    pub missing: Vec<Missing>,
}

/// What a party owes: value that could not be taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missing {
    pub party: PartyNo,
    pub asset: AssetNo,
    pub rested_on: Option<Source>,
    pub amount: u64,
}

impl<V: View> Draft<'_, V> {
    pub fn state(&self) -> &State {
        self.view.base()
    }

    /// Who asked, as a person: the key at the head of the actor's line.
    pub fn line(&self) -> ActorId {
        match self.besides {
            Some(besides) if besides.line.0.is_some() => besides.line,
            _ => self.actor,
        }
    }

    pub fn key(&self, id: Id) -> Key {
        (self.tenant, id)
    }

    /// The wallet of a public id; `known` if it was looked up ahead.
    #[inline]
    pub fn find_wallet(
        &self,
        known: WalletNo,
        id: WalletId,
        field: &'static str,
    ) -> Rule<WalletNo> {
        if known != WalletNo::NONE {
            return Ok(known);
        }
        let found = self.state().wallet_no(self.tenant, id);
        found.ok_or(Stop::Reject(Code::NotFound, field))
    }

    /// The asset's existence and an amount of at least one atom.
    pub fn check_amount(&self, asset: AssetNo, amount: u64) -> Rule {
        if asset.0 as usize >= self.state().assets.len() {
            return Err(Stop::Reject(Code::NotFound, "asset"));
        }
        if amount == 0 {
            return Err(Stop::Reject(Code::AmountZero, "amount"));
        }
        Ok(())
    }

    /// Whether a wallet and its party may act.
    #[inline]
    pub fn check_active(&self, wallet: WalletNo, refused: impl Fn(Code) -> Stop) -> Rule {
        let record = self.view.wallet(wallet);
        match record.standing {
            Standing::Active => {}
            Standing::Frozen => return Err(refused(Code::WalletFrozen)),
            Standing::Closed => return Err(refused(Code::WalletClosed)),
        }
        match self.view.party(record.party).standing {
            Standing::Active => Ok(()),
            _ => Err(refused(Code::PartySuspended)),
        }
    }

    /// A refusal of this wallet's party, its numbers still zero.
    pub fn refusal(&self, code: Code, wallet: WalletNo, asset: AssetNo, asked: u64) -> Refused {
        let (party, tier) = if wallet == WalletNo::NONE {
            (PartyNo::NONE, Tier(0))
        } else {
            let party = self.view.wallet(wallet).party;
            (party, self.view.party(party).tier)
        };
        Refused {
            code,
            party,
            wallet,
            payee: WalletNo::NONE,
            asset,
            asked,
            limit: 0,
            used: 0,
            item: 0,
            terms: self.terms_version,
            tier,
            // Known where the command is: when it has come to this.
            content: [0; 32],
            law: self.law.map_or(0, |law| law.version),
            rule: None,
            verify: None,
        }
    }

    pub fn deny(&self, code: Code, wallet: WalletNo, asset: AssetNo, asked: u64) -> Stop {
        Stop::Deny(Box::new(self.refusal(code, wallet, asset, asked)))
    }

    pub fn deny_at(
        &self,
        code: Code,
        wallet: WalletNo,
        asset: AssetNo,
        asked: u64,
        (limit, used): (u128, u128),
    ) -> Stop {
        let refused = self.refusal(code, wallet, asset, asked);
        Stop::Deny(Box::new(Refused {
            limit,
            used,
            ..refused
        }))
    }

    #[inline]
    pub fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    /// Notes which key asked, where it matters later.
    pub fn note_actor(&mut self) {
        if self.actor.0.is_some() {
            self.effect(Effect::By(self.actor));
        }
    }

    /// Posts to an account; nothing for nothing.
    #[inline]
    pub fn post(&mut self, account: AccountNo, amount: i128) {
        if amount != 0 {
            // What this event opened is looked at in the end.
            let known = (account.0 as usize) < self.view.accounts_len();
            self.unsettled |= !known || self.view.account(account).rests_on().is_some();
            self.out.postings.push(Posting { account, amount });
        }
    }

    pub fn credit_account(&mut self, account: AccountNo, amount: u64) {
        self.post(account, i128::from(amount));
    }

    pub fn debit_account(&mut self, account: AccountNo, amount: u64) {
        self.post(account, -i128::from(amount));
    }

    /// What this event has already posted to an account.
    pub fn posted(&self, account: AccountNo) -> i128 {
        self.out
            .postings
            .iter()
            .filter(|p| p.account == account)
            .map(|p| p.amount)
            .sum()
    }

    fn opened(&self) -> usize {
        self.out
            .effects
            .iter()
            .filter(|e| matches!(e, Effect::AccountOpened { .. }))
            .count()
    }

    /// Opens the next account.
    pub fn open(
        &mut self,
        class: AccountClass,
        owner: u32,
        sub: u16,
        asset: AssetNo,
        source: Option<Source>,
        origin: Option<Source>,
    ) -> AccountNo {
        // A journal of 2^32 accounts is far beyond a shard's memory.
        let no = self.view.accounts_len() + self.opened();
        let no = AccountNo(u32::try_from(no).expect("fewer than 2^32 accounts a shard"));
        self.effect(Effect::AccountOpened {
            no,
            class,
            owner,
            sub,
            asset,
            source,
            origin,
        });
        no
    }

    /// An account this event has opened.
    fn find_opened(
        &self,
        class: AccountClass,
        owner: u32,
        sub: u16,
        asset: AssetNo,
        source: Option<Source>,
        origin: Option<Source>,
    ) -> Option<AccountNo> {
        self.out.effects.iter().find_map(|effect| match *effect {
            Effect::AccountOpened {
                no,
                class: c,
                owner: o,
                sub: b,
                asset: a,
                source: s,
                origin: g,
            } if (c, o, b, a, s, g) == (class, owner, sub, asset, source, origin) => Some(no),
            _ => None,
        })
    }

    /// One of the operator's accounts, opened when first needed.
    #[inline]
    pub fn operator(
        &mut self,
        class: AccountClass,
        sub: u16,
        asset: AssetNo,
        origin: Option<Source>,
    ) -> AccountNo {
        let key = OperatorKey::new(asset, class, sub, origin);
        match self.view.operator_account(self.tenant, key) {
            Some(no) => no,
            None => {
                let owner = self.tenant.0;
                self.find_opened(class, owner, sub, asset, None, origin)
                    .unwrap_or_else(|| self.open(class, owner, sub, asset, None, origin))
            }
        }
    }

    /// A seller's tax account of a country, opened when first needed.
    #[inline]
    pub fn seller_tax(
        &mut self,
        seller: PartyNo,
        sub: u16,
        asset: AssetNo,
        origin: Option<Source>,
    ) -> AccountNo {
        self.sellers(AccountClass::SellerTax, seller, sub, asset, origin)
    }

    /// One of a seller's accounts of a country, opened when first needed.
    #[inline]
    pub fn sellers(
        &mut self,
        class: AccountClass,
        seller: PartyNo,
        sub: u16,
        asset: AssetNo,
        origin: Option<Source>,
    ) -> AccountNo {
        let key = OperatorKey::new(asset, class, sub, origin);
        let known = self.view.taxpayer(self.tenant, seller);
        match known.and_then(|known| known.account(key)) {
            Some(no) => no,
            None => self
                .find_opened(class, seller.0, sub, asset, None, origin)
                .unwrap_or_else(|| self.open(class, seller.0, sub, asset, None, origin)),
        }
    }

    /// What has settled of a source and rests with holders who are not known one by one, atoms.
    pub fn pool(&self, asset: AssetNo, source: Source) -> i128 {
        self.view.pool(self.tenant, asset, source)
    }

    pub fn clearing(&mut self, channel: Channel, asset: AssetNo) -> AccountNo {
        self.operator(AccountClass::Clearing, channel.0, asset, None)
    }

    pub fn safeguarding(&mut self, asset: AssetNo) -> AccountNo {
        self.operator(AccountClass::Safeguarding, 0, asset, None)
    }

    /// A wallet's account of a source, opened when first needed.
    #[inline]
    pub fn wallet_account(
        &mut self,
        wallet: WalletNo,
        asset: AssetNo,
        source: Source,
        origin: Option<Source>,
    ) -> AccountNo {
        let mut no = self.view.wallet(wallet).first;
        while no.is_some() {
            let account = self.view.account(no);
            if account.asset == asset && account.source == Some(source) && account.origin == origin
            {
                return no;
            }
            no = account.next;
        }
        let class = AccountClass::Wallet;
        self.find_opened(class, wallet.0, 0, asset, Some(source), origin)
            .unwrap_or_else(|| self.open(class, wallet.0, 0, asset, Some(source), origin))
    }

    /// The accounts of what a party owes in an asset, with what it rests on and how much is still
    /// owed after this event.
    pub fn debts(&self, party: PartyNo, asset: AssetNo) -> Vec<(AccountNo, Option<Source>, u64)> {
        let mut debts = Vec::new();
        let mut no = self.view.party(party).receivable;
        while no.is_some() {
            let account = self.view.account(no);
            if account.asset == asset {
                let owed = -(account.balance + self.posted(no));
                debts.push((no, account.origin, u64::try_from(owed).unwrap_or(0)));
            }
            no = account.next;
        }
        debts
    }

    /// What a party owes in an asset.
    pub fn owed(&self, party: PartyNo, asset: AssetNo) -> u64 {
        let debts = self.debts(party, asset).into_iter();
        debts.fold(0, |sum, (_, _, owed)| sum.saturating_add(owed))
    }

    /// Pays what a party owes out of income, as far as that may: what is not settled pays only what
    /// rests on the same source. Returns the rest.
    pub fn pay_debts(
        &mut self,
        party: PartyNo,
        asset: AssetNo,
        rests_on: Option<Source>,
        mut rest: u64,
    ) -> u64 {
        let may_pay = |debt: Option<Source>| rests_on.is_none() || rests_on == debt;
        for (no, origin, owed) in self.debts(party, asset) {
            if may_pay(origin) {
                let paid = owed.min(rest);
                self.credit_account(no, paid);
                rest -= paid;
            }
        }
        for missing in &mut self.missing {
            if (missing.party, missing.asset) == (party, asset) && may_pay(missing.rested_on) {
                let paid = missing.amount.min(rest);
                missing.amount -= paid;
                rest -= paid;
            }
        }
        rest
    }

    /// Credits a wallet. What its party owes is recovered first; what comes to a closed wallet goes
    /// to suspense.
    #[inline]
    pub fn credit(
        &mut self,
        wallet: WalletNo,
        asset: AssetNo,
        source: Source,
        origin: Option<Source>,
        amount: u64,
    ) {
        let record = self.view.wallet(wallet);
        let mut rest = amount;
        if self.view.party(record.party).receivable.is_some() || !self.missing.is_empty() {
            rest = self.pay_debts(record.party, asset, origin, rest);
        }
        if rest > 0 {
            let account = if record.standing == Standing::Closed {
                self.operator(AccountClass::Suspense, 0, asset, origin)
            } else {
                self.wallet_account(wallet, asset, source, origin)
            };
            self.credit_account(account, rest);
        }
    }

    /// Takes value back from a wallet on a claim to value that rested on `claim`: from the preferred
    /// account, then from its others that may meet it. Returns what is missing.
    pub fn take(
        &mut self,
        wallet: WalletNo,
        asset: AssetNo,
        preferred: Option<AccountNo>,
        claim: Option<Source>,
        amount: u64,
    ) -> u64 {
        let mut rest = amount;
        let first = self.view.wallet(wallet).first;
        let mut next = preferred.unwrap_or(first);
        let mut tried_preferred = preferred.is_none();
        while rest > 0 && next.is_some() {
            let account = self.view.account(next);
            let is_next = Some(next) != preferred || !tried_preferred;
            if account.asset == asset && account.meets(claim) && is_next {
                let left = i128::from(account.reclaimable()) + self.posted(next).min(0);
                let taken = u64::try_from(left.max(0)).unwrap_or(u64::MAX).min(rest);
                self.debit_account(next, taken);
                rest -= taken;
            }
            next = if tried_preferred { account.next } else { first };
            tried_preferred = true;
        }
        rest
    }

    /// Notes that a party owes so much more for value that rested on a source. It is booked at the
    /// end of the event ([`settled`](super::settled)).
    pub fn owe(&mut self, party: PartyNo, asset: AssetNo, rested_on: Option<Source>, amount: u64) {
        if amount > 0 {
            self.missing.push(Missing {
                party,
                asset,
                rested_on,
                amount,
            });
        }
    }

    /// The account of what a party owes for value that rested on a source, opened when first needed.
    pub fn receivable(
        &mut self,
        party: PartyNo,
        asset: AssetNo,
        rested_on: Option<Source>,
    ) -> AccountNo {
        let mut debts = self.debts(party, asset).into_iter();
        if let Some((no, ..)) = debts.find(|(_, origin, _)| *origin == rested_on) {
            return no;
        }
        let class = AccountClass::Receivable;
        self.find_opened(class, party.0, 0, asset, None, rested_on)
            .unwrap_or_else(|| self.open(class, party.0, 0, asset, None, rested_on))
    }

    /// Moves a party's use of its limits, as `delta` in the day and month it counts in. No more is
    /// given back than is used.
    #[inline(always)]
    pub fn measure(&mut self, party: PartyNo, day: u32, month: u32, delta: i128) {
        use crate::records::{MEASURE_DAY, MEASURE_MONTH};
        let record = self.view.party(party);
        let before_day = record.used_in(MEASURE_DAY, day);
        let before_month = record.used_in(MEASURE_MONTH, month);
        for (measure, period, before) in [
            (MEASURE_DAY, day, before_day),
            (MEASURE_MONTH, month, before_month),
        ] {
            let most = i128::try_from(before).unwrap_or(i128::MAX);
            let delta = delta.max(-most);
            self.effect(Effect::Measured {
                party,
                measure,
                period,
                delta,
                before,
            });
        }
    }
}
