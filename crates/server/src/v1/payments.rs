//! Payments: payer to payee, once.

mod batch;
mod capture;
mod circumstances;
mod life;
mod preview;
mod refund;
mod view;
mod void;

pub use batch::{NDJSON, lines};
pub use circumstances::Circumstances;
pub use life::{Taken, life as lived, taken};
pub use view::{Entry, Payment, PaymentStatus, StepUp, Trace, entries, is_payment, payment, trace};

use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup::{self, Names};
use crate::prices::Quantity;
use crate::problem::{Outcome, Problem};
use crate::submit::{self, Done};
use crate::taxes::{Decided, FactsGiven};
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{MandateId, PaymentId, PriceId, WalletId};
use crate::types::{Amount, Details, Metadata, Text, Time};
use crate::v1::common::amount_of;
use crate::v1::{explanations, prices};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use engine::code::Audience;
use engine::command::{Op, SPLIT_PAYEES_MAX, Share, Spend};
use engine::event::{Effect, Part};
use engine::law::Confirmed;
use engine::prices::Item;
use engine::records::WalletNo;
use engine::{Code, EventKind, Id};
use identity::Scope;
use ledger::AssetNo;
use money::Atoms;
use serde::Deserialize;
use std::sync::Arc;
use store::Kind;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    let routes = routes
        .needs(Scope::PaymentsWrite, routes!(create_payment))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_payment));
    let routes = batch::routes(capture::routes(preview::routes(routes)));
    refund::routes(void::routes(routes))
}

/// A payment to make.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    /// Makes it happen once; see `Idempotency-Key`.
    pub id: Option<PaymentId>,
    /// Who pays.
    pub payer: WalletId,
    /// Who is paid; or give `payees`.
    pub payee: Option<WalletId>,
    /// Who is paid what part, after tax and fee.
    #[schema(min_items = 1, max_items = 100)]
    pub payees: Option<Vec<NewShare>>,
    /// How much, all included; of what is bought by its price, the most that the payer agrees to pay.
    pub amount: Option<Amount>,
    /// What is bought, by its price.
    pub price: Option<PriceId>,
    /// Of which of its units; the first, if not given.
    pub unit: Option<Text<100>>,
    /// How many; 1 if not given.
    pub quantity: Option<Quantity>,
    /// What the payer allowed the agent who pays.
    pub mandate: Option<MandateId>,
    /// `manual` sets the amount aside for a later capture.
    pub capture: Option<Capture>,
    /// When what is set aside is free again; by default after what the terms say, or seven days.
    pub expires_at: Option<Time>,
    /// The fraud score, 0 to 1000.
    #[schema(minimum = 0, maximum = 1000)]
    pub risk_score: Option<RiskScore>,
    /// What the law asks about besides.
    #[serde(default)]
    pub circumstances: Circumstances,
    /// What it says of itself for tax: what is sold, and what was observed of where the payer is.
    #[serde(default)]
    pub tax: FactsGiven,
    /// Your own number for it.
    pub reference: Option<Text<200>>,
    /// For people.
    pub description: Option<Text<1000>>,
    /// Your own names and values.
    pub metadata: Option<Metadata>,
}

/// One of several payees.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShare {
    /// Who is paid.
    pub wallet: WalletId,
    /// The part, relative to the others'.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub weight: Weight,
}

/// Whether money moves at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    /// At once.
    Automatic,
    /// By a capture, up to the amount set aside.
    Manual,
}

bounded! {
    /// 0 to 1000.
    RiskScore(u16) 0..=1000;
    /// 1 to a billion.
    Weight(u64) 1..=1_000_000_000;
}

impl NewPayment {
    /// Its text.
    pub fn details(&self) -> Details {
        Details::given(
            self.reference.clone(),
            self.description.clone(),
            self.metadata.clone(),
        )
    }

    /// The same, as it is kept for the payment of this id.
    pub fn text(&self, id: PaymentId) -> TextOf {
        TextOf::new(Kind::Payment, id.0, self.payer, &self.details())
    }

    /// Who is paid first: what the answer names as payee.
    fn first_payee(&self) -> Option<WalletId> {
        self.payee
            .or_else(|| self.payees.as_ref()?.first().map(|share| share.wallet))
    }

    /// What is bought by its price, in which asset, and how much is paid or the most that may be.
    async fn bought(
        &self,
        app: &App,
        caller: &Caller,
        id: Option<Id>,
    ) -> Outcome<(Item, AssetNo, Atoms)> {
        let malformed = |field: &str, words: &str| Problem::of(Code::Malformed, words).at(field);
        let Some(price) = self.price else {
            for (field, is_given) in [
                ("unit", self.unit.is_some()),
                ("quantity", self.quantity.is_some()),
            ] {
                if is_given {
                    return Err(malformed(field, "only a payment by a `price` has one"));
                }
            }
            let Some(amount) = &self.amount else {
                return Err(malformed("amount", "give `amount` or `price`"));
            };
            let (asset, amount) = amount_of(app, amount, "amount").await?;
            return Ok((Item::NONE, asset, amount));
        };
        let (unit, quantity) = (self.unit.as_ref(), self.quantity.unwrap_or(Quantity(1)));
        let (item, asset) =
            prices::item_of(app, caller.tenant, id, (price, unit, quantity)).await?;
        let limit = match &self.amount {
            Some(amount) => Some(amount_of(app, amount, "amount").await?),
            None => None,
        };
        // A limit of nothing is not the same as none.
        if limit.is_some_and(|(_, atoms)| atoms == Atoms::ZERO) {
            let words = "the most that may be paid is at least one atom";
            return Err(Problem::of(Code::AmountZero, words).at("amount"));
        }
        match limit {
            Some((of, _)) if of != asset => {
                Err(malformed("amount.asset", "the price is in another asset"))
            }
            Some((_, atoms)) => Ok((item, asset, atoms)),
            None => Ok((item, asset, Atoms::ZERO)),
        }
    }

    /// As the command of an id, or of none that could have been asked before. The checks stand in the
    /// order the document names the fields.
    pub async fn op(
        &self,
        app: &App,
        caller: &Caller,
        id: Option<Id>,
        confirmed: Confirmed,
    ) -> Outcome<Op> {
        let malformed = |field: &str, words: &str| Problem::of(Code::Malformed, words).at(field);
        let (item, asset, amount) = self.bought(app, caller, id).await?;
        let spend = Spend {
            payer: engine::ids::WalletId(self.payer.0),
            mandate: engine::ids::MandateId(self.mandate.map_or(Id::NONE, |m| m.0)),
            amount,
            asset,
            risk: risk::Score(self.risk_score.map_or(0, |s| s.0)),
            confirmed,
            circumstances: self.circumstances.read(caller, "circumstances")?,
            tax: self.tax.read("tax")?,
            item,
        };
        let manual = self.capture == Some(Capture::Manual);
        if self.expires_at.is_some() && !manual {
            return Err(malformed(
                "expires_at",
                "only a payment with `capture: manual` expires",
            ));
        }
        match (&self.payee, &self.payees) {
            (Some(_), Some(_)) => Err(malformed("payees", "give `payee` or `payees`, not both")),
            (None, None) => Err(malformed("payee", "give `payee` or `payees`")),
            (None, Some(_)) if manual => Err(malformed(
                "capture",
                "a payment to several payees cannot be captured by hand",
            )),
            (None, Some(shares)) => {
                if shares.is_empty() || shares.len() > SPLIT_PAYEES_MAX {
                    return Err(malformed("payees", "1 to 100 payees"));
                }
                let payee = |share: &NewShare| Share {
                    payee: engine::ids::WalletId(share.wallet.0),
                    weight: share.weight.0,
                };
                Ok(Op::Split {
                    spend,
                    payees: shares.iter().map(payee).collect(),
                })
            }
            (Some(payee), None) => {
                let payee = engine::ids::WalletId(payee.0);
                if !manual {
                    return Ok(Op::Pay { spend, payee });
                }
                Ok(Op::Authorize {
                    spend,
                    payee,
                    expires: self.expires_at.as_ref().map(|at| at.0),
                })
            }
        }
    }
}

/// The names of a payment just made: its wallets are those of the request.
fn names_of(done: &Done, new: &NewPayment) -> Names {
    let wallets = lookup::wallets_of(&done.event.effects);
    let payer = (
        wallets.first().copied().unwrap_or(WalletNo::NONE),
        new.payer,
    );
    let payee = new.first_payee().unwrap_or(new.payer);
    Names::pair(
        payer,
        (wallets.get(1).copied().unwrap_or(WalletNo::NONE), payee),
    )
}

/// Make a payment, or set its amount aside with `capture: manual`. 202 means that the payer must
/// confirm first.
#[utoipa::path(
    post,
    path = "/v1/payments",
    request_body = NewPayment,
    responses(
        (status = 201, description = "Paid, or set aside.", body = Payment),
        (status = 202, description = "The payer must confirm.", body = Payment),
    )
)]
async fn create_payment(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewPayment>,
) -> Handled<Payment> {
    let id = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let op = new
        .op(&app, &caller, Some(id.0), Confirmed::NOTHING)
        .await?;
    let (details, text) = (new.details(), new.text(id));
    let done = submit::submit_with(&app, &caller, id, op, &text).await;
    let names = |done: &Done| names_of(done, &new);
    Ok(answer(&app, id, done, names, details).await?)
}

/// The answer to what makes a payment.
///
/// # Errors
/// All of them; see [`crate::codes`].
pub async fn answer(
    app: &App,
    id: PaymentId,
    done: Outcome<Done>,
    names: impl FnOnce(&Done) -> Names,
    details: Details,
) -> Outcome<Answer<Payment>> {
    let done = done.inspect_err(|problem| {
        app.metrics.payment(if problem.is_denial() {
            "denied"
        } else {
            "rejected"
        });
    })?;
    let part = done
        .event
        .part(id.0)
        .ok_or_else(|| Problem::internal(&"the answer is not this payment's"))?;
    let names = names(&done);
    let (at, assets) = (done.event.at, app.assets());
    let mut body = payment(&part, at, done.position, &assets, &names, details)?;
    body.tax_decided = tax_decided(app, &part).await?;
    body.priced = prices::priced(app, &part).await?;
    let status = if body.status == PaymentStatus::StepUp {
        StatusCode::ACCEPTED
    } else {
        StatusCode::CREATED
    };
    app.metrics.payment(match body.status {
        PaymentStatus::StepUp => "step_up",
        PaymentStatus::Authorized => "authorized",
        _ => "paid",
    });
    Ok(Answer {
        body,
        status,
        replayed: done.replayed,
    })
}

/// What was decided of a payment's tax, if tax rules were in force.
///
/// # Errors
/// The node does not answer.
pub async fn tax_decided(app: &App, part: &Part<'_>) -> Outcome<Option<Decided>> {
    let case = part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some(paid.case),
        Effect::HoldOpened(hold) => Some(hold.case),
        _ => None,
    });
    match case {
        None | Some(0) => Ok(None),
        Some(no) => {
            app.query(move |state| state.tax_case(no).map(Decided::of))
                .await
        }
    }
}

/// One payment as it is now, with its postings and why it was decided so.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    params(("id" = PaymentId, Path, description = "Which payment.")),
    responses((status = 200, description = "The payment.", body = Payment))
)]
async fn get_payment(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<PaymentId>,
) -> Handled<Payment> {
    let not_there = || Problem::not_found("id", "no such payment in this tenant");
    let tenant = caller.tenant;
    let found = lookup::event_of(&app, tenant, id.0)
        .await?
        .ok_or_else(not_there)?;
    let (position, event) = found;
    let part = event.part(id.0).ok_or_else(not_there)?;
    if !view::is_payment(part.kind) {
        return Err(not_there().into());
    }
    let (at, sure) = (id.0, Arc::new(event));
    let told = Arc::clone(&sure);
    let (names, now, payees) = app
        .query(move |state| {
            let now = view::Now::of(state, tenant, at);
            let part = told.part(at);
            let wallets = part.as_ref().map(|part| lookup::wallets_of(part.effects));
            let payees = part.and_then(|part| view::shares(state, &part));
            let names = Names::of(state, wallets.unwrap_or_default());
            (names, now, payees)
        })
        .await?;
    let (event, part) = (&*sure, sure.part(at).ok_or_else(not_there)?);
    let assets = app.assets_now().await?;
    let audience = caller.audience();
    let details = texts::read(&app, &caller, Kind::Payment, id.0, part.text()).await?;
    let mut body = payment(&part, event.at, position, &assets, &names, details)?;
    body.trace = Some(
        explanations::trace_of(&app, &caller, event.at, &part)
            .await?
            .0,
    );
    body.payees = payees;
    body.tax_decided = tax_decided(&app, &part).await?;
    body.priced = prices::priced(&app, &part).await?;
    let asset = assets
        .0
        .iter()
        .find(|asset| asset.code == body.amount.asset.0)
        .copied()
        .ok_or_else(|| Problem::internal(&"a payment in an unknown asset"))?;
    body.apply(now, &asset);
    let was_held = part.kind == EventKind::Authorized;
    if body.status == PaymentStatus::Captured {
        let hold = crate::history::ask_now(&app, move |model| model.hold(tenant.0, id.0.0)).await?;
        let (state, captured) = hold
            .as_ref()
            .map_or(("captured", 0), |hold| (hold.state.as_str(), hold.captured));
        body.ended(state, captured);
        if hold.is_some() {
            body.captured = Some(Amount::of(&asset, captured));
        }
    }
    let mut postings = part.postings.to_vec();
    // Nothing was taken of what was never captured, or never paid.
    if was_held || now.reversed > 0 {
        let life = life::life(&app, tenant, id.0).await?;
        let paid = part.paid().map(|paid| paid.gross);
        body.lived(&life, paid, &assets, &asset);
        let of_captures = life.captures.iter().flat_map(|step| &step.postings);
        postings.extend(of_captures.copied());
    }
    if audience >= Audience::Operator {
        let entries = app
            .query(move |state| view::entries(state, &postings))
            .await?;
        body.postings = Some(entries);
    }
    Ok(Answer::ok(body))
}
