//! Packs in requests: found by name, read, looked through.
//!
//! What it must not know: what a rule decides. That is `policy`'s.

pub mod laws;
pub mod why;

use crate::app::App;
use crate::extract::{Caller, excerpt};
use crate::problem::{Finding, Outcome, Problem};
use engine::Code;
use engine::law::PackKept;
use jiff::tz::TimeZoneDatabase;
use policy::{BUILTIN, Country, Date, Level, Pack, PolicyError};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::sync::OnceLock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The longest text of a pack, bytes.
pub const TEXT_MAX: usize = 256 * 1024;
/// The most packs in one request.
pub const PACKS_MAX: usize = 64;

/// The text of a pack, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackText(pub String);

impl<'de> Deserialize<'de> for PackText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.len() > TEXT_MAX {
            return Err(serde::de::Error::custom(
                "the text of a pack is TOML of 1 to 262144 bytes",
            ));
        }
        Ok(PackText(text))
    }
}

impl PartialSchema for PackText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A pack: TOML, as `packs/schema.json` says."))
            .min_length(Some(1))
            .max_length(Some(TEXT_MAX));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for PackText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("PackText")
    }
}

/// A pack by name, or its text.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackRef {
    /// The one in force here under this name, else the one that comes with the program.
    #[schema(examples("kr"))]
    pub id: Option<String>,
    /// With `id`: this version of it, in force or not.
    #[schema(examples("2026-11-23"))]
    pub version: Option<String>,
    /// Its text, instead of a name.
    pub text: Option<PackText>,
}

/// The text of a pack, and what to call it in findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its file, or where it stood in the request.
    pub file: String,
    /// Its text.
    pub text: Cow<'static, str>,
}

impl Source {
    fn of_kept(kept: &PackKept) -> Source {
        // What comes with the program is read already.
        match BUILTIN.iter().find(|builtin| *builtin.text == *kept.text) {
            Some(builtin) => Source {
                file: builtin.file.to_owned(),
                text: Cow::Borrowed(builtin.text),
            },
            None => Source {
                file: kept.id.clone(),
                text: Cow::Owned(kept.text.as_ref().to_owned()),
            },
        }
    }
}

/// A pack that was read, with what was found in it.
#[derive(Clone, Debug)]
pub struct Read {
    /// The pack.
    pub pack: Pack,
    /// What was found, in the order of its lines.
    pub findings: Vec<Finding>,
}

/// The packs that come with the program.
pub fn builtin() -> &'static [Pack] {
    static PACKS: OnceLock<Vec<Pack>> = OnceLock::new();
    // A test reads them all.
    PACKS.get_or_init(|| policy::builtin_packs().unwrap_or_default())
}

/// The pack that a country is judged by.
pub fn pack_of(packs: &[Pack], country: Country) -> Option<&Pack> {
    let claims = |pack: &&Pack| pack.territories.iter().any(|t| t.country == country);
    packs
        .iter()
        .find(claims)
        .or_else(|| packs.iter().find(|pack| pack.rest_of_world))
}

/// The day it is in UTC.
pub fn today(app: &App) -> Date {
    let days = app.node.now().0 / 86_400_000;
    Date(u32::try_from(days).unwrap_or(u32::MAX))
}

/// Finds a pack that a request names. `field` is where it stands.
///
/// # Errors
/// There is none; both a name and a text, or neither.
pub async fn find(app: &App, caller: &Caller, given: &PackRef, field: &str) -> Outcome<Source> {
    let malformed = |words: &str, name: &str| {
        let field = format!("{field}.{name}");
        Err(Problem::of(Code::Malformed, words).at(field))
    };
    match (&given.id, &given.version, &given.text) {
        (None, None, Some(text)) => Ok(Source {
            file: field.to_owned(),
            text: Cow::Owned(text.0.clone()),
        }),
        (None, None, None) => malformed("give `id` or `text`", "id"),
        (_, _, Some(_)) => malformed("give `id` or `text`, not both", "text"),
        (None, Some(_), None) => malformed("a version of which pack? Give `id`", "version"),
        (Some(id), version, None) => {
            let version = version.as_deref();
            named(app, caller, id, version).await?.ok_or_else(|| {
                let which =
                    version.map_or(String::new(), |v| format!(" of version {}", excerpt(v)));
                let words = format!("no pack \"{}\"{which} is known here", excerpt(id));
                let name = if version.is_some() { "version" } else { "id" };
                Problem::not_found(&format!("{field}.{name}"), words)
            })
        }
    }
}

/// A pack by its name: in force here, else of the program; of a version, whichever has it.
///
/// # Errors
/// The node, the read model or the journal does not answer.
pub async fn named(
    app: &App,
    caller: &Caller,
    id: &str,
    version: Option<&str>,
) -> Outcome<Option<Source>> {
    let tenant = caller.tenant;
    let here = laws::in_force(app, tenant).await?;
    let is_it = |kept: &&PackKept| kept.id == id && version.is_none_or(|v| v == kept.version);
    let in_force = here.law().and_then(|law| law.packs.iter().find(is_it));
    if let Some(kept) = in_force {
        return Ok(Some(Source::of_kept(kept)));
    }
    if let Some(version) = version
        && let Some(kept) = laws::edition(app, tenant, id, version, None).await?
    {
        return Ok(Some(Source::of_kept(&kept)));
    }
    Ok(of_program(id, version))
}

/// A pack that comes with the program.
pub fn of_program(id: &str, version: Option<&str>) -> Option<Source> {
    let at = BUILTIN.iter().position(|builtin| builtin.id == id)?;
    let is_it = version.is_none_or(|version| {
        let pack = builtin().get(at);
        pack.is_some_and(|pack| pack.version == version)
    });
    is_it.then(|| Source {
        file: BUILTIN[at].file.to_owned(),
        text: Cow::Borrowed(BUILTIN[at].text),
    })
}

/// Reads the packs of a request, each where it stands there, and looks through them.
///
/// # Errors
/// `pack_invalid` with everything that was found, if a pack cannot be read or has an error;
/// those of [`find`].
pub async fn read_all(
    app: &App,
    caller: &Caller,
    given: &[PackRef],
    field: &str,
) -> Outcome<Vec<Read>> {
    if given.len() > PACKS_MAX {
        let words = format!("at most {PACKS_MAX} packs");
        return Err(Problem::of(Code::TooMany, words).at(field));
    }
    let mut sources = Vec::with_capacity(given.len());
    for (at, given) in given.iter().enumerate() {
        sources.push(find(app, caller, given, &format!("{field}[{at}]")).await?);
    }
    let day = today(app);
    app.blocking(move |_| read_sources(&sources, day)).await?
}

/// Reads packs and looks through them; reading takes a while.
///
/// # Errors
/// `pack_invalid`, about the first pack that has an error.
pub fn read_sources(sources: &[Source], day: Date) -> Outcome<Vec<Read>> {
    let (mut read, mut findings) = (Vec::with_capacity(sources.len()), Vec::new());
    let mut first = None;
    for source in sources {
        match read_one(source, day) {
            Ok(one) => {
                if one.findings.iter().any(|f| f.level == ERROR) {
                    first = first.or(Some(source));
                }
                findings.extend(one.findings.iter().cloned());
                read.push(one);
            }
            Err(finding) => {
                first = first.or(Some(source));
                findings.push(finding);
            }
        }
    }
    match first {
        Some(source) => Err(invalid(source, findings)),
        None => Ok(read),
    }
}

const ERROR: &str = "error";

fn invalid(source: &Source, mut findings: Vec<Finding>) -> Box<Problem> {
    let is_of_it = |f: &&Finding| f.level == ERROR && f.file == source.file;
    let detail = findings
        .iter()
        .find(is_of_it)
        .map_or_else(String::new, |f| {
            let key = f.key.as_ref().or(f.rule.as_ref());
            let key = key.map_or(String::new(), |key| format!("`{key}`: "));
            format!("{}:{}: {key}{}", f.file, f.line, f.words)
        });
    let line = findings.iter().find(is_of_it).map(|f| f.line as u64);
    // Errors first; there may be very many.
    findings.sort_by_key(|f| f.level != ERROR);
    findings.truncate(200);
    let mut problem = Problem::of(Code::PackInvalid, detail).at(source.file.as_str());
    problem.line = line;
    problem.findings = findings;
    problem
}

/// Reads one pack and looks through it.
///
/// # Errors
/// What makes it impossible to read.
pub fn read_one(source: &Source, day: Date) -> Result<Read, Finding> {
    let file = source.file.clone();
    let finding = |line, key: Option<String>, words: String| Finding {
        level: ERROR,
        file: source.file.clone(),
        line,
        rule: None,
        key,
        words,
    };
    let known = match source.text {
        Cow::Borrowed(text) => BUILTIN.iter().position(|builtin| builtin.text == text),
        Cow::Owned(_) => None,
    };
    let pack = match known.and_then(|at| builtin().get(at)) {
        Some(pack) => Ok(pack.clone()),
        None => Pack::parse(&file, &source.text),
    };
    let pack = match pack {
        Ok(pack) => pack,
        Err(PolicyError::Malformed {
            line, key, words, ..
        }) => return Err(finding(line, (!key.is_empty()).then_some(key), words)),
        Err(other) => return Err(finding(1, None, other.to_string())),
    };
    let mut findings: Vec<Finding> = policy::review(&pack)
        .into_iter()
        .map(|f| Finding {
            level: match f.level {
                Level::Error => ERROR,
                Level::Warning => "warning",
            },
            file: file.clone(),
            line: f.line,
            rule: (!f.rule.is_empty()).then_some(f.rule),
            key: None,
            words: f.words,
        })
        .collect();
    for territory in &pack.territories {
        if TimeZoneDatabase::bundled().get(&territory.zone).is_err() {
            let words = format!("\"{}\" is no time zone", territory.zone);
            findings.push(finding(1, Some(territory.country.to_string()), words));
        }
    }
    for rule in pack.overdue(day) {
        let words = format!(
            "last checked on {}, due on {}",
            rule.checked,
            rule.review_due()
        );
        findings.push(Finding {
            level: "warning",
            file: file.clone(),
            line: rule.line,
            rule: Some(rule.id.clone()),
            key: None,
            words,
        });
    }
    Ok(Read { pack, findings })
}

/// Packs that do not go together, or settings that do not go with them.
pub fn together(error: &PolicyError, field: &str) -> Box<Problem> {
    Problem::of(Code::PackInvalid, error.to_string()).at(field)
}
