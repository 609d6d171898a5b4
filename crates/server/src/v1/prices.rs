//! Prices: what things cost, in versions, and quotes of them.

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::law::laws;
use crate::lookup;
use crate::prices::{Definition, Quantity};
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::types::ids::{CommandId, PriceId, WalletId};
use crate::types::{Amount, AssetText, Cursor, Page, Text, Time};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::event::Part;
use engine::prices::{Item, PriceRecord};
use engine::records::{PriceNo, TenantNo};
use engine::{Code, Id, State as Shard, UtcMillis};
use identity::Scope;
use ledger::AssetNo;
use money::Asset;
use pricing::{Model, NotQuoted, Version};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::SettingsWrite, routes!(set_price))
        .needs_or_regulator(Scope::SettingsRead, routes!(list_prices))
        .needs_or_regulator(Scope::SettingsRead, routes!(get_price))
        .needs(Scope::SettingsWrite, routes!(archive_price))
        .needs(Scope::PaymentsWrite, routes!(quote_price))
}

/// A price to set, or a new version of one.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    /// Of which price it is the next version; without it, it is a new price.
    price: Option<PriceId>,
    /// From when; at once, if not given or over.
    from: Option<Time>,
    /// What it costs.
    definition: Definition,
}

/// A price.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Price {
    /// Its id.
    id: PriceId,
    /// Where it stands.
    status: PriceStatus,
    /// In what it is paid.
    asset: AssetText,
    /// The version that holds now; absent if none has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    version: Option<u32>,
    /// Its versions, the newest first; in lists, the one that holds now.
    versions: Vec<PriceVersion>,
}

/// Where a price stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PriceStatus {
    /// It can be paid by.
    Active,
    /// It can be paid by no more.
    Archived,
}

/// A version of a price: of those that have begun the newest holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct PriceVersion {
    /// Counts up, from 1.
    version: u32,
    /// From when.
    from: Time,
    /// What it costs.
    definition: Definition,
}

/// What a quantity costs now.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Quote {
    /// By which price.
    price: PriceId,
    /// And which version.
    version: u32,
    /// And which of its variants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    variant: Option<String>,
    /// Of which unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unit: Option<String>,
    /// How many.
    quantity: u64,
    /// How many of them cost nothing.
    free: u64,
    /// What it costs, before tax that comes on top.
    amount: Amount,
}

/// What a payment was priced by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Priced {
    /// By which price.
    pub price: PriceId,
    /// And which version: the one that stays its.
    pub version: u32,
    /// And which of its variants.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub variant: Option<String>,
    /// Of which unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unit: Option<String>,
    /// How many.
    pub quantity: u64,
    /// How many of them cost nothing.
    pub free: u64,
    /// The most that the payer agreed to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<Amount>,
}

list_query! {
    /// Which page.
    PriceQuery {}
}

/// What to quote.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct QuoteQuery {
    /// How many.
    quantity: Quantity,
    /// Of which of its units; the first, if not given.
    unit: Option<Text<100>>,
    /// For which payer: what it has used counts.
    payer: WalletId,
}

fn not_there(field: &str) -> Box<Problem> {
    Problem::not_found(field, "no such price in this tenant")
}

/// The operator's segments, by number from 1.
async fn segments(app: &App, tenant: TenantNo) -> Outcome<Vec<String>> {
    let here = laws::in_force(app, tenant).await?;
    Ok(here
        .law()
        .map_or_else(Vec::new, |law| law.settings.segments.clone()))
}

fn version_shown(version: &Version, asset: &Asset, segments: &[String]) -> PriceVersion {
    PriceVersion {
        version: version.number,
        from: Time(UtcMillis(version.from)),
        definition: Definition::of(&version.price, asset, segments),
    }
}

/// A price as it stands at an instant: all its versions, or the one that holds.
fn shown(
    state: &Shard,
    record: &PriceRecord,
    now: UtcMillis,
    (segments, all): (&[String], bool),
) -> Option<Price> {
    let asset = state.assets.get(usize::from(record.asset.0))?;
    let holds = record.at(now).map(|version| version.number);
    let is_shown = |version: &&Version| all || Some(version.number) == holds;
    let versions = record.versions.iter().rev().filter(is_shown);
    Some(Price {
        id: PriceId(record.id.0),
        status: match record.archived {
            true => PriceStatus::Archived,
            false => PriceStatus::Active,
        },
        asset: AssetText(asset.code),
        version: holds,
        versions: versions
            .map(|version| version_shown(version, asset, segments))
            .collect(),
    })
}

/// The price of an id, as it is.
async fn price_of(app: &App, tenant: TenantNo, id: PriceId) -> Outcome<Price> {
    let (segments, now) = (segments(app, tenant).await?, app.node.now());
    let found = app.query(move |state| {
        let no = state.price_no(tenant, engine::ids::PriceId(id.0))?;
        shown(
            state,
            state.price(no)?,
            now.max(state.now),
            (&segments, true),
        )
    });
    found.await?.ok_or_else(|| not_there("id"))
}

/// Set a price, or a version of one: it holds from `from` on. Payments made keep the version they were
/// made under.
#[utoipa::path(
    post,
    path = "/v1/prices",
    request_body = NewPrice,
    responses((status = 201, description = "Set.", body = Price))
)]
async fn set_price(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewPrice>,
) -> Handled<Price> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let (_, asset) = app
        .asset(new.definition.asset.0, "definition.asset")
        .await?;
    let segments = segments(&app, caller.tenant).await?;
    let definition = new.definition.checked(&asset, &segments);
    let definition = definition.map_err(|(field, words)| {
        let field = format!("definition.{field}");
        Problem::of(Code::PriceInvalid, words).at(field.trim_end_matches('.'))
    })?;
    if let Some(price) = new.price {
        let id = engine::ids::PriceId(price.0);
        let known = app.query(move |state| state.price_no(caller.tenant, id).is_some());
        if !known.await? {
            return Err(not_there("price").into());
        }
    }
    let price = new.price.unwrap_or(PriceId(id.0));
    let op = Op::SetPrice {
        price: engine::ids::PriceId(price.0),
        from: new.from.as_ref().map(|from| from.0),
        definition: Box::new(definition),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let body = price_of(&app, caller.tenant, price).await;
    let body = body.map_err(|problem| submit::after(problem, id))?;
    Ok(Answer::created(body, done.replayed))
}

/// The prices of the tenant, the first set first, each with the version that holds.
#[utoipa::path(
    get,
    path = "/v1/prices",
    params(PriceQuery),
    responses((status = 200, description = "A page of them.", body = Page<Price>))
)]
async fn list_prices(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PriceQuery>,
) -> Handled<Page<Price>> {
    let (limit, tenant) = (query.limit(), caller.tenant);
    let from = query.cursor.as_ref().map_or(0, Cursor::number);
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let (segments, now) = (segments(&app, tenant).await?, app.node.now());
    let page = app.query(move |state| {
        let now = now.max(state.now);
        let own = state.prices.iter().enumerate().skip(from);
        let mut own = own.filter(|(_, record)| record.tenant == tenant);
        let items = own.by_ref().take(limit);
        let items = items.filter_map(|(_, record)| shown(state, record, now, (&segments, false)));
        let items: Vec<Price> = items.collect();
        (
            items,
            own.next().map(|(at, _)| Cursor::of_number(at as u128)),
        )
    });
    let (items, next) = page.await?;
    Ok(Answer::ok(Page {
        items,
        next,
        as_of: None,
    }))
}

/// One price with all its versions.
#[utoipa::path(
    get,
    path = "/v1/prices/{id}",
    params(("id" = PriceId, Path, description = "Which price.")),
    responses((status = 200, description = "The price.", body = Price))
)]
async fn get_price(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PriceId>,
) -> Handled<Price> {
    Ok(Answer::ok(price_of(&app, caller.tenant, id).await?))
}

/// Use a price no more, for good. What was paid by it stays as it was.
#[utoipa::path(
    post,
    path = "/v1/prices/{id}/archive",
    params(("id" = PriceId, Path, description = "Which price.")),
    responses((status = 200, description = "Archived.", body = Price))
)]
async fn archive_price(
    State(app): State<App>,
    caller: Caller,
    PathId(price): PathId<PriceId>,
    headers: HeaderMap,
) -> Handled<Price> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ArchivePrice {
        price: engine::ids::PriceId(price.0),
    };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let body = price_of(&app, caller.tenant, price).await;
    let body = body.map_err(|problem| submit::after(problem, id))?;
    Ok(Answer::done(body, done.replayed))
}

/// What a quantity would cost a payer now. Nothing is kept of it.
#[utoipa::path(
    get,
    path = "/v1/prices/{id}/quote",
    params(("id" = PriceId, Path, description = "Which price."), QuoteQuery),
    responses((status = 200, description = "What it costs.", body = Quote))
)]
async fn quote_price(
    State(app): State<App>,
    caller: Caller,
    PathId(price): PathId<PriceId>,
    Query(query): Query<QuoteQuery>,
) -> Handled<Quote> {
    let (unit, quantity) = (query.unit.as_ref(), query.quantity);
    let item = item_of(&app, caller.tenant, None, (price, unit, quantity)).await;
    let (item, _) = item.map_err(|problem| match problem.field.as_deref() {
        Some("price") => not_there("id"),
        _ => problem,
    })?;
    let (tenant, now) = (caller.tenant, app.node.now());
    let payer = engine::ids::WalletId(query.payer.0);
    let found = app.query(move |state| {
        let wallet = state.wallet_no(tenant, payer).ok_or("payer")?;
        let quoted = state.quote(item, state.wallet(wallet).party, now.max(state.now));
        let record = state.price(item.price).ok_or("id")?;
        if record.archived {
            return Err("archived");
        }
        let asset = state.assets.get(usize::from(record.asset.0)).ok_or("id")?;
        let quoted = match quoted.ok_or("id")? {
            Ok(quoted) => quoted,
            Err(not) => return Ok(Err(not)),
        };
        let variant = quoted.quote.variant.map_or(0, |at| at + 1);
        let priced = (item, quoted.version, variant);
        let (variant, unit) = names_of(record, priced);
        Ok(Ok(Quote {
            price,
            version: quoted.version,
            variant,
            unit,
            quantity: item.quantity,
            free: quoted.quote.free,
            amount: Amount::of(asset, quoted.quote.amount.0),
        }))
    });
    let found: Result<_, &str> = found.await?;
    let quote = found.map_err(|field| match field {
        "payer" => Problem::not_found(field, "no such wallet in this tenant"),
        "archived" => Problem::of(Code::PriceArchived, Code::PriceArchived.help()).at("id"),
        _ => not_there(field),
    })?;
    let quote = quote.map_err(|not| match not {
        NotQuoted::UnknownUnit(_) => Problem::not_found("unit", not.to_string()),
        _ => Problem::of(Code::Malformed, not.to_string()).at("quantity"),
    })?;
    Ok(Answer::ok(quote))
}

/// What is bought by a price, by the names of its unit, under the id of what buys it; and in which asset
/// it is paid.
///
/// # Errors
/// There is no such price or unit.
pub async fn item_of(
    app: &App,
    tenant: TenantNo,
    id: Option<Id>,
    (price, unit, quantity): (PriceId, Option<&Text<100>>, Quantity),
) -> Outcome<(Item, AssetNo)> {
    let unit = unit.map(|unit| unit.0.clone());
    let now = app.node.now();
    let found = app.query(move |state| {
        let no = state.price_no(tenant, engine::ids::PriceId(price.0));
        let no = no.ok_or("price")?;
        let record = state.price(no).ok_or("price")?;
        let Some(name) = unit else {
            return Ok((no, 0, record.asset));
        };
        let version = record.at(now.max(state.now)).ok_or("price")?;
        let of = |version| unit_no(version, &name);
        // What was asked before is answered as it was, also if the price has the unit no more.
        let before = || {
            lookup::recent(state, tenant, id?)?;
            record.versions.iter().rev().find_map(of)
        };
        let at = of(version).or_else(before).ok_or("unit")?;
        Ok((no, at, record.asset))
    });
    let found: Result<(PriceNo, u16, AssetNo), &str> = found.await?;
    let (no, unit, asset) = found.map_err(|field| match field {
        "unit" => Problem::not_found(field, "the price has no unit of this name"),
        _ => not_there(field),
    })?;
    let item = Item {
        price: no,
        unit,
        quantity: quantity.0,
    };
    Ok((item, asset))
}

/// What a price and the name of a unit, or none for the first, are in the version that holds now.
pub fn current(
    state: &engine::State,
    tenant: TenantNo,
    (price, unit): (PriceId, Option<&str>),
    now: engine::UtcMillis,
) -> Option<(Item, AssetNo)> {
    let price = state.price_no(tenant, engine::ids::PriceId(price.0))?;
    let record = state.price(price)?;
    let unit = match unit {
        None => 0,
        Some(name) => unit_no(record.at(now.max(state.now))?, name)?,
    };
    let item = Item {
        price,
        unit,
        quantity: 1,
    };
    Some((item, record.asset))
}

/// The number of a unit of this name.
fn unit_no(version: &Version, name: &str) -> Option<u16> {
    let Model::PerUnit { units } = &version.price.rate.model else {
        return None;
    };
    let at = units.iter().position(|unit| unit.name == name)?;
    u16::try_from(at).ok()
}

/// The names of a variant, from 1, and of a unit.
fn names_of(
    record: &PriceRecord,
    (item, version, variant): (Item, u32, u16),
) -> (Option<String>, Option<String>) {
    let Some(version) = record.version(version) else {
        return (None, None);
    };
    let at = usize::from(variant).checked_sub(1);
    let variant = at.and_then(|at| version.price.variants.get(at));
    let unit = match &version.price.rate.model {
        Model::PerUnit { units } => units.get(usize::from(item.unit)),
        _ => None,
    };
    let unit = unit.filter(|unit| !unit.name.is_empty());
    (
        variant.map(|variant| variant.name.clone()),
        unit.map(|unit| unit.name.clone()),
    )
}

/// What a payment was priced by, if by a price.
///
/// # Errors
/// The node does not answer.
pub async fn priced(app: &App, part: &Part<'_>) -> Outcome<Option<Priced>> {
    let Some(&priced) = part.priced() else {
        return Ok(None);
    };
    app.query(move |state| {
        let record = state.price(priced.item.price)?;
        let asset = state.assets.get(usize::from(record.asset.0))?;
        let (variant, unit) = names_of(record, (priced.item, priced.version, priced.variant));
        Some(Priced {
            price: PriceId(record.id.0),
            version: priced.version,
            variant,
            unit,
            quantity: priced.item.quantity,
            free: priced.free,
            limit: (priced.limit > 0).then(|| Amount::of(asset, priced.limit)),
        })
    })
    .await
}
