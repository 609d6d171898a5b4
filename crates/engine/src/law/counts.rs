//! What is counted for a party: for each measure of the law, the sum in each period still needed.
//!
//! - A list is in the order of measure and period, and holds no zero: the same history gives the
//!   same list.
//! - Sums never go below zero: `decide` gives back no more than was taken.

use crate::records::PartyNo;
use serde::{Deserialize, Serialize};

/// A sum of a measure over a period. Sixteen bytes: three of them and their number are a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(u16, u32, u128)", into = "(u16, u32, u128)")]
pub struct Count {
    /// The measure, [`crate::law::MEASURE_FIRST`] and on.
    pub measure: u16,
    /// The period, as the measure's window numbers it.
    pub period: u32,
    high: u16,
    low: u64,
}

const _: () = assert!(size_of::<Count>() == 16);

/// No sum is more: 2^80 − 1, a quadrillion units and more of whatever asset. Rules' numbers are of 64
/// bits, so what stays at it is beyond each of them.
const MOST: u128 = (1 << 80) - 1;

impl Count {
    fn new(measure: u16, period: u32, used: u128) -> Count {
        let used = used.min(MOST);
        Count {
            measure,
            period,
            high: (used >> 64) as u16,
            low: used as u64,
        }
    }

    /// The sum: atoms of the measure's asset, or payments; at most 2^80 − 1.
    #[must_use]
    #[inline]
    pub fn used(&self) -> u128 {
        u128::from(self.high) << 64 | u128::from(self.low)
    }
}

impl From<(u16, u32, u128)> for Count {
    fn from((measure, period, used): (u16, u32, u128)) -> Count {
        Count::new(measure, period, used)
    }
}

impl From<Count> for (u16, u32, u128) {
    fn from(count: Count) -> (u16, u32, u128) {
        (count.measure, count.period, count.used())
    }
}

/// A party's counts, in the order of measure and period. One cache line while they are few, because
/// a payment reads its payer's at random.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Count>", into = "Vec<Count>")]
#[repr(align(64))]
pub struct Counts(List);

const _: () = assert!(size_of::<Counts>() == 64);

const FEW: usize = 3;

#[derive(Clone, Debug)]
enum List {
    /// So many of these.
    Few(u8, [Count; FEW]),
    Many(Vec<Count>),
}

impl Default for Counts {
    fn default() -> Counts {
        Counts(List::Few(0, [Count::default(); FEW]))
    }
}

impl std::ops::Deref for Counts {
    type Target = [Count];
    #[inline]
    fn deref(&self) -> &[Count] {
        match &self.0 {
            List::Few(len, list) => list.get(..usize::from(*len)).unwrap_or(list),
            List::Many(list) => list,
        }
    }
}

impl std::ops::DerefMut for Counts {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Count] {
        match &mut self.0 {
            List::Few(len, list) => {
                let len = usize::from(*len).min(FEW);
                &mut list[..len]
            }
            List::Many(list) => list,
        }
    }
}

impl From<&[Count]> for Counts {
    fn from(list: &[Count]) -> Counts {
        let mut few = [Count::default(); FEW];
        match few.get_mut(..list.len()) {
            Some(places) => {
                places.copy_from_slice(list);
                // At most three.
                Counts(List::Few(list.len() as u8, few))
            }
            None => Counts(List::Many(list.to_vec())),
        }
    }
}

impl From<Vec<Count>> for Counts {
    fn from(list: Vec<Count>) -> Counts {
        Counts::from(list.as_slice())
    }
}

impl From<Counts> for Vec<Count> {
    fn from(counts: Counts) -> Vec<Count> {
        counts.to_vec()
    }
}

impl PartialEq for Counts {
    fn eq(&self, other: &Counts) -> bool {
        **self == **other
    }
}

impl Counts {
    /// Moves a sum up, or begins it where that is all there is to it; if not, [`add_or_begin`] does.
    #[inline]
    pub(crate) fn raise(&mut self, measure: u16, period: u32, more: u64) -> bool {
        let is_it = |c: &&mut Count| c.measure == measure && c.period == period;
        if let Some(count) = self.iter_mut().find(is_it) {
            let low = count.low.checked_add(more);
            count.low = low.unwrap_or(count.low);
            return low.is_some();
        }
        self.begin_first(measure, period, more)
    }

    /// Begins the first sum of a measure, if there is room without ado.
    #[inline(never)]
    fn begin_first(&mut self, measure: u16, period: u32, more: u64) -> bool {
        let List::Few(len, list) = &mut self.0 else {
            return false;
        };
        let known = usize::from(*len);
        if known >= FEW || more == 0 || list[..known].iter().any(|c| c.measure == measure) {
            return false;
        }
        let mut at = known;
        while at > 0 && list[at - 1].measure > measure {
            list[at] = list[at - 1];
            at -= 1;
        }
        list[at] = Count {
            measure,
            period,
            high: 0,
            low: more,
        };
        *len += 1;
        true
    }

    fn insert(&mut self, at: usize, count: Count) {
        match &mut self.0 {
            List::Few(len, list) if usize::from(*len) < FEW => {
                list[at..=usize::from(*len)].rotate_right(1);
                list[at] = count;
                *len += 1;
            }
            List::Few(_, list) => {
                let mut many = Vec::with_capacity(2 * FEW);
                many.extend_from_slice(list);
                many.insert(at, count);
                self.0 = List::Many(many);
            }
            List::Many(list) => list.insert(at, count),
        }
    }

    /// Drops those that `stays` does not accept.
    pub(crate) fn retain(&mut self, stays: impl Fn(&Count) -> bool) {
        match &mut self.0 {
            List::Few(len, list) => {
                let mut kept = 0;
                for at in 0..usize::from(*len) {
                    if stays(&list[at]) {
                        list[kept] = list[at];
                        kept += 1;
                    }
                }
                // No more than there were.
                *len = kept as u8;
            }
            List::Many(list) => list.retain(stays),
        }
    }
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

/// The sum of a measure since a period, later ones included: where a zone moved west, what was
/// counted in a later day than today counts today. With it the latest period counted in, or 0.
#[inline]
pub(crate) fn since(counts: &[Count], measure: u16, from: u32) -> (u128, u32) {
    let (mut used, mut latest) = (0u128, 0);
    for count in counts {
        if count.measure == measure {
            latest = count.period;
            if count.period >= from {
                // Far from overflowing: a party has far fewer than 2^48 counts.
                used = used.wrapping_add(count.used());
            }
        }
    }
    (used, latest)
}

/// Moves a sum; whether it was there. What has come to nothing is dropped.
#[inline]
pub(crate) fn add(counts: &mut Counts, measure: u16, period: u32, delta: i128) -> bool {
    let is_it = |c: &&mut Count| (c.measure, c.period) == (measure, period);
    let Some(count) = counts.iter_mut().find(is_it) else {
        return false;
    };
    let used = count
        .used()
        .checked_add_signed(delta)
        .expect("room given back was used before: decide gives back no more than that");
    *count = Count::new(measure, period, used);
    if used == 0 {
        counts.retain(|count| count.used() != 0);
    }
    true
}

/// Moves a sum, or begins it: [`add`], [`begin`].
pub(crate) fn add_or_begin(counts: &mut Counts, measure: u16, period: u32, delta: i128, kept: u32) {
    if !add(counts, measure, period, delta) {
        begin(counts, measure, period, delta, kept);
    }
}

/// Begins a sum that is not there. What then lies more than `kept` periods before the latest is
/// dropped; a move into what was dropped is no more.
pub(crate) fn begin(counts: &mut Counts, measure: u16, period: u32, delta: i128, kept: u32) {
    let last = since(counts, measure, period).1.max(period);
    let oldest = last.saturating_sub(kept);
    counts.retain(|count| count.measure != measure || count.period >= oldest);
    if period < oldest {
        return;
    }
    let used = u128::try_from(delta)
        .expect("room given back was used before: decide gives back no more than that");
    if used > 0 {
        let at = counts.partition_point(|c| (c.measure, c.period) < (measure, period));
        counts.insert(at, Count::new(measure, period, used));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_kept_as_long_as_they_are_needed_and_no_longer() {
        let mut counts = Counts::default();
        add_or_begin(&mut counts, 17, 5, 10, 0);
        add_or_begin(&mut counts, 16, 100, 1, 2);
        add_or_begin(&mut counts, 16, 101, 2, 2);
        add_or_begin(&mut counts, 16, 102, 4, 2);
        assert_eq!(since(&counts, 16, 100), (7, 102));
        assert_eq!(since(&counts, 16, 101), (6, 102));
        add_or_begin(&mut counts, 16, 103, 8, 2);
        assert_eq!(since(&counts, 16, 0), (14, 103));
        // Too late to matter.
        add_or_begin(&mut counts, 16, 100, 1, 2);
        assert_eq!(since(&counts, 16, 0), (14, 103));
        add_or_begin(&mut counts, 16, 103, -8, 2);
        assert_eq!(since(&counts, 16, 103), (0, 102));
        assert_eq!(since(&counts, 17, 5), (10, 5));
        assert_eq!(since(&counts, 18, 0), (0, 0));
        assert!(counts.is_sorted());
        add_or_begin(&mut counts, 17, 6, 3, 0);
        assert_eq!((since(&counts, 17, 0), counts.len()), ((3, 6), 3));
    }
}
