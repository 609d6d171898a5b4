//! A rule's dimensions and days as bits of its table's words.

use super::{Compiler, narrow, too_many};
use crate::civil::Date;
use crate::country::Country;
use crate::dimension::Dimension;
use crate::error::PolicyError;
use crate::rule::{Kind, Rule, Starts};
use crate::ruleset::{CLASSES_MAX, SEGMENTS_MAX, Span, Table, at};
use crate::vocabulary::{Role, Side, StepUp};

impl Compiler<'_> {
    /// Countries that a rule names get classes of their own.
    pub(super) fn name_countries(
        &self,
        table: &mut Table,
        rules: &[(usize, &Rule)],
    ) -> Result<(), PolicyError> {
        for (_, rule) in rules {
            let sides = [&rule.applies.payer_country, &rule.applies.payee_country];
            for country in sides.iter().flat_map(|c| c.named.iter().chain(&c.except)) {
                if !table.named.iter().any(|(named, _)| named == country) {
                    let class = 2 + table.named.len();
                    let what = format!("countries that rules of {} name", self.pack.id);
                    too_many(&what, class - 1, CLASSES_MAX - 2)?;
                    table.named.push((*country, narrow(class)));
                }
            }
        }
        Ok(())
    }

    /// Enters a rule into the words of every value it accepts.
    pub(super) fn words(
        &self,
        table: &mut Table,
        bit: u64,
        rule: &Rule,
    ) -> Result<(), PolicyError> {
        let a = &rule.applies;
        let every: u32 = u32::MAX;
        let segments = self.segments(rule)?;
        let subject = [a.tier.bits(), a.party.bits(), a.age.bits(), segments];
        let anyone = [every; 4];
        // A party may rise into a rule's tiers within the window; then what it did counts.
        let rises = u32::MAX >> a.tier.bits().leading_zeros().min(31);
        let (payer_rises, payee_rises) = match a.side {
            Side::Payer => (rises, every),
            Side::Payee => (every, rises),
        };
        let (payer, payee) = match a.side {
            Side::Payer => (subject, anyone),
            Side::Payee => (anyone, subject),
        };
        let mut reach = 0u32;
        for roles in 0..8u32 {
            // Accepted when the pack is there by any of the rule's roles.
            reach |= u32::from(roles & a.reach.bits() != 0) << roles;
        }
        let classes = [&a.payer_country, &a.payee_country].map(|countries| {
            // A named country of the pack's own is domestic besides.
            let own = |c: Country| self.set.place(c).table == narrow(self.number);
            let named = table.named.iter().map(|(c, class)| (*c, u32::from(*class)));
            let mut bits = u32::from(countries.domestic) | u32::from(countries.foreign) << 1;
            for (country, class) in named {
                bits |= u32::from(countries.has(country, own(country))) << class;
            }
            bits
        });
        let ranges = [
            (at::PAYER_TIER, 5, payer[0]),
            (at::PAYER_KIND, 3, payer[1]),
            (at::PAYER_AGE, 4, payer[2]),
            (at::PAYER_SEGMENT, SEGMENTS_MAX + 1, payer[3]),
            (at::PAYEE_TIER, 5, payee[0]),
            (at::PAYEE_KIND, 3, payee[1]),
            (at::PAYEE_AGE, 4, payee[2]),
            (at::PAYEE_SEGMENT, SEGMENTS_MAX + 1, payee[3]),
            (at::CHANNEL, 9, a.channel.bits()),
            (at::FUNDS, 9, a.funds.bits()),
            (at::PAYMENT, 7, a.payment.bits()),
            (at::PRODUCT, 13, a.product.bits()),
            (at::PRESENCE, 3, a.presence.bits()),
            (at::TECHNOLOGY, 7, a.technology.bits()),
            (at::SCREENING, 3, a.screening.bits()),
            (at::PAYER_CLASS, CLASSES_MAX, classes[0]),
            (at::PAYEE_CLASS, CLASSES_MAX, classes[1]),
            (at::REACH, 8, reach),
            (at::PAYER_RISES, 5, payer_rises),
            (at::PAYEE_RISES, 5, payee_rises),
        ];
        for (start, length, accepted) in ranges {
            for value in 0..length {
                if accepted >> value & 1 != 0 {
                    table.words[start + value] |= bit;
                }
            }
        }
        Ok(())
    }

    fn segments(&self, rule: &Rule) -> Result<u32, PolicyError> {
        if rule.applies.segment.is_empty() {
            return Ok(u32::MAX);
        }
        let mut bits = 0;
        for segment in &rule.applies.segment {
            let Some(at) = self.settings.segments.iter().position(|s| s == segment) else {
                return Err(PolicyError::NoSuchSegment {
                    rule: self.name(rule),
                    segment: segment.clone(),
                });
            };
            bits |= 1 << (at + 1);
        }
        Ok(bits)
    }
}

/// What binds and what counts between one day on which something begins or ends and the next.
pub(super) fn spans(rules: &[(usize, &Rule)]) -> Vec<Span> {
    let days = rules.iter().flat_map(|(_, rule)| [rule.from, rule.until]);
    let mut days: Vec<Date> = days.flatten().chain([Date(0)]).collect();
    days.sort_unstable();
    days.dedup();
    let span = |day: Date| {
        let (mut binds, mut counts) = (0, 0);
        for (bit, (_, rule)) in rules.iter().enumerate() {
            let counts_early = matches!(
                &rule.kind,
                Kind::Limit(cap) | Kind::Diligence(cap) if cap.starts == Starts::Backfilled
            );
            let is_over = rule.until.is_some_and(|until| until <= day);
            binds |= u64::from(rule.is_in_force(day)) << bit;
            counts |= u64::from(rule.is_in_force(day) || counts_early && !is_over) << bit;
        }
        Span {
            from: day.0,
            binds,
            counts,
        }
    };
    days.into_iter().map(span).collect()
}

// The words of a table are laid out by these numbers; a new word of a dimension must change both.
const _: () = {
    use crate::vocabulary::{
        Age, Channel, Funds, PartyKind, Payment, Presence, Product, Screening, Technology, Tier,
    };
    assert!(Tier::ALL.len() == 5 && PartyKind::ALL.len() == 3 && Age::ALL.len() == 4);
    assert!(Channel::ALL.len() == 9 && Funds::ALL.len() == 9 && Payment::ALL.len() == 7);
    assert!(Product::ALL.len() == 13 && Presence::ALL.len() == 3);
    assert!(Technology::ALL.len() == 7 && Screening::ALL.len() == 3);
    assert!(Role::ALL.len() == 3 && StepUp::ALL.len() == 3);
};
