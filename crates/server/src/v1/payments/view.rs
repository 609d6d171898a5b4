//! A payment as the API shows it.

use super::life::{CapturePart, DisputePart, Life, RefundPart};
use crate::app::Assets;
use crate::law::why::Why;
use crate::lookup::Names;
use crate::problem::{Outcome, Problem, Remedy};
use crate::taxes::Decided;
use crate::types::ids::{DisputeId, PaymentId, WalletId};
use crate::types::law as w;
use crate::types::words::{AccountClass, Source};
use crate::types::{Amount, AssetText, Details, Metadata, Signed, Text, Time};
use crate::v1::policy::shown::{Remedy as PackRemedy, Rule as PackRule};
use crate::v1::prices::Priced;
use engine::code::Audience;
use engine::event::{Effect, EventKind, Paid, Part};
use engine::explain::Explanation;
use engine::records::{Pending, TenantNo};
use engine::{Id, Position, State, UtcMillis};
use ledger::{AssetNo, Posting};
use money::Asset;
use serde::Serialize;
use std::fmt::Display;
use utoipa::ToSchema;

/// A payment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// What became of it.
    pub status: PaymentStatus,
    /// Who pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payer: Option<WalletId>,
    /// Who is paid; of several, the first: `payees` has all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payee: Option<WalletId>,
    /// Of a payment to several, what each was paid, after tax and fee.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub payees: Option<Vec<PaidShare>>,
    /// How much, all included.
    pub amount: Amount,
    /// What it was priced by, if by a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub priced: Option<Priced>,
    /// The tax in it; of an authorization, in what was captured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tax: Option<Amount>,
    /// What was decided of its tax, and by which act; absent without tax rules in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tax_decided: Option<Decided>,
    /// The platform's fee in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fee: Option<Amount>,
    /// Of an authorization, what was captured so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub captured: Option<Amount>,
    /// The captures so far: each is refunded and disputed by its own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub captures: Option<Vec<CapturePart>>,
    /// What was given back so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refunded: Option<Amount>,
    /// The refunds so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub refunds: Option<Vec<RefundPart>>,
    /// What open disputes hold back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disputed: Option<Amount>,
    /// The open disputes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disputes: Option<Vec<DisputePart>>,
    /// When an authorization or the wait for a confirmation ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expires_at: Option<Time>,
    /// What the payer must do to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub step_up: Option<StepUp>,
    /// When it was decided.
    pub at: Time,
    /// The version of the terms it was decided under.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub terms_version: Option<u32>,
    /// The row of the journal: what `min_seq` takes.
    pub seq: u64,
    /// The place in that row.
    pub index: u32,
    /// Your own number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reference: Option<Text<200>>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<Text<1000>>,
    /// Your own names and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub metadata: Option<Metadata>,
    /// Whether it had text that was erased with the person it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text_erased: Option<bool>,
    /// How balances moved; to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub postings: Option<Vec<Entry>>,
    /// Why it was decided so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub trace: Option<Trace>,
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Paid.
    Paid,
    /// Set aside, and may be captured.
    Authorized,
    /// Set aside once, and captured, in part or whole; what was not captured is released.
    Captured,
    /// Paid or captured once, and given back whole.
    Refunded,
    /// Set aside once, and released whole.
    Voided,
    /// Set aside or waiting for confirmation once, and too late.
    Expired,
    /// Waits for its payer's confirmation.
    StepUp,
    /// Refused for good.
    Denied,
}

/// What one of several payees was paid.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaidShare {
    /// Who was paid.
    pub wallet: WalletId,
    /// How much.
    pub amount: Amount,
}

/// What the payer must do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepUp {
    /// Where the confirmation goes, once the payer has proved who they are.
    #[schema(examples("/v1/step-ups/pay_01936b2f000070008000000000000001/confirm"))]
    pub confirm: String,
    /// How: two factors, a code, or a confirmation.
    pub kind: w::StepUp,
    /// Until when.
    pub expires_at: Time,
}

impl StepUp {
    /// Of what waits under an id.
    pub fn of(pending: &Pending, id: impl Display) -> StepUp {
        StepUp {
            confirm: format!("/v1/step-ups/{id}/confirm"),
            kind: w::Word(pending.step_up),
            expires_at: Time(pending.expires),
        }
    }
}

/// One leg of an entry.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Entry {
    /// The account's number.
    pub account: u32,
    /// What the account is for.
    pub class: AccountClass,
    /// Of a wallet's account, whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub wallet: Option<WalletId>,
    /// Of a wallet's account, where its value came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub source: Option<Source>,
    /// By how much it changed.
    pub amount: Signed,
    /// In what.
    pub asset: AssetText,
}

/// Why a payment was decided as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trace {
    /// `allow`, `step_up` or `deny`.
    #[schema(examples("allow"))]
    pub verdict: String,
    /// The reason of a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub code: Option<String>,
    /// What it means and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub help: Option<String>,
    /// The rules evaluated, in order; to staff only.
    pub rules: Vec<Rule>,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub remedy: Option<Remedy>,
    /// What the packs in force said, as far as each rule may be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub law: Option<LawTrace>,
}

/// What the packs in force said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LawTrace {
    /// The version of the law it was decided under.
    pub version: u32,
    /// `allow`, `step_up` or `deny`.
    pub verdict: &'static str,
    /// Why, in a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<&'static str>,
    /// By which rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, examples("kr/carrier.monthly"))]
    pub rule: Option<String>,
    /// The reason in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub text: Option<String>,
    /// The rules that counted it or decided, in order.
    pub trace: Vec<PackRule>,
    /// What would help, the best first.
    pub remedies: Vec<PackRemedy>,
}

impl From<Why> for LawTrace {
    fn from(why: Why) -> LawTrace {
        let Why { version, words } = why;
        LawTrace {
            version,
            verdict: words.verdict,
            reason: words.reason,
            rule: words.rule,
            text: words.text,
            trace: words.trace.into_iter().map(PackRule::from).collect(),
            remedies: words.remedies.into_iter().map(PackRemedy::from).collect(),
        }
    }
}

/// One rule of a trace.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Rule {
    /// Which stage of the step.
    pub stage: String,
    /// Which rule.
    pub rule: String,
    /// In words.
    pub text: String,
    /// Its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limit: Option<String>,
    /// How much was used before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub used: Option<String>,
}

/// Whether an event is a payment, as this resource means it.
pub fn is_payment(kind: EventKind) -> bool {
    use EventKind as K;
    matches!(
        kind,
        K::Paid | K::Split | K::Authorized | K::StepUpAsked | K::StepUpExpired | K::Refused
    )
}

/// What an item of an event says of its payment.
///
/// # Errors
/// It is no payment, which is a mistake of ours.
pub fn payment(
    part: &Part<'_>,
    at: UtcMillis,
    position: Position,
    assets: &Assets,
    names: &Names,
    details: Details,
) -> Outcome<Payment> {
    let asset = |no| {
        assets
            .get(no)
            .ok_or_else(|| Problem::internal(&"an event names an unknown asset"))
    };
    let id = PaymentId(part.id);
    let Details {
        reference,
        description,
        metadata,
        text_erased,
    } = details;
    let mut payment = Payment {
        id,
        status: PaymentStatus::Paid,
        payer: None,
        payee: None,
        payees: None,
        amount: Amount {
            amount: crate::types::Decimal(String::new()),
            asset: AssetText(money::AssetCode::literal("XXX")),
        },
        priced: None,
        tax: None,
        tax_decided: None,
        fee: None,
        captured: None,
        captures: None,
        refunded: None,
        refunds: None,
        disputed: None,
        disputes: None,
        expires_at: None,
        step_up: None,
        at: Time(at),
        terms_version: None,
        seq: position.seq,
        index: position.index,
        reference,
        description,
        metadata,
        text_erased,
        postings: None,
        trace: None,
    };
    for effect in part.effects {
        match effect {
            Effect::Paid(paid) => {
                let asset = asset(paid.asset)?;
                (payment.payer, payment.payee) = (names.get(paid.payer), names.get(paid.payee));
                payment.amount = Amount::of(asset, paid.gross);
                payment.tax = Some(Amount::of(asset, paid.tax));
                payment.fee = Some(Amount::of(asset, paid.fee));
                payment.terms_version = Some(paid.terms);
                return Ok(payment);
            }
            Effect::HoldOpened(hold) => {
                let asset = asset(hold.asset)?;
                payment.status = PaymentStatus::Authorized;
                (payment.payer, payment.payee) = (names.get(hold.payer), names.get(hold.payee));
                payment.amount = Amount::of(asset, hold.authorized);
                payment.captured = Some(Amount::of(asset, hold.captured));
                payment.expires_at = Some(Time(hold.expires));
                payment.terms_version = Some(hold.terms);
                return Ok(payment);
            }
            Effect::PendingOpened(pending) => {
                payment.status = PaymentStatus::StepUp;
                payment.payer = Some(WalletId(pending.payer.0));
                payment.payee = Some(WalletId(pending.payee.0));
                payment.amount = Amount::of(asset(pending.asset)?, pending.to_pay());
                payment.expires_at = Some(Time(pending.expires));
                payment.step_up = Some(StepUp::of(pending, id));
                return Ok(payment);
            }
            Effect::Refused(refused) => {
                payment.status = match part.kind {
                    EventKind::StepUpExpired => PaymentStatus::Expired,
                    _ => PaymentStatus::Denied,
                };
                (payment.payer, payment.payee) =
                    (names.get(refused.wallet), names.get(refused.payee));
                payment.amount = Amount::of(asset(refused.asset)?, refused.asked);
                payment.terms_version = Some(refused.terms);
                return Ok(payment);
            }
            _ => {}
        }
    }
    Err(Problem::internal(
        &"an event without a payment was shown as one",
    ))
}

impl Payment {
    /// How an authorization that stands no more has ended; what was captured before stays captured.
    pub fn ended(&mut self, state: &str, captured: u64) {
        self.status = match state {
            _ if captured > 0 => PaymentStatus::Captured,
            "voided" => PaymentStatus::Voided,
            "expired" => PaymentStatus::Expired,
            _ => PaymentStatus::Captured,
        };
    }

    /// Adds what is known of it now.
    pub fn apply(&mut self, now: Now, asset: &Asset) {
        match self.status {
            PaymentStatus::Authorized => match now.captured {
                Some(captured) => self.captured = Some(Amount::of(asset, captured)),
                None => {
                    self.status = PaymentStatus::Captured;
                    self.captured = None;
                }
            },
            PaymentStatus::StepUp if !now.pending => {
                self.status = PaymentStatus::Expired;
                self.step_up = None;
            }
            _ => {}
        }
    }

    /// Adds what has become of it since. `paid` is what was paid at once, none of an authorization.
    pub fn lived(&mut self, life: &Life, paid: Option<u64>, assets: &Assets, asset: &Asset) {
        let sum = |of: fn(&Paid) -> u64| life.captures.iter().map(|step| of(&step.paid)).sum();
        let amount = |atoms: u64| Some(Amount::of(asset, atoms));
        let taken: u64 = paid.unwrap_or_else(|| sum(|paid| paid.gross));
        if paid.is_none() && !life.captures.is_empty() {
            self.captures = Some(life.capture_parts(assets));
            self.tax = amount(sum(|paid| paid.tax));
            self.fee = amount(sum(|paid| paid.fee));
        }
        if life.given_back() > 0 {
            self.refunded = amount(life.given_back());
        }
        if !life.refunds.is_empty() {
            self.refunds = Some(life.refund_parts(assets));
        }
        if !life.disputes.is_empty() {
            self.disputed = amount(life.disputed());
            let part = |(id, atoms): &(Id, u64)| DisputePart {
                id: DisputeId(*id),
                amount: Amount::of(asset, *atoms),
            };
            self.disputes = Some(life.disputes.iter().map(part).collect());
        }
        let stands = matches!(self.status, PaymentStatus::Paid | PaymentStatus::Captured);
        if stands && taken > 0 && life.given_back() >= taken {
            self.status = PaymentStatus::Refunded;
        }
    }
}

/// What each payee of a payment to several was paid: what its postings put into others' wallets.
pub fn shares(state: &State, part: &Part<'_>) -> Option<Vec<PaidShare>> {
    if part.kind != EventKind::Split {
        return None;
    }
    let mut shares: Vec<(WalletId, AssetNo, i128)> = Vec::new();
    for posting in part.postings.iter().filter(|posting| posting.amount > 0) {
        let account = state.book.get(posting.account)?;
        if account.class != ledger::AccountClass::Wallet {
            continue;
        }
        let wallet = WalletId(state.wallets.get(account.owner as usize)?.id.0);
        match shares.iter_mut().find(|share| share.0 == wallet) {
            Some(share) => share.2 += posting.amount,
            None => shares.push((wallet, account.asset, posting.amount)),
        }
    }
    let share = |(wallet, asset, atoms): (WalletId, AssetNo, i128)| {
        let asset = state.assets.get(usize::from(asset.0))?;
        Some(PaidShare {
            wallet,
            amount: Amount::of(asset, u64::try_from(atoms).ok()?),
        })
    };
    shares.into_iter().map(share).collect()
}

/// What the state knows of a payment now.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Captured of the standing authorization.
    pub captured: Option<u64>,
    /// Given back, or held back by a dispute.
    pub reversed: u64,
    /// Waits for confirmation.
    pub pending: bool,
}

impl Now {
    /// Reads it.
    pub fn of(state: &State, tenant: TenantNo, id: Id) -> Now {
        let key = (tenant, id);
        Now {
            captured: state.holds.get(&key).map(|hold| hold.captured),
            reversed: state.reversed.get(&key).copied().unwrap_or(0),
            pending: state.pending.contains_key(&key),
        }
    }
}

/// Postings with the names of their accounts.
pub fn entries(state: &State, postings: &[Posting]) -> Vec<Entry> {
    let entry = |posting: &Posting| {
        let account = state.book.get(posting.account)?;
        let asset = state.assets.get(usize::from(account.asset.0))?;
        let is_wallet = account.class == ledger::AccountClass::Wallet;
        let wallet = is_wallet
            .then(|| state.wallets.get(account.owner as usize))
            .flatten();
        Some(Entry {
            account: posting.account.0,
            class: account.class.into(),
            wallet: wallet.map(|w| WalletId(w.id.0)),
            source: account.source.map(Source::from),
            amount: Signed(asset.format_signed(posting.amount)),
            asset: AssetText(asset.code),
        })
    };
    postings.iter().filter_map(entry).collect()
}

/// Why something was decided as it was, as far as the audience may know.
pub fn trace(why: Explanation, law: Option<Why>, audience: Audience) -> Trace {
    let rule = |line: engine::explain::Line| Rule {
        stage: line.stage.to_owned(),
        rule: line.rule.to_owned(),
        text: line.text,
        limit: line.limit,
        used: line.used,
    };
    // The house's rules and numbers are the operator's; a payer is told what stopped the payment.
    let all = audience >= Audience::Operator || why.verdict == "deny";
    let helps = law.as_ref().and_then(|law| law.words.remedies.first());
    Trace {
        verdict: why.verdict.to_owned(),
        code: why.code.map(str::to_owned),
        help: why.help.map(str::to_owned),
        rules: if all {
            why.trace.into_iter().map(rule).collect()
        } else {
            Vec::new()
        },
        remedy: helps.map(Remedy::of_law).or(why.remedy.map(Remedy::from)),
        law: law.map(LawTrace::from),
    }
}
