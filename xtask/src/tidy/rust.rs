//! Just enough of Rust's lexical grammar to tell code from comments and literals.
//!
//! It never fails: what is not Rust gives odd tokens, and the compiler says so elsewhere.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ident,
    Number,
    /// A string, byte string or character, with its quotes.
    Text,
    Lifetime,
    Comment,
    /// One character.
    Punct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Of its first character, from 1.
    pub line: usize,
}

impl Token<'_> {
    pub fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Ident | Kind::Punct) && self.text == text
    }
}

pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let (text, after) = rest.split_at(length);
        if let Some(kind) = kind {
            tokens.push(Token { kind, text, line });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// What the rest begins with, and its length in bytes. White space is nothing.
fn next(rest: &str, first: char) -> (Option<Kind>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (Some(Kind::Comment), rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Some(Kind::Comment), block_comment(rest));
    }
    if let Some(length) = string(rest) {
        return (Some(Kind::Text), length);
    }
    if first == '\'' {
        return match character(rest) {
            Some(length) => (Some(Kind::Text), length),
            None => (Some(Kind::Lifetime), 1 + ident(&rest[1..])),
        };
    }
    if first.is_ascii_digit() {
        return (Some(Kind::Number), number(rest));
    }
    match ident(rest) {
        0 => (Some(Kind::Punct), first.len_utf8()),
        length => (Some(Kind::Ident), length),
    }
}

fn ident(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(rest.len())
}

fn number(rest: &str) -> usize {
    let whole = ident(rest);
    match rest[whole..].strip_prefix('.') {
        Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => whole + 1 + ident(after),
        _ => whole,
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// A string of any sort: plain, byte, C, raw.
fn string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        rest.strip_prefix(prefix).is_some_and(|after| {
            let after = if prefix.ends_with('r') {
                after.trim_start_matches('#')
            } else {
                after
            };
            after.starts_with('"')
        })
    })?;
    let after = &rest[prefix.len()..];
    if prefix.ends_with('r') {
        let hashes = after.len() - after.trim_start_matches('#').len();
        let close = format!("\"{}", &after[..hashes]);
        let body = &after[hashes + 1..];
        let length = body.find(&close).map_or(body.len(), |at| at + close.len());
        return Some(prefix.len() + hashes + 1 + length);
    }
    Some(prefix.len() + quoted(after, b'"'))
}

/// Up to and with the closing quote, which a backslash before it would hide.
fn quoted(rest: &str, quote: u8) -> usize {
    let mut at = 1;
    let bytes = rest.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// A character literal, unless the quote begins a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut inner = rest[1..].chars();
    let first = inner.next()?;
    if first == '\\' {
        return Some(quoted(rest, b'\''));
    }
    (inner.next() == Some('\'')).then(|| 2 + first.len_utf8())
}

/// The code of a file: no comments, and no items that exist only in tests.
pub fn code(source: &str) -> Vec<Token<'_>> {
    let all: Vec<_> = tokens(source)
        .into_iter()
        .filter(|t| t.kind != Kind::Comment)
        .collect();
    let mut code = Vec::with_capacity(all.len());
    let mut at = 0;
    while at < all.len() {
        match test_attribute(&all[at..]) {
            Some(Attribute::Inner) => break,
            Some(Attribute::Outer(length)) => at += length + item(&all[at + length..]),
            None => {
                code.push(all[at]);
                at += 1;
            }
        }
    }
    code
}

/// Whether a whole file is for tests only, by its place.
pub fn is_test_path(path: &str) -> bool {
    ["/tests/", "/benches/", "/examples/"]
        .iter()
        .any(|part| path.contains(part))
        || path.ends_with("/tests.rs")
}

enum Attribute {
    /// `#![cfg(test)]`: the rest of the file.
    Inner,
    /// `#[cfg(test)]`, this many tokens long: the item after it.
    Outer(usize),
}

fn test_attribute(tokens: &[Token<'_>]) -> Option<Attribute> {
    let is_inner = tokens.get(1)?.is("!");
    let open = if is_inner { 2 } else { 1 };
    let is_cfg = tokens[0].is("#") && tokens.get(open)?.is("[") && tokens.get(open + 1)?.is("cfg");
    if !is_cfg {
        return None;
    }
    let length = open + group(&tokens[open..]);
    let inside = &tokens[open..length];
    let has = |word| inside.iter().any(|token| token.is(word));
    if !has("test") || has("not") || has("any") {
        return None;
    }
    Some(if is_inner {
        Attribute::Inner
    } else {
        Attribute::Outer(length)
    })
}

/// The length of an item: to the end of its braces, or to a semicolon outside all brackets.
fn item(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if is_open(token) {
            depth += 1;
        } else if is_close(token) {
            depth = depth.saturating_sub(1);
            if depth == 0 && token.is("}") {
                return at + 1;
            }
        } else if depth == 0 && token.is(";") {
            return at + 1;
        }
    }
    tokens.len()
}

/// The length of a bracketed group that begins here.
pub fn group(tokens: &[Token<'_>]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if is_open(token) {
            depth += 1;
        } else if is_close(token) {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 1;
            }
        }
    }
    tokens.len()
}

fn is_open(token: &Token<'_>) -> bool {
    token.is("(") || token.is("[") || token.is("{")
}

fn is_close(token: &Token<'_>) -> bool {
    token.is(")") || token.is("]") || token.is("}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(Kind, &str)> {
        tokens(source)
            .into_iter()
            .map(|token| (token.kind, token.text))
            .collect()
    }

    #[test]
    fn literals_and_comments_are_told_from_code() {
        use Kind::{Comment, Ident, Lifetime, Number, Punct, Text};
        let table: &[(&str, &[(Kind, &str)])] = &[
            (
                "a // b\nc",
                &[(Ident, "a"), (Comment, "// b"), (Ident, "c")],
            ),
            (
                "/* a /* b */ c */ d",
                &[(Comment, "/* a /* b */ c */"), (Ident, "d")],
            ),
            (r#""a\"b" c"#, &[(Text, r#""a\"b""#), (Ident, "c")]),
            (
                r###"r#"a"b"# c"###,
                &[(Text, r###"r#"a"b"#"###), (Ident, "c")],
            ),
            (
                r#"b"a" br"\" c"#,
                &[(Text, r#"b"a""#), (Text, r#"br"\""#), (Ident, "c")],
            ),
            (
                r"'a' '\'' 'ä' 'a",
                &[
                    (Text, "'a'"),
                    (Text, r"'\''"),
                    (Text, "'ä'"),
                    (Lifetime, "'a"),
                ],
            ),
            ("1.5f64", &[(Number, "1.5f64")]),
            (
                "0..9",
                &[(Number, "0"), (Punct, "."), (Punct, "."), (Number, "9")],
            ),
            ("\"open", &[(Text, "\"open")]),
        ];
        for (source, expected) in table {
            assert_eq!(kinds(source), *expected, "{source}");
        }
    }

    #[test]
    fn lines_are_counted_through_literals() {
        let lines: Vec<_> = tokens("a\n\"b\n\"\n/* c\n*/ d")
            .iter()
            .map(|t| t.line)
            .collect();
        assert_eq!(lines, [1, 2, 4, 5]);
    }

    #[test]
    fn items_for_tests_are_no_code() {
        for (source, expected) in [
            ("a; #[cfg(test)] mod tests { fn b() { c(); } } d", "a ; d"),
            ("#[cfg(test)] mod tests; d", "d"),
            ("#[cfg(test)] fn b(c: [u8; 4]) {} d", "d"),
            ("#[cfg(all(test, unix))] #[allow(x)] mod b {} d", "d"),
            ("#[cfg(not(test))] d", "# [ cfg ( not ( test ) ) ] d"),
            ("a #![cfg(test)] d", "a"),
        ] {
            let text: Vec<_> = code(source).iter().map(|token| token.text).collect();
            assert_eq!(text.join(" "), expected);
        }
    }
}
