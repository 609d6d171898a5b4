//! Whom is measured with: wallets that pay merchants, everything on.
//!
//! Every payer has settled money; payments bear a platform fee and tax, are held to limits per
//! payment, day and month, and their ids are remembered. All of it is set up by commands, as on any
//! other day.

use crate::bench::draw::{Pattern, Random, Zipf, mix};
use crate::bootstrap::command;
use crate::failure::Failure;
use engine::command::{Op, Spend};
use engine::ids::{MandateId, PartyId, WalletId};
use engine::prices::Item;
use engine::records::{Channel, PartyKind, TenantNo};
use engine::taxes::Facts;
use engine::terms::{Country, Limits, TIERS, Terms, Tier};
use engine::{Command, Id, UtcMillis};
use ledger::{AssetNo, Source};
use money::{Atoms, Ppm};
use node::{BATCH_MAX, Brief, Node};

/// What each payment is of, all included: a quarter of a cent.
pub const AMOUNT: Atoms = Atoms(2_500_000);
/// A million dollars: no payer runs dry.
const TOP_UP: Atoms = Atoms(1_000_000_000_000_000);

/// Wallets, the first hundredth of them merchants', and what they ask.
#[derive(Clone, Debug)]
pub struct Town {
    tenant: TenantNo,
    asset: AssetNo,
    merchants: u64,
    payers: u64,
    often_paid: Zipf,
    often_paying: Zipf,
    ids: Random,
    draws: Random,
    /// What each payment says of itself for tax.
    pub facts: Facts,
    /// What each payment buys, instead of saying its amount.
    pub item: Item,
}

impl Town {
    /// A town of so many wallets, at least two. The same seed asks the same.
    pub fn new(wallets: u64, seed: u64, tenant: TenantNo, asset: AssetNo) -> Town {
        let merchants = (wallets / 100).max(1);
        let payers = wallets.saturating_sub(merchants).max(1);
        Town {
            tenant,
            asset,
            merchants,
            payers,
            often_paid: Zipf::new(merchants),
            often_paying: Zipf::new(payers),
            ids: Random(mix(seed ^ 0x1d5)),
            draws: Random(mix(seed)),
            facts: Facts::default(),
            item: Item::NONE,
        }
    }

    /// Whose it is.
    pub fn tenant(&self) -> TenantNo {
        self.tenant
    }

    /// The parties that are paid.
    pub fn merchants(&self) -> impl Iterator<Item = PartyId> + use<> {
        (0..self.merchants).map(|n| PartyId(named(n, 2)))
    }

    /// How many wallets it has.
    pub fn wallets(&self) -> u64 {
        self.merchants + self.payers
    }

    /// A command with a fresh id of this time.
    pub fn command(&mut self, now: UtcMillis, op: Op) -> Command {
        command(self.tenant, self.fresh_id(now), op)
    }

    /// A fresh id of this time.
    #[inline]
    pub fn fresh_id(&mut self, now: UtcMillis) -> Id {
        let random = (u128::from(self.ids.next()) << 64) | u128::from(self.ids.next());
        Id::timed(now.0, random)
    }

    /// What opens the `n`-th wallet: its party, itself, and a payer's money, settled.
    pub fn open_wallet(&mut self, n: u64, now: UtcMillis, out: &mut Vec<Command>) {
        let (party, wallet) = (PartyId(named(n, 2)), wallet(n));
        // A law lets a business that is known take what a person who is not may not.
        let (kind, tier) = match n < self.merchants {
            true => (PartyKind::Business, Tier(4)),
            false => (PartyKind::Person, Tier(1)),
        };
        let country = Country(*b"DE");
        out.push(self.command(
            now,
            Op::RegisterParty {
                party,
                kind,
                country,
                tier,
                particulars: Default::default(),
            },
        ));
        out.push(self.command(now, Op::OpenWallet { wallet, party }));
        if n < self.merchants {
            return;
        }
        let (source, channel) = (Source::Card, Channel::MANUAL);
        let (asset, amount, spendable) = (self.asset, TOP_UP, false);
        let topup = self.command(
            now,
            Op::TopUp {
                wallet,
                asset,
                amount,
                source,
                channel,
                spendable,
            },
        );
        let settle = Op::SettleTopUp { topup: topup.id };
        out.push(topup);
        out.push(self.command(now, settle));
    }

    /// Who pays whom next.
    #[inline]
    pub fn pair(&mut self, pattern: Pattern) -> (WalletId, WalletId) {
        let draws = &mut self.draws;
        let payer = match pattern {
            Pattern::Zipf => self.often_paying.pick(draws),
            Pattern::Uniform | Pattern::Hot => draws.below(self.payers),
        };
        let payee = match pattern {
            Pattern::Uniform => draws.below(self.merchants),
            Pattern::Zipf => self.often_paid.pick(draws),
            Pattern::Hot => 0,
        };
        (wallet(self.merchants + payer), wallet(payee))
    }

    /// The next payment.
    #[inline]
    pub fn payment(&mut self, pattern: Pattern, now: UtcMillis) -> Command {
        let (payer, payee) = self.pair(pattern);
        let spend = Spend {
            payer,
            mandate: MandateId(Id::NONE),
            amount: match self.item.is_some() {
                true => Atoms::ZERO,
                false => AMOUNT,
            },
            asset: self.asset,
            risk: risk::Score(10),
            confirmed: false.into(),
            circumstances: Default::default(),
            tax: self.facts,
            item: self.item,
        };
        self.command(now, Op::Pay { spend, payee })
    }

    /// The next payments, over `out`.
    pub fn payments(
        &mut self,
        pattern: Pattern,
        count: usize,
        now: UtcMillis,
        out: &mut Vec<Command>,
    ) {
        out.clear();
        for _ in 0..count {
            let payment = self.payment(pattern, now);
            out.push(payment);
        }
    }

    /// Opens every wallet of it on a node; `on_progress` hears how many there are.
    pub fn open_on(
        &mut self,
        node: &Node,
        mut on_progress: impl FnMut(u64),
    ) -> Result<(), Failure> {
        let now = node.now();
        let mut commands = Vec::with_capacity(BATCH_MAX);
        for n in 0..self.wallets() {
            self.open_wallet(n, now, &mut commands);
            if commands.len() + 4 > BATCH_MAX || n + 1 == self.wallets() {
                all_done(&node.submit_brief(std::mem::take(&mut commands))?)?;
                on_progress(n + 1);
            }
        }
        Ok(())
    }
}

/// Fails unless each came to an event that is no refusal: refusals are faster and count for nothing.
pub fn all_done(briefs: &[Brief]) -> Result<(), Failure> {
    let other = briefs
        .iter()
        .find(|brief| !matches!(brief, Brief::Done { code: None, .. }));
    other.map_or(Ok(()), |brief| Err(not_done(brief)))
}

/// Says what a command came to that should have been done.
pub fn not_done(brief: &Brief) -> Failure {
    Failure::said(format!(
        "a command of the measurement was not done: {brief:?}"
    ))
}

/// The terms: a fee, a tax, limits that are looked at and never reached.
pub fn terms(asset: AssetNo) -> Result<Terms, Failure> {
    let limits = policy::TierLimits {
        per_payment: Some(10_000_000_000),
        per_day: Some(100_000_000_000_000_000),
        per_month: Some(500_000_000_000_000_000),
    };
    let ppm = |ppm| Ppm::new(ppm).map_err(|error| Failure::said(format!("a share: {error}")));
    Ok(Terms {
        fee_share: ppm(20_000)?,
        tax: tax::RateTable::new([tax::CountryRate {
            country: *b"DE",
            rate: ppm(190_000)?,
        }]),
        limits: Some(Limits {
            asset,
            tiers: [limits; TIERS],
        }),
        ..Terms::default()
    })
}

fn wallet(n: u64) -> WalletId {
    WalletId(named(n, 3))
}

/// As random as real ids are, and always the same.
#[inline]
fn named(n: u64, kind: u64) -> Id {
    let first = mix(n.wrapping_mul(8).wrapping_add(kind));
    Id::timed(kind, (u128::from(first) << 64) | u128::from(mix(first)))
}
