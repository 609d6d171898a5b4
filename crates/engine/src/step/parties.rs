//! Stage 2: the parties exist and may act; an agent acts within its mandate.
//!
//! Input: the wallets. They exist when this stage is reached: an unknown one is rejected without a
//! trace while it is looked up.

use super::{Draft, Payees, Payment, Purpose};
use crate::code::Code;
use crate::decide::{Rule, Stop};
use crate::event::Refused;
use crate::records::{Standing, WalletNo};
use crate::view::View;
use money::Atoms;

#[inline]
pub(crate) fn check<V: View>(draft: &Draft<'_, V>, payment: &Payment<'_>) -> Rule {
    let spend = payment.spend;
    let refused = |code| deny(draft, payment, code, (0, 0));
    // What cannot be right leaves no trace, so it comes before what is denied.
    // The amount of what is bought by its price is found out.
    draft.check_amount(spend.asset, spend.amount.0.max(spend.item.quantity))?;
    let same = match &payment.payees {
        Payees::One(payee) => *payee == payment.payer,
        Payees::Many(payees) => payees.iter().any(|(payee, _)| *payee == payment.payer),
    };
    if same {
        return Err(Stop::Reject(Code::SameWallet, "payee"));
    }
    // Buying from oneself would turn any source into income.
    let own = |payee: WalletNo| draft.view.wallet(payee).party == payment.payer_party;
    let own = payment.purpose != Purpose::Transfer
        && match &payment.payees {
            Payees::One(payee) => own(*payee),
            Payees::Many(payees) => payees.iter().any(|(payee, _)| own(*payee)),
        };
    if own {
        return Err(Stop::Reject(Code::SameParty, "payee"));
    }
    if spend.mandate.0.is_some() {
        let mandate = draft.view.mandate(draft.key(spend.mandate.0));
        if mandate.is_none_or(|mandate| mandate.payer != payment.payer) {
            return Err(Stop::Reject(Code::NotFound, "mandate"));
        }
    }
    if let Some(agent) = draft.besides.and_then(|besides| besides.agent) {
        let mandate = draft.view.mandate(draft.key(spend.mandate.0));
        let mandate = mandate.ok_or_else(|| refused(Code::MandateRequired))?;
        if draft.state().party_no(draft.tenant, agent) != Some(mandate.agent) {
            return Err(refused(Code::MandateAgent));
        }
    }
    let each = |payee: WalletNo| {
        let record = draft.view.wallet(payee);
        let active = record.standing == Standing::Active
            && draft.view.party(record.party).standing == Standing::Active;
        if active {
            Ok(())
        } else {
            Err(refused(Code::PayeeUnavailable))
        }
    };
    draft.check_active(payment.payer, refused)?;
    match &payment.payees {
        Payees::One(payee) => each(*payee)?,
        Payees::Many(payees) => payees.iter().try_for_each(|(payee, _)| each(*payee))?,
    }
    owes(draft, payment)?;
    if spend.mandate.0.is_some() {
        mandate(draft, payment)
    } else {
        Ok(())
    }
}

/// Who owes gives nothing away: whoever it were passed on to could withdraw it. Between wallets of
/// the party it pays the debt.
#[inline]
fn owes<V: View>(draft: &Draft<'_, V>, payment: &Payment<'_>) -> Rule {
    let (spend, party) = (payment.spend, payment.payer_party);
    let owes = payment.purpose == Purpose::Transfer
        && draft.view.party(party).receivable.is_some()
        && draft.view.wallet(payment.payees.first()).party != party;
    match owes.then(|| draft.owed(party, spend.asset)) {
        None | Some(0) => Ok(()),
        Some(owed) => {
            let numbers = (0, u128::from(owed));
            Err(deny(draft, payment, Code::DebtOutstanding, numbers))
        }
    }
}

/// A refusal that remembers who would have been paid.
#[cold]
#[inline(never)]
pub(crate) fn deny<V: View>(
    draft: &Draft<'_, V>,
    payment: &Payment<'_>,
    code: Code,
    (limit, used): (u128, u128),
) -> Stop {
    let spend = payment.spend;
    let asked = match payment.priced {
        Some(_) => payment.gross,
        None => spend.amount.0,
    };
    let refused = draft.refusal(code, payment.payer, spend.asset, asked);
    Stop::Deny(Box::new(Refused {
        limit,
        used,
        payee: payment.payees.first(),
        ..refused
    }))
}

/// Asks the agent's mandate: again when tax has come on top of what was asked, or its price was found
/// out.
#[cold]
pub(crate) fn mandate<V: View>(draft: &Draft<'_, V>, payment: &Payment<'_>) -> Rule {
    let spend = payment.spend;
    let refused = |code, numbers| Err(deny(draft, payment, code, numbers));
    let Some(mandate) = draft.view.mandate(draft.key(spend.mandate.0)) else {
        return Err(Stop::Reject(Code::NotFound, "mandate"));
    };
    if draft.view.party(mandate.agent).standing != Standing::Active {
        return refused(Code::PartySuspended, (0, 0));
    }
    if mandate.revoked {
        return refused(Code::MandateRevoked, (0, 0));
    }
    if draft.now >= mandate.expires {
        return refused(Code::MandateExpired, (0, 0));
    }
    if mandate.asset != spend.asset {
        return refused(Code::MandateAsset, (0, 0));
    }
    let allowed = |payee: &WalletNo| mandate.payees.is_empty() || mandate.payees.contains(payee);
    let all_allowed = match &payment.payees {
        Payees::One(payee) => allowed(payee),
        Payees::Many(payees) => payees.iter().all(|(payee, _)| allowed(payee)),
    };
    if !all_allowed {
        return refused(Code::MandatePayee, (0, 0));
    }
    // Before the price is set, what was asked; of what is bought by its price, nothing yet.
    let amount = match spend.item.is_some() {
        true => Atoms(payment.gross),
        false => Atoms(spend.amount.0.max(payment.gross)),
    };
    let asked = u128::from(amount.0);
    if let Some(limit) = mandate.per_payment
        && amount > limit
    {
        return refused(Code::MandatePerPayment, (u128::from(limit.0), 0));
    }
    let used = mandate.used_on(draft.civil);
    if let Some(limit) = mandate.per_day
        && used + asked > u128::from(limit.0)
    {
        return refused(Code::MandatePerDay, (u128::from(limit.0), used));
    }
    Ok(())
}
