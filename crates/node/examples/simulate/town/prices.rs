//! What the town sells by its price: versions set, prices archived, items bought.

use super::{ASSETS, DAY, Town};
use oracle::{Band, Command, Every, Id, Item, Model, Op, Price, Spend};
use std::rc::Rc;

/// A price that was asked for, by the number that it has if all of them were set.
#[derive(Clone, Copy)]
pub(super) struct Known {
    tenant: u32,
    id: Id,
    asset: u16,
    /// So much for so many, about.
    about: (u64, u64),
}

/// What is spent by what can be bought by its price.
fn spend_of(op: &mut Op) -> Option<&mut Spend> {
    match op {
        Op::Pay { spend, .. } | Op::Authorize { spend, .. } | Op::Split { spend, .. } => {
            Some(spend)
        }
        _ => None,
    }
}

/// Whether an item is paid for that its payer may have to confirm.
pub(super) fn is_risky(command: &Command) -> bool {
    let mut op = command.op.clone();
    let spend = spend_of(&mut op);
    spend.is_some_and(|spend| spend.item.is_some() && spend.risk == 850 && !spend.confirmed)
}

impl Town {
    /// A new price, a new version of one, or the end of one.
    pub(super) fn price(&mut self, tenant: u32) -> Op {
        let mut own = self.prices.clone();
        own.retain(|known| known.tenant == tenant || self.dice.chance(10));
        let Some(known) = self.dice.recent(&own, 20) else {
            return self.new_price(tenant);
        };
        match self.dice.below(100) {
            0..15 => self.new_price(tenant),
            15..22 => Op::ArchivePrice { price: known.id },
            22..24 => Op::ArchivePrice { price: 7 },
            24..27 => {
                let asset = self.dice.below(ASSETS.len() as u64) as u16;
                self.version(known.id, asset).0
            }
            _ => {
                let (op, about) = self.version(known.id, known.asset);
                for price in self.prices.iter_mut().filter(|price| price.id == known.id) {
                    price.about = about;
                }
                op
            }
        }
    }

    pub(super) fn new_price(&mut self, tenant: u32) -> Op {
        let id = self.sure_id();
        let asset = self.dice.below(u64::from(self.assets)) as u16;
        let (op, about) = self.version(id, asset);
        self.prices.push(Known {
            tenant,
            id,
            asset,
            about,
        });
        op
    }

    /// A version of a price, and about what it comes to.
    fn version(&mut self, price: Id, asset: u16) -> (Op, (u64, u64)) {
        let clock = self.clock;
        let d = &mut self.dice;
        let per = |d: &mut crate::dice::Dice| d.pick(&[1, 3, 7, 1_000, 1_000_000]);
        let (model, about) = match d.below(3) {
            0 => {
                let amount = d.pick(&[0, 1, 250, 50_000]);
                (Model::Flat(amount), (amount, 1))
            }
            1 => {
                let mut unit = || (d.below(2_000_000), per(d));
                let units = vec![unit(), unit()];
                let about = units[0];
                (Model::PerUnit(units), about)
            }
            _ => {
                let (mut bands, mut up_to) = (Vec::new(), 0);
                for left in (0..1 + d.below(4)).rev() {
                    up_to += 1 + d.below(3_000);
                    bands.push(Band {
                        up_to: (left > 0).then_some(up_to),
                        amount: d.below(20_000),
                        per: per(d),
                        base: d.pick(&[0, 0, 5, 700]),
                    });
                }
                let about = (bands[0].amount, bands[0].per);
                (Model::Graduated(bands), about)
            }
        };
        let mut definition = Price {
            asset: ASSETS[usize::from(asset)],
            every: d.pick(&[
                Every::Payment,
                Every::Payment,
                Every::Day,
                Every::Month,
                Every::Month,
                Every::Year,
                Every::Ever,
            ]),
            free: match d.below(2) {
                0 => 0,
                _ => d.below(20_000),
            },
            model,
            restores: d.chance(600),
        };
        // Seldom one that is wrong.
        if d.chance(30) {
            definition.model = match d.below(3) {
                0 => Model::PerUnit(vec![(1, 0)]),
                1 => Model::Graduated(Vec::new()),
                _ => {
                    let band = |up_to| Band {
                        up_to,
                        amount: 1,
                        per: 1,
                        base: 0,
                    };
                    Model::Graduated(vec![band(Some(9)), band(Some(9)), band(None)])
                }
            };
        }
        let from = match d.below(10) {
            0 => Some(clock.saturating_sub(d.below(DAY))),
            1..4 => Some(clock + d.below(DAY)),
            _ => None,
        };
        let op = Op::SetPrice {
            price,
            from,
            definition: Box::new(definition),
        };
        (op, about)
    }

    /// Buys an item instead of paying an amount.
    pub(super) fn buy(&mut self, tenant: u32, spend: &mut Spend) {
        let mut own: Vec<(u32, Known)> = (0..).zip(self.prices.iter().copied()).collect();
        own.retain(|(_, known)| known.tenant == tenant || self.dice.chance(5));
        let Some((price, known)) = self.dice.recent(&own, 12) else {
            return;
        };
        let d = &mut self.dice;
        if d.chance(990) {
            spend.asset = known.asset;
        }
        if d.chance(700) {
            spend.amount = 0;
        }
        if d.chance(60) {
            spend.risk = 850;
        }
        let quantity = match d.below(1_000) {
            0..5 => 0,
            5..8 => u64::MAX - d.below(3),
            8..400 => 1 + d.below(5),
            400..800 => 1 + d.below(3_000),
            _ => 1 + d.below(2_000_000),
        };
        spend.item = Some(Item {
            // Numbers are given in order, over all tenants.
            price: match d.below(100) {
                0 => price + 1,
                _ => price,
            },
            unit: match d.below(100) {
                0 => 2,
                1..25 => 1,
                _ => 0,
            },
            quantity,
        });
    }

    /// The payer confirms what was asked, or first buys the same once more.
    pub(super) fn confirm(&mut self, risky: &Command) -> Rc<Command> {
        let mut command = risky.clone();
        let is_confirmed = self.dice.chance(700);
        if let Some(spend) = spend_of(&mut command.op) {
            spend.confirmed = is_confirmed;
            spend.risk = if is_confirmed { spend.risk } else { 0 };
        }
        match is_confirmed {
            true => Rc::new(command),
            false => {
                let id = self.sure_id();
                self.command(id, command.tenant, command.op)
            }
        }
    }

    /// About what a payment comes to.
    pub(super) fn worth(&self, spend: &Spend) -> u64 {
        let known = spend
            .item
            .map(|item| (item, self.prices.get(item.price as usize)));
        let Some((item, Some(known))) = known else {
            return spend.amount;
        };
        let (amount, per) = known.about;
        (item.quantity / per).saturating_mul(amount).max(1)
    }
}
