//! What passes between client and upstream, header by header.
//!
//! - What belongs to one connection stops here (RFC 9110, 7.6.1), also what `Connection` names.
//! - `Forwarded` and `X-Forwarded-*` are the gate's own words; a client's are dropped, not added to.
//! - A payment is for the gate and is not passed on; headers that would make a request another one
//!   (method overrides, path overrides) are dropped.
//! - A paid answer is never for a shared cache, whatever the upstream says.

use crate::crawl;
use hyper::HeaderMap;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, EXPIRES, HOST, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use std::net::IpAddr;

/// Only for the next hop.
const HOP: [HeaderName; 7] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
const HOP_BY_CUSTOM: [&str; 2] = ["keep-alive", "proxy-connection"];

/// Never passed on to the upstream.
const REQUEST_ONLY_HERE: [&str; 17] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-real-ip",
    "payment-signature",
    "payment-authorization",
    "accept-payment",
    "x-payment",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
    "expect",
];

/// Only the gate may say these.
const RESPONSE_ONLY_HERE: [&str; 7] = [
    crawl::PRICE,
    crawl::CHARGED,
    crawl::ERROR,
    "payment-required",
    "payment-response",
    "payment-receipt",
    "x-payment-response",
];

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // A client must not be able to have these taken out on the way.
        .filter(|name| *name != HOST && *name != AUTHORIZATION)
        .collect();
    for name in named.iter().chain(&HOP) {
        headers.remove(name);
    }
    for name in HOP_BY_CUSTOM {
        headers.remove(name);
    }
}

/// Whether a request or answer asks to become another protocol.
#[must_use]
pub fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asks = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| asks).cloned()
}

/// Makes a client's headers what the upstream gets.
pub fn request(headers: &mut HeaderMap, client: IpAddr, host: &HeaderValue, scheme: &'static str) {
    let upgrade = upgrade(headers);
    drop_hop_by_hop(headers);
    for name in REQUEST_ONLY_HERE {
        headers.remove(name);
    }
    if authorizes_payment(headers) {
        headers.remove(AUTHORIZATION);
    }
    // Of a price that nobody took, the signature is still money.
    if crawl::pays(headers) {
        for name in [crawl::EXACT, crawl::MAX, crawl::SIGNATURE, crawl::INPUT] {
            headers.remove(name);
        }
    }
    headers.insert(HOST, host.clone());
    let client = client.to_canonical().to_string();
    if let Ok(client) = HeaderValue::from_str(&client) {
        headers.insert("x-forwarded-for", client);
    }
    headers.insert("x-forwarded-host", host.clone());
    headers.insert("x-forwarded-proto", HeaderValue::from_static(scheme));
    if let Some(protocol) = upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, protocol);
    }
}

fn authorizes_payment(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.any(|value| is_payment(value.as_bytes()))
}

/// Whether a payment comes with a request.
#[must_use]
pub fn pays(headers: &HeaderMap) -> bool {
    headers.contains_key("payment-signature") || authorizes_payment(headers) || crawl::pays(headers)
}

/// Whether an `Authorization` value is of the `Payment` scheme.
#[must_use]
pub fn is_payment(value: &[u8]) -> bool {
    let scheme = value.split(|byte| *byte == b' ').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"payment"))
}

/// Makes an upstream's headers what the client gets.
pub fn response(headers: &mut HeaderMap) {
    drop_hop_by_hop(headers);
    for name in RESPONSE_ONLY_HERE {
        headers.remove(name);
    }
}

/// Keeps a paid answer out of every cache but the payer's eyes.
pub fn paid(headers: &mut HeaderMap) {
    headers.remove(EXPIRES);
    for name in ["cdn-cache-control", "surrogate-control", "pragma", "age"] {
        headers.remove(name);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn passed(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = map(pairs);
        let host = HeaderValue::from_static("site.example");
        request(&mut headers, Ipv4Addr::LOCALHOST.into(), &host, "http");
        headers
    }

    #[test]
    fn what_is_for_one_hop_or_for_the_gate_is_not_passed_on() {
        for pair in [
            ("keep-alive", "1"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("proxy-authorization", "x"),
            ("upgrade", "websocket"),
            ("payment-signature", "x"),
            ("authorization", "Payment abc"),
            ("authorization", "payment abc"),
            ("authorization", "Payment"),
            ("x-http-method-override", "GET"),
            ("x-original-url", "/articles/a"),
            ("forwarded", "for=1.2.3.4"),
            ("x-real-ip", "1.2.3.4"),
        ] {
            assert!(!passed(&[pair]).contains_key(pair.0), "{pair:?}");
        }
        let named = passed(&[("connection", "close, X-Secret"), ("x-secret", "1")]);
        assert!(!named.contains_key("x-secret"));
        for price in ["crawler-max-price", "crawler-exact-price"] {
            let signed = [
                (price, "USD 1"),
                ("signature", "x"),
                ("signature-input", "x"),
            ];
            for (name, _) in signed {
                assert!(!passed(&signed).contains_key(name), "{name}");
            }
        }
        assert!(passed(&[("signature", "x")]).contains_key("signature"));
        let kept = passed(&[
            ("connection", "authorization, host"),
            ("authorization", "Bearer x"),
        ]);
        assert_eq!(kept["authorization"], "Bearer x");
        assert_eq!(kept["host"], "site.example");
    }

    #[test]
    fn the_gate_says_who_the_client_is() {
        let headers = passed(&[
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
        assert_eq!(headers["x-forwarded-proto"], "http");
        assert_eq!(headers["x-forwarded-host"], "site.example");
    }

    #[test]
    fn an_upgrade_passes_through() {
        let headers = passed(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ]);
        assert_eq!(headers["connection"], "upgrade");
        assert_eq!(headers["upgrade"], "websocket");
    }

    #[test]
    fn a_paid_answer_is_for_no_cache() {
        let mut headers = map(&[
            ("cache-control", "public, max-age=600"),
            ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
            ("cdn-cache-control", "max-age=600"),
            ("payment-response", "forged"),
        ]);
        response(&mut headers);
        paid(&mut headers);
        assert_eq!(headers["cache-control"], "private, no-store");
        assert_eq!(headers.len(), 1);
    }
}
