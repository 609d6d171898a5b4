//! A capture before the law: what comes is held against what its payee may hold. The rest was asked
//! when it was authorized, and its circumstances are those of then.
//!
//! A number above which the payer is to confirm stops no capture: nobody is there to be asked, and
//! what was authorized is spoken for.

use super::{Case, Coming, Court, Draft, Legs, denied};
use crate::decide::Rule;
use crate::event::Effect;
use crate::law::{Asked, Circumstances, Confirmed};
use crate::records::{Hold, Leg, WalletNo};
use crate::view::View;
use ledger::AssetNo;
use policy::{Payment, Verdict};

/// What is asked of a capture.
pub(crate) fn case(
    asset: AssetNo,
    (payer, payee): (WalletNo, WalletNo),
    circumstances: Circumstances,
    legs: Legs,
) -> Case {
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

/// Checks a capture that takes some parts of an authorization's legs, and notes what was asked if it
/// was not ordinary. What a party holds is known while its past is still being counted, so no capture
/// waits for that.
pub(crate) fn check<V: View>(draft: &mut Draft<'_, V>, hold: &Hold, parts: &[Leg]) -> Rule {
    let Some(law) = draft.law else {
        return Ok(());
    };
    let legs = Legs::of(draft.view, parts);
    let circumstances = hold.circumstances.as_deref().copied().unwrap_or_default();
    let case = case(hold.asset, (hold.payer, hold.payee), circumstances, legs);
    let (court, moves) = Court::with_moves(draft, law);
    let verdict = court.receive(&case, moves);
    match verdict {
        Verdict::Deny { .. } => Err(*denied(draft, &case, hold.payee, verdict, law).stop),
        Verdict::Allow | Verdict::StepUp { .. } => {
            if !circumstances.is_ordinary() {
                // The postings show the sources.
                let legs = Vec::new();
                let asked = Asked {
                    legs,
                    ..case.asked()
                };
                draft.effect(Effect::Asked(Box::new(asked)));
            }
            Ok(())
        }
    }
}
