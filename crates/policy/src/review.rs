//! Finds what cannot be meant in a pack that can be read.

use serde::Serialize;

use crate::dimension::{Dimension, Set};
use crate::pack::Pack;
use crate::rule::{Applies, Authority, Cap, Consequence, Kind, Measure, Rule};
use crate::vocabulary::{Audience, Screening, Tier};
use crate::window::Window;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Probably not meant; a pack with it may be proposed.
    Warning,
    /// A contradiction or a gap; a pack with it is not proposed.
    Error,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// The line of the pack.
    pub line: usize,
    /// The rule, or empty if it is the pack.
    pub rule: String,
    /// What it is.
    pub words: String,
}

/// Everything that is found in a pack, in the order of its lines.
#[must_use]
pub fn review(pack: &Pack) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |level, rule: Option<&Rule>, words: String| {
        findings.push(Finding {
            level,
            line: rule.map_or(1, |r| r.line),
            rule: rule.map_or_else(String::new, |r| r.id.clone()),
            words,
        });
    };
    if pack.territories.is_empty() {
        find(Level::Error, None, "it has no territory".into());
    }
    for (at, rule) in pack.rules.iter().enumerate() {
        alone(rule, |level, words| find(level, Some(rule), words));
        for other in &pack.rules[at + 1..] {
            pair(rule, other, |level, words| find(level, Some(other), words));
        }
        let is_duty = |r: &&Rule| matches!(r.kind, Kind::Authentication { .. });
        if matches!(rule.kind, Kind::Exemption(_))
            && !pack
                .rules
                .iter()
                .filter(is_duty)
                .any(|duty| days_overlap(rule, duty))
        {
            let words = "an exemption, but no rule of the pack asks for authentication".into();
            find(Level::Error, Some(rule), words);
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings
}

fn alone(rule: &Rule, mut find: impl FnMut(Level, String)) {
    match &rule.authority {
        None => find(
            Level::Error,
            "neither `source` nor `terms`: say which act and article, or whose terms".into(),
        ),
        Some(Authority::Law { act, article, .. }) if act.is_empty() || article.is_empty() => {
            find(Level::Error, "a source without act or article".into());
        }
        Some(Authority::Terms { whose, .. }) if whose.en.is_empty() || whose.ko.is_empty() => {
            find(Level::Error, "terms of nobody".into());
        }
        Some(Authority::Law { link, .. } | Authority::Terms { link, .. }) => {
            if link
                .as_ref()
                .is_some_and(|link| !link.starts_with("https://"))
            {
                find(Level::Error, "the link does not begin with https://".into());
            }
        }
    }
    if rule.title.en.is_empty() || rule.title.ko.is_empty() {
        find(Level::Error, "a title is missing".into());
    }
    if let Some(name) = empty(&rule.applies) {
        find(
            Level::Error,
            format!("`{name}` leaves nothing it could apply to"),
        );
    }
    if rule.visible_to.is_empty() {
        find(Level::Error, "nobody may see it".into());
    }
    let then = match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => Some(cap.then),
        Kind::Balance { then, .. } => Some(*then),
        Kind::Forbid { needs } | Kind::Funds { needs } => needs.map(Consequence::Verify),
        _ => None,
    };
    if let Some(Consequence::Verify(needed)) = then
        && rule.applies.tier.iter().all(|tier| tier >= needed)
    {
        let words = format!(
            "every tier it applies to is \"{}\" or above already",
            needed.word()
        );
        find(Level::Error, words);
    }
    let told = rule.visible_to.has(Audience::Payer) || rule.visible_to.has(Audience::Seller);
    if told && !rule.applies.screening.has(Screening::Clear) {
        let words = "a finding of screening is told to payer or seller: that is tipping off";
        find(Level::Error, words.into());
    }
    if matches!(&rule.kind, Kind::Limit(cap) if matches!(cap.most, Measure::Count(0))) {
        find(
            Level::Warning,
            "a limit of no payments: say `forbid`".into(),
        );
    }
}

/// The first dimension that accepts nothing.
fn empty(a: &Applies) -> Option<&'static str> {
    fn name<T: Dimension>(set: Set<T>) -> Option<&'static str> {
        set.is_empty().then_some(T::NAME)
    }
    let nowhere = |c: &crate::rule::Countries| !c.domestic && !c.foreign && c.named.is_empty();
    name(a.tier)
        .or_else(|| name(a.party))
        .or_else(|| name(a.age))
        .or_else(|| name(a.channel))
        .or_else(|| name(a.funds))
        .or_else(|| name(a.payment))
        .or_else(|| name(a.product))
        .or_else(|| name(a.presence))
        .or_else(|| name(a.technology))
        .or_else(|| name(a.operator.minus(a.operator_not)))
        .or_else(|| name(a.screening))
        .or_else(|| name(a.reach))
        .or_else(|| nowhere(&a.payer_country).then_some("payer_country"))
        .or_else(|| nowhere(&a.payee_country).then_some("payee_country"))
        .or_else(|| (!a.flag.and(a.flag_not).is_empty()).then_some("flag"))
}

fn pair(one: &Rule, other: &Rule, mut find: impl FnMut(Level, String)) {
    if !days_overlap(one, other) {
        return;
    }
    if one.id == other.id {
        let words = format!(
            "the same id is in force on the same days at line {}",
            one.line
        );
        find(Level::Error, words);
        return;
    }
    for (limit, exemption) in [(one, other), (other, one)] {
        if let (Kind::Limit(cap), Kind::Exemption(e)) = (&limit.kind, &exemption.kind)
            && let (Measure::Amount(most), Some(free)) = (cap.most, e.per_payment)
            && cap.window == Window::Payment
            && cap.then == Consequence::Deny
            && most.asset == free.asset
            && most.atoms < free.atoms
            && overlap(&limit.applies, &exemption.applies)
        {
            find(
                Level::Error,
                format!(
                    "the limit {} ({most}) is lower than the exemption {} ({free})",
                    limit.id, exemption.id
                ),
            );
        }
    }
    if let (Kind::Limit(a), Kind::Limit(b)) = (&one.kind, &other.kind) {
        caps(one, a, other, b, find);
    }
}

/// Two limits of the same: a longer window or a higher tier allows no less.
fn caps(one: &Rule, a: &Cap, other: &Rule, b: &Cap, mut find: impl FnMut(Level, String)) {
    let (Measure::Amount(x), Measure::Amount(y)) = (a.most, b.most) else {
        return;
    };
    let same = one.applies.side == other.applies.side
        && one.applies.payment == other.applies.payment
        && one.applies.funds == other.applies.funds
        && one.applies.channel == other.applies.channel
        && one.applies.presence == other.applies.presence
        && one.applies.flag == other.applies.flag
        && x.asset == y.asset;
    if !same {
        return;
    }
    let length = |window| match window {
        Window::Payment => Some(0),
        Window::Day => Some(1),
        Window::Week => Some(2),
        Window::Month => Some(3),
        Window::Quarter => Some(4),
        Window::Year => Some(5),
        _ => None,
    };
    let tiers = (one.applies.tier, other.applies.tier);
    if tiers.0 == tiers.1
        && let (Some(m), Some(n)) = (length(a.window), length(b.window))
        && (m < n && x.atoms > y.atoms || m > n && x.atoms < y.atoms)
    {
        let words = format!(
            "{} ({x} a {}) and {} ({y} a {}): the longer window allows less",
            one.id, a.window, other.id, b.window
        );
        find(Level::Warning, words);
    }
    if a.window == b.window && tiers.0.and(tiers.1).is_empty() {
        let highest = |set: Set<Tier>| set.iter().last();
        let lowest = |set: Set<Tier>| set.iter().next();
        let (low, high) = if highest(tiers.0) < lowest(tiers.1) {
            (x, y)
        } else if highest(tiers.1) < lowest(tiers.0) {
            (y, x)
        } else {
            return;
        };
        if low.atoms > high.atoms {
            let words = format!(
                "{} and {}: the higher tier is allowed less",
                one.id, other.id
            );
            find(Level::Warning, words);
        }
    }
}

fn days_overlap(one: &Rule, other: &Rule) -> bool {
    let starts_before_end = |a: &Rule, b: &Rule| match (a.from, b.until) {
        (Some(from), Some(until)) => from < until,
        _ => true,
    };
    starts_before_end(one, other) && starts_before_end(other, one)
}

/// Whether one payment can be looked at by both.
fn overlap(a: &Applies, b: &Applies) -> bool {
    !a.tier.and(b.tier).is_empty()
        && !a.party.and(b.party).is_empty()
        && !a.channel.and(b.channel).is_empty()
        && !a.funds.and(b.funds).is_empty()
        && !a.payment.and(b.payment).is_empty()
        && !a.product.and(b.product).is_empty()
        && !a.presence.and(b.presence).is_empty()
        && !a.technology.and(b.technology).is_empty()
        && !a.screening.and(b.screening).is_empty()
        && a.flag.and(b.flag_not).is_empty()
        && b.flag.and(a.flag_not).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::{BUILTIN, builtin_packs};

    #[test]
    fn nothing_is_found_in_the_shipped_packs() {
        for pack in builtin_packs().unwrap() {
            assert_eq!(review(&pack), [], "{}", pack.id);
        }
    }

    #[test]
    fn each_contradiction_is_found() {
        let eu = BUILTIN.iter().find(|b| b.id == "eu").unwrap().text;
        let uk = BUILTIN.iter().find(|b| b.id == "uk").unwrap().text;
        let ng = BUILTIN.iter().find(|b| b.id == "ng").unwrap().text;
        let low = format!(
            "{eu}\n[[rule]]\nid = \"low\"\ntitle = {{ en = \"a\", ko = \"b\" }}\nkind = \"limit\"\n\
             applies = {{ payment = [\"spend\"] }}\nmost = \"20 EUR\"\n\
             terms = {{ whose = {{ en = \"us\", ko = \"us\" }} }}\ncertainty = \"official\"\n"
        );
        let rows = [
            (
                uk.replace("until = 2026-03-19\n", ""),
                "the same id is in force on the same days",
            ),
            (low, "the limit low (20 EUR) is lower than the exemption"),
            (
                ng.replacen("tier = [\"anonymous\", \"phone\"]", "tier = []", 1),
                "`tier` leaves nothing",
            ),
            (
                ng.replace("visible_to = [\"compliance\", \"regulator\"]\n", ""),
                "that is tipping off",
            ),
            (
                ng.replace("\"200000 NGN\"", "\"20000 NGN\""),
                "the higher tier is allowed less",
            ),
            (
                eu.replace("needs = \"identified\"", "needs = \"anonymous\""),
                "every tier it applies to",
            ),
            (
                ng.replace("source = {", "# source = {"),
                "neither `source` nor `terms`: say which act and article, or whose terms",
            ),
            (
                ng.replace("https://", "http://"),
                "does not begin with https",
            ),
            (
                ng.replace("kind = \"authentication\"", "kind = \"forbid\"")
                    .replace("step_up = \"strong\"\n", ""),
                "no rule of the pack asks for authentication",
            ),
            (ng.replace("NG = \"Africa/Lagos\"\n", ""), "no territory"),
        ];
        for (text, expected) in rows {
            let pack = Pack::parse("x.toml", &text).unwrap_or_else(|e| panic!("{expected}: {e}"));
            let found = review(&pack);
            assert!(
                found.iter().any(|f| f.words.contains(expected)),
                "{expected}: {found:?}"
            );
        }
    }
}
