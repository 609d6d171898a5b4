//! From events to payments and back: what each came to.

use super::read::{Given, Read};
use super::{Charged, Summary};
use crate::app::App;
use crate::extract::{Answer, Caller, Handled};
use crate::problem::{Outcome, Problem};
use crate::submit;
use crate::types::Amount;
use crate::types::Text;
use crate::types::ids::{PaymentId, PriceId};
use crate::v1::prices;
use axum::http::StatusCode;
use engine::command::{Op, Spend};
use engine::ids::{MandateId, WalletId};
use engine::prices::Item;
use engine::{Code, EventKind, Id, UtcMillis};
use ledger::AssetNo;
use money::{Asset, Atoms};
use node::Charged as Told;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// What the ids of a tenant's events are hashed under.
struct Ids([u8; 32]);

impl Ids {
    fn of(caller: &Caller) -> Ids {
        let context = "farthing 2026 usage event of a tenant";
        Ids(blake3::derive_key(
            context,
            &caller.tenant_id().to_be_bytes(),
        ))
    }

    /// The payment's id of an event: whatever its own looks like, it carries no time.
    fn id(&self, source: &str, id: &str) -> Id {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        // Of a text far below 4 GiB.
        hasher.update(&(source.len() as u32).to_le_bytes());
        hasher.update(source.as_bytes());
        hasher.update(id.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Id::opaque(u128::from_be_bytes(half))
    }
}

/// Of a price and a unit what a command names it by.
type Sold = Outcome<(Item, AssetNo)>;

fn command(given: &Given<'_>, (item, asset): (Item, AssetNo)) -> Op {
    let spend = Spend {
        payer: WalletId(given.payer.0),
        mandate: MandateId(Id::NONE),
        amount: Atoms::ZERO,
        asset,
        risk: risk::Score(0),
        confirmed: false.into(),
        circumstances: Default::default(),
        tax: Default::default(),
        item: Item {
            quantity: given.quantity.0,
            ..item
        },
    };
    Op::Pay {
        spend,
        payee: WalletId(given.payee.0),
    }
}

/// So far an event's clock may be ahead of ours.
const AHEAD_MAX_MS: u64 = 300_000;

/// Refuses what was not used yet.
fn in_time(now: UtcMillis, given: &Given<'_>) -> Outcome<()> {
    let ahead = given.time.filter(|time| time.0 > now.plus(AHEAD_MAX_MS));
    ahead.map_or(Ok(()), |_| {
        let words = "it is more than five minutes ahead";
        Err(Problem::of(Code::Malformed, words).at("time"))
    })
}

/// Finds what an event is of, by the version that holds or, for one that was charged before, held then.
async fn sold(app: &App, caller: &Caller, id: Id, given: &Given<'_>) -> Sold {
    let unit = given
        .unit
        .as_ref()
        .map(|unit| Text(unit.clone().into_owned()));
    let bought = (given.price, unit.as_ref(), given.quantity);
    prices::item_of(app, caller.tenant, Some(id), bought).await
}

/// Charges one.
pub(super) async fn one<'a>(app: &App, caller: &Caller, given: Given<'a>) -> Handled<Charged<'a>> {
    in_time(app.node.now(), &given)?;
    let id = PaymentId(Ids::of(caller).id(&given.source, &given.id));
    let sold = sold(app, caller, id.0, &given).await?;
    let asset = app.asset_of(sold.1).await?;
    let op = command(&given, sold);
    let done = submit::submit(app, caller, id.0, id, op).await?;
    let part = done.event.part(id.0);
    let waits = part
        .as_ref()
        .is_some_and(|part| part.kind == EventKind::StepUpAsked);
    let paid = part.and_then(|part| part.paid().map(|paid| paid.gross));
    let status = match (waits, done.replayed) {
        (true, _) => StatusCode::ACCEPTED,
        (false, true) => StatusCode::OK,
        (false, false) => StatusCode::CREATED,
    };
    app.metrics.payment(if waits { "step_up" } else { "paid" });
    let body = Charged {
        status: status.as_u16(),
        payment: Some(id),
        amount: paid.map(|gross| Amount::of(&asset, gross)),
        ..Charged::default()
    };
    Ok(Answer {
        body,
        status,
        replayed: done.replayed,
    })
}

/// Charges many; what each came to, in their order, and all of it together.
pub(super) async fn many<'a>(
    app: &App,
    caller: &Caller,
    read: &'a [Read<'_>],
) -> Outcome<(Vec<Charged<'a>>, Summary)> {
    let (ids, now) = (Ids::of(caller), app.node.now());
    let mut shop = Shop::default();
    shop.look_up(app, caller, read).await?;
    let mut commands = Vec::with_capacity(read.len());
    let mut sent: Vec<Outcome<(Id, Asset)>> = Vec::with_capacity(read.len());
    for (_, event) in read {
        let event = event.as_ref().map_err(Clone::clone);
        let sending = match event.and_then(|given| in_time(now, given).map(|()| given)) {
            Err(problem) => Err(problem),
            Ok(given) => {
                let id = ids.id(&given.source, &given.id);
                let sold = match shop.find(given) {
                    Some(sold) => Ok(sold),
                    None => shop.find_old(app, caller, id, given).await,
                };
                sold.map(|(item, no, asset)| {
                    let op = command(given, (item, no));
                    commands.push(submit::command(caller, id, op, BTreeMap::new()));
                    (id, asset)
                })
            }
        };
        sent.push(sending);
    }
    let told = app.node.charge(commands).await;
    let mut told = match told {
        Ok(told) => told.into_iter(),
        Err(why) => return Err(why.into()),
    };
    let mut summary = Summary::default();
    let mut sums: BTreeMap<&str, (Asset, u128)> = BTreeMap::new();
    let mut results = Vec::with_capacity(read.len());
    for ((line, event), sent) in read.iter().zip(&sent) {
        let id = event.as_ref().ok().map(|given| &*given.id);
        let mut result = Charged {
            line: Some(*line),
            id,
            ..Charged::default()
        };
        match sent {
            Err(problem) => fail(&mut result, problem),
            Ok((payment, asset)) => {
                let none = Told::Unanswered(node::Unavailable::OutcomeUnknown);
                let told = told.next().unwrap_or(none);
                tell(caller, &mut result, (PaymentId(*payment), asset), told);
                if let (201, Told::Done { gross, .. }) = (result.status, told) {
                    let code: &str = asset.code.as_str();
                    sums.entry(code).or_insert((*asset, 0)).1 += u128::from(gross);
                }
            }
        }
        summary.count(app, &result);
        results.push(result);
    }
    let amount =
        |(asset, sum): &(Asset, u128)| Amount::of(asset, u64::try_from(*sum).unwrap_or(u64::MAX));
    summary.amounts = sums.values().map(amount).collect();
    Ok((results, summary))
}

/// Says what is wrong.
fn fail(result: &mut Charged<'_>, problem: &Problem) {
    result.status = problem.status;
    result.code = Some(problem.code.clone());
    result.field.clone_from(&problem.field);
    result.detail = Some(problem.detail.clone());
}

/// Says what the node said.
fn tell(
    caller: &Caller,
    result: &mut Charged<'_>,
    (payment, asset): (PaymentId, &Asset),
    told: Told,
) {
    match told {
        Told::Rejected(rejection) => {
            fail(result, &Problem::rejected(&rejection, caller.audience()));
        }
        Told::Unanswered(why) => {
            result.payment = Some(payment);
            fail(result, &Box::<Problem>::from(why));
        }
        Told::Done {
            kind,
            code,
            gross,
            again,
            ..
        } => {
            result.payment = Some(payment);
            if let Some(code) = code {
                let code = code.shown_to(caller.audience());
                fail(result, &Problem::of(code, code.help()));
                return;
            }
            result.status = match (kind, again) {
                (EventKind::StepUpAsked, _) => 202,
                (_, true) => 200,
                (_, false) => 201,
            };
            if kind != EventKind::StepUpAsked {
                result.amount = Some(Amount::of(asset, gross));
            }
        }
    }
}

impl Summary {
    fn count(&mut self, app: &App, result: &Charged<'_>) {
        self.events += 1;
        let (count, outcome) = match (result.status, result.payment) {
            (201, _) => (&mut self.charged, "paid"),
            (200, _) => (&mut self.duplicates, ""),
            (202, _) => (&mut self.waiting, "step_up"),
            (503, Some(_)) => (&mut self.unanswered, ""),
            (_, Some(_)) => (&mut self.refused, "denied"),
            (_, None) => (&mut self.failed, "rejected"),
        };
        *count += 1;
        app.metrics.payment(outcome);
    }
}

/// A price, and the name of a unit of it; none is its first.
type Ware<'a> = (u128, Option<Cow<'a, str>>);

/// What events are of, each looked up once.
#[derive(Default)]
struct Shop<'a> {
    /// By the version that holds.
    found: HashMap<Ware<'a>, (Item, AssetNo, Asset)>,
}

impl<'a> Shop<'a> {
    /// Looks all of them up in one question to the node.
    async fn look_up(&mut self, app: &App, caller: &Caller, read: &'a [Read<'_>]) -> Outcome<()> {
        let (mut wares, mut last) = (HashMap::new(), None);
        for given in read.iter().filter_map(|(_, event)| event.as_ref().ok()) {
            let unit = given.unit.as_deref();
            // Most are of the same as the one before.
            if last != Some((given.price.0.0, unit)) {
                last = Some((given.price.0.0, unit));
                wares.insert((given.price.0.0, unit), ());
            }
        }
        let asked: Vec<(u128, Option<String>)> = wares
            .keys()
            .map(|(price, unit)| (*price, unit.map(str::to_owned)))
            .collect();
        let (tenant, now) = (caller.tenant, app.node.now());
        let found = app.query(move |state| {
            let of = |(price, unit): &(u128, Option<String>)| {
                prices::current(state, tenant, (PriceId(Id(*price)), unit.as_deref()), now)
            };
            asked.iter().map(of).collect::<Vec<_>>()
        });
        for ((price, unit), found) in wares.keys().zip(found.await?) {
            if let Some((item, no)) = found {
                let asset = app.asset_of(no).await?;
                let unit = unit.map(Cow::Borrowed);
                self.found.insert((*price, unit), (item, no, asset));
            }
        }
        Ok(())
    }

    fn find(&self, given: &'a Given<'_>) -> Option<(Item, AssetNo, Asset)> {
        let unit = given.unit.as_deref().map(Cow::Borrowed);
        self.found.get(&(given.price.0.0, unit)).copied()
    }

    /// What no version that holds has: perhaps it was charged before.
    async fn find_old(
        &self,
        app: &App,
        caller: &Caller,
        id: Id,
        given: &Given<'_>,
    ) -> Outcome<(Item, AssetNo, Asset)> {
        let (item, no) = sold(app, caller, id, given).await?;
        Ok((item, no, app.asset_of(no).await?))
    }
}
