//! Records inside events that may grow: `#[serde(with = "codec::framed")]`.
//!
//! In a row, a record stands behind its length. It is read as if zeros followed it, so what a newer
//! version has added **at its end** reads as zero, `None`, empty or an enum's first variant in an
//! older row. A record longer than what this version knows is an error: a newer version wrote it,
//! and what it says is never skipped.
//!
//! So a framed record grows at its end only, by fields to which a zero means "as before". What is
//! nested in it does not grow: an addition to a nested record is a new last field of the framed one.
//!
//! In formats for people (JSON) a framed record is written as it is; a new field has
//! `#[serde(default)]`, for what was written before it.

use core::fmt;
use core::marker::PhantomData;
use postcard::de_flavors::Flavor;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserializer, Serialize, Serializer, ser::Error as _};

/// How many zeros may be read after a record: a damaged length does not read them for ever.
const ZEROS_MAX: usize = 1024;

/// Writes a record behind its length.
///
/// # Errors
/// The serializer's.
pub fn serialize<T: Serialize, S: Serializer>(record: &T, to: S) -> Result<S::Ok, S::Error> {
    if to.is_human_readable() {
        return record.serialize(to);
    }
    let bytes = postcard::to_allocvec(record).map_err(S::Error::custom)?;
    to.serialize_bytes(&bytes)
}

/// Reads a record behind its length.
///
/// # Errors
/// The deserializer's, or that the record is damaged or was written by a newer version.
pub fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    if from.is_human_readable() {
        return T::deserialize(from);
    }
    from.deserialize_bytes(Framed(PhantomData))
}

struct Framed<T>(PhantomData<T>);

impl<T: DeserializeOwned> Visitor<'_> for Framed<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of a record")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        let padded = Padded {
            rest: bytes,
            zeros: ZEROS_MAX,
        };
        let mut reader = postcard::Deserializer::from_flavor(padded);
        let record = T::deserialize(&mut reader).map_err(E::custom)?;
        match reader.finalize().map_err(E::custom)? {
            0 => Ok(record),
            more => Err(E::custom(format_args!(
                "the record has {more} bytes more than this version knows"
            ))),
        }
    }
}

/// Some bytes, then zeros.
struct Padded<'b> {
    rest: &'b [u8],
    zeros: usize,
}

impl<'b> Flavor<'b> for Padded<'b> {
    type Remainder = usize;
    type Source = &'b [u8];

    fn pop(&mut self) -> postcard::Result<u8> {
        if let Some((byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(*byte);
        }
        let left = self.zeros.checked_sub(1);
        self.zeros = left.ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        Ok(0)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }

    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'b [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
        self.rest = rest;
        Ok(taken)
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(bound = "T: Serialize + DeserializeOwned")]
    struct Row<T> {
        before: u8,
        #[serde(with = "super")]
        record: Box<T>,
        after: u8,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        amount: u64,
        name: String,
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    enum Kind {
        #[default]
        Plain,
        Fancy(u8),
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct New {
        amount: u64,
        name: String,
        limit: Option<u128>,
        payees: Vec<(u32, u64)>,
        note: String,
        strict: bool,
        kind: Kind,
        hash: [u8; 32],
    }

    fn row<T>(record: T) -> Row<T> {
        Row {
            before: 7,
            record: Box::new(record),
            after: 9,
        }
    }

    fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> postcard::Result<Row<T>> {
        postcard::from_bytes(bytes)
    }

    #[test]
    fn what_an_older_row_lacks_reads_as_zero() {
        for (amount, name) in [(0, ""), (300, "tab")] {
            let name = name.to_owned();
            let old = Old {
                amount,
                name: name.clone(),
            };
            let bytes = postcard::to_allocvec(&row(old.clone())).unwrap();
            assert_eq!(read::<Old>(&bytes).unwrap(), row(old));
            let new = New {
                amount,
                name,
                ..New::default()
            };
            assert_eq!(read::<New>(&bytes).unwrap(), row(new));
        }
    }

    #[test]
    fn what_a_newer_version_added_is_never_skipped() {
        let new = |limit| New {
            amount: 1,
            limit,
            ..New::default()
        };
        for limit in [None, Some(5)] {
            let bytes = postcard::to_allocvec(&row(new(limit))).unwrap();
            assert_eq!(read::<New>(&bytes).unwrap(), row(new(limit)));
            assert!(read::<Old>(&bytes).is_err());
        }
    }

    #[test]
    fn json_shows_the_record_itself() {
        let old = Old {
            amount: 5,
            name: "tab".into(),
        };
        let text = serde_json::to_string(&row(old.clone())).unwrap();
        assert_eq!(
            text,
            r#"{"before":7,"record":{"amount":5,"name":"tab"},"after":9}"#
        );
        assert_eq!(serde_json::from_str::<Row<Old>>(&text).unwrap(), row(old));
    }

    #[test]
    fn a_text_or_a_list_cut_short_is_damaged() {
        // Behind the length 3: an amount, and a text or list that claims more than there is.
        for bytes in [[7, 3, 1, 9, b'a', 9], [7, 3, 1, 200, 200, 9]] {
            assert!(read::<Old>(&bytes).is_err(), "{bytes:?}");
        }
        let endless = [7, 12, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 1, 9];
        assert!(read::<New>(&endless).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read::<New>(&bytes);
        }
    }
}
