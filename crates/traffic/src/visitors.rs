//! Who came from where: a CSV file with the columns `ip` and `country`.
//!
//! - The header is required and may name other columns, in any order; those are ignored.
//! - A bad row is reported by its line and skipped. An address twice: the last row counts, and it is
//!   reported.
//! - An empty country means unknown, which is not an error. One that does not exist (address databases
//!   say `EU` or `--`) is reported and taken as unknown: the visitor came all the same.

use std::collections::HashMap;
use std::io::Read;

use crate::country::Country;
use crate::csv::Records;
use crate::error::TrafficError;

/// Larger than any list of visitors of one site.
const FILE_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Notices beyond these are counted, not kept.
pub const NOTICES_MAX: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub ip: String,
    pub country: Option<Country>,
}

/// Something odd about a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub line: u64,
    pub problem: String,
}

#[derive(Debug, Clone, Default)]
pub struct Visitors {
    list: Vec<Visitor>,
    by_ip: HashMap<String, usize>,
    notices: Vec<Notice>,
    notice_count: u64,
}

impl Visitors {
    pub fn read(source: impl Read) -> Result<Self, TrafficError> {
        let mut bytes = Vec::new();
        source
            .take(FILE_MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| TrafficError::VisitorsUnreadable { source })?;
        if bytes.len() as u64 > FILE_MAX_BYTES {
            return Err(TrafficError::VisitorsTooLarge {
                limit_bytes: FILE_MAX_BYTES,
            });
        }
        Self::parse(&bytes)
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, TrafficError> {
        let mut records = Records::new(bytes);
        let header = match records.next() {
            None => Vec::new(),
            Some(record) => record.fields.unwrap_or_default(),
        };
        let column = |name: &str| {
            header
                .iter()
                .position(|field| field.trim().eq_ignore_ascii_case(name))
        };
        let (Some(ip_at), Some(country_at)) = (column("ip"), column("country")) else {
            let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or(bytes);
            let found: String = String::from_utf8_lossy(line)
                .chars()
                .filter(|letter| !letter.is_control())
                .take(80)
                .collect();
            return Err(TrafficError::VisitorsHeader {
                found: if found.is_empty() {
                    "nothing".to_owned()
                } else {
                    found
                },
            });
        };

        let mut visitors = Self::default();
        let mut lines: Vec<u64> = Vec::new();
        for record in records {
            let read = record
                .fields
                .and_then(|fields| row(&fields, ip_at, country_at));
            let (visitor, problem) = match read {
                Ok(read) => read,
                Err(problem) => {
                    visitors.notice(record.line, problem.to_owned());
                    continue;
                }
            };
            if let Some(problem) = problem {
                visitors.notice(record.line, problem);
            }
            match visitors.by_ip.get(&visitor.ip) {
                Some(&index) => {
                    let problem = format!(
                        "{} again; the row of line {} no longer counts",
                        visitor.ip, lines[index]
                    );
                    visitors.notice(record.line, problem);
                    lines[index] = record.line;
                    visitors.list[index] = visitor;
                }
                None => {
                    let index = visitors.list.len();
                    visitors.by_ip.insert(visitor.ip.clone(), index);
                    visitors.list.push(visitor);
                    lines.push(record.line);
                }
            }
        }
        Ok(visitors)
    }

    fn notice(&mut self, line: u64, problem: String) {
        self.notice_count += 1;
        if self.notices.len() < NOTICES_MAX {
            self.notices.push(Notice { line, problem });
        }
    }

    /// In the file's order, each once.
    pub fn iter(&self) -> impl Iterator<Item = &Visitor> {
        self.list.iter()
    }

    pub fn len(&self) -> usize {
        self.list.len()
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub fn contains(&self, ip: &str) -> bool {
        self.by_ip.contains_key(ip)
    }

    /// `None` for an unknown country as for an unknown visitor.
    pub fn country(&self, ip: &str) -> Option<Country> {
        self.by_ip
            .get(ip)
            .and_then(|&index| self.list[index].country)
    }

    /// The odd rows, the first [`NOTICES_MAX`] of [`Self::notice_count`].
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    pub fn notice_count(&self) -> u64 {
        self.notice_count
    }
}

/// The visitor of a row, and what is odd about the country.
fn row(
    fields: &[String],
    ip_at: usize,
    country_at: usize,
) -> Result<(Visitor, Option<String>), &'static str> {
    let ip = fields.get(ip_at).map_or("", |field| field.trim());
    if ip.is_empty() {
        return Err("the address is empty");
    }
    if ip.len() > 255 || ip.contains(|letter: char| letter.is_whitespace() || letter.is_control()) {
        return Err("the address is not one");
    }
    let code = fields
        .get(country_at)
        .ok_or("the country's column is missing")?
        .trim();
    let country = Country::parse(code);
    let problem = (country.is_none() && !code.is_empty()).then(|| {
        let code: String = code.chars().take(20).collect();
        format!("{code:?} is not an ISO 3166 country of two letters; taken as unknown")
    });
    let ip = ip.to_owned();
    Ok((Visitor { ip, country }, problem))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_are_read_and_odd_ones_are_named() {
        // The file; what is known of each address; the lines with a notice.
        type Row = (
            &'static str,
            &'static [(&'static str, &'static str)],
            &'static [u64],
        );
        let rows: &[Row] = &[
            ("ip,country\n1.1.1.1,AU\n", &[("1.1.1.1", "AU")], &[]),
            ("ip,country\r\n1.1.1.1,au\r\n", &[("1.1.1.1", "AU")], &[]),
            (
                "\u{feff}IP, Country\n1.1.1.1, AU",
                &[("1.1.1.1", "AU")],
                &[],
            ),
            ("ip,country\n1.1.1.1,\n", &[("1.1.1.1", "")], &[]),
            (
                "ip,country\n1.1.1.1\n2.2.2.2,FR\n",
                &[("2.2.2.2", "FR")],
                &[2],
            ),
            ("ip,country\n,AU\n1.1.1.1,ZZ\n", &[("1.1.1.1", "")], &[2, 3]),
            (
                "ip,country\n1.1.1.1,AU\n\n1.1.1.1,NZ\n",
                &[("1.1.1.1", "NZ")],
                &[4],
            ),
            (
                "city,country,ip\n\"Paris, \"\"FR\"\"\nand more\",FR,1.1.1.1\n2.2.2.2,?,3.3.3.3\n",
                &[("1.1.1.1", "FR"), ("3.3.3.3", "")],
                &[4],
            ),
            (
                "ip,country\n\"1.1.1.1,AU\n2.2.2.2,NZ\n",
                &[("2.2.2.2", "NZ")],
                &[2],
            ),
            (
                "ip,country\n\"1.1.1.1\"x,AU\n::1,NZ\n",
                &[("::1", "NZ")],
                &[2],
            ),
            ("ip,country\n", &[], &[]),
        ];
        for (file, known, notices) in rows {
            let visitors = Visitors::parse(file.as_bytes()).unwrap();
            let got: Vec<(&str, String)> = visitors
                .iter()
                .map(|visitor| {
                    let country = visitor.country.map(|country| country.to_string());
                    (visitor.ip.as_str(), country.unwrap_or_default())
                })
                .collect();
            let expected: Vec<(&str, String)> = known
                .iter()
                .map(|(ip, country)| (*ip, (*country).to_owned()))
                .collect();
            assert_eq!(got, expected, "{file:?}");
            let lines: Vec<u64> = visitors
                .notices()
                .iter()
                .map(|notice| notice.line)
                .collect();
            assert_eq!(&lines, notices, "{file:?}");
        }
    }

    #[test]
    fn a_header_is_required() {
        for file in [
            "",
            "\n",
            "1.1.1.1,AU\n",
            "ip\n",
            "ip;country\n",
            "\"ip,country\n",
        ] {
            let error = Visitors::parse(file.as_bytes()).unwrap_err();
            assert_eq!(error.code(), "visitors_header", "{file:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Visitors::parse(&bytes);
            let mut file = b"ip,country\n".to_vec();
            file.extend_from_slice(&bytes);
            prop_assert!(Visitors::parse(&file).is_ok());
        }

        #[test]
        fn any_csv_alphabet_is_read_without_panic(text in "[\",\r\n a1\u{e9}]{0,60}") {
            let file = format!("ip,country\n{text}");
            prop_assert!(Visitors::parse(file.as_bytes()).is_ok());
        }
    }
}
