//! Payments: what one is made of, and how it is taken back.

use crate::books::{CREDIT, EARNED, Moves};
use crate::oracle::{Done, Oracle, Payment, Rule, Taken, deny, done, reject};
use crate::taxes::{Dues, Given, Supply, What, roles, take_from, tax_in};
use crate::{
    Account, Civil, Decided, Hold, Id, Moved, Spend, Standing, Terms, instalment,
    largest_remainder, part_half_even, ratio_down, ratio_up,
};
use std::collections::BTreeMap;

/// What a payment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Pay,
    Transfer,
    Authorize(Option<u64>),
}

/// The fee on a gross amount, at most `most`.
fn fee_on(gross: u64, ppm: u32, minimum: u64, most: u64) -> u64 {
    part_half_even(gross, u64::from(ppm), 1_000_000)
        .max(minimum)
        .min(most)
}

/// A payment taken back in part: what was paid, from whom it comes, to whom it goes.
pub(crate) struct TakenBack {
    pub payment: Payment,
    pub from: Vec<(Account, u64)>,
    pub to: Vec<(Account, u64)>,
    /// From the payee, who got nothing beyond the fee that the platform keeps.
    pub kept_fee: u64,
    pub so_far: u64,
    /// The sale's tax in it, and the fee with its tax.
    pub tax: u64,
    pub fee: u64,
    /// What it takes out of turnover.
    pub moved: Vec<Moved>,
}

/// What was taken back from where, and what is owed instead.
#[derive(Default)]
pub(crate) struct Debited {
    pub taken: Vec<(Account, u64)>,
    pub owed: Vec<(Option<Account>, u64)>,
}

impl Oracle {
    pub(crate) fn pay(
        &mut self,
        id: Id,
        spend: &Spend,
        payees: &[(Id, u64)],
        purpose: Purpose,
        split: bool,
    ) -> Rule<Done> {
        let terms = self.terms();
        // Seven days, unless the terms say otherwise or allow less.
        let lasts = terms.hold_ms_default.unwrap_or(7 * 86_400_000);
        let by_default = self.now.saturating_add(lasts.min(terms.hold_ms_max));
        // What waited for its payer was in time when it was asked.
        let waited = spend.confirmed && self.pending.contains_key(&(self.tenant, id));
        let latest = self.now.saturating_add(terms.hold_ms_max);
        if let Purpose::Authorize(asked) = purpose
            && let expires = asked.unwrap_or(by_default)
            && (expires <= self.now || (expires > latest && !waited))
        {
            return reject("malformed");
        }
        if split && payees.iter().all(|(_, weight)| *weight == 0) {
            return reject("malformed");
        }
        if payees.len() > 100 {
            return reject("too_many");
        }
        let payer = self.wallet(spend.payer)?;
        let mut to = Vec::new();
        for (payee, weight) in payees {
            to.push((self.wallet(*payee)?, *weight));
        }
        let party = self.books.wallets[payer as usize].party;
        let no = |code| deny(code, party);

        // What cannot be right leaves no trace, so it comes before what is refused for good.
        let quantity = spend.item.map_or(0, |item| item.quantity);
        self.amount(spend.asset, spend.amount.max(quantity))?;
        if to.iter().any(|(payee, _)| *payee == payer) {
            return reject("same_wallet");
        }
        let own = |payee: u32| self.books.wallets[payee as usize].party == party;
        if !matches!(purpose, Purpose::Transfer) && to.iter().any(|(payee, _)| own(*payee)) {
            return reject("same_party");
        }
        let mandate = self.books.mandates.get(&(self.tenant, spend.mandate));
        if spend.mandate != 0 && mandate.is_none_or(|m| m.payer != payer) {
            return reject("not_found");
        }
        self.active(payer)?;
        for &(payee, _) in &to {
            let wallet = &self.books.wallets[payee as usize];
            let its_party = &self.books.parties[wallet.party as usize];
            if (wallet.standing, its_party.standing) != (Standing::Active, Standing::Active) {
                return no("payee_unavailable");
            }
        }
        // Who owes pays that before giving anything to others.
        let owes = self
            .books
            .debts(party, spend.asset)
            .iter()
            .any(|(_, owed)| *owed > 0);
        if purpose == Purpose::Transfer && owes && !own(to[0].0) {
            return no("debt_outstanding");
        }
        if spend.mandate != 0 {
            // What an item costs is not known yet.
            let asked = spend.item.map_or(spend.amount, |_| 0);
            self.within_mandate(payer, spend, &to, asked)?;
        }
        let bought = spend.item;
        let bought = bought.map(|item| self.buy(party, item, spend.asset, purpose));
        let bought = bought.transpose()?;
        let gross = bought.as_ref().map_or(spend.amount, |bought| bought.amount);
        let transfer = purpose == Purpose::Transfer;
        let has_rules = !transfer && self.tenants[self.tenant as usize].tax.is_some();
        // Under tax rules each payee with a share sells by itself.
        let weights: Vec<u64> = to.iter().map(|(_, weight)| *weight).collect();
        let sold: Vec<(u32, u64)> = match has_rules && split {
            true => {
                let parts = largest_remainder(gross, &weights);
                let each = to.iter().map(|(wallet, _)| *wallet).zip(parts);
                each.filter(|(_, gross)| *gross > 0).collect()
            }
            false => vec![(to[0].0, gross)],
        };
        let country = self.books.parties[party as usize].country;
        let by_terms = terms.tax_ppm.get(&country).filter(|_| !transfer);
        let by_terms = by_terms.map(|ppm| (country, *ppm));
        let mut supplies: Vec<Supply> = Vec::new();
        for (wallet, gross) in &sold {
            let seller = self.books.wallets[*wallet as usize].party;
            let decided = match has_rules {
                true => self.decided(party, seller, spend.seen, (*gross, spend.asset)),
                false => None,
            };
            let rate = decided.map(|d| d.sale.ppm).or(by_terms.map(|(_, ppm)| ppm));
            let supply = Supply {
                decided,
                gross: *gross,
                tax: rate.map_or(0, |ppm| tax_in(*gross, ppm)),
                fee: 0,
                fee_tax: 0,
            };
            // The next share is sold after this one; the payment may be refused yet.
            self.count_all(&[supply], spend.asset, 1);
            supplies.push(supply);
        }
        self.count_all(&supplies, spend.asset, -1);
        let decided = supplies.first().and_then(|supply| supply.decided);
        let rate = decided.map(|d| (d.sale.place, d.sale.ppm)).or(by_terms);
        let tax = supplies.iter().map(|supply| supply.tax).sum();
        if bought.is_some() {
            self.is_agreed(id, spend, party, gross)?;
            if spend.mandate != 0 {
                self.within_mandate(payer, spend, &to, gross)?;
            }
        }
        let fee_minimum = terms.fee_minimum.get(&spend.asset).copied().unwrap_or(0);
        let fee = match transfer {
            true => 0,
            false => fee_on(gross, terms.fee_ppm, fee_minimum, gross - tax),
        };
        if fee > 0 {
            let untaxed: Vec<u64> = supplies.iter().map(|s| s.gross - s.tax).collect();
            for (supply, fee) in supplies.iter_mut().zip(largest_remainder(fee, &untaxed)) {
                let in_fee = |decided: Decided| tax_in(fee, decided.fee.ppm);
                (supply.fee, supply.fee_tax) = (fee, supply.decided.map_or(0, in_fee));
            }
        }
        if terms.deny_at.is_some_and(|at| spend.risk >= at) {
            return no("risk_declined");
        }
        let ask = terms.step_up_at.is_some_and(|at| spend.risk >= at) && !spend.confirmed;
        let usable = |source, _| source != CREDIT || !transfer;
        let legs = match self
            .books
            .plan(payer, spend.asset, gross, &terms.funding_order, usable)
        {
            Ok(legs) => legs,
            Err(true) => return no("source_not_allowed"),
            Err(false) => return no("insufficient_funds"),
        };
        let room = self.room(party, &terms, spend.asset, gross)?;
        if ask {
            let ends = match purpose {
                Purpose::Authorize(asked) => asked,
                _ => None,
            };
            self.ask_to_confirm(id, spend, gross, ends);
            return Ok(done(match purpose {
                Purpose::Transfer => "transfer.step_up",
                _ => "payment.step_up",
            }));
        }

        // Nothing refuses from here on.
        let counted = self.counted_in(party);
        let mandate = self.books.mandates.get(&(self.tenant, spend.mandate));
        let mandate_day = mandate.map_or(0, |m| m.day.max(self.civil.day));
        let used = bought.and_then(|bought| self.count_use(&bought));
        let mut moves = Moves::new();
        let kind = match purpose {
            Purpose::Pay => {
                let dues = |supply: &Supply| Dues::new(supply, by_terms);
                let given: Vec<Given> = match (split, has_rules) {
                    (true, false) => {
                        let parts = largest_remainder(gross - tax - fee, &weights);
                        let payees = to.iter().map(|(w, _)| *w).zip(parts).collect();
                        vec![(dues(&supplies[0]), payees)]
                    }
                    _ => sold
                        .iter()
                        .zip(&supplies)
                        .map(|((wallet, _), s)| (dues(s), vec![(*wallet, s.rest())]))
                        .collect(),
                };
                self.move_payment(&mut moves, spend.asset, &legs, &given);
                self.count_all(&supplies, spend.asset, 1);
                if split {
                    "payment.split"
                } else {
                    "payment.paid"
                }
            }
            Purpose::Transfer => {
                for &(account, amount) in &legs {
                    let Account::Wallet { source, origin, .. } = account else {
                        continue;
                    };
                    self.books.post(&mut moves, account, -i128::from(amount));
                    self.books
                        .credit(&mut moves, to[0].0, spend.asset, (source, origin), amount);
                }
                "transfer.made"
            }
            Purpose::Authorize(asked) => {
                let expires = asked.unwrap_or(by_default);
                for (account, amount) in &legs {
                    self.books.open(*account).held += i128::from(*amount);
                }
                let hold = Hold {
                    payer,
                    payee: to[0].0,
                    asset: spend.asset,
                    legs,
                    authorized: gross,
                    captured: 0,
                    tax_taken: 0,
                    fee_taken: 0,
                    expires,
                    fee_ppm: terms.fee_ppm,
                    fee_minimum,
                    tax: rate,
                    decided,
                    room,
                    when: counted,
                    mandate: spend.mandate,
                    mandate_day,
                    used,
                };
                self.open_hold(id, hold);
                "payment.authorized"
            }
        };
        if let Some(room) = room {
            let party = &mut self.books.parties[party as usize];
            *party.by_day.entry(counted.day).or_default() += u128::from(room);
            *party.by_month.entry(counted.month).or_default() += u128::from(room);
        }
        if spend.mandate != 0
            && let Some(mandate) = self.books.mandates.get_mut(&(self.tenant, spend.mandate))
        {
            mandate.day = mandate_day;
            *mandate.by_day.entry(mandate_day).or_default() += u128::from(gross);
        }
        if let Purpose::Authorize(_) = purpose {
            return Ok(done(kind));
        }
        let room = room.map(|room| (party, counted, room));
        let taken = Taken { room, used };
        self.remember(id, (spend.asset, gross), to[0].0, moves, taken, supplies);
        Ok(Done {
            gross,
            tax,
            fee,
            ..done(kind)
        })
    }

    fn within_mandate(
        &self,
        payer: u32,
        spend: &Spend,
        payees: &[(u32, u64)],
        asked: u64,
    ) -> Rule<()> {
        let party = self.books.wallets[payer as usize].party;
        let Some(mandate) = self.books.mandates.get(&(self.tenant, spend.mandate)) else {
            return reject("not_found");
        };
        // A day already begun does not come again, even if the tenant's zone moves west.
        let day = mandate.day.max(self.civil.day);
        let used = mandate.by_day.get(&day).copied().unwrap_or(0);
        let agent = &self.books.parties[mandate.agent as usize];
        let code = if agent.standing != Standing::Active {
            "party_suspended"
        } else if mandate.revoked {
            "mandate_revoked"
        } else if self.now >= mandate.expires {
            "mandate_expired"
        } else if mandate.asset != spend.asset {
            "mandate_asset"
        } else if !mandate.payees.is_empty()
            && payees
                .iter()
                .any(|(payee, _)| !mandate.payees.contains(payee))
        {
            "mandate_payee"
        } else if mandate.per_payment.is_some_and(|most| asked > most) {
            "mandate_per_payment"
        } else if mandate
            .per_day
            .is_some_and(|most| used + u128::from(asked) > u128::from(most))
        {
            "mandate_per_day"
        } else {
            return Ok(());
        };
        deny(code, party)
    }

    /// The day and month a party's spending counts in: never an earlier one than before.
    fn counted_in(&self, party: u32) -> Civil {
        let party = &self.books.parties[party as usize];
        let last = |by: &BTreeMap<u32, u128>| by.last_key_value().map_or(0, |(period, _)| *period);
        Civil {
            day: self.civil.day.max(last(&party.by_day)),
            month: self.civil.month.max(last(&party.by_month)),
        }
    }

    /// The room a payment takes in its party's limits, in their asset.
    fn room(&self, party: u32, terms: &Terms, asset: u16, gross: u64) -> Rule<Option<u64>> {
        // Without limits what is spent counts in the asset of the last ones.
        let last = self.tenants[self.tenant as usize].limits_asset;
        let Some(counted_in) = terms
            .limits
            .as_ref()
            .map_or(last, |limits| Some(limits.asset))
        else {
            return Ok(None);
        };
        let record = &self.books.parties[party as usize];
        let asked = if asset == counted_in {
            u128::from(gross)
        } else {
            match terms.rates.get(&(asset, counted_in)) {
                Some((num, den)) => ratio_up(gross, *num, *den),
                None => u128::MAX,
            }
        };
        let limits = match &terms.limits {
            None if asked > u128::from(u64::MAX) => return Ok(None),
            Some(_) if asked > u128::from(u64::MAX) => return deny("no_reference_rate", party),
            None => return Ok(Some(asked as u64)),
            Some(limits) => limits,
        };
        let when = self.counted_in(party);
        let day = record.by_day.get(&when.day).copied().unwrap_or(0);
        let month = record.by_month.get(&when.month).copied().unwrap_or(0);
        let used = [0, day, month];
        let codes = ["limit_per_payment", "limit_per_day", "limit_per_month"];
        for (n, code) in codes.into_iter().enumerate() {
            let most = limits.tiers[usize::from(record.tier).min(4)][n];
            if most.is_some_and(|most| used[n] + asked > u128::from(most)) {
                return deny(code, party);
            }
        }
        Ok(Some(asked as u64))
    }

    pub(crate) fn capture(&mut self, id: Id, payment: Id, amount: u64, last: bool) -> Rule<Done> {
        let key = (self.tenant, payment);
        let Some(mut hold) = self.books.holds.get(&key).cloned() else {
            return reject("not_found");
        };
        self.amount(hold.asset, amount)?;
        let party = self.books.wallets[hold.payer as usize].party;
        let rest = hold.authorized - hold.captured;
        if self.now >= hold.expires {
            return deny("hold_expired", party);
        }
        if amount > rest {
            return deny("capture_exceeds_hold", party);
        }
        let payee = &self.books.wallets[hold.payee as usize];
        let payee_party = &self.books.parties[payee.party as usize];
        if (payee.standing, payee_party.standing) != (Standing::Active, Standing::Active) {
            return deny("payee_unavailable", party);
        }
        // Tax and fee of everything captured so far, less what earlier captures took.
        let so_far = hold.captured + amount;
        let tax_so_far = hold.tax.map_or(0, |(_, ppm)| tax_in(so_far, ppm));
        let fee_so_far = fee_on(so_far, hold.fee_ppm, hold.fee_minimum, so_far - tax_so_far);
        let tax = tax_so_far.saturating_sub(hold.tax_taken).min(amount);
        let fee = fee_so_far.saturating_sub(hold.fee_taken).min(amount - tax);
        let legs = take_from(&mut hold.legs, amount);
        for (account, part) in &legs {
            self.books.open(*account).held -= i128::from(*part);
        }
        let mut moves = Moves::new();
        let in_fees = |fees| {
            hold.decided
                .map_or(0, |decided| tax_in(fees, decided.fee.ppm))
        };
        let fee_tax = in_fees(hold.fee_taken + fee).saturating_sub(in_fees(hold.fee_taken));
        let fee_tax = fee_tax.min(fee);
        let supply = Supply {
            decided: hold.decided,
            gross: amount,
            tax,
            fee,
            fee_tax,
        };
        let payees = vec![(hold.payee, supply.rest())];
        let given = [(Dues::new(&supply, hold.tax), payees)];
        self.move_payment(&mut moves, hold.asset, &legs, &given);
        if let Some(moved) = supply.moved(hold.asset) {
            self.count(&moved, 1);
        }
        hold.captured = so_far;
        hold.tax_taken += tax;
        hold.fee_taken += fee;
        let (asset, payee) = (hold.asset, hold.payee);
        self.books.holds.insert(key, hold);
        if last || amount == rest {
            self.release(payment);
        }
        let taken = Taken::default();
        self.remember(id, (asset, amount), payee, moves, taken, vec![supply]);
        Ok(Done {
            gross: amount,
            tax,
            fee,
            ..done("payment.captured")
        })
    }

    /// Ends an authorization: what is left is free again, and so is its room.
    pub(crate) fn release(&mut self, payment: Id) {
        let Some(hold) = self.close_hold(payment) else {
            return;
        };
        for (account, amount) in &hold.legs {
            self.books.open(*account).held -= i128::from(*amount);
        }
        let rest = hold.authorized - hold.captured;
        if let Some(used) = hold.used {
            self.return_use(used, 0, rest, hold.authorized);
        }
        let party = self.books.wallets[hold.payer as usize].party;
        if let Some(room) = hold.room {
            let used = ratio_up(room, hold.captured, hold.authorized);
            let party = &mut self.books.parties[party as usize];
            let windows = [
                party.by_day.get_mut(&hold.when.day),
                party.by_month.get_mut(&hold.when.month),
            ];
            for spent in windows.into_iter().flatten() {
                *spent = spent.saturating_sub(u128::from(room).saturating_sub(used));
            }
        }
        if let Some(mandate) = self.books.mandates.get_mut(&(self.tenant, hold.mandate))
            && let Some(spent) = mandate.by_day.get_mut(&hold.mandate_day)
        {
            *spent = spent.saturating_sub(u128::from(rest));
        }
    }

    pub(crate) fn void(&mut self, payment: Id) -> Rule<Done> {
        if !self.books.holds.contains_key(&(self.tenant, payment)) {
            return reject("not_found");
        }
        self.release(payment);
        Ok(done("payment.voided"))
    }

    pub(crate) fn take_back(&self, payment: Id, amount: u64, carried: Id) -> Rule<TakenBack> {
        let key = (self.tenant, payment);
        // The event that answered the id carried: of a group's item, the group's.
        let place = |id: Id| self.answered.get(&(self.tenant, id)).map(|a| a.place);
        let is_it = |event: Id| {
            event == carried || place(carried).is_some_and(|at| Some(at) == place(event))
        };
        let found = self.payments.get(&key).filter(|p| is_it(p.event));
        let Some(record) = found.cloned() else {
            return reject("not_that_payment");
        };
        self.amount(record.asset, amount)?;
        let so_far = self.books.reversed.get(&key).copied().unwrap_or(0);
        if amount > record.gross - so_far {
            let party = self.books.wallets[record.payee as usize].party;
            return deny("refund_exceeds_payment", party);
        }
        let side = |sign: i128| -> Vec<(Account, u64)> {
            let legs = record
                .moves
                .iter()
                .filter(|(_, moved)| moved.signum() == sign);
            legs.map(|(account, moved)| (*account, moved.unsigned_abs() as u64))
                .collect()
        };
        let (mut from, mut to) = (side(1), side(-1));
        let mut roles = roles(&from, &record.supplies);
        let is_fee = |what: What| matches!(what, What::Fee | What::FeeTax);
        // Stands for a payee, from no account in particular.
        let nobody = Account::Safeguarding {
            tenant: 0,
            asset: 0,
        };
        if !self.terms().fee_refundable {
            let taken: Vec<(usize, u64)> = from
                .iter()
                .zip(&roles)
                .filter(|(_, (_, what))| is_fee(*what))
                .map(|((_, part), (at, _))| (*at, *part))
                .collect();
            let mut each = roles.iter();
            from.retain(|_| each.next().is_some_and(|(_, what)| !is_fee(*what)));
            roles.retain(|(_, what)| !is_fee(*what));
            for (supply, fee) in taken {
                let rest = |role: &(usize, What)| *role == (supply, What::Rest);
                match roles.iter().position(rest) {
                    Some(at) => from[at].1 += fee,
                    None => {
                        from.push((nobody, fee));
                        roles.push((supply, What::Rest));
                    }
                }
            }
        }
        for legs in [&mut from, &mut to] {
            let parts: Vec<u64> = legs.iter().map(|(_, part)| *part).collect();
            for (leg, share) in legs.iter_mut().zip(instalment(&parts, so_far, amount)) {
                leg.1 = share;
            }
        }
        let sum = |of: &dyn Fn(usize, What) -> bool| -> u64 {
            let legs = from.iter().zip(&roles);
            let legs = legs.filter(|(_, (at, what))| of(*at, *what));
            legs.map(|((_, part), _)| part).sum()
        };
        let tax = sum(&|_, what| what == What::Tax);
        let fee = sum(&|_, what| is_fee(what));
        let moved = record.supplies.iter().enumerate();
        let moved = moved.filter_map(|(this, supply)| {
            let part = Supply {
                decided: supply.decided,
                gross: sum(&|at, _| at == this),
                tax: sum(&|at, what| at == this && what == What::Tax),
                fee: sum(&|at, what| at == this && is_fee(what)),
                fee_tax: sum(&|at, what| at == this && what == What::FeeTax),
            };
            part.moved(record.asset)
        });
        let moved = moved.collect();
        let of_nobody = from.iter().filter(|(account, _)| *account == nobody);
        let kept_fee = of_nobody.map(|(_, part)| part).sum();
        from.retain(|(account, _)| *account != nobody);
        Ok(TakenBack {
            payment: record,
            from,
            to,
            kept_fee,
            so_far,
            tax,
            fee,
            moved,
        })
    }

    /// Takes back from the payees. Returns what came from where, and what is owed instead by the
    /// account it had been paid to.
    pub(crate) fn debit_payees(&mut self, moves: &mut Moves, back: &TakenBack) -> Debited {
        let mut debited = Debited::default();
        let legs = back
            .from
            .iter()
            .map(|(account, amount)| (Some(*account), *amount));
        for (paid_to, amount) in legs.chain([(None, back.kept_fee)]) {
            let (wallet, asset) = match paid_to {
                _ if amount == 0 => continue,
                Some(Account::Wallet { wallet, asset, .. }) => (wallet, asset),
                None => (back.payment.payee, back.payment.asset),
                Some(Account::Owed {
                    party,
                    asset,
                    origin,
                }) => {
                    self.books.owe(party, asset, origin, amount);
                    debited.owed.push((paid_to, amount));
                    continue;
                }
                Some(other) => {
                    self.books.post(moves, other, -i128::from(amount));
                    debited.taken.push((other, amount));
                    continue;
                }
            };
            let (start, claim) = (moves.len(), paid_to.map_or(0, |account| account.origin()));
            let missing = self
                .books
                .reclaim(moves, wallet, asset, paid_to, claim, amount);
            for (account, moved) in &moves[start..] {
                debited.taken.push((*account, moved.unsigned_abs() as u64));
            }
            if missing > 0 {
                let party = self.books.wallets[wallet as usize].party;
                self.books.owe(party, asset, claim, missing);
                debited.owed.push((paid_to, missing));
            }
        }
        debited
    }

    /// Gives the payees back what a dispute took. What became a debt pays what is still owed.
    pub(crate) fn give_back(&mut self, moves: &mut Moves, dispute: &crate::Dispute) {
        let tenant = self.tenant;
        let asset = dispute.asset;
        let of_payee = self.books.wallets[dispute.payee as usize].party;
        for (paid_to, amount) in &dispute.owed {
            let party = match *paid_to {
                Some(Account::Wallet { wallet, .. }) => self.books.wallets[wallet as usize].party,
                Some(Account::Owed { party, .. }) => party,
                _ => of_payee,
            };
            let mut rest = *amount;
            for (debt, owed) in self.books.debts(party, asset) {
                let paid = owed.min(rest);
                self.books.post(moves, debt, i128::from(paid));
                rest -= paid;
            }
            match *paid_to {
                Some(Account::Wallet {
                    wallet,
                    source,
                    origin,
                    ..
                }) => self
                    .books
                    .credit(moves, wallet, asset, (source, origin), rest),
                _ if party == of_payee => {
                    let origin = dispute.to.first().map_or(0, |(account, _)| account.gives());
                    self.books
                        .credit(moves, dispute.payee, asset, (EARNED, origin), rest);
                }
                _ => {
                    let origin = paid_to.map_or(0, |account| account.origin());
                    let suspense = Account::Suspense {
                        tenant,
                        asset,
                        origin,
                    };
                    self.books.post(moves, suspense, i128::from(rest));
                }
            }
        }
        self.credit_back(moves, &dispute.taken);
    }

    pub(crate) fn credit_back(&mut self, moves: &mut Moves, legs: &[(Account, u64)]) {
        for (account, amount) in legs {
            match *account {
                Account::Wallet {
                    wallet,
                    asset,
                    source,
                    origin,
                } => {
                    self.books
                        .credit(moves, wallet, asset, (source, origin), *amount);
                }
                other => self.books.post(moves, other, i128::from(*amount)),
            }
        }
    }

    pub(crate) fn refund(&mut self, payment: Id, amount: u64, carried: Id) -> Rule<Done> {
        let back = self.take_back(payment, amount, carried)?;
        let (tax, fee) = (back.tax, back.fee);
        for moved in &back.moved {
            self.count(moved, -1);
        }
        let mut moves = Moves::new();
        self.debit_payees(&mut moves, &back);
        self.credit_back(&mut moves, &back.to);
        *self
            .books
            .reversed
            .entry((self.tenant, payment))
            .or_default() += amount;
        if let (true, Some((party, civil, room))) =
            (self.terms().refund_restores_room, back.payment.taken.room)
        {
            let free = |taken: u64| ratio_down(room, taken, back.payment.gross);
            let free = free(back.so_far + amount) - free(back.so_far);
            let party = &mut self.books.parties[party as usize];
            let windows = [
                party.by_day.get_mut(&civil.day),
                party.by_month.get_mut(&civil.month),
            ];
            for spent in windows.into_iter().flatten() {
                *spent = spent.saturating_sub(free);
            }
        }
        if let Some(used) = back.payment.taken.used.filter(|used| used.restores) {
            let so_far = back.so_far;
            self.return_use(used, so_far, so_far + amount, back.payment.gross);
        }
        Ok(Done {
            gross: amount,
            tax,
            fee,
            ..done("payment.refunded")
        })
    }
}
