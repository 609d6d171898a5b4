//! What an event of the past asked of the law, and what it was told: the questions as the step finds
//! them again, and what stands in for them where there was no law to ask.

use crate::code::Code;
use crate::event::{Effect, Event, EventKind, Part};
use crate::law::Confirmed;
use crate::records::{Pending, PendingKind, WalletNo};
use crate::simulate::Was;
use crate::step::law::court::{self, Case, Legs};
use crate::step::law::{self, Coming, again, pilot};
use crate::view::View;
use ledger::{AccountClass, AccountNo, AssetNo};
use policy::RuleNo;

/// What was asked, and what history said.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// How the rules are asked: once, or of a split once for its payer and then for each payee.
    pub cases: Vec<Case>,
    /// The whole amount.
    pub gross: u64,
    pub was: Was,
    /// What refused or asked then.
    pub by: Option<By>,
}

/// What refuses or asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    /// A rule.
    Rule(RuleNo),
    /// The pilot's share, in a word.
    Pilot(Code),
}

/// Whether the law is asked about events of a kind.
pub(crate) fn asks(kind: EventKind) -> bool {
    let is_made = matches!(
        kind,
        EventKind::Paid
            | EventKind::Split
            | EventKind::Transferred
            | EventKind::Authorized
            | EventKind::Captured
            | EventKind::TopUpPending
            | EventKind::WithdrawalRequested
            | EventKind::Refunded
    );
    is_made || kind.asks_step_up() || kind.is_refusal()
}

/// Whether events of a kind undo what was counted.
pub(crate) fn undoes(kind: EventKind) -> bool {
    let gives_back = matches!(
        kind,
        EventKind::Refunded
            | EventKind::Captured
            | EventKind::Voided
            | EventKind::HoldExpired
            | EventKind::TopUpReversed
            | EventKind::WithdrawalReturned
            | EventKind::DisputeOpened
            | EventKind::DisputeLost
            | EventKind::DisputeWon
    );
    gives_back || kind.is_step_up_expired()
}

/// What a part of an event asked, if it asked anything; `view` is State right before it.
pub(crate) fn of<V: View>(view: &V, event: &Event, part: &Part<'_>) -> Option<Question> {
    if !asks(part.kind) {
        return None;
    }
    let mut cases = again::cases(view, event.tenant, part);
    let (gross, was, by) = part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => Some((paid.gross, Was::Allowed, None)),
        Effect::HoldOpened(hold) => Some((hold.authorized, Was::Allowed, None)),
        Effect::TopUpOpened(topup) => Some((topup.amount, Was::Allowed, None)),
        Effect::WithdrawalOpened(out) => {
            let gross = out.legs.iter().map(|leg| leg.amount).sum();
            Some((gross, Was::Allowed, None))
        }
        Effect::PendingOpened(pending) => {
            let by = pending.rule.map(|traced| By::Rule(traced.rule));
            if cases.is_empty() {
                cases = pending_cases(view, event, pending).unwrap_or_default();
            }
            Some((pending.to_pay(), Was::StepUp, by))
        }
        // Refused for another reason than the law, it stays refused.
        Effect::Refused(refused) => {
            let by = match refused.rule {
                Some(traced) => By::Rule(traced.rule),
                None if pilot::is_outside(refused.code) => By::Pilot(refused.code),
                None => return None,
            };
            Some((refused.asked, Was::Refused, Some(by)))
        }
        _ => None,
    })?;
    if part.kind == EventKind::Split && part.asked().is_none() {
        // Before there was a law nobody wrote down the shares.
        let case = *cases.first()?;
        cases = again::of_split(view, case, &credited(view, part, gross));
    }
    (!cases.is_empty()).then_some(Question {
        cases,
        gross,
        was,
        by,
    })
}

/// What waits for a confirmation that no law asked: from the sources that would have paid.
fn pending_cases<V: View>(view: &V, event: &Event, pending: &Pending) -> Option<Vec<Case>> {
    let state = view.base();
    let wallet = |id| state.wallet_no(event.tenant, id);
    let (payer, payee) = (wallet(pending.payer)?, wallet(pending.payee)?);
    let circumstances = pending
        .circumstances
        .as_deref()
        .copied()
        .unwrap_or_default();
    let gross = pending.to_pay();
    let case = Case {
        payment: law::what_of(pending.kind == PendingKind::Transfer, &circumstances),
        asset: pending.asset,
        payer,
        payee,
        channel: circumstances.channel,
        circumstances,
        confirmed: Confirmed::NOTHING,
        legs: planned(view, event, payer, pending.asset, gross),
        asks_payer: true,
        asks_payee: true,
        coming: Coming::default(),
        is_capture: false,
    };
    if pending.kind != PendingKind::Split {
        return Some(vec![case]);
    }
    let named = pending.payees.iter();
    let named = named.map(|(id, weight)| Some((wallet(*id)?, *weight)));
    let payees: Vec<(WalletNo, u64)> = named.collect::<Option<_>>()?;
    let shares: Vec<_> = law::shares(&payees, gross).collect();
    Some(again::of_split(view, case, &shares))
}

/// Who was paid by a split, each with a share of the gross amount in proportion to what came.
fn credited<V: View>(view: &V, part: &Part<'_>, gross: u64) -> Vec<(WalletNo, u64)> {
    let opened = |no: AccountNo| {
        part.effects.iter().find_map(|effect| match *effect {
            Effect::AccountOpened {
                no: this,
                class,
                owner,
                ..
            } if this == no => Some((class, owner)),
            _ => None,
        })
    };
    let mut payees: Vec<(WalletNo, u64)> = Vec::new();
    for posting in part.postings.iter().filter(|p| p.amount > 0) {
        let found = opened(posting.account).unwrap_or_else(|| {
            let account = view.account(posting.account);
            (account.class, account.owner)
        });
        let (AccountClass::Wallet, owner) = found else {
            continue;
        };
        let atoms = u64::try_from(posting.amount).unwrap_or(u64::MAX);
        match payees.iter_mut().find(|(wallet, _)| wallet.0 == owner) {
            Some((_, share)) => *share = share.saturating_add(atoms),
            None => payees.push((WalletNo(owner), atoms)),
        }
    }
    if payees.is_empty() {
        // Nothing was left of it after tax and fee.
        return payees;
    }
    law::shares(&payees, gross).collect()
}

/// From which sources a wallet would have paid.
fn planned<V: View>(view: &V, event: &Event, wallet: WalletNo, asset: AssetNo, gross: u64) -> Legs {
    let state = view.base();
    let order = state.tenant(event.tenant).map(|t| &t.terms.funding_order);
    let mut legs = Legs::NONE;
    let mut rest = gross;
    for source in order.into_iter().flatten() {
        for (_, account) in state.accounts_of(wallet) {
            if account.asset == asset && account.source == Some(*source) {
                let part = account.available().min(rest);
                if part > 0 {
                    legs.add(court::funds(account), part);
                    rest -= part;
                }
            }
        }
    }
    legs
}
