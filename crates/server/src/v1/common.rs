//! What several resources do alike: amounts, and what is left to take back.

use crate::app::App;
use crate::lookup;
use crate::problem::{Outcome, Problem};
use crate::types::Amount;
use crate::types::ids::WalletId;
use engine::command::Carried;
use engine::event::{Event, Paid};
use engine::records::TenantNo;
use engine::{Code, Id};
use ledger::AssetNo;
use money::Atoms;

/// An amount's asset and atoms; `field` is where it stands.
///
/// # Errors
/// The asset is not registered; [`crate::codes::AMOUNT_INVALID`].
pub async fn amount_of(app: &App, amount: &Amount, field: &str) -> Outcome<(AssetNo, Atoms)> {
    let (no, asset) = app.asset(amount.asset.0, &format!("{field}.asset")).await?;
    Ok((no, atoms(amount, &asset, field)?))
}

/// The atoms of an amount that must be in the asset of what it is about.
///
/// # Errors
/// As [`amount_of`]; `not_that_payment` for another asset.
pub async fn same_asset(app: &App, amount: &Amount, asset: AssetNo) -> Outcome<Atoms> {
    let (no, atoms) = amount_of(app, amount, "amount").await?;
    if no == asset {
        Ok(atoms)
    } else {
        Err(Problem::of(Code::NotThatPayment, "it is in another asset").at("amount.asset"))
    }
}

/// The atoms of an amount.
///
/// # Errors
/// [`crate::codes::AMOUNT_INVALID`].
pub fn atoms(amount: &Amount, asset: &money::Asset, field: &str) -> Outcome<Atoms> {
    amount.amount.atoms(asset).map_err(|error| {
        Problem::new(crate::codes::AMOUNT_INVALID, error.to_string()).at(format!("{field}.amount"))
    })
}

/// What a payment or capture was made of, and the part of its event that it is.
///
/// # Errors
/// `not_that_payment`.
pub fn paid_of(thing: Id, event: &Event) -> Outcome<(Paid, Carried)> {
    let not_that = || {
        Problem::of(
            Code::NotThatPayment,
            "this is no payment or capture that was made",
        )
        .at("payment")
    };
    let paid = event.part(thing).and_then(|part| part.paid().copied());
    let carried = Carried::part(event, thing);
    paid.zip(carried).ok_or_else(not_that)
}

/// What is left of a payment to take back, and its wallets.
pub async fn rest_of(
    app: &App,
    tenant: TenantNo,
    thing: Id,
    paid: Paid,
) -> Outcome<(u64, AssetNo, Option<WalletId>)> {
    let (taken, payer) = app
        .query(move |state| {
            let taken = state.reversed.get(&(tenant, thing)).copied().unwrap_or(0);
            (
                taken,
                state
                    .wallets
                    .get(paid.payer.0 as usize)
                    .map(|w| WalletId(w.id.0)),
            )
        })
        .await?;
    Ok((paid.gross.saturating_sub(taken), paid.asset, payer))
}

/// "All that is left" of a repeated command is what was left the first time.
pub async fn rest_or_first(app: &App, tenant: TenantNo, id: Id, rest: u64) -> Outcome<u64> {
    let first = lookup::event_of(app, tenant, id).await?;
    let first = first.and_then(|(_, event)| {
        event
            .part(id)
            .and_then(|part| part.paid().map(|paid| paid.gross))
    });
    match first {
        Some(first) => Ok(first),
        None if rest > 0 => Ok(rest),
        None => {
            let words = "nothing is left: all of it was given back, or a dispute holds it";
            Err(Problem::of(Code::RefundExceedsPayment, words).at("amount"))
        }
    }
}
