//! Why a payment was decided as it was, in words and numbers, under the terms it was made with.
//!
//! An event's trace is its refusal, its use of each limit before, the payer's tier then and the
//! version of the terms; the words are made here, to whom the code allows.

mod law;

pub use law::{LawExplained, law};

use crate::code::{Audience, Code};
use crate::event::{Effect, EventKind, Paid, Part, Refused};
use crate::law::{MEASURE_FIRST, Rewards};
use crate::prices::Priced;
use crate::records::MEASURE_DAY;
use crate::step::fee::rewarded;
use crate::terms::{TIERS, Terms, Tier};
use ledger::AssetNo;
use money::{Asset, Atoms};
use serde::Serialize;

/// The trace of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `allow`, `step_up` or `deny`.
    pub verdict: &'static str,
    /// The reason of a denial, as the audience may see it.
    pub code: Option<&'static str>,
    /// What the reason means and what to do.
    pub help: Option<&'static str>,
    /// The version of the tenant's terms it was decided under.
    pub terms_version: u32,
    /// The rules evaluated, in order.
    pub trace: Vec<Line>,
    /// What would help, for machines.
    pub remedy: Option<Remedy>,
}

/// One rule of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// Which stage of the step.
    pub stage: &'static str,
    /// Which rule.
    pub rule: &'static str,
    /// In words.
    pub text: String,
    /// Its number, as a decimal with its asset.
    pub limit: Option<String>,
    /// How much was used before.
    pub used: Option<String>,
}

/// What would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remedy {
    /// `top_up`, `verify`, `pay_less`, `wait`, `confirm`, `new_mandate`, `new_id` or `contact`.
    pub action: &'static str,
    /// By how much, as a decimal.
    pub amount: Option<String>,
    /// In what.
    pub asset: Option<String>,
    /// To which tier.
    pub tier: Option<u8>,
}

impl Remedy {
    fn just(action: &'static str) -> Remedy {
        Remedy {
            action,
            amount: None,
            asset: None,
            tier: None,
        }
    }
}

/// Explains one item of an event; `rewards` are those of the law it was decided under, if one was in
/// force.
#[must_use]
pub fn explain(
    part: &Part<'_>,
    (terms, terms_version): (&Terms, u32),
    rewards: Option<&Rewards>,
    assets: &[Asset],
    audience: Audience,
) -> Explanation {
    let mut explanation = Explanation {
        verdict: "allow",
        code: None,
        help: None,
        terms_version,
        trace: Vec::new(),
        remedy: None,
    };
    let show = |asset: AssetNo, atoms: u128| match assets.get(usize::from(asset.0)) {
        Some(a) => format!(
            "{} {}",
            a.format_signed(i128::try_from(atoms).unwrap_or(i128::MAX)),
            a.code
        ),
        None => format!("{atoms} atoms of an unknown asset"),
    };
    match part.kind {
        kind if kind.asks_step_up() => {
            explanation.verdict = "step_up";
            explanation.remedy = Some(Remedy::just("confirm"));
        }
        kind if kind.is_refusal() || kind.is_step_up_expired() => explanation.verdict = "deny",
        _ => {}
    }
    let tier = tier_of(part);
    for effect in part.effects {
        match effect {
            Effect::Paid(paid) => {
                let tax = Line {
                    stage: "tax",
                    rule: "inclusive_rate",
                    text: format!(
                        "{} of the {} is tax",
                        show(paid.asset, u128::from(paid.tax)),
                        show(paid.asset, u128::from(paid.gross))
                    ),
                    limit: None,
                    used: None,
                };
                let fee = Line {
                    stage: "fee",
                    rule: "platform_fee",
                    text: fee_words(part, paid, terms, rewards, &show),
                    limit: None,
                    used: None,
                };
                explanation.trace.extend([tax, fee]);
            }
            Effect::Measured {
                measure,
                before,
                delta,
                ..
            } if *measure < MEASURE_FIRST => {
                let Some(limits) = &terms.limits else {
                    continue;
                };
                let row = tier.map(|tier| limits.tiers[usize::from(tier.0).min(TIERS - 1)]);
                let (rule, number) = if *measure == MEASURE_DAY {
                    ("per_day", row.and_then(|row| row.per_day))
                } else {
                    ("per_month", row.and_then(|row| row.per_month))
                };
                let used = show(limits.asset, *before);
                let limit = number.map(|n| show(limits.asset, u128::from(n)));
                let words = match (&limit, row) {
                    (Some(limit), _) => format!("; the limit is {limit}"),
                    (None, Some(_)) => "; no limit".to_owned(),
                    // What gives room back is decided under no limit.
                    (None, None) => String::new(),
                };
                explanation.trace.push(Line {
                    stage: "policy",
                    rule,
                    text: format!(
                        "{used} was used before; this moved it by {}{}{words}",
                        if *delta < 0 { "−" } else { "" },
                        show(limits.asset, delta.unsigned_abs()),
                    ),
                    limit,
                    used: Some(used),
                });
            }
            Effect::Priced(priced) => explanation.trace.push(price_line(priced)),
            Effect::Refused(refused) => {
                let code = refused.code.shown_to(audience);
                explanation.code = Some(code.as_str());
                explanation.help = Some(code.help());
                if code == refused.code {
                    explanation.trace.push(refusal_line(refused, code, &show));
                    explanation.remedy = Some(remedy(refused, terms, assets));
                } else {
                    explanation.remedy = Some(Remedy::just("contact"));
                }
            }
            _ => {}
        }
    }
    explanation
}

/// By what it was priced.
fn price_line(priced: &Priced) -> Line {
    let variant = match priced.variant {
        0 => String::new(),
        variant => format!(", variant {variant}"),
    };
    let free = match priced.free {
        0 => String::new(),
        free => format!("; {free} of them are free"),
    };
    Line {
        stage: "price",
        rule: "price",
        text: format!(
            "{} by version {} of the price{variant}{free}",
            priced.item.quantity, priced.version
        ),
        limit: None,
        used: None,
    }
}

/// What the platform took, and why so much.
fn fee_words(
    part: &Part<'_>,
    paid: &Paid,
    terms: &Terms,
    rewards: Option<&Rewards>,
    show: &impl Fn(AssetNo, u128) -> String,
) -> String {
    let amount = show(paid.asset, u128::from(paid.fee));
    match part.kind {
        EventKind::Refunded => return format!("{amount} of the platform's fee goes back"),
        EventKind::Captured => {
            return format!("{amount} is the platform's fee, at the rate of its authorization");
        }
        _ => {}
    }
    let of_terms = terms.fee(paid.asset);
    let confirmed = part
        .asked()
        .map(|asked| asked.confirmed)
        .unwrap_or_default();
    let is_strong = confirmed.has_done(policy::StepUp::Strong);
    let fee = match rewards {
        Some(rewards) => rewarded(of_terms, rewards, paid.tier, is_strong),
        None => of_terms,
    };
    let least = match fee.minimum {
        Atoms(0) => String::new(),
        least => format!(", at least {}", show(paid.asset, u128::from(least.0))),
    };
    let share = fee.share.get();
    let reward = if fee == of_terms {
        String::new()
    } else {
        format!(" (a reward: it is {} without)", of_terms.share.get())
    };
    format!("{amount} is the platform's fee: {share} parts per million{reward}{least}")
}

/// The payer's tier when it was decided, if the event says so.
fn tier_of(part: &Part<'_>) -> Option<Tier> {
    part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some(paid.tier),
        Effect::HoldOpened(hold) => Some(hold.tier),
        _ => None,
    })
}

fn refusal_line(refused: &Refused, code: Code, show: &impl Fn(AssetNo, u128) -> String) -> Line {
    let numbered = refused.limit > 0 || refused.used > 0;
    let limit = numbered.then(|| show(refused.asset, refused.limit));
    let used = numbered.then(|| show(refused.asset, refused.used));
    let asked = show(refused.asset, u128::from(refused.asked));
    let text = match (&limit, &used) {
        (Some(limit), Some(used)) => {
            format!(
                "{asked} was asked; {limit} is the most and {used} was used before. {}",
                code.help()
            )
        }
        _ => code.help().to_owned(),
    };
    Line {
        stage: stage(code),
        rule: code.as_str(),
        text,
        limit,
        used,
    }
}

fn stage(code: Code) -> &'static str {
    match code {
        Code::InsufficientFunds
        | Code::SourceNotAllowed
        | Code::SourceNotSettled
        | Code::DebtOutstanding => "funding",
        Code::LimitPerPayment | Code::LimitPerDay | Code::LimitPerMonth | Code::NoReferenceRate => {
            "policy"
        }
        Code::RiskDeclined | Code::Declined => "risk",
        Code::PriceAboveLimit => "price",
        _ => "parties",
    }
}

/// What would help with a refusal.
#[must_use]
pub fn remedy(refused: &Refused, terms: &Terms, assets: &[Asset]) -> Remedy {
    let asset = assets.get(usize::from(refused.asset.0));
    let amount = |atoms: u128| {
        let atoms = u64::try_from(atoms).unwrap_or(u64::MAX);
        asset.map(|a| a.format(Atoms(atoms)))
    };
    let code = asset.map(|a| a.code.to_string());
    match refused.code {
        Code::InsufficientFunds => Remedy {
            action: "top_up",
            amount: amount(u128::from(refused.asked).saturating_sub(refused.limit)),
            asset: code,
            tier: None,
        },
        Code::DebtOutstanding => Remedy {
            action: "top_up",
            amount: amount(
                (refused.used + u128::from(refused.asked)).saturating_sub(refused.limit),
            ),
            asset: code,
            tier: None,
        },
        Code::PriceAboveLimit => Remedy {
            action: "pay_less",
            amount: amount(refused.limit),
            asset: code,
            tier: None,
        },
        Code::LimitPerPayment | Code::LimitPerDay | Code::LimitPerMonth => {
            let needed = refused.used + u128::from(refused.asked);
            let enough = |row: &policy::TierLimits| {
                let number = match refused.code {
                    Code::LimitPerPayment => row.per_payment,
                    Code::LimitPerDay => row.per_day,
                    _ => row.per_month,
                };
                number.is_none_or(|n| u128::from(n) >= needed)
            };
            let higher = terms.limits.as_ref().and_then(|limits| {
                let rows = limits
                    .tiers
                    .iter()
                    .enumerate()
                    .skip(usize::from(refused.tier.0) + 1);
                rows.into_iter()
                    .find(|(_, row)| enough(row))
                    .map(|(tier, _)| tier)
            });
            match higher {
                Some(tier) => Remedy {
                    action: "verify",
                    amount: None,
                    asset: None,
                    tier: u8::try_from(tier).ok(),
                },
                None => Remedy {
                    action: if refused.code == Code::LimitPerPayment {
                        "pay_less"
                    } else {
                        "wait"
                    },
                    amount: amount(refused.limit.saturating_sub(refused.used)),
                    asset: code,
                    tier: None,
                },
            }
        }
        Code::MandateExpired
        | Code::MandateRevoked
        | Code::MandatePayee
        | Code::MandateAsset
        | Code::MandateRequired
        | Code::MandateAgent => Remedy::just("new_mandate"),
        Code::MandatePerPayment | Code::MandatePerDay => Remedy {
            action: "pay_less",
            amount: amount(refused.limit.saturating_sub(refused.used)),
            asset: code,
            tier: None,
        },
        Code::StepUpExpired | Code::HoldExpired => Remedy::just("new_id"),
        Code::CaptureExceedsHold | Code::RefundExceedsPayment | Code::ReversalExceedsTopUp => {
            Remedy {
                action: "pay_less",
                amount: amount(refused.limit.saturating_sub(refused.used)),
                asset: code,
                tier: None,
            }
        }
        Code::StepUpInGroup => Remedy::just("confirm"),
        _ => Remedy::just("contact"),
    }
}
