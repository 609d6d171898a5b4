//! Stage 6: what the fraud score, computed before, means under the tenant's thresholds.

use super::{Draft, Payment, parties};
use crate::code::Code;
use crate::decide::Rule;
use crate::view::View;
use policy::StepUp;
use risk::Verdict;

#[inline]
pub(crate) fn check<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    match draft.terms.risk.verdict(payment.spend.risk) {
        Verdict::Allow => Ok(()),
        Verdict::StepUp => {
            if !payment.spend.confirmed.is_some() {
                payment.step_up = Some((StepUp::Strong, None));
            }
            Ok(())
        }
        Verdict::Deny => {
            let score = u128::from(payment.spend.risk.0);
            Err(parties::deny(
                draft,
                payment,
                Code::RiskDeclined,
                (0, score),
            ))
        }
    }
}
