//! Pages of long lists: cursors, and how far one call looks.
//!
//! A cursor is the place of the last line shown, as text; the next page starts below it. New lines
//! come above every cursor, so pages neither repeat nor leave out. Filters that no index serves are
//! applied to what is read; after `SCAN_MAX` lines a page ends as it is, with a cursor to ask on.

use rusqlite::{Params, Row, Statement};

use crate::error::Error;
use crate::page::{PAGE_MAX, Page};

/// The most lines one call reads.
pub(super) const SCAN_MAX: usize = 100_000;

/// A place in a list: the next page has what is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub no: u64,
    /// Further order within a number.
    pub sub: u64,
}

impl Place {
    pub const END: Place = Place {
        no: i64::MAX as u64,
        sub: 0,
    };

    pub fn of(no: u64) -> Place {
        Place { no, sub: 0 }
    }

    pub fn read(cursor: Option<&str>) -> Result<Place, Error> {
        let Some(text) = cursor else {
            return Ok(Place::END);
        };
        let bad = || Error::BadCursor(text.chars().take(40).collect());
        let (no, sub) = text.split_once('-').ok_or_else(bad)?;
        let part = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let number = plain
                .then(|| u64::from_str_radix(digits, 16).ok())
                .flatten();
            number.filter(|n| *n <= i64::MAX as u64).ok_or_else(bad)
        };
        Ok(Place {
            no: part(no)?,
            sub: part(sub)?,
        })
    }

    pub fn write(self) -> String {
        format!("{:x}-{:x}", self.no, self.sub)
    }
}

/// A page being filled.
pub(super) struct Fill<T> {
    items: Vec<(Place, T)>,
    limit: usize,
    budget: usize,
    last: Option<Place>,
}

impl<T> Fill<T> {
    pub fn new(limit: usize) -> Self {
        Self {
            items: Vec::new(),
            limit: limit.clamp(1, PAGE_MAX),
            budget: SCAN_MAX,
            last: None,
        }
    }

    /// Whether enough was read.
    pub fn is_done(&self) -> bool {
        self.items.len() > self.limit || self.budget == 0
    }

    /// Reads a query's lines in the list's order until the page is full; `read` leaves out what the
    /// filter does not want.
    pub fn read(
        &mut self,
        statement: &mut Statement<'_>,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<(Place, Option<T>), Error>,
    ) -> Result<(), Error> {
        let mut rows = statement.query(params)?;
        while !self.is_done() {
            let Some(row) = rows.next()? else {
                break;
            };
            let (place, item) = read(row)?;
            self.budget -= 1;
            self.last = Some(place);
            self.items.extend(item.map(|item| (place, item)));
        }
        Ok(())
    }

    /// Notes that a range was read to its end, down to this place, and what finding it cost in lines.
    pub fn exhausted(&mut self, down_to: Place, cost: usize) {
        if !self.is_done() {
            self.last = Some(down_to);
            self.budget = self.budget.saturating_sub(cost);
        }
    }

    pub fn finish(mut self) -> Page<T, String> {
        let more = self.items.len() > self.limit;
        self.items.truncate(self.limit);
        let next = if more {
            self.items.last().map(|(place, _)| *place)
        } else if self.budget == 0 {
            self.last
        } else {
            None
        };
        Page {
            items: self.items.into_iter().map(|(_, item)| item).collect(),
            next: next.map(Place::write),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_place_or_an_error() {
        for place in [Place::END, Place::of(0), Place { no: 77, sub: 9 }] {
            assert_eq!(Place::read(Some(&place.write())).unwrap(), place);
        }
        assert_eq!(Place::read(None).unwrap(), Place::END);
        for bad in [
            "",
            "-",
            "1",
            "1-",
            "g-1",
            "+1-1",
            "8000000000000000-0",
            "1-1-1",
            "1 -1",
            "é",
        ] {
            let error = Place::read(Some(bad)).unwrap_err();
            assert_eq!(error.code(), "bad_cursor", "{bad}");
        }
    }
}
