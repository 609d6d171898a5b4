//! What an event of the past asked of the law: the facts as they were, read off State and event.

use super::report::Was;
use crate::event::{Effect, Event, EventKind, Part};
use crate::law::{Circumstances, Confirmed};
use crate::records::{self, WalletNo};
use crate::state::State;
use crate::step::law::cash;
use crate::step::law::court::{self, Case, Legs};
use ledger::{AccountClass, AccountNo, AssetNo, Source};
use policy::{Funds, Payment, RuleNo};

/// What was asked, and what history said.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The whole of it; how often the rules are asked says [`Question::cases`].
    pub case: Case,
    pub gross: u64,
    /// Of a split: who is paid, with the share of each.
    pub shares: Vec<(WalletNo, u64)>,
    pub was: Was,
    /// The rule of then that refused or asked.
    pub rule: Option<RuleNo>,
}

/// Whether the law is asked about events of a kind.
pub(super) fn asks(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Paid
            | EventKind::Split
            | EventKind::Transferred
            | EventKind::Authorized
            | EventKind::TopUpPending
            | EventKind::WithdrawalRequested
            | EventKind::StepUpAsked
            | EventKind::Refused
    )
}

/// Whether events of a kind undo what was counted.
pub(super) fn undoes(kind: EventKind) -> bool {
    matches!(
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
            | EventKind::StepUpExpired
    )
}

/// What a part of an event asked, if it asked anything.
pub(super) fn of(before: &State, event: &Event, part: &Part<'_>) -> Option<Question> {
    if !asks(part.kind) {
        return None;
    }
    let asked = part.asked();
    let circumstances = asked.map(|asked| asked.circumstances).unwrap_or_default();
    let whole = |payment, asset, gross, payer: WalletNo, payee: WalletNo| {
        let case = Case {
            payment: asked.map_or(payment, |asked| asked.payment),
            asset,
            payer,
            payee,
            channel: asked.map_or(circumstances.channel, |asked| asked.channel),
            circumstances,
            confirmed: asked.map_or(Confirmed::NOTHING, |asked| asked.confirmed),
            legs: Legs::NONE,
            asks_payer: true,
            asks_payee: true,
        };
        Question {
            case,
            gross,
            shares: asked.map_or_else(Vec::new, |asked| asked.shares.clone()),
            was: Was::Allowed,
            rule: None,
        }
    };
    let listed = || {
        let mut legs = Legs::NONE;
        let parts = asked.iter().flat_map(|asked| &asked.legs);
        parts.for_each(|(funds, atoms)| legs.add(*funds, *atoms));
        legs
    };
    part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) => {
            let usual = usual(part.kind, &circumstances);
            let (asset, gross) = (paid.asset, paid.gross);
            let mut question = whole(usual, asset, gross, paid.payer, paid.payee);
            question.case.legs = debited(before, part, paid.payer);
            if part.kind == EventKind::Split && question.shares.is_empty() {
                question.shares = credited(before, event, part, gross);
            }
            Some(question)
        }
        Effect::HoldOpened(hold) => {
            let (asset, gross) = (hold.asset, hold.authorized);
            let mut question = whole(Payment::Spend, asset, gross, hold.payer, hold.payee);
            question.case.legs = legs_of(before, &hold.legs);
            Some(question)
        }
        Effect::TopUpOpened(topup) => {
            let (wallet, amount) = (topup.wallet, topup.amount);
            let mut question = whole(Payment::Load, topup.asset, amount, wallet, wallet);
            question.case.legs = Legs::one(court::funds_of(topup.source), amount);
            if asked.is_none() {
                question.case.channel = cash::rail(topup.channel, topup.source);
            }
            Some(question)
        }
        Effect::WithdrawalOpened(out) => {
            let gross = out.legs.iter().map(|leg| leg.amount).sum();
            let is_income = |leg: &records::Leg| {
                let account = before.book.get(leg.account);
                account.is_none_or(|account| account.source == Some(Source::Earned))
            };
            let payment = match out.legs.iter().all(is_income) {
                true => Payment::Withdrawal,
                false => Payment::Redemption,
            };
            let mut question = whole(payment, out.asset, gross, out.wallet, out.wallet);
            question.case.legs = legs_of(before, &out.legs);
            if asked.is_none() {
                question.case.channel = cash::rail(out.channel, Source::Bank);
            }
            Some(question)
        }
        Effect::PendingOpened(pending) => {
            let payer = before.wallet_no(event.tenant, pending.payer)?;
            let payee = before.wallet_no(event.tenant, pending.payee)?;
            let (asset, gross) = (pending.asset, pending.amount.0);
            let mut question = whole(Payment::Spend, asset, gross, payer, payee);
            question.case.legs = match listed() {
                none if none.sum() == 0 => planned(before, event, payer, asset, gross),
                legs => legs,
            };
            question.was = Was::StepUp;
            question.rule = pending.rule.map(|traced| traced.rule);
            Some(question)
        }
        Effect::Refused(refused) => {
            // Refused for another reason, it stays refused.
            let rule = refused.rule?;
            if refused.wallet == WalletNo::NONE || refused.asked == 0 {
                return None;
            }
            let payee = match refused.payee {
                WalletNo::NONE => asked.map_or(refused.wallet, |asked| asked.payee),
                payee => payee,
            };
            let (asset, gross) = (refused.asset, refused.asked);
            let mut question = whole(Payment::Spend, asset, gross, refused.wallet, payee);
            question.case.legs = listed();
            question.was = Was::Refused;
            question.rule = Some(rule.rule);
            Some(question)
        }
        _ => None,
    })
}

/// What a kind of event is to the rules where nothing else was said.
fn usual(kind: EventKind, circumstances: &Circumstances) -> Payment {
    match kind {
        EventKind::Transferred if circumstances.is_gift => Payment::Gift,
        EventKind::Transferred => Payment::Transfer,
        _ => Payment::Spend,
    }
}

impl Question {
    /// How the rules are asked: once, or of a split once for its payer and then for each payee.
    pub fn cases(&self, before: &State) -> Vec<Case> {
        if self.shares.is_empty() {
            return vec![self.case];
        }
        let country = |wallet: WalletNo| before.party(before.wallet(wallet).party).country;
        let home = country(self.case.payer);
        // The payer's side sees a payee abroad, if there is one: the strict side.
        let abroad = self
            .shares
            .iter()
            .find(|(payee, _)| country(*payee) != home);
        let mut cases = vec![Case {
            payee: abroad.map_or(self.case.payee, |(payee, _)| *payee),
            asks_payee: false,
            ..self.case
        }];
        let mut purse = self.case.legs;
        for (payee, share) in &self.shares {
            if *share > 0 {
                cases.push(Case {
                    payee: *payee,
                    legs: purse.take(*share),
                    asks_payer: false,
                    asks_payee: true,
                    ..self.case
                });
            }
        }
        cases
    }
}

fn legs_of(before: &State, parts: &[records::Leg]) -> Legs {
    let mut legs = Legs::NONE;
    for part in parts {
        // An earlier item of the same group may have opened it: then it holds income.
        let account = before.book.get(part.account);
        legs.add(account.map_or(Funds::Earned, court::funds), part.amount);
    }
    legs
}

/// What was taken from a wallet.
fn debited(before: &State, part: &Part<'_>, payer: WalletNo) -> Legs {
    let of_payer = |no: AccountNo| match before.book.get(no) {
        Some(account) => account.class == AccountClass::Wallet && account.owner == payer.0,
        None => true,
    };
    let mut legs = Legs::NONE;
    let postings = part.postings.iter();
    for posting in postings.filter(|p| p.amount < 0 && of_payer(p.account)) {
        let account = before.book.get(posting.account);
        let atoms = u64::try_from(posting.amount.unsigned_abs()).unwrap_or(u64::MAX);
        legs.add(account.map_or(Funds::Earned, court::funds), atoms);
    }
    legs
}

/// Who was paid by a split, each with a share of the gross amount in proportion to what came.
fn credited(before: &State, event: &Event, part: &Part<'_>, gross: u64) -> Vec<(WalletNo, u64)> {
    let opened = |no: AccountNo| {
        event.effects.iter().find_map(|effect| match *effect {
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
        let account = before.book.get(posting.account);
        let found = account.map(|account| (account.class, account.owner));
        let Some((AccountClass::Wallet, owner)) = found.or_else(|| opened(posting.account)) else {
            continue;
        };
        let atoms = u64::try_from(posting.amount).unwrap_or(u64::MAX);
        match payees.iter_mut().find(|(wallet, _)| wallet.0 == owner) {
            Some((_, share)) => *share = share.saturating_add(atoms),
            None => payees.push((WalletNo(owner), atoms)),
        }
    }
    let weights: Vec<u64> = payees.iter().map(|(_, share)| *share).collect();
    let mut shares = vec![0; weights.len()];
    if money::allocate(gross, &weights, &mut shares).is_ok() {
        for (payee, share) in payees.iter_mut().zip(shares) {
            payee.1 = share;
        }
    }
    payees
}

/// From which sources a wallet would have paid what it was asked to confirm before there was a law.
fn planned(before: &State, event: &Event, wallet: WalletNo, asset: AssetNo, gross: u64) -> Legs {
    let order = before.tenant(event.tenant).map(|t| &t.terms.funding_order);
    let mut legs = Legs::NONE;
    let mut rest = gross;
    for source in order.into_iter().flatten() {
        for (_, account) in before.accounts_of(wallet) {
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
