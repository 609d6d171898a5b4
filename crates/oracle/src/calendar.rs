//! Civil days and months, counted one year and one month at a time.

/// A civil day and month, as plain counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Civil {
    /// Days since 1970-01-01.
    pub day: u32,
    /// Year × 12 + month from 0.
    pub month: u32,
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// The civil day and month of an instant under an offset in seconds east.
#[must_use]
pub fn civil(at_ms: u64, offset_s: i64) -> Civil {
    let local = (at_ms / 1000) as i64 + offset_s;
    let day = u32::try_from(local / 86_400).unwrap_or(0);
    let (mut year, mut left) = (1970, day);
    loop {
        let days = if is_leap(year) { 366 } else { 365 };
        if left < days {
            break;
        }
        left -= days;
        year += 1;
    }
    let mut month = 0;
    for days in [
        31,
        if is_leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
    ] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    Civil {
        day,
        month: year * 12 + month,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_counted() {
        for (day, year, month) in [
            (0, 1970, 0),
            (58, 1970, 1),
            (59, 1970, 2),
            (11_016, 2000, 1),
        ] {
            assert_eq!(
                civil(day * 86_400_000, 0).month,
                year * 12 + month,
                "day {day}"
            );
        }
        assert_eq!(civil(20_781 * 86_400_000 - 1, 1).day, 20_781);
        assert_eq!(civil(364 * 86_400_000, 0).month, 1970 * 12 + 11);
    }
}
