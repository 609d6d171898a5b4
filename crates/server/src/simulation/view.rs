//! What came of a simulation, as it is shown.

use crate::types::ids::{PartyId, PaymentId, RefundId, TopUpId, TransferId, WithdrawalId};
use crate::types::{Amount, Time};
use engine::simulate::{Becomes, Changed, Changes, Simulated, Was};
use ledger::AssetNo;
use money::Asset;
use policy::Payment;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a draft would have decided otherwise.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulationOutcome)]
pub struct Outcome {
    /// How many decisions of history were compared.
    pub payments: u64,
    /// Of how many payers.
    pub payers: u64,
    /// The sum of their amounts, an entry an asset.
    pub volume: Vec<Sum>,
    /// What changes.
    pub changes: ChangesView,
    /// What changes by each rule, most first.
    pub rules: Vec<RuleChanges>,
    /// The first payments that change.
    pub changed: Vec<ChangedPayment>,
    /// How many more change than are listed.
    pub not_listed: u64,
}

/// A sum of amounts; not bounded as an amount is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulatedSum)]
pub struct Sum {
    /// How much, a decimal number as text.
    #[schema(examples("12.50"))]
    pub amount: String,
    /// Of what.
    #[schema(examples("EUR"))]
    pub asset: String,
}

/// How many decisions change, and how.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulatedChanges)]
pub struct ChangesView {
    /// How many.
    pub payments: u64,
    /// Of how many payers.
    pub payers: u64,
    /// The sum of their amounts, an entry an asset.
    pub volume: Vec<Sum>,
    /// By what each was and becomes.
    pub kinds: Vec<KindOfChange>,
}

/// A kind of change.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct KindOfChange {
    /// What history said: `allowed`, `step_up` or `refused`.
    #[schema(value_type = String, examples("allowed"))]
    pub was: Was,
    /// What the draft says: `allowed`, `step_up` or `denied`.
    #[schema(value_type = String, examples("denied"))]
    pub becomes: Becomes,
    /// How many.
    pub payments: u64,
}

/// What changes by one rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulatedRule)]
pub struct RuleChanges {
    /// The pack; `pilot`, if it is the pilot that is left or entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pack: Option<String>,
    /// The rule in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<String>,
    /// What.
    pub changes: ChangesView,
}

/// A payment that the draft decides otherwise.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = SimulatedPayment)]
pub struct ChangedPayment {
    /// Its id.
    #[schema(examples("pay_01936b2f000070008000000000000004"))]
    pub id: String,
    /// When it was.
    pub at: Time,
    /// Who paid.
    pub payer: PartyId,
    /// How much.
    pub amount: Amount,
    /// What history said: `allowed`, `step_up` or `refused`.
    #[schema(value_type = String, examples("allowed"))]
    pub was: Was,
    /// What the draft says: `allowed`, `step_up` or `denied`.
    #[schema(value_type = String, examples("denied"))]
    pub becomes: Becomes,
    /// The pack of the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pack: Option<String>,
    /// Because of which rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rule: Option<String>,
}

impl Outcome {
    /// In the shard's assets.
    #[must_use]
    pub fn of(simulated: &Simulated, assets: &[Asset]) -> Outcome {
        let listed = simulated.changed.len() as u64;
        Outcome {
            payments: simulated.payments,
            payers: simulated.payers,
            volume: sums(&simulated.volume, assets),
            changes: changes(&simulated.changes, assets),
            rules: simulated
                .rules
                .iter()
                .map(|by| RuleChanges {
                    pack: by.rule.as_ref().map(|name| name.pack.clone()),
                    rule: by.rule.as_ref().map(|name| name.rule.clone()),
                    changes: changes(&by.changes, assets),
                })
                .collect(),
            changed: simulated
                .changed
                .iter()
                .filter_map(|changed| payment(changed, assets))
                .collect(),
            not_listed: simulated.changes.payments().saturating_sub(listed),
        }
    }
}

fn sums(volume: &BTreeMap<AssetNo, u128>, assets: &[Asset]) -> Vec<Sum> {
    let sum = |(no, atoms): (&AssetNo, &u128)| {
        let asset = assets.get(usize::from(no.0))?;
        Some(Sum {
            amount: asset.format_signed(i128::try_from(*atoms).unwrap_or(i128::MAX)),
            asset: asset.code.to_string(),
        })
    };
    volume.iter().filter_map(sum).collect()
}

fn changes(changes: &Changes, assets: &[Asset]) -> ChangesView {
    let kinds = changes.kinds.iter();
    ChangesView {
        payments: changes.payments(),
        payers: changes.payers,
        volume: sums(&changes.volume, assets),
        kinds: kinds
            .map(|((was, becomes), payments)| KindOfChange {
                was: *was,
                becomes: *becomes,
                payments: *payments,
            })
            .collect(),
    }
}

fn payment(changed: &Changed, assets: &[Asset]) -> Option<ChangedPayment> {
    let id = changed.id;
    let asset = assets.get(usize::from(changed.asset.0))?;
    Some(ChangedPayment {
        id: match changed.payment {
            Payment::Spend => PaymentId(id).to_string(),
            Payment::Refund => RefundId(id).to_string(),
            Payment::Transfer | Payment::Gift => TransferId(id).to_string(),
            Payment::Load => TopUpId(id).to_string(),
            Payment::Withdrawal | Payment::Redemption => WithdrawalId(id).to_string(),
        },
        at: Time(changed.at),
        payer: PartyId(changed.payer.0),
        amount: Amount::of(asset, changed.atoms),
        was: changed.was,
        becomes: changed.becomes,
        pack: changed.rule.as_ref().map(|name| name.pack.clone()),
        rule: changed.rule.as_ref().map(|name| name.rule.clone()),
    })
}
