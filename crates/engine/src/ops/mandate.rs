//! Mandates: what a payer allows a software agent in advance.

use crate::code::Code;
use crate::command::MANDATE_PAYEES_MAX;
use crate::decide::{Rule, Stop};
use crate::event::{Effect, EventKind};
use crate::ids::{Id, PartyId, WalletId};
use crate::records::{Mandate, WalletNo};
use crate::step::Draft;
use crate::time::UtcMillis;
use crate::view::View;
use ledger::AssetNo;
use money::Atoms;

pub(crate) fn grant<V: View>(
    draft: &mut Draft<'_, V>,
    payer: WalletId,
    agent: PartyId,
    asset: AssetNo,
    (per_payment, per_day): (Option<Atoms>, Option<Atoms>),
    payees: &[WalletId],
    expires: UtcMillis,
) -> Rule {
    let payer = draft.find_wallet(WalletNo::NONE, payer, "payer")?;
    let agent = draft.state().party_no(draft.tenant, agent);
    let agent = agent.ok_or(Stop::Reject(Code::NotFound, "agent"))?;
    draft.check_amount(asset, 1)?;
    if expires <= draft.now {
        return Err(Stop::Reject(Code::Malformed, "expires_at"));
    }
    if payees.len() > MANDATE_PAYEES_MAX {
        return Err(Stop::Reject(Code::TooMany, "payees"));
    }
    let mut allowed = Vec::with_capacity(payees.len());
    for payee in payees {
        allowed.push(draft.find_wallet(WalletNo::NONE, *payee, "payees")?);
    }
    draft.check_active(payer, |code| draft.deny(code, payer, asset, 0))?;
    draft.out.kind = EventKind::MandateGranted;
    let mandate = Mandate {
        payer,
        agent,
        asset,
        per_payment,
        per_day,
        payees: allowed,
        expires,
        revoked: false,
        used: 0,
        day: draft.civil.day,
    };
    draft.effect(Effect::MandateGranted(Box::new(mandate)));
    Ok(())
}

pub(crate) fn revoke<V: View>(draft: &mut Draft<'_, V>, mandate: Id) -> Rule {
    let Some(record) = draft.view.mandate(draft.key(mandate)) else {
        return Err(Stop::Reject(Code::NotFound, "mandate"));
    };
    if record.revoked {
        return Err(draft.deny(Code::MandateRevoked, record.payer, record.asset, 0));
    }
    draft.out.kind = EventKind::MandateRevoked;
    draft.effect(Effect::About { thing: mandate });
    draft.effect(Effect::MandateRevoked { mandate });
    Ok(())
}
