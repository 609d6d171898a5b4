//! What the commonest payment moves in the law's measures, behind its fixed layout: small numbers in
//! few bytes.
//!
//! A move is a byte of bits, its measure and period, the number of its party if that is not the
//! payer, by how much, and the sum before; little-endian. The bits say how long they are.

use crate::event::Effect;
use crate::law::MEASURE_FIRST;
use crate::records::PartyNo;

/// At most so many bytes: their number stands in one.
const MAX: usize = u8::MAX as usize;
/// A move takes at most so many.
const MOVE: usize = 27;
/// They are written into so many: a place below 32, and eight bytes.
const ROOM: usize = 40;

/// Two bits each: how long by how much is, and the sum before: 1, 2, 4 or 8 bytes.
const DELTA: u8 = 0;
const BEFORE: u8 = 2;
/// Bits: the measure has two bytes and the period four, not one and two.
const WIDE: u8 = 1 << 4;
/// It is of another party than the payer.
const OTHERS: u8 = 1 << 5;

/// How long a number is, by its leading zeros: 1, 2, 4 or 8 bytes, and as 0, 1, 2 or 3.
const LENGTHS: [(u8, u8); 64] = {
    let (mut lengths, mut zeros) = ([(8, 3); 64], 32);
    while zeros < 64 {
        lengths[zeros] = if zeros < 48 {
            (4, 2)
        } else if zeros < 56 {
            (2, 1)
        } else {
            (1, 0)
        };
        zeros += 1;
    }
    lengths
};

/// The moves as bytes. Its memory is used again and again.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    bytes: [u8; MAX + ROOM - MOVE],
    len: usize,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail {
            bytes: [0; MAX + ROOM - MOVE],
            len: 0,
        }
    }
}

impl Tail {
    /// Starts over.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Numbers by themselves, below 2^56, seven bits a byte: the lowest bits of the first byte are as
    /// many zeros as there are bytes behind it, and a one.
    #[inline]
    pub fn put_each<const N: usize>(&mut self, numbers: [u64; N]) -> Option<()> {
        const { assert!(8 * N <= ROOM) };
        let room = self.bytes.get_mut(self.len..)?.first_chunk_mut::<ROOM>()?;
        let mut at = 0;
        for number in numbers {
            let more = (63 - (number | 1).leading_zeros()) / 7;
            if more > 7 {
                return None;
            }
            // As in `put`.
            let bits = (number << 1 | 1) << more;
            room[at & 31..][..8].copy_from_slice(&bits.to_le_bytes());
            at += more as usize + 1;
        }
        self.len += at;
        Some(())
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Adds the bytes to a row. Few are copied as a fixed number, which needs no call.
    #[inline]
    pub fn append_to(&self, row: &mut Vec<u8>) {
        if self.len <= ROOM {
            let end = row.len() + self.len;
            row.extend_from_slice(&self.bytes[..ROOM]);
            row.truncate(end);
        } else {
            row.extend_from_slice(self.bytes());
        }
    }

    /// Adds the moves of these effects, if they are nothing else and small enough.
    #[inline]
    pub fn encode(&mut self, payer: PartyNo, effects: &[Effect]) -> Option<()> {
        effects
            .iter()
            .try_for_each(|effect| self.put(payer, effect))
    }

    #[inline(always)]
    fn put(&mut self, payer: PartyNo, effect: &Effect) -> Option<()> {
        let Effect::Measured {
            party,
            measure,
            period,
            delta,
            before,
        } = *effect
        else {
            return None;
        };
        let number = u64::from(measure.checked_sub(MEASURE_FIRST)?);
        let (delta, before) = (u64::try_from(delta).ok()?, u64::try_from(before).ok()?);
        let room = self.bytes.get_mut(self.len..)?.first_chunk_mut::<ROOM>()?;
        let (delta_long, delta_code) = length(delta);
        let (before_long, before_code) = length(before);
        let mut bits = delta_code << DELTA | before_code << BEFORE;
        // Eight bytes are written each time, and what is too much is written over. A place is below
        // 32 anyway: said so that it need not be found out.
        let mut write = |at: usize, number: u64| {
            room[at & 31..][..8].copy_from_slice(&number.to_le_bytes());
        };
        let mut at = 4;
        if number > 0xff || period > 0xffff {
            (bits, at) = (bits | WIDE, 7);
            write(1, number | u64::from(period) << 16);
        } else {
            write(1, number | u64::from(period) << 8);
        }
        if party != payer {
            bits |= OTHERS;
            write(at, u64::from(party.0));
            at += 4;
        }
        write(at, delta);
        at += delta_long;
        write(at, before);
        at += before_long;
        room[0] = bits;
        self.len += at;
        Some(())
    }
}

#[inline(always)]
fn length(number: u64) -> (usize, u8) {
    let (length, code) = LENGTHS[(number | 1).leading_zeros() as usize & 63];
    (usize::from(length), code)
}

/// Adds the moves of these bytes to `effects`.
#[inline]
pub(super) fn decode(payer: PartyNo, mut bytes: &[u8], effects: &mut Vec<Effect>) -> Option<()> {
    while let Some((&bits, rest)) = bytes.split_first() {
        bytes = rest;
        if bits >= OTHERS << 1 {
            return None;
        }
        let mut take = |length: usize| {
            let (part, after) = bytes.split_at_checked(length)?;
            bytes = after;
            let mut all = [0; 8];
            all[..length].copy_from_slice(part);
            Some(u64::from_le_bytes(all))
        };
        let is_wide = bits & WIDE != 0;
        let number = u16::try_from(take(if is_wide { 2 } else { 1 })?).ok()?;
        let period = u32::try_from(take(if is_wide { 4 } else { 2 })?).ok()?;
        let party = match bits & OTHERS {
            0 => payer,
            _ => PartyNo(u32::try_from(take(4)?).ok()?),
        };
        let delta = take(1 << (bits >> DELTA & 3))?;
        let before = take(1 << (bits >> BEFORE & 3))?;
        effects.push(Effect::Measured {
            party,
            measure: number.checked_add(MEASURE_FIRST)?,
            period,
            delta: i128::from(delta),
            before: u128::from(before),
        });
    }
    Some(())
}

/// A number by itself.
#[inline]
pub(super) fn take_one(bytes: &mut &[u8]) -> Option<u64> {
    let more = bytes.first().filter(|first| **first != 0)?.trailing_zeros();
    let (part, rest) = bytes.split_at_checked(more as usize + 1)?;
    *bytes = rest;
    let mut all = [0; 8];
    all[..part.len()].copy_from_slice(part);
    Some(u64::from_le_bytes(all) >> more >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small() -> impl Strategy<Value = u32> {
        prop_oneof![any::<u32>(), 0..70_000u32]
    }

    proptest! {
        #[test]
        fn numbers_round_trip(number in 0..1u64 << 56, shift in 0..56u32) {
            let mut tail = Tail::default();
            let numbers = [number >> shift, number, ((1 << 56) - 1) >> shift];
            tail.put_each(numbers).unwrap();
            tail.put_each([number]).unwrap();
            let mut bytes = tail.bytes();
            for number in numbers.into_iter().chain([number]) {
                prop_assert_eq!(take_one(&mut bytes), Some(number));
            }
            prop_assert_eq!(bytes, &[0u8; 0]);
            prop_assert_eq!(tail.put_each([number | 1 << 56]), None);
        }

        #[test]
        fn moves_round_trip(rows in proptest::collection::vec(
            (0u32..3, 0u16..600, small(), any::<u64>(), any::<u64>(), 0u32..64), 0..12,
        )) {
            let effects: Vec<Effect> = rows
                .iter()
                .map(|(other, measure, period, delta, before, less)| Effect::Measured {
                    party: PartyNo(u32::MAX - other),
                    measure: MEASURE_FIRST + measure,
                    period: *period,
                    delta: i128::from(delta >> less),
                    before: u128::from(before >> less),
                })
                .collect();
            let (payer, mut tail) = (PartyNo(u32::MAX), Tail::default());
            let encoded = tail.encode(payer, &effects);
            // What takes more than a byte can say is left to the general layout.
            prop_assert!(tail.bytes().len() <= MAX);
            prop_assert!(encoded.is_some() || effects.len() > MAX / MOVE);
            if encoded.is_some() {
                let mut back = Vec::new();
                decode(payer, tail.bytes(), &mut back).unwrap();
                prop_assert_eq!(back, effects);
            }
        }

        #[test]
        fn any_bytes_are_moves_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(PartyNo(0), &bytes, &mut Vec::new());
        }
    }
}
