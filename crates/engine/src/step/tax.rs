//! Stage 4: the tax contained in the price, by the payer's country.

use super::{Draft, Payment, Purpose};
use crate::terms::Country;
use crate::view::View;
use money::{Atoms, Ppm};

/// What tax is in a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tax {
    /// Where it is owed and at which rate, if any.
    pub owed: Option<(Country, Ppm)>,
    /// How much, atoms.
    pub amount: u64,
}

#[inline]
pub(crate) fn set<V: View>(draft: &Draft<'_, V>, payment: &mut Payment<'_>) {
    if payment.purpose == Purpose::Transfer {
        return;
    }
    let country = draft.view.party(payment.payer_party).country;
    if let Some(rate) = draft.terms.tax.rate(country.0) {
        let amount = tax::included(Atoms(payment.gross), rate).0;
        payment.tax = Tax {
            owed: Some((country, rate)),
            amount,
        };
    }
}

/// A country as the number that tells its tax account.
pub(crate) fn sub(country: Country) -> u16 {
    u16::from_be_bytes(country.0)
}
