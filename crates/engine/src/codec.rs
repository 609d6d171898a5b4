//! Events as bytes: what a journal row holds.
//!
//! A row starts with a header: the batch's time and its
//! number of events, then each event as a tag and its body. Tag 1 is the fixed layout of the
//! commonest payment ([`hot`]); tag 2 the same with what it moves in the law's measures ([`tail`]), tag
//! 3 with what was decided of its tax and perhaps that, tag 4 with what it was priced by and perhaps both;
//! tag 0 is any event, by postcard behind its length. Both decode to
//! the same model: nothing above this file knows the difference.
//!
//! The records of effects stand behind their length and may grow ([`framed`]).

pub mod framed;
mod hot;
mod tail;

use crate::event::Event;
use crate::time::UtcMillis;
use thiserror::Error;

/// The row format this code writes.
pub const FORMAT: u16 = 1;

const HEADER: usize = 12;
const GENERAL: u8 = 0;
const HOT: u8 = 1;
/// The same with moves of the law's measures behind it, behind their length in one byte.
const COUNTED: u8 = 2;
/// As [`COUNTED`], with what was decided of its tax before the moves.
const TAXED: u8 = 3;
/// As [`COUNTED`], with what was decided of its tax, what it was priced by and how its payer's meter moved
/// before the moves.
const PRICED: u8 = 4;

/// Why bytes are not a row of events.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The bytes end too early.
    #[error("the row ends after {0} bytes, in the middle of an event")]
    Short(usize),
    /// A tag this code does not know.
    #[error("byte {at} has the unknown tag {tag}: the row was written by a newer version")]
    Tag {
        /// Where.
        at: usize,
        /// Which.
        tag: u8,
    },
    /// An event's body does not decode.
    #[error("the event at byte {0} does not decode: it is damaged, or a newer version wrote it")]
    Body(usize),
    /// The row has more or fewer bytes than its events.
    #[error("the row has bytes after its last event")]
    Trailing,
    /// The row's format is newer than this code.
    #[error("the row has format {0}, which this version does not know: use a newer one")]
    Format(u16),
}

/// A row being written.
#[derive(Debug, Default)]
pub struct RowWriter {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    tail: tail::Tail,
}

impl RowWriter {
    /// Starts a row over, keeping its memory.
    pub fn begin(&mut self, at: UtcMillis) {
        self.bytes.clear();
        self.ends.clear();
        self.bytes.extend_from_slice(&at.0.to_le_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
    }

    /// Empties the row, keeping its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Adds an event, whose time is the row's.
    pub fn push(&mut self, event: &Event) {
        if let Some((body, tag)) = hot::encode(event, &mut self.tail) {
            let moves = self.tail.bytes();
            let is_bare = tag == COUNTED && moves.is_empty();
            self.bytes.push(if is_bare { HOT } else { tag });
            self.bytes.extend_from_slice(&body);
            if !moves.is_empty() {
                self.tail.write_to(&mut self.bytes);
            }
        } else {
            self.bytes.push(GENERAL);
            let start = self.bytes.len();
            self.bytes.extend_from_slice(&[0; 4]);
            self.bytes = postcard::to_extend(event, std::mem::take(&mut self.bytes))
                .expect("serializing into memory does not fail");
            let len = self.bytes.len() - start - 4;
            let len = u32::try_from(len).expect("an event is far below 4 GiB");
            self.bytes[start..start + 4].copy_from_slice(&len.to_le_bytes());
        }
        self.ends
            .push(u32::try_from(self.bytes.len()).expect("a row is far below 4 GiB"));
        let count = u32::try_from(self.ends.len()).expect("a row has far below 2^32 events");
        self.bytes[8..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    /// How many events the row has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The row's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Each event's bytes: the leaves of the row's Merkle tree.
    pub fn leaves(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(HEADER as u32).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, end)| &self.bytes[start as usize..*end as usize])
    }
}

/// A row being read.
#[derive(Clone, Debug)]
pub struct RowReader<'b> {
    bytes: &'b [u8],
    at: usize,
    left: u32,
    /// The batch's time.
    pub time: UtcMillis,
}

impl<'b> RowReader<'b> {
    /// Starts reading a row's bytes.
    ///
    /// # Errors
    /// [`CodecError::Format`] or [`CodecError::Short`].
    pub fn new(format: u16, bytes: &'b [u8]) -> Result<Self, CodecError> {
        if format != FORMAT {
            return Err(CodecError::Format(format));
        }
        let short = CodecError::Short(bytes.len());
        let time = bytes.first_chunk::<8>().ok_or(short.clone())?;
        let left = bytes
            .get(8..HEADER)
            .and_then(|b| b.first_chunk::<4>())
            .ok_or(short)?;
        let time = UtcMillis(u64::from_le_bytes(*time));
        Ok(RowReader {
            bytes,
            at: HEADER,
            left: u32::from_le_bytes(*left),
            time,
        })
    }

    /// The bytes of the next event; `None` after the last.
    ///
    /// # Errors
    /// [`CodecError`], naming the byte.
    pub fn next_leaf(&mut self) -> Result<Option<&'b [u8]>, CodecError> {
        if self.left == 0 {
            let whole = self.at == self.bytes.len();
            return if whole {
                Ok(None)
            } else {
                Err(CodecError::Trailing)
            };
        }
        let short = || CodecError::Short(self.bytes.len());
        let rest = &self.bytes[self.at..];
        let len = match *rest.first().ok_or_else(short)? {
            HOT => 1 + hot::SIZE,
            COUNTED | TAXED | PRICED => {
                let moves = rest.get(1 + hot::SIZE).ok_or_else(short)?;
                2 + hot::SIZE + usize::from(*moves)
            }
            GENERAL => {
                let len = rest
                    .get(1..)
                    .and_then(|b| b.first_chunk::<4>())
                    .ok_or_else(short)?;
                5 + u32::from_le_bytes(*len) as usize
            }
            tag => return Err(CodecError::Tag { at: self.at, tag }),
        };
        let leaf = rest.get(..len).ok_or_else(short)?;
        self.at += len;
        self.left -= 1;
        Ok(Some(leaf))
    }

    /// Decodes the next event over `out`; `false` after the last.
    ///
    /// # Errors
    /// [`CodecError`], naming the byte.
    pub fn next_event(&mut self, out: &mut Event) -> Result<bool, CodecError> {
        let at = self.at;
        let Some(leaf) = self.next_leaf()? else {
            return Ok(false);
        };
        decode_leaf(leaf, self.time, out).ok_or(CodecError::Body(at))?;
        Ok(true)
    }

    /// Decodes the next event that is not one of the commonest payment over `out`, and passes over
    /// those undecoded: for who looks for what is rare. `false` after the last.
    ///
    /// # Errors
    /// [`CodecError`], naming the byte.
    pub fn next_rare(&mut self, out: &mut Event) -> Result<bool, CodecError> {
        loop {
            let at = self.at;
            let Some(leaf) = self.next_leaf()? else {
                return Ok(false);
            };
            if leaf.first() == Some(&GENERAL) {
                decode_leaf(leaf, self.time, out).ok_or(CodecError::Body(at))?;
                return Ok(true);
            }
        }
    }

    /// The event at an index, from 0, if the row has so many.
    ///
    /// # Errors
    /// [`CodecError`], naming the byte.
    pub fn event_at(mut self, index: u32) -> Result<Option<Event>, CodecError> {
        for _ in 0..index {
            if self.next_leaf()?.is_none() {
                return Ok(None);
            }
        }
        let mut event = Event::empty();
        Ok(self.next_event(&mut event)?.then_some(event))
    }

    /// The events at some indices, ascending and each once; those the row does not have are left out.
    ///
    /// # Errors
    /// [`CodecError`], naming the byte.
    pub fn events_at(mut self, indices: &[u32]) -> Result<Vec<Event>, CodecError> {
        let (mut events, mut next) = (Vec::with_capacity(indices.len()), 0);
        for index in indices {
            while next < *index && self.next_leaf()?.is_some() {
                next += 1;
            }
            let mut event = Event::empty();
            if next < *index || !self.next_event(&mut event)? {
                break;
            }
            next += 1;
            events.push(event);
        }
        Ok(events)
    }
}

fn decode_leaf(leaf: &[u8], time: UtcMillis, out: &mut Event) -> Option<()> {
    match leaf.split_first()? {
        (&HOT, body) => {
            hot::decode(body.first_chunk()?, &[], HOT, time, out)?;
        }
        (&(tag @ COUNTED | tag @ TAXED | tag @ PRICED), body) => {
            let moves = body
                .get(hot::SIZE + 1..)
                .filter(|moves| !moves.is_empty())?;
            hot::decode(body.first_chunk()?, moves, tag, time, out)?;
        }
        (_, body) => {
            let (event, rest) = postcard::take_from_bytes(body.get(4..)?).ok()?;
            *out = event;
            if !rest.is_empty() {
                return None;
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_row_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut event = Event::empty();
            if let Ok(mut row) = RowReader::new(FORMAT, &bytes) {
                while let Ok(true) = row.next_event(&mut event) {}
            }
        }
    }
}
