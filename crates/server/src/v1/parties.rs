//! Parties: people, businesses and software agents.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::types::ids::{CommandId, PartyId};
use crate::types::words::{PartyKind, Standing};
use crate::types::{CountryText, Metadata, Page, Text, Time};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::event::Effect;
use engine::terms::{Country, Tier};
use identity::Scope;
use serde::{Deserialize, Serialize};
use store::read::PartyFilter;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::PartiesWrite, routes!(create_party))
        .needs(Scope::PartiesRead, routes!(list_parties))
        .needs(Scope::PartiesRead, routes!(get_party))
        .needs(Scope::PartiesWrite, routes!(change_party))
}

bounded! {
    /// How far verified: 0 anonymous, 1 phone, 2 identified, 3 strong ID, 4 business.
    TierNumber(u8) 0..=4;
}

/// A party to register.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewParty {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<PartyId>,
    /// What it is.
    kind: PartyKind,
    /// Where it is; `ZZ` when not known.
    country: CountryText,
    /// How far it has been verified; 0 if not given.
    #[schema(minimum = 0, maximum = 4)]
    tier: Option<TierNumber>,
    /// Its name.
    name: Option<Text<200>>,
    /// Its e-mail address.
    email: Option<Text<254>>,
    /// Your own number for it.
    reference: Option<Text<200>>,
    /// Your own names and values.
    metadata: Option<Metadata>,
}

/// What changes of a party; what is not given stays.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PartyChange {
    /// Where it is.
    country: Option<CountryText>,
    /// How far it has been verified.
    #[schema(minimum = 0, maximum = 4)]
    tier: Option<TierNumber>,
    /// Whether it may act; closed is for good.
    standing: Option<Standing>,
}

/// A party.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Party {
    /// Its id.
    id: PartyId,
    /// What it is.
    kind: PartyKind,
    /// Where it is.
    country: CountryText,
    /// How far it has been verified.
    tier: u8,
    /// Whether it may act.
    standing: Standing,
    /// Since when; in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    registered_at: Option<Time>,
    /// Its name; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// Its e-mail address; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// Your own number for it; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reference: Option<String>,
    /// Your own names and values; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    metadata: Option<Metadata>,
}

list_query! {
    /// Which parties.
    PartyQuery {
        /// Of this kind.
        kind: PartyKind,
        /// In this country.
        country: CountryText,
        /// Of this tier.
        #[param(minimum = 0, maximum = 4)]
        tier: TierNumber,
        /// Of this standing.
        standing: Standing,
    }
}

fn shown(id: PartyId, party: &engine::records::Party, text: store::Details) -> Party {
    Party {
        id,
        kind: party.kind.into(),
        country: CountryText(party.country),
        tier: party.tier.0,
        standing: party.standing.into(),
        registered_at: None,
        name: text.name,
        email: text.email,
        reference: text.reference,
        metadata: Some(text.metadata).filter(|m| !m.is_empty()).map(Metadata),
    }
}

async fn find(app: &App, caller: &Caller, id: PartyId) -> Outcome<engine::records::Party> {
    let tenant = caller.tenant;
    let found = app.query(move |state| {
        let no = state.party_no(tenant, engine::ids::PartyId(id.0))?;
        Some(state.party(no).clone())
    });
    found
        .await?
        .ok_or_else(|| Problem::not_found("id", "no such party in this tenant"))
}

/// Register a party. Its name, address and other text are kept encrypted under its own key, and never
/// in the journal.
#[utoipa::path(
    post,
    path = "/v1/parties",
    request_body = NewParty,
    responses((status = 201, description = "Registered.", body = Party))
)]
async fn create_party(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewParty>,
) -> Handled<Party> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let text = store::Details {
        reference: new.reference.map(|t| t.0),
        name: new.name.map(|t| t.0),
        email: new.email.map(|t| t.0),
        metadata: new.metadata.map(|m| m.0).unwrap_or_default(),
        ..store::Details::default()
    };
    app.details
        .put(caller.tenant_id(), id.0.0, id.0.0, text.clone())
        .await?;
    let (kind, country, tier) = (new.kind, new.country, new.tier.map_or(0, |t| t.0));
    let op = Op::RegisterParty {
        party: engine::ids::PartyId(id.0),
        kind: kind.into(),
        country: country.0,
        tier: Tier(tier),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let record = engine::records::Party {
        used: [0; engine::records::MEASURES],
        period: [0; engine::records::MEASURES],
        tenant: caller.tenant,
        receivable: ledger::AccountNo::NONE,
        country: country.0,
        tier: Tier(tier),
        kind: kind.into(),
        standing: engine::records::Standing::Active,
    };
    Ok(Answer::created(shown(id, &record, text), done.replayed))
}

/// The parties of the tenant, newest first.
#[utoipa::path(
    get,
    path = "/v1/parties",
    params(PartyQuery),
    responses((status = 200, description = "A page of them.", body = Page<Party>))
)]
async fn list_parties(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PartyQuery>,
) -> Handled<Page<Party>> {
    let filter = PartyFilter {
        kind: query.kind.map(word),
        tier: query.tier.map(|t| t.0),
        country: query.country.map(|c| c.0.as_str().to_owned()),
        standing: query.standing.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.parties(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let page = Page::of(page, as_of, |line| Party {
        id: PartyId(engine::Id(line.id)),
        kind: from_word(&line.kind).unwrap_or(PartyKind::Person),
        country: CountryText(Country::new(&line.country).unwrap_or(Country::UNKNOWN)),
        tier: line.tier,
        standing: from_word(&line.standing).unwrap_or(Standing::Active),
        registered_at: Some(Time(engine::UtcMillis(line.at_ms))),
        name: None,
        email: None,
        reference: None,
        metadata: None,
    });
    Ok(Answer::ok(page))
}

/// A closed word as the read model has it.
pub fn word(word: impl Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// The same back.
pub fn from_word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

/// One party.
#[utoipa::path(
    get,
    path = "/v1/parties/{id}",
    params(("id" = PartyId, Path, description = "Which party.")),
    responses((status = 200, description = "The party.", body = Party))
)]
async fn get_party(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PartyId>,
) -> Handled<Party> {
    let record = find(&app, &caller, id).await?;
    Ok(Answer::ok(shown(
        id,
        &record,
        text_of(&app, &caller, id).await?,
    )))
}

async fn text_of(app: &App, caller: &Caller, id: PartyId) -> Outcome<store::Details> {
    let tenant = caller.tenant_id();
    match app
        .blocking(move |app| app.store.get_details(tenant, id.0.0))
        .await?
    {
        Ok(text) => Ok(text.unwrap_or_default()),
        Err(store::Error::Erased | store::Error::Unreadable) => Ok(store::Details::default()),
        Err(error) => Err(Problem::store(&error)),
    }
}

/// Change where a party is, how far it is verified, or whether it may act.
#[utoipa::path(
    patch,
    path = "/v1/parties/{id}",
    params(("id" = PartyId, Path, description = "Which party.")),
    request_body = PartyChange,
    responses((status = 200, description = "Changed.", body = Party))
)]
async fn change_party(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PartyId>,
    headers: HeaderMap,
    Json(change): Json<PartyChange>,
) -> Handled<Party> {
    let command: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ChangeParty {
        party: engine::ids::PartyId(id.0),
        country: change.country.map(|c| c.0),
        tier: change.tier.map(|t| Tier(t.0)),
        standing: change.standing.map(Into::into),
    };
    let done = submit::submit(&app, &caller, command.0, command, op).await?;
    // As this change left it, whatever came after.
    let mut record = find(&app, &caller, id).await?;
    for effect in &done.event.effects {
        if let Effect::PartyChanged {
            country,
            tier,
            standing,
            ..
        } = *effect
        {
            (record.country, record.tier, record.standing) = (country, tier, standing);
        }
    }
    Ok(Answer::done(
        shown(id, &record, text_of(&app, &caller, id).await?),
        done.replayed,
    ))
}
