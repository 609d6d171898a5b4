//! Packs: the law as data, in force or not, with every rule in words and its source.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, excerpt};
use crate::guard::Routes;
use crate::language::{LangParam, Spoken};
use crate::law::{self, PackRef};
use crate::problem::{Finding, Outcome, Problem};
use crate::types::CountryText;
use crate::types::law::{self as w, Day, LangWord, Word};
use axum::extract::{Path, State};
use engine::terms::Country;
use identity::Scope;
use policy::words::{authority_text, rule_text, scope_text};
use policy::{Audience, Authority, Certainty, Lang, Pack, Rule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

const READERS: &[Scope] = &[Scope::PolicyRead, Scope::SettingsRead, Scope::RegulatorRead];

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_any(READERS, routes!(list_packs))
        .needs_any(READERS, routes!(get_pack))
        .needs_any(READERS, routes!(get_pack_version))
        .needs_any(READERS, routes!(compare_packs))
}

/// A pack in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PackLine {
    /// Its name.
    id: String,
    /// For people.
    title: String,
    /// Which edition, as a date.
    version: String,
    /// Whether payments are checked against it now.
    in_force: bool,
    /// What its numbers are mostly in.
    asset: String,
    /// Whether it stands for every country that no other pack claims.
    rest_of_world: bool,
    /// How many countries it is for.
    countries: usize,
    /// How many rules it has.
    rules: usize,
    /// Rules read in the official text.
    official: usize,
    /// Rules read in somebody's account of it.
    secondary: usize,
    /// Rules that nobody has looked up.
    unverified: usize,
    /// Rules that are terms and not law.
    terms: usize,
    /// Rules whose last check is older than their review interval.
    overdue: usize,
    /// When somebody should look again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    review_due: Option<Day>,
}

/// The packs known here.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PackList {
    /// In the order of their names.
    items: Vec<PackLine>,
}

/// A pack with its rules.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Pack)]
struct PackWhole {
    /// What the list says of it.
    #[serde(flatten)]
    line: PackLine,
    /// Its countries.
    territories: Vec<Territory>,
    /// The rules that you may see, in the order of the file.
    items: Vec<Shown>,
    /// Its text, as it was proposed or comes with the program; to those who may see every rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// What a reading of it found.
    findings: Vec<Finding>,
    /// The language of the words.
    lang: LangWord,
}

/// A country of a pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Territory {
    /// The country.
    country: CountryText,
    /// The zone its civil days follow.
    zone: String,
}

/// A rule of a pack in words.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PackRule)]
pub struct Shown {
    /// Its name within the pack.
    id: String,
    /// Its title.
    title: String,
    /// What it says.
    says: String,
    /// What it applies to, where that is not everything.
    applies_to: String,
    /// The first day; absent, if it always held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    from: Option<Day>,
    /// The first day it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    until: Option<Day>,
    /// Act and article, or whose terms.
    source: String,
    /// Where it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    link: Option<String>,
    /// Whether it is terms and not law.
    is_terms: bool,
    /// Its numbers, each with how it was found.
    numbers: Vec<Number>,
    /// How the rule was found.
    certainty: w::Certainty,
    /// When somebody last looked.
    checked: Day,
    /// When somebody should look again.
    review_due: Day,
    /// Who may see it.
    visible_to: Vec<w::Audience>,
    /// More for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
}

/// A number of a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Number {
    /// Its field in the pack.
    field: &'static str,
    /// As it is written there.
    value: String,
    /// How it was found.
    certainty: w::Certainty,
}

/// Who looks, and in which language.
#[derive(Clone, Copy, Debug)]
pub struct Visible {
    /// Who.
    pub audience: Audience,
    /// The language of the words.
    pub lang: Lang,
}

impl Visible {
    /// A rule in words, if it may be seen.
    pub fn rule(self, rule: &Rule) -> Option<Shown> {
        if !rule.visible_to.has(self.audience) {
            return None;
        }
        let lang = self.lang;
        let number = |(field, value): (&'static str, String)| Number {
            field,
            value,
            certainty: Word(rule.certainty_of(field)),
        };
        Some(Shown {
            id: rule.id.clone(),
            title: rule.title.in_(lang).to_owned(),
            says: rule_text(rule, lang),
            applies_to: scope_text(rule, lang),
            from: rule.from.map(Day),
            until: rule.until.map(Day),
            source: authority_text(rule, lang),
            link: match &rule.authority {
                Some(Authority::Law { link, .. } | Authority::Terms { link, .. }) => link.clone(),
                None => None,
            },
            is_terms: matches!(rule.authority, Some(Authority::Terms { .. })),
            numbers: rule.numbers().into_iter().map(number).collect(),
            certainty: Word(rule.certainty),
            checked: Day(rule.checked),
            review_due: Day(rule.review_due()),
            visible_to: Word::list(rule.visible_to),
            note: rule.note.as_ref().map(|note| note.in_(lang).to_owned()),
        })
    }
}

fn line(pack: &Pack, in_force: bool, today: policy::Date, lang: Lang) -> PackLine {
    let found = |certainty| {
        pack.rules
            .iter()
            .filter(move |r| r.certainty == certainty)
            .count()
    };
    let is_terms = |rule: &&Rule| matches!(rule.authority, Some(Authority::Terms { .. }));
    PackLine {
        id: pack.id.clone(),
        title: pack.title.in_(lang).to_owned(),
        version: pack.version.clone(),
        in_force,
        asset: pack.asset.code.to_string(),
        rest_of_world: pack.rest_of_world,
        countries: pack.territories.len(),
        rules: pack.rules.len(),
        official: found(Certainty::Official),
        secondary: found(Certainty::Secondary),
        unverified: found(Certainty::Unverified),
        terms: pack.rules.iter().filter(is_terms).count(),
        overdue: pack.overdue(today).count(),
        review_due: pack.rules.iter().map(Rule::review_due).min().map(Day),
    }
}

/// The packs in force, and those that come with the program where none of the name is. Not legal
/// advice: each rule says its act and article, and how its number was found.
#[utoipa::path(
    get,
    path = "/v1/packs",
    params(LangParam),
    responses((status = 200, description = "All of them.", body = PackList))
)]
async fn list_packs(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
) -> Handled<PackList> {
    let today = law::today(&app);
    let here = law::laws::in_force(&app, caller.tenant).await?;
    let mut items: Vec<PackLine> = here
        .active()
        .iter()
        .map(|pack| line(pack, true, today, lang))
        .collect();
    let is_there = |pack: &&Pack| here.active().iter().all(|active| active.id != pack.id);
    let others = law::builtin().iter().filter(is_there);
    items.extend(others.map(|pack| line(pack, false, today, lang)));
    items.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Answer::ok(PackList { items }))
}

async fn whole(
    app: &App,
    caller: &Caller,
    lang: Lang,
    id: &str,
    version: Option<&str>,
) -> Outcome<PackWhole> {
    let not_there = |field: &str, what: &str| {
        let words = format!("no pack \"{}\"{what} is known here", excerpt(id));
        Problem::not_found(field, words)
    };
    let source = law::named(app, caller, id, version).await?;
    let source = source.ok_or_else(|| match version {
        Some(version) => not_there("version", &format!(" of version {}", excerpt(version))),
        None => not_there("id", ""),
    })?;
    let today = law::today(app);
    let text = source.text.clone();
    let read = app.blocking(move |_| law::read_one(&source, today)).await?;
    let read = read.map_err(|finding| Problem::internal(&finding.words))?;
    let pack = read.pack;
    let here = law::laws::in_force(app, caller.tenant).await?;
    let in_force = here
        .active()
        .iter()
        .any(|active| (&active.id, &active.version) == (&pack.id, &pack.version));
    let visible = Visible {
        audience: caller.policy_audience(),
        lang,
    };
    let items: Vec<Shown> = pack.rules.iter().filter_map(|r| visible.rule(r)).collect();
    let sees_all = items.len() == pack.rules.len();
    let is_public = policy::BUILTIN.iter().any(|builtin| builtin.text == text);
    let territory = |t: &policy::Territory| Territory {
        country: CountryText(Country::new(t.country.as_str()).unwrap_or(Country::UNKNOWN)),
        zone: t.zone.clone(),
    };
    Ok(PackWhole {
        line: line(&pack, in_force, today, lang),
        territories: pack.territories.iter().map(territory).collect(),
        items,
        text: (sees_all || is_public).then(|| text.into_owned()),
        // What was found in a rule that may not be seen is not told either.
        findings: if sees_all { read.findings } else { Vec::new() },
        lang: lang.into(),
    })
}

/// One pack as it is in force here, else as it comes with the program: its rules in words, with their
/// sources, and its text.
#[utoipa::path(
    get,
    path = "/v1/packs/{id}",
    params(("id" = String, Path, description = "Which pack.", example = "kr"), LangParam),
    responses((status = 200, description = "The pack.", body = PackWhole))
)]
async fn get_pack(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    Path(id): Path<String>,
) -> Handled<PackWhole> {
    Ok(Answer::ok(whole(&app, &caller, lang, &id, None).await?))
}

/// One version of a pack, in force or not.
#[utoipa::path(
    get,
    path = "/v1/packs/{id}/versions/{version}",
    params(
        ("id" = String, Path, description = "Which pack.", example = "kr"),
        ("version" = String, Path, description = "Which version.", example = "2026-11-23"),
        LangParam,
    ),
    responses((status = 200, description = "The pack as it was.", body = PackWhole))
)]
async fn get_pack_version(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    Path((id, version)): Path<(String, String)>,
) -> Handled<PackWhole> {
    Ok(Answer::ok(
        whole(&app, &caller, lang, &id, Some(&version)).await?,
    ))
}

/// Two editions to compare.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Comparison {
    /// The earlier.
    old: PackRef,
    /// The later.
    new: PackRef,
}

/// What changes.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Compared {
    /// Every change, in the order of the later edition; what is no longer there comes last.
    changes: Vec<Change>,
    /// What a reading of the later one found.
    findings: Vec<Finding>,
    /// The language of the words.
    lang: LangWord,
}

/// One change of a pack.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PackChange)]
pub struct Change {
    /// The pack.
    pub pack: String,
    /// The rule; absent, if it is the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<String>,
    /// What changes.
    #[schema(examples("KR carrier monthly limit ₩600,000 → ₩1,000,000 from 2020-06-01"))]
    pub words: String,
}

/// The changes between two editions that may be seen.
pub fn changes(old: &Pack, new: &Pack, visible: Visible) -> Vec<Change> {
    let may_see = |id: &str| {
        let rules = old.rules.iter().chain(&new.rules);
        let mut of_id = rules.filter(|rule| rule.id == id);
        of_id.all(|rule| rule.visible_to.has(visible.audience))
    };
    let changes = policy::diff(old, new);
    let seen = changes.into_iter().filter(|change| may_see(&change.rule));
    seen.map(|change| Change {
        pack: new.id.clone(),
        words: change.words.in_(visible.lang).to_owned(),
        rule: Some(change.rule).filter(|rule| !rule.is_empty()),
    })
    .collect()
}

/// Say what changes from one edition of a pack to another, in words: versions known here, or texts.
#[utoipa::path(
    post,
    path = "/v1/packs/diff",
    params(LangParam),
    request_body = Comparison,
    responses((status = 200, description = "What changes.", body = Compared))
)]
async fn compare_packs(
    State(app): State<App>,
    caller: Caller,
    Spoken(lang): Spoken,
    Json(two): Json<Comparison>,
) -> Handled<Compared> {
    let old = law::find(&app, &caller, &two.old, "old").await?;
    let new = law::find(&app, &caller, &two.new, "new").await?;
    let today = law::today(&app);
    let read = app
        .blocking(move |_| law::read_sources(&[old, new], today))
        .await??;
    let visible = Visible {
        audience: caller.policy_audience(),
        lang,
    };
    let [old, new] = read.as_slice() else {
        return Err(Problem::internal(&"two packs were read").into());
    };
    Ok(Answer::ok(Compared {
        changes: changes(&old.pack, &new.pack, visible),
        findings: new.findings.clone(),
        lang: lang.into(),
    }))
}
