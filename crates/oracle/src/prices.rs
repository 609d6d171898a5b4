//! Prices, written a second time: what each unit costs is added up where it lies, band by band.
//! What is left over is a count of parts of an atom, so many of which make one.

use crate::entries::Purpose;
use crate::oracle::{Done, Oracle, Rule, deny, done, reject};
use crate::{Civil, Id, Spend, ratio_down};

/// What use is added up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Every {
    Payment,
    Day,
    Month,
    Year,
    Ever,
}

/// A range of use: `amount` for every `per`, and `base` for reaching it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Band {
    pub up_to: Option<u64>,
    pub amount: u64,
    pub per: u64,
    pub base: u64,
}

/// How a quantity comes to an amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// An amount, once a period.
    Flat(u64),
    /// Of each unit an amount and for how many.
    PerUnit(Vec<(u64, u64)>),
    /// Each part of the use by its own band.
    Graduated(Vec<Band>),
}

/// What something costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The asset's code.
    pub asset: &'static str,
    /// What use is added up in.
    pub every: Every,
    /// The first units of each that cost nothing.
    pub free: u64,
    /// What the others cost.
    pub model: Model,
    /// Whether a refund gives the use back.
    pub restores: bool,
}

/// What is bought: so many of a unit of a price, by the price's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Item {
    pub price: u32,
    pub unit: u16,
    pub quantity: u64,
}

/// What a party has used of a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meter {
    /// In what it is added up.
    pub every: Every,
    /// In which of those.
    pub number: u32,
    /// Used in it.
    pub used: u64,
    /// Parts of an atom that the use comes to and nobody has paid; below zero, paid for too much.
    pub left: i128,
    /// How many of them make one; 0 before the first payment.
    pub parts: u64,
}

/// A price with its versions and from when each holds.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    tenant: u32,
    id: Id,
    asset: u16,
    archived: bool,
    versions: Vec<(u64, Price)>,
}

/// Use that was counted, as long as it can be given back.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    party: u32,
    price: u32,
    quantity: u64,
    /// How much of it cost nothing.
    free: u64,
    every: Every,
    number: u32,
    unit: u16,
    /// Which version of the price, and what it came to.
    version: usize,
    amount: u64,
    /// Whether a refund gives it back.
    pub restores: bool,
}

/// What an item costs, and what that makes of its payer's meter.
pub(crate) struct Bought {
    pub amount: u64,
    pub counts: Option<(Use, Meter)>,
}

impl Price {
    fn is_whole(&self) -> bool {
        match &self.model {
            Model::Flat(_) => true,
            Model::PerUnit(units) => !units.is_empty() && units.iter().all(|(_, per)| *per > 0),
            Model::Graduated(bands) => {
                let Some((last, others)) = bands.split_last() else {
                    return false;
                };
                let mut reached = 0;
                others.iter().all(|band| {
                    let before = std::mem::replace(&mut reached, band.up_to.unwrap_or(0));
                    before < reached
                }) && last.up_to.is_none()
                    && bands.iter().all(|band| band.per > 0)
            }
        }
    }

    /// How many parts of an atom are one, so that every unit costs whole parts.
    fn parts(&self) -> u64 {
        let pers: Vec<u64> = match &self.model {
            Model::Flat(_) => Vec::new(),
            Model::PerUnit(units) => units.iter().map(|(_, per)| *per).collect(),
            Model::Graduated(bands) => bands.iter().map(|band| band.per).collect(),
        };
        pers.iter().fold(1, |all, per| {
            let mut multiple = all;
            while multiple % per != 0 {
                multiple += all;
            }
            multiple
        })
    }

    /// What the units after the first `from` up to `to` cost in parts of an atom, the free ones aside.
    fn parts_of(&self, unit: u16, from: u64, to: u64) -> Option<u128> {
        let parts = u128::from(self.parts());
        let times = |count: u64, (amount, per): (u64, u64)| {
            let each = u128::from(amount) * (parts / u128::from(per));
            each.checked_mul(u128::from(count))
        };
        let mut sum = 0u128;
        match &self.model {
            Model::Flat(amount) => {
                let is_first = from == 0 && to > 0;
                sum += times(u64::from(is_first), (*amount, 1))?;
            }
            Model::PerUnit(units) => sum += times(to - from, units[usize::from(unit)])?,
            Model::Graduated(bands) => {
                let mut lowest = 0;
                for band in bands {
                    let highest = band.up_to.unwrap_or(u64::MAX);
                    let inside = to.min(highest).saturating_sub(from.max(lowest));
                    sum = sum.checked_add(times(inside, (band.amount, band.per))?)?;
                    if from <= lowest && to > lowest {
                        sum = sum.checked_add(times(1, (band.base, 1))?)?;
                    }
                    lowest = highest;
                }
            }
        }
        Some(sum)
    }
}

fn number(every: Every, civil: Civil) -> u32 {
    match every {
        Every::Day => civil.day,
        Every::Month => civil.month,
        Every::Year => civil.month / 12,
        Every::Payment | Every::Ever => 0,
    }
}

impl Oracle {
    pub(crate) fn set_price(&mut self, id: Id, from: Option<u64>, price: &Price) -> Rule<Done> {
        let Some(asset) = self.assets.iter().position(|code| *code == price.asset) else {
            return reject("not_found");
        };
        let (tenant, asset) = (self.tenant, asset as u16);
        let is_it = |known: &&mut Priced| (known.tenant, known.id) == (tenant, id);
        let known = self.prices.iter_mut().find(is_it);
        if known.as_ref().is_some_and(|known| known.archived) {
            return reject("price_archived");
        }
        if known.as_ref().is_some_and(|known| known.asset != asset) || !price.is_whole() {
            return reject("price_invalid");
        }
        let version = (from.unwrap_or(0).max(self.now), price.clone());
        match known {
            Some(known) => known.versions.push(version),
            None => self.prices.push(Priced {
                tenant,
                id,
                asset,
                archived: false,
                versions: vec![version],
            }),
        }
        Ok(done("price.set"))
    }

    pub(crate) fn archive_price(&mut self, id: Id) -> Rule<Done> {
        let tenant = self.tenant;
        let is_it = |known: &&mut Priced| (known.tenant, known.id) == (tenant, id);
        match self.prices.iter_mut().find(is_it) {
            None => reject("not_found"),
            Some(known) if known.archived => reject("price_archived"),
            Some(known) => {
                known.archived = true;
                Ok(done("price.archived"))
            }
        }
    }

    /// What an item costs a party now.
    pub(crate) fn buy(&self, party: u32, item: Item, asset: u16, purpose: Purpose) -> Rule<Bought> {
        let known = self.prices.get(item.price as usize);
        let Some(known) = known.filter(|known| known.tenant == self.tenant) else {
            return reject("not_found");
        };
        if purpose == Purpose::Transfer {
            return reject("malformed");
        }
        if known.archived {
            return reject("price_archived");
        }
        if known.asset != asset {
            return reject("malformed");
        }
        let mut newest_first = known.versions.iter().enumerate().rev();
        let Some((version, (_, price))) = newest_first.find(|(_, (from, _))| *from <= self.now)
        else {
            return reject("not_found");
        };
        if item.quantity == 0 {
            return reject("malformed");
        }
        let units = match &price.model {
            Model::PerUnit(units) => units.len(),
            _ => 1,
        };
        if usize::from(item.unit) >= units {
            return reject("not_found");
        }

        let (every, parts) = (price.every, price.parts());
        let mut meter = self.meter_in(party, item.price, every);
        // Finer or coarser parts: what is left over is so many of those, rounded down.
        meter.left = match meter.parts {
            0 => 0,
            before => {
                let whole = meter.left.div_euclid(before.into());
                let rest = meter.left.rem_euclid(before.into()) as u64;
                whole * i128::from(parts) + ratio_down(rest, parts, before) as i128
            }
        };
        meter.parts = parts;
        let from = meter.used;
        let Some(to) = from.checked_add(item.quantity) else {
            return reject("malformed");
        };
        let beyond = |used: u64| used.saturating_sub(price.free);
        let cost = price.parts_of(item.unit, beyond(from), beyond(to));
        let cost = cost.map(|cost| cost as i128 + meter.left);
        // What was paid for too much pays for this.
        let atoms = cost.map(|cost| u64::try_from(cost.max(0) / i128::from(parts)));
        let (Some(cost), Some(Ok(amount))) = (cost, atoms) else {
            return reject("malformed");
        };
        if amount == 0 && purpose != Purpose::Pay {
            return reject("price_zero");
        }
        meter.left = cost - i128::from(amount) * i128::from(parts);
        if every != Every::Payment {
            meter.used = to;
        }
        let counted = Use {
            party,
            price: item.price,
            quantity: item.quantity,
            free: item.quantity - (beyond(to) - beyond(from)),
            every,
            number: meter.number,
            unit: item.unit,
            version,
            amount,
            restores: price.restores,
        };
        let is_counted = every != Every::Payment || parts > 1;
        Ok(Bought {
            amount,
            counts: is_counted.then_some((counted, meter)),
        })
    }

    /// A party's meter as it is now. A period once begun does not make room for an earlier one.
    fn meter_in(&self, party: u32, price: u32, every: Every) -> Meter {
        let now = number(every, self.civil);
        let known = self.books.meters.get(&(party, price)).copied();
        let (left, parts) = known.map_or((0, 0), |known| (known.left, known.parts));
        match known {
            Some(known) if known.every == every && known.number >= now => known,
            _ => Meter {
                every,
                number: now,
                used: 0,
                // Only less than an atom is asked for in another period.
                left: match left {
                    left if left < 0 => 0,
                    left => left % i128::from(parts.max(1)),
                },
                parts,
            },
        }
    }

    /// Whether what an item costs is what its payer has confirmed and agreed to.
    pub(crate) fn is_agreed(&self, id: Id, spend: &Spend, party: u32, gross: u64) -> Rule<()> {
        let waits = self.pending.get(&(self.tenant, id));
        if spend.confirmed && waits.is_some_and(|waits| waits.gross != gross) {
            return deny("step_up_needed", party);
        }
        if spend.amount > 0 && gross > spend.amount {
            return deny("price_above_limit", party);
        }
        Ok(())
    }

    /// Counts use.
    pub(crate) fn count_use(&mut self, bought: &Bought) -> Option<Use> {
        let (counted, meter) = bought.counts?;
        self.books
            .meters
            .insert((counted.party, counted.price), meter);
        Some(counted)
    }

    /// Gives back the use of a payment that was taken back up to `before` and is now up to `after`,
    /// of `gross`, while its period lasts. What cost nothing comes back with the last of it.
    pub(crate) fn return_use(&mut self, counted: Use, before: u64, after: u64, gross: u64) {
        let paid_for = counted.quantity - counted.free;
        let share = |of: u64| match of == gross {
            true => counted.quantity,
            false => ratio_down(paid_for, of, gross) as u64,
        };
        let back = share(after) - share(before);
        let paid = |of: u64| ratio_down(counted.amount, of, gross);
        let paid_back = (paid(after) - paid(before)) as i128;
        let versions = &self.prices[counted.price as usize].versions;
        let (_, price) = &versions[counted.version];
        let holds = versions.iter().rposition(|(from, _)| *from <= self.now);
        let meter = self.books.meters.get_mut(&(counted.party, counted.price));
        let same =
            |meter: &&mut Meter| (meter.every, meter.number) == (counted.every, counted.number);
        let Some(meter) = meter.filter(same) else {
            return;
        };
        if counted.every == Every::Payment {
            return;
        }
        // What stands is still worth what it was: the rest of what is paid back is asked for again.
        let stands = meter.used.saturating_sub(back);
        let has_many = matches!(&price.model, Model::PerUnit(units) if units.len() > 1);
        if holds != Some(counted.version) || (has_many && price.free > 0) {
            // Of use that may have been paid for at other rates, what is worth how much is not known.
            meter.used = stands;
            return;
        }
        let beyond = |used: u64| used.saturating_sub(price.free);
        let parts = i128::from(price.parts());
        let worth = price.parts_of(counted.unit, beyond(stands), beyond(meter.used));
        let Some(worth) = worth else { return };
        let lacks = paid_back * parts - worth as i128;
        meter.used = stands;
        meter.left += (lacks * i128::from(meter.parts)).div_euclid(parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_cost_what_their_band_says() {
        let band = |up_to, amount, per, base| Band {
            up_to,
            amount,
            per,
            base,
        };
        let of = |model| Price {
            asset: "EUR",
            every: Every::Month,
            free: 0,
            model,
            restores: false,
        };
        let flat = of(Model::Flat(5));
        let units = of(Model::PerUnit(vec![(2, 3), (5, 2)]));
        let bands = vec![band(Some(10), 1, 1, 0), band(None, 1, 4, 7)];
        let bands = of(Model::Graduated(bands));
        for (price, unit, (from, to), parts) in [
            (&flat, 0, (0, 9), 5),
            (&flat, 0, (0, 0), 0),
            (&flat, 0, (1, 9), 0),
            // Of six parts an atom.
            (&units, 0, (1, 5), 16),
            (&units, 1, (1, 5), 60),
            // Of four.
            (&bands, 0, (0, 10), 40),
            (&bands, 0, (8, 10), 8),
            (&bands, 0, (8, 13), 8 + 28 + 3),
            (&bands, 0, (10, 11), 28 + 1),
            (&bands, 0, (11, 13), 2),
        ] {
            let found = price.parts_of(unit, from, to);
            assert_eq!(found, Some(parts), "{price:?}: {from}..{to}");
        }
    }
}
