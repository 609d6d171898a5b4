//! The same of a command that was refused: what it says in plain, and the hash of all it asked.

use super::{Asked, Field, first};
use crate::command::{Op, Spend};
use crate::content;
use crate::event::Effect;

impl Asked<'_> {
    /// What a refusal says of the command: what it is about, whose wallet, how much.
    pub(super) fn differs_from_refusal(&self) -> Option<Field> {
        let Some(Effect::Refused(refused)) = self.part.effects.first() else {
            return Some("id");
        };
        let about = self.part.effects.iter().find_map(|effect| match effect {
            // What was not confirmed in time is about the payment that it was.
            Effect::About { .. } if self.part.kind.is_step_up_expired() => None,
            Effect::About { thing } => Some(*thing),
            _ => None,
        });
        let thing = self.command.about();
        if about != thing.map(|(_, id)| id) {
            return Some(thing.map_or("id", |(field, _)| field));
        }
        if content::of(&self.command.op) == refused.content {
            return None;
        }
        // What it says in plain is named; the rest is part of the hash only.
        let wallet = |field, id| (field, refused.wallet == self.wallet(id));
        let amount = |atoms: u64| ("amount", refused.asked == atoms);
        // What its price came to is asked of an item.
        let spent = |spend: &Spend| match spend.item.is_some() {
            true => ("amount", true),
            false => amount(spend.amount.0),
        };
        let named = match &self.command.op {
            Op::Pay { spend, payee }
            | Op::Authorize { spend, payee, .. }
            | Op::Transfer { spend, payee } => first(&[
                wallet("payer", spend.payer),
                ("payee", refused.payee == self.wallet(*payee)),
                ("asset", refused.asset == spend.asset),
                spent(spend),
            ]),
            Op::Split { spend, payees } => first(&[
                wallet("payer", spend.payer),
                (
                    "payees",
                    payees
                        .first()
                        .is_some_and(|p| refused.payee == self.wallet(p.payee)),
                ),
                ("asset", refused.asset == spend.asset),
                spent(spend),
            ]),
            Op::Capture { amount: a, .. }
            | Op::Refund { amount: a, .. }
            | Op::OpenDispute { amount: a, .. }
            | Op::ReverseTopUp { amount: a, .. } => first(&[amount(a.0)]),
            Op::TopUp {
                wallet: id,
                asset,
                amount: a,
                ..
            }
            | Op::Withdraw {
                wallet: id,
                asset,
                amount: a,
                ..
            }
            | Op::SettleEarned {
                wallet: id,
                asset,
                amount: a,
                ..
            } => first(&[
                wallet("wallet", *id),
                ("asset", refused.asset == *asset),
                amount(a.0),
            ]),
            Op::SetCredit {
                wallet: id, asset, ..
            } => first(&[wallet("wallet", *id), ("asset", refused.asset == *asset)]),
            Op::ChangeWallet { wallet: id, .. } => first(&[wallet("wallet", *id)]),
            Op::ChangeParty { party, .. } => {
                let asked = self.state.party_no(self.command.tenant, *party);
                first(&[("party", Some(refused.party) == asked)])
            }
            Op::GrantMandate { payer, asset, .. } => {
                first(&[wallet("payer", *payer), ("asset", refused.asset == *asset)])
            }
            Op::Group { .. } => Some("items"),
            Op::Void { .. }
            | Op::SettleTopUp { .. }
            | Op::SendWithdrawal { .. }
            | Op::SettleWithdrawal { .. }
            | Op::ReturnWithdrawal { .. }
            | Op::RevokeMandate { .. }
            | Op::ResolveDispute { .. }
            | Op::ApproveCorrection { .. }
            | Op::RejectCorrection { .. }
            | Op::ProposeLaw { .. }
            | Op::ApproveLaw { .. }
            | Op::RejectLaw { .. } => None,
            // These are never refused.
            Op::SetShard { .. }
            | Op::RegisterAsset { .. }
            | Op::OpenTenant { .. }
            | Op::SetTerms { .. }
            | Op::SetTax { .. }
            | Op::SetTaxpayer { .. }
            | Op::SetPrice { .. }
            | Op::ArchivePrice { .. }
            | Op::RoundTax { .. }
            | Op::RegisterParty { .. }
            | Op::OpenWallet { .. }
            | Op::ProposeCorrection { .. }
            | Op::Expire { .. }
            | Op::CountRefusals { .. }
            | Op::Backfill { .. }
            | Op::RecordSnapshot { .. } => Some("id"),
        };
        named.or(Some("id"))
    }
}
