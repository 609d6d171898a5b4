//! The platform's own fee on a payment.

use money::{Atoms, Ppm, Rounding};
use serde::{Deserialize, Serialize};

/// The platform's fee: a share of the payment, and at least a minimum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformFee {
    /// The share, in parts per million of the gross amount.
    pub share: Ppm,
    /// The least a payment is charged, in atoms of its asset.
    pub minimum: Atoms,
}

impl PlatformFee {
    /// The fee on `gross`, rounded half to even once, never more than `most`.
    #[must_use]
    #[inline]
    pub fn on(&self, gross: Atoms, most: Atoms) -> Atoms {
        self.share
            .of(gross, Rounding::HalfEven)
            .max(self.minimum)
            .min(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_its_share_its_minimum_or_all_there_is() {
        let fee = |ppm, minimum, gross, most| {
            PlatformFee {
                share: Ppm::new(ppm).unwrap(),
                minimum: Atoms(minimum),
            }
            .on(Atoms(gross), Atoms(most))
            .0
        };
        assert_eq!(fee(20_000, 0, 1_000, 1_000), 20);
        assert_eq!(fee(20_000, 30, 1_000, 1_000), 30);
        assert_eq!(
            fee(20_000, 30, 10, 8),
            8,
            "never more than what is left after tax"
        );
        assert_eq!(fee(500_000, 0, 1, 1), 0, "half an atom rounds to the even");
        assert_eq!(fee(500_000, 0, 3, 3), 2);
        assert_eq!(fee(0, 0, 1_000, 1_000), 0);
    }
}
