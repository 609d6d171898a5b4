//! Parties: people, businesses and software agents.

mod limits;
mod segment;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::problem::{Outcome, Problem};
use crate::submit::{self, Done};
use crate::texts::{self, Of, Text as TextOf};
use crate::types::ids::{CommandId, PartyId};
use crate::types::law as w;
use crate::types::words::{PartyKind, Standing};
use crate::types::{Amount, CountryText, Metadata, Page, Text, Time};
use crate::v1::owed::owed;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::Id;
use engine::code::Audience;
use engine::command::Op;
use engine::event::Effect;
use engine::records::Particulars;
use engine::terms::{Country, Tier};
use identity::Scope;
use policy::{Age, Screening};
use serde::{Deserialize, Deserializer, Serialize};
use store::Kind;
use store::read::PartyFilter;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .needs(Scope::PartiesWrite, routes!(create_party))
        .needs(Scope::PartiesRead, routes!(list_parties))
        .needs(Scope::PartiesRead, routes!(get_party))
        .needs(Scope::PartiesWrite, routes!(change_party))
        .needs(Scope::PartiesWrite, routes!(erase_personal_data));
    limits::routes(routes)
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
    /// How old; `unknown`, if not given.
    age: Option<w::Age>,
    /// One of the operator's segments, as the law in force names them.
    segment: Option<Text<100>>,
    /// What screening found about it; `clear`, if not given.
    screening: Option<w::Screening>,
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
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PartyChange {
    /// Where it is.
    country: Option<CountryText>,
    /// How far it has been verified.
    #[schema(minimum = 0, maximum = 4)]
    tier: Option<TierNumber>,
    /// Whether it may act; closed is for good.
    standing: Option<Standing>,
    /// How old.
    age: Option<w::Age>,
    /// One of the operator's segments; `null` takes it out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Text<100>>)]
    segment: Option<Option<Text<100>>>,
    /// What screening found about it.
    screening: Option<w::Screening>,
    /// Its name; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Text<200>>)]
    name: Option<Option<Text<200>>>,
    /// Its e-mail address; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Text<254>>)]
    email: Option<Option<Text<254>>>,
    /// Your own number for it; `null` takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Text<200>>)]
    reference: Option<Option<Text<200>>>,
    /// Your own names and values, whole; `null` takes them away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Metadata>)]
    metadata: Option<Option<Metadata>>,
}

/// What is there, though it may be `null`.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

impl PartyChange {
    /// What it changes of the text, as the store keeps a change.
    fn text(self) -> store::Details {
        fn kept<const MAX: usize>(text: Option<Option<Text<MAX>>>) -> Option<String> {
            text.map(|text| text.map(|text| text.0).unwrap_or_default())
        }
        store::Details {
            reference: kept(self.reference),
            name: kept(self.name),
            email: kept(self.email),
            metadata: self
                .metadata
                .map(|map| map.map(|map| map.0).unwrap_or_default()),
            ..store::Details::default()
        }
    }
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
    /// What it owes, an asset each: it is paid out of what comes in next, to any of its wallets. Not in
    /// lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    owed: Option<Vec<Amount>>,
    /// How old; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    age: Option<w::Age>,
    /// Its segment; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    segment: Option<String>,
    /// What screening found about it; to compliance only, and not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    screening: Option<w::Screening>,
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
    /// Whether its text was erased; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text_erased: Option<bool>,
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

async fn shown(
    app: &App,
    caller: &Caller,
    id: PartyId,
    party: &engine::records::Party,
    (text, is_erased): (store::Details, bool),
) -> Outcome<Party> {
    let particulars = party.particulars;
    let sees_screening = caller.audience() >= Audience::Compliance;
    Ok(Party {
        age: Some(w::Word(particulars.age)),
        segment: segment::name(app, caller, particulars.segment).await?,
        screening: sees_screening.then_some(w::Word(particulars.screening)),
        id,
        kind: party.kind.into(),
        country: CountryText(party.country),
        tier: party.tier.0,
        standing: party.standing.into(),
        owed: None,
        registered_at: None,
        name: text.name,
        email: text.email,
        reference: text.reference,
        metadata: text.metadata.map(Metadata),
        text_erased: is_erased.then_some(true),
    })
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
        metadata: new.metadata.map(|m| m.0).filter(|m| !m.is_empty()),
        ..store::Details::default()
    };
    let kept = text_for(id, id.0, text.clone());
    let particulars = Particulars {
        age: new.age.map_or(Age::Unknown, |word| word.0),
        segment: segment::number(&app, &caller, new.segment.as_ref()).await?,
        screening: new.screening.map_or(Screening::Clear, |word| word.0),
    };
    let (kind, country, tier) = (new.kind, new.country, new.tier.map_or(0, |t| t.0));
    let op = Op::RegisterParty {
        party: engine::ids::PartyId(id.0),
        kind: kind.into(),
        country: country.0,
        tier: Tier(tier),
        particulars,
    };
    let done = submit::submit_with(&app, &caller, id, op, &kept).await?;
    let is_placed = placed(&app, &caller, id, id.0, &done).await;
    is_placed.map_err(|problem| submit::after(problem, id))?;
    let record = engine::records::Party {
        used: [0; engine::records::MEASURES],
        period: [0; engine::records::MEASURES],
        tenant: caller.tenant,
        receivable: ledger::AccountNo::NONE,
        country: country.0,
        tier: Tier(tier),
        kind: kind.into(),
        standing: engine::records::Standing::Active,
        particulars,
        registered: 0,
        counts: u32::MAX,
    };
    let body = shown(&app, &caller, id, &record, (text, false)).await;
    let body = body.map_err(|problem| submit::after(problem, id))?;
    Ok(Answer::created(body, done.replayed))
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
    let page = Page::of(PartyQuery::LIST, page, as_of, |line| Party {
        id: PartyId(engine::Id(line.id)),
        kind: from_word(&line.kind).unwrap_or(PartyKind::Person),
        country: CountryText(Country::new(&line.country).unwrap_or(Country::UNKNOWN)),
        tier: line.tier,
        standing: from_word(&line.standing).unwrap_or(Standing::Active),
        owed: None,
        age: None,
        segment: None,
        screening: None,
        registered_at: Some(Time(engine::UtcMillis(line.at_ms))),
        name: None,
        email: None,
        reference: None,
        metadata: None,
        text_erased: None,
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
    let text = texts::of_party(&app, &caller, id.0).await?;
    let mut party = shown(&app, &caller, id, &record, text).await?;
    let tenant = caller.tenant;
    let owing = app.query(move |state| {
        let no = state.party_no(tenant, engine::ids::PartyId(id.0))?;
        owed(state, no)
    });
    party.owed = owing.await?;
    Ok(Answer::ok(party))
}

/// What is kept of a party for a command.
fn text_for(party: PartyId, command: Id, details: store::Details) -> TextOf {
    TextOf {
        kind: Kind::Party,
        thing: party.0,
        command,
        of: Of::Subject(party.0.0),
        details,
    }
}

/// Notes where the text of a command was decided, so that the party shows it.
async fn placed(
    app: &App,
    caller: &Caller,
    party: PartyId,
    command: Id,
    done: &Done,
) -> Outcome<()> {
    match done.event.part(command).and_then(|part| part.text()) {
        Some(hash) => texts::place(app, caller, party.0, hash, done.position).await,
        None => Ok(()),
    }
}

/// Change where a party is, how far it is verified, whether it may act, or what is said of it.
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
    let particulars = particulars(&app, &caller, id, &change).await?;
    let op = Op::ChangeParty {
        party: engine::ids::PartyId(id.0),
        country: change.country.map(|country| country.0),
        tier: change.tier.map(|tier| Tier(tier.0)),
        standing: change.standing.map(Into::into),
        particulars,
    };
    let text = text_for(id, command.0, change.text());
    let done = submit::submit_with(&app, &caller, command, op, &text).await?;
    let now = async {
        placed(&app, &caller, id, command.0, &done).await?;
        let text = texts::of_party(&app, &caller, id.0).await?;
        Ok((find(&app, &caller, id).await?, text))
    };
    let (mut record, text) = now
        .await
        .map_err(|problem| submit::after(problem, command))?;
    // As it was changed to, whatever has come since.
    for effect in &done.event.effects {
        if let Effect::PartyChanged {
            country,
            tier,
            standing,
            particulars,
            ..
        } = *effect
        {
            (record.country, record.tier, record.standing) = (country, tier, standing);
            record.particulars = particulars;
        }
    }
    let body = shown(&app, &caller, id, &record, text).await;
    let body = body.map_err(|problem| submit::after(problem, command))?;
    Ok(Answer::done(body, done.replayed))
}

/// What the law asks about a party, if any of it changes: what is not given stays.
async fn particulars(
    app: &App,
    caller: &Caller,
    id: PartyId,
    change: &PartyChange,
) -> Outcome<Option<Particulars>> {
    if change.age.is_none() && change.segment.is_none() && change.screening.is_none() {
        return Ok(None);
    }
    let now = find(app, caller, id).await?.particulars;
    let segment = match &change.segment {
        Some(segment) => segment::number(app, caller, segment.as_ref()).await?,
        None => now.segment,
    };
    Ok(Some(Particulars {
        age: change.age.map_or(now.age, |word| word.0),
        segment,
        screening: change.screening.map_or(now.screening, |word| word.0),
    }))
}

/// What was erased.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
struct Erasure {
    /// The party.
    id: PartyId,
    /// Since when nothing about it can be read; the first time, if asked again.
    erased_at: Time,
}

/// Erase a party's personal data for good: the key under which everything said of it and of its
/// payments is encrypted is destroyed, here and for every backup without keys. The ledger stays whole;
/// what had text says `text_erased`. No new text about the party is taken any more.
#[utoipa::path(
    delete,
    path = "/v1/parties/{id}/personal-data",
    params(("id" = PartyId, Path, description = "Which party.")),
    responses((status = 200, description = "Erased.", body = Erasure))
)]
async fn erase_personal_data(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PartyId>,
) -> Handled<Erasure> {
    find(&app, &caller, id).await?;
    let tenant = caller.tenant_id();
    let erased_at = app.blocking(move |app| {
        let had_key = app.store.erase_subject(tenant, id.0.0, app.now_ms())?;
        tracing::info!(party = %id, had_key, "personal_data_erased");
        app.store.keys().erased_at(tenant, id.0.0)
    });
    let erased_at = erased_at.await?.map_err(|error| Problem::store(&error))?;
    let erased_at = erased_at.ok_or_else(|| Problem::internal(&"erased, but not marked so"))?;
    Ok(Answer::ok(Erasure {
        id,
        erased_at: Time::from_ms(erased_at),
    }))
}
