//! Rounding and sharing, from their definitions.

/// `amount * num / den`, to the nearer integer, from half way to the even one.
#[must_use]
pub fn part_half_even(amount: u64, num: u64, den: u64) -> u64 {
    let (product, den) = (i128::from(amount) * i128::from(num), i128::from(den));
    let (floor, twice_rest) = (product / den, product % den * 2);
    let up = twice_rest > den || (twice_rest == den && floor % 2 != 0);
    (floor + i128::from(up)) as u64
}

/// `amount * num / den` to the smaller integer.
#[must_use]
pub fn ratio_down(amount: u64, num: u64, den: u64) -> u128 {
    u128::from(amount) * u128::from(num) / u128::from(den)
}

/// `amount * num / den` to the greater integer.
#[must_use]
pub fn ratio_up(amount: u64, num: u64, den: u64) -> u128 {
    (u128::from(amount) * u128::from(num)).div_ceil(u128::from(den))
}

/// Shares of a total in proportion to the weights: each exact share rounded down, then one atom
/// more for those that lost most by it, of equals the earlier.
#[must_use]
pub fn largest_remainder(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|w| u128::from(*w)).sum();
    let exact = |w: &u64| u128::from(total) * u128::from(*w);
    let mut shares: Vec<u64> = weights.iter().map(|w| (exact(w) / sum) as u64).collect();
    let given: u64 = shares.iter().sum();
    for _ in 0..total - given {
        let mut best: Option<(u128, usize)> = None;
        for (at, weight) in weights.iter().enumerate() {
            // Who has had an extra atom has nothing left to lose.
            let had = (exact(weight) / sum) as u64 != shares[at];
            let lost = if had { 0 } else { exact(weight) % sum };
            if !had && best.is_none_or(|(most, _)| lost > most) {
                best = Some((lost, at));
            }
        }
        if let Some((_, at)) = best {
            shares[at] += 1;
        }
    }
    shares
}

/// The nested shares of the first `taken` atoms of a whole that was split into `parts`: the first
/// part's share is its proportion of what is taken, rounded down, and what that leaves is shared
/// over the parts after it in the same way.
fn nested(parts: &[u64], taken: u64) -> Vec<u64> {
    let Some((first, others)) = parts.split_first() else {
        return Vec::new();
    };
    let whole: u128 = parts.iter().map(|p| u128::from(*p)).sum();
    let share = (u128::from(taken) * u128::from(*first))
        .checked_div(whole)
        .unwrap_or(0) as u64;
    let mut shares = vec![share];
    shares.extend(nested(others, taken - share));
    shares
}

/// What each part gives of an instalment of `more`, after `so_far`: the nested shares of both
/// together less those of what went before.
#[must_use]
pub fn instalment(parts: &[u64], so_far: u64, more: u64) -> Vec<u64> {
    let (before, after) = (nested(parts, so_far), nested(parts, so_far + more));
    after.iter().zip(&before).map(|(a, b)| a - b).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_way_goes_to_the_even_neighbour() {
        for (amount, num, den, expected) in [
            (1, 1, 2, 0),
            (3, 1, 2, 2),
            (5, 1, 2, 2),
            (4, 1, 3, 1),
            (5, 1, 3, 2),
        ] {
            assert_eq!(
                part_half_even(amount, num, den),
                expected,
                "{amount}*{num}/{den}"
            );
        }
        assert_eq!(
            part_half_even(u64::MAX, 190_000, 1_190_000),
            2_945_278_465_550_264_544
        );
    }

    #[test]
    fn shares_sum_and_ties_go_to_the_earlier() {
        assert_eq!(largest_remainder(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(largest_remainder(7, &[5, 3, 2]), [4, 2, 1]);
        assert_eq!(largest_remainder(1, &[0, 1, 2]), [0, 0, 1]);
    }

    #[test]
    fn instalments_end_at_the_parts() {
        let parts = [70, 20, 10];
        assert_eq!(instalment(&parts, 0, 33), [23, 6, 4]);
        assert_eq!(instalment(&parts, 33, 67), [47, 14, 6]);
    }
}
