//! What the commonest payment moves in the law's measures, behind its fixed layout: small numbers in
//! few bytes. Two parties at most, the payer and the payee.
//!
//! Numbers come in fours behind a byte that says, two bits each, how long they are: 1, 2, 4 or 8
//! bytes, little-endian. First the two parties; then for each move its measure and party, its
//! period, by how much, and the sum before.

use crate::event::Effect;
use crate::law::MEASURE_FIRST;
use crate::records::PartyNo;

/// At most so many bytes: their number stands in one.
const MAX: usize = u8::MAX as usize;
/// Four numbers take at most so many.
const FOUR: usize = 33;
/// They are written into so many: a place below 32, and eight bytes.
const ROOM: usize = 40;

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
    bytes: [u8; MAX + ROOM - FOUR],
    len: usize,
}

impl Default for Tail {
    fn default() -> Tail {
        Tail {
            bytes: [0; MAX + ROOM - FOUR],
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

    #[inline]
    fn put(&mut self, numbers: [u64; 4]) -> Option<()> {
        let room = self.bytes.get_mut(self.len..)?.first_chunk_mut::<ROOM>()?;
        let (mut lengths, mut at) = (0, 1);
        for (place, number) in numbers.into_iter().enumerate() {
            let (length, code) = LENGTHS[(number | 1).leading_zeros() as usize & 63];
            // All eight are written, and what is too much is written over. The place is below 32
            // anyway: said so that it need not be found out.
            room[at & 31..][..8].copy_from_slice(&number.to_le_bytes());
            at += usize::from(length);
            lengths |= code << (2 * place);
        }
        room[0] = lengths;
        self.len += at;
        Some(())
    }

    /// Adds the moves of these effects, if they are nothing else and small enough.
    #[inline]
    pub fn encode(&mut self, effects: &[Effect]) -> Option<()> {
        let Some(Effect::Measured { party: first, .. }) = effects.first() else {
            return effects.is_empty().then_some(());
        };
        let others = effects.iter().find_map(|effect| match effect {
            Effect::Measured { party, .. } if party != first => Some(*party),
            _ => None,
        });
        let other = others.map_or(0, |other| u64::from(other.0) + 1);
        self.put([u64::from(first.0), other, 0, 0])?;
        for effect in effects {
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
            let number = measure.checked_sub(MEASURE_FIRST)?;
            let is_other = party != *first;
            if is_other && Some(party) != others {
                return None;
            }
            self.put([
                u64::from(number) << 1 | u64::from(is_other),
                u64::from(period),
                u64::try_from(delta).ok()?,
                u64::try_from(before).ok()?,
            ])?;
        }
        Some(())
    }
}

/// Adds the moves of these bytes to `effects`.
#[inline]
pub(super) fn decode(mut bytes: &[u8], effects: &mut Vec<Effect>) -> Option<()> {
    if bytes.is_empty() {
        return Some(());
    }
    let [first, other, 0, 0] = take(&mut bytes)? else {
        return None;
    };
    let first = PartyNo(u32::try_from(first).ok()?);
    let other = match other {
        0 => PartyNo::NONE,
        no => PartyNo(u32::try_from(no - 1).ok()?),
    };
    while !bytes.is_empty() {
        let [what, period, delta, before] = take(&mut bytes)?;
        let measure = u16::try_from(what >> 1).ok()?.checked_add(MEASURE_FIRST)?;
        effects.push(Effect::Measured {
            party: if what & 1 == 0 { first } else { other },
            measure,
            period: u32::try_from(period).ok()?,
            delta: i128::from(delta),
            before: u128::from(before),
        });
    }
    Some(())
}

#[inline]
fn take(bytes: &mut &[u8]) -> Option<[u64; 4]> {
    let (lengths, mut rest) = bytes.split_first()?;
    let mut numbers = [0; 4];
    for (place, number) in numbers.iter_mut().enumerate() {
        let (part, after) = rest.split_at_checked(1 << (lengths >> (2 * place) & 3))?;
        let mut all = [0; 8];
        all[..part.len()].copy_from_slice(part);
        (*number, rest) = (u64::from_le_bytes(all), after);
    }
    *bytes = rest;
    Some(numbers)
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
            (any::<bool>(), 0u16..300, any::<u32>(), any::<u64>(), any::<u64>()), 0..8,
        )) {
            let effects: Vec<Effect> = rows
                .iter()
                .map(|(other, measure, period, delta, before)| Effect::Measured {
                    party: PartyNo(if *other { u32::MAX - 1 } else { 0 }),
                    measure: MEASURE_FIRST + measure,
                    period: *period,
                    delta: i128::from(*delta),
                    before: u128::from(*before),
                })
                .collect();
            let mut tail = Tail::default();
            if tail.encode(&effects).is_some() {
                let mut back = Vec::new();
                decode(tail.bytes(), &mut back).unwrap();
                prop_assert_eq!(back, effects);
            }
        }

        #[test]
        fn any_bytes_are_moves_or_nothing(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes, &mut Vec::new());
        }
    }
}
