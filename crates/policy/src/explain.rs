//! A verdict in words and numbers, to whom each rule allows.
//!
//! Rules that payer and seller may not see (sanctions, money laundering, fraud) leave no line for
//! them, and a refusal by nothing else is the neutral `declined`.

mod remedy;

pub use remedy::Remedy;
use remedy::contact;
pub(crate) use remedy::next;
use serde::Serialize;

use crate::civil::Date;
use crate::dimension::Dimension;
use crate::facts::{Outcome, RuleNo, Traced, Verdict};
use crate::lang::Lang;
use crate::pack::Pack;
use crate::rule::{Authority, Kind, Measure, Per, Rule};
use crate::ruleset::{Ruleset, Test};
use crate::vocabulary::{Audience, Certainty, PartyKind, Side, Tier};
use crate::window::Window;
use crate::words::{amount_text, authority_text, measure_text, rule_text};

/// What a party was when it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// How far verified.
    pub tier: Tier,
    /// What it is.
    pub kind: PartyKind,
}

/// What an explanation is made of, besides the trace.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The ruleset it was checked against.
    pub set: &'a Ruleset,
    /// The packs of that ruleset, in its order.
    pub packs: &'a [Pack],
    /// The civil day.
    pub day: Date,
    /// Who paid.
    pub payer: Subject,
    /// Who was paid.
    pub payee: Subject,
    /// For whom.
    pub audience: Audience,
    /// In which language.
    pub lang: Lang,
}

/// A verdict with its reason, its trace and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allow`, `step_up` or `deny`.
    pub verdict: &'static str,
    /// Why, in a stable word; see [`reason`]. None if allowed.
    pub reason: Option<&'static str>,
    /// By which rule, as `kr/carrier.monthly`, if it may be seen.
    pub rule: Option<String>,
    /// The reason in a sentence.
    pub text: Option<String>,
    /// The rules looked at that may be seen, in order.
    pub trace: Vec<Line>,
    /// What would help, the best first.
    pub remedies: Vec<Remedy>,
}

/// One rule of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// As `kr/carrier.monthly`.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// What it says, how far it was used and what came of it.
    pub text: String,
    /// What it said.
    pub outcome: Outcome,
    /// Its number.
    pub number: Option<String>,
    /// How much was used before.
    pub used: Option<String>,
    /// How much was left before.
    pub left: Option<String>,
    /// Act and article, or whose terms.
    pub source: String,
    /// Where it can be read.
    pub link: Option<String>,
    /// Whether it is terms and not law.
    pub is_terms: bool,
    /// How its number was found.
    pub certainty: Certainty,
}

/// The stable word for what a rule refuses or asks.
#[must_use]
pub fn reason(rule: &Rule, outcome: Outcome) -> &'static str {
    match (&rule.kind, outcome) {
        (_, Outcome::NoRate) => "no_reference_rate",
        (_, Outcome::Verify) => "verification_needed",
        (_, Outcome::StepUp) => "step_up_needed",
        (Kind::Limit(cap) | Kind::Diligence(cap), _) => cap.window.reason(),
        (Kind::Balance { .. }, _) => "limit_balance",
        (Kind::Funds { .. }, _) => "source_not_allowed",
        (Kind::CoolingOff { .. }, _) => "too_soon",
        (Kind::Mandate { .. }, _) => "notice_missing",
        _ => "not_allowed",
    }
}

/// The neutral word, in both languages, for what may not be told.
pub const DECLINED: &str = "declined";

/// Puts a verdict and its trace into words.
#[must_use]
pub fn explain(context: &Context<'_>, verdict: Verdict, trace: &[Traced]) -> Explanation {
    let lines = trace.iter().filter_map(|traced| Seen::of(context, traced));
    let lines: Vec<Seen<'_>> = lines.collect();
    let decisive = |stops: &[Outcome]| lines.iter().find(|l| stops.contains(&l.traced.outcome));
    let (word, cause) = match verdict {
        Verdict::Allow => ("allow", None),
        Verdict::StepUp { .. } => ("step_up", decisive(&[Outcome::StepUp])),
        Verdict::Deny { .. } => {
            let stops = [Outcome::Denied, Outcome::Verify, Outcome::NoRate];
            ("deny", decisive(&stops))
        }
    };
    let lang = context.lang;
    let (reason, text) = match (verdict, cause) {
        (Verdict::Allow, _) => (None, None),
        (_, Some(seen)) => (
            Some(reason(seen.rule, seen.traced.outcome)),
            Some(seen.text(lang)),
        ),
        (Verdict::StepUp { step_up, .. }, None) => {
            (Some("step_up_needed"), Some(step_up.title(lang).to_owned()))
        }
        (Verdict::Deny { .. }, None) => (Some(DECLINED), Some(declined(lang).to_owned())),
    };
    let remedies = match (verdict, cause) {
        (Verdict::Allow, _) => Vec::new(),
        (Verdict::StepUp { step_up, .. }, _) => vec![Remedy::Confirm {
            step_up,
            text: step_up.title(lang).to_owned(),
        }],
        (_, Some(seen)) => seen.remedies(context),
        (Verdict::Deny { .. }, None) => vec![contact(lang)],
    };
    Explanation {
        verdict: word,
        reason,
        rule: cause.map(Seen::name),
        text,
        trace: lines.iter().map(|seen| seen.line(lang)).collect(),
        remedies,
    }
}

/// One rule of a trace in words, if it may be seen.
#[must_use]
pub fn explain_line(context: &Context<'_>, traced: &Traced) -> Option<Line> {
    Seen::of(context, traced).map(|seen| seen.line(context.lang))
}

fn declined(lang: Lang) -> &'static str {
    match lang {
        Lang::En => "The payment was declined.",
        Lang::Ko => "결제가 거절되었습니다.",
    }
}

/// A traced rule that the audience may see.
struct Seen<'a> {
    pack: &'a Pack,
    rule: &'a Rule,
    traced: Traced,
    /// The number, with the operator's own where there is one.
    number: Option<Number>,
    side: Side,
}

/// A number of a rule and what it is in.
#[derive(Clone, Copy)]
struct Number {
    most: u64,
    unit: Unit,
    window: Window,
}

#[derive(Clone, Copy)]
enum Unit {
    Money(money::Asset),
    Payments,
    Hours,
}

impl Unit {
    fn text(self, n: u128, lang: Lang) -> String {
        match (self, lang) {
            (Unit::Money(asset), _) => amount_text(n, asset),
            (Unit::Payments, Lang::En) => n.to_string(),
            (Unit::Payments, Lang::Ko) => format!("{n}건"),
            (Unit::Hours, Lang::En) => format!("{n} h"),
            (Unit::Hours, Lang::Ko) => format!("{n}시간"),
        }
    }
}

impl<'a> Seen<'a> {
    fn of(context: &Context<'a>, traced: &Traced) -> Option<Seen<'a>> {
        let (pack, rule) = rule_of(context.set, context.packs, traced.rule)?;
        if !rule.visible_to.has(context.audience) {
            return None;
        }
        let line = context.set.line(traced.rule)?;
        let asset = context.set.assets.get(usize::from(line.asset))?.asset;
        let money = if line.is_count {
            Unit::Payments
        } else {
            Unit::Money(asset)
        };
        let number = match line.test {
            Test::Limit | Test::Balance(_) => Some((line.most, money)),
            Test::CoolingOff(_) | Test::Mandate => Some((line.most, Unit::Hours)),
            Test::Exemption if line.measure.is_some() => Some((line.in_all, Unit::Money(asset))),
            Test::Exemption if line.count_measure.is_some() => Some((line.count, Unit::Payments)),
            Test::Exemption if line.most != u64::MAX => Some((line.most, Unit::Money(asset))),
            _ => None,
        };
        let window = line.window;
        Some(Seen {
            pack,
            rule,
            traced: *traced,
            number: number.map(|(most, unit)| Number { most, unit, window }),
            side: line.side,
        })
    }

    fn name(&self) -> String {
        format!("{}/{}", self.pack.id, self.rule.id)
    }

    /// What is left: of a number that bites itself, one atom less.
    fn left(&self) -> Option<u128> {
        let number = self.number?;
        let bites_at = matches!(
            &self.rule.kind,
            Kind::Limit(cap) | Kind::Diligence(cap) if cap.bites == crate::rule::Bites::At
        );
        let most = u128::from(number.most).saturating_sub(u128::from(bites_at));
        Some(most.saturating_sub(self.traced.used))
    }

    fn text(&self, lang: Lang) -> String {
        let title = self.rule.title.in_(lang);
        let said = match &self.rule.kind {
            // With the operator's own number, if it has one.
            Kind::Limit(cap) | Kind::Diligence(cap) => match self.number {
                Some(Number {
                    most,
                    unit: Unit::Money(asset),
                    ..
                }) => {
                    let atoms = money::Atoms(most);
                    let most = Measure::Amount(crate::rule::Amount { atoms, asset });
                    measure_text(&most, cap.window, lang)
                }
                _ => rule_text(self.rule, lang),
            },
            _ => rule_text(self.rule, lang),
        };
        let used = self.number.map(|number| {
            let used = number.unit.text(self.traced.used, lang);
            let asked = match number.unit {
                Unit::Hours => None,
                unit => Some(unit.text(u128::from(self.traced.asked), lang)),
            };
            match (&self.rule.kind, number.unit, asked, lang) {
                (_, Unit::Hours, _, Lang::En) => format!("; {used} gone by"),
                (_, Unit::Hours, _, Lang::Ko) => format!("; {used} 경과"),
                (Kind::Balance { per, .. }, _, Some(asked), Lang::En) => {
                    let held = match per {
                        Per::Party => "held before",
                        Per::Instrument => "in the wallet before",
                    };
                    format!("; {used} {held}, {asked} more")
                }
                (Kind::Balance { .. }, _, Some(asked), Lang::Ko) => {
                    format!("; 종전 보유 {used}, 추가 {asked}")
                }
                (_, _, Some(asked), _) if number.window == Window::Payment => match lang {
                    Lang::En => format!("; {asked} asked"),
                    Lang::Ko => format!("; 요청 {asked}"),
                },
                (_, _, Some(asked), Lang::En) => format!("; {used} used before, {asked} asked"),
                (_, _, Some(asked), Lang::Ko) => format!("; 종전 사용 {used}, 요청 {asked}"),
                (_, _, None, _) => String::new(),
            }
        });
        let came = match (self.traced.outcome, lang) {
            (Outcome::Within, Lang::En) => "within it",
            (Outcome::Within, Lang::Ko) => "한도 이내",
            (Outcome::Exempt, Lang::En) => "exempt",
            (Outcome::Exempt, Lang::Ko) => "면제",
            (Outcome::NotExempt, Lang::En) => "not exempt",
            (Outcome::NotExempt, Lang::Ko) => "면제 아님",
            (Outcome::Done, Lang::En) => "done",
            (Outcome::Done, Lang::Ko) => "이행됨",
            (Outcome::Noted, Lang::En) => "noted",
            (Outcome::Noted, Lang::Ko) => "기록됨",
            (Outcome::StepUp, Lang::En) => "the payer is asked",
            (Outcome::StepUp, Lang::Ko) => "지급인 확인 필요",
            (Outcome::Verify, Lang::En) => "refused until verified",
            (Outcome::Verify, Lang::Ko) => "확인 전까지 거절",
            (Outcome::Denied, Lang::En) => "refused",
            (Outcome::Denied, Lang::Ko) => "거절",
            (Outcome::NoRate, Lang::En) => "refused, for there is no rate into its asset",
            (Outcome::NoRate, Lang::Ko) => "환율이 없어 거절",
        };
        let source = authority_text(self.rule, lang);
        format!(
            "{title}: {said}{}: {came} ({source})",
            used.unwrap_or_default()
        )
    }

    fn line(&self, lang: Lang) -> Line {
        let show = |n: u128| self.number.map(|number| number.unit.text(n, lang));
        let number = self.number;
        Line {
            rule: self.name(),
            title: self.rule.title.in_(lang).to_owned(),
            text: self.text(lang),
            outcome: self.traced.outcome,
            number: number.map(|n| n.unit.text(u128::from(n.most), lang)),
            used: show(self.traced.used),
            left: self.left().and_then(show),
            source: authority_text(self.rule, lang),
            link: match &self.rule.authority {
                Some(Authority::Law { link, .. } | Authority::Terms { link, .. }) => link.clone(),
                None => None,
            },
            is_terms: matches!(self.rule.authority, Some(Authority::Terms { .. })),
            certainty: self
                .rule
                .numbers()
                .iter()
                .map(|(field, _)| self.rule.certainty_of(field))
                .max()
                .unwrap_or(self.rule.certainty),
        }
    }
}

/// The pack and rule of a number.
#[must_use]
pub fn rule_of<'a>(set: &Ruleset, packs: &'a [Pack], rule: RuleNo) -> Option<(&'a Pack, &'a Rule)> {
    let (pack, rule) = set.rule_in_pack(rule)?;
    let pack = packs.get(pack)?;
    Some((pack, pack.rules.get(rule)?))
}
