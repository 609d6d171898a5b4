//! The catalogue's plans and who has subscribed to one: by number with every version, and by id what is
//! open.
//!
//! - A plan has versions as a price has; a subscription keeps the version it was made under until it is
//!   moved to another.
//! - A subscription's record stands whole in each of its events ([`SubscriptionSet`]), so `apply` only
//!   puts it in the place of the one before, with its one timer.
//! - Periods have numbers from 1, and none is charged twice: the event that charges one is the event that
//!   moves the record on, and a renewal's id is made of the subscription and the number
//!   ([`renewal_id`]).
//! - Days are civil days of the tenant's zone; a period begins at the same time of day as the first.
//! - An ended subscription is kept no more.

use crate::catalogue::{Dated, Listed};
use crate::code::Code;
use crate::event::Hash;
use crate::ids::{Id, MandateId, PlanId};
use crate::law::{Circumstances, Confirmed};
use crate::records::{PlanNo, TenantNo, TimerKind, WalletNo};
use crate::state::State;
use crate::taxes::Facts;
use crate::time::{Day, UtcMillis, Zone};
use crate::{EventKind, ids::WalletId};
use ledger::AssetNo;
use money::Atoms;
use policy::Product;
use pricing::{Off, Plan, PlanTier, Span};
use risk::Score;
use serde::{Deserialize, Serialize};

/// A version of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanVersion {
    /// Counts up, from 1.
    pub number: u32,
    /// From when.
    pub from: UtcMillis,
    /// What it says.
    pub plan: Plan,
}

/// A new version of a plan, as it is journaled. Grows at its end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSet {
    /// The plan; its next number if it is not known.
    pub plan: PlanId,
    /// In what it is paid.
    pub asset: AssetNo,
    /// The version.
    pub version: PlanVersion,
}

/// A plan with all its versions; what is archived can be subscribed to no more.
pub type PlanRecord = Listed<PlanId, PlanVersion>;

impl Dated for PlanVersion {
    fn from(&self) -> UtcMillis {
        self.from
    }
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Before its first payment.
    Trialing,
    /// Paid.
    Active,
    /// Its period has begun and is not paid yet.
    PastDue,
    /// Stopped for now.
    Paused,
    /// It ends with its period.
    Canceling,
    /// It has ended.
    Ended,
}

impl Status {
    /// The word used in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Trialing => "trialing",
            Status::Active => "active",
            Status::PastDue => "past_due",
            Status::Paused => "paused",
            Status::Canceling => "canceling",
            Status::Ended => "ended",
        }
    }
}

/// What happens next by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Its payer is told of what comes.
    Notice,
    /// Its period or trial is over.
    Turn,
    /// Its period is charged once more.
    Retry,
}

/// Which tier of which version of which plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The plan.
    pub plan: PlanNo,
    /// Its version.
    pub version: u32,
    /// Its tier.
    pub tier: u16,
}

/// What a coupon takes off, and for how many more periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// What.
    pub off: Off,
    /// For so many more periods; none is for all.
    pub periods: Option<u32>,
}

/// What somebody pays again and again. Grows at its end only; what an older row lacks reads as zero.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// For whom it is.
    pub wallet: WalletNo,
    /// Who pays: of a gift, another.
    pub payer: WalletNo,
    /// Who is paid.
    pub payee: WalletNo,
    /// What was chosen.
    pub choice: Choice,
    /// Where it stands.
    pub status: Status,
    /// Since when it is.
    pub began: UtcMillis,
    /// The period's number, from 1; 0 before the first.
    pub number: u32,
    /// When the period, or the trial, began.
    pub from: UtcMillis,
    /// When it is over.
    pub until: UtcMillis,
    /// The civil days of the whole period.
    pub span: Span,
    /// The day that periods are counted from.
    pub anchor: u32,
    /// Which of those counted is the next.
    pub next: u32,
    /// The time of day that periods begin at, seconds.
    pub second: u32,
    /// What all of the span costs, atoms: before tax on top, after coupons, before credit.
    pub price: u64,
    /// What later payments are less, atoms: days that were paid for and given up.
    pub credit: u64,
    /// What is taken off.
    pub coupon: Option<Coupon>,
    /// It ends after so many more periods; none is never.
    pub periods: Option<u32>,
    /// What it is moved to with the next period.
    pub change: Option<Choice>,
    /// What it is charged under, if the payer allowed an agent.
    pub mandate: Option<MandateId>,
    /// For what, as the law asks.
    pub product: Product,
    /// What its payments say of themselves for tax.
    pub facts: Facts,
    /// The first period is charged when the trial is over.
    pub converts: bool,
    /// What happens next by itself.
    pub due: Due,
    /// And when.
    pub due_at: UtcMillis,
    /// When the payer was told of the next payment; zero if not yet.
    pub noticed: UtcMillis,
    /// How often this period's payment has failed.
    pub failed: u16,
    /// Why it last did.
    pub refused: Option<Code>,
    /// Of what is paused or was ended at once, the paid days of its period that are left.
    pub left_days: u32,
    /// Since when it is paused with a period that is paid; zero if it is not.
    pub paused_at: UtcMillis,
    /// The day that its price holds from: what was before is paid at another.
    pub priced_from: u32,
    /// What this period was reduced by, whatever coupon there is meanwhile.
    pub reduced: Option<Off>,
}

/// A subscription was made or changed to this. Grows at its record's end only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSet {
    /// Which.
    pub subscription: Id,
    /// The hash of all that was asked; none of what happened by itself.
    pub content: Option<Hash>,
    /// What it is since: the last field, so that it can grow.
    pub record: Subscription,
}

/// A subscription to make. What it costs is its plan's to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSubscription {
    /// For whom it is.
    pub wallet: WalletId,
    /// Who pays.
    pub payer: WalletId,
    /// Who is paid.
    pub payee: WalletId,
    /// Which plan, by the version that holds.
    pub plan: PlanId,
    /// Which of its tiers, by its name; the first, if that is not said.
    pub tier: Option<String>,
    /// Pay at once, whatever trial there is.
    pub skip_trial: bool,
    /// The most that the first payment may come to before tax on top; zero if that is not said.
    pub limit: Atoms,
    /// What is taken off.
    pub coupon: Option<Coupon>,
    /// It ends after so many periods.
    pub periods: Option<u32>,
    /// What the payer allowed the agent who pays.
    pub mandate: MandateId,
    /// What it says of itself for tax.
    pub facts: Facts,
    /// What else the law asks about.
    pub circumstances: Circumstances,
    /// The fraud score.
    pub risk: Score,
    /// What the payer has done for the first payment.
    pub confirmed: Confirmed,
}

/// A change of a subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SubscriptionChange {
    /// End it: with its period, or now.
    Cancel { at_once: bool },
    /// Stop it for now; the days left of its period are kept.
    Pause,
    /// Go on: what is paused, or was to end.
    Resume { confirmed: Confirmed },
    /// Charge what failed once more, now.
    Pay { confirmed: Confirmed },
    /// Agree to pay when the trial is over.
    Convert,
    /// To another tier or plan, by the version that holds: now, or with the next period.
    Move {
        /// Its own plan, if none is named.
        plan: PlanId,
        /// By its name.
        tier: String,
        at_once: bool,
        /// The most that may be paid now, before tax on top; zero if that is not said.
        limit: Atoms,
        confirmed: Confirmed,
    },
    /// Take something off from now on, or nothing any more.
    Discount { coupon: Option<Coupon> },
}

impl Subscription {
    /// How long the service goes on, if nothing more is paid.
    #[must_use]
    pub fn serves_until(&self, plan: &Plan, zone: &Zone) -> Option<UtcMillis> {
        match self.status {
            Status::Paused | Status::Ended => None,
            Status::PastDue => {
                let grace = self.span.from + u32::from(plan.grace_days);
                Some(zone.instant(Day(grace), self.second))
            }
            _ => Some(self.until),
        }
    }

    /// What this period costs in a tier, less what it was reduced by.
    pub(crate) fn price_of(&self, tier: &PlanTier) -> u64 {
        let left = self.reduced.map(|off| off.left_of(tier.amount));
        left.unwrap_or(tier.amount).0
    }

    /// The days of its period from a day on that its price is for.
    pub(crate) fn rest(&self, today: u32) -> Span {
        let from = today.max(self.priced_from);
        Span {
            from: from.clamp(self.span.from, self.span.until),
            until: self.span.until,
        }
    }

    /// What was paid for the days of its period that are left, atoms, before tax on top; nothing of what is
    /// not paid.
    #[must_use]
    pub fn unused(&self, today: u32) -> u64 {
        match self.status {
            Status::Trialing | Status::PastDue => 0,
            Status::Active | Status::Canceling => self.share(self.price, today),
            // The days it was stopped with.
            Status::Paused | Status::Ended => {
                let first = self.span.until.saturating_sub(self.left_days);
                self.share(self.price, first)
            }
        }
    }

    /// What the days of its period from one on cost at a price for all of it, atoms. The parts of a period
    /// sum to the price, wherever it is cut.
    #[must_use]
    pub fn share(&self, price: u64, today: u32) -> u64 {
        self.span.share(Atoms(price), self.rest(today)).0
    }

    /// Whether something happens next by itself.
    pub(crate) fn is_timed(&self) -> bool {
        self.due != Due::Nothing
    }
}

/// The id of the payment of a period that was charged by itself: the same whenever it is made, and none
/// that a command can have.
#[must_use]
pub fn renewal_id(subscription: Id, number: u32) -> Id {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"renewal of a subscription");
    hasher.update(&subscription.0.to_le_bytes());
    hasher.update(&number.to_le_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Id::by_itself(u128::from_le_bytes(first))
}

impl State {
    /// The number of a plan.
    #[must_use]
    pub fn plan_no(&self, tenant: TenantNo, id: PlanId) -> Option<PlanNo> {
        self.plan_nos.get(&(tenant, id.0)).copied()
    }

    /// A plan by its number.
    #[must_use]
    pub fn plan(&self, no: PlanNo) -> Option<&PlanRecord> {
        self.plans.get(no.0 as usize)
    }

    /// What was chosen: the plan, and its tier.
    #[must_use]
    pub fn chosen(&self, choice: Choice) -> Option<(&Plan, &PlanTier)> {
        let plan = &self.plan(choice.plan)?.version(choice.version)?.plan;
        Some((plan, plan.tiers.get(usize::from(choice.tier))?))
    }

    pub(crate) fn set_plan(&mut self, tenant: TenantNo, set: &PlanSet) {
        let next = PlanNo(u32::try_from(self.plans.len()).expect("fewer than 2^32 plans"));
        let no = *self.plan_nos.entry((tenant, set.plan.0)).or_insert(next);
        if no == next {
            self.plans.push(PlanRecord {
                tenant,
                id: set.plan,
                asset: set.asset,
                archived: false,
                versions: Vec::new(),
            });
        }
        self.plans[no.0 as usize].versions.push(set.version.clone());
    }

    /// Puts a subscription in the place of the one before, and its timer; or forgets it, ended.
    pub(crate) fn set_subscription(&mut self, tenant: TenantNo, set: &SubscriptionSet) {
        let (key, kind) = ((tenant, set.subscription), TimerKind::Subscription);
        let before = self.subscriptions.remove(&key);
        if let Some(before) = before.filter(Subscription::is_timed) {
            self.timers.remove(&(before.due_at, kind, tenant, key.1));
        }
        let record = &set.record;
        if record.status == Status::Trialing {
            let party = self.wallet(record.wallet).party;
            self.trials.insert((party, record.choice.plan));
        }
        if record.status == Status::Ended {
            return;
        }
        if record.is_timed() {
            self.timers.insert((record.due_at, kind, tenant, key.1));
        }
        self.subscriptions.insert(key, record.clone());
    }
}

/// What an event is that a change makes without a payment.
pub(crate) fn kind_of(change: &SubscriptionChange) -> EventKind {
    match change {
        SubscriptionChange::Pause => EventKind::SubscriptionPaused,
        SubscriptionChange::Resume { .. } => EventKind::SubscriptionResumed,
        SubscriptionChange::Cancel { .. } => EventKind::SubscriptionCanceled,
        _ => EventKind::SubscriptionChanged,
    }
}
