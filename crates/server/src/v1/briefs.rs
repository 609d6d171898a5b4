//! Briefs: what supervisors published and which rules are due for another look. A person dismisses
//! each or links it to a change of a pack. The list is the tenant's own; payments know nothing of it.

mod feeds;

use crate::app::App;
use crate::briefs;
use crate::codes;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{BriefId, KeyId};
use crate::types::{Cursor, Limit, Page, Text, Time};
use ::briefs::{FeedReport, REVIEW};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::{Code, Id};
use identity::Scope;
use serde::{Deserialize, Serialize};
use store::{BriefFilter, BriefStatus, NewDecision};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = feeds::routes(routes);
    routes
        .needs_or_regulator(Scope::SettingsRead, routes!(list_briefs))
        .needs_or_regulator(Scope::SettingsRead, routes!(get_brief))
        .needs(Scope::SettingsWrite, routes!(dismiss_brief))
        .needs(Scope::SettingsWrite, routes!(link_brief))
        .needs(Scope::SettingsWrite, routes!(read_briefs))
}

/// Where a brief stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Nobody has decided.
    Open,
    /// It changes nothing here.
    Dismissed,
    /// It led to a change of a pack, or to a look at a rule.
    Linked,
    /// It went away by itself: the rule was checked.
    Lapsed,
}

impl From<BriefStatus> for Status {
    fn from(status: BriefStatus) -> Status {
        match status {
            BriefStatus::Open => Status::Open,
            BriefStatus::Dismissed => Status::Dismissed,
            BriefStatus::Linked => Status::Linked,
            BriefStatus::Lapsed => Status::Lapsed,
        }
    }
}

impl From<Status> for BriefStatus {
    fn from(status: Status) -> BriefStatus {
        match status {
            Status::Open => BriefStatus::Open,
            Status::Dismissed => BriefStatus::Dismissed,
            Status::Linked => BriefStatus::Linked,
            Status::Lapsed => BriefStatus::Lapsed,
        }
    }
}

/// What a brief is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BriefKind {
    /// A supervisor published it.
    Published,
    /// A rule's last check is older than its review interval.
    Review,
}

/// A brief of the review list.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Brief {
    /// Its id.
    id: BriefId,
    /// What it is.
    kind: BriefKind,
    /// Where it stands.
    status: Status,
    /// The feed it came from; `review` for a rule that is due.
    feed: String,
    /// The pack it is about.
    #[schema(examples("kr"))]
    pack: String,
    /// Who published it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    authority: Option<String>,
    /// The rule that is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rule: Option<String>,
    /// Its title, in the feed's language, as plain text.
    title: String,
    /// Where it is to be read: http or https.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    link: Option<String>,
    /// What it says in brief, as plain text.
    summary: String,
    /// Its language.
    #[schema(examples("ko"))]
    language: String,
    /// When it was published, as far as the feed says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    published_at: Option<Time>,
    /// When it was found.
    found_at: Time,
    /// When its words last changed, which opened it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    changed_at: Option<Time>,
    /// Counts its wordings, from 1.
    #[schema(minimum = 1)]
    revision: i64,
    /// What was decided, the last first; not in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    decisions: Option<Vec<Decision>>,
}

/// What a person decided of a brief.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Decision {
    /// `dismissed` or `linked`.
    verdict: Status,
    /// The wording it is about.
    #[schema(minimum = 1)]
    revision: i64,
    /// Who: a key, or a name given on the command line.
    by: String,
    /// When.
    at: Time,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(required = false)]
    why: String,
    /// The pack it is linked to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pack: Option<String>,
    /// The edition of that pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<String>,
    /// The proposal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    proposal: Option<String>,
    /// The rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    rule: Option<String>,
}

fn shown(brief: store::Brief, decisions: Option<Vec<store::BriefDecision>>) -> Brief {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let decided = |one: store::BriefDecision| Decision {
        verdict: one.decision.verdict.into(),
        revision: one.revision,
        by: one.decision.by,
        at: Time::from_ms(one.at_ms),
        why: one.decision.why,
        pack: one.decision.pack,
        version: one.decision.version,
        proposal: one.decision.proposal,
        rule: one.decision.rule,
    };
    Brief {
        id: BriefId(Id(brief.id)),
        kind: if brief.feed == REVIEW {
            BriefKind::Review
        } else {
            BriefKind::Published
        },
        status: brief.status.into(),
        feed: brief.feed,
        pack: brief.pack,
        authority: some(brief.authority),
        rule: some(brief.rule),
        title: brief.title,
        link: brief.link,
        summary: brief.summary,
        language: brief.language,
        published_at: brief.published_ms.map(Time::from_ms),
        found_at: Time::from_ms(brief.found_ms),
        changed_at: brief.changed_ms.map(Time::from_ms),
        revision: brief.revision,
        decisions: decisions.map(|all| all.into_iter().map(decided).collect()),
    }
}

fn problem(error: store::Error) -> Box<Problem> {
    match error {
        store::Error::BriefUnknown => Problem::not_found("id", "no such brief in this tenant"),
        store::Error::BriefChanged { revision } => {
            let words = format!("the brief's words have changed: it is at revision {revision} now");
            Problem::new(codes::BRIEF_CHANGED, words).at("revision")
        }
        error => Problem::store(&error),
    }
}

/// Which briefs.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BriefQuery {
    /// Only those that stand so.
    #[param(inline)]
    status: Option<Status>,
    /// Only those about a pack, such as `kr`.
    pack: Option<String>,
    /// The `next` of the page before; without it, the first page.
    cursor: Option<Cursor>,
    /// At most so many items; 100 if not given.
    limit: Option<Limit>,
}

/// The review list, newest first: what supervisors published, and rules that are due.
#[utoipa::path(
    get,
    path = "/v1/briefs",
    params(BriefQuery),
    responses((status = 200, description = "A page of them.", body = Page<Brief>))
)]
async fn list_briefs(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<BriefQuery>,
) -> Handled<Page<Brief>> {
    let tenant = caller.tenant_id();
    let before = query.cursor.as_ref().map(Cursor::number);
    let limit = query.limit.unwrap_or_default().0;
    let filter = BriefFilter {
        status: query.status.map(Into::into),
        pack: query.pack.unwrap_or_default(),
    };
    let page = app.blocking(move |app| {
        app.desk.note_overdue(app, tenant, false)?;
        app.store.briefs(tenant, &filter, before, limit)
    });
    let page = page.await?.map_err(problem)?;
    Ok(Answer::ok(Page {
        items: page.items.into_iter().map(|one| shown(one, None)).collect(),
        next: page.next.map(Cursor::of_number),
        as_of: None,
    }))
}

/// One brief, with what was decided of it.
#[utoipa::path(
    get,
    path = "/v1/briefs/{id}",
    params(("id" = BriefId, Path, description = "Which brief.")),
    responses((status = 200, description = "The brief.", body = Brief))
)]
async fn get_brief(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<BriefId>,
) -> Handled<Brief> {
    Ok(Answer::ok(whole(&app, caller.tenant_id(), id).await?))
}

async fn whole(app: &App, tenant: u128, id: BriefId) -> Outcome<Brief> {
    let found = app.blocking(move |app| {
        let brief = app.store.brief(tenant, id.0.0)?;
        let decisions = app.store.brief_decisions(tenant, id.0.0)?;
        Ok(shown(
            brief.ok_or(store::Error::BriefUnknown)?,
            Some(decisions),
        ))
    });
    found.await?.map_err(problem)
}

/// A brief that changes nothing here.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Dismissal {
    /// Why.
    why: Text<1000>,
    /// The wording that was read; without it, the one that stands.
    #[schema(minimum = 1)]
    revision: Option<i64>,
}

/// What a brief led to: an edition or a proposal of a pack, or a look at a rule. At least one of
/// `version`, `proposal` and `rule` is given.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BriefLink {
    /// The pack.
    pack: Text<40>,
    /// The edition that has the change.
    version: Option<Text<40>>,
    /// The proposal that would make it.
    proposal: Option<Text<80>>,
    /// The rule it is about.
    rule: Option<Text<100>>,
    /// Why.
    why: Option<Text<1000>>,
    /// The wording that was read; without it, the one that stands.
    #[schema(minimum = 1)]
    revision: Option<i64>,
}

async fn decide(
    app: &App,
    caller: &Caller,
    id: BriefId,
    revision: Option<i64>,
    mut decision: NewDecision,
) -> Handled<Brief> {
    let tenant = caller.tenant_id();
    decision.by = KeyId(Id(caller.key.id.0)).to_string();
    let decided = app.blocking(move |app| {
        let now_ms = app.now_ms();
        app.store
            .decide_brief(tenant, id.0.0, revision, &decision, now_ms)
    });
    decided.await?.map_err(problem)?;
    Ok(Answer::ok(whole(app, tenant, id).await?))
}

/// Dismiss a brief: somebody read it, and it changes nothing here.
#[utoipa::path(
    post,
    path = "/v1/briefs/{id}/dismiss",
    params(("id" = BriefId, Path, description = "Which brief.")),
    request_body = Dismissal,
    responses((status = 200, description = "Dismissed.", body = Brief))
)]
async fn dismiss_brief(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<BriefId>,
    headers: HeaderMap,
    Json(given): Json<Dismissal>,
) -> Handled<Brief> {
    idempotency::key(&headers)?;
    let decision = NewDecision {
        verdict: BriefStatus::Dismissed,
        by: String::new(),
        why: given.why.0,
        pack: None,
        version: None,
        proposal: None,
        rule: None,
    };
    decide(&app, &caller, id, given.revision, decision).await
}

/// Link a brief to what it led to: an edition or a proposal of a pack, or a rule.
#[utoipa::path(
    post,
    path = "/v1/briefs/{id}/link",
    params(("id" = BriefId, Path, description = "Which brief.")),
    request_body = BriefLink,
    responses((status = 200, description = "Linked.", body = Brief))
)]
async fn link_brief(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<BriefId>,
    headers: HeaderMap,
    Json(given): Json<BriefLink>,
) -> Handled<Brief> {
    idempotency::key(&headers)?;
    if given.version.is_none() && given.proposal.is_none() && given.rule.is_none() {
        let words = "a brief is linked to a version, a proposal or a rule of the pack";
        return Err(Problem::of(Code::Malformed, words).at("version").into());
    }
    let decision = NewDecision {
        verdict: BriefStatus::Linked,
        by: String::new(),
        why: given.why.map(|why| why.0).unwrap_or_default(),
        pack: Some(given.pack.0),
        version: given.version.map(|text| text.0),
        proposal: given.proposal.map(|text| text.0),
        rule: given.rule.map(|text| text.0),
    };
    decide(&app, &caller, id, given.revision, decision).await
}

/// How the reading of one feed went.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct FeedRead {
    /// The feed.
    feed: String,
    /// Whether its server said that nothing is new.
    unchanged: bool,
    /// Items in it.
    items: usize,
    /// Of them new.
    new: u64,
    /// Of them changed.
    changed: u64,
    /// Why it gave nothing, or not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<FeedFailure>,
}

/// Why a feed could not be read.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct FeedFailure {
    /// A stable word.
    #[schema(examples("feed_status"))]
    code: String,
    /// For people.
    words: String,
}

impl From<FeedReport> for FeedRead {
    fn from(report: FeedReport) -> FeedRead {
        FeedRead {
            feed: report.feed,
            unchanged: report.unchanged,
            items: report.items,
            new: report.kept.new,
            changed: report.kept.changed,
            error: report.error.map(|error| FeedFailure {
                code: error.code().to_owned(),
                words: error.to_string(),
            }),
        }
    }
}

/// What a reading brought.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct BriefsRead {
    /// Each feed.
    feeds: Vec<FeedRead>,
    /// New briefs of supervisors.
    new: u64,
    /// Briefs whose words have changed, open again.
    changed: u64,
    /// Rules that are due and were not in the list.
    due: u64,
}

/// Read the feeds now. One that is broken stops no other; the answer comes when all are done.
#[utoipa::path(
    post,
    path = "/v1/briefs/read",
    responses((status = 200, description = "Read.", body = BriefsRead))
)]
async fn read_briefs(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
) -> Handled<BriefsRead> {
    idempotency::key(&headers)?;
    let brought = briefs::read(&app, caller.tenant_id()).await?;
    let feeds: Vec<FeedRead> = brought.reports.into_iter().map(Into::into).collect();
    Ok(Answer::ok(BriefsRead {
        new: feeds.iter().map(|feed| feed.new).sum(),
        changed: feeds.iter().map(|feed| feed.changed).sum(),
        due: brought.due,
        feeds,
    }))
}
