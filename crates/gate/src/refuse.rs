//! The answers to requests that are not paid, or not well enough.

use crate::answer::{self, Body, payment_problem, problem, problem_with};
use crate::crawl;
use crate::gate::{Gate, unavailable};
use crate::meter::Short;
use crate::offer::Offer;
use crate::sessions::NotServed;
use crate::teller::NotPaid;
use crate::x402::{self, Wrong};
use engine::Code;
use engine::code::Audience;
use hyper::{HeaderMap, Response, StatusCode};

/// By which protocol a payment came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    X402,
    Mpp,
    Crawl,
}

/// No payment came.
pub fn required(gate: &Gate, offer: &Offer, headers: &HeaderMap) -> Response<Body> {
    let words = format!("This costs {}.", offer.price());
    let response = payment_problem(
        StatusCode::PAYMENT_REQUIRED,
        "payment-required",
        "payment_required",
        &words,
    );
    gate.ask_for_payment(
        offer,
        headers,
        "PAYMENT-SIGNATURE header is required",
        None,
        response,
    )
}

/// An x402 payment that is no good before anybody asked the ledger.
pub fn unreadable(gate: &Gate, offer: &Offer, headers: &HeaderMap, wrong: Wrong) -> Response<Body> {
    let (status, kind, reason, words) = match wrong {
        Wrong::Malformed(why) => (
            StatusCode::BAD_REQUEST,
            "malformed-credential",
            "invalid_payload",
            why,
        ),
        Wrong::Refused(reason) => (
            StatusCode::PAYMENT_REQUIRED,
            "verification-failed",
            reason,
            "The payment does not pay for this request. Sign what this answer asks for.",
        ),
    };
    let mut response = payment_problem(status, kind, reason, words);
    let failed = x402::failed(offer, reason, None);
    answer::put(response.headers_mut(), x402::RESPONSE, &failed);
    if status == StatusCode::BAD_REQUEST {
        return response;
    }
    let headers = no_page(headers);
    gate.ask_for_payment(offer, &headers, reason, None, response)
}

/// The ledger did not take it. Fraud and money-laundering rules are told in one neutral word.
pub fn denied(
    gate: &Gate,
    offer: &Offer,
    headers: &HeaderMap,
    way: Way,
    why: NotPaid,
) -> Response<Body> {
    if way == Way::Crawl {
        return uncrawled(
            gate,
            offer,
            headers,
            match why {
                NotPaid::Unavailable => return unavailable(),
                NotPaid::UnknownKey => crawl::Wrong::CrawlerForbidden,
                NotPaid::Replayed => crawl::Wrong::InvalidSignature,
                NotPaid::StepUp | NotPaid::Denied(_) => crawl::Wrong::PaymentFailed,
            },
        );
    }
    let payment_required = StatusCode::PAYMENT_REQUIRED;
    let reason = why.reason();
    let (status, kind, words) = match why {
        NotPaid::Unavailable => return unavailable(),
        NotPaid::UnknownKey => (
            payment_required,
            "verification-failed",
            "The key belongs to no wallet here. Register it, or ask the operator to.",
        ),
        NotPaid::Replayed => (
            payment_required,
            "invalid-challenge",
            "This payment was used before. Sign a new one.",
        ),
        NotPaid::StepUp => (
            StatusCode::FORBIDDEN,
            "verification-failed",
            "The payer must confirm this payment, which a gate cannot ask for. \
             Confirm it with the operator.",
        ),
        NotPaid::Denied(code) => {
            let shown = code.shown_to(Audience::Payer);
            let status = match (shown, way) {
                (Code::InsufficientFunds, _) | (_, Way::X402) => payment_required,
                // The proof is good and the law or the operator says no: paying again is no help.
                (_, Way::Mpp | Way::Crawl) => StatusCode::FORBIDDEN,
            };
            (status, "verification-failed", shown.help())
        }
    };
    let mut response = payment_problem(status, kind, reason, words);
    if way == Way::X402 {
        let failed = x402::failed(offer, reason, None);
        answer::put(response.headers_mut(), x402::RESPONSE, &failed);
    }
    if status == StatusCode::FORBIDDEN {
        return response;
    }
    gate.ask_for_payment(offer, &no_page(headers), reason, None, response)
}

/// A crawler does not pay, or not well enough.
pub fn uncrawled(
    gate: &Gate,
    offer: &Offer,
    headers: &HeaderMap,
    wrong: crawl::Wrong,
) -> Response<Body> {
    let (error, status, words) = wrong.told();
    let mut response = problem(status, "crawl_not_paid", words);
    answer::put(response.headers_mut(), crawl::ERROR, error);
    if status == StatusCode::PAYMENT_REQUIRED {
        return gate.ask_for_payment(offer, &no_page(headers), error, None, response);
    }
    response
}

/// A session does not serve the request.
pub fn not_served(
    gate: &Gate,
    offer: &Offer,
    headers: &HeaderMap,
    way: Way,
    why: NotServed,
) -> Response<Body> {
    let payment_required = StatusCode::PAYMENT_REQUIRED;
    let (status, kind, code, words, snapshot) = match why {
        NotServed::NotPaid(why) => return denied(gate, offer, headers, way, why),
        NotServed::Elsewhere(address) => {
            let words = "Another gate keeps this session. Send the request to its address.";
            let (conflict, told) = (StatusCode::CONFLICT, ("session_elsewhere", words));
            return problem_with(conflict, "about:blank", told, Some(("gate", &*address)));
        }
        NotServed::Busy(words) => return problem(StatusCode::CONFLICT, "session_busy", words),
        NotServed::OpeningExpired => (
            payment_required,
            "payment-expired",
            "session_opening_expired",
            "The opening is signed for a time that is past or too long. Sign a new one.",
            None,
        ),
        NotServed::OpeningInFuture => (
            payment_required,
            "verification-failed",
            "session_opening_in_future",
            "The opening is signed for a time to come. Set the clock.",
            None,
        ),
        NotServed::NotSigned => (
            payment_required,
            "session/invalid-signature",
            "session_signature_invalid",
            "The signature is not by the session's key, or not for this request. Sign the text for \
             this method, URL and body with the key that opened the session.",
            None,
        ),
        NotServed::Unknown | NotServed::Short(Short::Ended, _) => (
            StatusCode::GONE,
            "session/channel-not-found",
            "session_not_found",
            "There is no such session, or it is over. Open another.",
            None,
        ),
        NotServed::Short(Short::AboveDeposit, snapshot) => (
            payment_required,
            "session/amount-exceeds-deposit",
            "voucher_above_deposit",
            "The voucher is for more than is set aside. Top the session up first.",
            Some(snapshot),
        ),
        NotServed::Short(Short::Lower, snapshot) => (
            payment_required,
            "session/delta-too-small",
            "voucher_lower",
            "A voucher says how much in all, and this says less than one before it. Sign at least \
             `requiredCumulative`.",
            Some(snapshot),
        ),
        NotServed::Short(Short::TooLittle, snapshot) => (
            payment_required,
            "session/insufficient-balance",
            "voucher_too_small",
            "What the voucher adds does not cover the price. Sign at least `requiredCumulative`.",
            Some(snapshot),
        ),
    };
    let (status, reason) = match way {
        Way::Mpp | Way::Crawl => (status, code.to_owned()),
        // Whatever is wrong with a payment is 402 there.
        Way::X402 => (
            payment_required,
            format!("invalid_batch_settlement_farthing_{code}"),
        ),
    };
    let mut response = payment_problem(status, kind, code, words);
    if way == Way::X402 {
        let failed = x402::failed(offer, &reason, snapshot.as_ref());
        answer::put(response.headers_mut(), x402::RESPONSE, &failed);
    }
    let headers = no_page(headers);
    gate.ask_for_payment(offer, &headers, &reason, snapshot.as_ref(), response)
}

/// Whoever pays is a program: it is told what was wrong, not shown a page.
fn no_page(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.remove(hyper::header::ACCEPT);
    headers
}
