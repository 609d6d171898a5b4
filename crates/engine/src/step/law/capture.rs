//! A capture before the law: what comes is held against what its payee may hold. The rest was asked
//! when it was authorized.
//!
//! Circumstances are not kept with an authorization, so a number that holds in some only is held
//! against ordinary ones.

use super::{Case, Coming, Court, Draft, Legs, denied};
use crate::decide::Rule;
use crate::law::{Circumstances, Confirmed};
use crate::records::{Hold, Leg, WalletNo};
use crate::view::View;
use ledger::AssetNo;
use policy::{Payment, Verdict};

/// What is asked of a capture.
pub(crate) fn case(asset: AssetNo, payer: WalletNo, payee: WalletNo, legs: Legs) -> Case {
    let circumstances = Circumstances::default();
    Case {
        payment: Payment::Spend,
        asset,
        payer,
        payee,
        channel: circumstances.channel,
        circumstances,
        confirmed: Confirmed::NOTHING,
        legs,
        asks_payer: false,
        asks_payee: true,
        coming: Coming::default(),
        is_capture: true,
    }
}

/// Checks a capture that takes some parts of an authorization's legs. What a party holds is known
/// while its past is still being counted, so no capture waits for that.
pub(crate) fn check<V: View>(draft: &mut Draft<'_, V>, hold: &Hold, parts: &[Leg]) -> Rule {
    let Some(law) = draft.law else {
        return Ok(());
    };
    let legs = Legs::of(draft.view, parts);
    let case = case(hold.asset, hold.payer, hold.payee, legs);
    let (court, moves) = Court::with_moves(draft, law);
    let verdict = court.receive(&case, moves);
    match verdict {
        Verdict::Deny { .. } => Err(*denied(draft, &case, hold.payee, verdict, law).stop),
        Verdict::Allow | Verdict::StepUp { .. } => Ok(()),
    }
}
