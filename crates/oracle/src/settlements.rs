//! Everything else: people, money in and out, mandates, disputes.

use crate::books::{CREDIT, EARNED, Moves};
use crate::entries::Debited;
use crate::oracle::{Done, Oracle, Rule, Tenant, deny, done, reject};
use crate::{
    Account, Dispute, Id, Mandate, Op, Party, Standing, TopUp, Verdict3, Wallet, Withdrawal,
};
use std::collections::BTreeMap;
use std::rc::Rc;

impl Oracle {
    pub(crate) fn shard_wide(&mut self, op: &Op) -> Rule<Done> {
        match op {
            Op::SetShard {
                window_ms,
                entries_max,
            } => {
                let waits = self.tenants.iter().map(|tenant| tenant.terms.step_up_ms);
                let least = waits.max().unwrap_or(0).max(600_000);
                if *window_ms < least || *entries_max < 1_000 {
                    return reject("malformed");
                }
                self.window_ms = *window_ms;
                self.opened = true;
                Ok(done("shard.set"))
            }
            Op::RegisterAsset { code } => {
                if self.assets.contains(code) {
                    return reject("already_exists");
                }
                self.assets.push(code);
                Ok(done("asset.registered"))
            }
            Op::OpenTenant { tenant } => {
                if self.tenants.iter().any(|t| t.id == *tenant) {
                    return reject("already_exists");
                }
                self.tenants.push(Tenant {
                    tax: None,
                    id: *tenant,
                    terms: Rc::default(),
                    limits_asset: None,
                });
                Ok(done("tenant.opened"))
            }
            _ => reject("not_found"),
        }
    }

    pub(crate) fn people(&mut self, op: &Op) -> Rule<Done> {
        match *op {
            Op::SetTerms { ref terms } => {
                let named = terms.fee_minimum.keys().copied();
                let named = named.chain(terms.limits.iter().map(|limits| limits.asset));
                let mut named = named.chain(terms.rates.keys().flat_map(|(from, to)| [*from, *to]));
                if named.any(|asset| usize::from(asset) >= self.assets.len()) {
                    return reject("not_found");
                }
                if terms.step_up_ms > self.window_ms {
                    return reject("malformed");
                }
                let tenant = &mut self.tenants[self.tenant as usize];
                if let Some(limits) = &terms.limits {
                    if tenant
                        .limits_asset
                        .is_some_and(|asset| asset != limits.asset)
                    {
                        return reject("limits_asset_fixed");
                    }
                    tenant.limits_asset = Some(limits.asset);
                }
                tenant.terms = Rc::new((**terms).clone());
                self.civil = self.civil_now();
                Ok(done("terms.set"))
            }
            Op::SetTax { ref rules } => self.set_tax(rules.as_deref()),
            Op::SetSeller { party, ref seller } => self.set_seller(party, seller),
            Op::SetPrice {
                price,
                from,
                ref definition,
            } => self.set_price(price, from, definition),
            Op::ArchivePrice { price } => self.archive_price(price),
            Op::RoundTax(ref rounding) => self.round_tax(rounding),
            Op::RegisterParty {
                party,
                country,
                tier,
            } => {
                if tier > 4 {
                    return reject("malformed");
                }
                if self.party_nos.contains_key(&(self.tenant, party)) {
                    return reject("already_exists");
                }
                let no = self.books.parties.len() as u32;
                self.party_nos.insert((self.tenant, party), no);
                self.books.parties.push(Party {
                    id: party,
                    tenant: self.tenant,
                    country,
                    tier,
                    standing: Standing::Active,
                    by_day: BTreeMap::new(),
                    by_month: BTreeMap::new(),
                    debts: Vec::new(),
                });
                Ok(done("party.registered"))
            }
            Op::ChangeParty {
                party,
                country,
                tier,
                standing,
            } => {
                if tier.is_some_and(|tier| tier > 4) {
                    return reject("malformed");
                }
                let no = self.party(party)?;
                let record = &mut self.books.parties[no as usize];
                if record.standing == Standing::Closed
                    && standing.is_some_and(|standing| standing != Standing::Closed)
                {
                    return deny("party_closed", no);
                }
                record.country = country.unwrap_or(record.country);
                record.tier = tier.unwrap_or(record.tier);
                record.standing = standing.unwrap_or(record.standing);
                Ok(done("party.changed"))
            }
            Op::OpenWallet { wallet, party } => {
                if self.wallet_nos.contains_key(&(self.tenant, wallet)) {
                    return reject("already_exists");
                }
                let party = self.party(party)?;
                let no = self.books.wallets.len() as u32;
                self.wallet_nos.insert((self.tenant, wallet), no);
                self.books.wallets.push(Wallet {
                    id: wallet,
                    tenant: self.tenant,
                    party,
                    standing: Standing::Active,
                    accounts: Vec::new(),
                });
                Ok(done("wallet.opened"))
            }
            Op::ChangeWallet { wallet, standing } => {
                let no = self.wallet(wallet)?;
                let record = &self.books.wallets[no as usize];
                if record.standing == Standing::Closed {
                    return deny("wallet_closed", record.party);
                }
                let used = |account: &Account| {
                    let b = self.books.balance(account);
                    b.balance != 0 || b.held != 0
                };
                if standing == Standing::Closed && record.accounts.iter().any(used) {
                    return reject("not_empty");
                }
                self.books.wallets[no as usize].standing = standing;
                Ok(done("wallet.changed"))
            }
            Op::SetCredit {
                wallet,
                asset,
                limit,
            } => {
                let no = self.wallet(wallet)?;
                self.amount(asset, 1)?;
                let record = &self.books.wallets[no as usize];
                if record.standing == Standing::Closed {
                    return deny("wallet_closed", record.party);
                }
                let (wallet, source, origin) = (no, CREDIT, 0);
                let account = Account::Wallet {
                    wallet,
                    asset,
                    source,
                    origin,
                };
                let now = self.books.balance(&account);
                if now.held - now.balance > i128::from(limit) {
                    return deny("credit_in_use", record.party);
                }
                self.books.open(account).credit = i128::from(limit);
                Ok(done("credit.set"))
            }
            _ => reject("not_found"),
        }
    }

    pub(crate) fn top_up(&mut self, id: Id, op: &Op) -> Rule<Done> {
        let tenant = self.tenant;
        let mut moves = Moves::new();
        match *op {
            Op::TopUp {
                wallet,
                asset,
                amount,
                source,
                channel,
                spendable,
            } => {
                let wallet = self.wallet(wallet)?;
                self.amount(asset, amount)?;
                if source == EARNED || source == CREDIT {
                    return reject("malformed");
                }
                let record = &self.books.wallets[wallet as usize];
                if record.standing == Standing::Closed {
                    return deny("wallet_closed", record.party);
                }
                if spendable {
                    let from = Account::Clearing {
                        tenant,
                        asset,
                        channel,
                    };
                    self.books.post(&mut moves, from, -i128::from(amount));
                    self.books
                        .credit(&mut moves, wallet, asset, (source, source), amount);
                }
                let topup = TopUp {
                    wallet,
                    asset,
                    amount,
                    source,
                    channel,
                    spendable,
                };
                self.topups.insert((tenant, id), topup);
                Ok(done("topup.pending"))
            }
            Op::SettleTopUp { topup } => {
                let key = (tenant, topup);
                let Some(record) = self.topups.remove(&key) else {
                    return reject("not_found");
                };
                let TopUp {
                    wallet,
                    asset,
                    source,
                    channel,
                    ..
                } = record;
                let rest = record.amount - self.books.reversed.get(&key).copied().unwrap_or(0);
                let bank = Account::Safeguarding { tenant, asset };
                self.books.post(&mut moves, bank, -i128::from(rest));
                let mut free = rest;
                if record.spendable {
                    let to = Account::Clearing {
                        tenant,
                        asset,
                        channel,
                    };
                    self.books.post(&mut moves, to, i128::from(rest));
                    // Free becomes what is still there.
                    let there = Account::Wallet {
                        wallet,
                        asset,
                        source,
                        origin: source,
                    };
                    free = self.books.balance(&there).own().min(rest);
                    self.books.post(&mut moves, there, -i128::from(free));
                }
                self.books
                    .credit(&mut moves, wallet, asset, (source, 0), free);
                self.closed_topups.insert(key, (id, record));
                Ok(done("topup.settled"))
            }
            Op::ReverseTopUp {
                topup,
                amount,
                carried,
            } => {
                let key = (tenant, topup);
                let open = self.topups.get(&key).cloned();
                let closed = self.closed_topups.get(&key);
                let closed = closed.filter(|(event, _)| Some(*event) == carried);
                let is_open = open.is_some();
                let Some(record) = open.or(closed.map(|(_, record)| record.clone())) else {
                    return reject("not_found");
                };
                self.amount(record.asset, amount)?;
                let so_far = self.books.reversed.get(&key).copied().unwrap_or(0);
                if amount > record.amount - so_far {
                    let party = self.books.wallets[record.wallet as usize].party;
                    return deny("reversal_exceeds_topup", party);
                }
                let TopUp {
                    wallet,
                    asset,
                    source,
                    channel,
                    spendable,
                    ..
                } = record;
                if !is_open || spendable {
                    let to = match is_open {
                        true => Account::Clearing {
                            tenant,
                            asset,
                            channel,
                        },
                        false => Account::Safeguarding { tenant, asset },
                    };
                    self.books.post(&mut moves, to, i128::from(amount));
                    let claim = if is_open { source } else { 0 };
                    let first = Account::Wallet {
                        wallet,
                        asset,
                        source,
                        origin: claim,
                    };
                    let record = &self.books.wallets[wallet as usize];
                    let (party, has) = (record.party, record.accounts.contains(&first));
                    let first = has.then_some(first);
                    let missing = self
                        .books
                        .reclaim(&mut moves, wallet, asset, first, claim, amount);
                    self.books.owe(party, asset, claim, missing);
                }
                *self.books.reversed.entry(key).or_default() += amount;
                if is_open && so_far + amount == record.amount {
                    self.topups.remove(&key);
                    self.closed_topups.insert(key, (id, record));
                }
                Ok(done("topup.reversed"))
            }
            Op::SettleEarned {
                wallet,
                asset,
                origin,
                amount,
            } => {
                let wallet = self.wallet(wallet)?;
                self.amount(asset, amount)?;
                let party = self.books.wallets[wallet as usize].party;
                let accounts = self.books.wallets[wallet as usize].accounts.iter();
                let resting = accounts.filter(|a| a.asset() == asset && a.origin() == origin);
                // What others paid before what came by this source itself.
                let (of_source, income): (Vec<Account>, Vec<Account>) =
                    resting.copied().partition(|account| is_of(account, origin));
                let resting = [income.clone(), of_source].concat();
                let own = |a: &Account| u128::from(self.books.balance(a).own());
                if resting.iter().map(own).sum::<u128>() < u128::from(amount) {
                    return deny("insufficient_funds", party);
                }
                let income: u128 = income.iter().map(own).sum();
                let more = i128::from(amount) - i128::try_from(income).unwrap_or(i128::MAX);
                if more > 0 && more > self.beyond_own(wallet, asset, origin) {
                    return deny("source_not_settled", party);
                }
                if self.pool(asset, origin) < i128::from(amount) {
                    return deny("source_not_settled", party);
                }
                let mut rest = amount;
                let mut parts = Vec::new();
                for account in resting {
                    let part = self.books.balance(&account).own().min(rest);
                    self.books.post(&mut moves, account, -i128::from(part));
                    rest -= part;
                    parts.push((account, part));
                }
                for (account, part) in parts {
                    if let Account::Wallet { source, .. } = account {
                        self.books
                            .credit(&mut moves, wallet, asset, (source, 0), part);
                    }
                }
                Ok(done("earned.settled"))
            }
            _ => reject("not_found"),
        }
    }

    /// What a wallet, and those that its party's open top-ups of a source went to, have of that
    /// source, less what those top-ups have still to bring.
    fn beyond_own(&self, wallet: u32, asset: u16, source: u8) -> i128 {
        let party = self.books.wallets[wallet as usize].party;
        let open = self.topups.iter().filter(|(_, topup)| {
            let its_party = self.books.wallets[topup.wallet as usize].party;
            let same = (topup.asset, topup.source, its_party) == (asset, source, party);
            topup.spendable && same
        });
        let (mut wallets, mut to_come) = (vec![wallet], 0);
        for (key, topup) in open {
            let reversed = self.books.reversed.get(key).copied().unwrap_or(0);
            to_come += i128::from(topup.amount - reversed);
            wallets.push(topup.wallet);
        }
        wallets.sort_unstable();
        wallets.dedup();
        let has = |wallet: u32| {
            let account = Account::Wallet {
                wallet,
                asset,
                source,
                origin: source,
            };
            self.books.balance(&account).balance
        };
        wallets.into_iter().map(has).sum::<i128>() - to_come
    }

    pub(crate) fn withdrawal(&mut self, id: Id, op: &Op) -> Rule<Done> {
        let tenant = self.tenant;
        let mut moves = Moves::new();
        let key = match *op {
            Op::Withdraw {
                wallet,
                asset,
                amount,
                channel,
            } => {
                let wallet = self.wallet(wallet)?;
                self.amount(asset, amount)?;
                self.active(wallet)?;
                let party = self.books.wallets[wallet as usize].party;
                // Debts come first, out of what is free here.
                let debts = self.books.debts(party, asset);
                let owed: u64 = debts.iter().map(|(_, owed)| owed).sum();
                let mut left = owed;
                let mut paying = BTreeMap::new();
                for account in &self.books.wallets[wallet as usize].accounts {
                    if account.asset() == asset && account.origin() == 0 {
                        let part = self.books.balance(account).own().min(left);
                        left -= part;
                        paying.insert(*account, part);
                    }
                }
                let legs = match self.may_leave(wallet, asset, amount, &paying) {
                    Ok(legs) => legs,
                    Err("insufficient_funds") if owed > 0 => {
                        return deny("debt_outstanding", party);
                    }
                    Err(code) => return deny(code, party),
                };
                for (account, part) in paying {
                    self.books.post(&mut moves, account, -i128::from(part));
                }
                let mut paid = owed - left;
                for (debt, owed) in debts {
                    let part = owed.min(paid);
                    self.books.post(&mut moves, debt, i128::from(part));
                    paid -= part;
                }
                for (account, part) in &legs {
                    self.books.post(&mut moves, *account, -i128::from(*part));
                }
                let to = Account::Clearing {
                    tenant,
                    asset,
                    channel,
                };
                self.books.post(&mut moves, to, i128::from(amount));
                let record = Withdrawal {
                    wallet,
                    asset,
                    amount,
                    legs,
                    channel,
                    sent: false,
                };
                self.withdrawals.insert((tenant, id), record);
                return Ok(done("withdrawal.requested"));
            }
            Op::SendWithdrawal { withdrawal }
            | Op::SettleWithdrawal { withdrawal }
            | Op::ReturnWithdrawal { withdrawal } => (tenant, withdrawal),
            _ => return reject("not_found"),
        };
        let Some(record) = self.withdrawals.get_mut(&key) else {
            return reject("not_found");
        };
        let party = self.books.wallets[record.wallet as usize].party;
        let Withdrawal {
            wallet,
            asset,
            amount,
            channel,
            sent,
            ..
        } = *record;
        let clearing = Account::Clearing {
            tenant,
            asset,
            channel,
        };
        match op {
            Op::SendWithdrawal { .. } if sent => deny("wrong_state", party),
            Op::SendWithdrawal { .. } => {
                record.sent = true;
                Ok(done("withdrawal.sent"))
            }
            Op::SettleWithdrawal { .. } if !sent => deny("wrong_state", party),
            Op::SettleWithdrawal { .. } => {
                self.withdrawals.remove(&key);
                let bank = Account::Safeguarding { tenant, asset };
                self.books.post(&mut moves, clearing, -i128::from(amount));
                self.books.post(&mut moves, bank, i128::from(amount));
                Ok(done("withdrawal.settled"))
            }
            _ => {
                let legs = record.legs.clone();
                self.withdrawals.remove(&key);
                self.books.post(&mut moves, clearing, -i128::from(amount));
                for (account, part) in legs {
                    let Account::Wallet { source, origin, .. } = account else {
                        continue;
                    };
                    self.books
                        .credit(&mut moves, wallet, asset, (source, origin), part);
                }
                Ok(done("withdrawal.returned"))
            }
        }
    }

    /// From which accounts so much may leave once debts are paid: only what is free.
    fn may_leave(
        &self,
        wallet: u32,
        asset: u16,
        amount: u64,
        paying: &BTreeMap<Account, u64>,
    ) -> Result<Vec<(Account, u64)>, &'static str> {
        let allowed = self.terms().withdrawable.clone();
        let accounts: Vec<(Account, u8, u8, u64)> = self.books.wallets[wallet as usize]
            .accounts
            .iter()
            .filter_map(|account| match *account {
                Account::Wallet {
                    asset: a,
                    source,
                    origin,
                    ..
                } if a == asset && source != CREDIT => {
                    let paid = paying.get(account).copied().unwrap_or(0);
                    let spendable = self.books.balance(account).spendable() - paid;
                    Some((*account, source, origin, spendable))
                }
                _ => None,
            })
            .collect();
        let mut legs = Vec::new();
        let mut rest = amount;
        for wanted in &allowed {
            for (account, source, origin, spendable) in &accounts {
                let part = (*spendable).min(rest);
                if source == wanted && *origin == 0 && part > 0 {
                    legs.push((*account, part));
                    rest -= part;
                }
            }
        }
        let sum = |of: &dyn Fn(u8) -> bool| -> u128 {
            let some = accounts.iter().filter(|(_, source, ..)| of(*source));
            some.map(|(.., spendable)| u128::from(*spendable)).sum()
        };
        if rest == 0 {
            Ok(legs)
        } else if sum(&|source| allowed.contains(&source)) >= u128::from(amount) {
            Err("source_not_settled")
        } else if sum(&|_| true) >= u128::from(amount) {
            Err("source_not_allowed")
        } else {
            Err("insufficient_funds")
        }
    }

    pub(crate) fn mandate(&mut self, id: Id, op: &Op) -> Rule<Done> {
        match op {
            Op::GrantMandate {
                payer,
                agent,
                asset,
                per_payment,
                per_day,
                payees,
                expires,
            } => {
                let payer = self.wallet(*payer)?;
                let agent = self.party(*agent)?;
                self.amount(*asset, 1)?;
                if *expires <= self.now {
                    return reject("malformed");
                }
                let mut allowed = Vec::new();
                for payee in payees {
                    allowed.push(self.wallet(*payee)?);
                }
                self.active(payer)?;
                let mandate = Mandate {
                    payer,
                    agent,
                    asset: *asset,
                    per_payment: *per_payment,
                    per_day: *per_day,
                    payees: allowed,
                    expires: *expires,
                    revoked: false,
                    day: self.civil.day,
                    by_day: BTreeMap::new(),
                };
                self.books.mandates.insert((self.tenant, id), mandate);
                Ok(done("mandate.granted"))
            }
            Op::RevokeMandate { mandate } => {
                let Some(record) = self.books.mandates.get_mut(&(self.tenant, *mandate)) else {
                    return reject("not_found");
                };
                if record.revoked {
                    let party = self.books.wallets[record.payer as usize].party;
                    return deny("mandate_revoked", party);
                }
                record.revoked = true;
                Ok(done("mandate.revoked"))
            }
            _ => reject("not_found"),
        }
    }

    pub(crate) fn dispute(&mut self, id: Id, op: &Op) -> Rule<Done> {
        let tenant = self.tenant;
        let mut moves = Moves::new();
        match *op {
            Op::OpenDispute {
                payment,
                amount,
                carried,
            } => {
                let back = self.take_back(payment, amount, carried)?;
                let asset = back.payment.asset;
                for moved in &back.moved {
                    self.count(moved, -1);
                }
                let Debited { taken, owed } = self.debit_payees(&mut moves, &back);
                for (origin, held) in held(&taken, &owed) {
                    let account = Account::Dispute {
                        tenant,
                        asset,
                        origin,
                    };
                    self.books.post(&mut moves, account, i128::from(held));
                }
                *self.books.reversed.entry((tenant, payment)).or_default() += amount;
                let (payee, to) = (back.payment.payee, back.to);
                let dispute = Dispute {
                    payment,
                    payee,
                    asset,
                    amount,
                    taken,
                    owed,
                    to,
                    moved: back.moved,
                };
                self.disputes.insert((tenant, id), dispute);
                Ok(Done {
                    gross: amount,
                    ..done("dispute.opened")
                })
            }
            Op::ResolveDispute { dispute, verdict } => {
                let Some(record) = self.disputes.remove(&(tenant, dispute)) else {
                    return reject("not_found");
                };
                let (asset, amount) = (record.asset, i128::from(record.amount));
                for (origin, held) in held(&record.taken, &record.owed) {
                    let account = Account::Dispute {
                        tenant,
                        asset,
                        origin,
                    };
                    self.books.post(&mut moves, account, -i128::from(held));
                }
                match verdict {
                    Verdict3::PayeeWins => {
                        for moved in &record.moved {
                            self.count(moved, 1);
                        }
                        self.give_back(&mut moves, &record);
                        let reversed = self.books.reversed.entry((tenant, record.payment));
                        *reversed.or_default() -= record.amount;
                        return Ok(done("dispute.won"));
                    }
                    Verdict3::PayerWins => self.credit_back(&mut moves, &record.to),
                    Verdict3::ChannelTook => {
                        let to = Account::Clearing {
                            tenant,
                            asset,
                            channel: 1,
                        };
                        self.books.post(&mut moves, to, amount);
                    }
                }
                Ok(done("dispute.lost"))
            }
            _ => reject("not_found"),
        }
    }
}

/// What a dispute holds back, by what it rests on.
fn held(taken: &[(Account, u64)], owed: &[(Option<Account>, u64)]) -> BTreeMap<u8, u64> {
    let mut sums = BTreeMap::new();
    for (account, amount) in taken {
        *sums.entry(account.origin()).or_default() += amount;
    }
    for (account, amount) in owed {
        *sums.entry(account.map_or(0, |a| a.origin())).or_default() += amount;
    }
    sums
}

/// Whether an account's value came by this source itself.
fn is_of(account: &Account, origin: u8) -> bool {
    matches!(account, Account::Wallet { source, .. } if *source == origin)
}
