//! Comma-separated records after RFC 4180, from bytes in memory.
//!
//! - A quoted field may hold commas, doubled quotes and line ends.
//! - A quote that is never closed costs its own line only: reading goes on at the next one.
//! - Fields are trimmed of blanks outside quotes; invalid UTF-8 becomes U+FFFD.

/// How far a quoted field may run. Beyond it, the quote was a mistake.
const RECORD_MAX_BYTES: usize = 4096;

pub(crate) struct Record {
    /// Where the record begins, from 1.
    pub line: u64,
    pub fields: Result<Vec<String>, &'static str>,
}

pub(crate) struct Records<'a> {
    rest: &'a [u8],
    line: u64,
}

impl<'a> Records<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let rest = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        Self { rest, line: 0 }
    }

    fn skip(&mut self, bytes: usize) {
        let (used, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        let ends = used.iter().filter(|&&byte| byte == b'\n').count();
        self.line += ends as u64;
        if !used.ends_with(b"\n") {
            self.line += 1;
        }
        self.rest = rest;
    }
}

impl Iterator for Records<'_> {
    type Item = Record;

    /// Blank lines are passed over.
    fn next(&mut self) -> Option<Record> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let line = self.line + 1;
            let line_end = self.rest.iter().position(|&byte| byte == b'\n');
            let line_end = line_end.map_or(self.rest.len(), |at| at + 1);
            if self.rest[..line_end].iter().all(u8::is_ascii_whitespace) {
                self.skip(line_end);
                continue;
            }
            return Some(match record(self.rest) {
                Ok((fields, used)) => {
                    self.skip(used);
                    Record {
                        line,
                        fields: Ok(fields),
                    }
                }
                Err(problem) => {
                    self.skip(line_end);
                    Record {
                        line,
                        fields: Err(problem),
                    }
                }
            });
        }
    }
}

/// The fields of the record that begins here, and the bytes it took with its line end.
fn record(bytes: &[u8]) -> Result<(Vec<String>, usize), &'static str> {
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        if at > RECORD_MAX_BYTES {
            return Err("the row is too long");
        }
        while bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        if bytes.get(at) == Some(&b'"') {
            let (field, used) = quoted(&bytes[at + 1..])?;
            fields.push(field);
            at += 1 + used;
            while matches!(bytes.get(at), Some(b' ' | b'\r')) {
                at += 1;
            }
        } else {
            let rest = &bytes[at..];
            let end = rest
                .iter()
                .position(|&byte| byte == b',' || byte == b'\n')
                .unwrap_or(rest.len());
            fields.push(String::from_utf8_lossy(&rest[..end]).trim().to_owned());
            at += end;
        }
        match bytes.get(at) {
            Some(b',') => at += 1,
            Some(b'\n') => return Ok((fields, at + 1)),
            None => return Ok((fields, at)),
            Some(_) => return Err("a closing quote is followed by more text"),
        }
    }
}

fn quoted(bytes: &[u8]) -> Result<(String, usize), &'static str> {
    let mut field = Vec::new();
    let mut at = 0;
    while at < RECORD_MAX_BYTES {
        match bytes.get(at..) {
            Some([b'"', b'"', ..]) => {
                field.push(b'"');
                at += 2;
            }
            Some([b'"', ..]) => {
                return Ok((String::from_utf8_lossy(&field).into_owned(), at + 1));
            }
            Some([byte, ..]) => {
                field.push(*byte);
                at += 1;
            }
            _ => break,
        }
    }
    Err("a quote is not closed")
}
