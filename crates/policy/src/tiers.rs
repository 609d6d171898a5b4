//! What a tier permits, and what one gains by the next: read off the rules, never written twice.

use serde::Serialize;

use crate::civil::Date;
use crate::dimension::Dimension;
use crate::lang::{Lang, Words};
use crate::pack::Pack;
use crate::rule::{Applies, Cap, Kind, Measure, Rule};
use crate::vocabulary::{PartyKind, Tier};
use crate::window::Window;
use crate::words::{measure_text, money_text};

/// What a party gains by verifying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gain {
    /// The rule that holds it back now.
    pub rule: String,
    /// Its title.
    pub title: Words,
    /// The lowest tier that helps.
    pub tier: Tier,
    /// Over what time; none for what is held.
    pub window: Option<Window>,
    /// The number now; none if it is not allowed at all.
    pub from: Option<Measure>,
    /// The number then; none if there is no such limit any more.
    pub to: Option<Measure>,
}

impl Gain {
    /// One of its numbers in words.
    #[must_use]
    pub fn text(&self, number: &Measure, lang: Lang) -> String {
        match (self.window, number, lang) {
            (Some(window), _, _) => measure_text(number, window, lang),
            (None, Measure::Amount(most), Lang::En) => format!("{} held", money_text(*most)),
            (None, Measure::Amount(most), Lang::Ko) => format!("보유 {}", money_text(*most)),
            (None, Measure::Count(n), _) => n.to_string(),
        }
    }

    /// Its numbers in words, now and then.
    #[must_use]
    pub fn numbers(&self, lang: Lang) -> (Option<String>, Option<String>) {
        let show = |m: &Option<Measure>| m.map(|m| self.text(&m, lang));
        (show(&self.from), show(&self.to))
    }

    /// What to say to who would gain it.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let tier = self.tier.title(lang);
        match (self.numbers(lang), lang) {
            ((Some(from), Some(to)), Lang::En) => {
                format!("Verify to raise your limit from {from} to {to} ({tier}).")
            }
            ((Some(from), None), Lang::En) => {
                format!("Verify to lift your limit of {from} ({tier}).")
            }
            ((None, _), Lang::En) => format!("Verify to be allowed this ({tier})."),
            ((Some(from), Some(to)), Lang::Ko) => {
                format!("본인 확인을 하면 한도가 {from}에서 {to}(으)로 올라갑니다({tier}).")
            }
            ((Some(from), None), Lang::Ko) => {
                format!("본인 확인을 하면 {from} 한도가 없어집니다({tier}).")
            }
            ((None, _), Lang::Ko) => format!("본인 확인을 하면 이용할 수 있습니다({tier})."),
        }
    }
}

impl Pack {
    /// The rules that say what a party of a tier may do on a day, and no more.
    pub fn permits(&self, tier: Tier, kind: PartyKind, day: Date) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| {
            rule.is_in_force(day)
                && rule.applies.tier.has(tier)
                && rule.applies.party.has(kind)
                && !matches!(rule.kind, Kind::Duty(_))
        })
    }

    /// What a party gains by the next tier that changes anything, rule by rule.
    #[must_use]
    pub fn gains(&self, tier: Tier, kind: PartyKind, day: Date) -> Vec<Gain> {
        let bound = self.permits(tier, kind, day);
        bound
            .filter_map(|rule| self.gain(rule, tier, kind, day))
            .collect()
    }

    /// What a party that a rule holds back gains by verifying; nothing if no tier helps.
    #[must_use]
    pub fn gain(&self, rule: &Rule, tier: Tier, kind: PartyKind, day: Date) -> Option<Gain> {
        let above =
            |t: &&Tier| **t > tier && (**t == Tier::Business) <= (kind == PartyKind::Business);
        let now = number(rule);
        if now.is_none() && !matches!(rule.kind, Kind::Forbid { .. } | Kind::Funds { .. }) {
            return None;
        }
        Tier::ALL.iter().filter(above).find_map(|tier| {
            let then: Vec<&Rule> = self
                .permits(*tier, kind, day)
                .filter(|other| is_of_family(other, rule) && !is_met(other, *tier))
                .collect();
            let least = then.iter().filter_map(|r| number(r)).min_by_key(size);
            let helps = match (&now, &least) {
                (Some(now), Some(then)) => size(then) > size(now),
                _ => then.is_empty(),
            };
            helps.then(|| Gain {
                rule: rule.id.clone(),
                title: rule.title.clone(),
                tier: *tier,
                window: window(rule),
                from: now,
                to: least,
            })
        })
    }
}

fn number(rule: &Rule) -> Option<Measure> {
    match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => Some(cap.most),
        Kind::Balance { most, .. } => Some(Measure::Amount(*most)),
        _ => None,
    }
}

fn window(rule: &Rule) -> Option<Window> {
    match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => Some(cap.window),
        _ => None,
    }
}

fn size(measure: &Measure) -> u64 {
    match measure {
        Measure::Amount(amount) => amount.atoms.0,
        Measure::Count(count) => *count,
    }
}

/// Whether a rule asks for a tier that the party has.
fn is_met(rule: &Rule, tier: Tier) -> bool {
    use crate::rule::Consequence;
    let needs = match &rule.kind {
        Kind::Limit(Cap { then, .. })
        | Kind::Diligence(Cap { then, .. })
        | Kind::Balance { then, .. } => match then {
            Consequence::Verify(needs) => Some(*needs),
            _ => None,
        },
        Kind::Forbid { needs } | Kind::Funds { needs } => *needs,
        _ => None,
    };
    needs.is_some_and(|needs| tier >= needs)
}

/// Whether a rule would hold back the same payments in the same way.
fn is_of_family(other: &Rule, rule: &Rule) -> bool {
    let same_kind = match (&other.kind, &rule.kind) {
        (Kind::Limit(a) | Kind::Diligence(a), Kind::Limit(b) | Kind::Diligence(b)) => {
            (a.window, a.hours) == (b.window, b.hours)
                && matches!(
                    (a.most, b.most),
                    (Measure::Amount(_), Measure::Amount(_))
                        | (Measure::Count(_), Measure::Count(_))
                )
        }
        (Kind::Balance { .. }, Kind::Balance { .. })
        | (Kind::Forbid { .. }, Kind::Forbid { .. })
        | (Kind::Funds { .. }, Kind::Funds { .. }) => true,
        _ => false,
    };
    same_kind && covers(&other.applies, &rule.applies)
}

/// Whether one accepts every payment the other accepts, tiers, kinds and ages aside.
fn covers(wide: &Applies, narrow: &Applies) -> bool {
    wide.side == narrow.side
        && narrow.channel.minus(wide.channel).is_empty()
        && narrow.funds.minus(wide.funds).is_empty()
        && narrow.payment.minus(wide.payment).is_empty()
        && narrow.product.minus(wide.product).is_empty()
        && narrow.presence.minus(wide.presence).is_empty()
        && narrow.technology.minus(wide.technology).is_empty()
        && narrow.screening.minus(wide.screening).is_empty()
        && wide.flag.minus(narrow.flag).is_empty()
        && wide.flag_not.minus(narrow.flag_not).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::builtin_packs;

    fn gains(pack: &str, tier: Tier) -> Vec<String> {
        let packs = builtin_packs().unwrap();
        let pack = packs.iter().find(|p| p.id == pack).unwrap();
        let day = "2026-11-23".parse().unwrap();
        let gains = pack.gains(tier, PartyKind::Person, day);
        let say = |g: &Gain| {
            let text = |m: &Option<Measure>| m.map_or("-".to_owned(), |m| g.text(&m, Lang::En));
            format!(
                "{} {:?}: {} → {}",
                g.rule,
                g.tier,
                text(&g.from),
                text(&g.to)
            )
        };
        gains.iter().map(say).collect()
    }

    #[test]
    fn the_next_tier_is_told_with_its_numbers() {
        assert_eq!(
            gains("ng", Tier::Phone),
            [
                "wallet.daily.tier-1 Identified: ₦50,000 a day → ₦200,000 a day",
                "wallet.balance.tier-1 Identified: ₦300,000 held → ₦500,000 held",
            ]
        );
        assert_eq!(
            gains("ng", Tier::Identified),
            [
                "wallet.daily.tier-2 Strong: ₦200,000 a day → ₦5,000,000 a day",
                "wallet.balance.tier-2 Strong: ₦500,000 held → -",
            ]
        );
        assert_eq!(
            gains("kr", Tier::Anonymous),
            ["prepaid.anonymous Identified: ₩500,000 held → ₩2,000,000 held"]
        );
        assert_eq!(gains("kr", Tier::Identified), Vec::<String>::new());
        let anonymous = gains("eu", Tier::Anonymous);
        assert!(
            anonymous.contains(&"anonymous.goods-only Identified: - → -".to_owned()),
            "{anonymous:#?}"
        );
    }
}
