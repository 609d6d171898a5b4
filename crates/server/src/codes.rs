//! Every code a problem document can carry, with its status: the one table.
//!
//! The rule: 400 and 422 are the request's fault, before anything was considered (400 cannot be
//! read, 422 cannot mean anything); 402 is too little money; 403 is not allowed, by the key, a
//! limit, a mandate or the law; 404 is not there; 409 is there but not in a state for this; 429
//! asks for patience; 503 asks for the same again later. A *denial* (402, 403 or 409 with `id`) is
//! an answer: it is final for its id, and repeating gives the same.

use engine::Code;
use engine::code::Class;

/// One code: what it is, what status it has, what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The stable word.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What it means and what to do.
    pub help: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $status:literal, $help:literal;)*) => {
        $(#[doc = $help] pub const $name: Known = Known { code: $code, status: $status, help: $help };)*

        /// The codes of the API itself, besides the engine's.
        pub const OWN: &[Known] = &[$($name),*];
    };
}

codes! {
    BAD_JSON = "bad_json", 400, "The body is not JSON. Correct it at the line and column given.";
    BAD_QUERY = "bad_query", 400, "A query parameter is unknown or has a value it cannot have. Correct the named one.";
    BAD_HEADER = "bad_header", 400, "A header has a value it cannot have. Correct the named one.";
    BAD_BODY = "bad_body", 400, "The body broke off. Send it again with the same id.";
    AUTH_MISSING = "auth_missing", 401, "Every request needs an API key. Send it as `Authorization: Bearer fk_…`.";
    AUTH_MALFORMED = "auth_malformed", 401, "The API key is not whole: it was cut short or mistyped.";
    AUTH_UNKNOWN = "auth_unknown", 401, "No such API key is known here.";
    AUTH_REVOKED = "auth_revoked", 401, "The API key was revoked. Use another.";
    AUTH_EXPIRED = "auth_expired", 401, "The API key has expired. Use another.";
    SCOPE_MISSING = "scope_missing", 403, "The API key may not do this. Use a key with the scope named.";
    OPERATOR_ONLY = "operator_only", 403, "Only a key of the operator's own tenant may do this.";
    LIVE_KEY_NEEDED = "live_key_needed", 403, "What is live, or shared by all tenants, takes a live key of the operator's. A test key reaches test tenants only.";
    SCOPE_NOT_GRANTABLE = "scope_not_grantable", 403, "A key cannot give a scope that it has not got itself.";
    SCOPES_CONFLICT = "scopes_conflict", 403, "A correction and a law take two people each: give `corrections:propose` or `laws:propose` to one key and `corrections:approve` or `laws:approve` to another person's.";
    SCOPE_NOT_FOR_AGENTS = "scope_not_for_agents", 403, "An agent's key has `payments:write` and nothing else.";
    NO_SUCH_PATH = "no_such_path", 404, "There is nothing at this path. The paths are listed at /docs.";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "The path does not take this method. The `Allow` header lists those it takes.";
    TOO_LARGE = "too_large", 413, "The body is larger than allowed. Send less, or many payments as a batch.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "The body must be what the `Content-Type` named by the path says.";
    AMOUNT_INVALID = "amount_invalid", 422, "The amount cannot be held exactly in this asset: too many decimals, or too large.";
    ID_MISMATCH = "id_mismatch", 409, "The `Idempotency-Key` and the `id` in the body name different ids. Send one, or the same.";
    RATE_INVALID = "rate_invalid", 422, "The exchange rate cannot be held exactly. Give fewer digits.";
    TIME_ZONE_UNKNOWN = "time_zone_unknown", 422, "No such time zone in the IANA database.";
    BAD_CURSOR = "bad_cursor", 400, "The cursor is not one of this list. Start from the first page.";
    LABEL_INVALID = "label_invalid", 422, "A label has 1 to 100 characters, none of them control characters.";
    EXPIRES_IN_PAST = "expires_in_past", 409, "The key would expire before it exists.";
    EXPIRES_TOO_LATE = "expires_too_late", 422, "A key does not outlive the one it is made with. Leave `expires_at` out, or make it with a key that lasts longer.";
    DETAILS_ERASED = "details_erased", 409, "The person this text is about was erased: nothing is kept about them any more.";
    DETAILS_UNREADABLE = "details_unreadable", 409, "Other text stands under this id and cannot be read. Use a new id.";
    BRIEF_CHANGED = "brief_changed", 409, "The brief's words have changed since that revision. Read it again, then decide.";
    BRIEFS_BEING_READ = "briefs_being_read", 409, "The feeds are being read. Ask again after `Retry-After`.";
    SIMULATIONS_BUSY = "simulations_busy", 503, "As many simulations run as may at a time. Try again after `Retry-After`.";
    NO_SUCH_DAY = "no_such_day", 422, "The calendar has no such day. Write it as `2026-03-31`.";
    NOT_AN_AMOUNT = "not_an_amount", 422, "An amount on a paper is a decimal number such as `12.30`.";
    PAPER_TOO_LARGE = "paper_too_large", 422, "More than a paper can sum. Ask for a shorter period.";
    PAPER_EMPTY = "paper_empty", 422, "Nothing was paid that a paper could be about, or all of it stands on papers already.";
    UNKNOWN_LANGUAGE = "unknown_language", 422, "Papers speak `en`, `ko`, `ja`, `de` and `fr`.";
    TAX_WITHOUT_REASON = "tax_without_reason", 422, "Something exempt or outside the scope of tax carries tax: the facts contradict each other.";
    ALLOWANCE_EXCEEDS = "allowance_exceeds", 422, "The allowances come to more than what they reduce.";
    OUT_OF_SCOPE_MIXED = "out_of_scope_mixed", 422, "What is outside the scope of tax stands on a paper of its own. Ask for two, with `out_of_scope` true and false.";
    SELLER_NUMBER_MISSING = "seller_number_missing", 422, "Tax is charged, and the seller's tax number is not known. Give it with the seller.";
    BUYER_NUMBER_MISSING = "buyer_number_missing", 422, "With a reverse charge the buyer's tax number must stand on the paper. Give it with the buyer.";
    PARTY_INCOMPLETE = "party_incomplete", 422, "A full invoice names seller and buyer with their countries. Give what is missing, or ask for a simplified one.";
    TAX_DOES_NOT_FIT = "tax_does_not_fit", 422, "The tax that was posted is not what its rate makes: the facts contradict each other.";
    SAME_TAX_CURRENCY = "same_tax_currency", 422, "The tax is in the paper's currency anyway. Leave the tax currency out.";
    NO_ELECTRONIC_FORM = "no_electronic_form", 409, "A simplified invoice has no buyer, and so no electronic form. Ask for a full invoice.";
    NO_ORIGINAL = "no_original", 422, "A credit note names the invoice it corrects.";
    NOT_QUALIFIED = "not_qualified", 422, "Japan's registration number is `T` and 13 digits.";
    NO_GLYPH = "no_glyph", 409, "No font at hand has a character of this paper. Name one with `--font`, or take the HTML.";
    BAD_FONT = "bad_font", 409, "A font that was found cannot be used. Name another with `--font`, or take the HTML.";
    PAPER_NOT_WRITTEN = "paper_not_written", 500, "Writing the paper failed. The request id finds it in the log.";
    FULL_INVOICE_NEEDED = "full_invoice_needed", 409, "The seller's country allows no simplified invoice for this. Ask for a full one.";
    RATE_LIMITED = "rate_limited", 429, "Too many requests with this key. Wait as long as `Retry-After` says.";
    BUSY = "busy", 503, "The node has more to do than it may queue. Try again with the same id after `Retry-After`.";
    EXPORTS_BUSY = "exports_busy", 503, "As many exports of the ledger run as may at a time. Try again after `Retry-After`.";
    OUTCOME_UNKNOWN = "outcome_unknown", 503, "Whether it happened is not known. Ask again with the same id: it happens at most once.";
    STOPPED = "stopped", 503, "The node is stopping. Try again with the same id.";
    READ_MODEL_BEHIND = "read_model_behind", 503, "The read model has not caught up with what was asked, or not far enough to check a key that carries no time. Try again later with the same id.";
    READ_MODEL_OFF = "read_model_off", 503, "This node keeps no read model: its history cannot be searched, and a key without a time cannot be checked against it. Use an id with a time (UUIDv7), or have the operator switch `projection` on.";
    STORE_UNAVAILABLE = "store_unavailable", 503, "The records beside the journal cannot be reached now. Try again with the same id.";
    AUTH_UNAVAILABLE = "auth_unavailable", 503, "Keys cannot be checked now. Try again.";
    INTERNAL = "internal", 500, "Something went wrong here that should not. The request id finds it in the log.";
}

/// A code of the engine.
#[must_use]
pub fn of(code: Code) -> Known {
    Known {
        code: code.as_str(),
        status: status(code),
        help: code.help(),
    }
}

/// Every code there is, the engine's first.
pub fn all() -> impl Iterator<Item = Known> {
    Code::ALL.iter().copied().map(of).chain(OWN.iter().copied())
}

/// Whether the code is a denial: an answer that is final for its id.
#[must_use]
pub fn is_denial(code: &str) -> bool {
    Code::ALL
        .iter()
        .any(|c| c.as_str() == code && c.class() == Class::Denial)
}

fn status(code: Code) -> u16 {
    use Code as C;
    match code {
        C::Malformed
        | C::AmountZero
        | C::SameWallet
        | C::SameParty
        | C::Unbalanced
        | C::TooMany
        | C::IdReused
        | C::PackInvalid
        | C::PriceInvalid
        | C::PlanInvalid => 422,
        C::AgentMayNot => 403,
        C::NotFound => 404,
        C::Throttled => 429,
        C::IdWindowFull | C::ClockUnconfirmed | C::ShardNotOpen | C::LawNotReady => 503,
        C::InsufficientFunds => 402,
        C::WalletFrozen
        | C::WalletClosed
        | C::PayeeUnavailable
        | C::PartySuspended
        | C::LimitPerPayment
        | C::LimitPerDay
        | C::LimitPerMonth
        | C::LimitPerWeek
        | C::LimitPerQuarter
        | C::LimitPerYear
        | C::LimitRolling
        | C::LimitPerNight
        | C::LimitTotal
        | C::LimitBalance
        | C::NotAllowed
        | C::TooSoon
        | C::NoticeMissing
        | C::VerificationNeeded
        | C::RedemptionForbidden
        | C::RedemptionNotYet
        | C::LawDeclined
        | C::OutsideCountries
        | C::OutsideChannels
        | C::OutsideTiers
        | C::OutsidePayers
        | C::OutsideVolume
        | C::NoReferenceRate
        | C::MandateRevoked
        | C::MandateExpired
        | C::MandatePerPayment
        | C::MandatePerDay
        | C::MandatePayee
        | C::MandateAsset
        | C::MandateRequired
        | C::MandateAgent
        | C::Declined
        | C::RiskDeclined
        | C::SourceNotAllowed
        | C::SourceNotSettled
        | C::DebtOutstanding
        | C::PriceAboveLimit
        | C::SameKey => 403,
        C::IdExpired
        | C::IdInFuture
        | C::NotThatPayment
        | C::AlreadyExists
        | C::NotEmpty
        | C::PartyClosed
        | C::LimitsAssetFixed
        | C::CaptureExceedsHold
        | C::RefundExceedsPayment
        | C::HoldExpired
        | C::ReversalExceedsTopUp
        | C::StepUpExpired
        | C::StepUpInGroup
        | C::StepUpNeeded
        | C::GroupItemRefused
        | C::WrongState
        | C::BelowFloor
        | C::CorrectionExpired
        | C::LawConflict
        | C::PriceArchived
        | C::PriceZero
        | C::PlanArchived
        | C::TrialUsed
        | C::CreditInUse => 409,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_code_stands_once_and_a_denial_has_the_status_of_an_answer() {
        let mut seen = BTreeSet::new();
        for known in all() {
            assert!(seen.insert(known.code), "{} twice", known.code);
            if is_denial(known.code) {
                assert!(matches!(known.status, 402 | 403 | 409), "{}", known.code);
            }
        }
    }
}
