//! Rules and remedies of packs as the API shows them, wherever it does.

use crate::types::law::{self as w, Day, Word};
use serde::Serialize;
use utoipa::ToSchema;

/// One rule of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PolicyRule)]
pub struct Rule {
    /// Pack and rule.
    #[schema(examples("kr/carrier.monthly"))]
    pub rule: String,
    /// Its title.
    pub title: String,
    /// What it says, how far it was used and what came of it.
    pub text: String,
    /// What it said.
    pub outcome: Outcome,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub number: Option<String>,
    /// How much was used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub used: Option<String>,
    /// How much was left before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub left: Option<String>,
    /// Act and article, or whose terms.
    pub source: String,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub link: Option<String>,
    /// Whether it is terms and not law.
    pub is_terms: bool,
    /// How its number was found.
    pub certainty: w::Certainty,
}

impl From<policy::Line> for Rule {
    fn from(line: policy::Line) -> Rule {
        Rule {
            rule: line.rule,
            title: line.title,
            text: line.text,
            outcome: line.outcome.into(),
            number: line.number,
            used: line.used,
            left: line.left,
            source: line.source,
            link: line.link,
            is_terms: line.is_terms,
            certainty: Word(line.certainty),
        }
    }
}

/// What a rule said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PolicyOutcome)]
pub enum Outcome {
    /// Within the number.
    Within,
    /// An exemption that was used.
    Exempt,
    /// An exemption that did not hold.
    NotExempt,
    /// A duty the payer has already done.
    Done,
    /// Passed, and only noted.
    Noted,
    /// The payer has something to do.
    StepUp,
    /// Refused until verified.
    Verify,
    /// Refused.
    Denied,
    /// Refused because there is no rate into the rule's asset.
    NoRate,
}

impl From<policy::Outcome> for Outcome {
    fn from(outcome: policy::Outcome) -> Outcome {
        use policy::Outcome as O;
        match outcome {
            O::Within => Outcome::Within,
            O::Exempt => Outcome::Exempt,
            O::NotExempt => Outcome::NotExempt,
            O::Done => Outcome::Done,
            O::Noted => Outcome::Noted,
            O::StepUp => Outcome::StepUp,
            O::Verify => Outcome::Verify,
            O::Denied => Outcome::Denied,
            O::NoRate => Outcome::NoRate,
        }
    }
}

/// Something that would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
#[schema(as = PolicyRemedy)]
pub enum Remedy {
    /// Have a higher tier.
    Verify {
        /// Which.
        tier: w::Tier,
        /// The number now; absent, if it is not allowed at all.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        from: Option<String>,
        /// The number then; absent, if there is no such limit any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        to: Option<String>,
        /// In a sentence.
        text: String,
    },
    /// Authenticate or confirm.
    Confirm {
        /// How.
        step_up: w::StepUp,
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
        until: Day,
        /// In a sentence.
        text: String,
    },
    /// Ask the operator.
    Contact {
        /// In a sentence.
        text: String,
    },
}

impl From<policy::Remedy> for Remedy {
    fn from(remedy: policy::Remedy) -> Remedy {
        use policy::Remedy as R;
        match remedy {
            R::Verify {
                tier,
                from,
                to,
                text,
            } => Remedy::Verify {
                tier: Word(tier),
                from,
                to,
                text,
            },
            R::Confirm { step_up, text } => Remedy::Confirm {
                step_up: Word(step_up),
                text,
            },
            R::PayLess { most, text } => Remedy::PayLess { most, text },
            R::Wait { until, text } => Remedy::Wait {
                until: Day(until),
                text,
            },
            R::Contact { text } => Remedy::Contact { text },
        }
    }
}
