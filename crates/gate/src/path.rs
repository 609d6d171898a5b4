//! One spelling for each path, so that the gate prices what the upstream will serve.
//!
//! - A percent-encoded character that may stand in a path segment as itself is decoded; hexadecimal
//!   digits are upper case. The upstream gets this spelling and no other.
//! - A path that servers read in more than one way is refused: dot segments, empty segments,
//!   encoded slashes, backslashes, control characters, path parameters (`;`), a `%` that does not
//!   begin an encoding, and an encoding of an encoding.
//! - The query is passed on as it came.
//!
//! What it cannot see: an upstream that takes upper and lower case for the same, or that serves one
//! page under several names. Price all of them.

use thiserror::Error;

const PATH_MAX_BYTES: usize = 4096;
const QUERY_MAX_BYTES: usize = 8192;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    #[error("the target is too long")]
    TooLong,
    #[error("the path does not begin with a slash")]
    NotAbsolute,
    #[error("the path has a dot segment")]
    DotSegment,
    #[error("the path has an empty segment")]
    EmptySegment,
    #[error("the path has an encoded slash or a backslash")]
    Slash,
    #[error("the path has a control character")]
    Control,
    #[error("the path has a parameter (;)")]
    Parameter,
    #[error("the path has a percent sign that encodes nothing")]
    Percent,
    #[error("the path has an encoding of an encoding")]
    Twice,
    #[error("the path or query has a character that must be encoded")]
    Raw,
}

/// A path in its one spelling, and the query as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What the upstream is asked for.
    pub path: String,
    /// The path in letters, where it can be read as text and differs.
    pub readable: Option<String>,
    /// Without its question mark.
    pub query: Option<String>,
}

impl Target {
    /// # Errors
    /// [`PathError`]: the path can be read in more than one way.
    pub fn read(path: &str, query: Option<&str>) -> Result<Target, PathError> {
        if path.len() > PATH_MAX_BYTES || query.is_some_and(|q| q.len() > QUERY_MAX_BYTES) {
            return Err(PathError::TooLong);
        }
        if !path.starts_with('/') {
            return Err(PathError::NotAbsolute);
        }
        if query.is_some_and(|q| !q.bytes().all(|byte| (0x21..0x7f).contains(&byte))) {
            return Err(PathError::Raw);
        }
        let decoded = decode(path)?;
        let last = decoded.split(|&byte| byte == b'/').count() - 1;
        for (index, segment) in decoded.split(|&byte| byte == b'/').enumerate() {
            if matches!(segment, b"." | b"..") {
                return Err(PathError::DotSegment);
            }
            // The first is before the slash; an empty last one is a slash at the end.
            if segment.is_empty() && index != 0 && index != last {
                return Err(PathError::EmptySegment);
            }
        }
        let path = encode(&decoded);
        let readable = String::from_utf8(decoded).ok().filter(|text| *text != path);
        let query = query.map(str::to_owned);
        Ok(Target {
            path,
            readable,
            query,
        })
    }

    /// Path and query, as the upstream is asked and as a payment is bound to.
    #[must_use]
    pub fn path_and_query(&self) -> String {
        match &self.query {
            None => self.path.clone(),
            Some(query) => format!("{}?{query}", self.path),
        }
    }
}

fn decode(path: &str) -> Result<Vec<u8>, PathError> {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let (byte, encoded) = match bytes[at] {
            b'%' => {
                let byte = hex_pair(bytes, at + 1).ok_or(PathError::Percent)?;
                at += 3;
                (byte, true)
            }
            byte => {
                at += 1;
                (byte, false)
            }
        };
        match byte {
            0..0x20 | 0x7f => return Err(PathError::Control),
            b'\\' => return Err(PathError::Slash),
            b'/' if encoded => return Err(PathError::Slash),
            b';' => return Err(PathError::Parameter),
            b'%' if hex_pair(bytes, at).is_some() => return Err(PathError::Twice),
            b'%' => return Err(PathError::Percent),
            byte if !encoded && byte != b'/' && !stands_as_itself(byte) => {
                return Err(PathError::Raw);
            }
            byte => decoded.push(byte),
        }
    }
    Ok(decoded)
}

fn hex_pair(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
}

/// RFC 3986's `pchar`, but for the semicolon.
fn stands_as_itself(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte)
}

fn encode(decoded: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut path = String::with_capacity(decoded.len());
    for &byte in decoded {
        if byte == b'/' || stands_as_itself(byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push(char::from(DIGITS[usize::from(byte >> 4)]));
            path.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_has_one_spelling() {
        for (given, expected) in [
            ("/", "/"),
            ("/articles/a", "/articles/a"),
            ("/articles/", "/articles/"),
            ("/%61rticles/%7Ea", "/articles/~a"),
            ("/a%2eb", "/a.b"),
            ("/a%40b%2Bc", "/a@b+c"),
            ("/%ed%95%9c", "/%ED%95%9C"),
            ("/a%20b", "/a%20b"),
            ("/a%3fb%23c", "/a%3Fb%23c"),
            ("/...", "/..."),
            ("/.well-known/x", "/.well-known/x"),
        ] {
            let target = Target::read(given, None).unwrap();
            assert_eq!(target.path, expected, "{given}");
        }
        let target = Target::read("/%ED%95%9C", None).unwrap();
        assert_eq!(target.readable.as_deref(), Some("/한"));
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        use PathError::*;
        for (given, expected) in [
            ("articles", NotAbsolute),
            ("*", NotAbsolute),
            ("/free/../articles/a", DotSegment),
            ("/free/%2e%2e/articles/a", DotSegment),
            ("/free/.%2E/articles/a", DotSegment),
            ("/./articles/a", DotSegment),
            ("/articles/a/.", DotSegment),
            ("/articles/a/..", DotSegment),
            ("//articles/a", EmptySegment),
            ("/articles//a", EmptySegment),
            ("/articles/a//", EmptySegment),
            ("/articles%2Fa", Slash),
            ("/articles%2fa", Slash),
            ("/articles\\a", Slash),
            ("/articles%5Ca", Slash),
            ("/articles/a%00", Control),
            ("/articles/a%0d%0aX:1", Control),
            ("/articles/a%7F", Control),
            ("/articles;x=1/a", Parameter),
            ("/articles/a%3Bx", Parameter),
            ("/articles/a%", Percent),
            ("/articles/a%2", Percent),
            ("/articles/a%zz", Percent),
            ("/articles/100%25", Percent),
            ("/%252e%252e/articles/a", Twice),
            ("/articles%252Fa", Twice),
            ("/%25%32%65/a", Percent),
            ("/a|b", Raw),
            ("/a b", Raw),
            ("/a#b", Raw),
            ("/é", Raw),
        ] {
            assert_eq!(Target::read(given, None), Err(expected), "{given}");
        }
        let long = format!("/{}", "a".repeat(PATH_MAX_BYTES));
        assert_eq!(Target::read(&long, None), Err(TooLong));
        assert_eq!(Target::read("/a", Some("x y")), Err(Raw));
    }

    #[test]
    fn the_query_is_passed_on_as_it_came() {
        let target = Target::read("/a", Some("q=%2e&b=%2F..")).unwrap();
        assert_eq!(target.path_and_query(), "/a?q=%2e&b=%2F..");
        let empty = Target::read("/a", Some("")).unwrap();
        assert_eq!(empty.path_and_query(), "/a?");
    }

    proptest! {
        #[test]
        fn nothing_panics(path in ".{0,60}", query in prop::option::of(".{0,20}")) {
            let _ = Target::read(&path, query.as_deref());
        }

        #[test]
        fn a_spelling_is_its_own_spelling(path in "(/[a-z%0-9.A-F@é]{1,6}){1,4}/?") {
            if let Ok(target) = Target::read(&path, None) {
                prop_assert_eq!(Target::read(&target.path, None), Ok(target));
            }
        }
    }
}
