//! The access log, a line at a time.
//!
//! - Plain or gzip, told apart by the first two bytes; concatenated gzip members are one log.
//! - Memory is bounded: a line longer than [`LINE_MAX_BYTES`] is counted, named and skipped.
//! - Every line yields exactly one [`Line`]; what cannot be read says why and stops nothing.
//! - A damaged stream yields every line before the damage, then one error, then nothing.

mod line;

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::TrafficError;
use crate::prices::Visit;

/// A line longer than this is not a request anybody made in good faith (Apache allows 8 KiB each for
/// the request line and for a header, and escapes at most fourfold).
pub const LINE_MAX_BYTES: usize = 64 * 1024;

/// One request, as the server logged it. Absent fields (`-`) are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The client as logged: usually an address, a name where the server looks names up.
    pub ip: String,
    pub user: Option<String>,
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    pub method: String,
    /// Without the query; neither percent-decoded nor freed of dot segments.
    pub path: String,
    pub query: Option<String>,
    /// Empty for HTTP/0.9, which names none.
    pub protocol: String,
    pub status: u16,
    pub bytes: Option<u64>,
    pub referer: Option<String>,
    pub user_agent: Option<String>,
}

impl Request {
    /// What the price depends on.
    pub fn visit(&self) -> Visit<'_> {
        Visit {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            status: Some(self.status),
            user_agent: self.user_agent.as_deref(),
        }
    }
}

/// Why a line could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Oddity {
    Empty,
    TooLong,
    NoClient,
    NoTime,
    BadTime,
    NoRequest,
    RequestUnclosed,
    NoMethod,
    NoPath,
    BadStatus,
    BadBytes,
    RefererUnclosed,
    AgentUnclosed,
    AgentMissing,
    Untidy,
}

impl Oddity {
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::NoClient => "no_client",
            Self::NoTime => "no_time",
            Self::BadTime => "bad_time",
            Self::NoRequest => "no_request",
            Self::RequestUnclosed => "request_unclosed",
            Self::NoMethod => "no_method",
            Self::NoPath => "no_path",
            Self::BadStatus => "bad_status",
            Self::BadBytes => "bad_bytes",
            Self::RefererUnclosed => "referer_unclosed",
            Self::AgentUnclosed => "agent_unclosed",
            Self::AgentMissing => "agent_missing",
            Self::Untidy => "untidy",
        }
    }

    /// Plain words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Empty => "the line is empty",
            Self::TooLong => "the line is longer than 64 KiB",
            Self::NoClient => "the client's address and user are missing",
            Self::NoTime => "the time in [brackets] is missing",
            Self::BadTime => "the time is not like [17/May/2015:10:05:03 +0000]",
            Self::NoRequest => "the request in quotes is missing",
            Self::RequestUnclosed => "the request lacks its closing quote",
            Self::NoMethod => "the request does not begin with a method",
            Self::NoPath => "the request names no path",
            Self::BadStatus => "the status is not a number of three digits",
            Self::BadBytes => "the size is neither a number nor -",
            Self::RefererUnclosed => "the referer lacks its closing quote",
            Self::AgentUnclosed => "the user agent lacks its closing quote",
            Self::AgentMissing => "there is a referer but no user agent",
            Self::Untidy => "a quoted field is followed by something other than a space",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadLine {
    pub number: u64,
    pub reason: Oddity,
}

/// A line and what it says. Numbers count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub number: u64,
    pub result: Result<Request, BadLine>,
}

/// Reads one line of text, without its end. Never panics, whatever the bytes.
pub fn parse_line(bytes: &[u8]) -> Result<Request, Oddity> {
    line::parse(bytes)
}

/// The lines of a log, in order.
pub struct LogReader<'a> {
    source: Box<dyn BufRead + 'a>,
    compressed: bool,
    line: Vec<u8>,
    number: u64,
    done: bool,
}

impl<'a> LogReader<'a> {
    /// Looks at the first two bytes to tell gzip from text.
    pub fn new(mut source: impl Read + 'a) -> Result<Self, TrafficError> {
        let unreadable = |source| TrafficError::LogUnreadable { line: 0, source };
        let mut head = Vec::with_capacity(2);
        source
            .by_ref()
            .take(2)
            .read_to_end(&mut head)
            .map_err(unreadable)?;
        let compressed = head == [0x1f, 0x8b];
        let whole = BufReader::with_capacity(64 * 1024, Cursor::new(head).chain(source));
        let source: Box<dyn BufRead + 'a> = if compressed {
            Box::new(BufReader::with_capacity(
                64 * 1024,
                MultiGzDecoder::new(whole),
            ))
        } else {
            Box::new(whole)
        };
        Ok(Self {
            source,
            compressed,
            line: Vec::new(),
            number: 0,
            done: false,
        })
    }

    pub fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// Fills `self.line`; `None` at the end, else whether the line fitted.
    fn read_line(&mut self) -> io::Result<Option<bool>> {
        self.line.clear();
        let mut fits = true;
        let mut seen = false;
        loop {
            let chunk = match self.source.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(seen.then_some(fits));
            }
            seen = true;
            let end = chunk.iter().position(|&byte| byte == b'\n');
            let text = &chunk[..end.unwrap_or(chunk.len())];
            if fits && self.line.len() + text.len() <= LINE_MAX_BYTES {
                self.line.extend_from_slice(text);
            } else {
                fits = false;
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.source.consume(used);
            if end.is_some() {
                return Ok(Some(fits));
            }
        }
    }
}

impl Iterator for LogReader<'_> {
    type Item = Result<Line, TrafficError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let fits = match self.read_line() {
            Ok(Some(fits)) => fits,
            Ok(None) => {
                self.done = true;
                return None;
            }
            Err(source) => {
                self.done = true;
                let line = self.number;
                return Some(Err(if self.compressed {
                    TrafficError::LogDamaged { line, source }
                } else {
                    TrafficError::LogUnreadable { line, source }
                }));
            }
        };
        self.number += 1;
        let number = self.number;
        let mut text = self.line.as_slice();
        text = text.strip_suffix(b"\r").unwrap_or(text);
        if number == 1 {
            text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        }
        let result = if fits {
            line::parse(text)
        } else {
            Err(Oddity::TooLong)
        };
        Some(Ok(Line {
            number,
            result: result.map_err(|reason| BadLine { number, reason }),
        }))
    }
}

#[cfg(test)]
mod tests;
