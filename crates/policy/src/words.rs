//! Rules in words: what one says, in English and Korean.

mod amount;

pub use amount::amount_text;

use crate::dimension::{Dimension, Set};
use crate::lang::Lang;
use crate::rule::{
    After, Amount, Authority, Bites, Consequence, Kind, Measure, Per, Redeemable, Rule, share_text,
};
use crate::vocabulary::Tier;
use crate::window::{Hours, Window};

/// An amount as people write it.
#[must_use]
pub fn money_text(amount: Amount) -> String {
    amount_text(u128::from(amount.atoms.0), amount.asset)
}

/// A number with its window: "₩1,000,000 a month", "월 ₩1,000,000".
#[must_use]
pub fn measure_text(most: &Measure, window: Window, lang: Lang) -> String {
    let number = match (most, lang) {
        (Measure::Amount(amount), _) => money_text(*amount),
        (Measure::Count(1), Lang::En) => "1 payment".to_owned(),
        (Measure::Count(n), Lang::En) => format!("{n} payments"),
        (Measure::Count(n), Lang::Ko) => format!("{n}건"),
    };
    match lang {
        Lang::En => match window {
            Window::Payment => format!("{number} a payment"),
            Window::Day => format!("{number} a day"),
            Window::Week => format!("{number} a week"),
            Window::Month => format!("{number} a month"),
            Window::Quarter => format!("{number} a quarter"),
            Window::Year => format!("{number} a year"),
            Window::RollingDays(n) => format!("{number} in {n} days"),
            Window::RollingMonths(n) => format!("{number} in {n} months"),
            Window::Night => format!("{number} a night"),
            Window::SinceAuthentication => format!("{number} since the last authentication"),
            Window::Total => format!("{number} in all"),
        },
        Lang::Ko => match window {
            Window::Payment => format!("1회 {number}"),
            Window::Day => format!("1일 {number}"),
            Window::Week => format!("1주 {number}"),
            Window::Month => format!("월 {number}"),
            Window::Quarter => format!("분기 {number}"),
            Window::Year => format!("연 {number}"),
            Window::RollingDays(n) => format!("{n}일간 {number}"),
            Window::RollingMonths(n) => format!("{n}개월간 {number}"),
            Window::Night => format!("야간 {number}"),
            Window::SinceAuthentication => format!("마지막 인증 이후 {number}"),
            Window::Total => format!("누계 {number}"),
        },
    }
}

/// What a rule says, without its title and to whom it applies.
#[must_use]
pub fn rule_text(rule: &Rule, lang: Lang) -> String {
    let pick = |en: &str, ko: &str| match lang {
        Lang::En => en.to_owned(),
        Lang::Ko => ko.to_owned(),
    };
    match &rule.kind {
        Kind::Limit(cap) | Kind::Diligence(cap) => {
            let number = measure_text(&cap.most, cap.window, lang);
            let mut text = match (cap.bites, lang) {
                (Bites::Above, Lang::En) => format!("at most {number}"),
                (Bites::Above, Lang::Ko) => format!("{number} 이하"),
                (Bites::At, Lang::En) => format!("less than {number}"),
                (Bites::At, Lang::Ko) => format!("{number} 미만"),
            };
            if cap.hours != Hours::ALWAYS {
                text = format!("{text} ({})", cap.hours);
            }
            text + &consequence_text(cap.then, lang)
        }
        Kind::Balance { most, per, then } => {
            let number = money_text(*most);
            let text = match (per, lang) {
                (Per::Party, Lang::En) => format!("at most {number} held by a party"),
                (Per::Party, Lang::Ko) => format!("1인 보유 {number} 이하"),
                (Per::Instrument, Lang::En) => format!("at most {number} held in a wallet"),
                (Per::Instrument, Lang::Ko) => format!("지갑당 보유 {number} 이하"),
            };
            text + &consequence_text(*then, lang)
        }
        Kind::Authentication { step_up } => match lang {
            Lang::En => format!("the payer must {}", step_up.title(lang)),
            Lang::Ko => format!("지급인은 {} 필요", step_up.title(lang)),
        },
        Kind::Exemption(e) => {
            let mut parts = Vec::new();
            if let Some(most) = e.per_payment {
                parts.push(measure_text(&Measure::Amount(most), Window::Payment, lang));
            }
            let sums = [e.in_all.map(Measure::Amount), e.count.map(Measure::Count)];
            let sums: Vec<String> = sums
                .iter()
                .flatten()
                .map(|m| measure_text(m, e.window, lang))
                .collect();
            let between = match e.choice {
                crate::rule::Choice::AmountOrCount => pick(" or ", " 또는 "),
                crate::rule::Choice::Both => pick(" and ", " 및 "),
            };
            if !sums.is_empty() {
                parts.push(sums.join(&between));
            }
            match (parts.is_empty(), lang) {
                (true, Lang::En) => "no authentication needed".into(),
                (true, Lang::Ko) => "인증 불필요".into(),
                (false, Lang::En) => format!("no authentication up to {}", parts.join(", ")),
                (false, Lang::Ko) => format!("{} 이하는 인증 면제", parts.join(", ")),
            }
        }
        Kind::Forbid { needs } => match needs {
            None => pick("not allowed", "허용되지 않음"),
            Some(tier) => not_below(*tier, lang),
        },
        Kind::Funds { needs } => {
            let funds = list(rule.applies.funds, lang);
            let uses = list(rule.applies.payment, lang);
            let text = match lang {
                Lang::En => format!("value from {funds} is not used for {uses}"),
                Lang::Ko => format!("{funds} 재원은 {uses}에 사용할 수 없음"),
            };
            match needs {
                None => text,
                Some(tier) => format!("{text}, {}", not_below(*tier, lang)),
            }
        }
        Kind::Redemption(Redeemable::Right) => pick("a right at any time", "언제든지 권리"),
        Kind::Redemption(Redeemable::Forbidden) => pick("forbidden", "금지"),
        Kind::Redemption(Redeemable::Below(ppm)) => match lang {
            Lang::En => format!("a right when no more than {} is left", share_text(*ppm)),
            Lang::Ko => format!("잔액이 {} 이하이면 권리", share_text(*ppm)),
        },
        Kind::CoolingOff { after, hours } => match (after, lang) {
            (After::Registration, Lang::En) => format!("not within {hours} hours of registration"),
            (After::NewDevice, Lang::En) => format!("not within {hours} hours of a new device"),
            (After::NewPayee, Lang::En) => format!("not within {hours} hours of a new payee"),
            (After::Registration, Lang::Ko) => format!("가입 후 {hours}시간 이내 불가"),
            (After::NewDevice, Lang::Ko) => format!("새 기기 등록 후 {hours}시간 이내 불가"),
            (After::NewPayee, Lang::Ko) => format!("새 수취인 등록 후 {hours}시간 이내 불가"),
        },
        Kind::Mandate { notice_hours } => match lang {
            Lang::En => format!("notice {notice_hours} hours before"),
            Lang::Ko => format!("{notice_hours}시간 전 통지"),
        },
        Kind::Duty(duty) => {
            let mut parts = vec![duty.topic.title(lang).to_owned()];
            let word = match (duty.bites, lang) {
                (Bites::Above, Lang::En) => "above",
                (Bites::At, Lang::En) => "from",
                (Bites::Above, Lang::Ko) => "초과",
                (Bites::At, Lang::Ko) => "이상",
            };
            let numbers = [
                duty.most.map(Measure::Amount),
                duty.count.map(Measure::Count),
            ];
            for most in numbers.iter().flatten() {
                let bare = match (most, duty.window) {
                    (Measure::Amount(most), Window::Payment) => money_text(*most),
                    (Measure::Count(n), Window::Payment) => {
                        parts.push(n.to_string());
                        continue;
                    }
                    (most, window) => measure_text(most, window, lang),
                };
                parts.push(match lang {
                    Lang::En => format!("{word} {bare}"),
                    Lang::Ko => format!("{bare} {word}"),
                });
            }
            let spans = [
                (duty.years, pick("years", "년")),
                (duty.days, pick("days", "일")),
                (duty.hours, pick("hours", "시간")),
            ];
            for (n, unit) in spans.iter().filter_map(|(n, unit)| n.map(|n| (n, unit))) {
                parts.push(match lang {
                    Lang::En => format!("{n} {unit}"),
                    Lang::Ko => format!("{n}{unit}"),
                });
            }
            parts.extend(duty.share.map(share_text));
            parts.extend(duty.countries.iter().map(ToString::to_string));
            parts.join(", ")
        }
    }
}

fn consequence_text(then: Consequence, lang: Lang) -> String {
    match (then, lang) {
        (Consequence::Deny, _) => String::new(),
        (Consequence::StepUp(step_up), Lang::En) => format!(", else {}", step_up.title(lang)),
        (Consequence::StepUp(step_up), Lang::Ko) => format!(", 초과 시 {}", step_up.title(lang)),
        (Consequence::Verify(tier), Lang::En) => format!(" until {}", tier.title(lang)),
        (Consequence::Verify(tier), Lang::Ko) => format!(" ({} 전까지)", tier.title(lang)),
        (Consequence::Report, Lang::En) => ", else noted".into(),
        (Consequence::Report, Lang::Ko) => ", 초과 시 기록".into(),
    }
}

fn not_below(tier: Tier, lang: Lang) -> String {
    match lang {
        Lang::En => format!("not allowed until {}", tier.title(lang)),
        Lang::Ko => format!("{} 전까지 허용되지 않음", tier.title(lang)),
    }
}

fn list<T: Dimension>(set: Set<T>, lang: Lang) -> String {
    let titles: Vec<&str> = set.iter().map(|value| value.title(lang)).collect();
    titles.join(", ")
}

/// What a rule applies to, where that is not everything; empty if it is.
#[must_use]
pub fn scope_text(rule: &Rule, lang: Lang) -> String {
    let a = &rule.applies;
    let mut parts = Vec::new();
    fn add<T: Dimension>(parts: &mut Vec<String>, set: Set<T>, lang: Lang) {
        if !set.is_all() {
            parts.push(list(set, lang));
        }
    }
    add(&mut parts, a.payment, lang);
    add(&mut parts, a.tier, lang);
    add(&mut parts, a.party, lang);
    add(&mut parts, a.age, lang);
    add(&mut parts, a.funds, lang);
    add(&mut parts, a.channel, lang);
    add(&mut parts, a.product, lang);
    add(&mut parts, a.presence, lang);
    add(&mut parts, a.technology, lang);
    add(&mut parts, a.operator, lang);
    add(&mut parts, a.screening, lang);
    if !a.flag.is_empty() {
        parts.push(list(a.flag, lang));
    }
    for (set, en, ko) in [
        (list(a.flag_not, lang), "except", "제외"),
        (list(a.operator_not, lang), "except", "제외"),
    ] {
        if !set.is_empty() {
            parts.push(match lang {
                Lang::En => format!("{en} {set}"),
                Lang::Ko => format!("{set} {ko}"),
            });
        }
    }
    parts.extend(a.segment.iter().cloned());
    parts.join("; ")
}

/// Who says so: "Regulation (EU) 2018/389, art. 16", "terms of the mobile operators, not law".
#[must_use]
pub fn authority_text(rule: &Rule, lang: Lang) -> String {
    match (&rule.authority, lang) {
        (Some(Authority::Law { act, article, .. }), _) => format!("{act}, {article}"),
        (Some(Authority::Terms { whose, .. }), Lang::En) => {
            format!("terms of {}, not law", whose.en)
        }
        (Some(Authority::Terms { whose, .. }), Lang::Ko) => {
            format!("{}의 약관(terms), 법령 아님", whose.ko)
        }
        (None, Lang::En) => "no source".into(),
        (None, Lang::Ko) => "출처 없음".into(),
    }
}
