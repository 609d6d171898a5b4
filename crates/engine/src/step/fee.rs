//! Stage 5: the platform's fee, out of what is left after tax.

use super::{Draft, Payment, Purpose};
use crate::view::View;
use money::Atoms;

#[inline]
pub(crate) fn set<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) {
    if payment.purpose == Purpose::Transfer {
        return;
    }
    let most = Atoms(payment.gross - payment.tax.amount);
    payment.fee = draft
        .terms
        .fee(payment.spend.asset)
        .on(Atoms(payment.gross), most)
        .0;
}
