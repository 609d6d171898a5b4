//! What is counted for a party: for each measure of the law, the sum in each period still needed.
//!
//! - A list is in the order of measure and period, and holds no zero: the same history gives the
//!   same list.
//! - Sums never go below zero: `decide` gives back no more than was taken.

use crate::records::PartyNo;
use serde::{Deserialize, Serialize};

/// A sum of a measure over a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Count {
    /// The measure, [`crate::law::MEASURE_FIRST`] and on.
    pub measure: u16,
    /// The period, as the measure's window numbers it.
    pub period: u32,
    /// The sum: atoms of the measure's asset, or payments.
    pub used: u128,
}

/// Something that was counted, to be given back if it is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Whose.
    pub party: PartyNo,
    /// The measure, [`crate::law::MEASURE_FIRST`] and on.
    pub measure: u16,
    /// In which period.
    pub period: u32,
    /// By how much.
    pub delta: i128,
}

/// Where the sums of a measure are.
#[inline]
fn of(counts: &[Count], measure: u16) -> &[Count] {
    let start = counts.iter().position(|count| count.measure >= measure);
    let rest = &counts[start.unwrap_or(counts.len())..];
    let len = rest.iter().position(|count| count.measure > measure);
    &rest[..len.unwrap_or(rest.len())]
}

/// The sum of a measure since a period, later ones included: where a zone moved west, what was
/// counted in a later day than today counts today.
#[inline]
pub(crate) fn since(counts: &[Count], measure: u16, from: u32) -> u128 {
    let later = of(counts, measure).iter().filter(|c| c.period >= from);
    later.fold(0, |sum, count| sum.saturating_add(count.used))
}

/// The latest period a measure has been counted in.
#[inline]
pub(crate) fn latest(counts: &[Count], measure: u16) -> Option<u32> {
    of(counts, measure).last().map(|count| count.period)
}

/// Moves a sum; whether it was there. What has come to nothing is dropped.
#[inline]
pub(crate) fn add(counts: &mut Vec<Count>, measure: u16, period: u32, delta: i128) -> bool {
    let is_it = |c: &Count| (c.measure, c.period) == (measure, period);
    let Some(at) = counts.iter().position(is_it) else {
        return false;
    };
    let count = &mut counts[at];
    count.used = count
        .used
        .checked_add_signed(delta)
        .expect("room given back was used before: decide gives back no more than that");
    if count.used == 0 {
        counts.remove(at);
    }
    true
}

/// Moves a sum, or begins it: [`add`], [`begin`].
pub(crate) fn add_or_begin(
    counts: &mut Vec<Count>,
    measure: u16,
    period: u32,
    delta: i128,
    kept: u32,
) {
    if !add(counts, measure, period, delta) {
        begin(counts, measure, period, delta, kept);
    }
}

/// Begins a sum that is not there. What then lies more than `kept` periods before the latest is
/// dropped; a move into what was dropped is no more.
pub(crate) fn begin(counts: &mut Vec<Count>, measure: u16, period: u32, delta: i128, kept: u32) {
    let last = latest(counts, measure).unwrap_or(0).max(period);
    let oldest = last.saturating_sub(kept);
    counts.retain(|count| count.measure != measure || count.period >= oldest);
    if period < oldest {
        return;
    }
    let used = u128::try_from(delta)
        .expect("room given back was used before: decide gives back no more than that");
    if used > 0 {
        let at = counts.partition_point(|c| (c.measure, c.period) < (measure, period));
        let count = Count {
            measure,
            period,
            used,
        };
        counts.insert(at, count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_kept_as_long_as_they_are_needed_and_no_longer() {
        let mut counts = Vec::new();
        add_or_begin(&mut counts, 17, 5, 10, 0);
        add_or_begin(&mut counts, 16, 100, 1, 2);
        add_or_begin(&mut counts, 16, 101, 2, 2);
        add_or_begin(&mut counts, 16, 102, 4, 2);
        assert_eq!(since(&counts, 16, 100), 7);
        assert_eq!(since(&counts, 16, 101), 6);
        add_or_begin(&mut counts, 16, 103, 8, 2);
        assert_eq!(since(&counts, 16, 0), 14);
        // Too late to matter.
        add_or_begin(&mut counts, 16, 100, 1, 2);
        assert_eq!(since(&counts, 16, 0), 14);
        add_or_begin(&mut counts, 16, 103, -8, 2);
        assert_eq!(latest(&counts, 16), Some(102));
        assert_eq!((since(&counts, 17, 5), since(&counts, 18, 0)), (10, 0));
        assert!(counts.is_sorted());
        add_or_begin(&mut counts, 17, 6, 3, 0);
        assert_eq!((since(&counts, 17, 0), counts.len()), (3, 3));
    }
}
