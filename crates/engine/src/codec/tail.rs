//! What the commonest payment moves in the law's measures, behind its fixed layout: small numbers in
//! few bytes. Two parties at most, the payer and the payee.

use crate::event::Effect;
use crate::law::MEASURE_FIRST;
use crate::records::PartyNo;

/// At most so many bytes: their number stands in one.
const MAX: usize = u8::MAX as usize;
/// The longest number takes so many.
const NUMBER: usize = 10;

/// The moves as bytes.
pub(super) struct Tail {
    bytes: [u8; MAX],
    len: usize,
}

impl Tail {
    #[inline]
    pub fn new() -> Tail {
        Tail {
            bytes: [0; MAX],
            len: 0,
        }
    }

    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Seven bits a byte, the lowest first; the last has its high bit clear.
    #[inline]
    pub fn put(&mut self, mut number: u64) -> Option<()> {
        if self.len + NUMBER > MAX {
            return None;
        }
        while number >= 0x80 {
            self.bytes[self.len] = number as u8 | 0x80;
            self.len += 1;
            number >>= 7;
        }
        self.bytes[self.len] = number as u8;
        self.len += 1;
        Some(())
    }
}

/// The moves of these effects behind what `tail` has, if they are nothing else and small enough.
#[inline]
pub(super) fn encode(effects: &[Effect], mut tail: Tail) -> Option<Tail> {
    let Some(Effect::Measured { party: first, .. }) = effects.first() else {
        return effects.is_empty().then_some(tail);
    };
    let others = effects.iter().find_map(|effect| match effect {
        Effect::Measured { party, .. } if party != first => Some(*party),
        _ => None,
    });
    tail.put(u64::from(first.0))?;
    tail.put(others.map_or(0, |other| u64::from(other.0) + 1))?;
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
        tail.put(u64::from(number) << 1 | u64::from(is_other))?;
        tail.put(u64::from(period))?;
        tail.put(u64::try_from(delta).ok()?)?;
        tail.put(u64::try_from(before).ok()?)?;
    }
    Some(tail)
}

/// Adds the moves of these bytes to `effects`.
#[inline]
pub(super) fn decode(mut bytes: &[u8], effects: &mut Vec<Effect>) -> Option<()> {
    if bytes.is_empty() {
        return Some(());
    }
    let first = PartyNo(u32::try_from(take(&mut bytes)?).ok()?);
    let other = match take(&mut bytes)? {
        0 => PartyNo::NONE,
        no => PartyNo(u32::try_from(no - 1).ok()?),
    };
    while !bytes.is_empty() {
        let what = take(&mut bytes)?;
        let measure = u16::try_from(what >> 1).ok()?.checked_add(MEASURE_FIRST)?;
        effects.push(Effect::Measured {
            party: if what & 1 == 0 { first } else { other },
            measure,
            period: u32::try_from(take(&mut bytes)?).ok()?,
            delta: i128::from(take(&mut bytes)?),
            before: u128::from(take(&mut bytes)?),
        });
    }
    Some(())
}

#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // What does not fit was never written so.
        if part << shift >> shift != part {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
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
            if let Some(tail) = encode(&effects, Tail::new()) {
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
