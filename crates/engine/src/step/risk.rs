//! Stage 6: what the fraud score, computed before, means under the tenant's thresholds.

use super::{Draft, Payment, parties};
use crate::code::Code;
use crate::decide::Rule;
use crate::view::View;
use policy::StepUp;
use risk::Verdict;

#[inline]
pub(crate) fn check<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    // An agent's program may be anybody's: how risky it is, it does not say alone.
    let is_agents = draft.besides.is_some_and(|besides| besides.agent.is_some());
    let score = match is_agents {
        true => payment.spend.risk.max(draft.terms.agent_risk),
        false => payment.spend.risk,
    };
    match draft.terms.risk.verdict(score) {
        Verdict::Allow => Ok(()),
        Verdict::StepUp => {
            if !payment.spend.confirmed.is_some() {
                payment.step_up = Some((StepUp::Strong, None));
            }
            Ok(())
        }
        Verdict::Deny => {
            let score = u128::from(score.0);
            Err(parties::deny(
                draft,
                payment,
                Code::RiskDeclined,
                (0, score),
            ))
        }
    }
}
