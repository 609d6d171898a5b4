//! A naive ledger to compare the step with: maps, names and big numbers, and nothing of the engine.
//!
//! It knows top-ups that settle at once or never, payments with fee, tax and limits, authorizations with
//! captures and voids, transfers and refunds. It is slow, allocates freely, and is written from the
//! documentation: where it and the step differ, one of them is wrong.
//!
//! `Oracle::ask` answers `ok` or the code of the refusal; `Oracle::balances` lists every balance
//! that is not zero.

mod ask;
mod sums;

pub use ask::{Ask, Rules};

use std::collections::BTreeMap;
use sums::{half_even, nested, parts, rests_on};

/// A wallet's value of one source; what has not settled with what it rests on: `earned:card`.
#[derive(Clone, Debug)]
struct Pot {
    source: String,
    balance: i128,
    held: i128,
}

#[derive(Clone, Debug)]
struct Wallet {
    party: String,
    /// By asset, in the order the sources first came.
    pots: BTreeMap<String, Vec<Pot>>,
}

#[derive(Clone, Debug)]
struct Hold {
    payer: String,
    payee: String,
    asset: String,
    amount: u64,
    captured: u64,
    tax: u64,
    fee: u64,
    /// Pot by pot, what is still held.
    legs: Vec<(String, u64)>,
    expires_ms: u64,
    reserved: Option<(u64, u64, u64)>,
}

/// A payment that can be refunded: what each account gave and got, in order.
#[derive(Clone, Debug)]
struct Payment {
    payee: String,
    asset: String,
    gross: u64,
    refunded: u64,
    gave: Vec<(Place, u64)>,
    got: Vec<(Place, u64)>,
}

/// Where value can be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Pot {
        wallet: String,
        source: String,
    },
    Debt {
        party: String,
        rests_on: String,
    },
    /// Resting on a source, or on none.
    Tax(String),
    Fees(String),
    Outside,
}

/// The whole ledger.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    rules: Rules,
    wallets: BTreeMap<String, Wallet>,
    countries: BTreeMap<String, String>,
    /// What parties owe, in the order they came to.
    debts: Vec<Debt>,
    /// What could not be taken back in the command under way: not in the books yet.
    missing: Vec<Debt>,
    /// What is still to come, by asset and source.
    to_come: BTreeMap<(String, String), i128>,
    /// By asset and what it rests on.
    tax: BTreeMap<(String, String), i128>,
    fees: BTreeMap<(String, String), i128>,
    outside: BTreeMap<String, i128>,
    holds: BTreeMap<String, Hold>,
    payments: BTreeMap<String, Payment>,
    /// Spent by party: in which day and month, how much.
    spent_day: BTreeMap<(String, u64), u64>,
    spent_month: BTreeMap<(String, u64), u64>,
}

/// What a party owes of an asset, and what the missing value rested on, if it had not settled.
#[derive(Clone, Debug)]
struct Debt {
    party: String,
    asset: String,
    rests_on: String,
    owed: u64,
}

type Refusal = &'static str;

impl Oracle {
    pub fn new(rules: Rules) -> Oracle {
        Oracle {
            rules,
            ..Oracle::default()
        }
    }

    pub fn register(&mut self, party: &str, country: &str) {
        self.countries.insert(party.into(), country.into());
    }

    pub fn open_wallet(&mut self, wallet: &str, party: &str) {
        let (party, pots) = (party.into(), BTreeMap::new());
        self.wallets.insert(wallet.into(), Wallet { party, pots });
    }

    /// The verdict on a command under a new id, in a civil day and month, at a time.
    pub fn ask(&mut self, id: &str, ask: &Ask, now_ms: u64, day: u64, month: u64) -> String {
        let verdict = match ask.clone() {
            Ask::TopUp {
                wallet,
                asset,
                source,
                amount,
                settled,
            } => self.top_up(&wallet, &asset, &source, amount, settled),
            Ask::Pay {
                payer,
                payee,
                asset,
                amount,
            } => self.pay(id, &payer, &payee, &asset, amount, (day, month)),
            Ask::Transfer {
                payer,
                payee,
                asset,
                amount,
            } => self.transfer(id, &payer, &payee, &asset, amount, (day, month)),
            Ask::Authorize {
                payer,
                payee,
                asset,
                amount,
                expires_ms,
            } => {
                let end = (now_ms, expires_ms);
                self.authorize(id, &payer, &payee, &asset, amount, end, (day, month))
            }
            Ask::Capture {
                payment,
                amount,
                last,
            } => self.capture(id, &payment, amount, last, now_ms),
            Ask::Void { payment } => self.void(&payment),
            Ask::Refund { payment, amount } => self.refund(&payment, amount),
        };
        verdict.err().unwrap_or("ok").to_owned()
    }

    /// Ends the authorizations whose time has come.
    pub fn expire(&mut self, now_ms: u64) {
        let due = |h: &&Hold| h.expires_ms <= now_ms;
        let over: Vec<String> = self
            .holds
            .iter()
            .filter(|(_, h)| due(h))
            .map(|(id, _)| id.clone())
            .collect();
        for id in over {
            self.release(&id);
        }
    }

    /// Every balance that is not zero: `wallet/asset/source`, `owes/party/asset`, `tax/asset`,
    /// `fees/asset`, `outside/asset`.
    pub fn balances(&self) -> BTreeMap<String, i128> {
        let mut all = BTreeMap::new();
        for (name, wallet) in &self.wallets {
            for (asset, pots) in &wallet.pots {
                for pot in pots {
                    all.insert(format!("{name}/{asset}/{}", pot.source), pot.balance);
                }
            }
        }
        for debt in &self.debts {
            let name = format!("owes/{}/{}/{}", debt.party, debt.asset, debt.rests_on);
            all.insert(name, -i128::from(debt.owed));
        }
        for (what, sums) in [("tax", &self.tax), ("fees", &self.fees)] {
            for ((asset, origin), sum) in sums {
                all.insert(format!("{what}/{asset}/{origin}"), *sum);
            }
        }
        for (asset, sum) in &self.outside {
            all.insert(format!("outside/{asset}"), *sum);
        }
        all.retain(|_, balance| *balance != 0);
        all
    }

    /// What is held in all pots of a wallet.
    pub fn held(&self, wallet: &str, asset: &str) -> i128 {
        let pots = self.wallets[wallet].pots.get(asset);
        pots.map_or(0, |pots| pots.iter().map(|p| p.held).sum())
    }

    fn pot(&mut self, wallet: &str, asset: &str, source: &str) -> &mut Pot {
        let wallet = self
            .wallets
            .get_mut(wallet)
            .expect("a wallet that was opened");
        let pots = wallet.pots.entry(asset.into()).or_default();
        match pots.iter().position(|p| p.source == source) {
            Some(at) => &mut pots[at],
            None => {
                let source = source.into();
                pots.push(Pot {
                    source,
                    balance: 0,
                    held: 0,
                });
                pots.last_mut().expect("just pushed")
            }
        }
    }

    fn move_to(&mut self, asset: &str, place: &Place, amount: i128) {
        match place {
            Place::Pot { wallet, source } => self.pot(wallet, asset, source).balance += amount,
            Place::Debt { party, rests_on } => {
                let owed = self.debt(party, asset, rests_on);
                *owed = u64::try_from(i128::from(*owed) - amount).expect("a debt is not negative");
            }
            Place::Tax(origin) => {
                *self.tax.entry((asset.into(), origin.clone())).or_default() += amount;
            }
            Place::Fees(origin) => {
                *self.fees.entry((asset.into(), origin.clone())).or_default() += amount;
            }
            Place::Outside => *self.outside.entry(asset.into()).or_default() += amount,
        }
    }

    /// Credits a wallet, its party's debt first; says where it went.
    fn credit(
        &mut self,
        wallet: &str,
        asset: &str,
        source: &str,
        amount: u64,
    ) -> Vec<(Place, u64)> {
        let party = self.wallets[wallet].party.clone();
        let mut rest = amount;
        let mut went = Vec::new();
        for debt in &self.debts {
            // What is not settled pays only what rests on the same.
            let may_pay = rests_on(source).is_empty() || rests_on(source) == debt.rests_on;
            let paid = debt.owed.min(rest);
            if debt.party == party && debt.asset == asset && may_pay && paid > 0 {
                let (party, rests_on) = (party.clone(), debt.rests_on.clone());
                went.push((Place::Debt { party, rests_on }, paid));
                rest -= paid;
            }
        }
        for debt in &mut self.missing {
            let may_pay = rests_on(source).is_empty() || rests_on(source) == debt.rests_on;
            if debt.party == party && debt.asset == asset && may_pay {
                let paid = debt.owed.min(rest);
                debt.owed -= paid;
                rest -= paid;
            }
        }
        if rest > 0 {
            let (wallet, source) = (wallet.to_owned(), source.to_owned());
            went.push((Place::Pot { wallet, source }, rest));
        }
        for (place, amount) in &went {
            self.move_to(asset, place, i128::from(*amount));
        }
        went
    }

    /// How much a party owes in an asset for what had rested on a source.
    fn debt(&mut self, party: &str, asset: &str, rests_on: &str) -> &mut u64 {
        let is_it = |d: &Debt| (&*d.party, &*d.asset, &*d.rests_on) == (party, asset, rests_on);
        let at = self.debts.iter().position(is_it).unwrap_or_else(|| {
            self.debts.push(Debt {
                party: party.into(),
                asset: asset.into(),
                rests_on: rests_on.into(),
                owed: 0,
            });
            self.debts.len() - 1
        });
        &mut self.debts[at].owed
    }

    fn top_up(
        &mut self,
        wallet: &str,
        asset: &str,
        source: &str,
        amount: u64,
        settled: bool,
    ) -> Result<(), Refusal> {
        if amount == 0 {
            return Err("amount_zero");
        }
        self.move_to(asset, &Place::Outside, -i128::from(amount));
        let unsettled = format!("{source}:{source}");
        if !settled {
            let to_come = self.to_come.entry((asset.into(), source.into()));
            *to_come.or_default() += i128::from(amount);
        }
        let source = if settled { source } else { &unsettled };
        self.credit(wallet, asset, source, amount);
        Ok(())
    }

    /// From which pots an amount would come.
    fn fund(&self, payer: &str, asset: &str, amount: u64) -> Result<Vec<(String, u64)>, Refusal> {
        let empty = Vec::new();
        let pots = self.wallets[payer].pots.get(asset).unwrap_or(&empty);
        let free = |pot: &Pot| u64::try_from((pot.balance - pot.held).max(0)).expect("64 bits");
        let mut rest = amount;
        let mut legs = Vec::new();
        for source in &self.rules.funding {
            for pot in pots {
                if pot.source.split(':').next() == Some(source) && rest > 0 && free(pot) > 0 {
                    let part = free(pot).min(rest);
                    legs.push((pot.source.clone(), part));
                    rest -= part;
                }
            }
        }
        let all: u128 = pots.iter().map(|pot| u128::from(free(pot))).sum();
        match rest {
            0 => Ok(legs),
            _ if all >= u128::from(amount) => Err("source_not_allowed"),
            _ => Err("insufficient_funds"),
        }
    }

    /// The room a payment takes in the limits: how much, which day, which month.
    fn room(
        &self,
        payer: &str,
        asset: &str,
        amount: u64,
        (day, month): (u64, u64),
    ) -> Result<Option<(u64, u64, u64)>, Refusal> {
        if !self.rules.limited {
            return Ok(None);
        }
        let asked = if asset == self.rules.limits_asset {
            amount
        } else {
            let (num, den) = self.rules.rates.get(asset).ok_or("no_reference_rate")?;
            let up = (u128::from(amount) * u128::from(*num)).div_ceil(u128::from(*den));
            u64::try_from(up).map_err(|_| "no_reference_rate")?
        };
        let party = &self.wallets[payer].party;
        let spent = |sums: &BTreeMap<(String, u64), u64>, period| {
            sums.get(&(party.clone(), period)).copied().unwrap_or(0)
        };
        let above = |limit: Option<u64>, used: u64| limit.is_some_and(|limit| used + asked > limit);
        if above(self.rules.per_payment, 0) {
            return Err("limit_per_payment");
        }
        if above(self.rules.per_day, spent(&self.spent_day, day)) {
            return Err("limit_per_day");
        }
        if above(self.rules.per_month, spent(&self.spent_month, month)) {
            return Err("limit_per_month");
        }
        Ok(Some((asked, day, month)))
    }

    fn use_room(&mut self, payer: &str, room: Option<(u64, u64, u64)>) {
        if let Some((amount, day, month)) = room {
            let party = self.wallets[payer].party.clone();
            *self.spent_day.entry((party.clone(), day)).or_default() += amount;
            *self.spent_month.entry((party, month)).or_default() += amount;
        }
    }

    fn check(payer: &str, payee: &str, amount: u64) -> Result<(), Refusal> {
        match amount {
            0 => Err("amount_zero"),
            _ if payer == payee => Err("same_wallet"),
            _ => Ok(()),
        }
    }

    /// The same where the payee would earn: nobody does from themselves.
    fn check_sale(&self, payer: &str, payee: &str, amount: u64) -> Result<(), Refusal> {
        Self::check(payer, payee, amount)?;
        if self.wallets[payer].party == self.wallets[payee].party {
            return Err("same_party");
        }
        Ok(())
    }

    /// Tax and fee in a gross amount.
    fn dues(&self, payer: &str, asset: &str, gross: u64) -> (u64, u64) {
        let country = &self.countries[&self.wallets[payer].party];
        let rate = self.rules.tax_ppm.get(country).copied().unwrap_or(0);
        let tax = half_even(gross, rate, 1_000_000 + rate);
        let share = half_even(gross, self.rules.fee_ppm, 1_000_000);
        let minimum = self.rules.fee_minimum.get(asset).copied().unwrap_or(0);
        (tax, share.max(minimum).min(gross - tax))
    }

    /// Moves value from pots to tax, fees and a payee, and remembers it for refunds.
    fn post(
        &mut self,
        id: &str,
        (payer, payee, asset): (&str, &str, &str),
        legs: &[(String, u64)],
        (tax, fee): (u64, u64),
    ) {
        let gross: u64 = legs.iter().map(|(_, amount)| amount).sum();
        let mut gave = Vec::new();
        for (source, amount) in legs {
            let place = Place::Pot {
                wallet: payer.into(),
                source: source.clone(),
            };
            self.move_to(asset, &place, -i128::from(*amount));
            gave.push((place, *amount));
        }
        // One atom after the other: tax, fee, payee; equal origins side by side are one part.
        let mut got = Vec::new();
        let mut purse = legs.to_vec();
        for (origin, part) in parts(&mut purse, tax) {
            got.push((Place::Tax(origin), part));
        }
        for (origin, part) in parts(&mut purse, fee) {
            got.push((Place::Fees(origin), part));
        }
        for (place, amount) in &got {
            self.move_to(asset, place, i128::from(*amount));
        }
        for (origin, part) in parts(&mut purse, gross - tax - fee) {
            let income = match &*origin {
                "" => "earned".to_owned(),
                unsettled => format!("earned:{unsettled}"),
            };
            got.extend(self.credit(payee, asset, &income, part));
        }
        let (payee, asset) = (payee.into(), asset.into());
        let payment = Payment {
            payee,
            asset,
            gross,
            refunded: 0,
            gave,
            got,
        };
        self.payments.insert(id.into(), payment);
    }

    fn pay(
        &mut self,
        id: &str,
        payer: &str,
        payee: &str,
        asset: &str,
        amount: u64,
        civil: (u64, u64),
    ) -> Result<(), Refusal> {
        self.check_sale(payer, payee, amount)?;
        let legs = self.fund(payer, asset, amount)?;
        let room = self.room(payer, asset, amount, civil)?;
        let dues = self.dues(payer, asset, amount);
        self.post(id, (payer, payee, asset), &legs, dues);
        self.use_room(payer, room);
        Ok(())
    }

    fn transfer(
        &mut self,
        id: &str,
        payer: &str,
        payee: &str,
        asset: &str,
        amount: u64,
        civil: (u64, u64),
    ) -> Result<(), Refusal> {
        Self::check(payer, payee, amount)?;
        // Who owes gives nothing to others.
        let (party, other) = (&self.wallets[payer].party, &self.wallets[payee].party);
        let owes = |d: &Debt| d.party == *party && d.asset == asset && d.owed > 0;
        if party != other && self.debts.iter().any(owes) {
            return Err("debt_outstanding");
        }
        let legs = self.fund(payer, asset, amount)?;
        let room = self.room(payer, asset, amount, civil)?;
        let (mut gave, mut got) = (Vec::new(), Vec::new());
        for (source, amount) in legs {
            let place = Place::Pot {
                wallet: payer.into(),
                source: source.clone(),
            };
            self.move_to(asset, &place, -i128::from(amount));
            gave.push((place, amount));
            got.extend(self.credit(payee, asset, &source, amount));
        }
        let (payee, asset) = (payee.into(), asset.into());
        let payment = Payment {
            payee,
            asset,
            gross: amount,
            refunded: 0,
            gave,
            got,
        };
        self.payments.insert(id.into(), payment);
        self.use_room(payer, room);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn authorize(
        &mut self,
        id: &str,
        payer: &str,
        payee: &str,
        asset: &str,
        amount: u64,
        (now_ms, expires_ms): (u64, u64),
        civil: (u64, u64),
    ) -> Result<(), Refusal> {
        if expires_ms <= now_ms {
            return Err("malformed");
        }
        self.check_sale(payer, payee, amount)?;
        let legs = self.fund(payer, asset, amount)?;
        let reserved = self.room(payer, asset, amount, civil)?;
        for (source, amount) in &legs {
            self.pot(payer, asset, source).held += i128::from(*amount);
        }
        self.use_room(payer, reserved);
        let hold = Hold {
            payer: payer.into(),
            payee: payee.into(),
            asset: asset.into(),
            amount,
            captured: 0,
            tax: 0,
            fee: 0,
            legs,
            expires_ms,
            reserved,
        };
        self.holds.insert(id.into(), hold);
        Ok(())
    }

    fn capture(
        &mut self,
        id: &str,
        payment: &str,
        amount: u64,
        last: bool,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let mut hold = self.holds.get(payment).ok_or("not_found")?.clone();
        if amount == 0 {
            return Err("amount_zero");
        }
        if now_ms >= hold.expires_ms {
            return Err("hold_expired");
        }
        if amount > hold.amount - hold.captured {
            return Err("capture_exceeds_hold");
        }
        hold.captured += amount;
        let (tax, fee) = self.dues(&hold.payer, &hold.asset, hold.captured);
        let more_tax = (tax - hold.tax).min(amount);
        let more_fee = fee.saturating_sub(hold.fee).min(amount - more_tax);
        hold.tax += more_tax;
        hold.fee += more_fee;
        let mut rest = amount;
        let mut legs = Vec::new();
        for (source, held) in &mut hold.legs {
            let part = rest.min(*held);
            if part > 0 {
                (rest, *held) = (rest - part, *held - part);
                self.pot(&hold.payer, &hold.asset, source).held -= i128::from(part);
                legs.push((source.clone(), part));
            }
        }
        let who = (
            &*hold.payer.clone(),
            &*hold.payee.clone(),
            &*hold.asset.clone(),
        );
        let over = last || hold.captured == hold.amount;
        self.holds.insert(payment.into(), hold);
        self.post(id, who, &legs, (more_tax, more_fee));
        if over {
            self.release(payment);
        }
        Ok(())
    }

    fn void(&mut self, payment: &str) -> Result<(), Refusal> {
        self.holds.get(payment).ok_or("not_found")?;
        self.release(payment);
        Ok(())
    }

    /// Ends an authorization: what is left is free, and its room in the limits is given back.
    fn release(&mut self, payment: &str) {
        let Some(hold) = self.holds.remove(payment) else {
            return;
        };
        for (source, held) in &hold.legs {
            self.pot(&hold.payer, &hold.asset, source).held -= i128::from(*held);
        }
        let Some((room, day, month)) = hold.reserved else {
            return;
        };
        let (room, captured) = (u128::from(room), u128::from(hold.captured));
        let used = (room * captured).div_ceil(u128::from(hold.amount));
        let back = u64::try_from(room - used).expect("64 bits");
        let party = self.wallets[&hold.payer].party.clone();
        let days = self.spent_day.entry((party.clone(), day)).or_default();
        *days -= back;
        *self.spent_month.entry((party, month)).or_default() -= back;
    }

    fn refund(&mut self, payment: &str, amount: u64) -> Result<(), Refusal> {
        let record = self
            .payments
            .get(payment)
            .ok_or("not_that_payment")?
            .clone();
        if amount == 0 {
            return Err("amount_zero");
        }
        if amount > record.gross - record.refunded {
            return Err("refund_exceeds_payment");
        }
        let mut got = record.got.clone();
        if !self.rules.fee_refundable {
            let is_fee = |place: &Place| matches!(place, Place::Fees(_));
            let fees = got.iter().filter(|(place, _)| is_fee(place));
            let fee: u64 = fees.map(|(_, amount)| amount).sum();
            got.retain(|(place, _)| !is_fee(place));
            let of_payee = |place: &Place| matches!(place, Place::Pot { .. } | Place::Debt { .. });
            match got.iter_mut().find(|(place, _)| of_payee(place)) {
                Some((_, amount)) => *amount += fee,
                // From the payee, who got nothing.
                None => got.push((Place::Outside, fee)),
            }
        }
        let asset = &record.asset;
        let shares = nested(&got, record.refunded, amount);
        for ((place, _), share) in got.iter().zip(shares) {
            match place {
                Place::Pot { wallet, source } => self.take_back(wallet, asset, Some(source), share),
                Place::Outside => {
                    self.take_back(&record.payee.clone(), asset, None, share);
                }
                Place::Debt { party, rests_on } => self.missing.push(Debt {
                    party: party.clone(),
                    asset: asset.clone(),
                    rests_on: rests_on.clone(),
                    owed: share,
                }),
                place => self.move_to(asset, place, -i128::from(share)),
            }
        }
        let shares = nested(&record.gave, record.refunded, amount);
        for ((place, _), share) in record.gave.iter().zip(shares) {
            if let Place::Pot { wallet, source } = place {
                self.credit(wallet, asset, source, share);
            }
        }
        if let Some(record) = self.payments.get_mut(payment) {
            record.refunded += amount;
        }
        self.book_missing();
        Ok(())
    }

    /// What is missing is owed. It rests on its source as far as others have more that rests on it
    /// than is still to come.
    fn book_missing(&mut self) {
        for missing in std::mem::take(&mut self.missing) {
            let Debt {
                party,
                asset,
                rests_on: source,
                owed,
            } = missing;
            let resting = if source.is_empty() {
                0
            } else {
                self.pool(&asset, &source)
            };
            let resting = u64::try_from(resting.max(0)).unwrap_or(u64::MAX).min(owed);
            for (source, owed) in [(&*source, resting), ("", owed - resting)] {
                if owed > 0 {
                    *self.debt(&party, &asset, source) += owed;
                }
            }
        }
    }

    /// What rests on a source, less what is still to come from it.
    fn pool(&self, asset: &str, source: &str) -> i128 {
        let pots = self.wallets.values().filter_map(|w| w.pots.get(asset));
        let resting = pots.flatten().filter(|pot| rests_on(&pot.source) == source);
        let resting: i128 = resting.map(|pot| pot.balance).sum();
        let debts = self.debts.iter();
        let debts = debts.filter(|d| d.asset == asset && d.rests_on == source);
        let owed: i128 = debts.map(|debt| i128::from(debt.owed)).sum();
        let key = (asset.to_owned(), source.to_owned());
        let dues = [&self.tax, &self.fees].map(|sums| sums.get(&key).copied().unwrap_or(0));
        let to_come = self.to_come.get(&key);
        resting + dues[0] + dues[1] - owed - to_come.copied().unwrap_or(0)
    }

    /// Takes from one pot first, then from the others that are free or rest on the same; what is
    /// missing is owed.
    fn take_back(&mut self, wallet: &str, asset: &str, first: Option<&String>, amount: u64) {
        let party = self.wallets[wallet].party.clone();
        let claim = first.map_or("", |source| rests_on(source)).to_owned();
        let mut rest = i128::from(amount);
        let wallet = self
            .wallets
            .get_mut(wallet)
            .expect("a wallet that was opened");
        let pots = wallet.pots.entry(asset.into()).or_default();
        let mut order: Vec<usize> = (0..pots.len()).collect();
        order.sort_by_key(|at| Some(&pots[*at].source) != first);
        for at in order {
            let other = rests_on(&pots[at].source);
            if !other.is_empty() && other != claim {
                continue;
            }
            let part = (pots[at].balance - pots[at].held).max(0).min(rest);
            pots[at].balance -= part;
            rest -= part;
        }
        if rest > 0 {
            self.missing.push(Debt {
                party,
                asset: asset.into(),
                rests_on: claim,
                owed: u64::try_from(rest).expect("64 bits"),
            });
        }
    }
}
