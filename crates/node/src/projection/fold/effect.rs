//! What each effect means for lists and histories, one arm each.

use super::{Fold, law};
use engine::event::{Effect, EventKind, Paid};
use engine::ids::Id;
use engine::records::{Mode, PartyKind, PartyNo, Standing, WalletNo};
use store::read::{Change, EventRow, Rows, Thing, TopUpChange};

impl Fold {
    pub(super) fn effect(
        &mut self,
        effect: &Effect,
        id: Id,
        kind: EventKind,
        row: &mut EventRow,
        rows: &mut Rows,
    ) {
        let (no, tenant) = (row.no, row.tenant);
        let Rows {
            changes, abouts, ..
        } = rows;
        let mut about = |thing: Id| abouts.push((tenant, thing.0, no));
        let mut change = |change: Change| changes.push((no, change));
        let inherit = |thing, id: Id| Change::Inherit {
            tenant,
            thing,
            id: id.0,
        };
        match *effect {
            Effect::Paid(ref paid) => {
                set_paid(row, paid);
                if paid.of.is_some() {
                    about(paid.of);
                }
            }
            Effect::Refused(ref refused) => {
                row.code = refused.code as u16;
                row.payer = wallet(refused.wallet);
                row.payee = wallet(refused.payee);
                row.asset = row.payer.map(|_| refused.asset.0);
                row.amount = refused.asked;
            }
            Effect::AccountOpened { .. } | Effect::Part { .. } => {}
            Effect::Measured { .. } | Effect::Moved(_) => {}
            Effect::Held { .. } | Effect::MandateUsed { .. } => {}
            Effect::SourceSettled { .. } => {}
            Effect::TaxSet(_) | Effect::TaxpayerSet { .. } | Effect::TaxCase(_) => {}
            Effect::FeeTax { .. } | Effect::Taxed(_) => {}
            Effect::PriceSet(ref set) => about(set.price.0),
            Effect::PriceArchived { .. } | Effect::Priced(_) | Effect::Metered(_) => {}
            Effect::Released {
                wallet: of,
                asset,
                amount,
                ..
            } => {
                row.payer = wallet(of);
                (row.asset, row.amount) = (Some(asset.0), amount);
            }
            Effect::HoldOpened(ref hold) => {
                (row.payer, row.payee) = (wallet(hold.payer), wallet(hold.payee));
                (row.asset, row.amount) = (Some(hold.asset.0), hold.authorized);
                change(Change::HoldOpened {
                    tenant,
                    id: id.0,
                    payer: hold.payer.0,
                    payee: hold.payee.0,
                    asset: hold.asset.0,
                    amount: hold.authorized,
                    expires_ms: hold.expires.0,
                });
            }
            Effect::HoldTaken {
                payment, amount, ..
            } => {
                about(payment);
                if matches!(kind, EventKind::Voided | EventKind::HoldExpired) {
                    row.amount = row.amount.saturating_add(amount);
                }
            }
            Effect::HoldCaptured {
                payment, amount, ..
            } => {
                about(payment);
                change(Change::HoldCaptured {
                    tenant,
                    id: payment.0,
                    amount,
                });
            }
            Effect::HoldClosed { payment } => {
                about(payment);
                let state = match kind {
                    EventKind::Voided => "voided",
                    EventKind::HoldExpired => "expired",
                    _ => "captured",
                };
                change(Change::HoldEnded {
                    tenant,
                    id: payment.0,
                    state,
                });
                if kind != EventKind::Captured {
                    change(inherit(Thing::Hold, payment));
                }
            }
            Effect::Reversed { thing, amount } => {
                about(thing);
                if kind == EventKind::TopUpReversed {
                    row.amount = amount;
                    let more = TopUpChange::Reversed(amount);
                    change(Change::TopUpChanged {
                        tenant,
                        id: thing.0,
                        change: more,
                    });
                    change(inherit(Thing::TopUp, thing));
                }
            }
            Effect::Unreversed { thing, .. } => about(thing),
            Effect::About { thing } => about(thing),
            Effect::TopUpOpened(ref topup) => {
                row.payer = wallet(topup.wallet);
                (row.asset, row.amount) = (Some(topup.asset.0), topup.amount);
                change(Change::TopUpOpened {
                    tenant,
                    id: id.0,
                    wallet: topup.wallet.0,
                    asset: topup.asset.0,
                    amount: topup.amount,
                    source: topup.source.as_str(),
                    channel: topup.channel.0,
                    spendable: topup.spendable,
                });
            }
            Effect::TopUpClosed { topup, ref record } => {
                about(topup);
                row.payer = wallet(record.wallet);
                row.asset = Some(record.asset.0);
                if kind == EventKind::TopUpSettled {
                    row.amount = record.amount;
                    let settled = TopUpChange::Settled;
                    change(Change::TopUpChanged {
                        tenant,
                        id: topup.0,
                        change: settled,
                    });
                }
                let closed = TopUpChange::Closed;
                change(Change::TopUpChanged {
                    tenant,
                    id: topup.0,
                    change: closed,
                });
            }
            Effect::WithdrawalOpened(ref withdrawal) => {
                row.payer = wallet(withdrawal.wallet);
                row.asset = Some(withdrawal.asset.0);
                row.amount = withdrawal.legs.iter().map(|leg| leg.amount).sum();
                change(Change::WithdrawalOpened {
                    tenant,
                    id: id.0,
                    wallet: withdrawal.wallet.0,
                    asset: withdrawal.asset.0,
                    amount: row.amount,
                    channel: withdrawal.channel.0,
                });
            }
            Effect::WithdrawalSent { withdrawal } | Effect::WithdrawalClosed { withdrawal } => {
                about(withdrawal);
                let state = match kind {
                    EventKind::WithdrawalSent => "sent",
                    EventKind::WithdrawalSettled => "settled",
                    _ => "returned",
                };
                change(Change::WithdrawalState {
                    tenant,
                    id: withdrawal.0,
                    state,
                });
                change(inherit(Thing::Withdrawal, withdrawal));
            }
            Effect::MandateGranted(ref mandate) => {
                (row.payer, row.asset) = (wallet(mandate.payer), Some(mandate.asset.0));
                change(Change::MandateGranted {
                    tenant,
                    id: id.0,
                    payer: mandate.payer.0,
                    agent: mandate.agent.0,
                    asset: mandate.asset.0,
                    per_payment: mandate.per_payment.map(|a| a.0),
                    per_day: mandate.per_day.map(|a| a.0),
                    payees: mandate.payees.iter().map(|w| w.0).collect(),
                    expires_ms: mandate.expires.0,
                });
            }
            Effect::MandateRevoked { mandate } => {
                about(mandate);
                change(Change::MandateRevoked {
                    tenant,
                    id: mandate.0,
                });
                change(inherit(Thing::Mandate, mandate));
            }
            Effect::PendingOpened(ref pending) => change(Change::StepUpOpened {
                tenant,
                id: id.0,
                payer: pending.payer.0.0,
                payee: pending.payee.0.0,
                asset: pending.asset.0,
                amount: pending.to_pay(),
                expires_ms: pending.expires.0,
            }),
            Effect::PendingClosed { payment } => {
                about(payment);
                let expired = kind.is_step_up_expired();
                let state = if expired { "expired" } else { "answered" };
                change(Change::StepUpEnded {
                    tenant,
                    id: payment.0,
                    state,
                });
                if expired {
                    change(inherit(Thing::StepUp, payment));
                }
            }
            Effect::DisputeOpened(ref dispute) => {
                about(dispute.payment);
                change(Change::DisputeOpened {
                    tenant,
                    id: id.0,
                    payment: dispute.payment.0,
                    payer: row.payer,
                    payee: row.payee,
                    asset: dispute.asset.0,
                    amount: dispute.amount,
                });
            }
            Effect::DisputeClosed { dispute } => {
                about(dispute);
                let state = if kind == EventKind::DisputeWon {
                    "won"
                } else {
                    "lost"
                };
                change(Change::DisputeEnded {
                    tenant,
                    id: dispute.0,
                    state,
                });
                change(inherit(Thing::Dispute, dispute));
            }
            Effect::CorrectionProposed(ref correction) => change(Change::CorrectionProposed {
                tenant,
                id: id.0,
                reason: correction.reason,
                proposer: correction.proposer.0.0,
            }),
            Effect::CorrectionClosed { correction } => {
                about(correction);
                let state = match kind {
                    EventKind::CorrectionMade => "made",
                    EventKind::CorrectionRejected => "rejected",
                    _ => "expired",
                };
                change(Change::CorrectionEnded {
                    tenant,
                    id: correction.0,
                    state,
                    approver: 0,
                });
            }
            Effect::By(actor) => {
                // Which key it was stands after what it did.
                match changes.last_mut() {
                    Some((_, Change::CorrectionEnded { approver, .. }))
                        if kind == EventKind::CorrectionMade =>
                    {
                        *approver = actor.0.0;
                    }
                    Some((
                        _,
                        Change::CorrectionProposed { proposer, .. }
                        | Change::LawProposed { proposer, .. },
                    )) => *proposer = actor.0.0,
                    Some((_, Change::LawApproved { approver, .. })) => *approver = actor.0.0,
                    _ => {}
                }
            }
            Effect::RefusalsCounted { party, code, count } => {
                row.code = code as u16;
                let party = (party != PartyNo::NONE).then_some(party.0);
                change(Change::RefusalsCounted {
                    tenant,
                    party,
                    code: code as u16,
                    count,
                });
            }
            Effect::AssetRegistered { ref asset } => {
                let (code, scale) = (asset.code.as_str().to_owned(), asset.scale.get());
                change(Change::AssetRegistered {
                    no: self.assets,
                    code,
                    scale,
                });
                self.assets += 1;
            }
            Effect::TenantOpened {
                tenant: opened,
                mode,
            } => {
                let mode = match mode {
                    Mode::Test => "test",
                    Mode::Live => "live",
                };
                change(Change::TenantOpened {
                    no: self.tenants,
                    id: opened.0.0,
                    mode,
                });
                self.tenants += 1;
            }
            Effect::TermsSet(ref terms) => {
                let json = serde_json::to_string(terms);
                let json = json.unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}"));
                change(Change::TermsSet { tenant, json });
            }
            Effect::PartyRegistered {
                party,
                kind,
                country,
                tier,
                ..
            } => {
                let kind = match kind {
                    PartyKind::Person => "person",
                    PartyKind::Business => "business",
                    PartyKind::Agent => "agent",
                };
                let (no, id) = (self.parties, party.0.0);
                let (country, tier) = (country.0, tier.0);
                change(Change::PartyRegistered {
                    no,
                    tenant,
                    id,
                    kind,
                    country,
                    tier,
                });
                self.parties += 1;
            }
            Effect::PartyChanged {
                party,
                country,
                tier,
                standing,
                ..
            } => {
                let (country, tier, standing) = (country.0, tier.0, word(standing));
                change(Change::PartyChanged {
                    no: party.0,
                    country,
                    tier,
                    standing,
                });
            }
            Effect::WalletOpened { wallet, party } => {
                let (no, id, party) = (self.wallets, wallet.0.0, party.0);
                change(Change::WalletOpened {
                    no,
                    tenant,
                    id,
                    party,
                });
                self.wallets += 1;
            }
            Effect::WalletChanged { wallet, standing } => {
                let standing = word(standing);
                change(Change::WalletChanged {
                    no: wallet.0,
                    standing,
                });
            }
            Effect::CreditSet { account, limit } => {
                change(Change::CreditSet {
                    account: account.0,
                    limit,
                });
            }
            Effect::LawProposed(_)
            | Effect::LawApproved { .. }
            | Effect::LawClosed { .. }
            | Effect::LawActivated(_) => {
                if let Some(of_law) = law::change(tenant, id, effect) {
                    change(of_law);
                }
            }
            // State alone keeps what the law counts.
            Effect::Asked(_)
            | Effect::Backfilled(_)
            | Effect::Counted(_)
            | Effect::Loaded { .. }
            | Effect::Piloted { .. } => {}
            Effect::ShardSet { .. } | Effect::SnapshotTaken { .. } | Effect::Text { .. } => {}
        }
    }
}

fn set_paid(row: &mut EventRow, paid: &Paid) {
    (row.payer, row.payee) = (wallet(paid.payer), wallet(paid.payee));
    row.asset = Some(paid.asset.0);
    (row.amount, row.tax, row.fee) = (paid.gross, paid.tax, paid.fee);
    row.of = paid.of.0;
}

fn wallet(no: WalletNo) -> Option<u32> {
    (no != WalletNo::NONE).then_some(no.0)
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Frozen => "frozen",
        Standing::Closed => "closed",
    }
}
