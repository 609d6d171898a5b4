//! A subscription as it is shown.

use crate::app::App;
use crate::extract::Caller;
use crate::plans::CouponGiven;
use crate::problem::{Outcome, Problem};
use crate::types::ids::{MandateId, PlanId, SubscriptionId, WalletId};
use crate::types::{Amount, Time};
use engine::code::Audience;
use engine::plans::{Choice, Due, Status, Subscription as Record};
use engine::records::WalletNo;
use engine::{Id, State, UtcMillis};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A subscription.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// For whom it is.
    pub wallet: WalletId,
    /// Who pays.
    pub payer: WalletId,
    /// Who is paid.
    pub payee: WalletId,
    /// What was chosen.
    #[serde(flatten)]
    pub chosen: Chosen,
    /// Since when it is.
    pub began_at: Time,
    /// The period under way, or the trial.
    pub period: Period,
    /// Until when the service goes on if nothing more is paid; absent of what is paused or has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub serves_until: Option<Time>,
    /// When it is charged next; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub charges_at: Option<Time>,
    /// What was paid for the days left of the period, before tax on top: what a refund of them would be.
    pub unused: Amount,
    /// What later payments are less.
    pub credit: Amount,
    /// What is taken off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub coupon: Option<CouponGiven>,
    /// It ends after so many more periods; absent if never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub periods_left: Option<u32>,
    /// What it is moved to with the next period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<Chosen>,
    /// What its payments count in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub mandate: Option<MandateId>,
    /// Of a trial: whether it is paid for when it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub converts: Option<bool>,
    /// When an event told of the next payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub noticed_at: Option<Time>,
    /// What is not paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub past_due: Option<PastDue>,
    /// Of what is paused, the paid days that are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub days_left: Option<u32>,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// Before its first payment.
    Trialing,
    /// Paid.
    Active,
    /// A renewal failed and is tried again.
    PastDue,
    /// Stopped for now.
    Paused,
    /// It ends with its period.
    Canceling,
    /// It has ended.
    Ended,
}

/// A tier of a version of a plan.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionChosen)]
pub struct Chosen {
    /// Which plan.
    pub plan: PlanId,
    /// Which version of it.
    pub version: u32,
    /// Which of its tiers.
    pub tier: String,
}

/// A period.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionPeriod)]
pub struct Period {
    /// Its number, from 1; 0 is the trial.
    pub number: u32,
    /// When it began.
    pub from: Time,
    /// When it is over.
    pub until: Time,
    /// What all of it costs, before tax on top, after what is taken off.
    pub price: Amount,
}

/// A payment that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SubscriptionPastDue)]
pub struct PastDue {
    /// How often it was tried.
    pub tries: u16,
    /// Why the last failed.
    pub code: &'static str,
    /// When it is tried again; absent if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub retries_at: Option<Time>,
}

impl From<Status> for SubscriptionStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Trialing => SubscriptionStatus::Trialing,
            Status::Active => SubscriptionStatus::Active,
            Status::PastDue => SubscriptionStatus::PastDue,
            Status::Paused => SubscriptionStatus::Paused,
            Status::Canceling => SubscriptionStatus::Canceling,
            Status::Ended => SubscriptionStatus::Ended,
        }
    }
}

fn view(state: &State, id: Id, record: &Record, audience: Audience) -> Option<Subscription> {
    let (plan, _) = state.chosen(record.choice)?;
    let of_plan = state.plan(record.choice.plan)?;
    let zone = &state.tenant(of_plan.tenant)?.terms.zone;
    let asset = state.assets.get(usize::from(of_plan.asset.0))?;
    let amount = |atoms: u64| Amount::of(asset, atoms);
    let wallet = |no: WalletNo| Some(WalletId(state.wallets.get(no.as_index())?.id.0));
    let chosen = |choice: Choice| {
        let (_, tier) = state.chosen(choice)?;
        Some(Chosen {
            plan: PlanId(state.plan(choice.plan)?.id.0),
            version: choice.version,
            tier: tier.name.clone(),
        })
    };
    let will_charge = match record.status {
        Status::Trialing => record.converts,
        Status::Active => record.periods != Some(0),
        _ => false,
    };
    Some(Subscription {
        id: SubscriptionId(id),
        status: record.status.into(),
        wallet: wallet(record.wallet)?,
        payer: wallet(record.payer)?,
        payee: wallet(record.payee)?,
        chosen: chosen(record.choice)?,
        began_at: Time(record.began),
        period: Period {
            number: record.number,
            from: Time(record.from),
            until: Time(record.until),
            price: amount(record.price),
        },
        serves_until: record.serves_until(plan, zone).map(Time),
        charges_at: match record.due {
            Due::Retry => Some(Time(record.due_at)),
            _ => will_charge.then_some(Time(record.until)),
        },
        unused: amount(record.unused(zone.civil(state.now).day.0)),
        credit: amount(record.credit),
        coupon: record.coupon.map(|coupon| CouponGiven::of(&coupon, asset)),
        periods_left: record.periods,
        next: record.change.and_then(chosen),
        mandate: record.mandate.map(|mandate| MandateId(mandate.0)),
        converts: (record.number == 0).then_some(record.converts),
        noticed_at: (record.noticed > UtcMillis(0)).then_some(Time(record.noticed)),
        past_due: record.refused.map(|code| PastDue {
            tries: record.failed,
            code: code.shown_to(audience).as_str(),
            retries_at: (record.due == Due::Retry).then_some(Time(record.due_at)),
        }),
        days_left: (record.status == Status::Paused).then_some(record.left_days),
    })
}

/// One as it is shown.
///
/// # Errors
/// The node does not answer.
pub async fn shown(app: &App, caller: &Caller, id: Id, record: Record) -> Outcome<Subscription> {
    let audience = caller.audience();
    let found = app.query(move |state| view(state, id, &record, audience));
    let words = &"a subscription names what is not there";
    found.await?.ok_or_else(|| Problem::internal(words))
}

/// Some of them as they are shown; what cannot be is left out.
///
/// # Errors
/// The node does not answer.
pub async fn shown_all(
    app: &App,
    caller: &Caller,
    records: Vec<Option<(Id, Record)>>,
) -> Outcome<Vec<Option<Subscription>>> {
    let audience = caller.audience();
    let all = app.query(move |state| {
        let view = |found: Option<(Id, Record)>| {
            let (id, record) = found?;
            view(state, id, &record, audience)
        };
        records.into_iter().map(view).collect()
    });
    all.await
}
