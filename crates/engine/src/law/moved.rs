//! How an event moves measures of the law.

use crate::event::Effect;
use crate::records::PartyNo;
use serde::{Deserialize, Serialize};

/// A measure moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Whose.
    pub party: PartyNo,
    /// Which, [`crate::law::MEASURE_FIRST`] and on.
    pub measure: u16,
    /// In which period.
    pub period: u32,
    /// By how much.
    pub delta: i128,
    /// The sum over the measure's window before: the trace.
    pub before: u128,
}

/// So many in an effect, which is no larger by them.
const MANY: usize = 3;

/// Measures of a party that a payment moved up, as most do: some at once, in small numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Whose.
    pub party: PartyNo,
    len: u8,
    measures: [u16; MANY],
    periods: [u32; MANY],
    deltas: [u64; MANY],
    befores: [u64; MANY],
}

impl Moved {
    #[inline(always)]
    pub(crate) fn new(party: PartyNo, row: (u16, u32, u64, u64)) -> Moved {
        let (measure, period, delta, before) = row;
        Moved {
            party,
            len: 1,
            measures: [measure, 0, 0],
            periods: [period, 0, 0],
            deltas: [delta, 0, 0],
            befores: [before, 0, 0],
        }
    }

    /// Adds one of a party; whether it is this one, and there was room.
    #[inline(always)]
    pub(crate) fn add(&mut self, party: PartyNo, row: (u16, u32, u64, u64)) -> bool {
        let at = usize::from(self.len);
        if self.party != party || at >= MANY {
            return false;
        }
        (
            self.measures[at],
            self.periods[at],
            self.deltas[at],
            self.befores[at],
        ) = row;
        self.len += 1;
        true
    }

    /// Which, in which period, by how much, and the sum before.
    #[inline]
    pub(crate) fn rows(&self) -> impl Iterator<Item = (u16, u32, u64, u64)> {
        let len = usize::from(self.len).min(MANY);
        (0..len).map(|at| {
            let (measure, period) = (self.measures[at], self.periods[at]);
            (measure, period, self.deltas[at], self.befores[at])
        })
    }

    /// Each by itself.
    pub fn iter(&self) -> impl Iterator<Item = Measured> {
        self.rows()
            .map(|(measure, period, delta, before)| Measured {
                party: self.party,
                measure,
                period,
                delta: i128::from(delta),
                before: u128::from(before),
            })
    }
}

/// Adds a move of a payment to its effects: to the one of its party before it, if that has room.
#[inline]
pub(crate) fn push(effects: &mut Vec<Effect>, moved: Measured) {
    let Measured {
        party,
        measure,
        period,
        delta,
        before,
    } = moved;
    let (Ok(small), Ok(small_before)) = (u64::try_from(delta), u64::try_from(before)) else {
        effects.push(Effect::Measured {
            party,
            measure,
            period,
            delta,
            before,
        });
        return;
    };
    let row = (measure, period, small, small_before);
    if let Some(Effect::Moved(last)) = effects.last_mut()
        && last.add(party, row)
    {
        return;
    }
    effects.push(Effect::Moved(Moved::new(party, row)));
}

impl Effect {
    /// The measures that it moves, the house's too.
    pub fn measured(&self) -> impl Iterator<Item = Measured> {
        let (one, some) = match *self {
            Effect::Measured {
                party,
                measure,
                period,
                delta,
                before,
            } => (
                Some(Measured {
                    party,
                    measure,
                    period,
                    delta,
                    before,
                }),
                None,
            ),
            Effect::Moved(ref moved) => (None, Some(moved)),
            _ => (None, None),
        };
        one.into_iter()
            .chain(some.into_iter().flat_map(Moved::iter))
    }
}
