//! What an event of the past asked of the law: the facts as they were, read off State and event.

use super::report::Was;
use crate::event::{Effect, Event, EventKind, Part};
use crate::law::{Circumstances, Confirmed};
use crate::records::WalletNo;
use crate::state::State;
use crate::step::law as stage;
use crate::time::UtcMillis;
use ledger::{Account, AccountClass, AccountNo, AssetNo, Source};
use policy::{Channel, Facts, Funds, Leg, PartyFacts, Payment, RuleNo, Screening};

/// What was asked, and what history said.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub payment: Payment,
    pub asset: AssetNo,
    pub gross: u64,
    pub legs: Vec<Leg>,
    pub payer: WalletNo,
    /// Who is paid, with the share of each; in money in or out, the payer.
    pub payees: Vec<(WalletNo, u64)>,
    pub channel: Channel,
    pub circumstances: Circumstances,
    pub confirmed: Confirmed,
    pub was: Was,
    /// The rule of then that refused or asked.
    pub rule: Option<RuleNo>,
}

/// One time the rules are asked.
pub(super) struct Facing<'q> {
    pub payee: WalletNo,
    pub legs: std::borrow::Cow<'q, [Leg]>,
    pub asks_payer: bool,
    pub asks_payee: bool,
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
    let of_law = part.asked();
    let circumstances = of_law.map(|asked| asked.circumstances).unwrap_or_default();
    let what = of_law.map(|asked| asked.payment);
    let ordinary = |payment, asset, gross, payer: WalletNo, payee: WalletNo| Question {
        payment,
        asset,
        gross,
        legs: Vec::new(),
        payer,
        payees: vec![(payee, gross)],
        channel: circumstances.channel,
        circumstances,
        confirmed: of_law.map_or(Confirmed::NOTHING, |asked| asked.confirmed),
        was: Was::Allowed,
        rule: None,
    };
    part.effects.iter().find_map(|effect| match effect {
        Effect::Paid(paid) if part.kind != EventKind::Authorized => {
            let usual = match part.kind {
                EventKind::Transferred if circumstances.is_gift => Payment::Gift,
                EventKind::Transferred => Payment::Transfer,
                _ => Payment::Spend,
            };
            let payment = what.unwrap_or(usual);
            let mut question = ordinary(payment, paid.asset, paid.gross, paid.payer, paid.payee);
            question.legs = debited(before, part, paid.payer);
            if part.kind == EventKind::Split {
                question.payees = credited(before, event, part, paid.gross);
            }
            Some(question)
        }
        Effect::HoldOpened(hold) => {
            let payment = what.unwrap_or(Payment::Spend);
            let (asset, gross) = (hold.asset, hold.authorized);
            let mut question = ordinary(payment, asset, gross, hold.payer, hold.payee);
            let legs = hold.legs.iter();
            let leg = |leg: &crate::records::Leg| (leg.account, leg.amount);
            question.legs = legs_of(before, legs.map(leg));
            Some(question)
        }
        Effect::TopUpOpened(topup) => {
            let payment = what.unwrap_or(Payment::Load);
            let (asset, wallet) = (topup.asset, topup.wallet);
            let mut question = ordinary(payment, asset, topup.amount, wallet, wallet);
            let funds = funds(topup.source);
            question.legs = vec![Leg {
                funds,
                atoms: topup.amount,
            }];
            if of_law.is_none() {
                question.channel = rail(topup.source);
            }
            Some(question)
        }
        Effect::WithdrawalOpened(withdrawal) => {
            let payment = what.unwrap_or(Payment::Withdrawal);
            let (asset, wallet) = (withdrawal.asset, withdrawal.wallet);
            let gross = withdrawal.legs.iter().map(|leg| leg.amount).sum();
            let mut question = ordinary(payment, asset, gross, wallet, wallet);
            let legs = withdrawal.legs.iter();
            question.legs = legs_of(before, legs.map(|leg| (leg.account, leg.amount)));
            if of_law.is_none() {
                question.channel = Channel::Bank;
            }
            Some(question)
        }
        Effect::PendingOpened(pending) => {
            let payment = what.unwrap_or(Payment::Spend);
            let payer = before.wallet_no(event.tenant, pending.payer)?;
            let payee = before.wallet_no(event.tenant, pending.payee)?;
            let gross = pending.amount.0;
            let mut question = ordinary(payment, pending.asset, gross, payer, payee);
            question.legs = planned(before, event, payer, pending.asset, gross);
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
                WalletNo::NONE => refused.wallet,
                payee => payee,
            };
            let payment = what.unwrap_or(Payment::Spend);
            let (asset, gross) = (refused.asset, refused.asked);
            let mut question = ordinary(payment, asset, gross, refused.wallet, payee);
            question.legs = planned(before, event, refused.wallet, asset, gross);
            question.was = Was::Refused;
            question.rule = Some(rule.rule);
            Some(question)
        }
        _ => None,
    })
}

impl Question {
    /// How the rules are asked: once, or of a split once for its payer and then for each payee.
    pub fn facings(&self) -> Vec<Facing<'_>> {
        if let [(payee, _)] = self.payees[..] {
            return vec![Facing {
                payee,
                legs: (&self.legs).into(),
                asks_payer: true,
                asks_payee: true,
            }];
        }
        let mut facings = Vec::with_capacity(self.payees.len() + 1);
        facings.extend(self.payees.first().map(|(payee, _)| Facing {
            payee: *payee,
            legs: (&self.legs).into(),
            asks_payer: true,
            asks_payee: false,
        }));
        let mut purse = self.legs.clone();
        for (payee, share) in &self.payees {
            let legs = take(&mut purse, *share);
            if !legs.is_empty() {
                facings.push(Facing {
                    payee: *payee,
                    legs: legs.into(),
                    asks_payer: false,
                    asks_payee: true,
                });
            }
        }
        facings
    }

    /// The facts as the rules are asked about them.
    pub fn facts<'f>(
        &self,
        before: &State,
        at: UtcMillis,
        facing: &'f Facing<'_>,
        confirmed: Confirmed,
    ) -> Facts<'f> {
        let party = |wallet: WalletNo| before.party(before.wallet(wallet).party);
        let (payer, payee) = (party(self.payer), party(facing.payee));
        let facts = |party: &crate::records::Party| PartyFacts {
            country: stage::country(party.country),
            tier: stage::tier(party.tier),
            kind: stage::kind(party.kind),
            age: party.particulars.age,
            segment: party.particulars.segment,
        };
        let found = [
            self.circumstances.screening,
            payer.particulars.screening,
            payee.particulars.screening,
        ];
        let screening = found.into_iter().max().unwrap_or(Screening::Clear);
        let hours = u32::try_from(at.0 / 3_600_000).unwrap_or(u32::MAX);
        let about = if facing.asks_payer { payer } else { payee };
        Facts {
            payment: self.payment,
            asset: self.asset.0,
            legs: &facing.legs,
            payer: facts(payer),
            payee: facts(payee),
            channel: self.channel,
            product: self.circumstances.product,
            presence: self.circumstances.presence,
            technology: self.circumstances.technology,
            screening,
            flags: self.circumstances.flags,
            confirmed: confirmed.set(),
            elapsed: self
                .circumstances
                .elapsed(hours.saturating_sub(about.registered)),
            asks_payer: facing.asks_payer,
            asks_payee: facing.asks_payee,
        }
    }
}

/// Takes an amount out of legs, in their order.
fn take(purse: &mut Vec<Leg>, amount: u64) -> Vec<Leg> {
    let mut rest = amount;
    let mut taken = Vec::new();
    for leg in purse.iter_mut() {
        let part = leg.atoms.min(rest);
        if part > 0 {
            leg.atoms -= part;
            rest -= part;
            taken.push(Leg {
                funds: leg.funds,
                atoms: part,
            });
        }
    }
    purse.retain(|leg| leg.atoms > 0);
    taken
}

/// The source a law looks at: of income whose origin has not settled, the origin.
fn funds_of(account: &Account) -> Funds {
    funds(account.origin.or(account.source).unwrap_or(Source::Earned))
}

fn funds(source: Source) -> Funds {
    match source {
        Source::Card => Funds::Card,
        Source::Bank => Funds::Bank,
        Source::Carrier => Funds::Carrier,
        Source::Crypto => Funds::Crypto,
        Source::Cash => Funds::Cash,
        Source::Earned => Funds::Earned,
        Source::Promo => Funds::Promo,
        Source::Grant => Funds::Grant,
        Source::Credit => Funds::Credit,
    }
}

/// The rail a source comes by where nothing was said.
fn rail(source: Source) -> Channel {
    match source {
        Source::Card => Channel::Card,
        Source::Bank => Channel::Bank,
        Source::Carrier => Channel::Carrier,
        Source::Crypto => Channel::Chain,
        Source::Cash => Channel::Cash,
        _ => Channel::Manual,
    }
}

fn legs_of(before: &State, parts: impl Iterator<Item = (AccountNo, u64)>) -> Vec<Leg> {
    let mut legs: Vec<Leg> = Vec::with_capacity(2);
    for (account, atoms) in parts {
        // An earlier item of the same group may have opened it: then it holds income.
        let account = before.book.get(account);
        let funds = account.map_or(Funds::Earned, funds_of);
        match legs.iter_mut().find(|leg| leg.funds == funds) {
            Some(leg) => leg.atoms = leg.atoms.saturating_add(atoms),
            None => legs.push(Leg { funds, atoms }),
        }
    }
    legs
}

/// What was taken from a wallet.
fn debited(before: &State, part: &Part<'_>, payer: WalletNo) -> Vec<Leg> {
    let of_payer = |no: AccountNo| match before.book.get(no) {
        Some(account) => account.class == AccountClass::Wallet && account.owner == payer.0,
        None => true,
    };
    let postings = part.postings.iter();
    let debits = postings.filter(|p| p.amount < 0 && of_payer(p.account));
    let atoms = |amount: i128| u64::try_from(amount.unsigned_abs()).unwrap_or(u64::MAX);
    legs_of(before, debits.map(|p| (p.account, atoms(p.amount))))
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

/// From which sources a wallet would have paid.
fn planned(
    before: &State,
    event: &Event,
    wallet: WalletNo,
    asset: AssetNo,
    gross: u64,
) -> Vec<Leg> {
    let order = before.tenant(event.tenant).map(|t| &t.terms.funding_order);
    let mut parts = Vec::new();
    let mut rest = gross;
    for source in order.into_iter().flatten() {
        for (no, account) in before.accounts_of(wallet) {
            if account.asset == asset && account.source == Some(*source) {
                let part = account.available().min(rest);
                if part > 0 {
                    parts.push((no, part));
                    rest -= part;
                }
            }
        }
    }
    let mut legs = legs_of(before, parts.into_iter());
    if rest > 0 {
        // Money it did not have: as of what it has most of, or of income.
        match legs.first_mut() {
            Some(leg) => leg.atoms = leg.atoms.saturating_add(rest),
            None => legs.push(Leg {
                funds: Funds::Earned,
                atoms: rest,
            }),
        }
    }
    legs
}
