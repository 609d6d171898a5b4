//! Splitting an amount so that the parts sum to it.
//!
//! Two rules, for two questions:
//! - [`allocate`]: once, by largest remainder. Fairest, each part within one atom of exact.
//! - [`reversal_shares`]: in instalments, by nested shares. Largest remainder would not do there: as
//!   the total grows by one, a part may shrink (the Alabama paradox), so a later refund would have
//!   to pay a party back what an earlier one took from it. Nested shares only ever grow.

use core::cmp::Reverse;

use crate::MoneyError;

/// Up to this many parts no heap memory is used.
const PARTS_INLINE: usize = 16;

/// Splits `total` in proportion to the weights into `out`, by largest remainder.
///
/// Every part first gets its exact share rounded down; the atoms then left go one each to the parts
/// that lost most in that rounding, of equals to the earlier. So the parts sum to `total`, each is
/// within one of its exact share, and a weight of zero gets nothing. Weights may be any `u64`; only
/// their proportion counts.
///
/// # Errors
/// [`MoneyError::LengthMismatch`] if `out` is not as long as `weights`; [`MoneyError::NoWeight`] if
/// all weights are zero or there are none. `out` is then unchanged.
///
/// ```
/// let mut parts = [0; 3];
/// money::allocate(100, &[1, 1, 1], &mut parts)?;
/// assert_eq!(parts, [34, 33, 33]);
/// # Ok::<(), money::MoneyError>(())
/// ```
pub fn allocate(total: u64, weights: &[u64], out: &mut [u64]) -> Result<(), MoneyError> {
    check_lengths(weights, out)?;
    let weight_sum = sum(weights);
    if weight_sum == 0 {
        return Err(MoneyError::NoWeight);
    }
    // Nothing fails from here on.
    let mut inline = [(Reverse(0), 0); PARTS_INLINE];
    let mut spilled;
    let losses = if weights.len() <= PARTS_INLINE {
        &mut inline[..weights.len()]
    } else {
        spilled = vec![(Reverse(0), 0); weights.len()];
        &mut spilled[..]
    };
    let mut left = total;
    for (index, (&weight, part)) in weights.iter().zip(out.iter_mut()).enumerate() {
        let (floor, loss) = share(total, weight, weight_sum);
        *part = floor;
        left -= floor; // Floors of shares never sum to more than the total.
        losses[index] = (Reverse(loss), index);
    }
    if left > 0 {
        losses.sort_unstable(); // Indices differ, so the order is one and the same everywhere.
        for &(_, index) in losses.iter() {
            if left == 0 {
                break;
            }
            out[index] += 1;
            left -= 1;
        }
    }
    Ok(())
}

/// Splits one instalment of a reversal over the parts of what is reversed.
///
/// `total_parts` is how the whole, of sum T, was split. Of it `so_far` has been reversed and `more`
/// is to be reversed now. Each part of the instalment is a difference of two cumulative shares:
///
/// ```text
/// out[i] = share_i(so_far + more) - share_i(so_far)
/// ```
///
/// where the shares of `t` are nested: `share_0(t) = floor(t * p_0 / T)`, and what that leaves of
/// `t` is shared in the same way over the parts after it. Then, for every t up to T:
/// - the shares of t sum to t, so the instalment's parts sum to `more`;
/// - shares only grow with t (floor(t * p / T) grows by 0 or 1 for each 1 of t, because p <= T, and
///   so does what it leaves), so no part is ever negative;
/// - the shares of T are the parts, so any chain of instalments that reverses the whole gives back
///   exactly what each part had been, however it was cut.
///
/// # Errors
/// [`MoneyError::LengthMismatch`] if `out` is not as long as `total_parts`;
/// [`MoneyError::ReversalExceedsTotal`] if `so_far + more` is more than T. `out` is then unchanged.
///
/// ```
/// let parts = [70, 20, 10]; // Seller, tax, fee.
/// let (mut first, mut rest) = ([0; 3], [0; 3]);
/// money::reversal_shares(&parts, 0, 33, &mut first)?;
/// money::reversal_shares(&parts, 33, 67, &mut rest)?;
/// assert_eq!((first, rest), ([23, 6, 4], [47, 14, 6]));
/// # Ok::<(), money::MoneyError>(())
/// ```
pub fn reversal_shares(
    total_parts: &[u64],
    so_far: u64,
    more: u64,
    out: &mut [u64],
) -> Result<(), MoneyError> {
    check_lengths(total_parts, out)?;
    let total = sum(total_parts);
    let exceeds = MoneyError::ReversalExceedsTotal {
        so_far,
        more,
        total,
    };
    let mut after = so_far.checked_add(more).ok_or(exceeds)?;
    if u128::from(after) > total {
        return Err(exceeds);
    }
    // Nothing fails from here on.
    let mut before = so_far;
    let mut total_left = total;
    for (&part, out) in total_parts.iter().zip(out.iter_mut()) {
        if total_left == 0 {
            *out = 0; // Only parts of zero are left.
            continue;
        }
        let (share_before, _) = share(before, part, total_left);
        let (share_after, _) = share(after, part, total_left);
        *out = share_after - share_before;
        before -= share_before;
        after -= share_after;
        total_left -= u128::from(part);
    }
    Ok(())
}

/// `amount * weight / weight_sum` rounded down, and what is left over. Asks that
/// `weight <= weight_sum` and `weight_sum > 0`.
fn share(amount: u64, weight: u64, weight_sum: u128) -> (u64, u128) {
    let product = u128::from(amount) * u128::from(weight);
    // The quotient fits: it is at most `amount`.
    ((product / weight_sum) as u64, product % weight_sum)
}

fn sum(values: &[u64]) -> u128 {
    values.iter().copied().map(u128::from).sum()
}

fn check_lengths(inputs: &[u64], outputs: &[u64]) -> Result<(), MoneyError> {
    let (inputs, outputs) = (inputs.len(), outputs.len());
    if inputs == outputs {
        Ok(())
    } else {
        Err(MoneyError::LengthMismatch { inputs, outputs })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn allocation_is_by_largest_remainder_and_ties_go_to_the_earlier() {
        for (total, weights, expected) in [
            (100, &[1, 1, 1][..], &[34, 33, 33][..]),
            (2, &[1, 1, 1], &[1, 1, 0]),
            (10, &[6, 3, 1], &[6, 3, 1]),
            (7, &[5, 3, 2], &[4, 2, 1]), // 3.5, 2.1, 1.4
            (1, &[0, 1, 2], &[0, 0, 1]),
            (0, &[1, 2], &[0, 0]),
            (u64::MAX, &[u64::MAX, u64::MAX], &[1 << 63, (1 << 63) - 1]),
            (9, &[1], &[9]),
        ] {
            let mut out = vec![77; weights.len()];
            allocate(total, weights, &mut out).unwrap();
            assert_eq!(out, expected, "{total} by {weights:?}");
        }
    }

    #[test]
    fn allocation_to_many_parts_follows_the_same_rule() {
        let mut out = [0; PARTS_INLINE + 4];
        allocate(33, &[1; PARTS_INLINE + 4], &mut out).unwrap();
        assert_eq!(out[..13], [2; 13]);
        assert_eq!(out[13..], [1; 7]);
    }

    #[test]
    fn a_refused_allocation_changes_nothing() {
        let mut out = [7; 2];
        assert_eq!(allocate(1, &[0, 0], &mut out), Err(MoneyError::NoWeight));
        assert_eq!(allocate(1, &[], &mut []), Err(MoneyError::NoWeight));
        let mismatch = MoneyError::LengthMismatch {
            inputs: 3,
            outputs: 2,
        };
        assert_eq!(allocate(1, &[1, 2, 3], &mut out), Err(mismatch));
        assert_eq!(reversal_shares(&[1, 2, 3], 0, 1, &mut out), Err(mismatch));
        let exceeds = MoneyError::ReversalExceedsTotal {
            so_far: 2,
            more: 2,
            total: 3,
        };
        assert_eq!(reversal_shares(&[1, 2], 2, 2, &mut out), Err(exceeds));
        assert!(reversal_shares(&[u64::MAX, 9], 2, u64::MAX, &mut out).is_err());
        assert_eq!(out, [7; 2]);
    }

    #[test]
    fn a_reversal_of_nothing_is_nothing() {
        let mut out = [7; 3];
        reversal_shares(&[0, 0, 0], 0, 0, &mut out).unwrap();
        assert_eq!(out, [0; 3]);
        reversal_shares(&[], 0, 0, &mut []).unwrap();
        out = [7; 3];
        reversal_shares(&[0, 5, 0], 0, 5, &mut out).unwrap();
        assert_eq!(out, [0, 5, 0]);
    }

    #[test]
    fn nested_shares_grow_where_largest_remainder_would_shrink() {
        // The Alabama paradox: from 10 to 11 seats the last of these three loses one.
        let parts = [6, 6, 2];
        let (mut at_10, mut at_11) = ([0; 3], [0; 3]);
        allocate(10, &parts, &mut at_10).unwrap();
        allocate(11, &parts, &mut at_11).unwrap();
        assert!(at_11[2] < at_10[2]);
        let mut step = [0; 3];
        reversal_shares(&parts, 10, 1, &mut step).unwrap();
        assert_eq!(step.iter().sum::<u64>(), 1);
    }

    #[test]
    fn one_atom_at_a_time_ends_exactly_at_the_parts() {
        let parts = [97, 0, 19, 3, 1];
        let mut given = [0; 5];
        for so_far in 0..parts.iter().sum() {
            let mut out = [0; 5];
            reversal_shares(&parts, so_far, 1, &mut out).unwrap();
            assert_eq!(out.iter().sum::<u64>(), 1);
            given
                .iter_mut()
                .zip(out)
                .for_each(|(sum, part)| *sum += part);
        }
        assert_eq!(given, parts);
    }
}
