//! From the file's text to a [`PriceList`]: every check, once, each error with its place.

use std::collections::BTreeMap;
use std::ops::Range;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use money::{Asset, Atoms};
use toml::{Spanned, Value};

use super::{Free, PriceList, Rule, without_slash};
use crate::error::TrafficError;
use crate::prices_file::{FreeTable, PriceTable, PricesFile, Source, Text};

const FILE_MAX_BYTES: usize = 1024 * 1024;
const GLOB_MAX_BYTES: usize = 1024;
const SECTION_DEPTH_MAX: i64 = 8;

pub(super) fn compile(text: &str, told: Option<&str>) -> Result<PriceList, TrafficError> {
    let source = Source(text);
    if text.len() > FILE_MAX_BYTES {
        return Err(source.error(
            &(0..0),
            "file",
            "the file is larger than 1 MiB",
            "Replace long lists of paths by globs",
        ));
    }
    let file = source.read()?;
    let asset = asset(&source, file.asset.as_ref(), told)?;
    let types = Types::check(&source, &file)?;

    let mut globs = GlobSetBuilder::new();
    let mut path_rules = Vec::new();
    let mut rules = Vec::with_capacity(file.price.len());
    for (index, table) in file.price.iter().enumerate() {
        let span = table.span();
        let table = table.get_ref();
        if let Some(path) = &table.path {
            globs.add(path_glob(&source, "path", path)?);
            path_rules.push(index);
        }
        rules.push(rule(&source, &asset, &types, table, &span)?);
    }
    let default = match &file.default {
        None => None,
        Some(text) => amount(&source, &asset, "default", text)?,
    };
    Ok(PriceList {
        asset,
        section_depth: section_depth(&source, file.section_depth.as_ref())?,
        free: free(&source, &types, &file.free)?,
        rules,
        paths: set(&source, "path", globs)?,
        path_rules,
        default,
        default_section: section(&source, "default_section", file.default_section.as_ref())?,
    })
}

fn asset(
    source: &Source<'_>,
    named: Option<&Text>,
    told: Option<&str>,
) -> Result<Asset, TrafficError> {
    let span = named.map_or(0..0, Spanned::span);
    let code = named.map(|text| text.get_ref().as_str());
    if let (Some(code), Some(told)) = (code, told)
        && code != told
    {
        return Err(source.error(
            &span,
            "asset",
            format!("the prices are in {code}, but {told} was asked for"),
            "Ask for the file's asset, or use a file with prices in the other",
        ));
    }
    let code = code.or(told).unwrap_or("USD");
    Asset::known(code).ok_or_else(|| {
        source.error(
            &span,
            "asset",
            format!("{code:?} is not an asset Farthing knows"),
            "Write an ISO 4217 currency such as \"USD\" or a stablecoin such as \"USDC\"",
        )
    })
}

fn rule(
    source: &Source<'_>,
    asset: &Asset,
    types: &Types,
    table: &PriceTable,
    span: &Range<usize>,
) -> Result<Rule, TrafficError> {
    let extensions = match &table.types {
        None => Vec::new(),
        Some(list) if list.get_ref().is_empty() => {
            return Err(source.error(
                &list.span(),
                "types",
                "the list is empty, so nothing would match",
                "Name at least one type, or take the line out to mean any",
            ));
        }
        Some(list) => types.extensions(source, list.get_ref())?,
    };
    if table.path.is_none() && table.types.is_none() {
        return Err(source.error(
            span,
            "price",
            "neither path nor types says which requests this price is for",
            "Add one; path = \"/**\" means every request",
        ));
    }
    Ok(Rule {
        any_path: table.path.is_none(),
        extensions,
        amount: amount(source, asset, "amount", &table.amount)?,
        section: section(source, "section", table.section.as_ref())?,
    })
}

/// `None` for free.
fn amount(
    source: &Source<'_>,
    asset: &Asset,
    field: &str,
    text: &Text,
) -> Result<Option<Atoms>, TrafficError> {
    let written = text.get_ref();
    if written == "free" {
        return Ok(None);
    }
    match asset.parse(written) {
        Ok(atoms) if atoms.is_zero() => Err(source.error(
            &text.span(),
            field,
            "a payment of nothing cannot be made",
            "Write \"free\"",
        )),
        Ok(atoms) => Ok(Some(atoms)),
        Err(error) => Err(source.error(
            &text.span(),
            field,
            format!("{written:?} is not an amount: {error}"),
            format!(
                "Write an amount of {} such as \"0.002\", or \"free\"",
                asset.code
            ),
        )),
    }
}

fn section(
    source: &Source<'_>,
    field: &str,
    text: Option<&Text>,
) -> Result<Option<String>, TrafficError> {
    let Some(text) = text else { return Ok(None) };
    let name = text.get_ref().trim();
    if name.is_empty() || name.len() > 64 || name.contains(char::is_control) {
        return Err(source.error(
            &text.span(),
            field,
            "a section's name is 1 to 64 characters",
            "Give it a short name, or take the line out to name it after its folder",
        ));
    }
    Ok(Some(name.to_owned()))
}

fn section_depth(source: &Source<'_>, depth: Option<&Spanned<i64>>) -> Result<usize, TrafficError> {
    let Some(depth) = depth else { return Ok(1) };
    usize::try_from(*depth.get_ref())
        .ok()
        .filter(|_| (1..=SECTION_DEPTH_MAX).contains(depth.get_ref()))
        .ok_or_else(|| {
            source.error(
                &depth.span(),
                "section_depth",
                format!("{} is not a depth", depth.get_ref()),
                format!("Write a number from 1 to {SECTION_DEPTH_MAX}"),
            )
        })
}

fn free(source: &Source<'_>, types: &Types, table: &FreeTable) -> Result<Free, TrafficError> {
    let methods = match &table.methods_other_than {
        None => vec!["GET".to_owned()],
        Some(list) => list.iter().map(|text| text.get_ref().clone()).collect(),
    };
    let statuses = match &table.statuses_other_than {
        None => vec![(200, 200)],
        Some(list) => list
            .iter()
            .map(|status| statuses(source, status))
            .collect::<Result<_, _>>()?,
    };
    let mut agents = GlobSetBuilder::new();
    let mut paths = GlobSetBuilder::new();
    let mut queries = GlobSetBuilder::new();
    for text in &table.agents {
        agents.add(agent_glob(source, "agents", text)?);
    }
    for text in &table.paths {
        paths.add(path_glob(source, "paths", text)?);
    }
    for text in &table.queries {
        queries.add(agent_glob(source, "queries", text)?);
    }
    Ok(Free {
        methods,
        statuses,
        agents: set(source, "agents", agents)?,
        paths: set(source, "paths", paths)?,
        queries: set(source, "queries", queries)?,
        extensions: types.extensions(source, &table.types)?,
    })
}

/// `"200"`, `200` or `"2xx"`.
fn statuses(source: &Source<'_>, status: &Spanned<Value>) -> Result<(u16, u16), TrafficError> {
    let text = match status.get_ref() {
        Value::Integer(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let range = match text.as_bytes() {
        [first @ b'1'..=b'9', b'x', b'x'] => {
            let from = u16::from(first - b'0') * 100;
            Some((from, from + 99))
        }
        [b'1'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.parse().ok().map(|one| (one, one)),
        _ => None,
    };
    range.ok_or_else(|| {
        source.error(
            &status.span(),
            "statuses_other_than",
            format!("{text:?} is not an HTTP status"),
            "Write one such as \"200\", or a class such as \"2xx\"",
        )
    })
}

/// `*` stops at a slash; a slash at the end counts for nothing.
fn path_glob(source: &Source<'_>, field: &str, text: &Text) -> Result<Glob, TrafficError> {
    let pattern = text.get_ref();
    if !pattern.starts_with(['/', '*']) {
        return Err(source.error(
            &text.span(),
            field,
            format!("{pattern:?} can match no path"),
            "Begin it with / (or with ** for any folder)",
        ));
    }
    let pattern = without_slash(pattern);
    glob(
        source,
        field,
        text,
        GlobBuilder::new(pattern).literal_separator(true),
    )
}

/// `*` matches anything, in any case.
fn agent_glob(source: &Source<'_>, field: &str, text: &Text) -> Result<Glob, TrafficError> {
    let mut builder = GlobBuilder::new(text.get_ref());
    glob(source, field, text, builder.case_insensitive(true))
}

fn glob(
    source: &Source<'_>,
    field: &str,
    text: &Text,
    builder: &mut GlobBuilder<'_>,
) -> Result<Glob, TrafficError> {
    let help = "Write it with *, **, ? and {a,b}; put \\ before a character meant as itself";
    if text.get_ref().is_empty() || text.get_ref().len() > GLOB_MAX_BYTES {
        let problem = format!("a glob is 1 to {GLOB_MAX_BYTES} bytes");
        return Err(source.error(&text.span(), field, problem, help));
    }
    builder.backslash_escape(true).build().map_err(|error| {
        let problem = format!("{:?} is not a glob: {}", text.get_ref(), error.kind());
        source.error(&text.span(), field, problem, help)
    })
}

fn set(source: &Source<'_>, field: &str, globs: GlobSetBuilder) -> Result<GlobSet, TrafficError> {
    globs.build().map_err(|error| {
        source.error(
            &(0..0),
            field,
            format!("the globs together are too much: {error}"),
            "Use fewer or simpler ones",
        )
    })
}

/// The file's own names for groups of extensions.
struct Types(BTreeMap<String, Vec<String>>);

impl Types {
    fn check(source: &Source<'_>, file: &PricesFile) -> Result<Self, TrafficError> {
        let mut types = BTreeMap::new();
        for (name, list) in &file.types {
            let mut extensions = Vec::with_capacity(list.len());
            for text in list {
                extensions.push(extension(source, text)?);
            }
            types.insert(name.clone(), extensions);
        }
        Ok(Self(types))
    }

    /// A name of the file's, or else an extension.
    fn extensions(&self, source: &Source<'_>, list: &[Text]) -> Result<Vec<String>, TrafficError> {
        let mut extensions = Vec::new();
        for text in list {
            match self.0.get(text.get_ref()) {
                Some(group) => extensions.extend_from_slice(group),
                None => extensions.push(extension(source, text)?),
            }
        }
        Ok(extensions)
    }
}

fn extension(source: &Source<'_>, text: &Text) -> Result<String, TrafficError> {
    let written = text.get_ref();
    if written.len() > 16 || !written.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(source.error(
            &text.span(),
            "types",
            format!("{written:?} is neither a name under [types] nor an extension"),
            "Write an extension without its point, such as \"pdf\"; \"\" means none",
        ));
    }
    Ok(written.to_ascii_lowercase())
}
