//! One line of Combined (or Common) Log Format:
//! `client ident user [time] "request" status bytes ["referer" "agent" …]`.
//!
//! Apache escapes quotes, backslashes and unprintable bytes in quoted fields with a backslash
//! (mod_log_config, "Format Notes"); nginx writes `\xHH`. Anything else, any byte at all, may stand
//! there. Fields some servers add after the agent are ignored.

use jiff::civil;
use jiff::tz::Offset;

use super::{Oddity, Request};

pub(super) fn parse(line: &[u8]) -> Result<Request, Oddity> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Err(Oddity::Empty);
    }
    let (ip, rest) = split_at_space(line).ok_or(Oddity::NoClient)?;
    let (_ident, rest) = split_at_space(rest).ok_or(Oddity::NoClient)?;
    if ip.is_empty() || ip.len() > 255 || ip[0] == b'[' || ip[0] == b'"' {
        return Err(Oddity::NoClient);
    }
    // A user's name may hold spaces: it ends where the time begins.
    let open = find(rest, b" [").ok_or(Oddity::NoTime)?;
    let user = &rest[..open];
    let rest = &rest[open + 2..];
    let close = rest
        .iter()
        .position(|&byte| byte == b']')
        .ok_or(Oddity::NoTime)?;
    let at_ms = time(&rest[..close]).ok_or(Oddity::BadTime)?;
    let rest = rest[close + 1..]
        .strip_prefix(b" ")
        .ok_or(Oddity::NoRequest)?;

    let (line, rest) = quoted(rest, Oddity::NoRequest, Oddity::RequestUnclosed)?;
    let rest = rest.strip_prefix(b" ").ok_or(Oddity::BadStatus)?;
    let (status, rest) = split_at_space(rest).ok_or(Oddity::BadBytes)?;
    let status = status_code(status).ok_or(Oddity::BadStatus)?;
    let (bytes, rest) = split_at_space(rest).unwrap_or((rest, b""));
    let bytes = size(bytes)?;

    let (mut referer, mut user_agent) = (None, None);
    if rest.first() == Some(&b'"') {
        let (field, rest) = quoted(rest, Oddity::AgentMissing, Oddity::RefererUnclosed)?;
        referer = present(field);
        let rest = rest.strip_prefix(b" ").ok_or(Oddity::AgentMissing)?;
        let (field, _more) = quoted(rest, Oddity::AgentMissing, Oddity::AgentUnclosed)?;
        user_agent = present(field);
    }
    let Target {
        method,
        path,
        query,
        protocol,
    } = target(&line)?;
    Ok(Request {
        ip: text(ip),
        user: present(user.to_vec()),
        at_ms,
        method,
        path,
        query,
        protocol,
        status,
        bytes,
        referer,
        user_agent,
    })
}

struct Target {
    method: String,
    path: String,
    query: Option<String>,
    protocol: String,
}

/// `GET /path?query HTTP/1.1`. A path may hold spaces: it ends where the protocol begins.
fn target(line: &[u8]) -> Result<Target, Oddity> {
    let (method, rest) = split_at_space(line).ok_or(Oddity::NoMethod)?;
    if method.is_empty() || method.len() > 32 || !method.iter().all(|&byte| is_token(byte)) {
        return Err(Oddity::NoMethod);
    }
    let protocol_at = rest
        .iter()
        .rposition(|&byte| byte == b' ')
        .filter(|&at| rest[at + 1..].starts_with(b"HTTP/"));
    let (target, protocol) = match protocol_at {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => (rest, &b""[..]),
    };
    // RFC 9112 3.2: origin-form, absolute-form (to a proxy), asterisk-form, authority-form.
    let target = match find(target, b"://") {
        Some(at) if at <= 5 && !target.starts_with(b"/") => {
            let after = &target[at + 3..];
            match after.iter().position(|&byte| byte == b'/') {
                Some(slash) => &after[slash..],
                None => b"/",
            }
        }
        _ => target,
    };
    if !(target.starts_with(b"/") || target == b"*" || method == b"CONNECT" && !target.is_empty()) {
        return Err(Oddity::NoPath);
    }
    let (path, query) = match target.iter().position(|&byte| byte == b'?') {
        Some(at) => (&target[..at], Some(text(&target[at + 1..]))),
        None => (target, None),
    };
    Ok(Target {
        method: text(method),
        path: text(path),
        query,
        protocol: text(protocol),
    })
}

/// The field within quotes, unescaped, and what follows its closing quote.
fn quoted(bytes: &[u8], missing: Oddity, unclosed: Oddity) -> Result<(Vec<u8>, &[u8]), Oddity> {
    let mut rest = bytes.strip_prefix(b"\"").ok_or(missing)?;
    let mut field = Vec::with_capacity(rest.len().min(256));
    loop {
        let stop = rest
            .iter()
            .position(|&byte| byte == b'"' || byte == b'\\')
            .ok_or(unclosed)?;
        field.extend_from_slice(&rest[..stop]);
        let tail = &rest[stop + 1..];
        if rest[stop] == b'"' {
            return match tail.first() {
                None | Some(b' ') => Ok((field, tail)),
                Some(_) => Err(Oddity::Untidy),
            };
        }
        let (byte, used) = unescape(tail);
        match byte {
            Some(byte) => field.push(byte),
            None => field.push(b'\\'),
        }
        rest = &tail[used..];
    }
}

/// What stands after a backslash; an escape nobody writes leaves the backslash as it is.
fn unescape(tail: &[u8]) -> (Option<u8>, usize) {
    match tail {
        [byte @ (b'"' | b'\\'), ..] => (Some(*byte), 1),
        [b'n', ..] => (Some(b'\n'), 1),
        [b't', ..] => (Some(b'\t'), 1),
        [b'r', ..] => (Some(b'\r'), 1),
        [b'b', ..] => (Some(8), 1),
        [b'v', ..] => (Some(11), 1),
        [b'f', ..] => (Some(12), 1),
        [b'x', high, low, ..] => match (hex(*high), hex(*low)) {
            (Some(high), Some(low)) => (Some(high << 4 | low), 3),
            _ => (None, 0),
        },
        _ => (None, 0),
    }
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// `17/May/2015:10:05:03 +0000`, to milliseconds in UTC.
fn time(bytes: &[u8]) -> Option<i64> {
    const MONTHS: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
    if bytes.len() != 26
        || [2, 6].iter().any(|&at| bytes[at] != b'/')
        || [11, 14, 17].iter().any(|&at| bytes[at] != b':')
        || bytes[20] != b' '
    {
        return None;
    }
    let name = bytes[3..6].to_ascii_lowercase();
    let month = MONTHS.chunks_exact(3).position(|month| month == name)?;
    let two = |at: usize| number(&bytes[at..at + 2]).and_then(|n| i8::try_from(n).ok());
    let date = civil::Date::new(
        i16::try_from(number(&bytes[7..11])?).ok()?,
        i8::try_from(month + 1).ok()?,
        two(0)?,
    )
    .ok()?;
    // A leap second is logged as :60; it is told as the second before.
    let clock = civil::Time::new(two(12)?, two(15)?, two(18).map(leapless)?, 0).ok()?;
    let local = Offset::UTC
        .to_timestamp(civil::DateTime::from_parts(date, clock))
        .ok()?
        .as_millisecond();
    let (hours, minutes) = (number(&bytes[22..24])?, number(&bytes[24..26])?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let ahead_ms = i64::from(hours * 60 + minutes) * 60_000;
    match bytes[21] {
        b'+' => Some(local - ahead_ms),
        b'-' => Some(local + ahead_ms),
        _ => None,
    }
}

fn leapless(second: i8) -> i8 {
    if second == 60 { 59 } else { second }
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |sum, &digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

fn status_code(digits: &[u8]) -> Option<u16> {
    (digits.len() == 3)
        .then(|| number(digits))
        .flatten()
        .and_then(|status| u16::try_from(status).ok())
        .filter(|&status| status >= 100)
}

fn size(bytes: &[u8]) -> Result<Option<u64>, Oddity> {
    if bytes == b"-" {
        return Ok(None);
    }
    if bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit) {
        return Err(Oddity::BadBytes);
    }
    std::str::from_utf8(bytes)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .map(Some)
        .ok_or(Oddity::BadBytes)
}

fn split_at_space(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|&byte| byte == b' ')?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn present(field: Vec<u8>) -> Option<String> {
    (!field.is_empty() && field != b"-").then(|| text(&field))
}
