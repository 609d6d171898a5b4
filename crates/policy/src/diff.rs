//! What changes from one edition of a pack to another, in words for people.

use serde::Serialize;

use crate::civil::Date;
use crate::dimension::Dimension;
use crate::lang::{Lang, Words};
use crate::pack::Pack;
use crate::rule::{Kind, Measure, Rule};
use crate::words::{authority_text, money_text, rule_text, scope_text};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The rule, or empty if it is the pack.
    pub rule: String,
    /// What changes.
    pub words: Words,
}

/// Every change, in the order of the later edition; what is no longer there comes last.
#[must_use]
pub fn diff(old: &Pack, new: &Pack) -> Vec<Change> {
    let mut changes = Vec::new();
    let name = new.id.to_uppercase();
    let mut add = |rule: &str, en: String, ko: String| {
        changes.push(Change {
            rule: rule.to_owned(),
            words: Words {
                en: format!("{name} {en}"),
                ko: format!("{name} {ko}"),
            },
        });
    };
    let gone: Vec<String> = missing(old, new);
    let come: Vec<String> = missing(new, old);
    if !come.is_empty() {
        let list = come.join(", ");
        add(
            "",
            format!("territory: {list} added"),
            format!("적용 지역 추가: {list}"),
        );
    }
    if !gone.is_empty() {
        let list = gone.join(", ");
        add(
            "",
            format!("territory: {list} removed"),
            format!("적용 지역 제외: {list}"),
        );
    }
    for rule in &new.rules {
        let same_day = |r: &&Rule| r.id == rule.id && r.from == rule.from;
        let before = old
            .rules
            .iter()
            .find(same_day)
            .or_else(|| in_force(old, rule));
        let Some(before) = before else {
            add(
                &rule.id,
                format!(
                    "{}: new: {}{}",
                    rule.title.en,
                    said(rule, Lang::En),
                    since(rule, Lang::En)
                ),
                format!(
                    "{}: 신설: {}{}",
                    rule.title.ko,
                    said(rule, Lang::Ko),
                    since(rule, Lang::Ko)
                ),
            );
            continue;
        };
        for (en, ko) in changed(before, rule) {
            add(
                &rule.id,
                format!("{} {en}{}", rule.title.en, since(rule, Lang::En)),
                format!("{} {ko}{}", rule.title.ko, since(rule, Lang::Ko)),
            );
        }
        if before.from == rule.from && before.until != rule.until {
            let day = |until: Option<Date>, never: &str| {
                until.map_or_else(|| never.to_owned(), |d| d.to_string())
            };
            add(
                &rule.id,
                format!(
                    "{} ends: {} → {}",
                    rule.title.en,
                    day(before.until, "never"),
                    day(rule.until, "never")
                ),
                format!(
                    "{} 종료일: {} → {}",
                    rule.title.ko,
                    day(before.until, "없음"),
                    day(rule.until, "없음")
                ),
            );
        }
    }
    for rule in &old.rules {
        if new.rules.iter().all(|r| r.id != rule.id) {
            add(
                &rule.id,
                format!("{}: removed (was: {})", rule.title.en, said(rule, Lang::En)),
                format!("{}: 삭제 (종전: {})", rule.title.ko, said(rule, Lang::Ko)),
            );
        } else if new
            .rules
            .iter()
            .all(|r| r.id != rule.id || r.from != rule.from)
        {
            add(
                &rule.id,
                format!("{}{}: removed", rule.title.en, since(rule, Lang::En)),
                format!("{}{}: 삭제", rule.title.ko, since(rule, Lang::Ko)),
            );
        }
    }
    changes
}

fn missing(from: &Pack, in_: &Pack) -> Vec<String> {
    let is_there = |c| in_.territories.iter().any(|t| t.country == c);
    let countries = from.territories.iter().map(|t| t.country);
    countries
        .filter(|c| !is_there(*c))
        .map(|c| c.to_string())
        .collect()
}

/// The rule of the same id that held on the day another begins.
fn in_force<'a>(pack: &'a Pack, rule: &Rule) -> Option<&'a Rule> {
    let day = rule.from.unwrap_or(Date(0));
    let same = || pack.rules.iter().filter(|r| r.id == rule.id);
    same()
        .find(|r| r.is_in_force(day))
        .or_else(|| same().next_back())
}

fn said(rule: &Rule, lang: Lang) -> String {
    rule_text(rule, lang)
}

fn since(rule: &Rule, lang: Lang) -> String {
    match (rule.from, lang) {
        (None, _) => String::new(),
        (Some(day), Lang::En) => format!(" from {day}"),
        (Some(day), Lang::Ko) => format!(" ({day}부터)"),
    }
}

/// What differs between two versions of a rule, in English and Korean.
fn changed(old: &Rule, new: &Rule) -> Vec<(String, String)> {
    let mut list = Vec::new();
    let arrow = |a: String, b: String| format!("{a} → {b}");
    let both = |of: &dyn Fn(&Rule, Lang) -> String| {
        (
            arrow(of(old, Lang::En), of(new, Lang::En)),
            arrow(of(old, Lang::Ko), of(new, Lang::Ko)),
        )
    };
    if old.kind != new.kind {
        match numbers_only(&old.kind, &new.kind) {
            Some(changes) => list.extend(changes.into_iter().map(|text| (text.clone(), text))),
            None => list.push(both(&|rule, lang| rule_text(rule, lang))),
        }
    }
    if old.applies != new.applies {
        let (en, ko) = both(&|rule, lang| {
            let text = scope_text(rule, lang);
            if text.is_empty() { "*".into() } else { text }
        });
        list.push((format!("applies to: {en}"), format!("적용 대상: {ko}")));
    }
    if old.authority != new.authority {
        let (en, ko) = both(&authority_text);
        list.push((format!("source: {en}"), format!("출처: {ko}")));
    }
    if old.certainty != new.certainty || old.certainty_of != new.certainty_of {
        let (en, ko) = both(&|rule, lang| {
            let own: Vec<String> = rule
                .certainty_of
                .iter()
                .map(|(field, c)| format!(", {field} {}", c.title(lang)))
                .collect();
            format!("{}{}", rule.certainty.title(lang), own.concat())
        });
        list.push((format!("certainty: {en}"), format!("확실성: {ko}")));
    }
    if old.visible_to != new.visible_to {
        let (en, ko) = both(&|rule, lang| {
            let who: Vec<&str> = rule.visible_to.iter().map(|a| a.title(lang)).collect();
            who.join(", ")
        });
        list.push((format!("visible to: {en}"), format!("공개 대상: {ko}")));
    }
    list
}

/// `₩600,000 → ₩1,000,000` where nothing but a number differs.
fn numbers_only(old: &Kind, new: &Kind) -> Option<Vec<String>> {
    let money = |m: &Measure| match m {
        Measure::Amount(amount) => money_text(*amount),
        Measure::Count(n) => n.to_string(),
    };
    let arrow = |a: &Measure, b: &Measure| format!("{} → {}", money(a), money(b));
    match (old, new) {
        (Kind::Limit(a), Kind::Limit(b)) | (Kind::Diligence(a), Kind::Diligence(b)) => {
            let mut same = a.clone();
            same.most = b.most;
            (same == *b).then(|| vec![arrow(&a.most, &b.most)])
        }
        (
            Kind::Balance { most: a, per, then },
            Kind::Balance {
                most: b,
                per: per_b,
                then: then_b,
            },
        ) if (per, then) == (per_b, then_b) => {
            Some(vec![arrow(&Measure::Amount(*a), &Measure::Amount(*b))])
        }
        (Kind::Exemption(a), Kind::Exemption(b)) => {
            let mut same = a.clone();
            (same.per_payment, same.in_all, same.count) = (b.per_payment, b.in_all, b.count);
            if same != *b {
                return None;
            }
            let pairs = [
                (
                    a.per_payment.map(Measure::Amount),
                    b.per_payment.map(Measure::Amount),
                ),
                (a.in_all.map(Measure::Amount), b.in_all.map(Measure::Amount)),
                (a.count.map(Measure::Count), b.count.map(Measure::Count)),
            ];
            let mut list = Vec::new();
            for (x, y) in pairs.into_iter().filter(|(x, y)| x != y) {
                list.push(arrow(&x?, &y?));
            }
            Some(list)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::BUILTIN;

    fn pack(id: &str, edit: impl Fn(&str) -> String) -> Pack {
        let text = BUILTIN.iter().find(|b| b.id == id).unwrap().text;
        let edited = edit(text);
        Pack::parse("x.toml", &edited).unwrap()
    }

    fn words(old: &Pack, new: &Pack) -> Vec<(String, String)> {
        diff(old, new)
            .into_iter()
            .map(|c| (c.words.en, c.words.ko))
            .collect()
    }

    #[test]
    fn a_raised_limit_reads_as_people_say_it() {
        let new = pack("kr", str::to_owned);
        let old = pack("kr", |t| t.replace("1000000 KRW", "600000 KRW"));
        assert_eq!(
            words(&old, &new)[1],
            (
                "KR carrier monthly limit ₩600,000 → ₩1,000,000 from 2020-06-01".into(),
                "KR 휴대폰 소액결제 월 한도 ₩600,000 → ₩1,000,000 (2020-06-01부터)".into()
            )
        );
        assert_eq!(diff(&new, &new), []);
    }

    #[test]
    fn a_later_version_beside_the_first_is_a_change_from_its_day() {
        let old = pack("ng", str::to_owned);
        let new = pack("ng", |t| {
            let at = t.find("[[rule]]\nid = \"wallet.daily.tier-2\"").unwrap();
            let end = t.find("[[rule]]\nid = \"wallet.daily.tier-3\"").unwrap();
            let rule = &t[at..end];
            let later = rule
                .replace("200000", "300000")
                .replace("2017-09-07", "2027-01-01");
            let first = rule.replace("from = 2017-09-07", "from = 2017-09-07\nuntil = 2027-01-01");
            format!("{}{first}{later}{}", &t[..at], &t[end..])
        });
        let said: Vec<String> = words(&old, &new).into_iter().map(|(en, _)| en).collect();
        assert_eq!(
            said,
            [
                "NG Tier 2: paid in a day ends: never → 2027-01-01",
                "NG Tier 2: paid in a day ₦200,000 → ₦300,000 from 2027-01-01",
            ]
        );
    }

    #[test]
    fn what_comes_goes_and_applies_otherwise_is_said() {
        let old = pack("jp", str::to_owned);
        let new = pack("jp", |t| {
            t.replace("id = \"transfer.type-3\"", "id = \"transfer.small\"")
                .replace(
                    "JP = \"Asia/Tokyo\"",
                    "JP = \"Asia/Tokyo\"\nTW = \"Asia/Taipei\"",
                )
                .replacen("\"gift\"]", "\"gift\", \"withdrawal\"]", 1)
                .replacen("certainty = \"secondary\"", "certainty = \"official\"", 1)
        });
        let said = words(&old, &new);
        let en: Vec<&str> = said.iter().map(|(en, _)| en.as_str()).collect();
        for part in [
            "territory: TW added",
            "One transfer by a type 3 funds transfer business: new: at most ¥50,000 a payment",
            "applies to: ",
            ": removed (was: at most ¥50,000 a payment)",
        ] {
            assert!(en.iter().any(|t| t.contains(part)), "{part}: {en:#?}");
        }
    }
}
