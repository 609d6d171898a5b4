//! Events as they come: our own form and CloudEvents 1.0, read where they lie.
//!
//! CloudEvents: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md>, and
//! its HTTP protocol binding for binary mode.

use super::check_count;
use crate::codes;
use crate::extract::{excerpt, parse};
use crate::prices::Quantity;
use crate::problem::{Outcome, Problem};
use crate::types::Time;
use crate::types::ids::{PriceId, WalletId};
use crate::v1::payments::NDJSON;
use axum::http::{HeaderMap, header};
use engine::Code;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// How a request's events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One, in our own form.
    Json,
    /// One CloudEvent.
    Cloud,
    /// One CloudEvent, its attributes in headers.
    Binary,
    /// A list of CloudEvents.
    List,
    /// One a line, in either form.
    Lines,
}

const CLOUD: &str = "application/cloudevents+json";
const CLOUDS: &str = "application/cloudevents-batch+json";

impl Kind {
    /// # Errors
    /// It is none of them.
    pub fn of(headers: &HeaderMap) -> Outcome<Kind> {
        let given = headers.get(header::CONTENT_TYPE);
        let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
        let essence = given.split(';').next().unwrap_or("").trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        match () {
            () if is(NDJSON) => Ok(Kind::Lines),
            () if is(CLOUDS) => Ok(Kind::List),
            () if is(CLOUD) => Ok(Kind::Cloud),
            () if is("application/json") => Ok(match headers.contains_key("ce-specversion") {
                true => Kind::Binary,
                false => Kind::Json,
            }),
            () => {
                let words = format!(
                    "the Content-Type is one of application/json, {NDJSON}, {CLOUD} and {CLOUDS}, and was \"{}\"",
                    excerpt(given)
                );
                Err(Problem::new(codes::UNSUPPORTED_MEDIA_TYPE, words).at("Content-Type"))
            }
        }
    }
}

/// A text, where it lies unless it has escapes.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Name<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// An event, whichever its form.
#[derive(Clone, Debug)]
pub(super) struct Given<'a> {
    pub id: Cow<'a, str>,
    pub source: Cow<'a, str>,
    pub payer: WalletId,
    pub payee: WalletId,
    pub price: PriceId,
    pub unit: Option<Cow<'a, str>>,
    pub quantity: Quantity,
    pub time: Option<Time>,
}

/// One of many: its line, and the event or what is wrong with it.
pub(super) type Read<'a> = (u64, Outcome<Given<'a>>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own<'a> {
    #[serde(borrow)]
    id: Name<'a>,
    #[serde(borrow)]
    source: Option<Name<'a>>,
    #[serde(borrow)]
    payer: Name<'a>,
    #[serde(borrow)]
    payee: Name<'a>,
    #[serde(borrow)]
    price: Name<'a>,
    #[serde(borrow)]
    unit: Option<Name<'a>>,
    quantity: Quantity,
    #[serde(borrow)]
    time: Option<Name<'a>>,
}

/// Attributes that are not named here are others' extensions, and no matter of ours.
#[derive(Deserialize)]
struct Cloud<'a> {
    #[serde(borrow)]
    specversion: Name<'a>,
    #[serde(borrow)]
    id: Name<'a>,
    #[serde(borrow)]
    source: Name<'a>,
    #[serde(borrow, rename = "type")]
    kind: Name<'a>,
    #[serde(borrow)]
    subject: Name<'a>,
    #[serde(borrow)]
    time: Option<Name<'a>>,
    #[serde(borrow)]
    datacontenttype: Option<Name<'a>>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Data<'a> {
    #[serde(borrow)]
    payee: Name<'a>,
    #[serde(borrow)]
    price: Name<'a>,
    #[serde(borrow)]
    unit: Option<Name<'a>>,
    quantity: Quantity,
}

fn malformed(field: &str, words: impl Into<String>) -> Box<Problem> {
    Problem::of(Code::Malformed, words).at(field)
}

/// An id of ours in a field.
fn id_in<T: std::str::FromStr>(field: &str, text: &str) -> Outcome<T>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| malformed(field, error.to_string()))
}

fn time_in(field: &str, text: Option<Name<'_>>) -> Outcome<Option<Time>> {
    let Some(Name(text)) = text else {
        return Ok(None);
    };
    let time = Time::parse(&text).ok_or_else(|| {
        malformed(
            field,
            "a time is RFC 3339, such as \"2026-11-23T01:45:00Z\"",
        )
    })?;
    Ok(Some(time))
}

fn checked<'a>(given: Given<'a>) -> Outcome<Given<'a>> {
    if !(1..=255).contains(&given.id.len()) {
        return Err(malformed("id", "an event's id has 1 to 255 bytes"));
    }
    if given.source.len() > 1024 {
        return Err(malformed("source", "a source has at most 1024 bytes"));
    }
    Ok(given)
}

impl<'a> Own<'a> {
    fn given(self) -> Outcome<Given<'a>> {
        checked(Given {
            id: self.id.0,
            source: self.source.map_or(Cow::Borrowed(""), |source| source.0),
            payer: id_in("payer", &self.payer.0)?,
            payee: id_in("payee", &self.payee.0)?,
            price: id_in("price", &self.price.0)?,
            unit: self.unit.map(|unit| unit.0),
            quantity: self.quantity,
            time: time_in("time", self.time)?,
        })
    }
}

impl<'a> Cloud<'a> {
    fn given(self) -> Outcome<Given<'a>> {
        if self.specversion.0 != "1.0" {
            let words = "the version of CloudEvents is \"1.0\"";
            return Err(malformed("specversion", words));
        }
        for (field, text) in [("source", &self.source), ("type", &self.kind)] {
            if text.0.is_empty() {
                return Err(malformed(field, "a CloudEvent has one"));
            }
        }
        let kind = self.datacontenttype.as_ref().map(|kind| &*kind.0);
        let is_json = kind.is_none_or(|kind| {
            let essence = kind.split(';').next().unwrap_or("").trim();
            essence.eq_ignore_ascii_case("application/json")
        });
        if !is_json {
            return Err(malformed("datacontenttype", "data are application/json"));
        }
        checked(Given {
            id: self.id.0,
            source: self.source.0,
            payer: id_in("subject", &self.subject.0)?,
            payee: id_in("data.payee", &self.data.payee.0)?,
            price: id_in("data.price", &self.data.price.0)?,
            unit: self.data.unit.map(|unit| unit.0),
            quantity: self.data.quantity,
            time: time_in("time", self.time)?,
        })
    }
}

/// Whether a text is a CloudEvent: no event of our own has this field.
fn is_cloud(text: &[u8]) -> bool {
    const WORD: &[u8] = b"\"specversion\"";
    text.windows(WORD.len()).any(|part| part == WORD)
}

/// One event in either form.
fn either(text: &[u8]) -> Outcome<Given<'_>> {
    match is_cloud(text) {
        true => parse::<Cloud<'_>>(text)?.given(),
        false => parse::<Own<'_>>(text)?.given(),
    }
}

/// # Errors
/// It cannot be read.
pub(super) fn one(body: &[u8], kind: Kind) -> Outcome<Given<'_>> {
    match kind {
        Kind::Cloud => parse::<Cloud<'_>>(body)?.given(),
        _ => parse::<Own<'_>>(body)?.given(),
    }
}

/// A CloudEvent whose attributes are headers, percent-encoded where they are not plain.
///
/// # Errors
/// It cannot be read.
pub(super) fn binary<'a>(headers: &HeaderMap, body: &'a [u8]) -> Outcome<Given<'a>> {
    let attribute = |name: &str| -> Outcome<Option<Name<'static>>> {
        let header = format!("ce-{name}");
        let mut all = headers.get_all(&header).iter();
        let Some(value) = all.next() else {
            return Ok(None);
        };
        let text = value.to_str().ok().and_then(decoded);
        let text = text.filter(|_| all.next().is_none());
        let bad = || Problem::new(codes::BAD_HEADER, "one value, in ASCII").at(header.clone());
        Ok(Some(Name(Cow::Owned(text.ok_or_else(bad)?))))
    };
    let needed = |name: &str| {
        let missing = || malformed(&format!("ce-{name}"), "a CloudEvent of usage has one");
        attribute(name)?.ok_or_else(missing)
    };
    let data = parse::<Data<'a>>(body).map_err(|mut problem| {
        problem.field = problem.field.map(|field| format!("data.{field}"));
        problem
    })?;
    Cloud {
        specversion: needed("specversion")?,
        id: needed("id")?,
        source: needed("source")?,
        kind: needed("type")?,
        subject: needed("subject")?,
        time: attribute("time")?,
        datacontenttype: None,
        data,
    }
    .given()
}

/// A header's text, of which what is percent-encoded is UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// One a line; an empty line is counted and is none.
///
/// # Errors
/// There are too many.
pub(super) fn lines(body: &[u8]) -> Outcome<Vec<Read<'_>>> {
    let lines = (1..).zip(body.split(|byte| *byte == b'\n'));
    let lines = lines.map(|(line, text)| (line, text.trim_ascii()));
    let lines: Vec<(u64, &[u8])> = lines.filter(|(_, text)| !text.is_empty()).collect();
    check_count(lines.len())?;
    let read = lines.into_iter().map(|(line, text)| (line, either(text)));
    Ok(read.collect())
}

/// A list of CloudEvents.
///
/// # Errors
/// It is no list, or too long.
pub(super) fn list(body: &[u8]) -> Outcome<Vec<Read<'_>>> {
    // That it is a list, whatever is in it.
    let count = parse::<Vec<IgnoredAny>>(body)?.len();
    check_count(count)?;
    let mut all = Vec::with_capacity(count);
    let mut at = body.iter().position(|byte| *byte == b'[').unwrap_or(0) + 1;
    let begins = |byte: &u8| !byte.is_ascii_whitespace() && *byte != b',';
    for line in (1..).take(count) {
        at += body[at..].iter().position(begins).unwrap_or(0);
        let mut values =
            serde_json::Deserializer::from_slice(&body[at..]).into_iter::<IgnoredAny>();
        let _ = values.next();
        let text = &body[at..at + values.byte_offset()];
        at += text.len();
        all.push((line, parse::<Cloud<'_>>(text).and_then(Cloud::given)));
    }
    Ok(all)
}
