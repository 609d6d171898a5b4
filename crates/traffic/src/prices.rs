//! What a request costs, by the owner's prices file (`samples/prices.toml` documents every field).
//!
//! - First what is never charged: method, status, user agent, path, query, type, in that order.
//! - Then the price rules from top to bottom; the first that matches decides. Then the default.
//! - A path is matched without its query and without a slash at its end, as it was logged. `*` and
//!   `?` stop at a slash, `**` crosses it. User agents are matched whatever their case.
//! - A request's type is its path's extension in lower case, or "" where it has none.
//! - An amount is exact or refused, never rounded.

mod compile;

use globset::GlobSet;
use money::{Asset, Atoms};

use crate::error::TrafficError;
use crate::log::Request;

/// What a price depends on. A gate that has not answered yet leaves the status out.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub status: Option<u16>,
    pub user_agent: Option<&'a str>,
}

/// Why a request costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FreeReason {
    Method,
    Status,
    Agent,
    Path,
    Query,
    Type,
    /// A price rule says `amount = "free"`.
    Rule,
    /// No rule matches, and the default is free.
    Unlisted,
}

impl FreeReason {
    pub fn code(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Status => "status",
            Self::Agent => "agent",
            Self::Path => "path",
            Self::Query => "query",
            Self::Type => "type",
            Self::Rule => "rule",
            Self::Unlisted => "unlisted",
        }
    }

    pub fn text(self) -> &'static str {
        match self {
            Self::Method => "not a read (HEAD, POST, ...)",
            Self::Status => "not answered with the page (errors, unchanged, parts)",
            Self::Agent => "robots, feed readers, tools",
            Self::Path => "paths that are free",
            Self::Query => "queries that are free",
            Self::Type => "page furniture (styles, scripts, icons, fonts)",
            Self::Rule => "a rule makes them free",
            Self::Unlisted => "no price given",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quote<'a> {
    Free(FreeReason),
    Charge {
        atoms: Atoms,
        section: &'a str,
        /// Which `[[price]]`, from 0; `None` for the default.
        rule_index: Option<usize>,
    },
}

/// A compiled prices file.
#[derive(Debug)]
pub struct PriceList {
    asset: Asset,
    section_depth: usize,
    free: Free,
    rules: Vec<Rule>,
    /// The paths of the rules that have one…
    paths: GlobSet,
    /// …and for each the rule.
    path_rules: Vec<usize>,
    default: Option<Atoms>,
    default_section: Option<String>,
}

#[derive(Debug)]
struct Free {
    /// Charged methods, upper case.
    methods: Vec<String>,
    /// Charged statuses, as inclusive ranges.
    statuses: Vec<(u16, u16)>,
    agents: GlobSet,
    paths: GlobSet,
    queries: GlobSet,
    extensions: Vec<String>,
}

#[derive(Debug)]
struct Rule {
    any_path: bool,
    /// Empty means any.
    extensions: Vec<String>,
    /// `None` is free.
    amount: Option<Atoms>,
    section: Option<String>,
}

impl PriceList {
    /// Reads and checks a prices file. `asset` is what the caller was told (`--asset`): it stands in
    /// where the file names none, and an error follows where the two differ. Neither means USD.
    ///
    /// # Errors
    /// `prices_invalid`, with line, column, field and what to do.
    pub fn parse(text: &str, asset: Option<&str>) -> Result<Self, TrafficError> {
        compile::compile(text, asset)
    }

    /// As [`Self::parse`], of bytes that may not be text.
    pub fn parse_bytes(bytes: &[u8], asset: Option<&str>) -> Result<Self, TrafficError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text, asset),
            Err(error) => {
                let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
                let end = good.len();
                Err(crate::prices_file::Source(&good).error(
                    &(end..end),
                    "file",
                    "this is not text in UTF-8",
                    "Save the file as UTF-8",
                ))
            }
        }
    }

    pub fn asset(&self) -> &Asset {
        &self.asset
    }

    /// How many `[[price]]` there are.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    pub fn price<'a>(&'a self, request: &'a Request) -> Quote<'a> {
        self.price_visit(request.visit())
    }

    /// The price of a visit that no log line stands for, such as one at the gate.
    pub fn price_visit<'a>(&'a self, visit: Visit<'a>) -> Quote<'a> {
        let path = without_slash(visit.path);
        let extension = extension(visit.path);
        if let Some(reason) = self.free.reason(&visit, path, extension) {
            return Quote::Free(reason);
        }
        let mut matched = self.paths.matches(path).into_iter().peekable();
        for (index, rule) in self.rules.iter().enumerate() {
            while matched
                .next_if(|&glob| self.path_rules[glob] < index)
                .is_some()
            {}
            let path_fits = rule.any_path
                || matched
                    .peek()
                    .is_some_and(|&glob| self.path_rules[glob] == index);
            if !path_fits || !(rule.extensions.is_empty() || has(&rule.extensions, extension)) {
                continue;
            }
            return match rule.amount {
                None => Quote::Free(FreeReason::Rule),
                Some(atoms) => Quote::Charge {
                    atoms,
                    section: self.section(rule.section.as_deref(), visit.path),
                    rule_index: Some(index),
                },
            };
        }
        match self.default {
            None => Quote::Free(FreeReason::Unlisted),
            Some(atoms) => Quote::Charge {
                atoms,
                section: self.section(self.default_section.as_deref(), visit.path),
                rule_index: None,
            },
        }
    }

    fn section<'a>(&self, named: Option<&'a str>, path: &'a str) -> &'a str {
        named.unwrap_or_else(|| section_of(path, self.section_depth))
    }
}

impl Free {
    fn reason(&self, visit: &Visit<'_>, path: &str, extension: &str) -> Option<FreeReason> {
        if !has(&self.methods, visit.method) {
            return Some(FreeReason::Method);
        }
        let charged = |status| {
            self.statuses
                .iter()
                .any(|&(from, to)| (from..=to).contains(&status))
        };
        if !visit.status.is_none_or(charged) {
            return Some(FreeReason::Status);
        }
        if self.agents.is_match(visit.user_agent.unwrap_or("-")) {
            return Some(FreeReason::Agent);
        }
        if self.paths.is_match(path) {
            return Some(FreeReason::Path);
        }
        if visit
            .query
            .is_some_and(|query| self.queries.is_match(query))
        {
            return Some(FreeReason::Query);
        }
        has(&self.extensions, extension).then_some(FreeReason::Type)
    }
}

fn has(list: &[String], one: &str) -> bool {
    list.iter().any(|known| known.eq_ignore_ascii_case(one))
}

/// `/blog/` and `/blog` are one page; `/` stays.
fn without_slash(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some(shorter) if !shorter.is_empty() => shorter,
        _ => path,
    }
}

/// What follows the last point of the last segment, unless that is no extension at all.
fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or("");
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && extension.len() <= 16
                && extension.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            extension
        }
        _ => "",
    }
}

/// The first `depth` folders of a path; a file by itself belongs to the folder it is in.
fn section_of(path: &str, depth: usize) -> &str {
    let inner = path.trim_start_matches('/');
    let mut end = 0;
    for (index, segment) in inner.split('/').take(depth).enumerate() {
        let start = if index == 0 { 0 } else { end + 1 };
        let segment_end = start + segment.len();
        let is_file = segment_end == inner.len() && !extension(segment).is_empty();
        if segment.is_empty() || is_file {
            break;
        }
        end = segment_end;
    }
    if end == 0 { "/" } else { &inner[..end] }
}

#[cfg(test)]
mod tests;
