//! Rounding and sharing, from their definitions.

/// What value of a pot rests on; nothing if it is free.
pub fn rests_on(source: &str) -> &str {
    source.split_once(':').map_or("", |(_, rests_on)| rests_on)
}

/// Takes an amount out of legs in their order: in parts of one origin each.
pub fn parts(legs: &mut [(String, u64)], amount: u64) -> Vec<(String, u64)> {
    let mut parts: Vec<(String, u64)> = Vec::new();
    let mut rest = amount;
    for (source, left) in legs {
        let part = rest.min(*left);
        if part == 0 {
            continue;
        }
        (rest, *left) = (rest - part, *left - part);
        match parts.last_mut() {
            Some((origin, sum)) if origin == rests_on(source) => *sum += part,
            _ => parts.push((rests_on(source).to_owned(), part)),
        }
    }
    parts
}

/// `amount * num / den`, to the nearer, from half way to the even.
pub fn half_even(amount: u64, num: u64, den: u64) -> u64 {
    let (product, den) = (u128::from(amount) * u128::from(num), u128::from(den));
    let (floor, twice) = (product / den, product % den * 2);
    let up = twice > den || (twice == den && floor % 2 == 1);
    u64::try_from(floor + u128::from(up)).expect("a part is not above the whole")
}

/// What each part gives of a further `amount`, when `so_far` of the whole was given before.
pub fn nested<T>(parts: &[(T, u64)], so_far: u64, amount: u64) -> Vec<u64> {
    let at = |given: u64| {
        let mut left = u128::from(given);
        let mut whole: u128 = parts.iter().map(|(_, part)| u128::from(*part)).sum();
        let mut shares = Vec::new();
        for (_, part) in parts {
            let share = (left * u128::from(*part)).checked_div(whole).unwrap_or(0);
            shares.push(share);
            left -= share;
            whole -= u128::from(*part);
        }
        shares
    };
    let (before, after) = (at(so_far), at(so_far + amount));
    let each = after.into_iter().zip(before);
    each.map(|(after, before)| u64::try_from(after - before).expect("64 bits"))
        .collect()
}
