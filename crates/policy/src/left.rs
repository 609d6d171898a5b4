//! What is left to a party of what is counted, and which rules count a measure: for words, never for
//! a decision.

use crate::civil::Date;
use crate::explain::next;
use crate::facts::{Counters, Moments, PartyFacts, RuleNo};
use crate::live::{bits, rule_no};
use crate::ruleset::{NONE, Ruleset, Table, Test, at};
use crate::vocabulary::{Side, Tier};

/// A number that a party may not pass, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The rule.
    pub rule: RuleNo,
    /// What is counted: what the party pays, or what it is paid.
    pub side: Side,
    /// How much was used, or is held: atoms or payments.
    pub used: u128,
    /// The first day of the next window; none where it does not begin anew on a day.
    pub until: Option<Date>,
}

impl Ruleset {
    /// Every counted number and balance that binds a party now, whatever it pays next and to whom:
    /// as payer first, then as payee.
    #[must_use]
    pub fn left(
        &self,
        party: &PartyFacts,
        now: Moments<'_>,
        counters: &impl Counters,
    ) -> Vec<Left> {
        let mut found = Vec::new();
        let place = self.place(party.country);
        for (number, table) in self.tables.iter().enumerate() {
            let Ok(number) = u8::try_from(number) else {
                break;
            };
            let (here, operator) = (place.table == number, self.operator.table == number);
            if number == NONE || !(here || operator) {
                continue;
            }
            let zone = if here { place.zone } else { self.operator.zone };
            let Some(civil) = now.get(usize::from(zone)).copied() else {
                continue;
            };
            let (binds, _) = table.on(civil.day);
            for side in [Side::Payer, Side::Payee] {
                let Some(words) = self.words_of(table, party, side, here, operator) else {
                    continue;
                };
                for bit in bits(binds & words) {
                    let line = &table.lines[bit as usize];
                    let (used, until) = match line.test {
                        Test::Limit if line.measure.is_some() => {
                            let (from, to) = line.window.periods(civil, line.hours);
                            let used = counters.used(side, line.measure.number, from, to);
                            (used, next(line.window, Date(civil.day)))
                        }
                        Test::Balance(per) => {
                            let asset = &self.assets[usize::from(line.asset)];
                            (counters.balance(side, per, asset), None)
                        }
                        _ => continue,
                    };
                    found.push(Left {
                        rule: rule_no(number, bit),
                        side,
                        used,
                        until,
                    });
                }
            }
        }
        found
    }

    /// The rules of a table that are about a party on one side, whoever the other is.
    fn words_of(
        &self,
        table: &Table,
        party: &PartyFacts,
        side: Side,
        here: bool,
        operator: bool,
    ) -> Option<u64> {
        let w = <&[u64; at::WORDS]>::try_from(table.words.as_slice()).ok()?;
        let (tier, kind) = (party.tier as usize, party.kind as usize);
        let (age, segment) = (party.age as usize, usize::from(party.segment & 15));
        let class = table.class(party.country, here);
        let (own, other, words) = match side {
            Side::Payer => (
                1,
                2,
                table.of_payer
                    & w[at::PAYER_TIER + tier]
                    & w[at::PAYER_KIND + kind]
                    & w[at::PAYER_AGE + age]
                    & w[at::PAYER_SEGMENT + segment]
                    & w[at::PAYER_CLASS + class],
            ),
            Side::Payee => (
                2,
                1,
                table.of_payee
                    & w[at::PAYEE_TIER + tier]
                    & w[at::PAYEE_KIND + kind]
                    & w[at::PAYEE_AGE + age]
                    & w[at::PAYEE_SEGMENT + segment]
                    & w[at::PAYEE_CLASS + class],
            ),
        };
        let roles = if here { own } else { 0 } | if operator { 4 } else { 0 };
        let reached = w[at::REACH + roles] | w[at::REACH + (roles | other)];
        Some(words & reached)
    }

    /// The rules in force on a day that sum a measure and bind a party of a tier.
    #[must_use]
    pub fn rules_of(&self, measure: u16, tier: Tier, day: Date) -> Vec<RuleNo> {
        let mut found = Vec::new();
        for (number, table) in self.tables.iter().enumerate() {
            let (Ok(number), Some(w)) = (u8::try_from(number), table.words.get(..at::WORDS)) else {
                continue;
            };
            let (binds, _) = table.on(day.0);
            for bit in bits(binds) {
                let line = &table.lines[bit as usize];
                let tiers = match line.side {
                    Side::Payer => w[at::PAYER_TIER + tier as usize],
                    Side::Payee => w[at::PAYEE_TIER + tier as usize],
                };
                let sums = [line.measure, line.count_measure];
                let is_it = sums.iter().any(|m| m.is_some() && m.number == measure);
                if is_it && tiers >> bit & 1 != 0 {
                    found.push(rule_no(number, bit));
                }
            }
        }
        found
    }

    /// Whether a rule is an exemption.
    #[must_use]
    pub fn is_exemption(&self, rule: RuleNo) -> bool {
        self.line(rule)
            .is_some_and(|line| line.test == Test::Exemption)
    }
}
