//! Why a command was refused: stable codes with frozen numbers.
//!
//! A *denial* is an answer: journaled, final for its id. A *rejection* leaves no trace: the command
//! could not be considered, and the same id may be tried again.

use serde::{Deserialize, Serialize};

/// Who may see why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The payer and everyone below.
    Payer,
    /// The seller and everyone below.
    Seller,
    /// The operator's staff and everyone below.
    Operator,
    /// Compliance and regulator only: to payer and seller it is the neutral code.
    Compliance,
}

macro_rules! codes {
    ($($name:ident = $number:literal, $text:literal, $class:ident, $audience:ident, $help:literal;)*) => {
        /// A stable reason. The number is what the journal holds; the text is what the API says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "u16", try_from = "u16")]
        #[repr(u16)]
        pub enum Code {
            $(#[doc = $help] $name = $number,)*
        }

        impl Code {
            /// Every code, in numeric order.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The stable word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// What it means and what to do.
            #[must_use]
            pub fn help(self) -> &'static str {
                match self { $(Code::$name => $help,)* }
            }

            /// Whether it is journaled and final for its id.
            #[must_use]
            pub fn class(self) -> Class {
                match self { $(Code::$name => Class::$class,)* }
            }

            /// Who may see it; others see [`Code::Declined`].
            #[must_use]
            pub fn audience(self) -> Audience {
                match self { $(Code::$name => Audience::$audience,)* }
            }
        }

        impl TryFrom<u16> for Code {
            type Error = String;
            fn try_from(number: u16) -> Result<Self, String> {
                match number { $($number => Ok(Code::$name),)* _ => Err(format!("{number} is not a code")) }
            }
        }
    };
}

/// Whether a refusal is an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Journaled, final for its id.
    Denial,
    /// No trace; the id may be tried again.
    Rejection,
}

impl From<Code> for u16 {
    fn from(code: Code) -> u16 {
        code as u16
    }
}

codes! {
    Malformed = 1, "malformed", Rejection, Payer, "A value of the command cannot be right. Correct the named field.";
    NotFound = 2, "not_found", Rejection, Payer, "The named thing does not exist in this tenant. Check its id.";
    IdExpired = 3, "id_expired", Rejection, Payer, "The id's own time is before the window in which ids are remembered, so it may have been used. Use a new id.";
    IdInFuture = 4, "id_in_future", Rejection, Payer, "The id's own time is more than five minutes ahead. Set the clock that makes ids.";
    IdWindowFull = 5, "id_window_full", Rejection, Payer, "No more ids can be remembered now. Try again later with the same id.";
    Throttled = 6, "throttled", Rejection, Payer, "Too many refused payments from this payer. Wait a second; the id may be used again.";
    AmountZero = 7, "amount_zero", Rejection, Payer, "An amount must be at least one atom.";
    SameWallet = 8, "same_wallet", Rejection, Payer, "Payer and payee are the same wallet.";
    Unbalanced = 9, "unbalanced", Rejection, Operator, "The postings of a correction must sum to zero in each asset.";
    NotThatPayment = 10, "not_that_payment", Rejection, Payer, "What was found under the id is not something this command can act on.";
    AlreadyExists = 11, "already_exists", Rejection, Operator, "It exists already with other content.";
    TooMany = 12, "too_many", Rejection, Payer, "More items than one command may have.";
    IdReused = 13, "id_reused", Rejection, Payer, "The id was used before for another command. Use a new id.";
    ClockUnconfirmed = 14, "clock_unconfirmed", Rejection, Operator, "The clock jumped forward by more than five minutes; nothing is served until an operator confirms it.";
    ShardNotOpen = 15, "shard_not_open", Rejection, Operator, "The shard has not been opened.";
    NotEmpty = 16, "not_empty", Rejection, Payer, "A wallet can be closed only when every balance is zero and nothing is held.";
    SameParty = 17, "same_party", Rejection, Payer, "Payer and payee belong to the same party: nobody earns from themselves. Use a transfer, which keeps the source of the money.";
    AgentMayNot = 18, "agent_may_not", Rejection, Payer, "An agent's key can only pay, transfer, split and authorize, under a mandate of its agent.";
    LimitsAssetFixed = 19, "limits_asset_fixed", Rejection, Operator, "What parties have spent was counted in another asset, in which the limits must stay.";
    PackInvalid = 20, "pack_invalid", Rejection, Operator, "A pack cannot be read, contradicts itself or has no source for a number. Check it first; the checker names the line.";
    LawNotReady = 21, "law_not_ready", Rejection, Payer, "A law has just come into force, and what was paid before is being counted for it. Try again in a moment with the same id.";
    PriceInvalid = 22, "price_invalid", Rejection, Operator, "The definition of the price contradicts itself: its bands do not ascend, a quantity is zero, a variant can never be reached. Check it first; the checker names each.";
    PriceArchived = 23, "price_archived", Rejection, Payer, "The price is archived and can be used no more. Ask the seller for the one in its place.";
    PriceZero = 24, "price_zero", Rejection, Payer, "What is asked for costs nothing now, so there is nothing to set aside. Pay for it at once.";
    PlanInvalid = 30, "plan_invalid", Rejection, Operator, "The plan contradicts itself: a tier has no name of its own, a retry, notice or grace reaches into the next period. The detail names each.";
    PlanArchived = 31, "plan_archived", Rejection, Payer, "The plan is archived and can be subscribed to no more. Ask the seller for the one in its place.";
    InsufficientFunds = 100, "insufficient_funds", Denial, Payer, "The wallet has too little. Top up and pay with a new id.";
    WalletFrozen = 101, "wallet_frozen", Denial, Payer, "The wallet is frozen. The operator can thaw it.";
    WalletClosed = 102, "wallet_closed", Denial, Payer, "The wallet is closed.";
    PayeeUnavailable = 103, "payee_unavailable", Denial, Payer, "The payee cannot be paid now.";
    PartySuspended = 104, "party_suspended", Denial, Payer, "The party is suspended by the operator.";
    PartyClosed = 105, "party_closed", Denial, Operator, "The party is closed for good. Register another.";
    LimitPerPayment = 110, "limit_per_payment", Denial, Payer, "The payment is above the limit for one payment. Verify to a higher tier or pay less.";
    LimitPerDay = 111, "limit_per_day", Denial, Payer, "The payment would pass the limit of the day. Verify to a higher tier, pay less or wait for the next day.";
    LimitPerMonth = 112, "limit_per_month", Denial, Payer, "The payment would pass the limit of the month. Verify to a higher tier, pay less or wait for the next month.";
    NoReferenceRate = 113, "no_reference_rate", Denial, Payer, "The limits cannot be checked in this asset because no reference rate is set.";
    LimitPerWeek = 114, "limit_per_week", Denial, Payer, "The payment would pass a limit of the week. Verify to a higher tier, pay less or wait.";
    LimitPerQuarter = 115, "limit_per_quarter", Denial, Payer, "The payment would pass a limit of the quarter. Verify to a higher tier, pay less or wait.";
    LimitPerYear = 116, "limit_per_year", Denial, Payer, "The payment would pass a limit of the year. Verify to a higher tier, pay less or wait.";
    LimitRolling = 117, "limit_rolling", Denial, Payer, "The payment would pass a limit over the last days or months. Verify to a higher tier, pay less or wait.";
    LimitPerNight = 118, "limit_per_night", Denial, Payer, "The payment would pass a limit of the night. Pay less or wait for the morning.";
    LimitTotal = 119, "limit_total", Denial, Payer, "The payment would pass a limit that does not renew itself. Verify to a higher tier.";
    MandateRevoked = 120, "mandate_revoked", Denial, Payer, "The payer has revoked the mandate.";
    MandateExpired = 121, "mandate_expired", Denial, Payer, "The mandate has expired. The payer can grant a new one.";
    MandatePerPayment = 122, "mandate_per_payment", Denial, Payer, "The payment is above what the mandate allows for one payment.";
    MandatePerDay = 123, "mandate_per_day", Denial, Payer, "The payment would pass what the mandate allows for a day.";
    MandatePayee = 124, "mandate_payee", Denial, Payer, "The mandate does not allow this payee.";
    MandateAsset = 125, "mandate_asset", Denial, Payer, "The mandate is for another asset.";
    MandateRequired = 126, "mandate_required", Denial, Payer, "An agent's key pays under a mandate only. Pay with a new id and name the `mandate`.";
    MandateAgent = 127, "mandate_agent", Denial, Payer, "The mandate is another agent's. Pay with a new id under one of the agent whose key it is.";
    Declined = 130, "declined", Denial, Payer, "The payment was declined.";
    RiskDeclined = 131, "risk_declined", Denial, Compliance, "The fraud score is at or above the threshold for refusal.";
    LawDeclined = 132, "law_declined", Denial, Compliance, "A rule that payers are not told of stands against it. The event names the rule.";
    SourceNotAllowed = 140, "source_not_allowed", Denial, Payer, "The wallet has the value, but from a source that may not be used for this.";
    SourceNotSettled = 141, "source_not_settled", Denial, Payer, "The source that paid this value has not settled enough yet.";
    NotAllowed = 142, "not_allowed", Denial, Payer, "A rule of the law or of the operator does not allow this. The trace names it.";
    TooSoon = 143, "too_soon", Denial, Payer, "A rule asks for more time since the party, the device or the payee became known. Wait.";
    NoticeMissing = 144, "notice_missing", Denial, Payer, "The payer must have been told of this payment for longer. Pay later.";
    LimitBalance = 145, "limit_balance", Denial, Payer, "The wallet or party would hold more than is allowed. Verify to a higher tier, or spend first.";
    VerificationNeeded = 146, "verification_needed", Denial, Payer, "This needs a higher tier. Verify; the trace says which.";
    RedemptionForbidden = 147, "redemption_forbidden", Denial, Payer, "The law does not allow this value to be paid back as money. It can be spent.";
    RedemptionNotYet = 148, "redemption_not_yet", Denial, Payer, "What is left is paid back as money only when less than a share of it is left. It can be spent.";
    CaptureExceedsHold = 150, "capture_exceeds_hold", Denial, Payer, "More than what is left of the authorization.";
    RefundExceedsPayment = 151, "refund_exceeds_payment", Denial, Payer, "More than what is left of the payment after earlier refunds and disputes.";
    HoldExpired = 152, "hold_expired", Denial, Payer, "The authorization has expired.";
    ReversalExceedsTopUp = 153, "reversal_exceeds_topup", Denial, Payer, "More than what is left of the top-up after earlier reversals.";
    StepUpExpired = 160, "step_up_expired", Denial, Payer, "The confirmation came too late. Pay again with a new id.";
    StepUpInGroup = 161, "step_up_in_group", Denial, Payer, "A payment of the group needs a confirmation; make it alone.";
    GroupItemRefused = 162, "group_item_refused", Denial, Payer, "An item of the group was refused, so nothing was done.";
    StepUpNeeded = 163, "step_up_needed", Denial, Payer, "More had to be confirmed than was, or the tax on top has made it another amount. Pay again with a new id.";
    WrongState = 170, "wrong_state", Denial, Payer, "The thing is not in a state that allows this.";
    SameKey = 171, "same_key", Denial, Operator, "A correction or a law needs two different keys: one proposes, another approves.";
    BelowFloor = 172, "below_floor", Denial, Operator, "An account would go below its floor.";
    CorrectionExpired = 173, "correction_expired", Denial, Operator, "The second key came too late. Propose the correction again.";
    CreditInUse = 174, "credit_in_use", Denial, Operator, "More than that is drawn on the credit line or held from it. Set it no lower, or wait until it is paid.";
    LawConflict = 175, "law_conflict", Denial, Operator, "The packs and settings do not go together: two packs claim a country, or a setting names no rule that leaves it to the operator. Propose again.";
    OutsideCountries = 180, "outside_countries", Denial, Payer, "This is not yet offered in that country.";
    OutsideChannels = 181, "outside_channels", Denial, Payer, "This is not yet offered over that rail.";
    OutsideTiers = 182, "outside_tiers", Denial, Payer, "This is not yet offered to that tier.";
    OutsidePayers = 183, "outside_payers", Denial, Payer, "No more payers are taken for now.";
    OutsideVolume = 184, "outside_volume", Denial, Payer, "No more is taken in all for now.";
    DebtOutstanding = 185, "debt_outstanding", Denial, Payer, "The party owes after a reversal, and that comes first. What comes to any of its wallets pays it, also a transfer from another of its own; then ask with a new id.";
    PriceAboveLimit = 186, "price_above_limit", Denial, Payer, "It costs more than the most that the payer agreed to pay. Agree to more with a new id, or ask for less.";
    TrialUsed = 195, "trial_used", Denial, Payer, "The party has had a trial of this plan. Subscribe without one, with a new id: `skip_trial`.";
}

impl Code {
    /// What someone may see of it: the code itself, or the neutral one.
    #[must_use]
    pub fn shown_to(self, audience: Audience) -> Code {
        if audience >= self.audience() {
            self
        } else {
            Code::Declined
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_unique_and_round_trip() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0] < pair[1], "{:?} before {:?}", pair[0], pair[1]);
        }
        for &code in Code::ALL {
            assert_eq!(Code::try_from(code as u16), Ok(code));
            assert_eq!(
                code.class() == Class::Denial,
                code as u16 >= 100,
                "{code:?}"
            );
        }
        assert!(Code::try_from(9999).is_err());
    }

    #[test]
    fn a_fraud_refusal_is_neutral_to_payer_and_seller() {
        assert_eq!(Code::RiskDeclined.shown_to(Audience::Payer), Code::Declined);
        assert_eq!(
            Code::RiskDeclined.shown_to(Audience::Seller),
            Code::Declined
        );
        assert_eq!(
            Code::RiskDeclined.shown_to(Audience::Compliance),
            Code::RiskDeclined
        );
        assert_eq!(
            Code::InsufficientFunds.shown_to(Audience::Payer),
            Code::InsufficientFunds
        );
    }
}
