//! Lists: a page at a time, with an opaque cursor.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::str::FromStr;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Where the next page begins: it means something only to the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl Cursor {
    /// Of a list: no other takes it.
    pub fn of_list(list: &str, place: &str) -> Cursor {
        Cursor(format!("{}.{place}", tag(list)))
    }

    /// The place in a list. A cursor of another one is none of this list's, and is no place.
    pub fn of(&self, list: &str) -> String {
        let place = self.0.split_once('.').filter(|(of, _)| *of == tag(list));
        place.map(|(_, place)| place.to_owned()).unwrap_or_default()
    }

    /// Of a number that no journal exhausts.
    pub fn of_number(number: u128) -> Cursor {
        Cursor(format!(
            "{:x}-{:x}",
            number >> 63,
            number & (u128::MAX >> 65)
        ))
    }

    /// That number again.
    pub fn number(&self) -> u128 {
        let (high, low) = self.0.split_once('-').unwrap_or(("0", "0"));
        let part = |digits| u128::from_str_radix(digits, 16).unwrap_or(0);
        (part(high) << 63) | part(low)
    }
}

/// A list's name in its cursors.
fn tag(list: &str) -> String {
    list.trim_end_matches("Query").to_ascii_lowercase()
}

impl FromStr for Cursor {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_half = |half: &str| {
            let digits = half.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            let short = half.len() < 16 || (half.len() == 16 && half.as_bytes()[0] <= b'7');
            !half.is_empty() && digits && short
        };
        let (tag, place) = text.split_once('.').unwrap_or(("", text));
        if !tag.bytes().all(|b| b.is_ascii_lowercase()) || tag.len() > 30 {
            return Err("not a cursor: use `next` of the page before, as it is");
        }
        match place.split_once('-') {
            Some((a, b)) if is_half(a) && is_half(b) => Ok(Cursor(text.to_owned())),
            _ => Err("not a cursor: use `next` of the page before, as it is"),
        }
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for Cursor {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Opaque: the `next` of the page before."))
            .pattern(Some(
                r"^([a-z]{1,30}\.)?[0-7]?[0-9a-f]{1,15}-[0-7]?[0-9a-f]{1,15}$",
            ));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Cursor {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Cursor")
    }
}

/// 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub usize);

impl Default for Limit {
    fn default() -> Self {
        Limit(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let plain = text.bytes().all(|b| b.is_ascii_digit());
        let number = text
            .parse()
            .ok()
            .filter(|number| plain && (1..=1000).contains(number));
        let number = number.ok_or_else(|| serde::de::Error::custom("limit: 1 to 1000"))?;
        Ok(Limit(number))
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(1000));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Limit {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Limit")
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T: ToSchema> {
    /// The items, in the order the list says.
    pub items: Vec<T>,
    /// Where the next page begins; absent after the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<Cursor>,
    /// The last row of the journal this page has seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub as_of: Option<u64>,
}

impl<T: ToSchema> Page<Option<T>>
where
    Option<T>: ToSchema,
{
    /// Without the lines that could not be shown.
    pub fn whole(self) -> Page<T> {
        Page {
            items: self.items.into_iter().flatten().collect(),
            next: self.next,
            as_of: self.as_of,
        }
    }
}

impl<T: ToSchema> Page<T> {
    /// From what the read model found.
    pub fn of<L>(
        list: &str,
        page: store::Page<L, String>,
        as_of: u64,
        show: impl FnMut(L) -> T,
    ) -> Page<T> {
        Page {
            items: page.items.into_iter().map(show).collect(),
            next: page.next.map(|place| Cursor::of_list(list, &place)),
            as_of: Some(as_of),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_carries_its_number() {
        for number in [
            0,
            1,
            u128::from(u64::MAX),
            0x0193_6b2f_0000_7000_bfff_ffff_ffff_ffff,
        ] {
            let text = Cursor::of_number(number).0;
            assert_eq!(text.parse::<Cursor>().unwrap().number(), number, "{text}");
        }
        for bad in ["", "-", "1", "1-", "g-1", "8000000000000000-0", "1-1-1"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
