//! Times on the wire: RFC 3339, in UTC, to the millisecond.

use engine::UtcMillis;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An instant on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub UtcMillis);

impl Time {
    /// Reads RFC 3339; what is before 1970 is 1970, and always in the past.
    pub fn parse(text: &str) -> Option<Time> {
        // jiff reads more of ISO 8601 than RFC 3339 allows.
        let shape = text.len() >= 20
            && text.is_char_boundary(10)
            && text.as_bytes()[10].eq_ignore_ascii_case(&b't')
            && !text.contains('[');
        let at: Timestamp = shape.then(|| text.parse().ok()).flatten()?;
        Some(Time(UtcMillis(
            u64::try_from(at.as_millisecond()).unwrap_or(0),
        )))
    }

    /// From a signed number of milliseconds, as the store keeps them.
    pub fn from_ms(ms: i64) -> Time {
        Time(UtcMillis(u64::try_from(ms).unwrap_or(0)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Times beyond jiff's are shown as its last.
        let ms = i64::try_from(self.0.0).unwrap_or(i64::MAX);
        let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        write!(f, "{at:.3}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Time::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("a time is RFC 3339, such as \"2026-11-23T01:45:00Z\"")
        })
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A time in RFC 3339."))
            .examples(["2026-11-23T01:45:00.000Z"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let read = |text: &str| Time::parse(text).map(|t| t.to_string());
        for (text, shown) in [
            ("2026-11-23T01:45:00Z", Some("2026-11-23T01:45:00.000Z")),
            (
                "2026-11-23t01:45:00.5+01:00",
                Some("2026-11-23T00:45:00.500Z"),
            ),
            ("1900-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000Z")),
            ("2026-11-23", None),
            ("2026-11-23 01:45:00Z", None),
            ("2026-11-23T01:45:00", None),
            ("2026-11-23T01:45:00+01:00[Europe/Paris]", None),
            ("é026-11-23T01:45:00Z", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), shown, "{text}");
        }
    }
}
