//! Groups: several commands, all or nothing.

use super::payments::{NewPayment, taken};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled, Json, PathId};
use crate::guard::Routes;
use crate::idempotency;
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::texts::{self, Text as TextOf};
use crate::types::ids::{
    CaptureId, CommandId, GroupId, MandateId, PaidId, PaymentId, RefundId, TransferId, WalletId,
    written,
};
use crate::types::{Amount, Time};
use crate::v1::common::{amount_of, paid_of, same_asset};
use crate::v1::payments::Circumstances;
use crate::v1::transfers;
use axum::extract::State;
use axum::http::HeaderMap;
use engine::command::{Carried, Op, Spend};
use engine::event::{Event, Part};
use engine::{Code, EventKind, Id, Position};
use identity::Scope;
use ledger::AssetNo;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::routes;

/// Registers the paths.
pub fn routes(routes: Routes) -> Routes {
    routes
        .needs(Scope::PaymentsWrite, routes!(create_group))
        .needs_or_regulator(Scope::PaymentsRead, routes!(get_group))
}

/// Commands to do together.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    /// Makes it happen once; see `Idempotency-Key`.
    id: Option<GroupId>,
    /// In their order, each seeing what the ones before it did.
    #[schema(min_items = 1, max_items = 1000)]
    items: Vec<GroupItem>,
}

/// One of them.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum GroupItem {
    /// A payment, as `POST /v1/payments` takes it.
    Payment(Box<NewPayment>),
    /// A transfer.
    Transfer(GroupTransfer),
    /// A capture.
    Capture(GroupCapture),
    /// The release of an authorization.
    Void(GroupVoid),
    /// A refund; the key needs `refunds:write` too.
    Refund(GroupRefund),
}

/// A transfer in a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupTransfer {
    /// Its id.
    id: Option<TransferId>,
    /// From where.
    from: WalletId,
    /// To where.
    to: WalletId,
    /// How much.
    amount: Amount,
    /// What the owner of `from` allowed the agent who asks.
    mandate: Option<MandateId>,
    /// Whether it is given to another party for its use.
    #[serde(default)]
    gift: bool,
    /// What the law asks about besides.
    #[serde(default)]
    circumstances: Circumstances,
}

/// A capture in a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupCapture {
    /// Its id.
    id: Option<CaptureId>,
    /// Which payment.
    payment: PaymentId,
    /// How much.
    amount: Amount,
    /// Whether what is left is free again: yes, unless you say no.
    last: Option<bool>,
}

/// A release in a group.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupVoid {
    /// Its id.
    id: Option<CommandId>,
    /// Which payment.
    payment: PaymentId,
}

/// A refund in a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupRefund {
    /// Its id.
    id: Option<RefundId>,
    /// Which payment, or which capture of one.
    payment: PaidId,
    /// Of a payment that was captured in several parts: which capture.
    capture: Option<CaptureId>,
    /// How much.
    amount: Amount,
}

/// What was done together.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct Group {
    /// Its id.
    id: GroupId,
    /// What came of each, in their order.
    items: Vec<GroupPart>,
    /// When.
    at: Time,
    /// The row of the journal.
    seq: u64,
    /// The place in that row.
    index: u32,
}

/// What came of one.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct GroupPart {
    /// Its id.
    id: String,
    /// What happened.
    #[schema(examples("payment.paid"))]
    kind: String,
}

/// The payments that a group takes back may have so many postings and effects together.
const CARRIED_MAX: usize = 65_536;

struct Items<'a> {
    app: &'a App,
    caller: &'a Caller,
    group: Id,
    /// What was read for refunds: each payment once, and the last event, which may have several.
    carried: BTreeMap<Id, (AssetNo, Carried)>,
    weight: usize,
    last: Option<(Position, Box<Event>)>,
}

impl Items<'_> {
    /// Items without an id have one made of the group's, so that a repeat is the same.
    fn id(&self, at: usize, given: Option<Id>) -> Id {
        given.unwrap_or_else(|| {
            let text = format!("{:032x} item {at}", self.group.0);
            idempotency::id_of::<CommandId>(&text, self.caller.tenant_id())
        })
    }

    /// What a refund needs of its payment.
    async fn payment(&mut self, thing: Id) -> Outcome<(AssetNo, Carried)> {
        if let Some(known) = self.carried.get(&thing) {
            return Ok(known.clone());
        }
        let not_there = || Problem::not_found("payment", "no such payment in this tenant");
        let (app, tenant) = (self.app, self.caller.tenant);
        let position = lookup::position_of(app, tenant, thing).await?;
        let position = position.ok_or_else(not_there)?;
        let event = match self.last.take() {
            Some((there, event)) if there == position => event,
            _ => lookup::event_at(app, tenant, position)
                .await?
                .ok_or_else(not_there)?,
        };
        let (paid, carried) = paid_of(thing, &event)?;
        self.last = Some((position, event));
        self.weight += carried.0.postings.len() + carried.0.effects.len();
        if self.weight > CARRIED_MAX {
            let words = "the payments it takes back have too many postings together";
            return Err(Problem::of(Code::TooMany, words).at("payment"));
        }
        let found = (paid.asset, carried);
        self.carried.insert(thing, found.clone());
        Ok(found)
    }

    /// Which payment or capture a refund means; what was read for the one before may say it.
    async fn taken(&self, named: PaidId, capture: Option<CaptureId>) -> Outcome<Id> {
        if let (PaidId::Payment(payment), None, Some((_, event))) = (named, capture, &self.last)
            && let Some(part) = event.part(payment.0)
            && part.kind != EventKind::Authorized
        {
            return Ok(payment.0);
        }
        Ok(taken(self.app, self.caller.tenant, named, capture)
            .await?
            .thing)
    }

    /// The item's id as its kind of thing shows it, and its command.
    async fn op(&mut self, at: usize, item: &GroupItem) -> Outcome<(String, Id, Op)> {
        let (app, caller) = (self.app, self.caller);
        Ok(match item {
            GroupItem::Payment(new) => {
                let id = PaymentId(self.id(at, new.id.map(|id| id.0)));
                let op = new.op(app, caller, Some(self.group), false.into()).await?;
                (id.to_string(), id.0, op)
            }
            GroupItem::Transfer(new) => {
                let id = TransferId(self.id(at, new.id.map(|id| id.0)));
                let (asset, amount) = amount_of(app, &new.amount, "amount").await?;
                let spend = Spend {
                    payer: engine::ids::WalletId(new.from.0),
                    mandate: engine::ids::MandateId(new.mandate.map_or(Id::NONE, |m| m.0)),
                    amount,
                    asset,
                    risk: risk::Score(0),
                    confirmed: false.into(),
                    circumstances: transfers::law(
                        &new.circumstances,
                        new.gift,
                        caller,
                        "circumstances",
                    )?,
                    tax: Default::default(),
                    item: Default::default(),
                };
                (
                    id.to_string(),
                    id.0,
                    Op::Transfer {
                        spend,
                        payee: engine::ids::WalletId(new.to.0),
                    },
                )
            }
            GroupItem::Capture(new) => {
                let id = CaptureId(self.id(at, new.id.map(|id| id.0)));
                // An item before may set it aside, so that only the step knows in what.
                let (asset, amount) = amount_of(app, &new.amount, "amount").await?;
                let op = Op::Capture {
                    payment: new.payment.0,
                    amount,
                    asset: Some(asset),
                    last: new.last.unwrap_or(true),
                };
                (id.to_string(), id.0, op)
            }
            GroupItem::Void(new) => {
                let id = CommandId(self.id(at, new.id.map(|id| id.0)));
                (
                    id.to_string(),
                    id.0,
                    Op::Void {
                        payment: new.payment.0,
                    },
                )
            }
            GroupItem::Refund(new) => {
                caller.key.require(Scope::RefundsWrite).map_err(|error| {
                    Problem::new(crate::codes::SCOPE_MISSING, error.to_string())
                })?;
                let id = RefundId(self.id(at, new.id.map(|id| id.0)));
                let thing = self.taken(new.payment, new.capture).await?;
                let (asset, carried) = self.payment(thing).await?;
                let amount = same_asset(app, &new.amount, asset).await?;
                (
                    id.to_string(),
                    id.0,
                    Op::Refund {
                        payment: thing,
                        amount,
                        carried,
                    },
                )
            }
        })
    }
}

/// Do several things, all or nothing. When an item is refused nothing is done, and `item` says which.
#[utoipa::path(
    post,
    path = "/v1/groups",
    request_body = NewGroup,
    responses((status = 201, description = "All done.", body = Group))
)]
async fn create_group(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(new): Json<NewGroup>,
) -> Handled<Group> {
    if new.items.is_empty() || new.items.len() > engine::command::GROUP_ITEMS_MAX {
        let words = "a group has 1 to 1000 items";
        return Err(Problem::of(engine::Code::Malformed, words)
            .at("items")
            .into());
    }
    let id: GroupId = idempotency::id(&headers, new.id, caller.tenant_id(), app.node.now())?;
    let mut items = Items {
        app: &app,
        caller: &caller,
        group: id.0,
        carried: BTreeMap::new(),
        weight: 0,
        last: None,
    };
    let (mut shown, mut ops) = (Vec::new(), Vec::new());
    let in_item = |at: usize, mut problem: Box<Problem>| {
        problem.item = u32::try_from(at).ok();
        problem.field = Some(match problem.field.take() {
            Some(field) => format!("items[{at}].{field}"),
            None => format!("items[{at}]"),
        });
        problem
    };
    let mut texts = Vec::new();
    for (at, item) in new.items.iter().enumerate() {
        let op = items.op(at, item).await;
        let (text, item_id, op) = op.map_err(|problem| in_item(at, problem))?;
        if let GroupItem::Payment(new) = item {
            texts.push((at, new.text(PaymentId(item_id))));
        }
        shown.push(text);
        ops.push((item_id, op));
    }
    let (places, texts): (Vec<usize>, Vec<TextOf>) = texts.into_iter().unzip();
    let mut kept = BTreeMap::new();
    let all = texts::keep(&app, &caller, &texts).await?;
    for ((at, text), one) in places.into_iter().zip(&texts).zip(all) {
        if let Some(one) = one.map_err(|problem| in_item(at, problem))? {
            // An id that is there twice is refused.
            kept.insert(text.thing, one);
        }
    }
    let hashes = kept.iter().map(|(id, kept)| (*id, kept.hash)).collect();
    let command = submit::command(&caller, id.0, Op::Group { items: ops }, hashes);
    let answer = app.node.submit(command).await;
    for (item, kept) in kept {
        texts::settle(kept, item, &answer);
    }
    let answer = answer.map_err(|why| submit::unanswered(why, id))?;
    let done = submit::told(&app, &caller, id, answer).await?;
    let parts = done.event.parts().zip(shown);
    let body = Group {
        id,
        items: parts
            .map(|(part, id)| GroupPart {
                id,
                kind: part.kind.as_str().to_owned(),
            })
            .collect(),
        at: Time(done.event.at),
        seq: done.position.seq,
        index: done.position.index,
    };
    Ok(Answer::created(body, done.replayed))
}

/// One group that was done.
#[utoipa::path(
    get,
    path = "/v1/groups/{id}",
    params(("id" = GroupId, Path, description = "Which group.")),
    responses((status = 200, description = "The group.", body = Group))
)]
async fn get_group(
    State(app): State<App>,
    caller: Caller,
    PathId(id): PathId<GroupId>,
) -> Handled<Group> {
    let found = lookup::event_of(&app, caller.tenant, id.0).await?;
    let found = found.filter(|(_, event)| event.kind == EventKind::Grouped);
    let (position, event) =
        found.ok_or_else(|| Problem::not_found("id", "no such group in this tenant"))?;
    let part = |part: Part<'_>| GroupPart {
        id: written(part.kind, part.id),
        kind: part.kind.as_str().to_owned(),
    };
    Ok(Answer::ok(Group {
        id,
        items: event.parts().map(part).collect(),
        at: Time(event.at),
        seq: position.seq,
        index: position.index,
    }))
}
