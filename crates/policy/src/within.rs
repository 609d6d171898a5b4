//! How most checks end: everything is within its numbers. Found out once for a kind of payment, this
//! is a list of sums and of the most that each may come to; what is left to each payment is to add
//! and to compare. Whatever is not within is checked as a whole, and so is what looks at more than
//! sums.

use crate::facts::Move;
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
    numbers: Vec<Number>,
}

/// A number, and what is held against it.
#[derive(Clone, Copy, Debug)]
struct Number {
    /// The most that passes.
    most: u64,
    /// All bits, if this payment is part of what is held against it; none, if only those before.
    of_this: u64,
    /// Stands for no measure if there is none: then nothing was used before.
    measure: Option<u16>,
    from: u32,
    to: u32,
    unit: Unit,
    side: Side,
    moves: bool,
}

impl Within {
    /// Finds it out. `rate` is that from the payment's asset into one of the ruleset's.
    pub fn learn(&mut self, program: &Program, rate: impl Fn(u8) -> Option<Rate>) {
        self.rate = None;
        self.numbers.clear();
        let mut add = |step| self.add(program, step, &rate);
        self.is_known = program.steps.iter().all(|step| add(step).is_some());
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
                let number = Number::of(step.unit, step.side, step.sum, most);
                self.numbers.push(Number {
                    moves: step.moves,
                    ..number
                });
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
            let nothing = Sum {
                measure: None,
                ..step.sum
            };
            let number = Number::of(step.unit, step.side, nothing, step.most);
            self.numbers.push(number);
        }
        let sums = [
            (step.unit, step.sum, exemption.in_all),
            (Unit::Payments, exemption.counted, exemption.count),
        ];
        for (unit, sum, most) in sums.into_iter().filter(|sum| sum.1.measure.is_some()) {
            let is_it = |before: &Number| before.moves && before.measure == sum.measure;
            let number = Number {
                moves: !self.numbers.iter().any(is_it),
                of_this: if exemption.current_counts {
                    u64::MAX
                } else {
                    0
                },
                ..Number::of(unit, step.side, sum, most)
            };
            self.numbers.push(number);
        }
        Some(())
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

    /// Whether a payment is within; then `moves` has what moves, else nothing of use.
    #[inline(always)]
    pub fn holds(
        &self,
        atoms: u64,
        used: impl Fn(Side, u16, u32, u32) -> (u128, u32),
        moves: &mut Vec<Move>,
    ) -> bool {
        if !self.is_known {
            return false;
        }
        let other = match self.rate {
            None => Some(0),
            Some((_, rate)) => converted(rate, atoms),
        };
        let Some(other) = other else {
            return false;
        };
        for number in &self.numbers {
            let asked = match number.unit {
                Unit::Payments => 1,
                Unit::Own => atoms,
                Unit::Other => other,
            };
            let (before, period) = match number.measure {
                None => (0, 0),
                Some(measure) => used(number.side, measure, number.from, number.to),
            };
            let sum = u64::try_from(before).ok();
            let sum = sum.and_then(|before| before.checked_add(asked & number.of_this));
            if sum.is_none_or(|sum| sum > number.most) {
                return false;
            }
            if let (true, Some(measure)) = (number.moves, number.measure) {
                moves.push(Move {
                    side: number.side,
                    measure,
                    period,
                    delta: i128::from(asked),
                    before,
                });
            }
        }
        true
    }
}

impl Number {
    fn of(unit: Unit, side: Side, sum: Sum, most: u64) -> Number {
        Number {
            most,
            of_this: u64::MAX,
            measure: sum.measure,
            from: sum.from,
            to: sum.to,
            unit,
            side,
            moves: false,
        }
    }
}
