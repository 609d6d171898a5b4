//! What a command asks for, as a hash: two commands under one id are the same if it is.
//!
//! Not part of it are a payer's confirmation and the fraud score, which come anew each time, and the
//! events that commands about closed things carry, which follow from what they name.

use crate::command::{DisputeVerdict, Op, Spend};
use crate::event::Hash;
use crate::ids::{Id, WalletId};
use crate::law::{Circumstances, Confirmed};
use crate::plans::{NewSubscription, SubscriptionChange};
use crate::records::{Particulars, Standing, TimerKind};
use crate::time::UtcMillis;
use blake3::Hasher;
use risk::Score;
use serde::Serialize;

/// The hash of all that an operation asks for.
#[must_use]
pub(crate) fn of(op: &Op) -> Hash {
    let mut content = Content(Hasher::new());
    content.op(op);
    *content.0.finalize().as_bytes()
}

/// Which kind of payment, as its operation is numbered here.
#[derive(Clone, Copy, Debug)]
enum Payment {
    Pay = 0,
    Authorize = 1,
    Transfer = 2,
    Split = 3,
}

/// Every field has a fixed size, or its length before it: no two contents have the same bytes.
struct Content(Hasher);

impl Content {
    fn number(&mut self, number: u64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn id(&mut self, id: Id) -> &mut Self {
        self.0.update(&id.0.to_le_bytes());
        self
    }

    fn maybe(&mut self, number: Option<u64>) -> &mut Self {
        self.number(u64::from(number.is_some()));
        self.number(number.unwrap_or(0))
    }

    fn record(&mut self, record: &impl Serialize) {
        let bytes = postcard::to_allocvec(record).expect("serializing into memory does not fail");
        self.number(bytes.len() as u64);
        self.0.update(&bytes);
    }

    fn payment(
        &mut self,
        what: Payment,
        spend: &Spend,
        expires: Option<UtcMillis>,
        payees: impl IntoIterator<Item = (WalletId, u64)>,
    ) {
        if spend.item.is_some() {
            self.number(what as u64 + 256);
            self.number(spend.item.price.0.into());
            self.number(spend.item.unit.into());
            self.number(spend.item.quantity);
        } else {
            self.number(what as u64);
        }
        self.id(spend.payer.0).id(spend.mandate.0);
        self.number(spend.amount.0).number(spend.asset.0.into());
        self.maybe(expires.map(|at| at.0));
        self.circumstances(&spend.circumstances);
        // What says nothing is hashed as it always was.
        if spend.tax != Default::default() {
            let bytes = postcard::to_allocvec(&spend.tax);
            self.0
                .update(&bytes.expect("serializing into memory does not fail"));
        }
        let mut count = 0;
        for (payee, weight) in payees {
            self.id(payee.0).number(weight);
            count += 1;
        }
        self.number(count);
    }

    fn circumstances(&mut self, c: &Circumstances) {
        let words = [
            c.product as u8,
            c.presence as u8,
            c.technology as u8,
            c.channel as u8,
            c.screening as u8,
            u8::from(c.is_gift),
        ];
        self.0.update(&words);
        self.number(u64::from(c.flags.bits()));
        let hours = [c.device_hours, c.payee_hours, c.notice_hours].map(u64::from);
        self.number(hours[0] << 32 | hours[1] << 16 | hours[2]);
    }

    fn op(&mut self, op: &Op) {
        match op {
            Op::Pay { spend, payee } => self.payment(Payment::Pay, spend, None, [(*payee, 1)]),
            Op::Authorize {
                spend,
                payee,
                expires,
            } => self.payment(Payment::Authorize, spend, *expires, [(*payee, 1)]),
            Op::Transfer { spend, payee } => {
                self.payment(Payment::Transfer, spend, None, [(*payee, 1)]);
            }
            Op::Split { spend, payees } => {
                let payees = payees.iter().map(|share| (share.payee, share.weight));
                self.payment(Payment::Split, spend, None, payees);
            }
            Op::Capture {
                payment,
                amount,
                asset,
                last,
            } => {
                self.number(4).id(*payment).number(amount.0);
                self.maybe(asset.map(|asset| asset.0.into()));
                self.number(u64::from(*last));
            }
            Op::Void { payment } => {
                self.number(5).id(*payment);
            }
            Op::Refund {
                payment, amount, ..
            } => {
                self.number(6).id(*payment).number(amount.0);
            }
            Op::Group { items } => {
                self.number(7).number(items.len() as u64);
                for (id, op) in items {
                    self.id(*id).op(op);
                }
            }
            Op::ChangeParty {
                party,
                country,
                tier,
                standing,
                particulars,
            } => {
                self.number(8).id(party.0);
                let country = country.map(|c| u16::from_le_bytes(c.0).into());
                self.maybe(country).maybe(tier.map(|t| t.0.into()));
                self.maybe(standing.map(number_of));
                let packed = |p: &Particulars| {
                    let parts = [p.age as u8, p.segment, p.screening as u8, 0];
                    u64::from(u32::from_le_bytes(parts))
                };
                self.maybe(particulars.as_ref().map(packed));
            }
            Op::ChangeWallet { wallet, standing } => {
                self.number(9).id(wallet.0).number(number_of(*standing));
            }
            Op::SetCredit {
                wallet,
                asset,
                limit,
            } => {
                self.number(10).id(wallet.0);
                self.number(asset.0.into()).number(limit.0);
            }
            Op::TopUp {
                wallet,
                asset,
                amount,
                source,
                channel,
                spendable,
            } => {
                self.number(11).id(wallet.0);
                self.number(asset.0.into()).number(amount.0);
                self.number(*source as u64).number(channel.0.into());
                self.number(u64::from(*spendable));
            }
            Op::SettleTopUp { topup } => {
                self.number(12).id(*topup);
            }
            Op::ReverseTopUp { topup, amount, .. } => {
                self.number(13).id(*topup).number(amount.0);
            }
            Op::SettleEarned {
                wallet,
                asset,
                origin,
                amount,
            } => {
                self.number(14).id(wallet.0);
                self.number(asset.0.into()).number(*origin as u64);
                self.number(amount.0);
            }
            Op::Withdraw {
                wallet,
                asset,
                amount,
                channel,
            } => {
                self.number(15).id(wallet.0);
                self.number(asset.0.into()).number(amount.0);
                self.number(channel.0.into());
            }
            Op::SendWithdrawal { withdrawal } => {
                self.number(16).id(*withdrawal);
            }
            Op::SettleWithdrawal { withdrawal } => {
                self.number(17).id(*withdrawal);
            }
            Op::ReturnWithdrawal { withdrawal } => {
                self.number(18).id(*withdrawal);
            }
            Op::GrantMandate {
                payer,
                agent,
                asset,
                per_payment,
                per_day,
                payees,
                expires,
            } => {
                self.number(19).id(payer.0).id(agent.0);
                self.number(asset.0.into());
                self.maybe(per_payment.map(|a| a.0));
                self.maybe(per_day.map(|a| a.0));
                self.number(payees.len() as u64);
                for payee in payees {
                    self.id(payee.0);
                }
                self.number(expires.0);
            }
            Op::RevokeMandate { mandate } => {
                self.number(20).id(mandate.0);
            }
            Op::OpenDispute {
                payment, amount, ..
            } => {
                self.number(21).id(*payment).number(amount.0);
            }
            Op::ResolveDispute { dispute, verdict } => {
                self.number(22).id(*dispute);
                self.number(match verdict {
                    DisputeVerdict::PayeeWins => 0,
                    DisputeVerdict::PayerWins => 1,
                    DisputeVerdict::ChannelTook => 2,
                });
            }
            Op::ApproveCorrection { correction } => {
                self.number(23).id(*correction);
            }
            Op::RejectCorrection { correction } => {
                self.number(25).id(*correction);
            }
            Op::ProposeLaw { law } => {
                let bytes =
                    postcard::to_allocvec(&(&law.packs, &law.removed, &law.settings, &law.zones));
                let bytes = bytes.expect("serializing into memory does not fail");
                self.number(28).number(bytes.len() as u64);
                self.0.update(&bytes);
            }
            Op::ApproveLaw {
                proposal,
                effective,
            } => {
                self.number(26).id(*proposal).number(effective.0);
            }
            Op::RejectLaw { proposal } => {
                self.number(27).id(*proposal);
            }
            Op::Subscribe { new } => {
                let plain = NewSubscription {
                    risk: Score(0),
                    confirmed: Confirmed::NOTHING,
                    ..(**new).clone()
                };
                self.number(29).record(&plain);
            }
            Op::ChangeSubscription {
                subscription,
                change,
            } => {
                let mut plain = change.clone();
                if let SubscriptionChange::Resume { confirmed }
                | SubscriptionChange::Pay { confirmed }
                | SubscriptionChange::Move { confirmed, .. } = &mut plain
                {
                    *confirmed = Confirmed::NOTHING;
                }
                self.number(30).id(*subscription).record(&plain);
            }
            Op::Expire { kind, thing } => {
                let kind = match kind {
                    TimerKind::Hold => 0,
                    TimerKind::StepUp => 1,
                    TimerKind::Correction => 2,
                    TimerKind::Law => 3,
                    TimerKind::Subscription => 4,
                };
                self.number(24).number(kind).id(*thing);
            }
            // These are never refused for good.
            Op::SetShard { .. }
            | Op::RegisterAsset { .. }
            | Op::OpenTenant { .. }
            | Op::SetTerms { .. }
            | Op::SetTax { .. }
            | Op::SetTaxpayer { .. }
            | Op::SetPrice { .. }
            | Op::ArchivePrice { .. }
            | Op::SetPlan { .. }
            | Op::ArchivePlan { .. }
            | Op::RoundTax { .. }
            | Op::RegisterParty { .. }
            | Op::OpenWallet { .. }
            | Op::ProposeCorrection { .. }
            | Op::CountRefusals { .. }
            | Op::Backfill { .. }
            | Op::RecordSnapshot { .. } => {
                self.number(u64::MAX);
            }
        }
    }
}

fn number_of(standing: Standing) -> u64 {
    match standing {
        Standing::Active => 0,
        Standing::Frozen => 1,
        Standing::Closed => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MandateId;
    use crate::prices::Item;
    use crate::records::PriceNo;
    use ledger::AssetNo;
    use money::Atoms;
    use std::collections::BTreeSet;

    #[test]
    fn another_kind_or_value_is_another_content_and_evidence_is_not() {
        let spend = |payer, confirmed: bool| Spend {
            payer: WalletId(Id(payer)),
            mandate: MandateId(Id(0)),
            amount: Atoms(5),
            asset: AssetNo(0),
            risk: Score(u16::from(confirmed)),
            confirmed: confirmed.into(),
            circumstances: Default::default(),
            tax: Default::default(),
            item: Item::NONE,
        };
        let payee = WalletId(Id(9));
        let pay = |confirmed| Op::Pay {
            spend: spend(1, confirmed),
            payee,
        };
        assert_eq!(of(&pay(true)), of(&pay(false)));
        let spend = spend(1, false);
        let held = |expires| Op::Authorize {
            spend,
            payee,
            expires,
        };
        let group = |ids: &[u128]| Op::Group {
            items: ids.iter().map(|id| (Id(*id), pay(false))).collect(),
        };
        let ops = [
            pay(false),
            Op::Transfer { spend, payee },
            held(None),
            held(Some(UtcMillis(0))),
            held(Some(UtcMillis(1))),
            group(&[]),
            Op::Transfer {
                spend: Spend {
                    circumstances: Circumstances {
                        is_gift: true,
                        ..Default::default()
                    },
                    ..spend
                },
                payee,
            },
            Op::Pay {
                spend: Spend {
                    item: Item {
                        price: PriceNo(0),
                        unit: 0,
                        quantity: 1,
                    },
                    ..spend
                },
                payee,
            },
            group(&[1]),
            group(&[1, 2]),
            group(&[2, 1]),
            Op::Void { payment: Id(1) },
            Op::SettleTopUp { topup: Id(1) },
        ];
        let contents: BTreeSet<_> = ops.iter().map(of).collect();
        assert_eq!(contents.len(), ops.len());
    }
}
