//! What would help: verify, confirm, pay less, wait, or ask.

use serde::Serialize;

use super::{Context, Seen, Unit};
use crate::civil::Date;
use crate::lang::Lang;
use crate::tiers::Gain;
use crate::vocabulary::{Side, StepUp, Tier};
use crate::window::Window;
use crate::words::amount_text;

/// Something that would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Remedy {
    /// Have a higher tier.
    Verify {
        /// Which.
        tier: Tier,
        /// The number now.
        from: Option<String>,
        /// The number then; none is no limit.
        to: Option<String>,
        /// In a sentence.
        text: String,
    },
    /// Authenticate or confirm.
    Confirm {
        /// How.
        step_up: StepUp,
        /// In a sentence.
        text: String,
    },
    /// Pay no more than is left.
    PayLess {
        /// How much.
        most: String,
        /// In a sentence.
        text: String,
    },
    /// Wait for the next window.
    Wait {
        /// Until which day.
        until: Date,
        /// In a sentence.
        text: String,
    },
    /// Ask the operator.
    Contact {
        /// In a sentence.
        text: String,
    },
}

impl Seen<'_> {
    pub(super) fn remedies(&self, context: &Context<'_>) -> Vec<Remedy> {
        let lang = context.lang;
        let subject = match self.side {
            Side::Payer => context.payer,
            Side::Payee => context.payee,
        };
        let mut remedies = Vec::new();
        let gain = self
            .pack
            .gain(self.rule, subject.tier, subject.kind, context.day);
        remedies.extend(gain.map(|gain| verify(&gain, lang)));
        if let (Some(number), Some(left)) = (self.number, self.left())
            && let Unit::Money(asset) = number.unit
            && left > 0
        {
            let most = amount_text(left, asset);
            let text = match lang {
                Lang::En => format!("Pay no more than {most}."),
                Lang::Ko => format!("{most} 이하로 결제하십시오."),
            };
            remedies.push(Remedy::PayLess { most, text });
        }
        // What is more than the whole number is more tomorrow too.
        if let Some(number) = self.number
            && self.traced.asked <= number.most
            && let Some(until) = next(number.window, context.day)
        {
            let text = match lang {
                Lang::En => format!("Wait until {until}."),
                Lang::Ko => format!("{until}까지 기다리십시오."),
            };
            remedies.push(Remedy::Wait { until, text });
        }
        if remedies.is_empty() {
            remedies.push(contact(lang));
        }
        remedies
    }
}

fn verify(gain: &Gain, lang: Lang) -> Remedy {
    let (from, to) = gain.numbers(lang);
    Remedy::Verify {
        tier: gain.tier,
        from,
        to,
        text: gain.sentence(lang),
    }
}

/// The first day of the next window.
pub(crate) fn next(window: Window, day: Date) -> Option<Date> {
    let (year, month, _) = day.parts();
    match window {
        Window::Day | Window::Night => Some(Date(day.0 + 1)),
        Window::Week => Some(Date((day.0 + 3) / 7 * 7 + 4)),
        Window::Month if month == 12 => Date::of(year + 1, 1, 1),
        Window::Month => Date::of(year, month + 1, 1),
        Window::Quarter if month >= 10 => Date::of(year + 1, 1, 1),
        Window::Quarter => Date::of(year, (month - 1) / 3 * 3 + 4, 1),
        Window::Year => Date::of(year + 1, 1, 1),
        _ => None,
    }
}

pub(super) fn contact(lang: Lang) -> Remedy {
    let text = match lang {
        Lang::En => "Ask the operator.",
        Lang::Ko => "운영자에게 문의하십시오.",
    };
    Remedy::Contact { text: text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_window_begins_on_its_first_day() {
        let day: Date = "2026-11-25".parse().unwrap(); // a Wednesday
        for (window, expected) in [
            (Window::Day, "2026-11-26"),
            (Window::Week, "2026-11-30"),
            (Window::Month, "2026-12-01"),
            (Window::Quarter, "2027-01-01"),
            (Window::Year, "2027-01-01"),
        ] {
            assert_eq!(next(window, day).unwrap().to_string(), expected);
        }
        assert_eq!(
            next(Window::Month, "2026-12-31".parse().unwrap())
                .unwrap()
                .to_string(),
            "2027-01-01"
        );
        assert_eq!(
            next(Window::Quarter, "2026-02-28".parse().unwrap())
                .unwrap()
                .to_string(),
            "2026-04-01"
        );
        assert_eq!(next(Window::RollingDays(3), day), None);
    }
}
