//! Checks one payment against a ruleset: which rules look at it, what each says, what is counted.
//!
//! - Nothing is allocated: `Moves` keeps its memory.
//! - The packs of payer, payee and operator all look, each once; the strictest answer wins.
//! - A measure moves also for parties below the tiers of its rules, so that what was used before
//!   verifying is not forgotten. A party above them is not counted: should it ever fall, it starts
//!   there as a new party does.

use crate::facts::{
    Counters, Elapsed, Facts, Leg, Moments, Move, Moves, Outcome, RuleAsset, RuleNo, Traced,
    Verdict,
};
use crate::live::{bits, rule_no};
use crate::program::{Act, Alike, Exemption, Program, Step, Sum, Unit};
use crate::rule::{After, Consequence, Per, Redeemable};
use crate::ruleset::{NONE, Ruleset, Test};
use crate::vocabulary::{Payment, Side, StepUp};
use crate::within::converted;
use money::Rate;

impl Ruleset {
    /// Whether a payment may be made, what the payer must do first, and what moves if it is made.
    ///
    /// `now` is the moment in each of [`Ruleset::zones`]. `convert` gives an amount of the payment's
    /// asset in atoms of a rule's asset, rounded up; without an answer the payment is refused.
    pub fn check(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        counters: &impl Counters,
        convert: impl Fn(&RuleAsset, u64) -> Option<u64>,
        moves: &mut Moves,
    ) -> Verdict {
        let is_whole = moves.is_whole;
        let program = &mut moves.recall.fresh;
        self.write(facts, now, is_whole, program);
        let (moves, trace) = (&mut moves.moves, &mut moves.trace);
        self.run(program, facts, counters, convert, (moves, trace, is_whole))
    }

    /// The same of a payment of a kind, which [`Moves::recall`] remembers. `rate` gives the rate from
    /// the payment's asset into a rule's.
    pub fn check_alike(
        &self,
        alike: &Alike,
        facts: &Facts<'_>,
        now: Moments<'_>,
        counters: &impl Counters,
        rate: impl Fn(&RuleAsset) -> Option<Rate>,
        moves: &mut Moves,
    ) -> Verdict {
        let convert = |asset: &RuleAsset, atoms| converted(rate(asset)?, atoms);
        if moves.is_whole || !moves.recall.is_on() {
            return self.check(facts, now, counters, convert, moves);
        }
        let program = moves.recall.program(alike, |program, within| {
            self.write(facts, now, false, program);
            within.learn(program, |asset| rate(&self.assets[usize::from(asset)]));
        });
        let (moves, trace) = (&mut moves.moves, &mut moves.trace);
        self.run(program, facts, counters, convert, (moves, trace, false))
    }

    /// Whether value that was authorized earlier may come to its payee: whether the payee may hold it.
    /// The rest was asked when it was authorized, what its payer has to do too. Nothing moves.
    pub fn receive(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        counters: &impl Counters,
        convert: impl Fn(&RuleAsset, u64) -> Option<u64>,
        moves: &mut Moves,
    ) -> Verdict {
        let facts = &Facts {
            asks_payer: false,
            asks_payee: true,
            ..*facts
        };
        let is_whole = moves.is_whole;
        let program = &mut moves.recall.fresh;
        self.write(facts, now, is_whole, program);
        let is_of_balance = |step: &Step| matches!(step.act, Act::Balance(_));
        program.steps.retain(is_of_balance);
        let (moves, trace) = (&mut moves.moves, &mut moves.trace);
        match self.run(program, facts, counters, convert, (moves, trace, is_whole)) {
            Verdict::StepUp { .. } => Verdict::Allow,
            verdict => verdict,
        }
    }

    fn run(
        &self,
        program: &Program,
        facts: &Facts<'_>,
        counters: &impl Counters,
        convert: impl Fn(&RuleAsset, u64) -> Option<u64>,
        (moves, trace, is_whole): (&mut Vec<Move>, &mut Vec<Traced>, bool),
    ) -> Verdict {
        moves.clear();
        trace.clear();
        let mut check = Check {
            set: self,
            legs: facts.legs,
            elapsed: facts.elapsed,
            counters,
            convert,
            moves,
            trace,
            is_whole,
            verdict: Verdict::Allow,
            converted: (NONE, 0, None),
        };
        check.run(program);
        let verdict = check.verdict;
        if matches!(verdict, Verdict::Deny { .. }) {
            check.moves.clear();
        }
        verdict
    }

    /// What a payment that was made moves, whatever rules say of it today: for counting history.
    ///
    /// What no rule can convert is not counted.
    pub fn count(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        convert: impl Fn(&RuleAsset, u64) -> Option<u64>,
        moves: &mut Moves,
    ) {
        moves.moves.clear();
        moves.trace.clear();
        let mut check = Check {
            set: self,
            legs: facts.legs,
            elapsed: facts.elapsed,
            counters: &NothingYet,
            convert,
            moves: &mut moves.moves,
            trace: &mut moves.trace,
            is_whole: false,
            verdict: Verdict::Allow,
            converted: (NONE, 0, None),
        };
        for live in self.lives(facts, now).iter() {
            let table = &self.tables[usize::from(live.number)];
            for bit in bits((live.binds | live.counts) & table.measured) {
                let step = self.step(facts, now, live, bit);
                if let Some(asked) = check.asked(&step) {
                    let found = check.used(step.side, step.sum);
                    check.moves_once(step.side, step.sum, i128::from(asked), found);
                }
            }
        }
    }

    /// The first rule that stands against using a source of funds so, whatever the amount.
    #[must_use]
    pub fn forbids(&self, facts: &Facts<'_>, now: Moments<'_>) -> Option<RuleNo> {
        let mut found = None;
        for live in self.lives(facts, now).iter() {
            let table = &self.tables[usize::from(live.number)];
            for bit in bits(live.binds & table.forbids) {
                let line = &table.lines[bit as usize];
                let tier = facts.tier(line.side);
                let is_high_enough = matches!(line.then, Consequence::Verify(t) if tier >= t);
                if found.is_none() && !is_high_enough {
                    found = Some(rule_no(live.number, bit));
                }
            }
        }
        found
    }

    /// Whether what is left may be had back as money, and by which rule: the strictest answer of all
    /// packs that give one. `facts` are those of a redemption.
    #[must_use]
    pub fn redemption(&self, facts: &Facts<'_>, now: Moments<'_>) -> Option<(Redeemable, RuleNo)> {
        let facts = Facts {
            payment: Payment::Redemption,
            ..*facts
        };
        let mut strictest: Option<(Redeemable, RuleNo)> = None;
        for live in self.lives(&facts, now).iter() {
            let table = &self.tables[usize::from(live.number)];
            for bit in bits(live.binds & table.redemptions) {
                let Test::Redemption(answer) = table.lines[bit as usize].test else {
                    continue;
                };
                if strictest.is_none_or(|(before, _)| is_stricter(answer, before)) {
                    strictest = Some((answer, rule_no(live.number, bit)));
                }
            }
        }
        strictest
    }
}

struct Check<'a, C, F> {
    set: &'a Ruleset,
    legs: &'a [Leg],
    elapsed: Elapsed,
    counters: &'a C,
    convert: F,
    moves: &'a mut Vec<Move>,
    trace: &'a mut Vec<Traced>,
    is_whole: bool,
    verdict: Verdict,
    /// The last conversion: asset, amount, answer.
    converted: (u8, u64, Option<u64>),
}

/// Who asks nothing of what was counted before.
struct NothingYet;

impl Counters for NothingYet {
    fn used(&self, _: Side, _: u16, _: u32, _: u32) -> u128 {
        0
    }
    fn balance(&self, _: Side, _: Per, _: &RuleAsset) -> u128 {
        0
    }
}

impl<C: Counters, F: Fn(&RuleAsset, u64) -> Option<u64>> Check<'_, C, F> {
    #[inline]
    fn run(&mut self, program: &Program) {
        for step in &program.steps {
            match &step.act {
                Act::Limit => self.limit(step),
                Act::Authentication(step_up, exemptions) => {
                    let exemptions = &program.exemptions[exemptions.clone()];
                    self.authentication(step, *step_up, exemptions);
                }
                Act::Reset => self.reset(step),
                Act::Balance(per) => {
                    if let Some(asked) = self.asked_or_denied(step) {
                        let asset = &self.set.assets[usize::from(step.asset)];
                        let held = self.counters.balance(step.side, *per, asset);
                        self.weigh(step, held, asked);
                    }
                }
                Act::CoolingOff(after) => {
                    let elapsed = match after {
                        After::Registration => self.elapsed.registration,
                        After::NewDevice => self.elapsed.device,
                        After::NewPayee => self.elapsed.payee,
                    };
                    self.wait(step, elapsed);
                }
                Act::Mandate => self.wait(step, self.elapsed.notice),
                Act::Forbid => self.stands_against(step),
            }
        }
    }

    #[inline]
    fn limit(&mut self, step: &Step) {
        let Some(asked) = self.asked_or_denied(step) else {
            return;
        };
        let found = self.used(step.side, step.sum);
        if step.binds {
            self.weigh(step, found.0, asked);
        }
        if step.moves {
            self.moves(step.side, step.sum, i128::from(asked), found);
        }
    }

    /// What this payment adds in the unit of a rule, or a refusal if that is not known.
    #[inline]
    fn asked_or_denied(&mut self, step: &Step) -> Option<u64> {
        let asked = self.asked(step);
        if asked.is_none() && step.binds {
            self.deny(step.rule, Outcome::NoRate, 0, 0);
        }
        asked
    }

    /// The payment itself, or the part of it from the rule's sources, in the rule's asset.
    #[inline]
    fn asked(&mut self, step: &Step) -> Option<u64> {
        if step.unit == Unit::Payments {
            return Some(1);
        }
        let amount = match self.legs {
            [one] => one.atoms,
            _ => self.part(step.funds),
        };
        match step.unit {
            Unit::Other => self.converted(step, amount),
            _ => Some(amount),
        }
    }

    /// What is paid from some sources.
    #[inline(never)]
    fn part(&self, funds: u16) -> u64 {
        let of_rule = |leg: &&Leg| funds >> leg.funds as u32 & 1 != 0;
        let parts = self.legs.iter().filter(of_rule);
        parts.fold(0, |sum, leg| sum.saturating_add(leg.atoms))
    }

    /// An amount in a rule's asset.
    #[inline]
    fn converted(&mut self, step: &Step, amount: u64) -> Option<u64> {
        if (self.converted.0, self.converted.1) != (step.asset, amount) {
            let asset = &self.set.assets[usize::from(step.asset)];
            self.converted = (step.asset, amount, (self.convert)(asset, amount));
        }
        self.converted.2
    }

    /// What was counted before, and the period that a move goes to.
    #[inline]
    fn used(&self, side: Side, sum: Sum) -> (u128, u32) {
        match sum.measure {
            None => (0, sum.to),
            Some(measure) => {
                let counters = self.counters;
                counters.used_and_period(side, measure, sum.from, sum.to)
            }
        }
    }

    /// Moves a measure.
    #[inline]
    fn moves(&mut self, side: Side, sum: Sum, delta: i128, (before, period): (u128, u32)) {
        if let Some(measure) = sum.measure {
            self.moves.push(Move {
                side,
                measure,
                period,
                delta,
                before,
            });
        }
    }

    /// Moves a measure, unless the check has already.
    #[inline]
    fn moves_once(&mut self, side: Side, sum: Sum, delta: i128, found: (u128, u32)) {
        if !self.moves.iter().any(|m| Some(m.measure) == sum.measure) {
            self.moves(side, sum, delta, found);
        }
    }

    /// Holds a number against what was used and what is asked on top.
    #[inline]
    fn weigh(&mut self, step: &Step, used: u128, asked: u64) {
        let sum = used.saturating_add(u128::from(asked));
        let most = u128::from(step.most);
        if sum < most || sum == most && !step.bites_at {
            self.trace(step.rule, Outcome::Within, used, asked);
        } else {
            self.passed(step, used, asked);
        }
    }

    /// The number is passed.
    #[cold]
    fn passed(&mut self, step: &Step, used: u128, asked: u64) {
        let rule = step.rule;
        match step.then {
            _ if step.is_done => self.trace(rule, Outcome::Done, used, asked),
            Consequence::Report => self.trace(rule, Outcome::Noted, used, asked),
            Consequence::Deny => self.deny(rule, Outcome::Denied, used, asked),
            Consequence::StepUp(step_up) => self.step_up(step_up, rule, used, asked),
            Consequence::Verify(_) => self.deny(rule, Outcome::Verify, used, asked),
        }
    }

    /// Not at all, or not below a tier.
    #[cold]
    fn stands_against(&mut self, step: &Step) {
        match step.then {
            Consequence::Verify(_) if step.is_done => {
                self.trace(step.rule, Outcome::Done, 0, 0);
            }
            Consequence::Verify(_) => self.deny(step.rule, Outcome::Verify, 0, 0),
            _ => self.deny(step.rule, Outcome::Denied, 0, 0),
        }
    }

    /// So many hours must have gone by.
    fn wait(&mut self, step: &Step, elapsed: u32) {
        if u64::from(elapsed) >= step.most {
            self.trace(step.rule, Outcome::Within, u128::from(elapsed), 0);
        } else {
            self.deny(step.rule, Outcome::Denied, u128::from(elapsed), 0);
        }
    }

    /// A duty to authenticate.
    #[inline]
    fn authentication(&mut self, step: &Step, step_up: StepUp, exemptions: &[Exemption]) {
        if step.is_done {
            self.trace(step.rule, Outcome::Done, 0, 0);
        } else if !exemptions.iter().any(|exemption| self.exempts(exemption)) {
            self.step_up(step_up, step.rule, 0, 0);
        }
    }

    /// Whether an exemption holds; one that does is counted.
    #[inline]
    fn exempts(&mut self, exemption: &Exemption) -> bool {
        let Exemption { step, counted, .. } = exemption;
        let asked = if exemption.needs_amount {
            let Some(asked) = self.asked(step) else {
                return false;
            };
            asked
        } else {
            0
        };
        let of_this = |n: u64| u128::from(if exemption.current_counts { n } else { 0 });
        let used = self.used(step.side, step.sum);
        let count = self.used(step.side, *counted);
        let holds = asked <= step.most
            && (step.sum.measure.is_none()
                || used.0 + of_this(asked) <= u128::from(exemption.in_all))
            && (counted.measure.is_none() || count.0 + of_this(1) <= u128::from(exemption.count));
        let before = if step.sum.measure.is_some() {
            used
        } else {
            count
        };
        if !holds {
            self.trace(step.rule, Outcome::NotExempt, before.0, asked);
            return false;
        }
        self.trace(step.rule, Outcome::Exempt, before.0, asked);
        self.moves_once(step.side, step.sum, i128::from(asked), used);
        self.moves_once(step.side, *counted, 1, count);
        true
    }

    /// Sets a counter since the last authentication to zero.
    #[cold]
    fn reset(&mut self, step: &Step) {
        let found = self.used(step.side, step.sum);
        if found.0 > 0 {
            let back = i128::try_from(found.0).map_or(i128::MIN, |used| -used);
            self.moves_once(step.side, step.sum, back, found);
        }
    }

    /// Notes a rule that neither asks nor refuses.
    #[inline]
    fn trace(&mut self, rule: RuleNo, outcome: Outcome, used: u128, asked: u64) {
        if self.is_whole {
            self.note(rule, outcome, used, asked);
        }
    }

    #[cold]
    fn note(&mut self, rule: RuleNo, outcome: Outcome, used: u128, asked: u64) {
        self.trace.push(Traced {
            rule,
            outcome,
            used,
            asked,
        });
    }

    #[cold]
    fn deny(&mut self, rule: RuleNo, outcome: Outcome, used: u128, asked: u64) {
        self.note(rule, outcome, used, asked);
        if matches!(self.verdict, Verdict::Deny { .. }) {
            return;
        }
        let verify = match self.set.line(rule).map(|line| line.then) {
            Some(Consequence::Verify(tier)) if outcome == Outcome::Verify => Some(tier),
            _ => None,
        };
        self.verdict = Verdict::Deny { rule, verify };
    }

    #[cold]
    fn step_up(&mut self, step_up: StepUp, rule: RuleNo, used: u128, asked: u64) {
        self.note(rule, Outcome::StepUp, used, asked);
        let stronger = match self.verdict {
            Verdict::Allow => true,
            Verdict::StepUp {
                step_up: before, ..
            } => step_up < before,
            Verdict::Deny { .. } => false,
        };
        if stronger {
            self.verdict = Verdict::StepUp { step_up, rule };
        }
    }
}

fn is_stricter(answer: Redeemable, than: Redeemable) -> bool {
    match (answer, than) {
        (Redeemable::Below(share), Redeemable::Below(other)) => share < other,
        _ => answer > than,
    }
}
