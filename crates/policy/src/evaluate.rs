//! Checks one payment against a ruleset: which rules look at it, what each says, what is counted.
//!
//! - Nothing is allocated: `Moves` keeps its memory.
//! - The packs of payer, payee and operator all look, each once; the strictest answer wins.
//! - A measure moves also for parties below the tiers of its rules, so that what was used before
//!   verifying is not forgotten. A party above them is not counted: should it ever fall, it starts
//!   there as a new party does.

use crate::facts::{
    Counters, Facts, Moments, Move, Moves, Outcome, RuleAsset, RuleNo, Traced, Verdict,
};
use crate::live::{Live, bits, rule_no};
use crate::rule::{After, Consequence, Per, Redeemable};
use crate::ruleset::{Line, MEASURES_MAX, NONE, Ruleset, Summed, Test};
use crate::vocabulary::{Payment, Presence, Side, StepUp, Tier};

impl Ruleset {
    /// Whether a payment may be made, what the payer must do first, and what moves if it is made.
    ///
    /// `now` is the moment in each of [`Ruleset::zones`]. `convert` gives an amount of the payment's
    /// asset in atoms of a rule's asset, rounded up; without an answer the payment is refused.
    #[inline]
    pub fn check(
        &self,
        facts: &Facts<'_>,
        now: Moments<'_>,
        counters: &impl Counters,
        convert: impl Fn(&RuleAsset, u64) -> Option<u64>,
        moves: &mut Moves,
    ) -> Verdict {
        moves.moves.clear();
        moves.trace.clear();
        let lives = self.recalled(facts, now, &mut moves.recall);
        let mut check = Check::new(self, facts, now, counters, convert, moves);
        for live in lives.iter() {
            check.table(live);
        }
        let verdict = check.verdict;
        if matches!(verdict, Verdict::Deny { .. }) {
            moves.moves.clear();
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
        let mut check = Check::new(self, facts, now, &NothingYet, convert, moves);
        for live in self.lives(facts, now).iter() {
            let table = &self.tables[usize::from(live.number)];
            for bit in bits((live.binds | live.counts) & table.measured) {
                let line = &table.lines[bit as usize];
                let rule = rule_no(live.number, bit);
                if let Some(asked) = check.asked(line, rule, false) {
                    check.moves(live, line, line.measure, i128::from(asked), 0);
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
                let tier = match line.side {
                    Side::Payer => facts.payer.tier,
                    Side::Payee => facts.payee.tier,
                };
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
    facts: &'a Facts<'a>,
    now: Moments<'a>,
    counters: &'a C,
    convert: F,
    moves: &'a mut Moves,
    /// Measures already moved, by position.
    moved: [u64; MEASURES_MAX / 64],
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

impl<'a, C: Counters, F: Fn(&RuleAsset, u64) -> Option<u64>> Check<'a, C, F> {
    #[inline]
    fn new(
        set: &'a Ruleset,
        facts: &'a Facts<'a>,
        now: Moments<'a>,
        counters: &'a C,
        convert: F,
        moves: &'a mut Moves,
    ) -> Self {
        Check {
            set,
            facts,
            now,
            counters,
            convert,
            moves,
            moved: [0; MEASURES_MAX / 64],
            verdict: Verdict::Allow,
            converted: (NONE, 0, None),
        }
    }

    #[inline]
    fn table(&mut self, live: &Live) {
        let table = &self.set.tables[usize::from(live.number)];
        for bit in bits(live.binds & table.gates | live.counts & table.measured) {
            let line = &table.lines[bit as usize];
            let rule = rule_no(live.number, bit);
            let binds = live.binds >> bit & 1 != 0;
            match line.test {
                Test::Limit => self.limit(live, line, rule, binds),
                Test::Balance(per) => {
                    let Some(asked) = self.asked(line, rule, true) else {
                        continue;
                    };
                    let asset = &self.set.assets[usize::from(line.asset)];
                    let held = self.counters.balance(line.side, per, asset);
                    self.weigh(line, rule, held, asked);
                }
                Test::CoolingOff(after) => {
                    let elapsed = match after {
                        After::Registration => self.facts.elapsed.registration,
                        After::NewDevice => self.facts.elapsed.device,
                        After::NewPayee => self.facts.elapsed.payee,
                    };
                    self.wait(line, rule, elapsed);
                }
                Test::Mandate => self.wait(line, rule, self.facts.elapsed.notice),
                _ => self.stands_against(line, rule),
            }
        }
        self.authentication(live);
    }

    #[inline]
    fn limit(&mut self, live: &Live, line: &Line, rule: RuleNo, binds: bool) {
        let Some(asked) = self.asked(line, rule, binds) else {
            return;
        };
        if !line.measure.is_some() {
            self.weigh(line, rule, 0, asked);
            return;
        }
        let used = self.used(live, line, line.measure);
        if binds {
            self.weigh(line, rule, used, asked);
        }
        self.moves(live, line, line.measure, i128::from(asked), used);
    }

    /// What this payment adds in the unit of a rule, or a refusal if that is not known.
    #[inline]
    fn asked(&mut self, line: &Line, rule: RuleNo, binds: bool) -> Option<u64> {
        if line.is_count {
            return Some(1);
        }
        let asked = self.amount(line);
        if asked.is_none() && binds {
            self.deny(rule, Outcome::NoRate, 0, 0);
        }
        asked
    }

    /// The part of the payment from the rule's sources, in the rule's asset.
    #[inline]
    fn amount(&mut self, line: &Line) -> Option<u64> {
        let amount = match self.facts.legs {
            [one] => one.atoms,
            legs => {
                let of_rule = |leg: &&crate::facts::Leg| line.funds >> leg.funds as u32 & 1 != 0;
                let parts = legs.iter().filter(of_rule);
                parts.fold(0u64, |sum, leg| sum.saturating_add(leg.atoms))
            }
        };
        let asset = &self.set.assets[usize::from(line.asset)];
        if asset.number == self.facts.asset {
            return Some(amount);
        }
        if (self.converted.0, self.converted.1) != (line.asset, amount) {
            self.converted = (line.asset, amount, (self.convert)(asset, amount));
        }
        self.converted.2
    }

    #[inline]
    fn used(&self, live: &Live, line: &Line, measure: Summed) -> u128 {
        let now = self.now[usize::from(live.zones[line.side as usize])];
        let (from, to) = line.window.periods(now, line.hours);
        self.counters.used(line.side, measure.number, from, to)
    }

    /// Moves a measure, once.
    #[inline]
    fn moves(&mut self, live: &Live, line: &Line, measure: Summed, delta: i128, before: u128) {
        let (word, bit) = (usize::from(measure.at) / 64, 1u64 << (measure.at % 64));
        if self.moved[word] & bit != 0 {
            return;
        }
        self.moved[word] |= bit;
        let now = self.now[usize::from(live.zones[line.side as usize])];
        self.moves.moves.push(Move {
            side: line.side,
            measure: measure.number,
            period: line.window.periods(now, line.hours).1,
            delta,
            before,
        });
    }

    /// `used + asked` against the rule's number, and what follows.
    #[inline]
    fn weigh(&mut self, line: &Line, rule: RuleNo, used: u128, asked: u64) {
        let sum = used.saturating_add(u128::from(asked));
        let most = u128::from(line.most);
        let is_within = if line.bites_at {
            sum < most
        } else {
            sum <= most
        };
        if is_within {
            self.trace(rule, Outcome::Within, used, asked);
            return;
        }
        match line.then {
            Consequence::Report => self.trace(rule, Outcome::Noted, used, asked),
            Consequence::Deny => self.deny(rule, Outcome::Denied, used, asked),
            Consequence::StepUp(step_up) => self.step_up(step_up, rule, used, asked),
            Consequence::Verify(tier) => {
                if self.tier(line.side) >= tier {
                    self.trace(rule, Outcome::Done, used, asked);
                } else {
                    self.deny(rule, Outcome::Verify, used, asked);
                }
            }
        }
    }

    /// Not at all, or not below a tier.
    #[cold]
    fn stands_against(&mut self, line: &Line, rule: RuleNo) {
        match line.then {
            Consequence::Verify(tier) if self.tier(line.side) >= tier => {
                self.trace(rule, Outcome::Done, 0, 0);
            }
            Consequence::Verify(_) => self.deny(rule, Outcome::Verify, 0, 0),
            _ => self.deny(rule, Outcome::Denied, 0, 0),
        }
    }

    #[inline]
    fn tier(&self, side: Side) -> Tier {
        match side {
            Side::Payer => self.facts.payer.tier,
            Side::Payee => self.facts.payee.tier,
        }
    }

    /// So many hours must have gone by.
    fn wait(&mut self, line: &Line, rule: RuleNo, elapsed: u32) {
        if u64::from(elapsed) >= line.most {
            self.trace(rule, Outcome::Within, u128::from(elapsed), 0);
        } else {
            self.deny(rule, Outcome::Denied, u128::from(elapsed), 0);
        }
    }

    /// Duties to authenticate, what exempts from them, and what an authentication resets.
    #[inline]
    fn authentication(&mut self, live: &Live) {
        let table = &self.set.tables[usize::from(live.number)];
        if self.facts.has_done(StepUp::Strong) {
            self.reset(live);
        }
        for bit in bits(live.binds & table.authentications) {
            let rule = rule_no(live.number, bit);
            let Test::Authentication(step_up) = table.lines[bit as usize].test else {
                continue;
            };
            if self.facts.has_done(step_up) {
                self.trace(rule, Outcome::Done, 0, 0);
            } else if !self.is_exempt(live) {
                self.step_up(step_up, rule, 0, 0);
            }
        }
    }

    fn is_exempt(&mut self, live: &Live) -> bool {
        let table = &self.set.tables[usize::from(live.number)];
        for bit in bits(live.binds & table.exemptions) {
            let line = &table.lines[bit as usize];
            let rule = rule_no(live.number, bit);
            let needs_amount = line.most != u64::MAX || line.measure.is_some();
            let asked = if needs_amount {
                let Some(asked) = self.amount(line) else {
                    continue;
                };
                asked
            } else {
                0
            };
            let of_this = |n: u64| u128::from(if line.current_counts { n } else { 0 });
            let mut holds = asked <= line.most;
            let (mut used, mut count) = (0, 0);
            if line.measure.is_some() {
                used = self.used(live, line, line.measure);
                holds &= used + of_this(asked) <= u128::from(line.in_all);
            }
            if line.count_measure.is_some() {
                count = self.used(live, line, line.count_measure);
                holds &= count + of_this(1) <= u128::from(line.count);
            }
            let before = if !line.measure.is_some() { count } else { used };
            if !holds {
                self.trace(rule, Outcome::NotExempt, before, asked);
                continue;
            }
            self.trace(rule, Outcome::Exempt, before, asked);
            if line.measure.is_some() {
                self.moves(live, line, line.measure, i128::from(asked), used);
            }
            if line.count_measure.is_some() {
                self.moves(live, line, line.count_measure, 1, count);
            }
            return true;
        }
        false
    }

    /// Sets the counters since the last authentication to zero: those of payments at a distance if
    /// this is one, else those at terminals (EBA Q&A 2018_4226).
    fn reset(&mut self, live: &Live) {
        let is_remote = usize::from(self.facts.presence == Presence::Remote);
        let table = &self.set.tables[usize::from(live.number)];
        for bit in bits(live.reached & table.resets[is_remote]) {
            let line = &table.lines[bit as usize];
            for measure in [line.measure, line.count_measure] {
                if !measure.is_some() {
                    continue;
                }
                let used = self.used(live, line, measure);
                if used > 0 {
                    let back = i128::try_from(used).map_or(i128::MIN, |used| -used);
                    self.moves(live, line, measure, back, used);
                }
            }
        }
    }

    /// Notes a rule that neither asks nor refuses.
    #[inline]
    fn trace(&mut self, rule: RuleNo, outcome: Outcome, used: u128, asked: u64) {
        if self.moves.is_whole {
            self.note(rule, outcome, used, asked);
        }
    }

    #[cold]
    fn note(&mut self, rule: RuleNo, outcome: Outcome, used: u128, asked: u64) {
        self.moves.trace.push(Traced {
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
        if self.facts.has_done(step_up) {
            self.trace(rule, Outcome::Done, used, asked);
            return;
        }
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
