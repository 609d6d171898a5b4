//! Subscriptions: to a plan, charged again and again by themselves.

mod view;

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId, Query};
use crate::guard::Routes;
use crate::history;
use crate::idempotency;
use crate::plans::{CouponGiven, Periods};
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::taxes::FactsGiven;
use crate::types::ids::{CommandId, MandateId, PlanId, SubscriptionId, WalletId};
use crate::types::{Amount, Page, Text};
use crate::v1::parties::word;
use crate::v1::payments::{Circumstances, RiskScore};
use crate::v1::plans::not_there as no_plan;
use crate::v1::step_ups::{Factor, attested};
use crate::v1::{common, plans};
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::Op;
use engine::law::Confirmed;
use engine::plans::{Coupon, NewSubscription, Subscription as Record, SubscriptionChange};
use engine::records::TenantNo;
use engine::{Code, Id};
use identity::Scope;
use ledger::AssetNo;
use money::{Asset, Atoms};
use serde::{Deserialize, Serialize};
use store::read::{SubscriptionLine, ThingFilter};
use utoipa::ToSchema;
use utoipa_axum::routes;
use view::{Subscription, SubscriptionStatus, shown, shown_all};

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = plans::routes(routes);
    routes
        .needs(Scope::PaymentsWrite, routes!(subscribe))
        .needs_or_regulator(Scope::PaymentsRead, routes!(list_subscriptions))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_subscription))
        .needs(Scope::PaymentsWrite, routes!(cancel_subscription))
        .needs(Scope::PaymentsWrite, routes!(pause_subscription))
        .needs(Scope::PaymentsWrite, routes!(resume_subscription))
        .needs(Scope::PaymentsWrite, routes!(pay_subscription))
        .needs(Scope::PaymentsWrite, routes!(convert_subscription))
        .needs(Scope::PaymentsWrite, routes!(move_subscription))
        .needs(Scope::PaymentsWrite, routes!(discount_subscription))
}

/// A subscription to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSubscription)]
struct New {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<SubscriptionId>,
    /// For whom it is.
    wallet: WalletId,
    /// Who pays, if another does: a gift.
    payer: Option<WalletId>,
    /// Who is paid.
    payee: WalletId,
    /// To which plan.
    plan: PlanId,
    /// Which of its tiers; the first, if not given.
    tier: Option<Text<100>>,
    /// Pay at once, whatever trial there is.
    #[serde(default)]
    skip_trial: bool,
    /// The most that the payer agrees to pay now, before tax that comes on top.
    amount: Option<Amount>,
    /// What is taken off.
    coupon: Option<CouponGiven>,
    /// It ends after so many periods; never, if not given.
    periods: Option<Periods>,
    /// What the payer allowed an agent: its payments count in it.
    mandate: Option<MandateId>,
    /// The fraud score, 0 to 1000.
    #[schema(minimum = 0, maximum = 1000)]
    risk_score: Option<RiskScore>,
    /// What the law asks about besides, of the first payment.
    #[serde(default)]
    circumstances: Circumstances,
    /// What its payments say of themselves for tax.
    #[serde(default)]
    tax: FactsGiven,
    /// What the payer has proved for the first payment. Needs the scope step_ups:confirm.
    #[serde(default)]
    #[schema(max_items = 3)]
    factors: Vec<Factor>,
}

/// When something takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SubscriptionWhen)]
enum When {
    /// When the period under way is over.
    #[default]
    PeriodEnd,
    /// At once.
    Now,
}

/// How to end it.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SubscriptionCancel)]
struct Cancel {
    /// When. What is past due or paused ends at once.
    at: When,
}

/// What the payer has proved for a payment now.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SubscriptionProof)]
struct Proof {
    /// What. Needs the scope step_ups:confirm.
    #[schema(max_items = 3)]
    factors: Vec<Factor>,
}

/// Nothing besides.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SubscriptionNothing)]
struct Nothing {}

/// Where to move it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SubscriptionMove)]
struct Move {
    /// To this plan, paid in the same asset; its own, if not given. The version is the one that holds now.
    plan: Option<PlanId>,
    /// To this tier.
    tier: Text<100>,
    /// When. Now: what was paid for the days left is credited, and those days are charged at the new
    /// price, if that is cheaper by the day from tomorrow on; of another rhythm a new period begins.
    #[serde(default)]
    at: When,
    /// The most that the payer agrees to pay now, before tax that comes on top.
    amount: Option<Amount>,
    /// What the payer has proved. Needs the scope step_ups:confirm.
    #[serde(default)]
    #[schema(max_items = 3)]
    factors: Vec<Factor>,
}

/// What to take off from the next charge on.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SubscriptionDiscount)]
struct Discount {
    /// What; nothing any more, if not given.
    coupon: Option<CouponGiven>,
}

list_query! {
    /// Which subscriptions.
    SubscriptionQuery {
        /// Paid from this wallet.
        wallet: WalletId,
        /// That stand so.
        status: SubscriptionStatus,
    }
}

fn not_there() -> Box<Problem> {
    Problem::not_found("id", "no such subscription in this tenant")
}

/// What a plan is paid in.
async fn asset_of(app: &App, tenant: TenantNo, plan: PlanId) -> Outcome<(AssetNo, Asset)> {
    let found = app.query(move |state| {
        let no = state.plan_no(tenant, engine::ids::PlanId(plan.0))?;
        let asset = state.plan(no)?.asset;
        Some((asset, *state.assets.get(usize::from(asset.0))?))
    });
    found.await?.ok_or_else(|| no_plan("plan"))
}

/// A subscription, as it is or as it ended.
async fn record_of(app: &App, tenant: TenantNo, id: SubscriptionId) -> Outcome<Record> {
    let open = app.query(move |state| state.subscriptions.get(&(tenant, id.0)).cloned());
    if let Some(record) = open.await? {
        return Ok(record);
    }
    // What has ended is history.
    let line = history::ask_now(app, move |m| m.subscription(tenant.0, id.0.0)).await?;
    let record = line.and_then(|line| serde_json::from_str(&line.record).ok());
    record.ok_or_else(not_there)
}

/// What a subscription is paid in: every plan that it is ever moved to is.
async fn own_asset(app: &App, tenant: TenantNo, id: SubscriptionId) -> Outcome<(AssetNo, Asset)> {
    let record = record_of(app, tenant, id).await?;
    let found = app.query(move |state| {
        let asset = state.plan(record.choice.plan)?.asset;
        Some((asset, *state.assets.get(usize::from(asset.0))?))
    });
    found.await?.ok_or_else(not_there)
}

/// The most that may be paid, in the plan's asset.
async fn limit_of(app: &App, amount: Option<&Amount>, asset: AssetNo) -> Outcome<Atoms> {
    let Some(amount) = amount else {
        return Ok(Atoms::ZERO);
    };
    let (of, atoms) = common::amount_of(app, amount, "amount").await?;
    if of != asset {
        let words = "the plan is in another asset";
        return Err(Problem::of(Code::Malformed, words).at("amount.asset"));
    }
    // A limit of nothing is not the same as none.
    if atoms == Atoms::ZERO {
        let words = "the most that may be paid is at least one atom";
        return Err(Problem::of(Code::AmountZero, words).at("amount"));
    }
    Ok(atoms)
}

fn coupon_of(coupon: Option<&CouponGiven>, asset: &Asset) -> Outcome<Option<Coupon>> {
    let read = coupon.map(|coupon| coupon.read(asset)).transpose();
    read.map_err(|(field, words)| Problem::new(crate::codes::AMOUNT_INVALID, words).at(field))
}

fn confirmed(caller: &Caller, factors: Vec<Factor>) -> Outcome<Confirmed> {
    Ok(attested(caller, &Circumstances::default(), factors)?.confirmed)
}

/// Submits what makes or changes a subscription, and shows what it has become by it.
async fn submit(
    app: &App,
    caller: &Caller,
    id: Id,
    shown_id: String,
    op: Op,
) -> Outcome<(Subscription, bool)> {
    let done = submit::submit(app, caller, id, &shown_id, op).await?;
    let set = done.event.parts().find_map(|part| part.subscription());
    let set = set.ok_or_else(|| Problem::internal(&"the answer is not a subscription's"))?;
    let (subscription, record) = (set.subscription, set.record.clone());
    let body = shown(app, caller, subscription, record).await;
    let body = body.map_err(|problem| submit::after(problem, &shown_id))?;
    Ok((body, done.replayed))
}

/// Changes one.
async fn change(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    subscription: SubscriptionId,
    change: SubscriptionChange,
) -> Handled<Subscription> {
    let id: CommandId = idempotency::id(headers, None, caller.tenant_id(), app.node.now())?;
    let op = Op::ChangeSubscription {
        subscription: subscription.0,
        change,
    };
    let (body, replayed) = submit(app, caller, id.0, id.to_string(), op).await?;
    Ok(Answer::done(body, replayed))
}

/// Subscribe. Without a trial the first period is paid before this returns, under the subscription's own
/// digits: `sub_…` is paid by `pay_…`.
#[utoipa::path(
    post,
    path = "/v1/subscriptions",
    request_body = New,
    responses((status = 201, description = "Subscribed.", body = Subscription))
)]
async fn subscribe(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<New>,
) -> Handled<Subscription> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let (asset_no, asset) = asset_of(&app, caller.tenant, new.plan).await?;
    let attested = attested(&caller, &new.circumstances, new.factors)?;
    let wallet = |id: WalletId| engine::ids::WalletId(id.0);
    let new = NewSubscription {
        wallet: wallet(new.wallet),
        payer: wallet(new.payer.unwrap_or(new.wallet)),
        payee: wallet(new.payee),
        plan: engine::ids::PlanId(new.plan.0),
        tier: new.tier.map(|tier| tier.0),
        skip_trial: new.skip_trial,
        limit: limit_of(&app, new.amount.as_ref(), asset_no).await?,
        coupon: coupon_of(new.coupon.as_ref(), &asset)?,
        periods: new.periods.map(|periods| periods.0),
        mandate: engine::ids::MandateId(new.mandate.map_or(Id::NONE, |mandate| mandate.0)),
        facts: new.tax.read("tax")?,
        circumstances: attested.circumstances,
        risk: risk::Score(new.risk_score.map_or(0, |score| score.0)),
        confirmed: attested.confirmed,
    };
    let op = Op::Subscribe { new: Box::new(new) };
    let (body, replayed) = submit(&app, &caller, id.0, id.to_string(), op).await?;
    Ok(Answer::created(body, replayed))
}

/// The subscriptions of the tenant, newest first; ended ones too.
#[utoipa::path(
    get,
    path = "/v1/subscriptions",
    params(SubscriptionQuery),
    responses((status = 200, description = "A page of them.", body = Page<Subscription>))
)]
async fn list_subscriptions(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SubscriptionQuery>,
) -> Handled<Page<Subscription>> {
    let filter = ThingFilter {
        wallet: query.wallet.map(|w| w.0.0),
        state: query.status.map(word),
    };
    let (cursor, limit, tenant) = (query.cursor(), query.limit(), caller.tenant.0);
    let (page, as_of) = history::ask(&app, query.min_seq(), move |m| {
        m.subscriptions(tenant, &filter, cursor.as_deref(), limit)
    })
    .await?;
    let record = |line: SubscriptionLine| {
        let record = serde_json::from_str::<Record>(&line.record).ok()?;
        Some((Id(line.id), record))
    };
    let records = page.items.into_iter().map(record).collect();
    let page = store::Page {
        items: shown_all(&app, &caller, records).await?,
        next: page.next,
    };
    Ok(Answer::ok(
        Page::of(SubscriptionQuery::LIST, page, as_of, |line| line).whole(),
    ))
}

/// One subscription, as it is or as it ended.
#[utoipa::path(
    get,
    path = "/v1/subscriptions/{id}",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    responses((status = 200, description = "The subscription.", body = Subscription))
)]
async fn get_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
) -> Handled<Subscription> {
    let record = record_of(&app, caller.tenant, id).await?;
    Ok(Answer::ok(shown(&app, &caller, id.0, record).await?))
}

/// End a subscription: with its period, or at once. What is past due or paused ends at once. Nothing is
/// given back by itself: `unused` says what its last payment has left, to be refunded.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/cancel",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Cancel,
    responses((status = 200, description = "Canceled.", body = Subscription))
)]
async fn cancel_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(cancel): Json<Cancel>,
) -> Handled<Subscription> {
    let at_once = cancel.at == When::Now;
    let cancel = SubscriptionChange::Cancel { at_once };
    change(&app, &caller, &headers, id, cancel).await
}

/// Stop an active subscription for now. Its period ends as many whole days of 24 hours later as this lasts.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/pause",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Nothing,
    responses((status = 200, description = "Paused.", body = Subscription))
)]
async fn pause_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(Nothing {}): Json<Nothing>,
) -> Handled<Subscription> {
    change(&app, &caller, &headers, id, SubscriptionChange::Pause).await
}

/// Go on with a subscription that is paused or was to end. If no paid days are left, a period is paid
/// now.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/resume",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Proof,
    responses((status = 200, description = "It goes on.", body = Subscription))
)]
async fn resume_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(proof): Json<Proof>,
) -> Handled<Subscription> {
    let confirmed = confirmed(&caller, proof.factors)?;
    let resume = SubscriptionChange::Resume { confirmed };
    change(&app, &caller, &headers, id, resume).await
}

/// Pay what is past due now, without waiting for the next retry.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/pay",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Proof,
    responses((status = 200, description = "Paid.", body = Subscription))
)]
async fn pay_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(proof): Json<Proof>,
) -> Handled<Subscription> {
    let confirmed = confirmed(&caller, proof.factors)?;
    let pay = SubscriptionChange::Pay { confirmed };
    change(&app, &caller, &headers, id, pay).await
}

/// Agree to pay when a trial is over that does not convert by itself.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/convert",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Nothing,
    responses((status = 200, description = "It will be paid for.", body = Subscription))
)]
async fn convert_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(Nothing {}): Json<Nothing>,
) -> Handled<Subscription> {
    change(&app, &caller, &headers, id, SubscriptionChange::Convert).await
}

/// Move a subscription to another tier or plan. The difference of the days left is paid now, or credited
/// to the payments to come, to the atom.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/move",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Move,
    responses((status = 200, description = "Moved, or to be with its next period.", body = Subscription))
)]
async fn move_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(to): Json<Move>,
) -> Handled<Subscription> {
    let (asset, _) = match to.plan {
        Some(plan) => asset_of(&app, caller.tenant, plan).await?,
        None => own_asset(&app, caller.tenant, id).await?,
    };
    let to = SubscriptionChange::Move {
        plan: engine::ids::PlanId(to.plan.map_or(Id::NONE, |plan| plan.0)),
        tier: to.tier.0,
        at_once: to.at == When::Now,
        limit: limit_of(&app, to.amount.as_ref(), asset).await?,
        confirmed: confirmed(&caller, to.factors)?,
    };
    change(&app, &caller, &headers, id, to).await
}

/// Take something off from the next charge on, or nothing any more.
#[utoipa::path(
    post,
    path = "/v1/subscriptions/{id}/discount",
    params(("id" = SubscriptionId, Path, description = "Which subscription.")),
    request_body = Discount,
    responses((status = 200, description = "It will cost that much less.", body = Subscription))
)]
async fn discount_subscription(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<SubscriptionId>,
    headers: HeaderMap,
    Json(discount): Json<Discount>,
) -> Handled<Subscription> {
    let (_, asset) = own_asset(&app, caller.tenant, id).await?;
    let coupon = coupon_of(discount.coupon.as_ref(), &asset)?;
    let discount = SubscriptionChange::Discount { coupon };
    change(&app, &caller, &headers, id, discount).await
}
