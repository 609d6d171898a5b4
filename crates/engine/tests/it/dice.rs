//! Any command at all from one throw of the dice, most of them about things that exist.

use crate::town::*;
use engine::command::DisputeVerdict;
use engine::ids::MandateId;
use engine::records::{Channel, Standing};
use engine::terms::{Country, Terms, Tier};
use engine::{EventKind, Id, Op, UtcMillis};
use ledger::{AccountNo, AssetNo, Posting, Source};
use money::Atoms;
use risk::Score;

/// A number that is drawn from.
pub struct Dice(pub u64);

impl Dice {
    /// Less than `n`. Draws may be repeated: the rest is mixed again.
    pub fn pick(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    pub fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.pick(list.len() as u64) as usize]
    }

    fn amount(&mut self) -> u64 {
        match self.pick(8) {
            0 => self.pick(4),
            1 | 2 => self.pick(50),
            7 if self.pick(40) == 0 => u64::MAX - self.pick(2),
            _ => self.pick(900),
        }
    }
}

/// Terms under which everything may happen.
pub fn lively(dice: &mut Dice) -> Terms {
    Terms {
        fee_share: ppm(*dice.of(&[0, 23_000, 700_000])),
        fee_minimums: vec![engine::terms::AssetFee {
            asset: USD,
            minimum: Atoms(*dice.of(&[0, 3, 40])),
        }],
        fee_refundable: dice.pick(2) == 0,
        tax: tax_of(&[(b"DE", 190_000), (b"FR", 1_000_000)]),
        limits: (dice.pick(3) > 0)
            .then(|| limits(USD, [Some(2_000), Some(20_000), Some(90_000)]))
            .flatten(),
        reference_rates: vec![engine::terms::ReferenceRate {
            base: EUR,
            quote: USD,
            rate: money::Rate::new(10, core::num::NonZeroU64::new(9).unwrap()).unwrap(),
        }],
        refund_restores_room: dice.pick(2) == 0,
        risk: crate::codes::thresholds(),
        ..Terms::default()
    }
}

/// A town where everybody has something.
pub fn lively_town(seed: u64) -> Town {
    let mut dice = Dice(seed);
    let mut town = Town::with(lively(&mut dice));
    town.audits = false;
    for (wallet, _, _) in PEOPLE {
        for asset in [USD, USD, EUR] {
            let source = *dice.of(&[Source::Card, Source::Bank, Source::Carrier]);
            let amount = 1 + dice.pick(4_000);
            let topup = town.id_of(top_up_in(wallet, asset, source, amount, true));
            if dice.pick(2) == 0 {
                town.settle_top_up(topup);
            }
        }
    }
    town
}

/// The next command: its id and what it asks.
pub fn next(town: &mut Town, dice: &mut Dice) -> (Id, Op) {
    let id = match dice.pick(30) {
        0 => *dice.of(&town.events.keys().copied().collect::<Vec<_>>()),
        1 => Id::opaque(u128::from(dice.pick(1_000_000))),
        _ => town.new_id(),
    };
    let waits = town
        .state
        .pending
        .iter()
        .next()
        .map(|((_, id), p)| (*id, p.clone()));
    if let Some((id, pending)) = waits
        && dice.pick(8) == 0
    {
        let spend = engine::Spend {
            payer: pending.payer,
            mandate: MandateId(Id::NONE),
            amount: pending.amount,
            asset: pending.asset,
            risk: Score(600),
            confirmed: (dice.pick(8) > 0).into(),
            circumstances: Default::default(),
            tax: Default::default(),
            item: Default::default(),
        };
        let payee = pending.payee;
        return (id, Op::Pay { spend, payee });
    }
    let op = match dice.pick(24) {
        0 => Op::Group {
            items: (0..1 + dice.pick(4))
                .map(|_| (town.new_id(), payment(town, dice)))
                .collect(),
        },
        1..=12 => payment(town, dice),
        13..=18 => money_in_or_out(town, dice),
        _ => rest(town, dice),
    };
    (id, op)
}

fn ids(town: &Town, kinds: &[EventKind]) -> Vec<Id> {
    let of_kind = |event: &engine::Event, id: Id| {
        event
            .part(id)
            .is_some_and(|part| kinds.contains(&part.kind))
    };
    let found = town.events.iter().filter(|(id, e)| of_kind(e, **id));
    found.map(|(id, _)| *id).collect()
}

fn some(town: &Town, dice: &mut Dice, kinds: &[EventKind]) -> Id {
    let ids = ids(town, kinds);
    if ids.is_empty() || dice.pick(25) == 0 {
        named("nothing")
    } else {
        *dice.of(&ids)
    }
}

/// One of what is open, or of what ever was.
fn open<T>(
    town: &Town,
    dice: &mut Dice,
    things: &std::collections::BTreeMap<engine::records::Key, T>,
    kinds: &[EventKind],
) -> Id {
    let ids: Vec<Id> = things.keys().map(|(_, id)| *id).collect();
    if ids.is_empty() || dice.pick(6) == 0 {
        some(town, dice, kinds)
    } else {
        *dice.of(&ids)
    }
}

fn who(dice: &mut Dice) -> &'static str {
    dice.of(&PEOPLE).0
}

fn asset(dice: &mut Dice) -> AssetNo {
    *dice.of(&[USD, USD, USD, EUR, KRW])
}

fn payment(town: &Town, dice: &mut Dice) -> Op {
    use EventKind as K;
    let mut spend = spend(who(dice), dice.amount());
    spend.asset = asset(dice);
    spend.risk = Score(*dice.of(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 600, 600, 950]));
    spend.confirmed = (dice.pick(3) == 0).into();
    if dice.pick(6) == 0 {
        let mandate = some(town, dice, &[K::MandateGranted]);
        spend.mandate = MandateId(mandate);
        if let Some(record) = town.state.mandates.get(&(TENANT, mandate)) {
            spend.payer = town.state.wallet(record.payer).id;
        }
    }
    let payee = wal(who(dice));
    let payments = [K::Paid, K::Captured, K::Split, K::Transferred];
    match dice.pick(16) {
        0..=4 => Op::Pay { spend, payee },
        5 => Op::Transfer { spend, payee },
        6 => {
            let share = |dice: &mut Dice| engine::command::Share {
                payee: wal(who(dice)),
                weight: dice.pick(4),
            };
            let payees = (0..1 + dice.pick(4)).map(|_| share(dice)).collect();
            Op::Split { spend, payees }
        }
        7..=12 if town.state.holds.is_empty() || dice.pick(3) == 0 => Op::Authorize {
            spend,
            payee,
            expires: (dice.pick(8) > 0)
                .then(|| UtcMillis(town.now.0 + 1 + dice.pick(5) * 7 * HOUR)),
        },
        7..=11 => Op::Capture {
            payment: open(town, dice, &town.state.holds, &[K::Authorized]),
            amount: Atoms(dice.amount() / 2),
            asset: None,
            last: dice.pick(3) == 0,
        },
        12 => Op::Void {
            payment: open(town, dice, &town.state.holds, &[K::Authorized]),
        },
        _ => {
            let payment = some(town, dice, &payments);
            let amount = dice.amount() / 2;
            if town.events.contains_key(&payment) {
                town.refund(payment, amount)
            } else {
                Op::Pay { spend, payee }
            }
        }
    }
}

fn money_in_or_out(town: &Town, dice: &mut Dice) -> Op {
    use EventKind as K;
    let source = *dice.of(&Source::ALL);
    match dice.pick(12) {
        0..=3 => top_up_in(
            who(dice),
            asset(dice),
            source,
            dice.amount().saturating_mul(3),
            dice.pick(4) > 0,
        ),
        4 | 5 => Op::SettleTopUp {
            topup: open(town, dice, &town.state.topups, &[K::TopUpPending]),
        },
        6 => {
            let topup = some(town, dice, &[K::TopUpPending]);
            let closed = |e: &&engine::Event| {
                e.effects.iter().any(
                    |f| matches!(f, engine::Effect::TopUpClosed { topup: t, .. } if *t == topup),
                )
            };
            let settled = town.events.values().find(closed).map(|e| e.id);
            town.reverse(topup, settled, dice.amount())
        }
        7 => {
            // Mostly where something can be released.
            let pools = &town.state.tenants[0].settled;
            let pool = |a: &ledger::Account| {
                let row = pools
                    .iter()
                    .find(|(asset, s, _)| (*asset, Some(*s)) == (a.asset, a.origin));
                row.map_or(0, |(.., sum)| u64::try_from(*sum).unwrap_or(0))
            };
            let any = dice.pick(4) == 0;
            let resting = town.state.book.iter().filter(|(_, a)| {
                let there_is = any || a.reclaimable().min(pool(a)) > 0;
                a.class == ledger::AccountClass::Wallet && a.origin.is_some() && there_is
            });
            let resting: Vec<_> = resting.map(|(_, a)| a.clone()).collect();
            let Some(account) = (!resting.is_empty()).then(|| dice.of(&resting)) else {
                return top_up(who(dice), Source::Card, 1_000);
            };
            let most = account.reclaimable().min(pool(account)) / (1 + dice.pick(3));
            Op::SettleEarned {
                wallet: town.state.wallets[account.owner as usize].id,
                asset: account.asset,
                origin: account.origin.unwrap_or(source),
                amount: Atoms(most + u64::from(dice.pick(9) == 0)),
            }
        }
        8 => Op::Withdraw {
            wallet: wal(who(dice)),
            asset: asset(dice),
            amount: Atoms(dice.amount() / 2),
            channel: Channel(1 + dice.pick(2) as u16),
        },
        9 => Op::SendWithdrawal {
            withdrawal: open(
                town,
                dice,
                &town.state.withdrawals,
                &[K::WithdrawalRequested],
            ),
        },
        10 => Op::SettleWithdrawal {
            withdrawal: open(
                town,
                dice,
                &town.state.withdrawals,
                &[K::WithdrawalRequested],
            ),
        },
        _ => Op::ReturnWithdrawal {
            withdrawal: open(
                town,
                dice,
                &town.state.withdrawals,
                &[K::WithdrawalRequested],
            ),
        },
    }
}

fn rest(town: &mut Town, dice: &mut Dice) -> Op {
    use EventKind as K;
    let standing = match dice.pick(12) {
        0 => Standing::Frozen,
        1 => Standing::Closed,
        _ => Standing::Active,
    };
    match dice.pick(12) {
        0 => Op::ChangeWallet {
            wallet: wal(who(dice)),
            standing,
        },
        1 => Op::ChangeParty {
            party: par(dice.of(&PEOPLE).1),
            country: (dice.pick(2) == 0).then(|| Country(**dice.of(&[b"DE", b"FR", b"ZZ"]))),
            tier: (dice.pick(2) == 0).then(|| Tier(dice.pick(5) as u8)),
            // Who is closed stays so: too few live here.
            standing: (dice.pick(2) == 0 && standing != Standing::Closed).then_some(standing),
            particulars: None,
        },
        2 => Op::GrantMandate {
            payer: wal(who(dice)),
            agent: par("robot"),
            asset: USD,
            per_payment: (dice.pick(2) == 0).then_some(Atoms(500)),
            per_day: Some(Atoms(900)),
            payees: vec![],
            expires: UtcMillis(town.now.0 + 1 + dice.pick(3) * DAY),
        },
        3 => Op::RevokeMandate {
            mandate: MandateId(some(town, dice, &[K::MandateGranted])),
        },
        4 | 5 => {
            let payments = [K::Paid, K::Captured, K::Split, K::Transferred];
            let payment = some(town, dice, &payments);
            if town.events.contains_key(&payment) {
                town.dispute(payment, dice.amount() / 2)
            } else {
                Op::Void { payment }
            }
        }
        6 | 7 => Op::ResolveDispute {
            dispute: open(town, dice, &town.state.disputes, &[K::DisputeOpened]),
            verdict: *dice.of(&[
                DisputeVerdict::PayeeWins,
                DisputeVerdict::PayerWins,
                DisputeVerdict::ChannelTook,
            ]),
        },
        8 => {
            let accounts = town.state.book.len() as u64;
            let accounts: Vec<AccountNo> = town
                .state
                .book
                .iter()
                .filter(|(_, a)| a.class == ledger::AccountClass::Wallet && a.asset == USD)
                .map(|(no, _)| no)
                .chain([AccountNo(accounts as u32)])
                .collect();
            let amount = i128::from(dice.amount() / 3);
            let leg = |account, amount| Posting { account, amount };
            let postings = vec![
                leg(*dice.of(&accounts), -amount),
                leg(*dice.of(&accounts), amount),
            ];
            Op::ProposeCorrection {
                postings,
                reason: [3; 32],
            }
        }
        9 => {
            town.actor = key(["clerk", "second"][dice.pick(2) as usize]);
            let correction = open(
                town,
                dice,
                &town.state.corrections,
                &[K::CorrectionProposed],
            );
            match dice.pick(5) {
                0 => Op::RejectCorrection { correction },
                _ => Op::ApproveCorrection { correction },
            }
        }
        10 => Op::SetCredit {
            wallet: wal(who(dice)),
            asset: USD,
            limit: Atoms(dice.amount()),
        },
        _ => Op::SetTerms {
            terms: Box::new(lively(dice)),
        },
    }
}
