//! API keys: made, listed, revoked. A secret is shown once.

use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{KeyId, PartyId, TenantId};
use crate::types::words::Mode;
use crate::types::{Cursor, Page, Text, Time};
use axum::extract::State;
use axum::http::HeaderMap;
use identity::{Error, KeyRecord, KeySpec, OsRandom, Scope, Scopes};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::KeysWrite, routes!(create_key))
        .needs(Scope::KeysRead, routes!(list_keys))
        .needs(Scope::KeysRead, routes!(get_key))
        .needs(Scope::KeysWrite, routes!(revoke_key))
}

/// One scope on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ScopeText(Scope);

impl Serialize for ScopeText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for ScopeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse()
            .map(ScopeText)
            .map_err(serde::de::Error::custom)
    }
}

impl PartialSchema for ScopeText {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Scope::ALL.iter().map(|scope| scope.as_str())));
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for ScopeText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Scope")
    }
}

/// A key's name: 1 to 100 characters, none of them control characters.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
struct Label(Text<100>);

impl PartialSchema for Label {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(100))
            .pattern(Some("^[^\\u0000-\\u001f\\u007f-\\u009f]+$"))
            .examples(["till 4"]);
        RefOr::T(Schema::Object(object.build()))
    }
}

impl ToSchema for Label {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Label")
    }
}

/// A key to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    /// What it may do; nothing that your own key may not.
    #[schema(min_items = 1)]
    scopes: Vec<ScopeText>,
    /// Your name for it, such as "till 4". Not for personal data.
    label: Label,
    /// Until when it works; for ever, if not given.
    expires_at: Option<Time>,
    /// Of another tenant: only the operator's own key may give this, only with `admin`, and a live
    /// tenant only a live key.
    tenant: Option<TenantId>,
    /// Of a software agent: the key can then only pay, under a mandate of this party.
    agent: Option<PartyId>,
}

/// A key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Key {
    /// Its id. Not a secret.
    id: KeyId,
    /// Which tenant it reaches.
    tenant: TenantId,
    /// Test or live.
    mode: Mode,
    /// What it may do.
    scopes: Vec<ScopeText>,
    /// Your name for it.
    label: String,
    /// The key at the head of its line, which the command made on the machine. All keys of a line
    /// count as one person's.
    line: KeyId,
    /// The agent whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    agent: Option<PartyId>,
    /// Since when.
    created_at: Time,
    /// Until when it works.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_at: Option<Time>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<Time>,
    /// When it was last used, to about a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_used_at: Option<Time>,
}

/// A key just made.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct KeyMade {
    /// The key.
    key: Key,
    /// What goes into `Authorization: Bearer`. Shown now and never again.
    secret: String,
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct KeyQuery {
    /// The `next` of the page before; without it, the first page.
    cursor: Option<Cursor>,
    /// At most so many items; 100 if not given.
    limit: Option<crate::types::Limit>,
}

fn shown(record: &KeyRecord) -> Key {
    Key {
        id: KeyId(engine::Id(record.id.0)),
        tenant: TenantId(engine::Id(record.tenant)),
        mode: record.mode.into(),
        scopes: record.scopes.iter().map(ScopeText).collect(),
        label: record.label.clone(),
        line: KeyId(engine::Id(record.head().0)),
        agent: record.agent.map(|agent| PartyId(engine::Id(agent))),
        created_at: Time::from_ms(record.created_at_ms),
        expires_at: record.expires_at_ms.map(Time::from_ms),
        revoked_at: record.revoked_at_ms.map(Time::from_ms),
        last_used_at: record.last_used_at_ms.map(Time::from_ms),
    }
}

fn problem(error: Error) -> Box<Problem> {
    match error {
        Error::KeyUnknown => Problem::not_found("id", "no such key in this tenant"),
        Error::Label { .. } => Problem::new(codes::LABEL_INVALID, error.to_string()).at("label"),
        Error::ExpiresInPast => {
            Problem::new(codes::EXPIRES_IN_PAST, error.to_string()).at("expires_at")
        }
        Error::NoScope | Error::UnknownScope { .. } => {
            Problem::of(engine::Code::Malformed, error.to_string()).at("scopes")
        }
        Error::BothHalves => Problem::new(codes::SCOPES_CONFLICT, error.to_string()).at("scopes"),
        Error::NotForAgents { .. } => {
            Problem::new(codes::SCOPE_NOT_FOR_AGENTS, error.to_string()).at("scopes")
        }
        Error::Store(error) => Problem::store(&error),
    }
}

/// Whose key it is to be, and of which mode.
async fn tenant_of(
    app: &App,
    caller: &Caller,
    given: Option<TenantId>,
) -> Outcome<(u128, identity::Mode)> {
    let tenant = given.map_or(caller.tenant_id(), |tenant| tenant.0.0);
    if tenant == caller.tenant_id() {
        return Ok((tenant, caller.key.mode));
    }
    caller.require_operator(engine::records::Mode::Test)?;
    if !caller.key.scopes.contains(Scope::Admin) {
        return Err(Problem::new(
            codes::SCOPE_MISSING,
            "a key of another tenant needs the scope admin",
        ));
    }
    let mode = app.query(move |state| {
        let no = state.tenant_no(engine::ids::TenantId(engine::Id(tenant)))?;
        state.tenant(no).map(|tenant| tenant.mode)
    });
    let mode = mode
        .await?
        .ok_or_else(|| Problem::not_found("tenant", "no such tenant"))?;
    caller.require_operator(mode)?;
    Ok((tenant, Mode::from(mode).into()))
}

/// A key is bound only to an agent that is there.
async fn require_agent(app: &App, tenant: u128, agent: PartyId) -> Outcome<()> {
    let kind = app.query(move |state| {
        let tenant = state.tenant_no(engine::ids::TenantId(engine::Id(tenant)))?;
        let party = state.party_no(tenant, engine::ids::PartyId(agent.0))?;
        Some(state.party(party).kind)
    });
    match kind.await? {
        Some(engine::records::PartyKind::Agent) => Ok(()),
        Some(_) => Err(Problem::not_found("agent", "the party is no agent")),
        None => Err(Problem::not_found("agent", "no such party in the tenant")),
    }
}

/// Make a key. The answer is the only place its secret ever is; a request repeated makes another key.
#[utoipa::path(
    post,
    path = "/v1/keys",
    request_body = NewKey,
    responses((status = 201, description = "Made.", body = KeyMade))
)]
async fn create_key(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewKey>,
) -> Handled<KeyMade> {
    idempotency::key(&headers)?;
    let scopes: Scopes = new.scopes.iter().map(|scope| scope.0).collect();
    if !caller.key.may_grant(scopes) {
        let words = "the key making it has not got all of these scopes";
        return Err(Problem::new(codes::SCOPE_NOT_GRANTABLE, words)
            .at("scopes")
            .into());
    }
    let (tenant, mode) = tenant_of(&app, &caller, new.tenant).await?;
    if let Some(agent) = new.agent {
        require_agent(&app, tenant, agent).await?;
    }
    let asked = new
        .expires_at
        .map(|at| i64::try_from(at.0.0).unwrap_or(i64::MAX));
    // No key outlives the one it was made with, or ending that would not end it.
    let most = caller.key.expires_at_ms;
    if let (Some(asked), Some(most)) = (asked, most)
        && asked > most
    {
        let words = "the key making it expires before that";
        return Err(Problem::new(codes::EXPIRES_TOO_LATE, words)
            .at("expires_at")
            .into());
    }
    let expires_at_ms = asked.or(most);
    let spec = KeySpec {
        tenant,
        mode,
        scopes,
        label: new.label.0.0,
        expires_at_ms,
        line: Some(caller.key.head()),
        agent: new.agent.map(|agent| agent.0.0),
    };
    let made = app
        .blocking(move |app| app.keys.create(spec, app.now_ms(), &mut OsRandom))
        .await?;
    let made = made.map_err(problem)?;
    let secret = made.secret.expose().to_owned();
    Ok(Answer::created(
        KeyMade {
            key: shown(&made.record),
            secret,
        },
        false,
    ))
}

/// The keys of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/keys",
    params(KeyQuery),
    responses((status = 200, description = "A page of them.", body = Page<Key>))
)]
async fn list_keys(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<KeyQuery>,
) -> Handled<Page<Key>> {
    let cursor = query
        .cursor
        .as_ref()
        .map(|cursor| identity::KeyId(cursor.number()));
    let limit = query.limit.unwrap_or_default().0;
    let tenant = caller.tenant_id();
    let page = app
        .blocking(move |app| app.keys.list(tenant, cursor, limit))
        .await?;
    let page = page.map_err(problem)?;
    let next = page.next.map(|id| Cursor::of_number(id.0));
    Ok(Answer::ok(Page {
        items: page.items.iter().map(shown).collect(),
        next,
        as_of: None,
    }))
}

/// One key, without its secret.
#[utoipa::path(
    get,
    path = "/v1/keys/{id}",
    params(("id" = KeyId, Path, description = "Which key.")),
    responses((status = 200, description = "The key.", body = Key))
)]
async fn get_key(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<KeyId>,
) -> Handled<Key> {
    let tenant = caller.tenant_id();
    let found = app
        .blocking(move |app| app.keys.get(tenant, identity::KeyId(id.0.0)))
        .await?;
    let found = found
        .map_err(problem)?
        .ok_or_else(|| problem(Error::KeyUnknown))?;
    Ok(Answer::ok(shown(&found)))
}

/// End a key for good.
#[utoipa::path(
    post,
    path = "/v1/keys/{id}/revoke",
    params(("id" = KeyId, Path, description = "Which key.")),
    responses((status = 200, description = "Revoked.", body = Key))
)]
async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<KeyId>,
    headers: HeaderMap,
) -> Handled<Key> {
    idempotency::key(&headers)?;
    let tenant = caller.tenant_id();
    let ended = app
        .blocking(move |app| {
            app.keys
                .revoke(tenant, identity::KeyId(id.0.0), app.now_ms())
        })
        .await?;
    Ok(Answer::ok(shown(&ended.map_err(problem)?)))
}
