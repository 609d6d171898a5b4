//! What a fraud score means for a payment. The score itself comes with the command.
//!
//! Pure: no wallets, no time, no ledger, no model.
#![deny(missing_docs)]

use serde::{Deserialize, Serialize};

/// A fraud score, 0 (surely genuine) to 1000 (surely fraud).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(pub u16);

/// From which score on a payment is stepped up or denied; `None` is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// The payer must confirm from here on.
    pub step_up_at: Option<Score>,
    /// Refused from here on.
    pub deny_at: Option<Score>,
}

/// What the thresholds make of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Allow,
    /// Go on when the payer has confirmed.
    StepUp,
    /// Refuse.
    Deny,
}

impl Thresholds {
    /// The verdict on a score: the strictest that applies.
    #[must_use]
    #[inline]
    pub fn verdict(&self, score: Score) -> Verdict {
        if self.deny_at.is_some_and(|at| score >= at) {
            Verdict::Deny
        } else if self.step_up_at.is_some_and(|at| score >= at) {
            Verdict::StepUp
        } else {
            Verdict::Allow
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_threshold_reached_decides() {
        let t = Thresholds {
            step_up_at: Some(Score(500)),
            deny_at: Some(Score(900)),
        };
        for (score, verdict) in [
            (0, Verdict::Allow),
            (499, Verdict::Allow),
            (500, Verdict::StepUp),
            (899, Verdict::StepUp),
            (900, Verdict::Deny),
            (1000, Verdict::Deny),
        ] {
            assert_eq!(t.verdict(Score(score)), verdict, "{score}");
        }
        assert_eq!(Thresholds::default().verdict(Score(1000)), Verdict::Allow);
    }
}
