//! Days and times as feeds write them: RFC 2822 with the zones people use, RFC 3339, and less.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::fmt::rfc2822;

/// Names of zones that are no part of RFC 2822.
const ZONES: &[(&str, &str)] = &[
    ("KST", "+0900"),
    ("JST", "+0900"),
    ("IST", "+0530"),
    ("SGT", "+0800"),
    ("WIB", "+0700"),
    ("EAT", "+0300"),
    ("WAT", "+0100"),
    ("BRT", "-0300"),
    ("CET", "+0100"),
    ("CEST", "+0200"),
    ("BST", "+0100"),
    ("Z", "+0000"),
];

/// Milliseconds since 1970; what cannot be read is no time, and a time without a zone is UTC.
pub fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let parser = rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let (rest, zone) = text.rsplit_once(' ').unwrap_or((text, ""));
    let named = ZONES.iter().find(|(name, _)| *name == zone);
    let spelled = match named {
        Some((_, offset)) => format!("{rest} {offset}"),
        None => text.to_owned(),
    };
    if let Ok(at) = parser.parse_timestamp(&spelled) {
        return Some(at.as_millisecond());
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|day| day.at(0, 0, 0, 0)))
        .ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_feeds_are_read() {
        let rows = [
            ("Mon, 23 Nov 2026 10:00:00 +0900", "2026-11-23T01:00:00Z"),
            ("Mon, 23 Nov 2026 10:00:00 KST", "2026-11-23T01:00:00Z"),
            // The wrong day of the week is common.
            ("Tue, 23 Nov 2026 10:00:00 GMT", "2026-11-23T10:00:00Z"),
            ("23 Nov 2026 10:00 GMT", "2026-11-23T10:00:00Z"),
            ("2026-11-23T10:00:00+09:00", "2026-11-23T01:00:00Z"),
            ("2026-11-23T10:00:00.5Z", "2026-11-23T10:00:00.5Z"),
            ("2026-11-23 10:00:00", "2026-11-23T10:00:00Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
        ];
        for (text, expected) in rows {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(read(text), Some(expected.as_millisecond()), "{text}");
        }
        for text in ["", "today", "99 Nov 2026", "2026-13-01"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
