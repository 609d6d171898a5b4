//! Stage 3: what is charged. For now, the amount that the command names.

use super::Payment;

#[inline]
pub(crate) fn set(payment: &mut Payment<'_>) {
    payment.gross = payment.spend.amount.0;
}
