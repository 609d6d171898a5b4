//! How most checks end: everything is within its numbers. Found out once for a kind of payment, this
//! is a list of sums and of the most that each may come to; what is left to each payment is to add
//! and to compare. Whatever is not within is checked as a whole, and so is what looks at more than
//! sums.

use crate::program::{Act, Exemption, Program, Step, Sum, Unit};
use crate::rule::Consequence;
use crate::vocabulary::Side;
use money::{Atoms, Rate, Rounding};

/// An amount at a rate, rounded up: the strict side.
#[inline(always)]
pub(crate) fn converted(rate: Rate, atoms: u64) -> Option<u64> {
    let converted = rate.convert(Atoms(atoms), Rounding::Up).ok()?;
    Some(converted.atoms.0)
}

/// When payments of a kind, each from one source, may be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Within {
    /// Whether it can be said so.
    is_known: bool,
    /// Into the asset of numbers that are not in the payment's own.
    rate: Option<(u8, Rate)>,
    /// The most that one payment may be, by [`Unit`].
    most: [u64; 3],
    sums: Vec<Added>,
}

/// What is added up, and the most it may come to.
#[derive(Clone, Copy, Debug)]
struct Added {
    most: u64,
    /// All bits, if this payment is part of what is held against it; none, if only those before.
    of_this: u64,
    measure: u16,
    from: u32,
    to: u32,
    unit: Unit,
    side: Side,
    moves: bool,
}

impl Within {
    /// Finds it out. `rate` is that from the payment's asset into one of the ruleset's.
    pub fn learn(&mut self, program: &Program, rate: impl Fn(u8) -> Option<Rate>) {
        (self.rate, self.most) = (None, [u64::MAX; 3]);
        self.sums.clear();
        let mut add = |step| self.add(program, step, &rate);
        let is_known = program.steps.iter().all(|step| add(step).is_some());
        // A payment is one.
        self.is_known = is_known && self.most[Unit::Payments as usize] >= 1;
    }

    /// Adds a step; `None` if it takes more than numbers.
    fn add(
        &mut self,
        program: &Program,
        step: &Step,
        rate: &impl Fn(u8) -> Option<Rate>,
    ) -> Option<()> {
        match &step.act {
            Act::Limit => {
                if !self.converts(step, rate)? {
                    // What only counts does not count what it cannot convert.
                    return (!step.binds).then_some(());
                }
                let stops = step.binds && !step.is_done && step.then != Consequence::Report;
                let most = match stops {
                    true => step.most.checked_sub(u64::from(step.bites_at))?,
                    false => u64::MAX,
                };
                match step.sum.measure {
                    None => self.at_most(step.unit, most),
                    Some(measure) => self.sums.push(Added {
                        moves: step.moves,
                        ..Added::of(step.unit, step.side, measure, step.sum, most)
                    }),
                }
                Some(())
            }
            Act::Authentication(..) if step.is_done => Some(()),
            // Should the first not hold, another may.
            Act::Authentication(_, exemptions) => {
                let first = program.exemptions.get(exemptions.clone())?.first()?;
                self.exempt(first, rate)
            }
            _ => None,
        }
    }

    fn exempt(&mut self, exemption: &Exemption, rate: &impl Fn(u8) -> Option<Rate>) -> Option<()> {
        let step = &exemption.step;
        if exemption.needs_amount {
            self.converts(step, rate)?.then_some(())?;
            self.at_most(step.unit, step.most);
        }
        let sums = [
            (step.unit, step.sum, exemption.in_all),
            (Unit::Payments, exemption.counted, exemption.count),
        ];
        for (unit, sum, most) in sums {
            let Some(measure) = sum.measure else {
                continue;
            };
            let is_it = |before: &Added| before.moves && before.measure == measure;
            let added = Added {
                moves: !self.sums.iter().any(is_it),
                of_this: if exemption.current_counts {
                    u64::MAX
                } else {
                    0
                },
                ..Added::of(unit, step.side, measure, sum, most)
            };
            self.sums.push(added);
        }
        Some(())
    }

    fn at_most(&mut self, unit: Unit, most: u64) {
        let known = &mut self.most[unit as usize];
        *known = most.min(*known);
    }

    /// Whether amounts come in the asset of a step; `None` if it is a second besides their own.
    fn converts(&mut self, step: &Step, rate: &impl Fn(u8) -> Option<Rate>) -> Option<bool> {
        if step.unit != Unit::Other {
            return Some(true);
        }
        if self.rate.is_none() {
            self.rate = rate(step.asset).map(|rate| (step.asset, rate));
        }
        match self.rate {
            None => Some(false),
            Some((asset, _)) => (asset == step.asset).then_some(true),
        }
    }

    /// Whether a payment is within; `moved` is given what moves.
    #[inline(always)]
    pub fn holds(
        &self,
        atoms: u64,
        used: impl Fn(Side, u16, u32, u32) -> (u128, u32),
        mut moved: impl FnMut(Side, u16, u32, u64, u64),
    ) -> bool {
        let other = match self.rate {
            None => Some(0),
            Some((_, rate)) => converted(rate, atoms),
        };
        let Some(other) = other else {
            return false;
        };
        let asked = [1, atoms, other];
        let [_, own_most, other_most] = self.most;
        if !self.is_known || atoms > own_most || other > other_most {
            return false;
        }
        for added in &self.sums {
            let asked = asked[added.unit as usize];
            let (before, period) = used(added.side, added.measure, added.from, added.to);
            let Ok(before) = u64::try_from(before) else {
                return false;
            };
            let sum = before.checked_add(asked & added.of_this);
            if sum.is_none_or(|sum| sum > added.most) {
                return false;
            }
            if added.moves {
                moved(added.side, added.measure, period, asked, before);
            }
        }
        true
    }
}

impl Added {
    fn of(unit: Unit, side: Side, measure: u16, sum: Sum, most: u64) -> Added {
        Added {
            most,
            of_this: u64::MAX,
            measure,
            from: sum.from,
            to: sum.to,
            unit,
            side,
            moves: false,
        }
    }
}
