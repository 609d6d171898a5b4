//! Memory fetched before it is needed: so much of State is read at random that a core would wait for
//! most of it, one miss after the other.
//!
//! Places are found first and read then, so that a turn of the loop that reads is as short as can be:
//! a core looks a few hundred instructions ahead, and each turn among them is a miss under way.

/// Room for payers and payees of a chunk.
const ROOM: usize = 256;

/// Reads a word of each of these, and returns them: what they lead to may be next. They must be known
/// without waiting for any of them.
#[inline]
pub(crate) fn fetch<'s, T: 's>(
    places: impl Iterator<Item = &'s T>,
    word: impl Fn(&T) -> u64,
) -> Vec<&'s T> {
    let mut list = Vec::with_capacity(ROOM);
    list.extend(places);
    let words = list.iter().map(|place| word(place));
    std::hint::black_box(words.fold(0, |all, word| all ^ word));
    list
}
