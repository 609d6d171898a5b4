//! Tax: the rules in force, what is known of sellers and buyers, previews, numbers, returns.

use crate::app::App;
use crate::codes;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::idempotency;
use crate::problem::{Outcome, Problem, Refuse};
use crate::submit;
use crate::taxes::{self, Decided, FactsGiven, Reassessed, Return, SupplierText, Wanted};
use crate::texts;
use crate::types::ids::{CommandId, PartyId, WalletId};
use crate::types::{Amount, CountryText, Time};
use crate::v1::common::amount_of;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use engine::command::{Op, Spend};
use engine::ids::MandateId;
use engine::taxes::{Profile, TaxSettings};
use engine::{Code, Id};
use identity::Scope;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tax::parse::Builder;
use tax::rules::Certainty;
use tax::supply::{Checked, Part, Pricing};
use tax::{Rules, number};
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs_or_regulator(Scope::SettingsRead, routes!(get_tax_rules))
        .needs(Scope::SettingsWrite, routes!(set_tax_rules))
        .needs_or_regulator(Scope::SettingsRead, routes!(list_tax_rates))
        .needs(Scope::PartiesRead, routes!(get_taxpayer))
        .needs(Scope::PartiesWrite, routes!(set_taxpayer))
        .needs(Scope::PaymentsWrite, routes!(preview_tax))
        .needs_any(
            &[
                Scope::PartiesRead,
                Scope::PartiesWrite,
                Scope::PaymentsWrite,
            ],
            routes!(check_tax_number),
        )
        .needs_or_regulator(Scope::LedgerRead, routes!(get_tax_return))
        .needs_or_regulator(Scope::LedgerRead, routes!(reassess_tax))
}

/// What the platform does in the supplies of its sellers; it decides whose supply it is.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct PlatformPart {
    /// It only processes the payment: the seller supplies.
    payment_only: bool,
    /// It authorises the charge to the customer.
    authorises_charge: bool,
    /// It authorises the delivery.
    authorises_delivery: bool,
    /// It sets the general terms.
    sets_terms: bool,
    /// Contracts, invoices and receipts name the seller as the supplier.
    names_seller: bool,
    /// The authority of the customer's country designated it.
    designated: bool,
}

/// Rules as texts, in the form of the files of `tax/rates`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RulesGiven {
    /// What the Union's law says.
    union: Option<String>,
    /// A country each.
    #[schema(max_items = 254)]
    countries: Vec<String>,
}

/// Tax rules and settings to put into force.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTaxRules {
    /// `true` for the rules that come with this version.
    #[serde(default)]
    built_in: bool,
    /// Rules of your own. Without them and without `built_in`, those in force stay.
    rules: Option<RulesGiven>,
    /// The operator as a taxpayer; `null` or absent puts tax rules out of force.
    operator: Option<SupplierText>,
    /// What the platform does in the supplies of its sellers.
    #[serde(default)]
    platform: PlatformPart,
    /// `inclusive` or `exclusive`: whether prices contain their tax; `inclusive`, if not given.
    #[schema(value_type = Option<String>, examples("inclusive"))]
    pricing: Option<Pricing>,
    /// Whether a tax number is enough of which only the format was checked.
    #[serde(default)]
    format_is_enough: bool,
}

/// The tax rules in force.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaxRules {
    /// Counts up each time they are set, from 1; 0 if they never were.
    version: u32,
    /// Whether rules are in force. If not, the terms' rate of the payer's country is.
    in_force: bool,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    since: Option<Time>,
    /// The hash of the rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hash: Option<String>,
    /// The operator as a taxpayer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    operator: Option<SupplierText>,
    /// What the platform does in the supplies of its sellers.
    platform: PlatformPart,
    /// `inclusive` or `exclusive`.
    #[schema(value_type = Option<String>, examples("inclusive"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing: Option<Pricing>,
    /// Whether a tax number is enough of which only the format was checked.
    format_is_enough: bool,
    /// How many dated rates they have.
    rates: usize,
    /// Of how many countries.
    countries: usize,
}

fn shown(state: &engine::State, tenant: engine::records::TenantNo) -> TaxRules {
    let record = state.tenant(tenant);
    let version = record.map_or(0, |tenant| tenant.tax_version);
    let Some(tax) = record.and_then(|tenant| tenant.tax.as_deref()) else {
        return TaxRules {
            version,
            in_force: false,
            since: None,
            hash: None,
            operator: None,
            platform: PlatformPart::default(),
            pricing: None,
            format_is_enough: false,
            rates: 0,
            countries: 0,
        };
    };
    let part = tax.settings.part;
    TaxRules {
        version,
        in_force: true,
        since: Some(Time(tax.since)),
        hash: Some(taxes::hash_text(tax)),
        operator: Some(SupplierText::of(&tax.settings.operator)),
        platform: PlatformPart {
            payment_only: part.payment_only,
            authorises_charge: part.authorises_charge,
            authorises_delivery: part.authorises_delivery,
            sets_terms: part.sets_terms,
            names_seller: part.names_seller,
            designated: part.designated,
        },
        pricing: Some(tax.settings.pricing),
        format_is_enough: tax.settings.format_is_enough,
        rates: tax.current.rules.rates.len(),
        countries: tax.current.rules.countries.len(),
    }
}

/// The tax rules in force, and the settings.
#[utoipa::path(
    get,
    path = "/v1/tax/rules",
    responses((status = 200, description = "The rules.", body = TaxRules))
)]
async fn get_tax_rules(State(app): State<App>, caller: Caller) -> Handled<TaxRules> {
    let tenant = caller.tenant;
    Ok(Answer::ok(
        app.query(move |state| shown(state, tenant)).await?,
    ))
}

/// Put tax rules and settings into force, whole. Payments made before keep the rules they were made
/// under; so do their captures and refunds.
#[utoipa::path(
    put,
    path = "/v1/tax/rules",
    request_body = NewTaxRules,
    responses((status = 200, description = "In force.", body = TaxRules))
)]
async fn set_tax_rules(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewTaxRules>,
) -> Handled<TaxRules> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let malformed = |field: &str, words: String| Problem::of(Code::Malformed, words).at(field);
    let settings = match &new.operator {
        None => None,
        Some(operator) => Some(Box::new(TaxSettings {
            operator: operator.read("operator")?,
            part: Part {
                payment_only: new.platform.payment_only,
                authorises_charge: new.platform.authorises_charge,
                authorises_delivery: new.platform.authorises_delivery,
                sets_terms: new.platform.sets_terms,
                names_seller: new.platform.names_seller,
                designated: new.platform.designated,
            },
            pricing: new.pricing.unwrap_or_default(),
            format_is_enough: new.format_is_enough,
        })),
    };
    let rules = match (new.built_in, new.rules) {
        (true, Some(_)) => {
            let words = "give `built_in` or `rules`, not both".to_owned();
            return Err(malformed("rules", words).into());
        }
        (true, None) => Some(tax::rates::built_in()),
        (false, given) => given.map(|given| read(&given)),
    };
    let rules = rules.transpose();
    let rules = rules.map_err(|error| malformed("rules", error.to_string()))?;
    let rules = rules.map(Arc::new);
    let op = Op::SetTax { rules, settings };
    let done = submit::submit(&app, &caller, id.0, id, op).await?;
    let tenant = caller.tenant;
    let body = app.query(move |state| shown(state, tenant)).await;
    let body = body.map_err(|problem| submit::after(problem, id))?;
    Ok(Answer::done(body, done.replayed))
}

fn read(given: &RulesGiven) -> Result<Rules, tax::parse::RatesError> {
    let mut builder = Builder::default();
    if let Some(union) = &given.union {
        builder.union("union", union)?;
    }
    for (at, text) in given.countries.iter().enumerate() {
        builder.country(&format!("countries[{at}]"), text)?;
    }
    builder.build()
}

/// A dated rate.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaxRate {
    /// Where.
    place: String,
    /// For what.
    category: &'static str,
    /// From this day, until the next of the same place and category.
    from: String,
    /// The rate, percent; 0 where nothing is collected.
    percent: String,
    /// The act and article.
    act: String,
    /// Where it was read.
    link: String,
    /// `official`, `secondary` or `unverified`.
    certainty: String,
}

/// Dated rates.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaxRates {
    /// All of them, by place, category and day.
    items: Vec<TaxRate>,
    /// How many of them nobody has looked up.
    unverified: usize,
}

/// Which rates.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RatesQuery {
    /// Of this country only.
    country: Option<CountryText>,
}

/// The dated rates in force, each with its act.
#[utoipa::path(
    get,
    path = "/v1/tax/rates",
    params(RatesQuery),
    responses((status = 200, description = "The rates.", body = TaxRates))
)]
async fn list_tax_rates(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<RatesQuery>,
) -> Handled<TaxRates> {
    let tenant = caller.tenant;
    let rules = app.query(move |state| {
        let tax = state.tenant(tenant)?.tax.as_deref()?;
        Some(Arc::clone(&tax.current.rules))
    });
    let rules = rules.await?.unwrap_or_default();
    let wanted = query.country.map(|country| country.0.0);
    let of_country =
        |rate: &&tax::rules::Rate| wanted.is_none_or(|wanted| rate.place.country.code() == wanted);
    let items = rules.rates.iter().filter(of_country).filter_map(|rate| {
        let source = rules.source(rate.source)?;
        Some(TaxRate {
            place: rate.place.to_string(),
            category: rate.category.as_str(),
            from: rate.from.to_string(),
            percent: taxes::percent(rate.charge.rate().get()),
            act: source.act.clone(),
            link: source.link.clone(),
            certainty: source.certainty.to_string(),
        })
    });
    let items: Vec<TaxRate> = items.collect();
    let unverified = Certainty::Unverified.to_string();
    let unverified = items.iter().filter(|rate| rate.certainty == unverified);
    let unverified = unverified.count();
    Ok(Answer::ok(TaxRates { items, unverified }))
}

/// A party's tax number, as a buyer.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BuyerNumber {
    /// The number. It is checked by format and check digit, and kept as it stands on invoices,
    /// encrypted under the party's key; the journal has its country only.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    /// The country of the number, where it does not say so itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<CountryText>,
    /// Whether the authority confirmed it (VIES).
    #[serde(default)]
    confirmed: bool,
}

/// What is known of a party for tax.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Taxpayer {
    /// As a seller; absent, it is of its country and registered nowhere else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seller: Option<SupplierText>,
    /// Its tax number; absent, it buys as a consumer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    buyer: Option<BuyerNumber>,
}

/// What is known of a party for tax.
#[utoipa::path(
    get,
    path = "/v1/tax/parties/{id}",
    params(("id" = PartyId, Path, description = "Which party.")),
    responses((status = 200, description = "What is known.", body = Taxpayer))
)]
async fn get_taxpayer(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PartyId>,
) -> Handled<Taxpayer> {
    let tenant = caller.tenant;
    let found = app.query(move |state| {
        let party = state.party_no(tenant, engine::ids::PartyId(id.0))?;
        let known = state.taxpayer_of(tenant, party);
        let seller = known.and_then(|known| state.suppliers.get(known.supplier? as usize));
        Some((
            seller.map(SupplierText::of),
            known.and_then(|known| known.buyer),
        ))
    });
    let not_there = || Problem::not_found("id", "no such party in this tenant");
    let (seller, buyer) = found.await?.ok_or_else(not_there)?;
    let buyer = match buyer {
        None => None,
        Some(checked) => {
            let (text, _) = texts::of_party(&app, &caller, id.0).await?;
            Some(BuyerNumber::of(checked, text.tax_number))
        }
    };
    Ok(Answer::ok(Taxpayer { seller, buyer }))
}

impl BuyerNumber {
    fn of((country, checked): (tax::Country, Checked), number: Option<String>) -> BuyerNumber {
        BuyerNumber {
            number,
            country: Some(CountryText(engine::terms::Country(country.code()))),
            confirmed: checked == Checked::Confirmed,
        }
    }
}

/// Say what is known of a party for tax, whole: what is left out is taken away.
#[utoipa::path(
    put,
    path = "/v1/tax/parties/{id}",
    params(("id" = PartyId, Path, description = "Which party.")),
    request_body = Taxpayer,
    responses((status = 200, description = "Known from now on.", body = Taxpayer))
)]
async fn set_taxpayer(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    PathId(party): PathId<PartyId>,
    Json(new): Json<Taxpayer>,
) -> Handled<Taxpayer> {
    let id: CommandId = idempotency::id(&headers, None, caller.tenant_id(), app.node.now())?;
    let seller = new.seller.as_ref().map(|seller| seller.read("seller"));
    let number = new.buyer.as_ref().map(read_number).transpose()?;
    let checked = match &new.buyer {
        Some(given) if given.confirmed => Checked::Confirmed,
        _ => Checked::Format,
    };
    let profile = Profile {
        supplier: seller.transpose()?,
        buyer: number.as_ref().map(|number| (number.country(), checked)),
    };
    let written = number.map(|number| number.to_string());
    let body = Taxpayer {
        seller: profile.supplier.as_ref().map(SupplierText::of),
        buyer: profile
            .buyer
            .map(|checked| BuyerNumber::of(checked, written.clone())),
    };
    let op = Op::SetTaxpayer {
        party: engine::ids::PartyId(party.0),
        profile: Box::new(profile),
    };
    let text = number_kept(&app, &caller, party, id.0, written).await?;
    let done = submit::submit_with(&app, &caller, id, op, &text).await?;
    if let Some(hash) = done.event.part(id.0).and_then(|part| part.text()) {
        let placed = texts::place(&app, &caller, party.0, hash, done.position).await;
        placed.map_err(|problem| submit::after(problem, id))?;
    }
    Ok(Answer::done(body, done.replayed))
}

/// What is kept of a party's number: one that is not given any more takes the last away, where the
/// party was not erased with it.
async fn number_kept(
    app: &App,
    caller: &Caller,
    party: PartyId,
    command: Id,
    number: Option<String>,
) -> Outcome<texts::Text> {
    let tenant = caller.tenant_id();
    let erased = app.blocking(move |app| app.store.keys().erased_at(tenant, party.0.0));
    let erased = erased.await?.map_err(|error| Problem::store(&error))?;
    let number = number.or_else(|| erased.is_none().then(String::new));
    Ok(texts::Text {
        kind: store::Kind::Party,
        thing: party.0,
        command,
        of: texts::Of::Subject(party.0.0),
        details: store::Details {
            tax_number: number,
            ..store::Details::default()
        },
    })
}

fn read_number(given: &BuyerNumber) -> Outcome<number::TaxNumber> {
    let malformed = |words: String| Problem::of(Code::Malformed, words).at("buyer.number");
    let Some(text) = &given.number else {
        return Err(malformed("a business has a tax number".to_owned()));
    };
    let country = given
        .country
        .and_then(|country| engine::taxes::country(country.0));
    let found = match country {
        Some(country) => number::check(country, text),
        None => number::check_prefixed(text),
    };
    found.map_err(|error| malformed(error.to_string()))
}

/// A payment whose tax is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTaxPreview {
    /// Who would pay.
    payer: WalletId,
    /// Who would be paid.
    payee: WalletId,
    /// How much.
    amount: Amount,
    /// What it would say of itself for tax.
    #[serde(default)]
    tax: FactsGiven,
}

/// What the tax of a payment would be.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaxPreview {
    /// All included.
    gross: Amount,
    /// Without tax.
    net: Amount,
    /// The tax.
    tax: Amount,
    /// What would be decided, and by which act.
    decided: Decided,
}

/// Say what the tax of a payment would be now, whether or not it could be made. Nothing is written.
#[utoipa::path(
    post,
    path = "/v1/tax/preview",
    request_body = NewTaxPreview,
    responses((status = 200, description = "What would be decided.", body = TaxPreview))
)]
async fn preview_tax(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewTaxPreview>,
) -> Handled<TaxPreview> {
    let (asset, amount) = amount_of(&app, &new.amount, "amount").await?;
    let spend = Spend {
        payer: engine::ids::WalletId(new.payer.0),
        mandate: MandateId(Id::NONE),
        amount,
        asset,
        risk: risk::Score(0),
        confirmed: false.into(),
        circumstances: Default::default(),
        tax: new.tax.read("tax")?,
        item: Default::default(),
    };
    let (tenant, payee) = (caller.tenant, engine::ids::WalletId(new.payee.0));
    let found = app.query(move |state| {
        let payer = state.wallet_no(tenant, spend.payer).ok_or("payer")?;
        let payee = state.wallet_no(tenant, payee).ok_or("payee")?;
        let case = engine::taxes::preview(state, payer, payee, &spend);
        Ok::<_, &str>((case, state.assets[usize::from(asset.0)]))
    });
    let (case, asset) = found
        .await?
        .map_err(|field| Problem::not_found(field, "no such wallet in this tenant"))?;
    let case = case.ok_or_else(|| {
        Problem::of(
            Code::WrongState,
            "no tax rules are in force: put some into force first",
        )
    })?;
    let (rate, mode) = (case.sale.rate, case.sale.rounding.mode);
    let split = match case.pricing {
        Pricing::Inclusive => Ok(tax::split::inclusive(amount, rate, mode)),
        Pricing::Exclusive => tax::split::exclusive(amount, rate, mode),
    };
    let split =
        split.map_err(|error| Problem::of(Code::Malformed, error.to_string()).at("amount"))?;
    Ok(Answer::ok(TaxPreview {
        gross: Amount::of(&asset, split.gross().0),
        net: Amount::of(&asset, split.net.0),
        tax: Amount::of(&asset, split.tax.0),
        decided: Decided::of(&case),
    }))
}

/// A tax number, checked.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct TaxNumber {
    /// Whether format and check digit are right. It may still belong to nobody.
    valid: bool,
    /// As it is written on invoices.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    number: Option<String>,
    /// Whose it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    country: Option<String>,
    /// The stable name of what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    code: Option<&'static str>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// Whose number.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NumberQuery {
    /// Whose it is, where it does not say so itself.
    country: Option<CountryText>,
}

/// Check a business's tax number by format and check digit. Nobody is asked, and nothing is kept.
#[utoipa::path(
    get,
    path = "/v1/tax/numbers/{number}",
    params(
        ("number" = String, Path, description = "The number, as it was given.", example = "DE136695976"),
        NumberQuery,
    ),
    responses((status = 200, description = "Right or not, and why.", body = TaxNumber))
)]
async fn check_tax_number(
    _: Caller,
    Path(text): Path<String>,
    Query(query): Query<NumberQuery>,
) -> Handled<TaxNumber> {
    let country = query
        .country
        .and_then(|country| engine::taxes::country(country.0));
    let found = match country {
        Some(country) => number::check(country, &text),
        None => number::check_prefixed(&text),
    };
    let error = found.as_ref().err();
    let right = found.as_ref().ok();
    Ok(Answer::ok(TaxNumber {
        valid: right.is_some(),
        number: right.map(ToString::to_string),
        country: right.map(|number| number.country().to_string()),
        code: error.map(|error| error.code()),
        reason: error.map(ToString::to_string),
    }))
}

/// Which return.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ReturnQuery {
    /// `2026`, `2026-Q3`, `2026-11`, or `2026-07-01..2026-10-01`, the last day not included.
    #[param(example = "2026-Q4")]
    period: String,
    /// `oss_union:IE`, `national:CH` or just `CH`; all of them, if not given.
    #[param(example = "oss_union:IE")]
    registration: Option<String>,
    /// The ids of the payments behind each figure too.
    payments: Option<bool>,
    /// `json`, `csv` or `html`.
    #[param(value_type = Option<String>, example = "csv")]
    format: Option<ReturnFormat>,
}

/// The form of a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ReturnFormat {
    /// JSON.
    #[default]
    Json,
    /// Comma-separated.
    Csv,
    /// A page to print.
    Html,
}

fn wanted(caller: &Caller, query: &ReturnQuery) -> Outcome<Wanted> {
    let bad = |field: &str, words: String| Problem::new(codes::BAD_QUERY, words).at(field);
    let days = taxes::period(&query.period).map_err(|words| bad("period", words))?;
    let registration = query.registration.as_deref().map(str::parse);
    Ok(Wanted {
        tenant: caller.tenant,
        days,
        registration: registration
            .transpose()
            .map_err(|words| bad("registration", words))?,
        payments: query.payments.unwrap_or(false),
    })
}

/// What the operator and sellers owe for a period, by registration, place and rate. Read from the
/// journal's rows of that period; payments go on meanwhile.
#[utoipa::path(
    get,
    path = "/v1/tax/returns",
    params(ReturnQuery),
    responses((status = 200, description = "The return.", content(
        (Return = "application/json"),
        (String = "text/csv"),
        (String = "text/html"),
    )))
)]
async fn get_tax_return(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ReturnQuery>,
) -> Result<Response, Refuse> {
    let wanted = wanted(&caller, &query)?;
    let found = taxes::of_period(&app, wanted).await?;
    let typed = |kind: &'static str, text: String| {
        let kind = HeaderValue::from_static(kind);
        ([(header::CONTENT_TYPE, kind)], text).into_response()
    };
    Ok(match query.format.unwrap_or_default() {
        ReturnFormat::Json => Answer::ok(found).into_response(),
        ReturnFormat::Csv => typed("text/csv; charset=utf-8", taxes::as_csv(&found)),
        ReturnFormat::Html => typed("text/html; charset=utf-8", taxes::as_html(&found)),
    })
}

/// Look at the payments of a period again under the rules in force, and say what would have to be
/// corrected. Nothing is posted: `postings` and `reason` make the body of `POST /v1/corrections`,
/// which a second key approves. Payments that a turnover threshold decided are left as they were. Read
/// from the journal's rows since the period began; payments go on meanwhile.
#[utoipa::path(
    get,
    path = "/v1/tax/reassessment",
    params(ReturnQuery),
    responses((status = 200, description = "What differs.", body = Reassessed))
)]
async fn reassess_tax(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ReturnQuery>,
) -> Handled<Reassessed> {
    let wanted = wanted(&caller, &query)?;
    Ok(Answer::ok(taxes::reassess_period(&app, wanted).await?))
}
