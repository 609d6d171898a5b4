//! A naive ledger to compare the step with: maps, names and big numbers, and nothing of the engine.
//!
//! It knows top-ups that settle at once, payments with fee, tax and limits, authorizations with
//! captures and voids, transfers and refunds. It is slow, allocates freely, and is written from the
//! documentation: where it and the step differ, one of them is wrong.
//!
//! `Oracle::ask` answers `ok` or the code of the refusal; `Oracle::balances` lists every balance
//! that is not zero.

use std::collections::BTreeMap;

/// What is asked. Wallets, assets and ids are names of the caller's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    TopUp {
        wallet: String,
        asset: String,
        source: String,
        amount: u64,
    },
    Pay {
        payer: String,
        payee: String,
        asset: String,
        amount: u64,
    },
    Transfer {
        payer: String,
        payee: String,
        asset: String,
        amount: u64,
    },
    Authorize {
        payer: String,
        payee: String,
        asset: String,
        amount: u64,
        expires_ms: u64,
    },
    Capture {
        payment: String,
        amount: u64,
        last: bool,
    },
    Void {
        payment: String,
    },
    Refund {
        payment: String,
        amount: u64,
    },
}

/// The operator's settings.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Parts per million of the gross.
    pub fee_ppm: u64,
    /// By asset.
    pub fee_minimum: BTreeMap<String, u64>,
    /// Whether a refund returns the fee.
    pub fee_refundable: bool,
    /// Parts per million on top of the net price, by the payer's country.
    pub tax_ppm: BTreeMap<String, u64>,
    /// Limits in `limits_asset`: one payment, a day, a month.
    pub limits_asset: String,
    pub per_payment: Option<u64>,
    pub per_day: Option<u64>,
    pub per_month: Option<u64>,
    /// What an atom of an asset is worth in the limits' asset: numerator, denominator.
    pub rates: BTreeMap<String, (u64, u64)>,
    /// Whether limits are checked at all.
    pub limited: bool,
    /// Which sources are spent, in which order.
    pub funding: Vec<String>,
}

/// A wallet's value of one source; of income, with what paid it: `earned:card`.
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
    Pot { wallet: String, source: String },
    Debt { party: String },
    Tax,
    Fees,
    Outside,
}

/// The whole ledger.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    rules: Rules,
    wallets: BTreeMap<String, Wallet>,
    countries: BTreeMap<String, String>,
    /// What parties owe, by party and asset.
    debts: BTreeMap<(String, String), u64>,
    tax: BTreeMap<String, i128>,
    fees: BTreeMap<String, i128>,
    outside: BTreeMap<String, i128>,
    holds: BTreeMap<String, Hold>,
    payments: BTreeMap<String, Payment>,
    /// Spent by party: in which day and month, how much.
    spent_day: BTreeMap<(String, u64), u64>,
    spent_month: BTreeMap<(String, u64), u64>,
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
            } => self.top_up(&wallet, &asset, &source, amount),
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
        for ((party, asset), owed) in &self.debts {
            all.insert(format!("owes/{party}/{asset}"), -i128::from(*owed));
        }
        for (what, sums) in [
            ("tax", &self.tax),
            ("fees", &self.fees),
            ("outside", &self.outside),
        ] {
            for (asset, sum) in sums {
                all.insert(format!("{what}/{asset}"), *sum);
            }
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
            Place::Debt { party } => {
                let owed = self.debts.entry((party.clone(), asset.into())).or_default();
                *owed = u64::try_from(i128::from(*owed) - amount).expect("a debt is not negative");
            }
            Place::Tax => *self.tax.entry(asset.into()).or_default() += amount,
            Place::Fees => *self.fees.entry(asset.into()).or_default() += amount,
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
        let owed = self
            .debts
            .get(&(party.clone(), asset.into()))
            .copied()
            .unwrap_or(0);
        let to_debt = owed.min(amount);
        let to_pot = (wallet.to_owned(), source.to_owned());
        let mut went = Vec::new();
        if to_debt > 0 {
            went.push((Place::Debt { party }, to_debt));
        }
        if amount > to_debt {
            let (wallet, source) = to_pot;
            went.push((Place::Pot { wallet, source }, amount - to_debt));
        }
        for (place, amount) in &went {
            self.move_to(asset, place, i128::from(*amount));
        }
        went
    }

    fn top_up(
        &mut self,
        wallet: &str,
        asset: &str,
        source: &str,
        amount: u64,
    ) -> Result<(), Refusal> {
        if amount == 0 {
            return Err("amount_zero");
        }
        self.move_to(asset, &Place::Outside, -i128::from(amount));
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
        let mut got = vec![(Place::Tax, tax), (Place::Fees, fee)];
        for (place, amount) in &got {
            self.move_to(asset, place, i128::from(*amount));
        }
        got.retain(|(_, amount)| *amount > 0);
        let mut dues = tax + fee;
        for (source, amount) in legs {
            let place = Place::Pot {
                wallet: payer.into(),
                source: source.clone(),
            };
            self.move_to(asset, &place, -i128::from(*amount));
            gave.push((place, *amount));
            let due = dues.min(*amount);
            dues -= due;
            if *amount > due {
                let income = match source.as_str() {
                    "earned" => "earned".to_owned(),
                    source if source.starts_with("earned:") => source.to_owned(),
                    source => format!("earned:{source}"),
                };
                got.extend(self.credit(payee, asset, &income, amount - due));
            }
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
        let mut kept_by_nobody = false;
        if !self.rules.fee_refundable
            && let Some(fee) = got.iter().position(|(place, _)| *place == Place::Fees)
        {
            let of_payee = |place: &Place| matches!(place, Place::Pot { .. } | Place::Debt { .. });
            match got.iter().position(|(place, _)| of_payee(place)) {
                Some(payee) => {
                    got[payee].1 += got[fee].1;
                    got.remove(fee);
                }
                None => kept_by_nobody = true,
            }
        }
        let asset = &record.asset;
        let shares = nested(&got, record.refunded, amount);
        for ((place, _), share) in got.iter().zip(shares) {
            match place {
                Place::Pot { wallet, source } => self.take_back(wallet, asset, Some(source), share),
                Place::Fees if kept_by_nobody => {
                    self.take_back(&record.payee.clone(), asset, None, share);
                }
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
        Ok(())
    }

    /// Takes from one pot first, then from the others; what is missing is owed.
    fn take_back(&mut self, wallet: &str, asset: &str, first: Option<&String>, amount: u64) {
        let party = self.wallets[wallet].party.clone();
        let mut rest = i128::from(amount);
        let wallet = self
            .wallets
            .get_mut(wallet)
            .expect("a wallet that was opened");
        let pots = wallet.pots.entry(asset.into()).or_default();
        let mut order: Vec<usize> = (0..pots.len()).collect();
        order.sort_by_key(|at| Some(&pots[*at].source) != first);
        for at in order {
            let part = (pots[at].balance - pots[at].held).max(0).min(rest);
            pots[at].balance -= part;
            rest -= part;
        }
        let debt = self.debts.entry((party, asset.into())).or_default();
        *debt += u64::try_from(rest).expect("64 bits");
    }
}

/// `amount * num / den`, to the nearer, from half way to the even.
fn half_even(amount: u64, num: u64, den: u64) -> u64 {
    let (product, den) = (u128::from(amount) * u128::from(num), u128::from(den));
    let (floor, twice) = (product / den, product % den * 2);
    let up = twice > den || (twice == den && floor % 2 == 1);
    u64::try_from(floor + u128::from(up)).expect("a part is not above the whole")
}

/// What each part gives of a further `amount`, when `so_far` of the whole was given before.
fn nested(parts: &[(Place, u64)], so_far: u64, amount: u64) -> Vec<u64> {
    let at = |given: u64| {
        let mut left = u128::from(given);
        let mut whole: u128 = parts.iter().map(|(_, part)| u128::from(*part)).sum();
        let mut shares = Vec::new();
        for (_, part) in parts {
            let share = (left * u128::from(*part)).checked_div(whole).unwrap_or(0);
            shares.push(share);
            left -= share;
            whole -= u128::from(*part);
        }
        shares
    };
    let (before, after) = (at(so_far), at(so_far + amount));
    let each = after.into_iter().zip(before);
    each.map(|(after, before)| u64::try_from(after - before).expect("64 bits"))
        .collect()
}
