//! Whether a command presented again is the one its id was answered for.

use crate::command::{Command, Op, Spend};
use crate::event::{Effect, Event, EventKind};
use crate::ids::WalletId;
use crate::records::WalletNo;
use crate::state::State;

/// The first field in which a command differs from what the event answered, as the API names it;
/// `None` if it is the same command.
#[must_use]
pub fn difference(state: &State, command: &Command, event: &Event) -> Option<&'static str> {
    let Some(part) = event.part(command.id) else {
        return Some("id");
    };
    let wallet = |id: WalletId| {
        state
            .wallet_no(command.tenant, id)
            .unwrap_or(WalletNo::NONE)
    };
    let first = |rows: &[(&'static str, bool)]| {
        rows.iter().find(|(_, same)| !same).map(|(field, _)| *field)
    };
    let kind = |kinds: &[EventKind]| kinds.contains(&part.kind) || part.kind == EventKind::Refused;
    let spend_differs = |spend: &Spend, payee: WalletId| {
        let (payer, payee) = (wallet(spend.payer), wallet(payee));
        part.effects.iter().find_map(|effect| match effect {
            Effect::Paid(p) => Some(first(&[
                ("payer", p.payer == payer),
                ("payee", p.payee == payee),
                ("asset", p.asset == spend.asset),
                ("amount", p.gross == spend.amount.0),
            ])),
            Effect::HoldOpened(h) => Some(first(&[
                ("payer", h.payer == payer),
                ("payee", h.payee == payee),
                ("asset", h.asset == spend.asset),
                ("amount", h.authorized == spend.amount.0),
            ])),
            Effect::Refused(r) => Some(first(&[
                ("payer", r.wallet == payer),
                ("payee", r.payee == payee),
                ("asset", r.asset == spend.asset),
                ("amount", r.asked == spend.amount.0),
            ])),
            Effect::PendingOpened(p) => Some(first(&[
                ("payer", wallet(p.payer) == payer),
                ("payee", wallet(p.payee) == payee),
                ("asset", p.asset == spend.asset),
                ("amount", p.amount == spend.amount),
            ])),
            _ => None,
        })
    };
    let about = |thing| {
        part.kind == EventKind::Refused
            || part
                .effects
                .iter()
                .any(|e| matches!(e, Effect::About { thing: t } if *t == thing))
    };
    let refused_amount = |amount: u64| {
        part.effects
            .iter()
            .all(|e| !matches!(e, Effect::Refused(r) if r.asked != amount))
    };
    use EventKind as K;
    let (kinds, differs): (&[EventKind], Option<&'static str>) = match &command.op {
        Op::Pay { spend, payee } => (&[K::Paid, K::StepUpAsked], spend_differs(spend, *payee)?),
        Op::Authorize { spend, payee, .. } => (
            &[K::Authorized, K::StepUpAsked],
            spend_differs(spend, *payee)?,
        ),
        Op::Transfer { spend, payee } => (
            &[K::Transferred, K::StepUpAsked],
            spend_differs(spend, *payee)?,
        ),
        Op::Split { spend, payees } => {
            let payee = payees.first()?.payee;
            (&[K::Split, K::StepUpAsked], spend_differs(spend, payee)?)
        }
        Op::Capture {
            payment, amount, ..
        }
        | Op::Refund {
            payment, amount, ..
        } => {
            let kinds: &[EventKind] = match command.op {
                Op::Capture { .. } => &[K::Captured],
                _ => &[K::Refunded],
            };
            let paid = part.paid();
            let rows = [
                ("payment", paid.is_none_or(|p| p.of == *payment)),
                (
                    "amount",
                    paid.is_none_or(|p| p.gross == amount.0) && refused_amount(amount.0),
                ),
            ];
            (kinds, first(&rows))
        }
        Op::Void { payment } => (&[K::Voided], first(&[("payment", about(*payment))])),
        Op::Group { items } => {
            let ids: Vec<_> = event.parts().map(|p| p.id).collect();
            let same = part.kind == K::Refused
                || (ids.len() == items.len() && ids.iter().zip(items).all(|(a, (b, _))| a == b));
            (&[K::Grouped], first(&[("items", same)]))
        }
        Op::TopUp {
            wallet: id,
            asset,
            amount,
            source,
            ..
        } => {
            let differs = part.effects.iter().find_map(|effect| match effect {
                Effect::TopUpOpened(t) => Some(first(&[
                    ("wallet", t.wallet == wallet(*id)),
                    ("asset", t.asset == *asset),
                    ("amount", t.amount == amount.0),
                    ("source", t.source == *source),
                ])),
                Effect::Refused(r) => Some(first(&[
                    ("wallet", r.wallet == wallet(*id)),
                    ("amount", r.asked == amount.0),
                ])),
                _ => None,
            });
            (&[K::TopUpPending], differs.unwrap_or(Some("id")))
        }
        Op::Withdraw {
            wallet: id,
            asset,
            amount,
            ..
        } => {
            let differs = part.effects.iter().find_map(|effect| match effect {
                Effect::WithdrawalOpened(w) => Some(first(&[
                    ("wallet", w.wallet == wallet(*id)),
                    ("asset", w.asset == *asset),
                    (
                        "amount",
                        w.legs.iter().map(|l| l.amount).sum::<u64>() == amount.0,
                    ),
                ])),
                Effect::Refused(r) => Some(first(&[
                    ("wallet", r.wallet == wallet(*id)),
                    ("amount", r.asked == amount.0),
                ])),
                _ => None,
            });
            (&[K::WithdrawalRequested], differs.unwrap_or(Some("id")))
        }
        Op::SettleTopUp { topup } => (&[K::TopUpSettled], first(&[("topup", about(*topup))])),
        Op::ReverseTopUp { topup, amount, .. } => {
            let reversed = part
                .effects
                .iter()
                .all(|e| !matches!(e, Effect::Reversed { amount: a, .. } if *a != amount.0));
            let rows = [("topup", about(*topup)), ("amount", reversed)];
            (&[K::TopUpReversed], first(&rows))
        }
        Op::SendWithdrawal { withdrawal } => (
            &[K::WithdrawalSent],
            first(&[("withdrawal", about(*withdrawal))]),
        ),
        Op::SettleWithdrawal { withdrawal } => (
            &[K::WithdrawalSettled],
            first(&[("withdrawal", about(*withdrawal))]),
        ),
        Op::ReturnWithdrawal { withdrawal } => (
            &[K::WithdrawalReturned],
            first(&[("withdrawal", about(*withdrawal))]),
        ),
        Op::OpenDispute {
            payment, amount, ..
        } => {
            let paid = part.paid();
            let rows = [
                ("payment", about(*payment)),
                ("amount", paid.is_none_or(|p| p.gross == amount.0)),
            ];
            (&[K::DisputeOpened], first(&rows))
        }
        Op::ResolveDispute { dispute, .. } => (
            &[K::DisputeWon, K::DisputeLost],
            first(&[("dispute", about(*dispute))]),
        ),
        Op::RevokeMandate { mandate } => (
            &[K::MandateRevoked],
            first(&[("mandate", about(mandate.0))]),
        ),
        Op::ApproveCorrection { correction } => (
            &[K::CorrectionMade],
            first(&[("correction", about(*correction))]),
        ),
        Op::ProposeCorrection { postings, .. } => {
            let same = part
                .effects
                .iter()
                .any(|e| matches!(e, Effect::CorrectionProposed(c) if c.postings == *postings));
            (&[K::CorrectionProposed], first(&[("postings", same)]))
        }
        Op::GrantMandate { payer, asset, .. } => {
            let same = part.kind == K::Refused
                || part.effects.iter().any(|e| {
                    matches!(e, Effect::MandateGranted(m)
                        if m.payer == wallet(*payer) && m.asset == *asset)
                });
            (&[K::MandateGranted], first(&[("payer", same)]))
        }
        Op::SettleEarned { amount, .. } => {
            let moved = part
                .postings
                .iter()
                .all(|p| p.amount.unsigned_abs() == u128::from(amount.0));
            (
                &[K::EarnedSettled],
                first(&[("amount", moved && refused_amount(amount.0))]),
            )
        }
        Op::SetShard { .. } => (&[K::ShardSet], None),
        Op::RegisterAsset { .. } => (&[K::AssetRegistered], None),
        Op::OpenTenant { .. } => (&[K::TenantOpened], None),
        Op::SetTerms { terms } => {
            let same = part
                .effects
                .iter()
                .any(|e| matches!(e, Effect::TermsSet(t) if t == terms));
            (&[K::TermsSet], first(&[("terms", same)]))
        }
        Op::RegisterParty {
            party,
            kind,
            country,
            tier,
        } => {
            let same = part.effects.contains(&Effect::PartyRegistered {
                party: *party,
                kind: *kind,
                country: *country,
                tier: *tier,
            });
            (&[K::PartyRegistered], first(&[("party", same)]))
        }
        Op::ChangeParty { .. } => (&[K::PartyChanged], None),
        Op::OpenWallet { wallet, .. } => {
            let same = part
                .effects
                .iter()
                .any(|e| matches!(e, Effect::WalletOpened { wallet: w, .. } if w == wallet));
            (&[K::WalletOpened], first(&[("wallet", same)]))
        }
        Op::ChangeWallet { .. } => (&[K::WalletChanged], None),
        Op::SetCredit { .. } => (&[K::CreditSet], None),
        Op::Expire { .. } | Op::CountRefusals { .. } | Op::RecordSnapshot { .. } => (&[], None),
    };
    if kind(kinds) { differs } else { Some("id") }
}
