//! Stage 3: what is charged. For now, the amount that the command names.

use super::{Draft, Payment};
use crate::decide::Rule;
use crate::view::View;

#[inline]
pub(crate) fn set<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) -> Rule {
    draft.check_amount(payment.spend.asset, payment.spend.amount.0)?;
    payment.gross = payment.spend.amount.0;
    Ok(())
}
