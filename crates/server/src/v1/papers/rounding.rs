//! What rounding a paper leaves of its taxes, posted to the ledger with it.
//!
//! - What is to be posted is kept in the transaction that issues the paper, and noted as posted after
//!   the ledger has it. What a crash or a busy node left is posted by [`keep_posting`].
//! - Each posting has an id made of its paper, which carries no time: it is posted once, whenever it
//!   is tried again.

use super::gather::Found;
use crate::app::App;
use crate::extract::Caller;
use crate::problem::{Outcome, Problem};
use ::papers::Paper;
use ::papers::facts::Treatment;
use engine::Id;
use engine::command::{Command, Op, TaxRounding};
use engine::ids::{ActorId, PartyId};
use engine::records::TenantNo;
use engine::terms::Country;
use ledger::AssetNo;
use money::{Ppm, allocate};
use node::Answer;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{IssuedPaper, PaperSupply};

/// How often what is left is tried again.
const EVERY: Duration = Duration::from_secs(60);
/// At most so many papers each time.
const PAPERS_MAX: usize = 1_000;

/// The tax of one payment or refund on a paper.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    group: (Treatment, Ppm),
    to: To,
    /// A case that says where it goes.
    case: u32,
    /// Atoms.
    tax: u64,
}

/// Where a tax is posted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct To {
    /// Whether it is the operator's own.
    is_operators: bool,
    seller: PartyId,
    country: Country,
    asset: AssetNo,
    is_fee: bool,
}

impl Share {
    /// Of what was found for a paper.
    pub fn of(found: &Found) -> Share {
        let tax = &found.tax;
        let country = tax.country.as_deref().and_then(|code| code.get(..2));
        let country = country.and_then(|code| code.as_bytes().try_into().ok());
        let is_fee = found.supply == PaperSupply::Fee;
        Share {
            group: (tax.treatment, tax.rate),
            to: To {
                is_operators: is_fee || tax.is_platforms || tax.case == 0,
                seller: found.payee,
                country: country.map_or(Country::UNKNOWN, Country),
                asset: found.taxed.paid.asset,
                is_fee,
            },
            case: tax.case,
            tax: found.taxed.split(found.supply).1,
        }
    }
}

/// What is to be posted of a paper, for the store; `None` if nothing is. Where payments of one rate
/// are of several countries or suppliers, each gets its part of the remainder by its part of the tax.
///
/// # Errors
/// A remainder is larger than any.
pub fn to_post(paper: &Paper, shares: &[Share]) -> Outcome<Option<Vec<u8>>> {
    let too_large = || Problem::internal(&"a remainder that is no remainder");
    let mut roundings = Vec::new();
    for remainder in paper.remainder.tax.iter().filter(|one| one.adjustment != 0) {
        let of_group = |share: &&Share| share.group == (remainder.treatment, remainder.rate);
        let mut parts: BTreeMap<To, (u32, u64)> = BTreeMap::new();
        for share in shares.iter().filter(of_group) {
            let part = parts.entry(share.to).or_insert((share.case, 0));
            part.1 = part.1.saturating_add(share.tax);
        }
        let mut weights: Vec<u64> = parts.values().map(|(_, tax)| *tax).collect();
        if weights.iter().all(|weight| *weight == 0) {
            weights.fill(1);
        }
        let whole = u64::try_from(remainder.adjustment.unsigned_abs()).map_err(|_| too_large())?;
        let mut amounts = vec![0; weights.len()];
        allocate(whole, &weights, &mut amounts).map_err(|_| too_large())?;
        // What a credit note states more was given back more.
        let is_more = (remainder.adjustment > 0) != paper.is_credit_note();
        for ((to, (case, _)), amount) in parts.into_iter().zip(amounts) {
            let amount = i64::try_from(amount).map_err(|_| too_large())?;
            roundings.push(TaxRounding {
                case,
                seller: to.seller,
                is_fee: to.is_fee,
                country: to.country,
                asset: to.asset,
                amount: if is_more { amount } else { -amount },
            });
        }
    }
    roundings.retain(|rounding| rounding.amount != 0);
    if roundings.is_empty() {
        return Ok(None);
    }
    let bytes = serde_json::to_vec(&roundings).map_err(|error| Problem::internal(&error))?;
    Ok(Some(bytes))
}

/// Posts what is left of a paper, if anything is. A node that is busy is asked again later.
///
/// # Errors
/// The store does not answer, or the ledger refuses what cannot be refused.
pub async fn posted(app: &App, caller: &Caller, issued: IssuedPaper) -> Outcome<IssuedPaper> {
    let tenant = (caller.tenant_id(), caller.tenant);
    let is_posted = issued.is_posted || post(app, tenant, issued.id).await?;
    Ok(IssuedPaper {
        is_posted,
        ..issued
    })
}

/// Whether all of a paper's rounding is in the ledger now.
async fn post(app: &App, (of, tenant): (u128, TenantNo), paper: u128) -> Outcome<bool> {
    let bytes = app.blocking(move |app| app.store.paper_to_post(of, paper));
    let bytes = bytes.await?.map_err(|error| Problem::store(&error))?;
    let roundings: Vec<TaxRounding> = match bytes {
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|error| Problem::internal(&error))?,
        None => Vec::new(),
    };
    for (at, rounding) in (0u32..).zip(roundings) {
        let command = Command {
            id: posting_id(of, paper, at),
            tenant,
            actor: ActorId(Id::NONE),
            op: Op::RoundTax {
                paper: Id(paper),
                rounding,
            },
            besides: None,
        };
        match app.node.submit(command).await {
            Ok(Answer::Done { .. } | Answer::Known { .. }) => {}
            Ok(Answer::Rejected(why)) => {
                tracing::error!(paper = %Id(paper).with_prefix("paper"), code = why.code.as_str(), field = why.field, "rounding_refused");
                return Ok(false);
            }
            Err(why) => {
                let words = format!("{why:?}");
                tracing::warn!(paper = %Id(paper).with_prefix("paper"), why = words, "rounding_waits");
                return Ok(false);
            }
        }
    }
    let noted = app.blocking(move |app| app.store.paper_posted(of, paper));
    noted.await?.map_err(|error| Problem::store(&error))?;
    Ok(true)
}

/// The id of a posting of a paper: always the same, and without a time that could expire.
fn posting_id(tenant: u128, paper: u128, at: u32) -> Id {
    let mut of = tenant.to_be_bytes().to_vec();
    of.extend(paper.to_be_bytes());
    of.extend(at.to_be_bytes());
    let hash = blake3::derive_key("farthing 2026 posting of what rounding a paper left", &of);
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Id::opaque(u128::from_be_bytes(half))
}

/// Posts what was left, again and again.
pub async fn keep_posting(app: App) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        if let Err(problem) = post_left(&app).await {
            tracing::warn!(code = %problem.code, "rounding_waits");
        }
    }
}

/// Posts what is left of all papers; how many have nothing left now.
///
/// # Errors
/// The store or the node does not answer.
pub async fn post_left(app: &App) -> Outcome<usize> {
    let left = app.blocking(|app| app.store.papers_to_post(PAPERS_MAX));
    let left = left.await?.map_err(|error| Problem::store(&error))?;
    let mut done = 0;
    for (tenant, paper) in left {
        let (no, _) = app.tenant(tenant).await?;
        done += usize::from(post(app, (tenant, no), paper).await?);
    }
    Ok(done)
}
