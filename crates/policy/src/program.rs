//! What a check does for payments of one kind at one moment, found out once: the rules that look at
//! them, in order, each with its unit, its periods and its number. What is left to a check is what
//! differs from payment to payment: amounts, counters, balances and waiting times.

use crate::facts::{Facts, Moments, RuleNo};
use crate::live::{Live, bits, rule_no};
use crate::rule::{After, Consequence, Per};
use crate::ruleset::{Line, Ruleset, Summed, Test};
use crate::vocabulary::{Presence, Side, StepUp};
use crate::within::Within;
use core::ops::Range;

/// What decides what a check does, apart from ruleset, rates and moment: all of the facts but amounts
/// and how long ago things were. Whoever asks says it in words of its own: where these are the same,
/// those facts must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alike(pub [u64; 4]);

impl Alike {
    /// Its place among those remembered.
    #[inline(always)]
    fn place(&self) -> usize {
        let mixed = self.0.iter().zip(MIXERS).fold(0u64, |mixed, (word, by)| {
            mixed.wrapping_add(word.wrapping_mul(by))
        });
        (mixed >> (64 - PLACES_BITS)) as usize
    }

    /// Word by word: they come from registers and would have to wait in memory for each other.
    #[inline(always)]
    fn is(&self, other: &Alike) -> bool {
        let words = self.0.iter().zip(&other.0);
        words.fold(0, |differs, (one, other)| differs | (one ^ other)) == 0
    }
}

/// Odd numbers without a pattern, one for each word.
const MIXERS: [u64; 4] = [
    0x9e37_79b9_7f4a_7c15,
    0xbf58_476d_1ce4_e5b9,
    0x94d0_49bb_1331_11eb,
    0xd6e8_feb8_6659_fd93,
];

/// Two to this many kinds are remembered at a time, each in its place or not at all.
const PLACES_BITS: u32 = 8;

/// The programs of kinds that were asked about, of one ruleset at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recall {
    /// Whether anything is remembered now.
    is_on: bool,
    /// Of which ruleset, rates and moment.
    of: u64,
    /// Counts these, from 1.
    turn: u64,
    known: Vec<Known>,
    /// Of what is not remembered.
    pub fresh: Program,
}

/// What is known of a kind. Its memory is used again and again.
#[derive(Clone, Debug, Default)]
struct Known {
    /// When it was found out; never, if zero.
    turn: u64,
    alike: Alike,
    within: Within,
    program: Program,
}

impl Recall {
    #[inline]
    pub fn begin(&mut self, of: Option<u64>) {
        self.is_on = of.is_some();
        if let Some(of) = of
            && (self.of != of || self.turn == 0)
        {
            self.turn_to(of);
        }
    }

    #[cold]
    fn turn_to(&mut self, of: u64) {
        self.of = of;
        self.turn += 1;
        self.known.resize_with(1 << PLACES_BITS, Known::default);
    }

    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    #[inline(always)]
    pub fn within(&self, alike: &Alike) -> Option<&Within> {
        let known = self.known.get(alike.place())?;
        let is_it = known.turn == self.turn && known.alike.is(alike) && self.is_on;
        is_it.then_some(&known.within)
    }

    /// What to do for a payment of a kind, as it is known or as `write` says.
    pub fn program(
        &mut self,
        alike: &Alike,
        write: impl FnOnce(&mut Program, &mut Within),
    ) -> &Program {
        let known = &mut self.known[alike.place()];
        if known.turn != self.turn || known.alike != *alike {
            write(&mut known.program, &mut known.within);
            (known.turn, known.alike) = (self.turn, *alike);
        }
        &known.program
    }
}

/// What a check does, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub steps: Vec<Step>,
    /// What the steps that ask for authentication may be exempt by.
    pub exemptions: Vec<Exemption>,
}

/// A rule to look at.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub rule: RuleNo,
    pub act: Act,
    pub side: Side,
    /// It refuses and asks; else it only counts.
    pub binds: bool,
    /// It moves its measure: of several rules that share one, the first.
    pub moves: bool,
    /// The number itself no longer passes.
    pub bites_at: bool,
    pub unit: Unit,
    /// Which of the ruleset's assets.
    pub asset: u8,
    /// The sources that count, as bits.
    pub funds: u16,
    pub then: Consequence,
    /// What follows has been done already: it only leaves a line in a whole trace.
    pub is_done: bool,
    pub sum: Sum,
    pub most: u64,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// `used + asked` against `most`, and counts.
    Limit,
    /// `balance + asked` against `most`.
    Balance(Per),
    /// Hours since something against `most`.
    CoolingOff(After),
    /// Hours of notice against `most`.
    Mandate,
    /// It stands against.
    Forbid,
    /// A counter since the last authentication begins again.
    Reset,
    /// A duty to authenticate, unless one of these exempts.
    Authentication(StepUp, Range<usize>),
}

/// What a rule's numbers are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Payments.
    Payments,
    /// The payment's own asset.
    Own,
    /// The rule's asset, which is another.
    Other,
}

/// A measure, and the periods of it that count now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    /// `None` adds nothing up.
    pub measure: Option<u16>,
    pub from: u32,
    /// Where a move goes.
    pub to: u32,
}

/// When a duty to authenticate falls away.
#[derive(Clone, Debug)]
pub(crate) struct Exemption {
    /// The amount, and what sums it.
    pub step: Step,
    pub needs_amount: bool,
    pub current_counts: bool,
    pub in_all: u64,
    pub counted: Sum,
    pub count: u64,
}

impl Ruleset {
    /// Writes what a check does over `program`.
    pub(crate) fn write(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        is_whole: bool,
        program: &mut Program,
    ) {
        program.steps.clear();
        program.exemptions.clear();
        for live in self.lives(facts, now).iter() {
            let table = &self.tables[usize::from(live.number)];
            for bit in bits(live.binds & table.gates | live.counts & table.measured) {
                let mut step = self.step(facts, now, live, bit);
                let is_again = |before: &Step| before.sum.measure == step.sum.measure;
                step.moves = step.sum.measure.is_some() && !program.steps.iter().any(is_again);
                if is_whole || !step.is_idle() {
                    program.steps.push(step);
                }
            }
            self.write_authentication(facts, now, live, program);
        }
    }

    /// What an authentication resets, duties to authenticate, and what exempts from them.
    fn write_authentication(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        live: &Live,
        program: &mut Program,
    ) {
        let table = &self.tables[usize::from(live.number)];
        if facts.has_done(StepUp::Strong) {
            // Of payments at a distance if this is one, else at terminals (EBA Q&A 2018_4226).
            let is_remote = usize::from(facts.presence == Presence::Remote);
            for bit in bits(live.reached & table.resets[is_remote]) {
                let line = &table.lines[bit as usize];
                let summed = [line.measure, line.count_measure];
                for summed in summed.into_iter().filter(|summed| summed.is_some()) {
                    program.steps.push(Step {
                        act: Act::Reset,
                        sum: sum(now, live, line, summed),
                        ..self.step(facts, now, live, bit)
                    });
                }
            }
        }
        let duties = live.binds & table.authentications;
        if duties == 0 {
            return;
        }
        let first = program.exemptions.len();
        for bit in bits(live.binds & table.exemptions) {
            let line = &table.lines[bit as usize];
            program.exemptions.push(Exemption {
                step: self.step(facts, now, live, bit),
                needs_amount: line.most != u64::MAX || line.measure.is_some(),
                current_counts: line.current_counts,
                in_all: line.in_all,
                counted: sum(now, live, line, line.count_measure),
                count: line.count,
            });
        }
        for bit in bits(duties) {
            let Test::Authentication(step_up) = table.lines[bit as usize].test else {
                continue;
            };
            program.steps.push(Step {
                act: Act::Authentication(step_up, first..program.exemptions.len()),
                is_done: facts.has_done(step_up),
                ..self.step(facts, now, live, bit)
            });
        }
    }

    /// A rule that looks at a payment.
    pub(crate) fn step(&self, facts: &Facts<'_>, now: Moments<'_>, live: &Live, bit: u32) -> Step {
        let line = &self.tables[usize::from(live.number)].lines[bit as usize];
        let is_own = self.assets[usize::from(line.asset)].number == facts.asset;
        Step {
            rule: rule_no(live.number, bit),
            act: match line.test {
                Test::Limit => Act::Limit,
                Test::Balance(per) => Act::Balance(per),
                Test::CoolingOff(after) => Act::CoolingOff(after),
                Test::Mandate => Act::Mandate,
                _ => Act::Forbid,
            },
            side: line.side,
            binds: live.binds >> bit & 1 != 0,
            moves: false,
            bites_at: line.bites_at,
            unit: match line.is_count {
                true => Unit::Payments,
                false if is_own => Unit::Own,
                false => Unit::Other,
            },
            asset: line.asset,
            funds: line.funds,
            then: line.then,
            is_done: match line.then {
                Consequence::StepUp(step_up) => facts.has_done(step_up),
                Consequence::Verify(tier) => facts.tier(line.side) >= tier,
                Consequence::Deny | Consequence::Report => false,
            },
            sum: sum(now, live, line, line.measure),
            most: line.most,
        }
    }
}

fn sum(now: Moments<'_>, live: &Live, line: &Line, summed: Summed) -> Sum {
    let now = now[usize::from(live.zones[line.side as usize])];
    let (from, to) = line.window.periods(now, line.hours);
    let measure = summed.is_some().then_some(summed.number);
    Sum { measure, from, to }
}

impl Step {
    /// Whether nothing can come of it but a line in a whole trace.
    fn is_idle(&self) -> bool {
        if self.moves || !self.binds {
            return !self.moves;
        }
        match self.act {
            // Without a rate it refuses, whatever follows otherwise.
            Act::Limit | Act::Balance(_) => {
                let is_mild = self.is_done || self.then == Consequence::Report;
                is_mild && self.unit != Unit::Other
            }
            Act::Forbid => self.is_done && matches!(self.then, Consequence::Verify(_)),
            _ => false,
        }
    }
}
