//! Who lives in a simulated town and what they ask: a function of the seed alone. It never looks at
//! answers, so that the same seed asks the same whatever the node's threads do.

#[path = "town/prices.rs"]
mod prices;
#[path = "town/taxes.rs"]
mod taxes;

use crate::dice::Dice;
use oracle::{Command, Id, Limits, Op, Spend, Standing, Terms, Verdict3};
use std::rc::Rc;

const DAY: u64 = 86_400_000;
const COUNTRIES: [[u8; 2]; 4] = [*b"DE", *b"FR", *b"US", *b"ZZ"];
/// Those that are known.
const LANDS: [[u8; 2]; 3] = [*b"DE", *b"FR", *b"US"];
const ASSETS: [&str; 3] = ["USD", "EUR", "JPY"];

/// Something asked before: its id, the amount it named, its asset.
type Thing = (u32, Id, u64);

/// The town as its people remember it.
pub struct Town {
    dice: Dice,
    /// The clock, by which ids are made.
    pub clock: u64,
    tenants: u32,
    assets: u16,
    parties: Vec<Vec<Id>>,
    wallets: Vec<Vec<Id>>,
    window_ms: u64,
    terms: Vec<Terms>,
    payments: Vec<Thing>,
    /// Payments that are a group's, and the group.
    grouped: Vec<(u32, Id, u64, Id)>,
    holds: Vec<Thing>,
    mandates: Vec<(u32, Id, Id)>,
    topups: Vec<Thing>,
    settled: Vec<(u32, Id, u64, Id)>,
    withdrawals: Vec<Thing>,
    disputes: Vec<Thing>,
    /// In the order of their numbers, if all were set.
    prices: Vec<prices::Known>,
    /// Items whose payers are probably asked to confirm.
    risky: Vec<Rc<Command>>,
    asked: Vec<Rc<Command>>,
    /// What is asked next, the last first.
    later: Vec<(u32, Op)>,
    /// Things asked in the chunk under way; others may refer to them when it is answered.
    fresh: Vec<Rc<Command>>,
}

impl Town {
    pub fn new(seed: u64) -> Town {
        let mut dice = Dice::new(seed);
        let clock = 1_790_000_000_000 + dice.below(400) * DAY + dice.below(DAY);
        let tenants = 1 + dice.below(3) as u32;
        Town {
            clock,
            tenants,
            assets: 1 + dice.below(3) as u16,
            parties: vec![Vec::new(); tenants as usize],
            wallets: vec![Vec::new(); tenants as usize],
            window_ms: 60_000 * (10 + dice.below(120)),
            terms: Vec::new(),
            payments: Vec::new(),
            grouped: Vec::new(),
            holds: Vec::new(),
            mandates: Vec::new(),
            topups: Vec::new(),
            settled: Vec::new(),
            withdrawals: Vec::new(),
            disputes: Vec::new(),
            prices: Vec::new(),
            risky: Vec::new(),
            asked: Vec::new(),
            later: Vec::new(),
            fresh: Vec::new(),
            dice,
        }
    }

    /// A new id: mostly of now, sometimes a bit off, seldom of long ago or the future, seldom
    /// without a time.
    fn id(&mut self) -> Id {
        let random = u128::from(self.dice.next()) << 64 | u128::from(self.dice.next());
        let time = match self.dice.below(1_000) {
            0..30 => return engine::Id::opaque(random).0,
            30..33 => self.clock + 300_001 + self.dice.below(DAY),
            33..36 => self
                .clock
                .saturating_sub(self.window_ms + self.dice.below(DAY)),
            36..100 => self.clock + self.dice.below(300_000),
            100..200 => self.clock - self.dice.below(self.window_ms),
            _ => self.clock,
        };
        engine::Id::timed(time, random).0
    }

    /// An id of now: for what must work.
    fn sure_id(&mut self) -> Id {
        let random = u128::from(self.dice.next()) << 64 | u128::from(self.dice.next());
        engine::Id::timed(self.clock, random).0
    }

    fn command(&mut self, id: Id, tenant: u32, op: Op) -> Rc<Command> {
        let command = Rc::new(Command { id, tenant, op });
        self.fresh.push(command.clone());
        command
    }

    /// What opens the town.
    pub fn founding(&mut self) -> Vec<Rc<Command>> {
        let mut all = Vec::new();
        let mut ops = vec![(
            0,
            Op::SetShard {
                window_ms: self.window_ms,
                entries_max: 10_000_000,
            },
        )];
        for asset in 0..self.assets {
            let code = ASSETS[usize::from(asset)];
            ops.push((0, Op::RegisterAsset { code }));
        }
        for tenant in 0..self.tenants {
            let id = self.sure_id();
            ops.push((tenant, Op::OpenTenant { tenant: id }));
            let terms = self.terms();
            self.terms.push(terms.clone());
            let terms = Box::new(terms);
            ops.push((tenant, Op::SetTerms { terms }));
            if self.dice.chance(600) {
                ops.push((tenant, self.tax()));
            }
            for _ in 0..self.dice.below(4) {
                ops.push((tenant, self.new_price(tenant)));
            }
            for _ in 0..8 + self.dice.below(40) {
                ops.extend(self.party(tenant));
            }
        }
        for (tenant, op) in ops {
            let id = self.sure_id();
            all.push(self.command(id, tenant, op));
        }
        all
    }

    /// A party with a wallet or two and mostly some money.
    fn party(&mut self, tenant: u32) -> Vec<(u32, Op)> {
        let (party, t) = (self.sure_id(), tenant as usize);
        let country = self.dice.pick(&COUNTRIES);
        let tier = self.dice.below(5) as u8;
        self.parties[t].push(party);
        let mut ops = vec![(
            tenant,
            Op::RegisterParty {
                party,
                country,
                tier,
            },
        )];
        for _ in 0..1 + u64::from(self.dice.chance(300)) {
            let wallet = self.sure_id();
            self.wallets[t].push(wallet);
            ops.push((tenant, Op::OpenWallet { wallet, party }));
            for _ in 0..self.dice.below(3) {
                ops.push((
                    tenant,
                    Op::TopUp {
                        wallet,
                        asset: self.asset(),
                        amount: 1_000_000 + self.dice.below(10_000_000_000),
                        source: self.source_in(),
                        channel: 1,
                        spendable: true,
                    },
                ));
            }
        }
        ops
    }

    fn terms(&mut self) -> Terms {
        let d = &mut self.dice;
        let mut terms = Terms::default();
        if d.chance(800) {
            terms.fee_ppm = d.pick(&[1, 333, 20_000, 25_000, 1_000_000]);
            if d.chance(900) && terms.fee_ppm == 1_000_000 {
                terms.fee_ppm = 15_000;
            }
        }
        for asset in 0..self.assets {
            if d.chance(300) {
                terms.fee_minimum.insert(asset, d.below(500));
            }
        }
        terms.fee_refundable = d.chance(600);
        for country in COUNTRIES {
            if d.chance(500) {
                terms
                    .tax_ppm
                    .insert(country, d.pick(&[1, 70_000, 190_000, 255_000, 1_000_000]));
            }
        }
        if d.chance(700) {
            // Limits stay in the asset they were first in.
            let stray = d.chance(100);
            let asset = if stray {
                d.below(u64::from(self.assets)) as u16
            } else {
                0
            };
            let mut tiers = [[None; 3]; 5];
            for (tier, row) in (1..).zip(&mut tiers) {
                for (most, n) in row.iter_mut().zip([1, 20, 200]) {
                    if d.chance(700) {
                        *most = Some(tier * n * (1 + d.below(50_000_000)));
                    }
                }
            }
            terms.limits = Some(Limits { asset, tiers });
            for base in 0..self.assets {
                if d.chance(800) {
                    let ratio = (1 + d.below(1 << 20), 1 + d.below(1 << 20));
                    terms.rates.insert((base, asset), ratio);
                }
            }
        }
        terms.refund_restores_room = d.chance(500);
        if d.chance(600) {
            terms.step_up_at = Some(800);
            terms.deny_at = Some(900);
        }
        if d.chance(300) {
            d.shuffle(&mut terms.funding_order);
            terms.funding_order.truncate(3 + d.below(7) as usize);
        }
        if d.chance(300) {
            terms.withdrawable.retain(|_| d.chance(600));
        }
        terms.hold_ms_max = d.pick(&[60_000, DAY, 30 * DAY]);
        if d.chance(300) {
            terms.hold_ms_default = Some(d.pick(&[1, 50_000, DAY]).min(terms.hold_ms_max));
        }
        terms.step_up_ms = d.pick(&[1, 1_000, 600_000]);
        terms.refusals_per_second = d.pick(&[1, 3, 10, 1_000]);
        let offsets = [-36_000, 0, 3_600, 7_200, 50_400];
        terms.offset_s = d.pick(&offsets);
        if d.chance(300) {
            terms.offset_then = Some((self.clock + d.below(5 * DAY), d.pick(&offsets)));
        }
        terms
    }

    fn asset(&mut self) -> u16 {
        if self.dice.chance(700) {
            return 0;
        }
        // Seldom one that does not exist.
        let unknown = u64::from(self.dice.chance(5));
        self.dice.below(u64::from(self.assets) + unknown) as u16
    }

    fn source_in(&mut self) -> u8 {
        self.dice.pick(&[1, 1, 1, 2, 3, 3, 4, 5, 7, 8])
    }

    fn amount(&mut self) -> u64 {
        let d = &mut self.dice;
        match d.below(1_000) {
            0..5 => 0,
            5..8 => u64::MAX - d.below(3),
            8..300 => 1 + d.below(100),
            300..700 => 1 + d.below(100_000),
            700..970 => 1 + d.below(20_000_000),
            _ => 1 + d.below(10_000_000_000),
        }
    }

    /// A part of an amount, mostly; sometimes a bit too much.
    fn part_of(&mut self, amount: u64) -> u64 {
        match self.dice.below(10) {
            0..3 => amount,
            3 => amount.saturating_add(1),
            4 => 1,
            _ => self.dice.below(amount.max(1)).saturating_add(1),
        }
    }

    fn wallet(&mut self, tenant: u32) -> Id {
        let wallets = &self.wallets[tenant as usize];
        match self.dice.below(1_000) {
            // Nobody's, or another tenant's.
            0..3 => u128::from(self.dice.next()) << 64 | 1,
            3..6 => {
                let other = self.dice.below(u64::from(self.tenants)) as usize;
                self.dice.pick(&self.wallets[other])
            }
            6..300 => wallets[0],
            _ => self.dice.pick(wallets),
        }
    }

    fn spend(&mut self, tenant: u32) -> Spend {
        let mut spend = Spend {
            payer: self.wallet(tenant),
            mandate: 0,
            amount: self.amount(),
            asset: self.asset(),
            risk: 0,
            confirmed: self.dice.chance(100),
            seen: None,
            item: None,
        };
        if self.dice.chance(250) {
            self.buy(tenant, &mut spend);
        }
        if self.dice.chance(300) {
            spend.seen = Some(self.dice.pick(&LANDS));
        }
        if self.dice.chance(100) {
            spend.risk = self.dice.below(1_000) as u16;
        }
        if self.dice.chance(60)
            && let Some((owner, mandate, payer)) = self.dice.recent(&self.mandates, 40)
            && (owner == tenant || self.dice.chance(20))
        {
            spend.mandate = mandate;
            if self.dice.chance(970) {
                spend.payer = payer;
            }
        }
        spend
    }

    /// The next thing asked.
    pub fn next(&mut self) -> Rc<Command> {
        if let Some((tenant, op)) = self.later.pop() {
            let id = self.sure_id();
            return self.command(id, tenant, op);
        }
        let tenant = self.dice.below(u64::from(self.tenants)) as u32;
        match self.dice.below(1_000) {
            0..50 => {
                if let Some(again) = self.dice.recent(&self.asked, 500) {
                    return self.again(&again);
                }
            }
            50..60 => {
                if let Some(again) = self.dice.recent(&self.asked, usize::MAX) {
                    return self.again(&again);
                }
            }
            60..70 => {
                if let Some(risky) = self.dice.recent(&self.risky, 4) {
                    return self.confirm(&risky);
                }
            }
            _ => {}
        }
        let op = self.op(tenant);
        let id = self.id();
        let tenant = if self.dice.chance(1) {
            self.tenants
        } else {
            tenant
        };
        self.command(id, tenant, op)
    }

    /// The same again; sometimes with the payer's confirmation, sometimes changed.
    fn again(&mut self, first: &Command) -> Rc<Command> {
        let mut command = first.clone();
        let throw = self.dice.below(10);
        let (amount, payee) = (
            self.amount(),
            self.wallet(first.tenant.min(self.tenants - 1)),
        );
        match &mut command.op {
            Op::Pay { spend, payee: to } => match throw {
                0..4 => spend.confirmed = true,
                4 => spend.amount = amount,
                5 => *to = payee,
                _ => {}
            },
            Op::Authorize { spend, .. } | Op::Split { spend, .. } => match throw {
                0..4 => spend.confirmed = true,
                4 => spend.amount = amount,
                _ => {}
            },
            Op::Transfer { spend, .. } => match throw {
                0..4 => spend.confirmed = true,
                4 => spend.payer = payee,
                _ => {}
            },
            Op::RoundTax(rounding) => match throw {
                0 => rounding.amount = -rounding.amount,
                1 => rounding.paper += 1,
                2 => rounding.country = *b"US",
                3 => rounding.is_fee = !rounding.is_fee,
                _ => {}
            },
            Op::TopUp { amount: a, .. }
            | Op::Withdraw { amount: a, .. }
            | Op::Refund { amount: a, .. }
            | Op::Capture { amount: a, .. }
                if throw == 0 =>
            {
                *a = amount;
            }
            _ => {}
        }
        Rc::new(command)
    }

    fn op(&mut self, tenant: u32) -> Op {
        if self.dice.chance(16) {
            return match self.dice.below(100) {
                0..15 => self.tax(),
                15..50 => self.seller(tenant),
                _ => self.rounding(tenant),
            };
        }
        if self.dice.chance(6) {
            return self.price(tenant);
        }
        let throw = self.dice.below(1_000);
        let at = tenant as usize;
        let (payee, amount, asset) = (self.wallet(tenant), self.amount(), self.asset());
        match throw {
            0..480 => Op::Pay {
                spend: self.spend(tenant),
                payee,
            },
            480..530 => Op::Transfer {
                spend: self.spend(tenant),
                payee,
            },
            530..600 => {
                let longest = self.terms.get(at).map_or(DAY, |t| t.hold_ms_max);
                let lasts = match self.dice.below(100) {
                    0 => 0,
                    1 => 31 * DAY,
                    2..40 => self.dice.below(5_000),
                    40..60 => self.dice.below(3_600_000),
                    _ => self.dice.below(longest),
                };
                let expires = (lasts % 5 > 0).then_some(self.clock + lasts);
                Op::Authorize {
                    spend: self.spend(tenant),
                    payee,
                    expires,
                }
            }
            600..630 => {
                let mut payees = Vec::new();
                for _ in 0..1 + self.dice.below(6) {
                    let weight = match self.dice.below(10) {
                        0 => 0,
                        1 => u64::MAX,
                        _ => 1 + self.dice.below(100),
                    };
                    // Sometimes one who has a share already.
                    let known: Vec<Id> = payees.iter().map(|(payee, _)| *payee).collect();
                    let payee = match self.dice.chance(200) && !known.is_empty() {
                        true => self.dice.pick(&known),
                        false => self.wallet(tenant),
                    };
                    payees.push((payee, weight));
                }
                Op::Split {
                    spend: self.spend(tenant),
                    payees,
                }
            }
            630..690 => self.capture(tenant),
            690..700 => match self.dice.recent(&self.holds, 30) {
                Some((_, payment, _)) => Op::Void { payment },
                None => Op::Void { payment: 7 },
            },
            700..750 => self.refund(tenant),
            750..765 => {
                let mut items = Vec::new();
                for _ in 0..1 + self.dice.below(7) {
                    let op = loop {
                        let op = self.op(tenant);
                        if !matches!(op, Op::Group { .. }) {
                            break op;
                        }
                    };
                    let groupable = matches!(
                        op,
                        Op::Pay { .. }
                            | Op::Transfer { .. }
                            | Op::Authorize { .. }
                            | Op::Split { .. }
                            | Op::Capture { .. }
                            | Op::Void { .. }
                            | Op::Refund { .. }
                    );
                    if groupable || self.dice.chance(10) {
                        let id = match self.dice.recent(&self.asked, 100) {
                            Some(again) if self.dice.chance(10) => again.id,
                            _ => self.id(),
                        };
                        items.push((id, op));
                    }
                }
                if self.dice.chance(10)
                    && let Some(first) = items.first().cloned()
                {
                    items.push(first);
                }
                Op::Group { items }
            }
            765..830 => Op::TopUp {
                wallet: payee,
                asset,
                amount: amount.saturating_mul(1 + self.dice.below(1_000)),
                source: match self.dice.below(100) {
                    0 => 6,
                    1 => 9,
                    _ => self.source_in(),
                },
                channel: 1 + self.dice.below(3) as u16,
                spendable: self.dice.chance(700),
            },
            830..865 => match self.dice.recent(&self.topups, 100) {
                Some((_, topup, _)) => Op::SettleTopUp { topup },
                None => Op::SettleTopUp { topup: 7 },
            },
            865..880 => {
                let settled = self.dice.chance(500);
                if settled && let Some((_, topup, amount, by)) = self.dice.recent(&self.settled, 60)
                {
                    let amount = self.part_of(amount);
                    let carried = self.dice.chance(950).then_some(by);
                    return Op::ReverseTopUp {
                        topup,
                        amount,
                        carried,
                    };
                }
                let (_, topup, amount) = self.dice.recent(&self.topups, 60).unwrap_or((0, 7, 1));
                Op::ReverseTopUp {
                    topup,
                    amount: self.part_of(amount),
                    carried: None,
                }
            }
            880..895 => Op::SettleEarned {
                wallet: payee,
                asset,
                origin: match self.dice.below(8) {
                    0 => 9,
                    _ => self.source_in(),
                },
                amount,
            },
            895..920 => Op::Withdraw {
                wallet: payee,
                asset,
                amount,
                channel: 1 + self.dice.below(3) as u16,
            },
            920..950 => {
                let found = self.dice.recent(&self.withdrawals, 30);
                let withdrawal = found.map_or(7, |(_, id, _)| id);
                match self.dice.below(5) {
                    0..2 => Op::SendWithdrawal { withdrawal },
                    2..4 => Op::SettleWithdrawal { withdrawal },
                    _ => Op::ReturnWithdrawal { withdrawal },
                }
            }
            950..958 => {
                let mut payees = Vec::new();
                for _ in 0..self.dice.below(4).saturating_sub(1) {
                    payees.push(self.wallet(tenant));
                }
                Op::GrantMandate {
                    payer: payee,
                    agent: self.dice.pick(&self.parties[at]),
                    asset,
                    per_payment: self.dice.chance(500).then_some(amount),
                    per_day: self.dice.chance(700).then_some(amount.saturating_mul(3)),
                    payees,
                    expires: self.clock + self.dice.below(5 * DAY),
                }
            }
            958..960 => {
                let found = self.dice.recent(&self.mandates, 30);
                let mandate = found.map_or(7, |(_, id, _)| id);
                Op::RevokeMandate { mandate }
            }
            960..968 => match self.refund(tenant) {
                Op::Refund {
                    payment,
                    amount,
                    carried,
                } => Op::OpenDispute {
                    payment,
                    amount,
                    carried,
                },
                other => other,
            },
            968..976 => {
                let found = self.dice.recent(&self.disputes, 20);
                let dispute = found.map_or(7, |(_, id, _)| id);
                let verdicts = [
                    Verdict3::PayeeWins,
                    Verdict3::PayerWins,
                    Verdict3::ChannelTook,
                ];
                let verdict = self.dice.pick(&verdicts);
                Op::ResolveDispute { dispute, verdict }
            }
            976..983 => {
                let standings = [Standing::Active, Standing::Active, Standing::Frozen];
                let mut standing = self.dice.pick(&standings);
                let mut wallet = payee;
                if self.dice.chance(150) {
                    standing = Standing::Closed;
                    let wallets = &self.wallets[at];
                    wallet = self.dice.recent(wallets, 5).unwrap_or(payee);
                }
                // The hot merchant stays mostly open.
                if wallet == self.wallets[at][0] && self.dice.chance(900) {
                    standing = Standing::Active;
                }
                Op::ChangeWallet { wallet, standing }
            }
            983..988 => {
                let standings = [Standing::Active, Standing::Active, Standing::Frozen];
                Op::ChangeParty {
                    party: self.dice.pick(&self.parties[at]),
                    country: self.dice.chance(500).then(|| self.dice.pick(&COUNTRIES)),
                    tier: self
                        .dice
                        .chance(500)
                        .then(|| self.dice.below(6).min(5) as u8),
                    standing: match self.dice.below(40) {
                        0 => Some(Standing::Closed),
                        1..20 => Some(self.dice.pick(&standings)),
                        _ => None,
                    },
                }
            }
            988..992 => Op::SetCredit {
                wallet: payee,
                asset,
                limit: amount,
            },
            992..994 => {
                let mut terms = self.terms();
                if self.dice.chance(700) {
                    let now = &self.terms[at];
                    (terms.offset_s, terms.offset_then) = (now.offset_s, now.offset_then);
                }
                self.terms[at] = terms.clone();
                Op::SetTerms {
                    terms: Box::new(terms),
                }
            }
            994..998 => {
                if self.dice.chance(300) {
                    // A second wallet for somebody.
                    let wallet = self.sure_id();
                    self.wallets[at].push(wallet);
                    let party = self.dice.pick(&self.parties[at]);
                    return Op::OpenWallet { wallet, party };
                }
                let mut ops = self.party(tenant);
                let first = ops.remove(0).1;
                // The rest in the right order, or seldom in another.
                if self.dice.chance(50) {
                    self.dice.shuffle(&mut ops);
                }
                self.later.extend(ops.into_iter().rev());
                first
            }
            998 if self.dice.chance(100) => {
                self.window_ms = 60_000 * (10 + self.dice.below(120));
                Op::SetShard {
                    window_ms: self.window_ms,
                    entries_max: 10_000_000,
                }
            }
            998 => Op::RegisterAsset { code: "USD" },
            _ => Op::OpenTenant { tenant: 5 },
        }
    }

    fn capture(&mut self, tenant: u32) -> Op {
        let among = if self.dice.chance(700) { 8 } else { 200 };
        let found = self.dice.recent(&self.holds, among);
        let (owner, payment, amount) = found.unwrap_or((tenant, 7, 10));
        let amount = if owner == tenant {
            self.part_of(amount)
        } else {
            1
        };
        Op::Capture {
            payment,
            amount,
            last: self.dice.chance(300),
        }
    }

    fn refund(&mut self, tenant: u32) -> Op {
        let among = if self.dice.chance(800) { 30 } else { 5_000 };
        if self.dice.chance(150)
            && let Some((_, payment, amount, group)) = self.dice.recent(&self.grouped, 30)
        {
            let amount = self.part_of(amount);
            return Op::Refund {
                payment,
                amount,
                carried: group,
            };
        }
        let found = self.dice.recent(&self.payments, among);
        let (_, payment, amount) = found.unwrap_or((tenant, 7, 10));
        let carried = match self.dice.recent(&self.asked, 30) {
            Some(other) if self.dice.chance(20) => other.id,
            _ => payment,
        };
        Op::Refund {
            payment,
            amount: self.part_of(amount),
            carried,
        }
    }

    /// The chunk under way was answered: from now on it may be referred to.
    pub fn answered(&mut self) {
        for command in std::mem::take(&mut self.fresh) {
            let (tenant, id) = (command.tenant, command.id);
            self.risky
                .extend(prices::is_risky(&command).then(|| command.clone()));
            match &command.op {
                Op::Pay { spend, .. } | Op::Transfer { spend, .. } | Op::Split { spend, .. } => {
                    let worth = self.worth(spend);
                    self.payments.push((tenant, id, worth));
                }
                Op::Capture { amount, .. } => self.payments.push((tenant, id, *amount)),
                Op::Refund { .. } if self.dice.chance(20) => self.payments.push((tenant, id, 1)),
                Op::Authorize { spend, .. } => {
                    let worth = self.worth(spend);
                    self.holds.push((tenant, id, worth));
                }
                Op::Group { items } => {
                    for (item, op) in items {
                        match op {
                            Op::Pay { spend, .. }
                            | Op::Transfer { spend, .. }
                            | Op::Split { spend, .. } => {
                                let worth = self.worth(spend);
                                self.grouped.push((tenant, *item, worth, id));
                            }
                            Op::Authorize { spend, .. } => {
                                let worth = self.worth(spend);
                                self.holds.push((tenant, *item, worth));
                            }
                            _ => {}
                        }
                    }
                }
                Op::TopUp { amount, .. } => self.topups.push((tenant, id, *amount)),
                Op::SettleTopUp { topup } => {
                    let of = self.topups.iter().rev().take(200).find(|t| t.1 == *topup);
                    if let Some((_, _, amount)) = of {
                        self.settled.push((tenant, *topup, *amount, id));
                    }
                }
                Op::Withdraw { amount, .. } => self.withdrawals.push((tenant, id, *amount)),
                Op::GrantMandate { payer, .. } => self.mandates.push((tenant, id, *payer)),
                Op::OpenDispute { amount, .. } => self.disputes.push((tenant, id, *amount)),
                _ => {}
            }
            // What names a payment is asked once: see `rounding`.
            if !matches!(&command.op, Op::RoundTax(rounding) if rounding.payment != 0) {
                self.asked.push(command);
            }
        }
    }
}
