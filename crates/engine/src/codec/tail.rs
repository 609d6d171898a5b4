//! What the commonest payment moves in the law's measures, behind its fixed layout: small numbers in
//! few bytes.
//!
//! Moves of one party stand together, behind a byte that says how many they are and whether they
//! are wide, and the number of the party if that is not the payer. A move is its measure, its period,
//! by how much, and the sum before: in 1, 2, 5 and 6 bytes, or wide ones in 2, 4, 8 and 8;
//! little-endian.

use crate::event::Effect;
use crate::law::{MEASURE_FIRST, Measured, Moved};
use crate::records::PartyNo;

/// At most so many bytes: their number stands in one.
const MAX: usize = u8::MAX as usize;
/// The moves of a party are written into so many: no more than three of them at a time, and what is
/// written over.
const ROOM: usize = 1 + 4 + 3 * WIDE_MOVE + 8;

const MOVE: usize = 14;
const WIDE_MOVE: usize = 22;

/// Of the byte before the moves, the bits that say how many.
const LEN: u8 = 3;
/// A bit: they are wide.
const WIDE: u8 = 1 << 2;
/// Another: they are of another party than the payer.
const OTHERS: u8 = 1 << 3;

/// The moves as bytes. Its memory is used again and again.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    bytes: [u8; MAX + ROOM],
    len: usize,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail {
            bytes: [0; MAX + ROOM],
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
        // Then each of them begins below 32.
        const { assert!(N <= 4 && 8 * N <= ROOM) };
        let room = self.bytes.get_mut(self.len..)?.first_chunk_mut::<ROOM>()?;
        // Most are small: then each is a byte, and all are written at once.
        if numbers.iter().all(|number| *number < 1 << 7) {
            let bytes = numbers.iter().rev();
            let bytes = bytes.fold(0u32, |bytes, number| bytes << 8 | (*number as u32) << 1 | 1);
            room[..4].copy_from_slice(&bytes.to_le_bytes());
            self.len += N;
            return Some(());
        }
        let mut at = 0;
        for number in numbers {
            let more = (63 - (number | 1).leading_zeros()) / 7;
            if more > 7 {
                return None;
            }
            // All eight bytes are written, and what is too much is written over.
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

    /// Adds the bytes behind their number, of which there is at least one.
    #[inline]
    pub fn write_to(&self, row: &mut Vec<u8>) {
        // Most are few: copied whole, and what is too much is cut off.
        const FEW: usize = 48;
        // As many as a byte can say at most.
        row.push(self.len as u8);
        match self.bytes.first_chunk::<FEW>() {
            Some(few) if self.len <= FEW => {
                let end = row.len() + self.len;
                row.extend_from_slice(few);
                row.truncate(end);
            }
            _ => row.extend_from_slice(self.bytes()),
        }
    }

    /// Adds the moves of these effects, if they are nothing else.
    #[inline(always)]
    pub fn encode(&mut self, payer: PartyNo, effects: &[Effect]) -> Option<()> {
        match effects {
            [] => Some(()),
            effects => self.put_all(payer, effects),
        }
    }

    #[inline(never)]
    fn put_all(&mut self, payer: PartyNo, effects: &[Effect]) -> Option<()> {
        for effect in effects {
            let Effect::Moved(moved) = effect else {
                return None;
            };
            self.put(payer, moved)?;
        }
        (self.len <= MAX).then_some(())
    }

    #[inline(always)]
    fn put(&mut self, payer: PartyNo, moved: &Moved) -> Option<()> {
        let room = self.bytes.get_mut(self.len..)?.first_chunk_mut::<ROOM>()?;
        // Eight bytes are written each time, and what is too much is written over. There is room for
        // three moves: said so that it need not be found out.
        let mut write = |at: usize, number: u64| {
            room[at.min(ROOM - 8)..][..8].copy_from_slice(&number.to_le_bytes());
        };
        let (mut bits, mut at) = (0, 1);
        if moved.party != payer {
            (bits, at) = (OTHERS, 5);
            write(1, u64::from(moved.party.0));
        }
        let start = at;
        let mut over = 0;
        for (measure, period, delta, before) in moved.rows() {
            let number = u64::from(measure.checked_sub(MEASURE_FIRST)?);
            over |= number >> 8 | u64::from(period) >> 16 | delta >> 40 | before >> 48;
            write(at, number | u64::from(period) << 8 | delta << 24);
            write(at + 8, before);
            at += MOVE;
            bits += 1;
        }
        if at == start {
            return None;
        }
        if over != 0 {
            // Then over again.
            (bits, at) = (bits | WIDE, start);
            for (measure, period, delta, before) in moved.rows() {
                let number = u64::from(measure - MEASURE_FIRST);
                write(at, number | u64::from(period) << 16);
                write(at + 6, delta);
                write(at + 14, before);
                at += WIDE_MOVE;
            }
        }
        room[0] = bits;
        self.len += at;
        Some(())
    }
}

/// Adds the moves of these bytes to `effects`.
#[inline]
pub(super) fn decode(payer: PartyNo, mut bytes: &[u8], effects: &mut Vec<Effect>) -> Option<()> {
    while let Some((&bits, rest)) = bytes.split_first() {
        bytes = rest;
        let (len, is_wide) = (bits & LEN, bits & WIDE != 0);
        if bits > LEN | WIDE | OTHERS || len == 0 {
            return None;
        }
        let mut take = |length: usize| {
            let (part, after) = bytes.split_at_checked(length)?;
            bytes = after;
            let mut all = [0; 8];
            all[..length].copy_from_slice(part);
            Some(u64::from_le_bytes(all))
        };
        let party = match bits & OTHERS {
            0 => payer,
            _ => PartyNo(u32::try_from(take(4)?).ok()?),
        };
        let lengths = if is_wide { [2, 4, 8, 8] } else { [1, 2, 5, 6] };
        for _ in 0..len {
            let number = u16::try_from(take(lengths[0])?).ok()?;
            let moved = Measured {
                party,
                measure: number.checked_add(MEASURE_FIRST)?,
                period: u32::try_from(take(lengths[1])?).ok()?,
                delta: i128::from(take(lengths[2])?),
                before: u128::from(take(lengths[3])?),
            };
            crate::law::push(effects, moved);
        }
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
        fn numbers_round_trip(
            number in 0..1u64 << 56, shift in 0..56u32,
            small in proptest::array::uniform4(0..130u64),
        ) {
            let mut tail = Tail::default();
            let numbers = [number >> shift, number, ((1 << 56) - 1) >> shift];
            tail.put_each(numbers).unwrap();
            tail.put_each(small).unwrap();
            tail.put_each([number]).unwrap();
            let mut bytes = tail.bytes();
            for number in numbers.into_iter().chain(small).chain([number]) {
                prop_assert_eq!(take_one(&mut bytes), Some(number));
            }
            prop_assert_eq!(bytes, &[0u8; 0]);
            prop_assert_eq!(tail.put_each([number | 1 << 56]), None);
        }

        #[test]
        fn moves_round_trip(rows in proptest::collection::vec(
            (0u32..3, 0u16..600, small(), any::<u64>(), any::<u64>(), 0u32..64), 0..12,
        )) {
            let mut effects = Vec::new();
            for (other, measure, period, delta, before, less) in rows {
                let moved = Measured {
                    party: PartyNo(u32::MAX - other),
                    measure: MEASURE_FIRST + measure,
                    period,
                    delta: i128::from(delta >> less),
                    before: u128::from(before >> less),
                };
                crate::law::push(&mut effects, moved);
            }
            let (payer, mut tail) = (PartyNo(u32::MAX), Tail::default());
            let encoded = tail.encode(payer, &effects);
            // What takes more than a byte can say is left to the general layout.
            let moves = effects.iter().flat_map(Effect::measured).count();
            prop_assert!(encoded.is_some() || moves > MAX / (WIDE_MOVE + 5));
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
